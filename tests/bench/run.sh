#!/usr/bin/env bash
# What stepgate costs beside its peers, in one run on one machine: pgbench -S directly, through pgbouncer (session mode),
# haproxy (TCP) and stepgate (policy and audit on), interleaved; hold latency; memory of idle sessions; CPU of held
# statements; facts and audit records alone; sysbench's point-select and read-write on MySQL, where MySQL Router joins if it can be had.
# Of build/optimized, which is made first in some ten minutes, or of STEPGATE_BINARY=... if that is set.
# Usage: tests/bench/run.sh [--seconds 5] [--rounds 3] [--clients 1,8,64] [--modes simple,extended,prepared] [--threads N] [--apart]
#        [--only relay|hold|idle|held|proofs|facts|mysql] [--sessions 10000] [--held 1000]
set -euo pipefail
cd "$(dirname "$0")/../.."
compose/packages.sh build demo bench
cmake --preset release -DSTEPGATE_BENCH=ON >/dev/null
cmake --build --preset release --target scripted_server facts_bench audit_bench
[ -n "${STEPGATE_BINARY:-}" ] || compose/optimized.sh
export STEPGATE_BINARY=${STEPGATE_BINARY:-$PWD/build/optimized/bin/stepgate} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 tests/bench/bench.py "$@"
