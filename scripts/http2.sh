#!/usr/bin/env bash
# Puts nginx, HAProxy and nghttpx before Kinesis, one after the other, and sends
# through them. On a machine without them it is skipped with a message; with CI set
# that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
scripts/http2-setup.sh || status=$?
if [ "$status" -eq 77 ]; then
	echo "http2.sh: SKIPPED the test with the HTTP/2 ends of others, for the reason above" >&2
	exit 0
fi
if [ "$status" -ne 0 ]; then
	exit "$status"
fi
echo "+ (cd e2e && go vet ./http2 && go test ./http2)"
cd e2e
go vet ./http2
go test -count=1 -timeout 10m ./http2
