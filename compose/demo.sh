#!/usr/bin/env bash
# Builds stepgate and runs it in front of a PostgreSQL and a MariaDB of its own, each with a small shop, until Ctrl-C.
# Usage: compose/demo.sh            prints how to connect, where to approve, and how to stop
#        compose/demo.sh --smoke    does the round unattended, with the real clients and headless Chromium, and prints it
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
chmod 711 "$demo"   # the servers may run as other users
server_pid=
finish() {
  trap - EXIT INT TERM
  if [ -n "$server_pid" ]; then
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  "$root/compose/cluster.sh" stop "$demo/postgres" || true
  "$root/compose/mariadb.sh" stop "$demo/mariadb" || true
  rm -rf "$demo"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

account=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')   # password of stepgate's account on both servers

say "PostgreSQL of its own, with the shop"
pg_port=$(compose/cluster.sh start "$demo/postgres")
as_superuser() { PGPASSWORD=postgres psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U postgres "$@"; }
as_superuser -d postgres -c "CREATE ROLE app LOGIN PASSWORD '$account'" -c "CREATE DATABASE shop OWNER app"
PGPASSWORD=$account psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U app -d shop -f compose/shop.sql
echo "listening on 127.0.0.1:$pg_port"

say "MariaDB of its own, with the same shop"
my_port=$(compose/mariadb.sh start "$demo/mariadb")
as_root() { MYSQL_PWD=root mariadb --no-defaults --socket="$demo/mariadb/socket" -u root "$@"; }
as_root -e "CREATE DATABASE shop; CREATE USER app@'%' IDENTIFIED BY '$account'; GRANT ALL ON shop.* TO app@'%'"
MYSQL_PWD=$account mariadb --no-defaults -h 127.0.0.1 -P "$my_port" -u app shop <compose/shop.mysql.sql
echo "listening on 127.0.0.1:$my_port"

say "stepgate"
listen=$(compose/free_port.sh 6432) listen_my=$(compose/free_port.sh 6433) web=$(compose/free_port.sh 8443)
PGPASSWORD=$account "$stepgate" init --upstream "postgresql://app@127.0.0.1:$pg_port/shop" --directory "$demo/stepgate" \
  --listen "127.0.0.1:$listen" --web "127.0.0.1:$web" --user demo >"$demo/init.txt"
password=$(sed -n 's/^first user: demo *password: \([^ ]*\).*/\1/p' "$demo/init.txt")
config=$demo/stepgate/stepgate.toml
cp compose/shop.toml "$demo/stepgate/site.toml"
cat >>"$config" <<TOML

[[listener]]
name = "mysql"
protocol = "mysql"
listen = "127.0.0.1:$listen_my"
tls = {cert = "tls/server.crt", key = "tls/server.key", mode = "prefer"}

[listener.upstream]
host = "127.0.0.1"
port = $my_port
tls = {mode = "disable"}
user = "app"
password = {file = "upstream.password"}
TOML
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
  export MYSQL_PWD=$password STEPGATE_MARIADB="mariadb --no-defaults --ssl -h 127.0.0.1 -P $listen_my -u demo shop"
  tests/browser/smoke.sh
  exit
fi

cat <<TEXT

  psql      PGPASSWORD=$password psql "host=127.0.0.1 port=$listen user=demo dbname=shop"
  mariadb   MYSQL_PWD=$password mariadb --ssl -h 127.0.0.1 -P $listen_my -u demo shop
  web       https://localhost:$web        (its certificate is self-signed: the browser will ask once)
  enrol     $link        (once, for one hour: add a passkey or an authenticator app)
  try       DELETE FROM orders;      SELECT ssn FROM customers;      SELECT name FROM customer_contacts;
  audit     $stepgate audit tail -f --config $config
  stop      Ctrl-C; everything of the demo but the build goes away
TEXT
wait "$server_pid"
