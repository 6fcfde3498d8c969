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

unavailable() {
	echo "stack-setup: $1" >&2
	if [ -n "${CI:-}" ]; then
		exit 1
	fi
	exit 77
}

# python prints a python3 from 3.10 to 3.13: checkov's limits.
python() {
	local name
	for name in python3 python3.13 python3.12 python3.11 python3.10; do
		if "$name" -c "import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))" >/dev/null 2>&1; then
			echo "$name"
			return
		fi
	done
	return 1
}

# The pins as installed, copied last, are the mark of a complete install.
pins=$(cat scripts/stack.txt scripts/stack/package-lock.json)
if [ "$pins" = "$(cat "$to/installed" 2>/dev/null)" ]; then
	exit 0
fi
for tool in node npm; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		unavailable "$tool not found; it needs Node.js 18 or later with npm (Debian: apt-get install nodejs npm; macOS: brew install node)"
	fi
done
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 18 ]; then
	unavailable "node $(node --version) is too old; it needs 18 or later"
fi
python=$(python) ||
	unavailable "no Python 3.10 to 3.13 with venv (Debian: apt-get install python3-venv; macOS: brew install python@3.12)"

rm -rf "$to"
mkdir -p "$to/node"
echo "stack-setup: installing cfn-lint, checkov, moto, the resource specification and iam-simulate into $to"
"$python" -m venv "$to/python"
"$to/python/bin/python" -m pip install -q --disable-pip-version-check --no-cache-dir --require-hashes -r scripts/stack.txt ||
	unavailable "pip could not install scripts/stack.txt (see above); without network, run this once where there is one"
cp scripts/stack/package.json scripts/stack/package-lock.json scripts/stack/.npmrc "$to/node/"
(cd "$to/node" && npm ci --loglevel=error >/dev/null) ||
	unavailable "npm could not install scripts/stack (see above); without network, run this once where there is one"
printf '%s\n' "$pins" >"$to/installed"
