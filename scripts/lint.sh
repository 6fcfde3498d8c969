#!/usr/bin/env bash
# Runs every linter, goes on after a finding so that one run shows all, and
# exits 1 if there was any. The linters' versions are those of tools/go.mod
# and ruff.txt.
#
#   scripts/lint.sh [GOOS/GOARCH[/GOARM]…]   platforms for go vet; default: this one
set -euo pipefail
cd "$(dirname "$0")/.."

failed=
unchecked=
notice() { unchecked="$unchecked, but $1"; }
finding() { failed="$failed $1"; }

echo "+ gofmt -l"
unformatted=$(find . -name '*.go' -not -path './.tools/*' -not -path '*/node_modules/*' -print0 | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	echo "not formatted; run gofmt -w on:" >&2
	echo "$unformatted" >&2
	finding gofmt
fi

scripts/targets.sh "go vet ./..." "${@:-$(go env GOOS)/$(go env GOARCH)}" || finding vet

if scripts/tools.sh; then
	# The three systems have files of their own; architectures hardly do.
	scripts/targets.sh ".tools/bin/staticcheck ./..." linux/amd64 darwin/arm64 windows/amd64 || finding staticcheck
	(cd bench && ../.tools/bin/staticcheck ./...) || finding "staticcheck in bench/"
	(cd e2e && ../.tools/bin/staticcheck ./...) || finding "staticcheck in e2e/"
	status=0
	scripts/vulncheck.sh || status=$?
	case $status in
	0) ;;
	77) notice "known vulnerabilities were NOT CHECKED" ;;
	*) finding vulncheck ;;
	esac
else
	finding tools
fi

status=0
scripts/ruff.sh || status=$?
case $status in
0) ;;
77) notice "the Python files were NOT CHECKED" ;;
*) finding ruff ;;
esac

if [ -n "$failed" ]; then
	echo "lint: findings by:$failed" >&2
	exit 1
fi
echo "lint: no findings$unchecked"
