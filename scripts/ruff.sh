#!/usr/bin/env bash
# Checks the Python files with ruff, at the version and checksums of ruff.txt,
# which it installs into .tools/ruff the first time. Needs python3 with venv.
#
#   scripts/ruff.sh
#
# Exit codes: 0 no findings; 1 findings; 77 not checked, and it says why (a
# missing tool or no network is no fault of yours); with CI set, that is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

unavailable() {
	echo "ruff: the Python files were NOT CHECKED: $1" >&2
	if [ -n "${CI:-}" ]; then
		exit 1
	fi
	exit 77
}

if ! command -v python3 >/dev/null 2>&1; then
	unavailable "python3 not found (Debian: apt-get install python3-venv; macOS: brew install python)"
fi
to=.tools/ruff

# The requirements as installed, copied last, are the mark of a complete install.
if ! cmp -s scripts/ruff.txt "$to/installed"; then
	rm -rf "$to"
	echo "ruff: installing it into $to"
	python3 -m venv "$to" || unavailable "python3 cannot make a venv (Debian: apt-get install python3-venv)"
	"$to/bin/pip" install -q --disable-pip-version-check --only-binary :all: --require-hashes -r scripts/ruff.txt ||
		unavailable "pip could not install ruff (see above); without network, run this once where there is one"
	cp scripts/ruff.txt "$to/installed"
fi
for check in "check -q" "format -q --diff"; do
	echo "+ ruff $check backend/python e2e"
	# shellcheck disable=SC2086
	"$to/bin/ruff" $check --no-cache --config backend/python/ruff.toml backend/python e2e || failed=1
done
# What is bundled of them is held to the same rules.
echo "+ go test -run TestScripts ./backend/python"
RUFF="$PWD/$to/bin/ruff" go test -count=1 -run TestScripts ./backend/python || failed=1
exit "${failed:-0}"
