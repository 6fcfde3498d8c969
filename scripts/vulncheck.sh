#!/usr/bin/env bash
# Looks the code and its dependencies up in the Go vulnerability database
# (https://vuln.go.dev), by the functions that are really called.
#
# Exits 1 on a vulnerability. Without network the database cannot be read:
# then it says that nothing was checked and exits 77, or 1 if LINT_STRICT=1.
# VULNDB=URL names another database (also file:///…), for a mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/tools.sh
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

echo "+ govulncheck ./..."
status=0
.tools/bin/govulncheck ${VULNDB:+-db "$VULNDB"} ./... 2>"$errors" || status=$?
cat "$errors" >&2
if [ "$status" -eq 0 ]; then
	exit 0
fi
# The one error that is about the network, not about the code. Exit code 3 is a
# finding.
if [ "$status" -ne 3 ] && grep -q '^govulncheck: fetching vulnerabilities:' "$errors"; then
	echo "vulncheck: WARNING: NOT CHECKED for known vulnerabilities: the database cannot be reached" >&2
	if [ "${LINT_STRICT:-}" != 1 ]; then
		exit 77
	fi
fi
exit 1
