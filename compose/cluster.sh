#!/usr/bin/env bash
# A PostgreSQL 15 cluster of our own, on loopback and a free port; never touches one that runs.
# Usage: compose/cluster.sh start DIRECTORY [-c NAME=VALUE ...]   prints the port; superuser "postgres", password "postgres"
#        compose/cluster.sh stop DIRECTORY                        stops it and removes the directory
# As root the server runs as the user postgres, since it refuses to run as root.
set -euo pipefail

free_port=$(cd "$(dirname "$0")" && pwd)/free_port.sh
bin=/usr/lib/postgresql/15/bin
as_server=()
[ "$(id -u)" -ne 0 ] || as_server=(runuser -u postgres --)

start() {
  local directory=$1 port; shift
  mkdir -p "$directory"
  if [ "$(id -u)" -eq 0 ]; then chown postgres "$directory"; fi
  directory=$(cd "$directory" && pwd)
  # The cluster is for demos and tests: it may lose its last transactions in a power cut.
  "${as_server[@]}" bash -c "cd '$directory' && '$bin/initdb' -D data -U postgres -E UTF8 --locale=C.UTF-8 --no-sync \
      --auth-local=peer --auth-host=scram-sha-256 --pwfile=<(echo postgres)" >"$directory/initdb.log" 2>&1 ||
    { cat "$directory/initdb.log" >&2; return 1; }
  port=$("$free_port")
  "${as_server[@]}" tee -a "$directory/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
fsync = off
max_connections = 300
CONF
  "${as_server[@]}" bash -c 'cd "$0" && exec "$1" -D data -w -l server.log -o "$2" start' \
      "$directory" "$bin/pg_ctl" "$*" >"$directory/start.log" 2>&1 || { cat "$directory"/*.log >&2; return 1; }
  echo "$port" | tee "$directory/port" 2>/dev/null
}

stop() {
  local directory=$1
  [ -d "$directory/data" ] || return 0
  "${as_server[@]}" "$bin/pg_ctl" -D "$directory/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$directory"
}

case "${1:-}" in
  start|stop) [ $# -ge 2 ] || { echo "usage: compose/cluster.sh $1 DIRECTORY" >&2; exit 2; }; "$@" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
