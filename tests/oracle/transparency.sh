#!/usr/bin/env bash
# Transparency: a server's own regression suite, directly and through stepgate in observe mode, compared test by test: PostgreSQL's with
# pg_regress, or MariaDB's with mysqltest. Ends with exit code 1 if a test's output differs that does not differ between two direct runs.
# Usage: tests/oracle/transparency.sh [--dialect mariadb] [--tests NAME ...]    without --tests: the whole suite (PostgreSQL's: some 6 minutes)
set -euo pipefail
cd "$(dirname "$0")/../.."
program=transparency.py
case "${1:-} ${2:-}" in
  "--dialect mariadb") program=transparency_mariadb.py; shift 2 ;;
  "--dialect postgres") shift 2 ;;
esac
compose/packages.sh build demo test
cmake --preset dev >/dev/null
cmake --build --preset dev --target stepgate >/dev/null
exec /usr/bin/python3 -B "tests/oracle/$program" --stepgate build/dev/bin/stepgate --cache build/oracle "$@"
