#!/usr/bin/env bash
# Builds stepgate and runs it in front of a PostgreSQL of its own with a small shop, until Ctrl-C.
# Usage: compose/demo.sh            prints how to connect, where to approve, and how to stop
#        compose/demo.sh --smoke    does the round unattended, with real psql and headless Chromium, and prints it
# Everything it makes besides the build is in one temporary folder that goes away at the end. Needs root or sudo only to
# install Debian packages.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

smoke=no
case "${1:-}" in
  '') ;;
  --smoke) smoke=yes ;;
  -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option '$1'; see compose/demo.sh --help" >&2; exit 2 ;;
esac

say() { printf '\n== %s\n' "$*"; }

say "packages"
compose/packages.sh build demo
[ "$smoke" = no ] || compose/packages.sh smoke

say "build (the first time takes some minutes)"
cmake --preset release >/dev/null
cmake --build --preset release --target stepgate
stepgate=$root/build/release/bin/stepgate

demo=$(mktemp -d "${TMPDIR:-/tmp}/stepgate-demo.XXXXXX")
chmod 711 "$demo"   # the server may run as another user
server_pid=
finish() {
  trap - EXIT INT TERM
  if [ -n "$server_pid" ]; then
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  "$root/compose/cluster.sh" stop "$demo/cluster" || true
  rm -rf "$demo"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

free_port() {
  local port
  for port in "$@" $(shuf -i 30000-39999 -n 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

say "PostgreSQL of its own, with the shop"
port=$(compose/cluster.sh start "$demo/cluster")
account=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')
as_superuser() { PGPASSWORD=postgres psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U postgres "$@"; }
as_superuser -d postgres -c "CREATE ROLE app LOGIN PASSWORD '$account'" -c "CREATE DATABASE shop OWNER app"
PGPASSWORD=$account psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U app -d shop -f compose/shop.sql
echo "listening on 127.0.0.1:$port"

say "stepgate"
listen=$(free_port 6432) web=$(free_port 8443)
PGPASSWORD=$account "$stepgate" init --upstream "postgresql://app@127.0.0.1:$port/shop" --directory "$demo/stepgate" \
  --listen "127.0.0.1:$listen" --web "127.0.0.1:$web" --user demo >"$demo/init.txt"
password=$(sed -n 's/^first user: demo *password: \([^ ]*\).*/\1/p' "$demo/init.txt")
config=$demo/stepgate/stepgate.toml
cp compose/shop.toml "$demo/stepgate/site.toml"
"$stepgate" check --config "$config"
"$stepgate" serve --config "$config" >"$demo/serve.txt" 2>"$demo/serve.log" &
server_pid=$!
for _ in $(seq 100); do
  grep -q '^ready' "$demo/serve.txt" && break
  kill -0 "$server_pid" 2>/dev/null || { cat "$demo/serve.log" >&2; exit 1; }
  sleep 0.1
done
grep -q '^ready' "$demo/serve.txt" || { echo "demo.sh: stepgate did not get ready in 10 s" >&2; cat "$demo/serve.log" >&2; exit 1; }
link=$("$stepgate" enroll --config "$config" demo)

if [ "$smoke" = yes ]; then
  say "smoke"
  export STEPGATE=$stepgate STEPGATE_CONFIG=$config STEPGATE_URL="https://localhost:$web" STEPGATE_LINK=$link
  export PGHOST=127.0.0.1 PGPORT=$listen PGUSER=demo PGPASSWORD=$password PGDATABASE=shop
  tests/browser/smoke.sh
  exit
fi

cat <<TEXT

  psql      PGPASSWORD=$password psql "host=127.0.0.1 port=$listen user=demo dbname=shop"
  web       https://localhost:$web        (its certificate is self-signed: the browser will ask once)
  enrol     $link        (once, for one hour: add a passkey or an authenticator app)
  try       DELETE FROM orders;      SELECT ssn FROM customers;      SELECT name FROM customer_contacts;
  audit     $stepgate audit tail -f --config $config
  stop      Ctrl-C; everything of the demo but the build goes away
TEXT
wait "$server_pid"
