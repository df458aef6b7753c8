#!/usr/bin/env bash
# The demo's unattended round: installs the browser driver if needed, then smoke.mjs round. See there for the environment.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
STEPGATE_BROWSER_MODULES=$("$here/setup.sh")
export STEPGATE_BROWSER_MODULES
exec node "$here/smoke.mjs" round
