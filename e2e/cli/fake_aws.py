"""The AWS command line without AWS: it takes its arguments as the real one does, checks every parameter of the call that
comes of them as botocore does, notes the call, and gives an answer that is made up. It never uses the network.

    FAKE_AWS=DIR fake_aws.py s3 cp FILE s3://BUCKET/KEY

DIR/calls.ndjson gets a line for each call: {"call": "s3.PutObject", "parameters": {…}}. DIR/answers.json may have other
answers: {"athena.GetQueryResults": [{…}, {…}]}, one after the other, the last one again and again.
"""

import gzip
import io
import json
import os
import sys
import time
from pathlib import Path

from awscli.clidriver import create_clidriver

DIR = Path(os.environ["FAKE_AWS"])
CALLS = DIR / "calls.ndjson"
LETTER = {"reason": "range", "device_id": "pi-1", "detail": "temperature = 99 is above", "data": "eyJhIjoxfQo=", "replayed": 0}


class Body(io.BytesIO):
    """What a download reads."""

    def set_socket_timeout(self, seconds):
        pass


def noted():
    """The calls before this one."""
    return [json.loads(line) for line in CALLS.read_text("utf-8").splitlines()] if CALLS.exists() else []


def answer(call, parameters):
    """A made-up answer, as botocore gives them."""
    entries = noted()
    before = [entry["call"] for entry in entries]
    if (DIR / "answers.json").exists():
        given = json.loads((DIR / "answers.json").read_text("utf-8")).get(call)
        if given:
            return given[min(before.count(call), len(given) - 1)]
    begun = max([i for i, c in enumerate(before) if c in ("cloudformation.ExecuteChangeSet", "glue.StartJobRun")], default=-1)
    stopped = "glue.BatchStopJobRun" in before[begun + 1 :]
    emptied = any(e["call"] == "s3.DeleteObjects" and e["parameters"]["Bucket"] == parameters.get("Bucket") for e in entries)
    letters = gzip.compress(json.dumps(LETTER).encode() + b"\n")
    deleted = "cloudformation.DeleteStack" in before
    status = "DELETE_COMPLETE" if deleted else "UPDATE_COMPLETE"
    return {
        "sts.GetCallerIdentity": {
            "Account": "123456789012",
            "Arn": "arn:aws:sts::123456789012:assumed-role/Admin/me",
        },
        "cloudformation.DescribeStacks": {"Stacks": [{"StackName": "s", "StackStatus": status, "StackId": "arn:s"}]},
        "cloudformation.CreateChangeSet": {"Id": "arn:c", "StackId": "arn:s"},
        "cloudformation.DescribeChangeSet": {"Status": "CREATE_COMPLETE", "ChangeSetName": "c"},
        "cloudformation.GetTemplateSummary": {"Parameters": [{"ParameterKey": k} for k in ("Administrators", "Start")]},
        "athena.StartQueryExecution": {"QueryExecutionId": "q"},
        "athena.GetQueryExecution": {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}},
        "athena.GetQueryResults": {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": "0"}]}]}},
        "iot.CreateKeysAndCertificate": {
            "certificateArn": "arn:aws:iot:eu-west-1:123456789012:cert/" + "abcd" * 16,
            "certificateId": "abcd" * 16,
            "certificatePem": "PEM",
            "keyPair": {"PublicKey": "PUBLIC", "PrivateKey": "PRIVATE"},
        },
        "iot.DescribeEndpoint": {"endpointAddress": "abc.credentials.iot.eu-west-1.amazonaws.com"},
        "iot.ListTargetsForPolicy": {"targets": ["arn:aws:iot:eu-west-1:123456789012:cert/" + "abcd" * 16]},
        "iot.ListPrincipalThings": {"things": ["pi-7f3a"]},
        "kms.DescribeKey": {"KeyMetadata": {"KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "Arn": "arn:k"}},
        "kinesis.PutRecord": {"ShardId": "shardId-000000000000", "SequenceNumber": "49"},
        "glue.StartJobRun": {"JobRunId": "jr_2"},
        "glue.GetJobRuns": {"JobRuns": [{"Id": "jr_1", "JobRunState": "STOPPED" if stopped else "RUNNING"}]},
        "glue.GetJobRun": {"JobRun": {"Id": "jr_2", "JobRunState": "SUCCEEDED"}},
        "cloudwatch.DescribeAlarms": {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}]},
        "logs.FilterLogEvents": {"events": [{"message": "{}"}]},
        "s3.ListObjectsV2": {
            "Contents": [
                {
                    "Key": parameters.get("Prefix", "") + "part-0.json.gz",
                    "Size": len(letters),
                    "LastModified": "2026-11-25T13:00:00Z",
                }
            ],
            "IsTruncated": False,
        },
        "s3.GetObject": {"Body": Body(letters), "ContentLength": len(letters), "ETag": '"e"'},
        "s3.HeadObject": {"ContentLength": len(letters), "ETag": '"e"', "LastModified": "2026-11-25T13:00:00Z"},
        "s3.ListObjectVersions": {"IsTruncated": False} if emptied else {"Versions": [{"Key": "k", "VersionId": "v"}]},
    }.get(call, {})


class Response:
    status_code = 200
    headers: dict[str, str] = {}


class Wire:
    """Stands where a request would be sent."""

    def __init__(self, session):
        self.parameters = {}
        session.register("before-parameter-build", self.keep)
        session.register("before-call", self.send)

    def keep(self, params, model, **_):
        self.parameters = dict(params)

    def send(self, model, params, **_):
        call = f"{model.service_model.endpoint_prefix}.{model.name}"
        call = call.replace("monitoring.", "cloudwatch.")
        given = answer(call, self.parameters)
        with CALLS.open("a", encoding="utf-8") as f:
            f.write(json.dumps({"call": call, "parameters": self.parameters}, default=str) + "\n")
        return Response(), {**given, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}


def main():
    os.environ.update(
        AWS_ACCESS_KEY_ID="fake",
        AWS_SECRET_ACCESS_KEY="fake",
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
    )
    time.sleep = lambda seconds: None  # as waiters do
    driver = create_clidriver()
    Wire(driver.session)
    return driver.main(sys.argv[1:])


sys.exit(main())
