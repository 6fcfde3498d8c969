#!/usr/bin/env bash
# Checks the generated Terraform: its form, every attribute against the AWS
# provider's published schema, every value against the CloudFormation of the same
# model, and with checkov. On a machine without the tools it is skipped with a
# message; with CI set that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

for setup in terraform-setup stack-setup; do
	status=0
	"scripts/$setup.sh" || status=$?
	if [ "$status" -eq 77 ]; then
		echo "terraform.sh: SKIPPED the checks of the generated Terraform, for the reason above" >&2
		exit 0
	fi
	if [ "$status" -ne 0 ]; then
		exit "$status"
	fi
done
echo "+ (cd e2e && go vet ./terraform && go test ./terraform)"
cd e2e
go vet ./terraform
TERRAFORM_TOOLS="$PWD/../.tools/terraform" STACK_TOOLS="$PWD/../.tools/stack" go test -count=1 -timeout 80m ./terraform
