#!/usr/bin/env bash
# Puts bugs into a copy of the module, one at a time, and fails unless a test
# catches each: see docs/mutants.md.
#
#   scripts/mutants.sh [REGEXP]   those whose names match; default: all
#   scripts/mutants.sh -write     writes docs/mutants.md and runs nothing
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = -write ]; then
	go test -count=1 -run '^TestDocument$' ./internal/mutants -write
	exit
fi
go test -count=1 -run '^(TestDocument|TestMutantsApply)$' ./internal/mutants
MUTANTS=${1:-.} go test -count=1 -run '^TestMutants$' -v -timeout 3h ./internal/mutants
