"""The AWS command line without AWS: it takes its arguments as the real one does, checks every parameter of the call that
comes of them as botocore does, notes the call, and gives an answer that is made up. It never uses the network.

    fake_aws.py SOCKET                                             serves, so that awscli is loaded only once
    FAKE_AWS=DIR ask_aws.py SOCKET s3 cp FILE s3://BUCKET/KEY      stands for aws s3 cp FILE s3://BUCKET/KEY

DIR/calls.ndjson gets a line for each call: {"call": "s3.PutObject", "parameters": {…}}. DIR/errors.json may name calls that
fail: {"iot.CreateThing": "why"}; they have "refused" in their line. DIR/delivered has how many records the agent says that
it delivered, a number a line: these are what queries count.
"""

import base64
import gzip
import io
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from awscli.clidriver import create_clidriver


class Body(io.BytesIO):
    """What a download reads."""

    def set_socket_timeout(self, seconds):
        pass


def folder():
    return Path(os.environ["FAKE_AWS"])


def noted():
    """The calls before this one, but for those that were refused."""
    calls = folder() / "calls.ndjson"
    entries = [json.loads(line) for line in calls.read_text("utf-8").splitlines()] if calls.exists() else []
    return [entry for entry in entries if not entry.get("refused")]


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, code, why):
        super().__init__(why)
        self.code = code


# What a device may send to whoever looks at it in a terminal: it clears the screen, sets the title, turns the line around,
# and adds a line of its own.
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b2J\x7f\u202eold\u2066\u2028all is well\n\rall is well\t"


def letters(entries):
    """The dead letters of what was put, and, if they were copied to be replayed, once more."""
    put = [e["parameters"]["PartitionKey"] for e in entries if e["call"] == "kinesis.PutRecord"]
    put = ["range" if key == "try-1" else key for key in put]  # which the README puts; else the key is a reason
    times = 1 + any(e["call"] == "s3.CopyObject" for e in entries)
    lines = [
        {
            "reason": reason,
            "device_id": f"pi-1{HOSTILE}",
            "detail": f"what is wrong{HOSTILE}",
            "data": base64.b64encode(f'{{"a":"{HOSTILE}"}}'.encode()).decode(),
            "replayed": n,
        }
        for n in range(times)
        for reason in put or ["range"]
    ]
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())


def results(entries):
    """What the last query gives: one line of names, and for one that counts another."""
    asked = [e["parameters"]["QueryString"] for e in entries if e["call"] == "athena.StartQueryExecution"]
    rows = [["n"]]
    if asked and asked[-1].startswith("SELECT *") and '_latest"' in asked[-1]:
        rows.append([f"pi-1{HOSTILE}", None, HOSTILE])
    if asked and "count(*)" in asked[-1] and "GROUP BY" not in asked[-1]:
        counted = folder() / "delivered"
        rows.append([str(sum(map(int, counted.read_text("utf-8").split())))] if counted.exists() else ["0"])
    return {"ResultSet": {"Rows": [{"Data": [{"VarCharValue": value} if value else {} for value in row]} for row in rows]}}


def stack(name, before):
    """The stack: not there, there, or gone."""
    executed = before.count("cloudformation.ExecuteChangeSet")
    if not executed or "cloudformation.DeleteStack" in before:
        raise Refused("ValidationError", f"Stack with id {name} does not exist")
    return {"Stacks": [{"StackName": "s", "StackId": "arn:s", "StackStatus": ["CREATE", "UPDATE"][executed > 1] + "_COMPLETE"}]}


def started_again(entries, since):
    """Whether the schedule has: soon after a run was stopped, if the stack says so."""
    changes = [e["parameters"]["Parameters"] for e in entries if e["call"] == "cloudformation.CreateChangeSet"]
    on = changes and {"ParameterKey": "Start", "ParameterValue": "true"} in changes[-1]
    return on and "glue.GetJobRuns" in since[since.index("glue.BatchStopJobRun") :]


def state_of_run(since):
    """Of the run that began before these calls: at first it is starting, and cannot be stopped."""
    asked = 0
    for call in since:
        asked += call == "glue.GetJobRuns"
        if call == "glue.BatchStopJobRun" and asked > 1:
            return "STOPPED"
    return "RUNNING" if asked else "STARTING"


def gone(call, parameters, entries):
    """Refuses to describe what was removed, or is not there yet."""
    same = [e["call"] for e in entries if e["parameters"].items() >= parameters.items()]
    if call == "s3.HeadBucket" and (
        "s3.DeleteBucket" in same or "-templates-" in parameters["Bucket"] and "s3.CreateBucket" not in same
    ):
        raise Refused("404", "Not Found")
    if call == "s3.HeadObject" and "/part-" not in parameters["Key"]:
        put = [e["parameters"]["Key"] for e in entries if e["call"] == "s3.PutObject"]
        if parameters["Key"] not in put:
            raise Refused("404", "Not Found")
    if call in ("kinesis.DescribeStream", "kinesis.DescribeStreamSummary") and any(
        e["call"] == "kinesis.DeleteStream" for e in entries
    ):
        raise Refused("ResourceNotFoundException", f"Stream {parameters['StreamName']} not found.")


def answer(call, parameters):
    """A made-up answer, as botocore gives them."""
    entries = noted()
    before = [entry["call"] for entry in entries]
    if (folder() / "errors.json").exists():
        why = json.loads((folder() / "errors.json").read_text("utf-8")).get(call)
        if why:
            raise Refused("AccessDenied", why)
    if call == "cloudformation.DescribeStacks":
        return stack(parameters["StackName"], before)
    gone(call, parameters, entries)
    begun = max([i for i, c in enumerate(before) if c in ("cloudformation.ExecuteChangeSet", "glue.StartJobRun")], default=-1)
    killed = "glue.BatchStopJobRun" in before
    since = before[begun + 1 :]
    run = state_of_run(since)
    if run == "STOPPED" and started_again(entries, since):
        run = "RUNNING"
    if call == "glue.StartJobRun" and run != "STOPPED":
        raise Refused("ConcurrentRunsExceededException", f"a run is {run}")
    emptied = any(e["call"] == "s3.DeleteObjects" and e["parameters"]["Bucket"] == parameters.get("Bucket") for e in entries)
    dead = letters(entries)
    return {
        "sts.GetCallerIdentity": {
            "Account": "123456789012",
            "Arn": "arn:aws:sts::123456789012:assumed-role/Admin/me",
        },
        "sts.AssumeRole": {
            "Credentials": {
                "AccessKeyId": "READER",
                "SecretAccessKey": "S",
                "SessionToken": "T",
                "Expiration": "2026-11-25T14:00:00Z",
            }
        },
        "iam.GetRole": {"Role": {"Arn": "arn:aws:iam::123456789012:role/ops/" + parameters.get("RoleName", "")}},
        "lambda.GetFunctionConfiguration": {"LastUpdateStatus": "Successful"},
        "cloudformation.CreateChangeSet": {"Id": "arn:c", "StackId": "arn:s"},
        "cloudformation.DescribeChangeSet": {"Status": "CREATE_COMPLETE", "ChangeSetName": "c"},
        "cloudformation.GetTemplateSummary": {"Parameters": [{"ParameterKey": k} for k in ("Administrators", "Start")]},
        "athena.StartQueryExecution": {"QueryExecutionId": "q"},
        "athena.GetQueryExecution": {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}},
        "athena.GetQueryResults": results(entries),
        "iot.CreateKeysAndCertificate": {
            "certificateArn": "arn:aws:iot:eu-west-1:123456789012:cert/" + "abcd" * 16,
            "certificateId": "abcd" * 16,
            "certificatePem": "PEM",
            "keyPair": {"PublicKey": "PUBLIC", "PrivateKey": "PRIVATE"},
        },
        "iot.DescribeEndpoint": {"endpointAddress": "abc.credentials.iot.eu-west-1.amazonaws.com"},
        "iot.ListTargetsForPolicy": {"targets": ["arn:aws:iot:eu-west-1:123456789012:cert/" + "abcd" * 16]},
        "iot.ListPrincipalThings": {"things": ["pi-7f3a"]},
        "kms.DescribeKey": {
            "KeyMetadata": {
                "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
                "KeyState": "PendingDeletion" if "kms.ScheduleKeyDeletion" in before else "Enabled",
            }
        },
        "kinesis.PutRecord": {"ShardId": "shardId-000000000000", "SequenceNumber": "49"},
        "glue.StartJobRun": {"JobRunId": "jr_2"},
        "glue.GetJobRuns": {"JobRuns": [{"Id": "jr_1", "JobRunState": run, "ErrorMessage": HOSTILE}]},
        "glue.GetJobRun": {"JobRun": {"Id": "jr_2", "JobRunState": "STOPPED" if killed else "RUNNING"}},
        "cloudwatch.DescribeAlarms": {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}]},
        "logs.FilterLogEvents": {"events": [{"message": HOSTILE.replace("\n", " ")}]},
        "s3.ListObjectsV2": {
            "Contents": [
                {
                    "Key": parameters.get("Prefix", "") + "part-0.json.gz",
                    "Size": len(dead),
                    "LastModified": "2026-11-25T13:00:00Z",
                }
            ],
            "IsTruncated": False,
        },
        "s3.GetObject": {"Body": Body(dead), "ContentLength": len(dead), "ETag": '"e"'},
        "s3.HeadObject": {"ContentLength": len(dead), "ETag": '"e"', "LastModified": "2026-11-25T13:00:00Z"},
        "s3.ListObjectVersions": {"IsTruncated": False} if emptied else {"Versions": [{"Key": "k", "VersionId": "v"}]},
    }.get(call, {})


class Response:
    """Of HTTP, as far as botocore looks at it."""

    def __init__(self, status):
        self.status_code, self.headers = status, {}


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
        status, entry = 200, {"call": call, "parameters": self.parameters}
        try:
            given = answer(call, self.parameters)
        except Refused as e:
            status, given = 400, {"Error": {"Code": e.code, "Message": str(e)}}
            entry["refused"] = str(e)
        with (folder() / "calls.ndjson").open("a", encoding="utf-8") as f:
            f.write(json.dumps(entry, default=str) + "\n")
        return Response(status), {**given, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}}}


def run(driver, arguments):
    if os.environ.get("AWS_ACCESS_KEY_ID") == "DEVICE":
        sys.exit("a device is refused all that it asks the command line for")
    if os.environ.get("AWS_ACCESS_KEY_ID") == "READER" and arguments[0] != "athena":
        sys.exit("An error occurred (AccessDenied): a reader may query, and here nothing else")
    os.environ.update(AWS_ACCESS_KEY_ID="fake", AWS_SECRET_ACCESS_KEY="fake")
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    time.sleep = lambda seconds: None  # as waiters do
    Wire(driver.session)
    return driver.main(arguments)


def serve(path):
    """Runs each command in a process of its own, with the files and the environment of who asks."""
    driver = create_clidriver()
    for service in "athena cloudformation cloudwatch glue iam iot kinesis kms lambda logs s3 scheduler sns sts".split():
        driver.session.get_service_data(service)  # keeps it
    driver.session.get_data("cli")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    print("ready", flush=True)
    while True:
        asked = listener.accept()[0]
        if os.fork():
            asked.close()
            continue
        listener.close()
        size, files, *_ = socket.recv_fds(asked, 4, 3)
        text = asked.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        request = json.loads(text)
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(request["folder"])
        kept = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}  # which awscli sets when it is loaded
        os.environ.clear()
        os.environ.update(request["environment"] | kept)
        code = 1
        try:
            code = run(driver, request["arguments"])
        except SystemExit as e:
            code = e.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        asked.sendall(bytes([code or 0]))
        os._exit(0)


signal.signal(signal.SIGCHLD, signal.SIG_IGN)
serve(sys.argv[1])
