#!/usr/bin/env bash
# Fuzzes every fuzz target of the module in turn. Stops at the first failure;
# go test then says which file under testdata/fuzz holds the input.
#
#   scripts/fuzz.sh [DURATION]   per target, default 60s
set -euo pipefail
cd "$(dirname "$0")/.."

# Without a limit, go test spends the whole time on making the first interesting
# input of some kilobytes smaller.
small=(-fuzzminimizetime 20x)

for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "+ go test -fuzz '^$target\$' -fuzztime ${1:-60s} $package"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" "${small[@]}" "$package"
	done
done
