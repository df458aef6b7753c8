#!/usr/bin/env bash
# An Oracle MySQL of our own, on loopback and a free port. Debian 12 has none: server and client come from Debian sid, in a
# folder of their own that is made once (some 850 MB) and kept in ~/.cache/stepgate/mysql or STEPGATE_MYSQL_ROOT.
# Usage: tests/support/mysql_server.sh root                            makes the folder if there is none, and prints it
#        tests/support/mysql_server.sh start DIRECTORY [--OPTION ...]  prints the port; root@localhost, no password
#        tests/support/mysql_server.sh stop DIRECTORY                  stops it and removes the directory
#        tests/support/mysql_server.sh run PROGRAM [ARGUMENT ...]      mysql, mysqladmin, .. of the same version
#        tests/support/mysql_server.sh router                          adds MySQL Router, and prints the folder of its plugins
# Exit code 77: it cannot be had here (no network, no debootstrap, or not root when the folder is to be made).
set -euo pipefail

free_port=$(cd "$(dirname "$0")" && pwd)/../../compose/free_port.sh
root=${STEPGATE_MYSQL_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/stepgate/mysql}

# debootstrap mounts /proc within while it works: what is broken off must leave neither that mount nor delete through it.
drop_root() {
  umount "$root/proc" "$root/sys" 2>/dev/null || true
  rm -rf --one-file-system "$root"
}

make_root() {
  [ ! -f "$root/made" ] || return 0
  [ "$(id -u)" -eq 0 ] || { echo "mysql_server.sh: making $root needs root" >&2; return 77; }
  command -v debootstrap >/dev/null || { echo "mysql_server.sh: debootstrap is not installed" >&2; return 77; }
  mkdir -p "$root"
  exec 9>"$root.lock"; flock 9
  [ ! -f "$root/made" ] || return 0
  trap 'drop_root; exit 130' INT TERM HUP
  debootstrap --variant=minbase --include=mysql-server-core,mysql-client-core sid "$root" >"$root.log" 2>&1 ||
    { tail -n 3 "$root.log" >&2; drop_root; return 77; }
  rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/{doc,man,locale}
  touch "$root/made"
  trap - INT TERM HUP
}

# For the benchmark alone. `run mysqlrouter` starts it.
make_router() {
  make_root || return $?
  if [ ! -x "$root/usr/bin/mysqlrouter" ]; then
    [ "$(id -u)" -eq 0 ] || { echo "mysql_server.sh: adding MySQL Router to $root needs root" >&2; return 77; }
    exec 9>"$root.lock"; flock 9
    # As debootstrap does, signatures are checked and the age of the archive's index is not: mirrors may lag behind.
    { chroot "$root" apt-get -qq -o Acquire::Check-Valid-Until=false update && DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -qq -y --no-install-recommends install mysql-router; } \
        >"$root.log" 2>&1 || { tail -n 3 "$root.log" >&2; return 77; }
    rm -rf "$root"/var/cache/apt "$root"/var/lib/apt/lists "$root"/usr/share/{doc,man,locale}
  fi
  dirname "$(find "$root/usr/lib" -name 'routing.so' | head -n 1)"
}

# Its programs run on this system with the libraries that they were built for: no chroot, so data can lie anywhere.
run() {
  local program=$root/usr/bin/$1; shift
  [ -x "$program" ] || program=$root/usr/sbin/${program##*/}
  exec "$root/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/mysql-router" "$program" "$@"
}

answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start() {
  local directory=$1 port; shift
  mkdir -p "$directory/data"
  directory=$(cd "$directory" && pwd)
  local options=(--no-defaults --user="$(id -un)" --basedir="$root/usr" --datadir="$directory/data" --tmpdir="$directory"
                 --lc-messages-dir="$root/usr/share/mysql" --plugin-dir="$root/usr/lib/mysql/plugin")
  (run mysqld "${options[@]}" --initialize-insecure) >"$directory/initialize.log" 2>&1 ||
    { tail -n 5 "$directory/initialize.log" >&2; return 1; }
  port=$("$free_port")
  # The server is for tests: it may lose its last transactions in a power cut.
  (run mysqld "${options[@]}" --port="$port" --bind-address=127.0.0.1 --socket="$directory/socket" --mysqlx=OFF \
      --pid-file="$directory/pid" --secure-file-priv= --skip-log-bin --innodb-flush-log-at-trx-commit=0 "$@") \
      >"$directory/server.log" 2>&1 </dev/null &
  local child=$!
  for _ in $(seq 300); do
    # It listens on the port before the socket is there.
    if [ -S "$directory/socket" ] && answers "$port"; then echo "$port" | tee "$directory/port"; return 0; fi
    kill -0 "$child" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 5 "$directory/server.log" >&2; return 1
}

stop() {
  local directory=$1 pid
  [ -d "$directory/data" ] || return 0
  if pid=$(cat "$directory/pid" 2>/dev/null) && kill "$pid" 2>/dev/null; then
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -rf "$directory"
}

case "${1:-}" in
  root) make_root && echo "$root" ;;
  start) [ $# -ge 2 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0"; exit 2; }; make_root && "$@" ;;
  stop) [ $# -ge 2 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0"; exit 2; }; "$@" ;;
  router) make_router ;;
  run) [ $# -ge 2 ] || { sed -n '4,8s/^# \{0,1\}//p' "$0"; exit 2; }; make_root && "$@" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
