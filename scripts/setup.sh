#!/usr/bin/env bash
# Installs into .tools/ what the end-to-end test needs beyond Go: the Kinesis
# emulator kinesis-local, at the version and checksum of
# scripts/kinesis-local/package-lock.json. Needs node 18 or later, and npm.
#
#   scripts/setup.sh
#
# Does nothing if .tools/ is up to date. Exit codes: 0 installed; 77 not
# installed, and it says why (a missing tool or no network is no fault of
# yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

from=scripts/kinesis-local
to=.tools/kinesis-local

# shellcheck source=/dev/null
. scripts/install.bash

need_node "the end-to-end test"

# The lock file as installed, copied last, is the mark of a complete install.
if [ -f "$to/installed" ] && cmp -s "$from/package-lock.json" "$to/installed"; then
	exit 0
fi
rm -rf "$to"
mkdir -p "$to"
cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$to/"
echo "setup: installing kinesis-local into $to"
if ! (cd "$to" && npm ci --loglevel=error); then
	unavailable "npm could not install kinesis-local (see above); without network, run this once where there is one"
fi
cp "$from/package-lock.json" "$to/installed"
