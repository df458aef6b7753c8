#!/usr/bin/env bash
# Transparency: PostgreSQL's regression suite with pg_regress, directly and through stepgate in observe mode, compared test
# by test. Ends with exit code 1 if a test's output differs that does not differ between two direct runs.
# Usage: tests/oracle/transparency.sh [--tests NAME ...]    without --tests: the whole suite, some 6 minutes
set -euo pipefail
cd "$(dirname "$0")/../.."
compose/packages.sh build demo test
cmake --preset dev >/dev/null
cmake --build --preset dev --target stepgate >/dev/null
exec /usr/bin/python3 -B tests/oracle/transparency.py --stepgate build/dev/bin/stepgate --cache build/oracle "$@"
