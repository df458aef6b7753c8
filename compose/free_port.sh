#!/usr/bin/env bash
# Prints a port of 127.0.0.1 that nobody listens on: the first of those given that is free, else a random one.
# Usage: compose/free_port.sh [PORT ...]
set -euo pipefail

for port in "$@" $(shuf -i 20000-29999 -n 200); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; exit; }
done
echo "free_port.sh: no free port found" >&2
exit 1
