#!/usr/bin/env bash
# Installs what the tests need, builds with warnings as errors, runs everything, and ends with "N passed, N failed".
# Usage: tests/run.sh [--sanitize] [--fuzz SECONDS] [-R REGEX]
#   --sanitize      after the plain run, unit and integration tests again under AddressSanitizer and UBSan
#   --fuzz SECONDS  after that, every libFuzzer harness for so long
#   -R REGEX        only tests whose name matches (ctest -R)
set -euo pipefail
cd "$(dirname "$0")/.."

sanitize=no fuzz=0 filter=()
while [ $# -gt 0 ]; do
  case "$1" in
    --sanitize) sanitize=yes ;;
    --fuzz) fuzz=${2:?--fuzz needs seconds}; shift ;;
    -R) filter=(-R "${2:?-R needs a regular expression}"); shift ;;
    -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/run.sh: unknown option '$1'; see tests/run.sh --help" >&2; exit 2 ;;
  esac
  shift
done

passed=0 failed=0 failures=()

# build PRESET [ARGUMENT..]: configures and builds.
build() {
  local preset=$1; shift
  echo "== build ($preset)"
  cmake --preset "$preset" >/dev/null
  $polite cmake --build --preset "$preset" "$@"
}
polite=

# The same behind what runs now; await_build shows what came of it.
build_behind() {
  mkdir -p build
  (polite="nice -n 19"; build "$@") >"build/$1.log" 2>&1 &
  behind=$!
}
await_build() {
  wait "$behind" || { tail -n 200 "build/$1.log"; exit 1; }
  echo "== built ($1)"
}

# Runs ctest in a build tree and adds its counts; a test that did not run is a failure.
run_ctest() {
  local tree=$1; shift
  local log=$tree/ctest.log
  echo "== ctest in $tree"
  # One more than there are cores: most tests wait for half of their time.
  ctest --test-dir "$tree" --output-on-failure -j "$(($(nproc) + 1))" "$@" >"$log" 2>&1 || true
  grep -E '^ *[0-9]+/[0-9]+ Test.*\*\*\*' "$log" || true
  local total bad
  read -r bad total < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\1 \2/p' "$log") || true
  if [ -z "${total:-}" ]; then
    echo "ctest ran nothing:"; tail -n 20 "$log"; bad=1 total=1
  elif [ "$bad" -gt 0 ]; then
    failures+=("$log")
  fi
  passed=$((passed + total - bad)) failed=$((failed + bad))
}

# What each failed test of a ctest log printed: the last 150 lines of it.
show_failures() {
  awk -v keep=150 '
    function flush(  i) { for (i = n > keep ? n - keep + 1 : 1; i <= n; ++i) print line[i]; n = 0 }
    /^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / { flush(); shown = /\*\*\*/; if (shown) print "== " $0; next }
    /^ +Start +[0-9]+: |^[0-9]+% tests passed/ { if (n) flush(); if (/^[0-9]/) shown = 0; next }
    shown { line[++n] = $0 }' "$1"
}

# One libFuzzer harness for some seconds; leaves NAME.good where it found nothing.
fuzz_one() {
  local name; name=$(basename "$1"); name=${name#fuzz_}
  local work=build/fuzz/corpus/$name seeds=tests/fuzz/corpus/$name
  mkdir -p "$work"; rm -f "build/fuzz/$name.good"
  "$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/$name-" \
    "$work" $([ -d "$seeds" ] && echo "$seeds") >"build/fuzz/$name.log" 2>&1 && touch "build/fuzz/$name.good"
  return 0
}
export -f fuzz_one

compose/packages.sh build demo smoke test
[ "$fuzz" = 0 ] || compose/packages.sh fuzz
# Oracle's MySQL comes over the network while the build has the cores; the tests that want it wait, and skip if it cannot be had.
mkdir -p build
tests/support/mysql_server.sh root >build/mysql_root.log 2>&1 &

build check
cmake --build --preset check --target headers_compile_alone
# Tests leave the cores idle for half of the time: what the next step needs is built meanwhile, politely.
[ "$sanitize" = no ] || build_behind asan-ubsan
run_ctest build/check "${filter[@]}"

if [ "$sanitize" = yes ]; then
  await_build asan-ubsan
  [ "$fuzz" = 0 ] || build_behind fuzz
  run_ctest build/asan-ubsan -L 'unit|integration' "${filter[@]}"
fi

if [ "$fuzz" != 0 ]; then
  if [ "$sanitize" = yes ]; then await_build fuzz; else build fuzz; fi
  # As many at a time as there are cores: each is one thread.
  printf '%s\n' build/fuzz/bin/fuzz_* | xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$1" "$2"' _ {} "$fuzz"
  for harness in build/fuzz/bin/fuzz_*; do
    name=$(basename "$harness"); name=${name#fuzz_}
    if [ -e "build/fuzz/$name.good" ]; then
      echo "fuzz $name: $(grep -oE 'Done [0-9]+ runs' "build/fuzz/$name.log" || echo done), no finding"
      passed=$((passed + 1))
    else
      echo "fuzz $name: FINDING"; tail -n 40 "build/fuzz/$name.log"
      failed=$((failed + 1))
    fi
  done
fi

for log in "${failures[@]}"; do show_failures "$log"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
