#!/usr/bin/env bash
# Installs the browser driver's npm packages into build/browser (or the directory given), outside the sources; does
# nothing when that is up to date. Prints the directory to give to node as STEPGATE_BROWSER_MODULES.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-$here/../../build/browser}
mkdir -p "$target"
target=$(cd "$target" && pwd)
if ! cmp -s "$here/package-lock.json" "$target/installed.lock"; then
  cp "$here/package.json" "$here/package-lock.json" "$target/"
  (cd "$target" && npm ci --no-audit --no-fund --loglevel=error >&2)
  cp "$here/package-lock.json" "$target/installed.lock"
fi
echo "$target"
