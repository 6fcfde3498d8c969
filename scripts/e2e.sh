#!/usr/bin/env bash
# Runs the end-to-end test against kinesis-local, on free ports. On a machine
# without Node.js it is skipped with a message; with CI set that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

export KINESIS_LOCAL_PLAIN_PORT=${KINESIS_LOCAL_PLAIN_PORT:-0}
export KINESIS_LOCAL_TLS_PORT=${KINESIS_LOCAL_TLS_PORT:-0}
echo "+ scripts/kinesis-local.sh go test -count=1 ./internal/e2e"
status=0
scripts/kinesis-local.sh go test -count=1 -timeout 10m ./internal/e2e || status=$?
if [ "$status" -eq 77 ]; then
	echo "e2e.sh: SKIPPED the end-to-end test, for the reason above" >&2
	exit 0
fi
exit "$status"
