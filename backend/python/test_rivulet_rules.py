"""Tests of rivulet_rules and rivulet_parse: python3 test_rivulet_rules.py"""

import copy
import gzip
import hashlib
import json
import math
import random
import struct
import unittest
from pathlib import Path

from rivulet_kpl import MAGIC
from rivulet_parse import Rejected, read_time, visible
from rivulet_rows import Batch, DeadLetter, Row, Source
from rivulet_rules import Rules

COLUMNAR = Path(__file__).resolve().parent.parent.parent / "compress" / "testdata" / "columnar"
NOW = 1_795_622_400_000  # 2026-11-25T16:00:00Z
BOOT = "9f3c01d2e4a5b687"
SOURCE = Source("49", "pi-1", "telemetry", "shardId-000000000001", NOW)

ENV_1 = {
    "name": "env",
    "version": 1,
    "fields": [
        {"name": "temp", "kind": "float", "unit": "Cel", "min": -40, "max": 85, "required": True},
        {"name": "count", "kind": "int", "min": 0},
        {"name": "motion", "kind": "bool"},
        {"name": "note", "kind": "string"},
    ],
}
ENV_2 = {**copy.deepcopy(ENV_1), "version": 2}
ENV_2["fields"].append({"name": "lux", "kind": "float"})
TO_FAHRENHEIT = {"from": "Cel", "scale": 1.8, "offset": 32.0}


def model(*schemas, **records):
    schemas = schemas or (ENV_1, ENV_2)
    fields = {f["name"]: f for s in schemas for f in s["fields"]}
    columns = [{"name": "device_id", "type": "string"}]
    for name in fields:
        column = {"name": name, "type": "double", "field": name}
        columns.append({**column, "convert": TO_FAHRENHEIT} if name == "temp" else column)
    options = {"without_schema": "accept", "unknown_fields": "keep", "max_age_days": 90, "max_ahead_minutes": 60, **records}
    return {"schemas": list(schemas), "columns": columns, "records": options}


def line(**members):
    record = {"device_id": "pi-1", "boot": BOOT, "seq": 9, "ts": "2026-11-25T15:59:58.123Z", "readings": {"temp": 21.5}}
    record.update(members)
    return json.dumps({k: v for k, v in record.items() if v is not ...}).encode()


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def aggregate(*users):
    message = b"\x0a\x04pi-1"
    for user in users:
        body = b"\x08\x00\x1a" + varint(len(user)) + user
        message += b"\x1a" + varint(len(body)) + body
    return MAGIC + message + hashlib.md5(message).digest()


class Records(unittest.TestCase):
    def read(self, data, rules=None, source=SOURCE):
        return list((rules or Rules(model())).rows(data, source))

    def row(self, data, rules=None):
        (row,) = self.read(data, rules)
        self.assertIsInstance(row, Row, row)
        return row

    def dead(self, data, reason, detail="", rules=None):
        (letter,) = self.read(data, rules)
        self.assertIsInstance(letter, DeadLetter, letter)
        self.assertEqual(letter.reason, reason)
        self.assertIn(detail, letter.detail)
        return letter

    def test_row(self):
        readings = {"temp": 21.5, "count": 7, "motion": True, "note": "x"}
        row = self.row(line(schema="env/1", meta={"site": "north"}, readings=readings))
        self.assertEqual(row[:3], ("pi-1", BOOT, 9))
        self.assertEqual((row.ts, row.from_device, row.device_ts), (1_795_622_398_123_000, True, None))
        self.assertEqual((row.schema, row.meta, row.extra), ("env/1", {"site": "north"}, None))
        self.assertEqual(row.values, (21.5 * 1.8 + 32.0, 7, True, "x", None))

    def test_every_kind_of_dead_letter(self):
        reject = Rules(model(unknown_fields="reject"))
        none = Rules(model(without_schema="reject"))
        for data, reason, detail, rules in [
            (b'{"device_id":', "json", "not JSON", None),
            (b"{\xff}", "json", "not JSON", None),
            (b'{"a":"\\ud800"}', "json", "not JSON", None),
            (b"{" + b'"a":{' * 3000, "json", "not JSON", None),
            (b'{"temp":1}', "not_record", "device_id", None),
            (line(device_id="x" * 129), "not_record", "1 to 128", None),
            (line(device_id=7), "not_record", "1 to 128", None),
            (line(readings=[1]), "not_record", "readings", None),
            (line(meta="x"), "not_record", "meta", None),
            (line(schema="env/3"), "unknown_schema", "env/3 is not among env/1, env/2", None),
            (line(), "unknown_schema", "names no schema", none),
            (line(readings={}), "missing", "temp is missing, and schema env/2 requires it", None),
            (line(readings={"temp": None}), "missing", "temp", None),
            (line(readings={"temp": "warm"}), "type", "temp = warm is no float", None),
            (line(readings={"temp": True}), "type", "temp", None),
            (line(readings={"temp": 1, "count": 1.5}), "type", "count = 1.5 is no int", None),
            (line(readings={"temp": 1, "motion": 1}), "type", "motion", None),
            (line(readings={"temp": 1, "note": 1}), "type", "note", None),
            (line(readings={"temp": 85.1}), "range", "temp = 85.1 is above the maximum 85 Cel", None),
            (line(readings={"temp": -41}), "range", "below the minimum -40 Cel", None),
            (line(readings={"temp": math.nan}), "range", "NaN", None),
            (b'{"device_id":"a","readings":{"temp":1e999}}', "range", "1e999", None),
            (line(readings={"temp": 1, "count": 1 << 63}), "range", "64 bits", None),
            (line(readings={"temp": 1, "count": 10**30}), "range", "64 bits", None),
            (line(readings={"temp": 1, "x": 1}), "unknown_field", "x is not in schema", reject),
            (line(firmware="1.2"), "unknown_field", "firmware", reject),
            (b'{"device_id":"a","readings":{"temp":1,"temp":2}}', "duplicate_field", "temp is given twice, as 1 and 2", None),
            (b'{"device_id":"a","device_id":"b","readings":{"temp":1}}', "duplicate_field", "device_id", None),
            (line(a=1, readings={"temp": 1, "a": 2}), "duplicate_field", "a is given twice", None),
            (line(ts="yesterday"), "timestamp", "yesterday", None),
            (line(ts="2026-02-30T00:00:00Z"), "timestamp", "day is out of range", None),
            (line(ts=True), "timestamp", "true", None),
            (line(boot=17), "id", 'boot = 17 is not 16 lower-case hexadecimal digits as text, such as "9f3c', None),
            (line(boot=0), "id", "boot = 0 is", None),
            (line(boot=-1), "id", "boot = -1 is", None),
            (line(boot=1.5), "id", "boot = 1.5 is", None),
            (line(boot=True), "id", "boot = true is", None),
            (line(boot=[BOOT]), "id", 'boot = ["9f3c', None),
            (line(boot=0x9F3C01D2E4A5B687), "id", "boot = 11474047955924006535 is", None),
            (line(boot=""), "id", 'boot = "" is', None),
            (line(boot="17"), "id", 'boot = "17" is', None),
            (line(boot=BOOT.upper()), "id", 'boot = "9F3C', None),
            (line(boot=BOOT + "\n"), "id", 'boot = "9f3c01d2e4a5b687\\n" is', None),
            (line(boot=" " + BOOT[1:]), "id", 'boot = " f3c', None),
            (line(boot="٣" * 16), "id", "boot = ", None),
            (line(boot="x" * 9999), "id", "x… is not", None),
            (line(seq=1 << 63), "id", "seq = 9223372036854775808 is not an integer of 0 to 9223372036854775807", None),
            (line(seq=-1), "id", "seq = -1 is", None),
            (line(seq=1.0), "id", "seq = 1.0 is", None),
            (line(seq="9"), "id", 'seq = "9" is', None),
            (b"hello", "format", "68 65 6c 6c", None),
            (b"", "format", "nothing", None),
            (gzip.compress(line())[:-9], "corrupt", "gzip", None),
            (b"\xd7RV\x01 and more", "corrupt", "checksum", None),
            (MAGIC + b"no aggregate, though it looks so", "aggregate", "MD5", None),
        ]:
            with self.subTest(reason=reason, data=data[:60]):
                letter = self.dead(data, reason, detail, rules)
                self.assertEqual(letter.data, data)
                self.assertEqual(letter.source, SOURCE)

    def test_lenient_where_nothing_is_lost(self):
        self.assertEqual(self.row(line(readings={"temp": 21})).values[0], 21 * 1.8 + 32.0)
        same = b'{"device_id":"a","device_id":"a","readings":{"temp":1.0,"temp":1.0}}'
        self.assertEqual(self.row(same).values[0], 33.8)
        self.assertEqual(self.row(line(meta={"n": 1})).meta, {"n": "1"})
        self.assertIsNone(self.row(line(meta=None, readings={"temp": 1, "count": None})).values[1])

    def test_unknown_fields(self):
        data = line(firmware="1.2", readings={"temp": 1, "x": [1.5, None]})
        self.assertEqual(self.row(data).extra, {"x": "[1.5,null]", "firmware": '"1.2"'})
        self.assertIsNone(self.row(data, Rules(model(unknown_fields="drop"))).extra)

    def test_a_record_without_id_has_none(self):
        for members in ({"boot": ...}, {"seq": ...}, {"boot": None}, {"seq": None}, {"boot": "0" * 16}, {"seq": 0}):
            row = self.row(line(**members))
            self.assertEqual((row.boot, row.seq), (None, None))

    def test_devices(self):
        cases = json.loads((COLUMNAR.parent.parent.parent / "record" / "testdata" / "names.json").read_text("utf-8"))
        self.assertGreater(len(cases), 100)
        for case in cases:
            device = case["text"]
            if case["ok"]:
                self.assertEqual(self.row(line(device_id=device)).device_id, device)
            else:
                self.assertEqual(self.dead(line(device_id=device), "not_record").device_id or "", visible(device))
        self.dead(line(device_id="pi\x1b[2J"), "not_record", "the device id 'pi\\x1b[2J' has the character U+001B")
        self.dead(line(device_id="pi "), "not_record", "the device id 'pi ' begins or ends with a space")
        # The one that was fine last is known, and nothing else is by that.
        rules = Rules(model())
        for device, fine in [("a", True), ("a\n", False), ("a", True), ("a ", False), ("a ", False)]:
            self.assertEqual(isinstance(self.read(line(device_id=device), rules)[0], Row), fine, device)

    def test_what_a_letter_says_is_safe_to_print(self):
        rules = Rules(model(unknown_fields="reject"))
        bad = "\x1b]0;\x9b\x7f\u202e\n\u2066x"
        raw = json.dumps(bad, ensure_ascii=False).encode()
        for data in [
            *(line(**{member: bad}) for member in ("device_id", "boot", "seq", "ts", "schema", "meta", "readings", bad)),
            *(line(readings={"temp": 1, name: value}) for name, value in [("note", 1), ("count", bad), (bad, 1), (bad, bad)]),
            b'{"device_id":"a","readings":{"temp":%s}}' % raw,
            b'{"device_id":"a",%s:1,%s:2}' % (raw, raw),
            b'{"device_id":%s,"readings":{}}' % raw,
            b'{"device_id":%s' % raw,
            bad.encode(),
            b'{"\\ud800":1,"\\ud800":2}',
            gzip.compress(b"{" + bad.encode() + b"\n" + line()),
            gzip.compress(line(readings={"temp": bad}) * 200),
        ]:
            for letter in self.read(data, rules):
                if isinstance(letter, DeadLetter):
                    for said in (letter.reason, letter.detail, letter.device_id or ""):
                        self.assertNotRegex(said, "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", data)
                        said.encode()  # as Arrow does
        self.assertEqual(visible("a\x1b\x9b\u202eü😀\U000e0041\\"), "a\\u001b\\u009b\\u202eü😀\\U000e0041\\")

    def test_limits_are_of_the_records_own_version(self):
        wider = copy.deepcopy(ENV_2)
        wider["fields"][0]["max"] = 200
        rules = Rules(model(ENV_1, wider))
        hot = {"temp": 150.0}
        self.dead(line(schema="env/1", readings=hot), "range", rules=rules)
        self.row(line(schema="env/2", readings=hot), rules)

    def test_wrong_clocks(self):
        for ts, given in [
            ("1970-01-01T00:00:12Z", "1970-01-01T00:00:12Z"),
            (12, "12"),
            ("2027-11-25T15:59:58Z", "2027-11-25T15:59:58Z"),
            (..., None),
            (None, None),
        ]:
            row = self.row(line(ts=ts))
            self.assertEqual((row.ts, row.from_device, row.device_ts), (NOW * 1000, False, given))
        for minutes, own in [(-90 * 1440, True), (-90 * 1440 - 1, False), (60, True), (61, False)]:
            self.assertEqual(self.row(line(ts=NOW // 1000 + minutes * 60)).from_device, own, minutes)

    def test_times(self):
        want = 1_594_598_400_500_000
        for given in [
            "2020-07-13T00:00:00.5Z", "2020-07-13t00:00:00.500000z", "2020-07-13 02:00:00.5+02:00",
            "2020-07-12T19:30:00.5-0430", "2020-07-13T00:00:00,5", 1594598400.5, "1594598400.5",
            1594598400500, 1594598400500000, "1594598400500", 1594598400500000000,
        ]:  # fmt: skip
            self.assertEqual(read_time(given), want, given)
        self.assertEqual(read_time("2016-12-31T23:59:60Z"), read_time("2017-01-01T00:00:00Z"))  # a leap second
        self.assertEqual(read_time("1969-12-31T23:59:59.999Z"), -1000)
        for bad in [
            "",
            "2020-07-13",
            "2020-07-13T25:00:00Z",
            "2020-07-13T00:00:61Z",
            "2020-07-13T00:00:00+24:00",
            [],
            {},
            1e300,
            10**21,
        ]:
            with self.assertRaises(Rejected, msg=bad):
                read_time(bad)


class Frames(unittest.TestCase):
    def setUp(self):
        self.rules = Rules(model())

    def test_lines_are_judged_one_by_one(self):
        data = b"\n".join([line(seq=1), b"{bad", b"", line(seq=2), line(seq=3, readings={"temp": 99.0})]) + b"\n"
        for frame in (data, gzip.compress(data)):
            found = list(self.rules.rows(frame, SOURCE))
            self.assertEqual([r.seq for r in found if isinstance(r, Row)], [1, 2])
            self.assertEqual([(d.reason, d.record) for d in found if isinstance(d, DeadLetter)], [("json", 1), ("range", 4)])
            self.assertEqual(found[-1].data, line(seq=3, readings={"temp": 99.0}))

    def test_what_is_before_the_damage_lands(self):
        data = b"\n".join(line(seq=i, meta={"random": random.Random(i).random()}) for i in range(1, 2000))
        frame = gzip.compress(data)[:-2000]
        *rows, last = self.rules.rows(frame, SOURCE)
        self.assertEqual([r.seq for r in rows], list(range(1, len(rows) + 1)))
        self.assertGreater(len(rows), 500)
        self.assertEqual((last.reason, last.data, last.record), ("corrupt", frame, None))

    def test_a_frame_of_garbage_is_one_dead_letter(self):
        frame = b"{\n" + b"x\n" * 500 + line()
        row, letter = self.rules.rows(frame, SOURCE)
        self.assertEqual((row.seq, letter.reason, letter.data), (9, "json", frame))
        self.assertIn("501 of its records are refused, 1 are stored; the first: not JSON", letter.detail)

    def test_many_dead_letters_are_one(self):
        frame = gzip.compress((line(seq=1) + b"\n{bad\n") * 1000)
        *rows, letter = self.rules.rows(frame, SOURCE)
        self.assertEqual((len(rows), letter.reason, letter.data), (1000, "json", frame))

    def test_a_batch_is_cleared_when_it_is_full(self):
        frame = gzip.compress((line() + b"\n") * 50_000)
        batch, sizes = Batch(len(self.rules.fields)), []
        for _ in self.rules.read(aggregate(frame, frame), SOURCE, batch):
            sizes.append(len(batch))
            batch.clear()
        self.assertEqual(sum(sizes) + len(batch), 100_000)
        self.assertEqual(max(sizes), 20_000)

    def test_a_fault_of_the_rules_is_a_dead_letter(self):
        rules = Rules(model())
        rules.row = None
        (letter,) = rules.rows(line(), SOURCE)
        self.assertEqual((letter.reason, letter.data), ("internal", line()))

    def test_bombs(self):
        bomb = gzip.compress(b" " * (65 << 20), 9)
        (letter,) = self.rules.rows(bomb, SOURCE)
        self.assertEqual(letter.reason, "corrupt")  # a line of over 1 MiB
        for short in (b"\n", b"{}\n"):
            bomb = gzip.compress(short * (2 << 20), 9)
            (letter,) = self.rules.rows(bomb, SOURCE)
            self.assertEqual((letter.reason, letter.data), ("too_large", bomb))
        bomb = gzip.compress((line() + b" " * 1000 + b"\n") * (66 << 10), 9)
        *rows, letter = self.rules.rows(aggregate(bomb, line(seq=10)), SOURCE)
        self.assertEqual((letter.reason, letter.user_record, letter.data), ("too_large", 0, bomb))
        self.assertEqual(rows[-1].seq, 10)

    def test_user_records_of_an_aggregate(self):
        found = list(self.rules.rows(aggregate(line(seq=1), b"damaged", line(seq=2)), SOURCE))
        self.assertEqual([r.seq for r in found[:2]], [1, 2])
        self.assertEqual((found[2].reason, found[2].user_record, found[2].data), ("format", 1, b"damaged"))

    def test_a_replayed_record_keeps_its_place(self):
        source = SOURCE._replace(replayed=1, user_record=4, record=17)
        (letter,) = self.rules.rows(line(readings={"temp": 99.0}), source)
        self.assertEqual((letter.user_record, letter.record, letter.source.replayed), (4, 17, 1))


class Columnar(unittest.TestCase):
    """Frames that Go wrote: by columns or by records, the rows must be the same."""

    def frames(self):
        for path in sorted(COLUMNAR.glob("*.frame")):
            name = path.name[: -len(".frame")]
            documents = [json.loads(d.read_text()) for d in sorted(COLUMNAR.glob(name + ".schema*.json"))]
            yield name, path.read_bytes(), documents

    def test_by_columns_as_by_records(self):
        rows = fast = 0
        for name, frame, documents in self.frames():
            if not documents:
                continue
            rules = Rules(model(*documents, max_age_days=36500))
            arrival = 4_000_000_000_000
            source = SOURCE._replace(arrival=arrival)
            slow = Rules(model(*documents, max_age_days=36500))
            taken = []
            rules._take = lambda s, *rest, take=rules._take, taken=taken: taken.append(take(s, *rest)) or taken[-1]
            slow._take = lambda *_: False
            got, want = list(rules.rows(frame, source)), list(slow.rows(frame, source))
            with self.subTest(name):
                self.assertEqual(repr(got), repr(want))
            rows, fast = rows + len(got), fast + sum(taken)
        self.assertGreater(rows, 60)
        self.assertGreater(fast, 3)

    def test_what_json_would_lose(self):
        for name, frame, documents in self.frames():
            if not documents:
                continue
            rules = Rules(model(*documents, max_age_days=36500))
            rules._take = lambda *_: False
            rules.row = lambda record, arrival: (_ for _ in ()).throw(Rejected("range", "refused"))
            letters = list(rules.rows(frame, SOURCE))
            for letter in letters:
                if letter.data != frame:
                    json.loads(letter.data, parse_constant=self.fail)
                    self.assertNotIn(b"null", letter.data)
            self.assertTrue(letters, name)

    def test_damage(self):
        rng = random.Random(7)
        frames = list(self.frames())
        for _ in range(1500):
            name, frame, documents = frames[rng.randrange(len(frames))]
            damaged = bytearray(frame)
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            rules = Rules(model(*documents) if documents else model())
            for data in (bytes(damaged), frame[: rng.randrange(len(frame))]):
                found = list(rules.rows(data, SOURCE))
                self.assertTrue(found, name)  # never nothing
                for item in found:
                    if isinstance(item, DeadLetter) and item.record is None:
                        self.assertEqual(item.data, data)


class Fuzz(unittest.TestCase):
    def test_depth(self):
        rules = Rules(model())
        for depth in [*range(900, 1010), 10_000]:
            deep = b"[" * depth + b"]" * depth
            for where in (b'"readings":{"temp":1,"deep":%s}', b'"readings":{"temp":%s}', b'"readings":{"temp":1},"ts":%s'):
                (found,) = rules.rows(b'{"device_id":"a",' + where % deep + b"}", SOURCE)
                self.assertIn(getattr(found, "reason", "row"), ("row", "json", "type", "timestamp"))

    def test_nothing_raises_and_nothing_vanishes(self):
        rng = random.Random(3)
        rules = Rules(model())
        seeds = [line(), line(schema="env/1", meta={"a": "b"}), gzip.compress(line() * 3), aggregate(line(), line(seq=2))]
        for _ in range(4000):
            data = bytearray(seeds[rng.randrange(len(seeds))])
            for _ in range(rng.randrange(1, 5)):
                at = rng.randrange(len(data))
                data[at : at + rng.randrange(3)] = bytes(rng.randrange(256) for _ in range(rng.randrange(3)))
            batch = Batch(len(rules.fields))
            list(rules.read(bytes(data), SOURCE, batch))
            self.assertTrue(len(batch) + len(batch.dead), bytes(data))

    def test_floats_keep_their_bits(self):
        rng = random.Random(5)
        free = copy.deepcopy(ENV_1)
        free["fields"] = [{"name": "x", "kind": "float"}]
        rules = Rules(model(free))
        for _ in range(2000):
            x = struct.unpack("d", rng.randbytes(8))[0]
            if math.isfinite(x):
                (row,) = rules.rows(line(readings={"x": x}), SOURCE)
                self.assertEqual(struct.pack("d", row.values[0]), struct.pack("d", x))


if __name__ == "__main__":
    unittest.main()
