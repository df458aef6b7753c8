#!/usr/bin/env bash
# The server as judge: replays PostgreSQL's regression suite on a server of its own and compares what the server says each
# statement read and wrote with what stepgate saw in it. Ends with exit code 1 if something was missed.
# Usage: tests/oracle/postgres.sh [--tests NAME ...] [--keep FILE] [--show N]    without --tests: the whole suite, some 20 minutes
set -euo pipefail
cd "$(dirname "$0")/../.."
compose/packages.sh build demo test
cmake --preset dev >/dev/null
cmake --build --preset dev --target oracle_witness >/dev/null
exec /usr/bin/python3 -B tests/oracle/postgres.py --witness build/dev/bin/oracle_witness --cache build/oracle "$@"
