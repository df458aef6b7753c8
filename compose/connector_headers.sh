#!/usr/bin/env bash
# The headers of MySQL Connector/C++: prints the folder that holds mysql_driver.h.
# Usage: compose/connector_headers.sh
# Debian's libmysqlcppconn-dev cannot be installed beside Boost 1.81, so its package is unpacked into the user's cache, once. The
# library itself is the package libmysqlcppconn7v5.
set -euo pipefail
if [ -f /usr/include/mysql_driver.h ]; then echo /usr/include; exit 0; fi
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/stepgate/connector
if [ ! -f "$cache/usr/include/mysql_driver.h" ]; then
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/download.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  download() { (cd "$work" && apt-get -o APT::Sandbox::User=root -qq download libmysqlcppconn-dev >/dev/null 2>download.log); }
  download || { [ "$(id -u)" -eq 0 ] && apt-get update -qq >&2 && download; } ||
    { cat "$work/download.log" >&2; echo "connector_headers.sh: the package lists are old: apt-get update" >&2; exit 1; }
  dpkg-deb -x "$work"/libmysqlcppconn-dev_*.deb "$work/unpacked"
  mkdir -p "$cache/usr"
  mv -T "$work/unpacked/usr/include" "$cache/usr/include" 2>/dev/null || [ -f "$cache/usr/include/mysql_driver.h" ]
fi
echo "$cache/usr/include"
