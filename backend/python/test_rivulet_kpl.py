"""Tests of rivulet_kpl: python3 test_rivulet_kpl.py"""

import hashlib
import json
import random
import unittest
from pathlib import Path

from rivulet_frames import FrameError, sniff
from rivulet_kpl import MAGIC, user_records

VECTORS = Path(__file__).resolve().parent.parent.parent / "internal" / "kpl" / "testdata" / "vectors.json"


def sealed(message):
    return MAGIC + message + hashlib.md5(message).digest()


class Aggregates(unittest.TestCase):
    def test_vectors(self):
        vectors = json.loads(VECTORS.read_text())
        self.assertGreater(len(vectors["valid"]), 5)
        for v in vectors["valid"]:
            with self.subTest(v["name"], source=v["source"]):
                found = user_records(bytes.fromhex(v["hex"]), "outer")
                want = [(i, r["partition_key"], bytes.fromhex(r["data_hex"])) for i, r in enumerate(v["records"])]
                self.assertEqual([tuple(u) for u in found], want)
        for v in vectors["invalid"]:
            data = bytes.fromhex(v["hex"])
            with self.subTest(v["name"]):
                if not data.startswith(MAGIC):
                    self.assertEqual([u.data for u in user_records(data, "outer")], [data])
                    continue
                with self.assertRaises(FrameError) as caught:
                    user_records(data, "outer")
                self.assertEqual(caught.exception.reason, "aggregate")

    def test_aggregate_in_another_is_somebodys_data(self):
        inner = sealed(b"\x0a\x01k\x1a\x06\x08\x00\x1a\x02hi")
        for data in inner, inner[:-1], inner + inner:  # whole or not
            record = b"\x08\x00\x1a" + bytes([len(data)]) + data
            outer = sealed(b"\x0a\x01k\x1a" + bytes([len(record)]) + record)
            self.assertEqual([(0, "k", data)], [tuple(u) for u in user_records(outer, "x")])
            self.assertEqual("unknown", sniff(data))

    def test_other_data_is_one_user_record(self):
        for data in (b"", b"{", b"\xf3\x89\x9a", b"\x1f\x8b"):
            self.assertEqual([tuple(u) for u in user_records(data, "k")], [(0, "k", data)])

    def test_damaged_never_raises_anything_else(self):
        rng = random.Random(1)
        whole = bytes.fromhex(json.loads(VECTORS.read_text())["valid"][-1]["hex"])
        for _ in range(3000):
            message = bytearray(whole[len(MAGIC) : -16])
            for _ in range(rng.randrange(1, 4)):
                message[rng.randrange(len(message))] = rng.randrange(256)
            if rng.random() < 0.3:
                del message[rng.randrange(len(message)) :]
            try:
                user_records(sealed(bytes(message)), "k")
            except FrameError as e:
                self.assertIn(e.reason, ("aggregate", "too_large"))

    def test_too_many(self):
        many = sealed(b"\x0a\x01k" + b"\x1a\x04\x08\x00\x1a\x00" * (1 << 16))
        self.assertEqual(len(user_records(many, "")), 1 << 16)
        with self.assertRaises(FrameError) as caught:
            user_records(sealed(b"\x0a\x01k" + b"\x1a\x04\x08\x00\x1a\x00" * ((1 << 16) + 1)), "")
        self.assertEqual(caught.exception.reason, "too_large")


if __name__ == "__main__":
    unittest.main()
