#!/usr/bin/env bash
# A MariaDB server of our own, on loopback and a free port; never touches one that runs.
# Usage: compose/mariadb.sh start DIRECTORY [OPTION ...]   prints the port; account "root", password "root"
#        compose/mariadb.sh stop DIRECTORY                  stops it and removes the directory
# As root the server runs as the user nobody, since it refuses to run as root.
set -euo pipefail

free_port=$(cd "$(dirname "$0")" && pwd)/free_port.sh
owner=()
[ "$(id -u)" -ne 0 ] || owner=(--user=nobody)

start() {
  local directory=$1 port; shift
  mkdir -p "$directory"
  directory=$(cd "$directory" && pwd)
  if [ "$(id -u)" -eq 0 ]; then chown nobody "$directory"; fi
  # Its own folder for temporary tables: a server that starts removes those of others in a shared one.
  mariadb-install-db --no-defaults --datadir="$directory/data" --tmpdir="$directory" --skip-test-db --auth-root-authentication-method=normal \
      "${owner[@]}" >"$directory/install.log" 2>&1 || { cat "$directory/install.log" >&2; return 1; }
  port=$("$free_port")
  # The server is for demos and tests: it may lose its last transactions in a power cut.
  mariadbd --no-defaults --datadir="$directory/data" --socket="$directory/socket" --pid-file="$directory/pid" --tmpdir="$directory" \
      --bind-address=127.0.0.1 --port="$port" --innodb-flush-log-at-trx-commit=0 --skip-name-resolve --max-connections=300 \
      "${owner[@]}" "$@" >"$directory/server.log" 2>&1 &
  local server=$!
  for _ in $(seq 300); do
    if mariadb --no-defaults --socket="$directory/socket" -u root -e "ALTER USER root@localhost IDENTIFIED BY 'root'" 2>/dev/null; then
      disown "$server"
      echo "$port"
      return
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$directory/server.log" >&2; return 1
}

stop() {
  local directory=$1
  if [ -f "$directory/pid" ]; then
    local server; server=$(cat "$directory/pid")
    kill -9 "$server" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.05; done
  fi
  rm -rf "$directory"
}

case "${1:-}" in
  start|stop) [ $# -ge 2 ] || { echo "usage: compose/mariadb.sh $1 DIRECTORY" >&2; exit 2; }; "$@" ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
