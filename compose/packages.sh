#!/usr/bin/env bash
# Installs the Debian 12 packages that a task needs, and only those that are missing.
# Usage: compose/packages.sh build|demo|smoke|test|bench|fuzz ...     (root, or a user who may sudo)
set -euo pipefail

packages_for() {
  case "$1" in
    build)
      echo g++ cmake ninja-build ccache pkg-config git \
           libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev \
           libpg-query-dev postgresql-server-dev-15 libpq-dev libre2-dev libfido2-dev libcbor-dev libsodium-dev libcurl4-openssl-dev libcjose-dev libjansson-dev \
           libtomlplusplus-dev libcli11-dev libsqlitecpp-dev libsqlite3-dev libspdlog-dev libfmt-dev \
           prometheus-cpp-dev libzstd-dev zlib1g-dev libidn-dev libmysqlcppconn7v5
      command -v npm >/dev/null || echo nodejs npm ;;
    demo) echo postgresql-15 postgresql-client-15 mariadb-server-core mariadb-client-core openssl ;;
    smoke) echo chromium fonts-dejavu-core ;;
    test)
      echo libgtest-dev libgmock-dev libbenchmark-dev sqlite3 zstd python3 python3-psycopg python3-psycopg2 \
           python3-asyncpg python3-pymysql python3-mysqldb python3-yaml python3-jsonschema mycli postgresql-15-pgaudit libpostgresql-jdbc-java libmariadb-java \
           default-jdk-headless clang-format-14 libmariadb3 libpcre2-posix3 debootstrap python3-aiosmtpd python3-cryptography \
           golang-go golang-github-jackc-pgx-v4-dev golang-github-jackc-pgmock-dev golang-github-masterminds-semver-dev golang-github-lib-pq-dev \
           golang-github-go-sql-driver-mysql-dev ;;
    bench) echo pgbouncer haproxy sysbench libmariadb3 debootstrap libbenchmark-dev python3 python3-psycopg python3-pymysql python3-yaml python3-jsonschema ;;
    fuzz) echo clang-14 libclang-rt-14-dev libstdc++-12-dev ;;
    *) echo "packages.sh: unknown set '$1': build, demo, smoke, test, bench or fuzz" >&2; exit 2 ;;
  esac
}

[ $# -gt 0 ] || { echo "usage: compose/packages.sh build|demo|smoke|test|bench|fuzz ..." >&2; exit 2; }
missing=()
for set in "$@"; do
  names=$(packages_for "$set")
  for package in $names; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "packages.sh: needs root or sudo to install: ${missing[*]}" >&2; exit 2; }
  as_root=(sudo)
fi

# The postgresql package would make and start a cluster of its own; nobody asked for one.
if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common/createcluster.d
  echo "create_main_cluster = false" |
    "${as_root[@]}" tee /etc/postgresql-common/createcluster.d/no-main-cluster.conf >/dev/null
fi
# Neither should the peers of a benchmark run as services of this machine.
echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
