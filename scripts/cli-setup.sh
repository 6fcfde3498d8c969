#!/usr/bin/env bash
# Installs into .tools/cli what the commands and statements in the generated
# backend's documents are checked with: the AWS command line, sqlglot, which
# parses Athena's SQL, and shellcheck, at the versions and checksums of
# scripts/cli.txt. Needs python3, 3.10 or later, with venv.
#
#   scripts/cli-setup.sh
#
# Does nothing if .tools/ is up to date. Exit codes: 0 installed; 77 not
# installed, and it says why (a missing tool or no network is no fault of
# yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=/dev/null
. scripts/install.bash

to=.tools/cli

# The requirements as installed, copied last, are the mark of a complete install.
if cmp -s scripts/cli.txt "$to/installed"; then
	exit 0
fi
python=$(find_python 10 99) ||
	unavailable "no python3, 3.10 or later, with venv (Debian: apt-get install python3-venv; macOS: brew install python)"
rm -rf "$to"
echo "cli-setup: installing the AWS command line, sqlglot and shellcheck into $to"
install_venv "$python" "$to" scripts/cli.txt --only-binary :all:
cp scripts/cli.txt "$to/installed"
