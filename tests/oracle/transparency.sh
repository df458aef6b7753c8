#!/usr/bin/env bash
# Transparency: a server's own regression suite, directly and through stepgate in observe mode, compared test by test: PostgreSQL's with
# pg_regress, MariaDB's with mysqltest, or the suites of drivers. Ends with exit code 1 if a test differs that does not differ between two direct runs.
# Usage: tests/oracle/transparency.sh [--dialect mariadb | --drivers] [--tests NAME ...]    without --tests: the whole suite (PostgreSQL's: some 6 minutes)
set -euo pipefail
cd "$(dirname "$0")/../.."
program=transparency.py
case "${1:-} ${2:-}" in
  "--dialect mariadb") program=transparency_mariadb.py; shift 2 ;;
  "--dialect postgres") shift 2 ;;
  "--drivers "*) program=transparency_drivers.py; shift ;;
esac
compose/packages.sh build demo test
cmake --preset dev >/dev/null
cmake --build --preset dev --target stepgate >/dev/null
exec /usr/bin/python3 -B "tests/oracle/$program" --stepgate build/dev/bin/stepgate --cache build/oracle "$@"
