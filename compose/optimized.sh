#!/usr/bin/env bash
# Builds build/optimized/bin/stepgate: g++ lays the program out for the traffic that it served in a first, counting build.
# Needs root or sudo for the packages, and some ten minutes of two cores. Usage: compose/optimized.sh [further options for cmake]
set -euo pipefail
cd "$(dirname "$0")/.."
compose/packages.sh build demo bench

step() { echo "optimized.sh: $1"; }
build() {
  cmake --preset optimized "$@" >/dev/null
  cmake --build --preset optimized --target stepgate
}

step "1 of 3: the program that counts"
build "$@" -DSTEPGATE_PROFILE=generate

step "2 of 3: traffic on PostgreSQL and MariaDB, a minute"
rm -rf build/optimized/profile
STEPGATE_BINARY=$PWD/build/optimized/bin/stepgate PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 tests/bench/train.py

step "3 of 3: the program laid out by the counts"
build "$@" -DSTEPGATE_PROFILE=use
step "build/optimized/bin/stepgate"
