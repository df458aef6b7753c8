#!/usr/bin/env bash
# What stepgate costs beside its peers, in one run on one machine: pgbench -S directly, through pgbouncer (session mode),
# haproxy (TCP) and stepgate (policy and audit on), interleaved; then hold latency and memory of idle sessions.
# Usage: tests/bench/run.sh [--seconds 5] [--rounds 3] [--clients 1,8,64] [--modes simple,extended,prepared] [--threads 1] [--only relay|hold|idle]
set -euo pipefail
cd "$(dirname "$0")/../.."
compose/packages.sh build demo bench
cmake --preset release >/dev/null
cmake --build --preset release --target stepgate
export STEPGATE_BINARY=$PWD/build/release/bin/stepgate PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/bench/bench.py "$@"
