#!/usr/bin/env bash
# Vets and tests the benchmark's own module, on a few hundred records and without
# the producers in Java and Python. On a machine that is not Linux it is skipped:
# CPU and memory come from /proc.
set -euo pipefail
cd "$(dirname "$0")/../bench"

if [ "$(go env GOHOSTOS)" != linux ]; then
	echo "bench-test.sh: SKIPPED: the benchmark needs Linux" >&2
	exit 0
fi
echo "+ (cd bench && go vet ./... && go test ./...)"
go vet ./...
go test -timeout 5m ./...
