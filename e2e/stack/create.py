"""Creates a stack of each template in the emulator moto, in this process, and prints what came of it.

    create.py PARAMETERS FILE...    PARAMETERS is JSON: {"name": "value"}

A smoke test, no more: moto passes over properties and whole types that it does not know.
"""

import json
import os
import re
import sys

os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_DEFAULT_REGION="eu-west-1")

import boto3  # noqa: E402
from moto import mock_aws  # noqa: E402


def create(template, parameters):
    with mock_aws():
        cloudformation = boto3.client("cloudformation")
        # moto takes the tags of a key as KMS has them, not as CloudFormation has them.
        body = re.sub(r"(?s)(Type: AWS::KMS::Key\n.*?)\n      Tags: [^\n]*", r"\1", template, count=1)
        cloudformation.create_stack(
            StackName="rivulet",
            TemplateBody=body,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        stack = cloudformation.describe_stacks(StackName="rivulet")["Stacks"][0]
        # What moto does not know is there too, without an id.
        resources = cloudformation.describe_stack_resources(StackName="rivulet")["StackResources"]
        return {
            "status": stack["StackStatus"],
            "outputs": {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
            "resources": sorted(r["LogicalResourceId"] for r in resources if r.get("PhysicalResourceId")),
        }


def main(parameters, paths):
    out = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            out.append(create(f.read(), json.loads(parameters)))
    json.dump(out, sys.stdout)


main(sys.argv[1], sys.argv[2:])
