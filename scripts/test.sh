#!/usr/bin/env bash
# Runs all Go tests in one of two ways:
#
#   scripts/test.sh race    under the race detector
#   scripts/test.sh 32bit   as a 32-bit program (GOARCH=386, no cgo)
#
# A machine that cannot do the one (no C compiler, a 32-bit Pi) runs them
# without it and says so; one that cannot do the other skips it and says so.
# With CI set, both are failures.
set -euo pipefail
cd "$(dirname "$0")/.."

run() {
	echo "+ $*"
	"$@"
}

lacking() {
	echo "test.sh: $1" >&2
	if [ -n "${CI:-}" ]; then
		exit 1
	fi
}

case ${1:-} in
race)
	# Building one small package tells whether -race has what it needs.
	if why=$(go build -race -o /dev/null errors 2>&1); then
		run go test -race -timeout 15m ./...
	else
		lacking "no race detector here, running without: $why"
		run go test -timeout 15m ./...
	fi
	;;
32bit)
	case $(go env GOHOSTOS)/$(go env GOHOSTARCH) in
	linux/amd64 | linux/386 | windows/amd64)
		run env CGO_ENABLED=0 GOARCH=386 go test -timeout 15m ./...
		;;
	linux/arm)
		echo "test.sh: this machine is 32-bit already; nothing to add"
		;;
	*)
		lacking "SKIPPED the 32-bit tests: this machine cannot run GOARCH=386"
		;;
	esac
	;;
*)
	echo "usage: scripts/test.sh race|32bit" >&2
	exit 2
	;;
esac
