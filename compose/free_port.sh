#!/usr/bin/env bash
# Prints a port of 127.0.0.1 that nobody listens on: the first of those given that is free, else the next one of a range.
# Programs that ask at the same time, and listen later, each get another one: none is given again before all others were.
# Usage: compose/free_port.sh [PORT ...]
set -euo pipefail

first=20000 count=10000 # not those that the system gives to outgoing connections
free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

for port in "$@"; do
  if free "$port"; then echo "$port"; exit; fi
done

state=${XDG_CACHE_HOME:-$HOME/.cache}/stepgate
mkdir -p "$state"
exec 9<>"$state/next_port"
flock 9
read -r offset <&9 || offset=$((RANDOM % count))
for _ in $(seq 200); do
  offset=$(((offset + 1) % count)) port=$((first + offset))
  if free "$port"; then
    echo "$offset" >"$state/next_port"
    echo "$port"
    exit
  fi
done
echo "free_port.sh: no free port found" >&2
exit 1
