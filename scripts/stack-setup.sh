#!/usr/bin/env bash
# Installs into .tools/stack, 500 MB, what the tests of the generated CloudFormation
# need beyond Go: cfn-lint, checkov and moto at the versions and checksums of
# stack.txt, the published resource specification and a simulator of IAM at those of
# stack/package-lock.json. Needs python3, 3.10 to 3.13, with venv, and node 18 or
# later with npm.
#
#   scripts/stack-setup.sh
#
# Does nothing if .tools/ is up to date. Exit codes: 0 installed; 77 not
# installed, and it says why (a missing tool or no network is no fault of
# yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

to=.tools/stack

# shellcheck source=/dev/null
. scripts/install.bash

# The pins as installed, copied last, are the mark of a complete install.
pins=$(cat scripts/stack.txt scripts/stack/package-lock.json)
if [ "$pins" = "$(cat "$to/installed" 2>/dev/null)" ]; then
	exit 0
fi
need_node "the check of the CloudFormation"
python=$(find_python 10 13) || # checkov's limits
	unavailable "no Python 3.10 to 3.13 with venv (Debian: apt-get install python3-venv; macOS: brew install python@3.12)"

rm -rf "$to"
mkdir -p "$to/node"
echo "stack-setup: installing cfn-lint, checkov, moto, the resource specification and iam-simulate into $to"
install_venv "$python" "$to/python" scripts/stack.txt
cp scripts/stack/package.json scripts/stack/package-lock.json scripts/stack/.npmrc "$to/node/"
(cd "$to/node" && npm ci --loglevel=error >/dev/null) ||
	unavailable "npm could not install scripts/stack (see above); without network, run this once where there is one"
printf '%s\n' "$pins" >"$to/installed"
