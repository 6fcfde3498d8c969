#!/usr/bin/env bash
# Measures Rivulet beside other producers, after installing what they need.
#
#   scripts/bench.sh            everything; rewrites README.md's table and docs/*.svg
#   scripts/bench.sh FLAG…      as given, such as -only rivulet,a8m -scenario drain
#                               (paths are relative to bench/; -help lists the flags)
#
# A producer whose tools are missing is left out with a message; with CI set that
# is a failure. Takes about ten minutes. Needs Linux.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
scripts/bench-setup.sh || status=$?
if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
	exit "$status"
fi
cd bench
if [ $# -eq 0 ]; then
	set -- -markdown ../README.md -svg ../docs
fi
echo "+ go run . $*" >&2
go run . "$@"
