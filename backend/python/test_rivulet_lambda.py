"""Tests of rivulet_lambda: python3 test_rivulet_lambda.py"""

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import sys
import tempfile
import tracemalloc
import unittest
from pathlib import Path
from unittest import mock

import rivulet_lambda
from rivulet_kpl import MAGIC

ARRIVAL = 1764075600.25  # 2025-11-25T13:00:00.25Z
MODEL = {
    "stream": "telemetry",
    "schemas": [
        {
            "name": "env",
            "version": 1,
            "fields": [
                {"name": "temperature", "kind": "float", "unit": "Cel", "min": -40, "max": 85, "required": True},
                {"name": "motion", "kind": "bool"},
            ],
        }
    ],
    "columns": [
        {"name": "device_id", "type": "string"},
        {"name": "temperature", "type": "double", "field": "temperature", "convert": {"scale": 1.8, "offset": 32}},
        {"name": "motion", "type": "boolean", "field": "motion"},
    ],
    "records": {"without_schema": "accept", "unknown_fields": "keep", "max_age_days": 90, "max_ahead_minutes": 60},
}


def line(seq, device="pi-1", **change):
    """A record as a line of record JSON."""
    record = {
        "device_id": device,
        "boot": "9f3c01d2e4a5b687",
        "seq": seq,
        "ts": f"2025-11-25T12:59:{seq % 60:02}.500Z",
        "schema": "env/1",
        "readings": {"temperature": 20.0 + seq},
        **change,
    }
    return json.dumps(record).encode() + b"\n"


def aggregate(*users):
    """A KPL aggregate of user records, all of one partition key."""

    def field(number, data):
        size, n = b"", len(data)
        while n > 127:
            size, n = size + bytes([n & 127 | 128]), n >> 7
        return bytes([number << 3 | 2]) + size + bytes([n]) + data

    body = field(1, b"pi-1") + b"".join(field(3, b"\x08\x00" + field(3, u)) for u in users)
    return MAGIC + body + hashlib.md5(body).digest()


def event(*datas):
    """An invocation with Kinesis records of these data."""
    return {
        "Records": [
            {
                "eventID": f"shardId-000000000003:{4960 + i}",
                "kinesis": {
                    "sequenceNumber": str(4960 + i),
                    "partitionKey": "pi-1",
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": ARRIVAL,
                },
            }
            for i, data in enumerate(datas)
        ]
    }


class Lambda(unittest.TestCase):
    def setUp(self):
        self.enterContext(mock.patch.object(rivulet_lambda, "MODEL", MODEL))
        self.enterContext(mock.patch.dict(os.environ, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}))
        self.given = []
        self.fail_at = lambda records: False
        rivulet_lambda._limited_rules.cache_clear()
        rivulet_lambda._hook.cache_clear()

    if not hasattr(unittest.TestCase, "enterContext"):  # before Python 3.11

        def enterContext(self, manager):
            self.addCleanup(manager.__exit__, None, None, None)
            return manager.__enter__()

    def call(self, *datas):
        """Invokes the handler; returns what it returns, and the lines it logs."""

        def hook(records):
            if self.fail_at(records):
                raise TimeoutError("the database is away")
            self.given.append(records)

        out = io.StringIO()
        with mock.patch.object(rivulet_lambda, "_hook", lambda: hook), contextlib.redirect_stdout(out):
            said = rivulet_lambda.handler(event(*datas))
        self.assertTrue(out.getvalue().isascii())
        self.assertTrue(out.getvalue().replace("\n", "").isprintable())
        return said, [json.loads(entry) for entry in out.getvalue().splitlines()]

    def seqs(self):
        return [[r["seq"] for r in records] for records in self.given]

    def test_record(self):
        said, log = self.call(line(3, readings={"temperature": 20.5, "lux": 4}))
        self.assertEqual(said, {"batchItemFailures": []})
        want = {
            "device_id": "pi-1",
            "boot": "9f3c01d2e4a5b687",
            "seq": 3,
            "ts": "2025-11-25T12:59:03.500Z",
            "ts_us": 1764075543500000,
            "ts_source": "device",
            "schema": "env/1",
            "meta": None,
            "fields": {"temperature": 20.5 * 1.8 + 32},
            "extra": {"lux": "4"},
            "sequence_number": "4960",
        }
        self.assertEqual(self.given, [[want]])
        (summary,) = log
        self.assertEqual(summary["level"], "info")
        self.assertEqual(summary["records_by_device"], {"pi-1": 1})
        self.assertEqual(summary["newest_ts"], "2025-11-25T12:59:03.500Z")
        self.assertIsNone(summary["failed_at"])

    def test_clock_that_was_wrong(self):
        self.call(line(1, ts="1970-01-01T00:00:07Z"))
        self.assertEqual(self.given[0][0]["ts"], "2025-11-25T13:00:00.250Z")
        self.assertEqual(self.given[0][0]["ts_source"], "arrival")

    def test_aggregates_and_codecs_keep_the_order(self):
        said, log = self.call(aggregate(line(1), gzip.compress(line(2) + line(3))), line(4), aggregate(line(5, "pi-2"), line(6)))
        self.assertEqual(said, {"batchItemFailures": []})
        self.assertEqual(self.seqs(), [[1, 2, 3], [4], [5, 6]])
        self.assertEqual(log[-1]["records_by_device"], {"pi-1": 5, "pi-2": 1})
        self.assertEqual((log[-1]["kinesis_records"], log[-1]["records"], log[-1]["devices"]), (3, 6, 2))

    def test_malformed_data_is_logged_and_passed_over(self):
        damaged = bytearray(aggregate(line(8)))
        damaged[-1] ^= 1
        said, log = self.call(
            b"\x00\x01", line(1, readings={"temperature": 99}), aggregate(line(2), b"{"), bytes(damaged), line(3)
        )
        self.assertEqual(said, {"batchItemFailures": []})
        self.assertEqual(self.seqs(), [[2], [3]])
        reasons = [entry["reason"] for entry in log if entry["level"] == "warning"]
        self.assertEqual(reasons, ["format", "range", "json", "aggregate"])
        self.assertEqual(log[2]["sequence_number"], "4962")
        self.assertEqual(log[2]["user_record"], 1)
        self.assertEqual(log[-1]["malformed"], 4)

    def test_much_malformed_data_does_not_fill_the_log(self):
        _, log = self.call(*[b"\x00"] * 50, line(1))
        self.assertEqual(len(log), rivulet_lambda._LISTED + 1)
        self.assertEqual(log[-1]["malformed"], 50)
        _, log = self.call(*[line(i + 1, f"pi-{i}") for i in range(50)])
        self.assertEqual(len(log[-1]["records_by_device"]), rivulet_lambda._LISTED)
        self.assertEqual(log[-1]["devices"], 50)

    def test_failure_stops_the_batch_where_it_is(self):
        self.fail_at = lambda records: any(r["seq"] == 2 for r in records)
        said, log = self.call(line(1), line(2), line(3))
        self.assertEqual(said, {"batchItemFailures": [{"itemIdentifier": "4961"}]})
        self.assertEqual(self.seqs(), [[1]], "3 must not overtake 2")
        self.assertEqual(log[0]["error"], "TimeoutError: the database is away")
        self.assertEqual((log[-1]["failed_at"], log[-1]["records"]), ("4961", 1))

    def test_the_log_is_safe_to_print(self):
        bad = "\x1b[2J\x9b2J\x7f\u202e\u2028\n"
        self.fail_at = lambda records: (_ for _ in ()).throw(ValueError(records[0]["meta"]["note"]))
        _, log = self.call(line(1, device=bad), line(2, meta={"note": bad}))
        self.assertEqual(log[-2]["error"], f"ValueError: {bad}")
        self.assertEqual(log[0]["device_id"], "\\u001b[2J\\u009b2J\\u007f\\u202e\\u2028\\u000a")

    def test_nothing_to_say_is_no_call(self):
        said, _ = self.call(b"\x00")
        self.assertEqual((said, self.given), ({"batchItemFailures": []}, []))
        self.assertEqual(self.call()[0], {"batchItemFailures": []})

    def test_bomb_takes_no_memory(self):
        self.enterContext(mock.patch.dict(os.environ, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}))
        short = b'{"device_id":"d","readings":{"temperature":1.0}}\n'  # what Python needs most for
        for bomb, reason in (
            (gzip.compress(b" " * (20 << 20)), "corrupt"),  # a line of more than a MiB
            (gzip.compress(line(1) * 30_000), "too_large"),
            (aggregate(*[gzip.compress(short * 40_000)] * 10), "too_large"),
        ):
            tracemalloc.start()
            said, log = self.call(line(1), bomb, line(2))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertEqual(said, {"batchItemFailures": []})
            self.assertIn(reason, [entry.get("reason") for entry in log])
            self.assertEqual((self.seqs()[0], self.seqs()[-1]), ([1], [2]))
            self.assertLess(peak, 90 << 20)
            self.given.clear()

    def test_hook_beside_it(self):
        with tempfile.TemporaryDirectory() as folder:
            self.enterContext(mock.patch.object(sys, "path", [folder, *sys.path]))
            self.assertIs(rivulet_lambda._hook(), rivulet_lambda.on_records)
            self.assertIsNone(rivulet_lambda._hook()([]))
            hook = Path(folder) / "hook.py"
            for text, want in (("import nothing_of_that_name", ModuleNotFoundError), ("def on_records(r): pass", None)):
                hook.write_text(text, "utf-8")
                sys.modules.pop("hook", None)
                rivulet_lambda._hook.cache_clear()
                with self.assertRaises(want) if want else contextlib.nullcontext():
                    self.assertEqual(rivulet_lambda._hook().__module__, "hook")
            sys.modules.pop("hook", None)

    def test_hook_that_cannot_be_loaded_fails_the_batch(self):
        with mock.patch.object(rivulet_lambda, "_hook", side_effect=SyntaxError("hook.py")):
            with contextlib.redirect_stdout(io.StringIO()):
                said = rivulet_lambda.handler(event(line(1)))
        self.assertEqual(said, {"batchItemFailures": [{"itemIdentifier": "4960"}]})


if __name__ == "__main__":
    unittest.main()
