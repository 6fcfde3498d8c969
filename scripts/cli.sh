#!/usr/bin/env bash
# Checks what the generated backend's documents tell people to run: every command
# against the AWS command line, and the SQL of views and compaction in DuckDB. On
# a machine without the tools it is skipped with a message; with CI set that is a
# failure.
set -euo pipefail
cd "$(dirname "$0")/.."

for setup in cli spark; do
	status=0
	case $setup in
	cli) scripts/cli-setup.sh || status=$? ;;
	spark) scripts/spark-setup.sh spark41 || status=$? ;; # which has DuckDB
	esac
	if [ "$status" -eq 77 ]; then
		echo "cli.sh: SKIPPED the checks of commands and SQL, for the reason above" >&2
		exit 0
	fi
	if [ "$status" -ne 0 ]; then
		exit "$status"
	fi
done
echo "+ (cd e2e && go vet ./athena ./cli ./internal/... && go test ./athena ./cli ./internal/...)"
cd e2e
go vet ./athena ./cli ./internal/...
go test -count=1 -timeout 80m ./athena ./cli ./internal/...
