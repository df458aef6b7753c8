#!/usr/bin/env bash
# Fetches the source of a Debian package of this release, or of another one, unpacks part of it, and keeps it.
# Usage: tests/oracle/source.sh [--release NAME] PACKAGE DIRECTORY [PATTERN ...]
#   tries the version that is installed first, then every other that the archive lists; prints the unpacked folder
# Exit code 77: it cannot be had here (no network, or the archive does not have it).
set -euo pipefail
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
wanted=$release
if [ "${1:-}" = --release ]; then wanted=${2:?--release needs a name}; shift 2; fi
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
package=$1 directory=$2; shift 2

mkdir -p "$directory" && cd "$directory"
if [ -f "$package.folder" ]; then cat "$package.folder"; exit 0; fi

# Package lists of our own, from the archives that the machine uses for this release: its own sources are not touched.
mkdir -p apt/lists/partial apt/cache/archives/partial apt/parts
for file in /etc/apt/sources.list.d/*.sources; do
  grep -qE "^Suites:(.* )?$release( |\$|-)" "$file" 2>/dev/null || continue
  sed "s/^Types:.*/Types: deb-src/; /^Suites:/s/$release/$wanted/g" "$file" >"apt/parts/$(basename "$file")"
done
sed -nE "s/^deb( .*[/ ])$release((-[a-z]+)? .*)/deb-src\\1$wanted\\2/p" /etc/apt/sources.list >apt/sources.list 2>/dev/null || true
apt=(-o "Dir::Etc::sourcelist=$PWD/apt/sources.list" -o "Dir::Etc::sourceparts=$PWD/apt/parts" -o "Dir::State::lists=$PWD/apt/lists"
     -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=root -o Acquire::Retries=2 -qq)
apt-get "${apt[@]}" update >apt/update.log 2>&1 || { tail -n 3 apt/update.log >&2; exit 77; }

installed=$(dpkg-query -W -f '${source:Version}\n' "$package" 2>/dev/null || true)
listed=$(apt-cache "${apt[@]}" showsrc "$package" 2>/dev/null | sed -n 's/^Version: //p' | sort -rVu)
for version in $installed $listed; do
  apt-get "${apt[@]}" source --download-only --tar-only "$package=$version" >apt/source.log 2>&1 || continue
  archive=$(ls -t "${package}"_*.orig.tar.* | sed -n 1p)
  folder=$(tar tf "$archive" | sed -n "1s,/.*,,p")
  if [ $# -gt 0 ]; then tar xf "$archive" --wildcards "${@/#/$folder/}"; else tar xf "$archive"; fi
  echo "$PWD/$folder" | tee "$package.folder"
  exit 0
done
echo "source.sh: no version of $package can be fetched" >&2
tail -n 3 apt/source.log >&2 || true
exit 77
