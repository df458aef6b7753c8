#!/usr/bin/env bash
# The server as judge: replays the statements of MariaDB's own test suite on a server of its own and compares the tables that its
# audit plugin reports, and the columns that it explains, with what stepgate saw in each statement. Ends with exit code 1 if something was missed.
# Usage: tests/oracle/mariadb.sh [--dialect mysql] [--tests NAME ...] [--opaque] [--show N]    without --tests: the whole main suite
set -euo pipefail
cd "$(dirname "$0")/../.."
compose/packages.sh build test
cmake --preset dev >/dev/null
cmake --build --preset dev --target stepgate >/dev/null
exec /usr/bin/python3 -B tests/oracle/mariadb.py --stepgate build/dev/bin/stepgate --cache build/oracle "$@"
