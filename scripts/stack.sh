#!/usr/bin/env bash
# Checks the generated CloudFormation with cfn-lint, checkov, the published
# resource specification, a simulator of IAM, and an emulator that creates it. On
# a machine without the tools it is skipped with a message; with CI set that is a
# failure.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
scripts/stack-setup.sh || status=$?
if [ "$status" -eq 77 ]; then
	echo "stack.sh: SKIPPED the checks of the generated CloudFormation, for the reason above" >&2
	exit 0
fi
if [ "$status" -ne 0 ]; then
	exit "$status"
fi
echo "+ (cd e2e && go vet ./stack && go test ./stack)"
cd e2e
go vet ./stack
STACK_TOOLS="$PWD/../.tools/stack" go test -count=1 -timeout 80m ./stack
