#!/usr/bin/env bash
# Fetches the source of a Debian package of this release, unpacks part of it, and keeps it.
# Usage: tests/oracle/source.sh PACKAGE DIRECTORY [PATTERN ...]
#   tries the version that is installed first, then every other that the archive lists; prints the unpacked folder
# Exit code 77: it cannot be had here (no network, or the archive does not have it).
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
package=$1 directory=$2; shift 2

mkdir -p "$directory" && cd "$directory"
if [ -f "$package.folder" ]; then cat "$package.folder"; exit 0; fi

# Package lists of our own: the machine's sources are not touched.
mkdir -p apt/lists/partial apt/cache/archives/partial
key=/usr/share/keyrings/debian-archive-keyring.gpg
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
cat >apt/sources.list <<LIST
deb-src [signed-by=$key] http://deb.debian.org/debian $release main
deb-src [signed-by=$key] http://deb.debian.org/debian $release-updates main
deb-src [signed-by=$key] http://deb.debian.org/debian-security $release-security main
LIST
apt=(-o "Dir::Etc::sourcelist=$PWD/apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$PWD/apt/lists"
     -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root -o Acquire::Retries=2 -qq)
apt-get "${apt[@]}" update >apt/update.log 2>&1 || { tail -n 3 apt/update.log >&2; exit 77; }

installed=$(dpkg-query -W -f '${source:Version}\n' "$package" 2>/dev/null || true)
listed=$(apt-cache "${apt[@]}" showsrc "$package" 2>/dev/null | sed -n 's/^Version: //p' | sort -rVu)
for version in $installed $listed; do
  apt-get "${apt[@]}" source --download-only "$package=$version" >apt/source.log 2>&1 || continue
  archive=$(ls -t "${package}"_*.orig.tar.* | sed -n 1p)
  folder=$(tar tf "$archive" | sed -n "1s,/.*,,p")
  if [ $# -gt 0 ]; then tar xf "$archive" --wildcards "${@/#/$folder/}"; else tar xf "$archive"; fi
  echo "$PWD/$folder" | tee "$package.folder"
  exit 0
done
echo "source.sh: no version of $package can be fetched" >&2
tail -n 3 apt/source.log >&2 || true
exit 77
