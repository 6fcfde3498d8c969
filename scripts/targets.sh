#!/usr/bin/env bash
# Runs a command once per platform, with cgo off, and goes on after a failure
# so that one run shows all of them. Exits 1 if any failed.
#
#   scripts/targets.sh "go build ./..." linux/arm/6 windows/amd64
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -lt 2 ]; then
	echo 'usage: scripts/targets.sh "COMMAND" GOOS/GOARCH[/GOARM]…' >&2
	exit 2
fi
command=$1
shift

failed=
for target in "$@"; do
	IFS=/ read -r os arch arm <<<"$target"
	echo "+ GOOS=$os GOARCH=$arch${arm:+ GOARM=$arm} CGO_ENABLED=0 $command"
	# The command is words, not shell syntax: unquoted on purpose.
	if ! env CGO_ENABLED=0 GOOS="$os" GOARCH="$arch" ${arm:+GOARM="$arm"} $command; then
		failed="$failed $target"
	fi
done
if [ -n "$failed" ]; then
	echo "targets.sh: \"$command\" failed for:$failed" >&2
	exit 1
fi
