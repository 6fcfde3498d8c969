#!/usr/bin/env bash
# Runs the generated backend's job on Spark, against kinesis-local on free ports:
# the tests of e2e/spark. Without Java, Python or Node.js they are skipped with a
# message; with CI set that is a failure.
#
#   scripts/backend-e2e.sh [-run REGEXP | other flags of go test]…
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
	if [ "$1" -eq 77 ]; then
		echo "backend-e2e.sh: SKIPPED the generated job's tests, for the reason above" >&2
		exit 0
	fi
	exit "$1"
}

scripts/spark-setup.sh || skip $?
scripts/spark-setup.sh s3a || [ $? -eq 77 ] # the test in S3 is skipped then
export KINESIS_LOCAL_PLAIN_PORT=${KINESIS_LOCAL_PLAIN_PORT:-0}
export KINESIS_LOCAL_TLS_PORT=${KINESIS_LOCAL_TLS_PORT:-0}
echo "+ (cd e2e && go vet ./spark && go test -count=1 -timeout 80m ./spark $*)"
(cd e2e && go vet ./spark)
# shellcheck disable=SC2016
scripts/kinesis-local.sh bash -c 'cd e2e && go test -count=1 -timeout 80m ./spark "$@"' - "$@" || skip $?
