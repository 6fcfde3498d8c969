"""A second consumer of the stream, for what cannot wait for the table: a Lambda function, called with what arrives.

It gives every record that the job would store to on_records, in the order in which a device sent them. Put a file hook.py
with that function beside this one:

    def on_records(records):
        for r in records:
            if r["fields"].get("temperature", 0) > 80:
                alert(r["device_id"], r["ts"])

Records come at least once: after a failure, and after a producer's or Lambda's own retry, some come again, with the same
(device_id, boot, seq). Make what on_records does idempotent by these three, or by a condition on the newest seq of each boot.

An error of on_records is taken for a passing one: Lambda calls again, beginning with the Kinesis record that it happened
at, so nothing is skipped and nothing overtakes. What cannot be read, or breaks a rule, is logged and passed over; the job
has put it among the dead letters. https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html

Each invocation logs one line of JSON. Frames in zstd take the package zstandard beside this file.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
from collections import Counter
from functools import lru_cache
from typing import Any, Callable

from rivulet_frames import timestamp
from rivulet_rows import Row, Source
from rivulet_rules import Rules

MODEL: Any = None  # the renderer puts the model here

_LISTED = 20  # devices, and malformed data, that are logged one by one in an invocation

Hook = Callable[[list[dict[str, Any]]], None]


def handler(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """What Lambda calls, with records of one shard in their order."""
    said: Counter[str] = Counter()
    devices: Counter[str] = Counter()
    newest, failures = 0, []
    for record in event["Records"]:
        kinesis = record["kinesis"]
        said["kinesis_records"] += 1
        try:
            records, dead = _read(record)
            for number, letter in enumerate(dead, said["malformed"]):
                if number < _LISTED:
                    _log(level="warning", reason=letter.reason, detail=letter.detail, **_place(kinesis, letter))
            said["malformed"] += len(dead)
            if records:
                _hook()(records)
        except Exception as e:  # whatever it is: the next call begins here
            _log(level="error", error=f"{type(e).__name__}: {e}", sequence_number=kinesis["sequenceNumber"])
            failures.append({"itemIdentifier": kinesis["sequenceNumber"]})
            break
        said["records"] += len(records)
        devices.update(r["device_id"] for r in records)
        newest = max([newest, *(r["ts_us"] for r in records)])
    most = dict(devices.most_common(_LISTED))
    _log(
        level="info",
        kinesis_records=said["kinesis_records"],
        records=said["records"],
        malformed=said["malformed"],
        devices=len(devices),
        records_by_device=most,
        newest_ts=timestamp(newest // 1000) if newest else None,
        failed_at=failures[0]["itemIdentifier"] if failures else None,
    )
    return {"batchItemFailures": failures}


def on_records(records: list[dict[str, Any]]) -> None:
    """Does nothing; hook.py has another. It is called for each Kinesis record, with those of its records that are fine:

    device_id, boot, seq    which record it is; boot, 16 hexadecimal digits as text, and seq are None for one without ids
    ts, ts_us               when it was observed: text, and microseconds since 1970
    ts_source               "device", or "arrival" if the device's clock was wrong
    schema, meta            as the device gave them, or None
    fields                  its readings by column, in the table's units; what is not there is missing
    extra                   readings that the schema does not have, as JSON text, or None
    sequence_number         of the Kinesis record
    """


@lru_cache(maxsize=1)
def _hook() -> Hook:
    try:
        return importlib.import_module("hook").on_records
    except ModuleNotFoundError as e:
        if e.name != "hook":  # hook.py is there, and what it needs is not
            raise
        return on_records


@lru_cache(maxsize=1)
def _limited_rules() -> Rules:
    """Rules by which a frame takes no more than a part of the function's memory: Python needs some twenty times of what a
    frame decompresses to, and the data of one Kinesis record is in memory at once."""
    rules = Rules(MODEL)
    memory = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")) << 20
    rules.max_frame = memory // 64
    rules.max_data = memory // 32
    return rules


def _read(record: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Any]]:
    """The records and the dead letters in a Kinesis record, as the event has it."""
    kinesis, rules = record["kinesis"], _limited_rules()
    number = kinesis["sequenceNumber"]
    arrival = round(kinesis["approximateArrivalTimestamp"] * 1000)
    source = Source(number, kinesis["partitionKey"], MODEL["stream"], record["eventID"].partition(":")[0], arrival)
    records, dead = [], []
    for found in rules.rows(base64.b64decode(kinesis["data"]), source):
        if not isinstance(found, Row):
            dead.append(found)
            continue
        fields = {name: value for name, value in zip(rules.fields, found.values) if value is not None}
        records.append(
            {
                "device_id": found.device_id,
                "boot": found.boot,
                "seq": found.seq,
                "ts": timestamp(found.ts // 1000),
                "ts_us": found.ts,
                "ts_source": "device" if found.from_device else "arrival",
                "schema": found.schema,
                "meta": found.meta,
                "fields": fields,
                "extra": found.extra,
                "sequence_number": number,
            }
        )
    return records, dead


def _place(kinesis: dict[str, Any], letter: Any) -> dict[str, Any]:
    place = {"sequence_number": kinesis["sequenceNumber"], "user_record": letter.user_record, "record": letter.record}
    return {**place, "device_id": letter.device_id}


def _log(**said: Any) -> None:
    print(json.dumps(said), flush=True)  # in ASCII, as what devices send must not drive the terminal of who reads the log
