#!/usr/bin/env bash
# MariaDB's own test suite, the program that runs it, and the audit plugin, unpacked from Debian's packages and kept.
# Usage: tests/oracle/mariadb_source.sh DIRECTORY     prints the folder: test files in usr/share/mysql, mariadb-test in usr/bin, the plugin in usr/lib/mysql
# Exit code 77: they cannot be had here.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1" && cd "$1"
if [ -f mariadb.folder ] && [ -x "$(cat mariadb.folder)/usr/bin/mariadb-test" ] && compgen -G "$(cat mariadb.folder)/usr/share/mysql/mysql-test/suite/jp/std_data/*.dat" >/dev/null; then cat mariadb.folder; exit 0; fi
version=$(dpkg-query -W -f '${Version}' mariadb-server-core 2>/dev/null) || { echo "mariadb_source.sh: there is no MariaDB here" >&2; exit 77; }
work=$(mktemp -d "$PWD/mariadb.XXXXXX")
for package in mariadb-test-data mariadb-test mariadb-server; do # the plugin must be of the server's version
  (cd "$work" && apt-get -o APT::Sandbox::User=root -qq download "$package=$version" >/dev/null 2>download.log) ||
    { cat "$work/download.log" >&2; rm -rf "$work"; exit 77; }
done
for package in "$work"/*.deb; do
  dpkg-deb --fsys-tarfile "$package" |
    tar x -C "$work" --wildcards './usr/share/mysql/mysql-test/main/*.test' './usr/share/mysql/mysql-test/suite/*.test' './usr/share/mysql/mysql-test/suite/*.dat' './usr/share/mysql/mysql-test/*.inc' './usr/share/mysql/mysql-test/*.require' \
        './usr/share/mysql/mysql-test/std_data/*' './usr/bin/mariadb-test' \
        './usr/lib/mysql/plugin/server_audit.so' 2>/dev/null || true # each package has some of it
done
rm -f "$work"/*.deb
[ -f "$work/usr/lib/mysql/plugin/server_audit.so" ] && [ -f "$work/usr/share/mysql/mysql-test/main/select.test" ] || exit 77
chmod -R a+rX "$work"
echo "$work" | tee mariadb.folder
