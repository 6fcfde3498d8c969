"""Tests of rivulet_frames: python3 test_rivulet_frames.py"""

import contextlib
import gzip
import io
import json
import math
import random
import struct
import subprocess
import sys
import time
import tracemalloc
import unittest
import zlib
from pathlib import Path

import rivulet_frames as rf

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "compress" / "testdata" / "columnar"
PROGRAM = [sys.executable, "-B", str(HERE / "rivulet_frames.py")]


def vectors():
    frames = sorted(VECTORS.glob("*.frame"))
    assert len(frames) > 25, f"no test vectors in {VECTORS}"
    return frames


def read(name):
    """Returns a vector's frame, lines and schemas."""
    path = VECTORS / name
    schemas = [rf.Schema.parse(doc.read_bytes()) for doc in sorted(VECTORS.glob(name + ".schema*.json"))]
    return path.with_name(name + ".frame").read_bytes(), path.with_name(name + ".ndjson").read_text("utf-8"), schemas


def mended(frame):
    """Makes the checksum right, so that what is behind it is put to the test."""
    crc = zlib.crc32(frame[8:], zlib.crc32(frame[:4]))
    return frame[:4] + crc.to_bytes(4, "little") + frame[8:]


def reason_of(frame, *args):
    """Decodes a frame, of which nothing but a FrameError may come."""
    try:
        for _ in rf.decode(frame, *args):
            pass
    except rf.FrameError as e:
        assert str(e)
        return e.reason
    return "ok"


class Columnar(unittest.TestCase):
    def test_vectors(self):
        for path in vectors():
            name = path.name[: -len(".frame")]
            with self.subTest(name):
                frame, lines, schemas = read(name)
                records = list(rf.decode(frame, schemas))
                self.assertEqual(lines, "".join(rf.to_json(r) + "\n" for r in records))
                bits = path.with_name(name + ".bits.json")
                if bits.exists():
                    self.check_bits(json.loads(bits.read_text()), records)
                else:
                    same = [json.loads(line) for line in lines.split("\n")[:-1]]
                    self.assertEqual(same, records)
                    self.assertEqual(repr(same), repr(records), "kinds or order differ")

    def test_marks(self):
        marked = 0
        for path in vectors():
            name = path.name[: -len(".frame")]
            doc = path.with_name(name + ".marks.json")
            want = json.loads(doc.read_text()) if doc.exists() else []
            frame, _, schemas = read(name)
            have = [
                {"device_id": m.device, "boot": m.boot, "first": m.first, "closed": m.closed}
                for m in rf.series(frame, schemas).marks
            ]
            self.assertEqual(want, have, name)
            marked += len(want)
        self.assertGreater(marked, 2)

    def check_bits(self, bits, records):
        for name, want in bits.items():
            have = [f"{struct.unpack('<Q', struct.pack('<d', r['readings'][name]))[0]:016x}" for r in records]
            self.assertEqual(want, have, name)

    def test_damaged_vectors(self):
        damaged = sorted((VECTORS / "damaged").glob("*.frame"))
        self.assertGreater(len(damaged), 40)
        for path in damaged:
            with self.subTest(path.name):
                self.assertEqual(path.name.split(".")[0], reason_of(path.read_bytes()))

    def test_schemas_that_do_not_fit(self):
        frame, _, schemas = read("schema")
        name, version = schemas[0].ref.split("/")
        other = {"name": name, "version": int(version), "fields": [{"name": "v", "kind": "float"}]}
        self.assertEqual("schema", reason_of(frame, [rf.Schema.parse(json.dumps(other))]))
        close = schemas[0]._replace(fingerprint=schemas[0].fingerprint ^ 1)
        self.assertEqual("schema", reason_of(frame, [*schemas, close]))
        self.assertEqual("ok", reason_of(frame, [*schemas, *schemas]))

    def test_records_share_nothing(self):
        first, second = list(rf.decode(read("no-readings")[0]))[:2]
        first["readings"]["new"] = 1
        self.assertEqual({}, second["readings"])
        frame, _, schemas = read("schema")
        for record in rf.decode(frame, schemas):
            self.assertNotIn("new", record["meta"])
            record["meta"]["new"] = "1"

    def test_limit(self):
        for name in "strings", "series", "sensors":
            frame, lines, schemas = read(name)
            self.assertEqual("too_large", reason_of(frame, schemas, len(lines) // 4), name)
            self.assertEqual("ok", reason_of(frame, schemas, len(lines) * 2), name)

    def test_bytes_like(self):
        frame, lines, _ = read("bools")
        for form in bytearray, memoryview:
            self.assertEqual(lines, "".join(rf.to_json(r) + "\n" for r in rf.decode(form(frame))))


class Hostile(unittest.TestCase):
    def setUp(self):
        self.started = time.monotonic()

    def tearDown(self):
        self.assertLess(time.monotonic() - self.started, 120)

    def test_every_cut_and_bit(self):
        for name in "one-record", "not-finite", "series", "strings":
            frame, _, schemas = read(name)
            for cut in range(len(frame)):
                self.assertNotEqual("ok", reason_of(frame[:cut], schemas))
                if cut >= 8:
                    reason_of(mended(frame[:cut]), schemas, 1 << 20)
            for bit in range(8 * len(frame)):
                bad = bytearray(frame)
                bad[bit // 8] ^= 1 << bit % 8
                self.assertEqual("corrupt", reason_of(bytes(bad), schemas))
                reason_of(mended(bytes(bad)), schemas, 1 << 18)

    def test_random_bytes(self):
        rng = random.Random(5)
        for i in range(3000):
            junk = (
                rng.randbytes(rng.randrange(60))
                if hasattr(rng, "randbytes")
                else bytes(rng.choices(range(256), k=rng.randrange(60)))
            )
            reason_of(junk)
            for start in b"{", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", b"\x28\xb5\x2f\xfd":
                self.assertNotEqual("ok", reason_of(start + junk))
            # No text, so that the coded part is read, which may be fine.
            reason_of(mended(b"\xd7RV\x01....\x02\x01d" + bytes([i % 2]) + junk), (), 1 << 18)

    def test_bombs(self):
        bombs = sorted((VECTORS / "damaged").glob("too_large.*.frame"))
        self.assertGreater(len(bombs), 2)
        for path in bombs:
            for limit in 1 << 12, 1 << 16, 1 << 20:
                with self.subTest(path.name, limit=limit):
                    self.check_refused(path.read_bytes(), limit)

    def check_refused(self, frame, limit):
        """Checks that a frame is too large, and that finding out took memory of the limit's order."""
        tracemalloc.start()
        try:
            reason = reason_of(frame, (), limit)
            taken = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertEqual("too_large", reason)
        self.assertLess(taken, 12 * limit + 2 * len(frame) + (1 << 20))

    def test_deflate_bomb(self):
        text = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = text.compress(bytes(50 << 20)) + text.flush()
        sizes = b"\x80\x80\x80\x04" + bytes([len(packed) & 127 | 128, len(packed) >> 7 & 127 | 128, len(packed) >> 14])
        self.check_refused(mended(b"\xd7RV\x81...." + sizes + packed), 1 << 20)  # says 8 MiB
        small = b"\x10" + sizes[4:]  # says 16 bytes
        tracemalloc.start()
        self.assertEqual("corrupt", reason_of(mended(b"\xd7RV\x81...." + small + packed)))
        self.assertLess(tracemalloc.get_traced_memory()[1], 1 << 20)
        tracemalloc.stop()

    def test_line_bombs(self):
        lines = b'{"device_id":"d","readings":{"s":"' + b" " * 900_000 + b'"}}\n'
        self.check_refused(gzip.compress(lines * 60), 5 << 20)
        self.check_refused(lines * 12, 5 << 20)
        for size in (1 << 20) - 30, 1 << 20, 30 << 20:
            with self.assertRaisesRegex(rf.FrameError, "longer than 1048576 bytes"):
                list(rf.decode(lines[:34] + b" " * size + lines[-5:]))
        self.assertEqual("corrupt", reason_of(b'{"device_id":"d","readings":{"a":' + b"[" * 500_000))
        self.assertEqual("corrupt", reason_of(b'{"device_id":"d","readings":{"a":' + b"7" * 900_000 + b"}}"))
        packed = gzip.compress(b" " * (60 << 20))
        tracemalloc.start()
        self.assertEqual("format", reason_of(packed))
        self.assertLess(tracemalloc.get_traced_memory()[1], 8 << 20)
        tracemalloc.stop()
        with contextlib.suppress(ImportError):
            import zstandard

            self.check_refused(zstandard.compress(lines * 60), 5 << 20)
            self.assertEqual("corrupt", reason_of(bytes.fromhex("28b52ffd00ff010000")))  # a window of terabytes


class Foreign(unittest.TestCase):
    """Bytes that are not ours are never taken for damaged frames, nor damaged frames for others' bytes."""

    def test_random_bytes(self):
        rng = random.Random(6)
        for size in 2, 4, 5, 8, 10, 16, 32, 100:
            for _ in range(20_000):
                junk = rng.getrandbits(8 * size).to_bytes(size, "big")
                if rf.sniff(junk) != "unknown":
                    self.assertEqual("format", reason_of(junk), junk.hex())

    def test_others_data(self):
        rng = random.Random(7)
        noise = rng.getrandbits(800_000).to_bytes(100_000, "big")
        csv, long = b"time,value\n1,2\n", b"0123456789" * 300_000
        others = [b"", csv, noise, b'{"temperature":3}', b'{"device_id":"d","temperature":3}', b"21.7;ok", b"\xd7RV"]
        others += [gzip.compress(data) for data in (csv, noise, long, b'{"temperature":3}\n{"temperature":4}')]
        with contextlib.suppress(ImportError):
            import zstandard

            others += [zstandard.compress(data) for data in (csv, noise, long)]
        for data in others:
            self.assertEqual("format", reason_of(data), data[:32])

    def test_every_cut_and_bit_of_lines(self):
        line = Lines.line
        frames = [(5, line), (5, line + b"\n" + line), (10, gzip.compress(line)), (10, rf._GZIP + gzip.compress(line)[10:])]
        with contextlib.suppress(ImportError):
            import zstandard

            # As our encoder writes it: with a checksum, and without the length.
            params = zstandard.ZstdCompressionParameters(write_checksum=True, write_content_size=False)
            frames.append((4, zstandard.ZstdCompressor(compression_params=params).compress(line)))
        for told, frame in frames:
            for cut in range(told, len(frame)):
                self.assertNotEqual("format", reason_of(frame[:cut]), (frame, cut))
            for bit in range(8 * len(frame)):
                if frame[:2] == b"\x1f\x8b" and frame[:10] != rf._GZIP and bit < 80:
                    continue  # only of our own header more is known
                bad = bytearray(frame)
                bad[bit // 8] ^= 1 << bit % 8
                self.assertNotEqual("format", reason_of(bytes(bad)), (frame, bit))


class Lines(unittest.TestCase):
    line = b'{"device_id":"d","boot":"9f3c1e7a55d20b86","seq":2,"ts":"2026-11-22T21:40:01.123Z",' + (
        b'"schema":"a/1","meta":{"m":"x"},"readings":{"f":1.0,"i":1,"e":1e300,"b":true,"s":"\\u00e9\\n"}}'
    )

    def test_codecs(self):
        want = json.loads(self.line)
        frames = {"none": self.line + b"\n" + self.line, "gzip": gzip.compress(self.line + b"\n" + self.line + b"\n")}
        with contextlib.suppress(ImportError):
            import zstandard

            frames["zstd"] = zstandard.compress(frames["none"])
        for codec, frame in frames.items():
            self.assertEqual(codec, rf.sniff(frame))
            records = list(rf.decode(frame))
            self.assertEqual(repr([want, want]), repr(records))
            if codec != "none":
                for cut in range(10 if codec == "gzip" else 4, len(frame)):
                    self.assertEqual("corrupt", reason_of(frame[:cut]), f"{codec} cut at {cut}")

    def test_zstd_without_its_package(self):
        there = sys.modules.get("zstandard")
        sys.modules["zstandard"] = None  # importing it fails
        try:
            with self.assertRaisesRegex(rf.FrameError, "pip install zstandard"):
                list(rf.decode(b"\x28\xb5\x2f\xfd"))
        finally:
            del sys.modules["zstandard"]
            if there:
                sys.modules["zstandard"] = there

    def test_records_before_damage(self):
        records = rf.decode(self.line + b"\nnonsense")
        self.assertEqual("d", next(records)["device_id"])
        with self.assertRaisesRegex(rf.FrameError, "line 2"):
            next(records)

    def test_what_is_no_record(self):
        bad = [
            "",
            "[]",
            "1",
            "{}",
            '{"device_id":"d"}',
            '{"readings":{}}',
            '{"device_id":"","readings":{}}',
            '{"device_id":1,"readings":{}}',
        ]
        bad += [
            f'{{"device_id":"d","readings":{r}}}'
            for r in ("[]", "null", '{"a":null}', '{"a":{}}', '{"a":[1]}', '{"":1}', '{"a":NaN}')
        ]
        bad += [
            f'{{"device_id":"d","readings":{{"a":{v}}}}}'
            for v in ("9223372036854775808", "1e999", "-Infinity", "01", '"\\ud800"')
        ]
        bad += ['{"device_id":"d","readings":{"%s":1}}' % ("n" * 129), '{"device_id":"d","readings":{"a":1,"a":2}}']
        bad += [
            f'{{"device_id":"d","readings":{{}},{m}}}'
            for m in ('"boot":1', '"boot":true', '"seq":1.0', '"more":1', '"meta":{"a":1}')
        ]
        bad += [
            f'{{"device_id":"d","readings":{{}},"boot":"{boot}"}}'
            for boot in ("9f3c1e7a55d20b8", "9F3C1E7A55D20B86", " 9f3c1e7a55d20b8", "")
        ]
        for text in bad:
            meant = "device_id" in text and "readings" in text
            self.assertEqual("corrupt" if meant else "format", reason_of(gzip.compress(text.encode() + b"\n")), text)
        self.assertEqual("corrupt", reason_of(b'{"device_id":"\xff","readings":{}}'))
        self.assertEqual("corrupt", reason_of(gzip.compress(b"")))
        self.assertEqual("ok", reason_of(b'{"device_id":"d","readings":{"a":-9223372036854775808,"b":-0.0}}'))


class Names(unittest.TestCase):
    cases = json.loads((HERE.parent.parent / "record" / "testdata" / "names.json").read_text("utf-8"))

    def test_names(self):
        self.assertGreater(len(self.cases), 80)
        for case in self.cases:
            text, fine = case["text"], case["ok"]
            problems = rf.device_problem(text), rf.name_problem(text)
            with self.subTest(text):
                for problem in problems:
                    self.assertEqual(fine, not problem, problem)
                    self.assertTrue(problem.isprintable(), problem)
                good = {"device_id": "d", "readings": {}}
                for bad in {"device_id": text}, {"readings": {text: 1}}, {"meta": {text: ""}}, {"schema": text}:
                    expected = "ok" if fine or bad == {"schema": ""} else "corrupt"
                    self.assertEqual(expected, reason_of(json.dumps({**good, **bad}).encode()), bad)
                free = {**good, "meta": {"m": text}, "readings": {"s": text}}
                self.assertEqual([free], list(rf.decode(json.dumps(free).encode())))


class Text(unittest.TestCase):
    def test_floats(self):
        texts = "0.0 0.000001 9.99e-07 0.000015 10000000000000000.0 100000000000000000000.0"
        for text in [*texts.split(), "123456789012345680.0", "1e+21", "1.25e+300", "5e-324"]:
            for signed in text, "-" + text:
                record = {"device_id": "d", "readings": {"v": float(signed)}}
                self.assertEqual('{"device_id":"d","readings":{"v":%s}}' % signed, rf.to_json(record))
        self.assertIn(":null}", rf.to_json({"device_id": "d", "readings": {"v": math.inf}}))

    def test_schema_documents(self):
        # The fingerprints in the vectors are Go's, so here is only what is no schema.
        good = {"name": "a", "version": 1, "fields": [{"name": "v", "kind": "float", "min": 1}]}
        self.assertEqual(("a/1", (("v", 0),)), rf.Schema.parse(json.dumps(good))[:2])
        for change in (
            {"fields": []},
            {"fields": good["fields"] * 2},
            {"fields": [{"name": "v", "kind": "x"}]},
            {"name": 1, "version": None},
            {"fields": 3},
        ):
            with self.assertRaises(rf.FrameError) as e:
                rf.Schema.parse(json.dumps({**good, **change}))
            self.assertEqual("schema", e.exception.reason)
        for text in "", "[]", "[" * 100_000, b"\xff":
            with self.assertRaises(rf.FrameError):
                rf.Schema.parse(text)


class CommandLine(unittest.TestCase):
    def run_it(self, *args, stdin=b""):
        return subprocess.run([*PROGRAM, *args], input=stdin, capture_output=True, timeout=60)

    def test_prints_records(self):
        schemas = [arg for doc in sorted(VECTORS.glob("series.schema*")) for arg in ("-schema", str(doc))]
        done = self.run_it(*schemas, str(VECTORS / "series.frame"), "-", stdin=read("strings")[0])
        self.assertEqual((0, b""), (done.returncode, done.stderr))
        self.assertEqual(read("series")[1] + read("strings")[1], done.stdout.decode())

    def test_exit_codes(self):
        for code, said, args in [
            (1, "fingerprint begins with", [str(VECTORS / "schema.frame")]),
            (1, "No such file", ["/nowhere"]),
            (1, "not a schema document", ["-schema", str(VECTORS / "bools.frame"), str(VECTORS / "bools.frame")]),
            (2, "usage:", []),
            (2, "unrecognized", ["-what", "x"]),
        ]:
            done = self.run_it(*args)
            self.assertEqual(code, done.returncode, args)
            self.assertIn(said, done.stderr.decode())
        done = self.run_it("-h")
        self.assertEqual(0, done.returncode)
        self.assertIn("Exit codes", done.stdout.decode())

    def test_reader_that_leaves(self):
        for name, times in ("sensors-large", 20), ("bools", 1):
            frames = [str(VECTORS / (name + ".frame"))] * times
            process = subprocess.Popen([*PROGRAM, *frames], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.close()
            self.assertEqual(b"", process.stderr.read())
            process.stderr.close()
            self.assertEqual(1, process.wait(60))


if __name__ == "__main__":
    stream = io.TextIOWrapper(sys.stderr.buffer, "utf-8")
    unittest.main(testRunner=unittest.TextTestRunner(stream))
