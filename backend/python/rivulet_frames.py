#!/usr/bin/env python3
"""Reads Rivulet frames, which are the data of Kinesis records.

    import rivulet_frames

    schemas = [rivulet_frames.Schema.parse(open("env.schema.json").read())]
    for record in rivulet_frames.decode(data, schemas):
        print(record["device_id"], record["seq"], record["readings"]["temperature"])

One file for Python 3.9 or later. It needs the standard library only, and for zstd
frames the package zstandard. docs/columnar.md describes the columnar format.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import math
import os
import re
import struct
import sys
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import accumulate, chain, repeat
from pathlib import Path
from typing import Any, Callable, NamedTuple

DEFAULT_LIMIT = 64 << 20  # a Kinesis record of 1 MiB, compressed 64 to 1


class FrameError(ValueError):
    """A frame, or a schema document, that cannot be read.

    reason is "format": the bytes are of no format that is known (or that can be read here),
    "corrupt": they are damaged, "too_large": the frame asks for more than the limit, or
    "schema": its records have a schema that was not given.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


def sniff(frame: bytes) -> str:
    """Tells which codec wrote a frame: "columnar", "gzip", "zstd", "none"; or "unknown".

    Some 30 bits must agree, so that of other bytes none is taken for a damaged frame; and a frame that lost its end or has a
    bit wrong, be it in those bits, is told all the same. All that begins with a brace is "none", and gzip and zstd may hold
    anything: is_others tells these from frames.
    """
    start = bytes(frame[:16])
    if _is_columnar(start, frame):
        return "columnar"
    if _is_gzip(start):
        return "gzip"
    if _is_zstd(start):
        return "zstd"
    return "none" if start[:1] == b"{" or start[1:14] == _RECORD_START[1:14] else "unknown"


def is_others(frame: bytes, limit: int = DEFAULT_LIMIT) -> bool:
    """Tells whether a frame that cannot be read is JSON, or gzip or zstd of something, that is whole and that nothing says was
    meant as record JSON: somebody's own."""
    if sniff(frame) in ("columnar", "unknown"):
        return False
    text = b""
    try:
        for chunk in _text(bytes(frame)):
            text += chunk[: _MEANT - len(text)]
            limit -= len(chunk)
            if limit < 0:
                break
    except FrameError:
        return False
    return text != b"" and not _meant_as_records(text)


_COLUMNAR, _DEFLATED = 0xD7525601, 0x80  # magic and version; with a text that is deflated
_GZIP = bytes.fromhex("1f8b080000096e8800ff")  # how our encoder begins: no flags, no time, no system
_ZSTD = b"\x28\xb5\x2f\xfd"
_RECORD_START = b'{"device_id":"'
_SEEN = b'"device_id":', b'"boot":"', b'"seq":', b'"ts":"', b'"readings":{'
_MEANT = 1 << 14  # bytes of a text that are looked at


def _wrong_bits(start: bytes, right: bytes) -> int:
    return bin(int.from_bytes(start[: len(right)], "big") ^ int.from_bytes(right, "big")).count("1")


def _is_columnar(start: bytes, frame: bytes) -> bool:
    head = int.from_bytes(start[:4], "big")
    ours = head & ~_DEFLATED == _COLUMNAR and len(start) >= 4
    if ours or len(start) < 8:
        return ours
    if (head ^ _COLUMNAR) >> 8 == 0 and _fits(head, frame):
        return True  # of a later version, which has its checksum in the same place
    heads = (_COLUMNAR, _COLUMNAR | _DEFLATED)
    return any(_wrong_bits(start, right.to_bytes(4, "big")) == 1 and _fits(right, frame) for right in heads)


def _fits(head: int, frame: bytes) -> bool:
    """Tells whether a columnar frame has the right checksum if it begins with head."""
    return int.from_bytes(frame[4:8], "little") == zlib.crc32(frame[8:], zlib.crc32(head.to_bytes(4, "big")))


def _is_gzip(start: bytes) -> bool:
    """Tells gzip by all of the header that RFC 1952 fixes, or by how near it is to what our encoder writes."""
    if len(start) < len(_GZIP):
        return False
    flags, extra, system = start[3], start[8], start[9]
    if start[:3] == _GZIP[:3] and flags & 0xE0 == 0 and extra in (0, 2, 4) and (system <= 13 or system == 255):
        return True
    return _wrong_bits(start, _GZIP) <= 4


def _is_zstd(start: bytes) -> bool:
    """Tells zstd by the magic number. If a bit of that is wrong, the next must be as our encoder writes it."""
    wrong = _wrong_bits(start, _ZSTD)
    return len(start) >= 4 and (wrong == 0 or wrong == 1 and len(start) > 4 and start[4] & 0x1F == 4)


def _meant_as_records(text: bytes) -> bool:
    """Tells by the beginning of some text whether it is record JSON that was damaged, or that of a later version; and no JSON
    or anything else that never was any."""
    if b'"device_id"' in text and b'"readings"' in text:
        return True
    if sum(member in text for member in _SEEN) >= len(_SEEN) - 1:  # a name may be damaged
        return True
    n = min(len(text), len(_RECORD_START))
    if n < 5 or text[:n] != _RECORD_START[:n] or b"\n" in text:
        return False
    try:  # cut short in its first line, unless it is JSON
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def decode(frame: bytes, schemas: Iterable[Schema] = (), limit: int = DEFAULT_LIMIT) -> Iterator[dict[str, Any]]:
    """Yields the records of a frame of any codec, in order, as record JSON has them:

        {"device_id": str, "boot": str, "seq": int, "ts": "2026-11-22T21:40:01.123Z", "schema": "name/version",
         "meta": {name: str}, "readings": {name: float, int, bool or str}}

    Members that are empty are left out, but for device_id and readings. A float is always a
    float, an int an int. The only error that bytes can cause is FrameError, on the way: records
    before a damaged line are yielded. Memory is at most some ten times the limit, in bytes.
    """
    frame, codec = bytes(frame), sniff(frame)
    if codec == "columnar":
        yield from _Columnar(frame, list(schemas), limit).records()
    elif codec != "unknown":
        n = 0
        try:
            for line in lines(frame, limit):
                yield _json_record(line, n + 1)
                n += 1
        except FrameError as e:
            if n == 0 and e.reason == "corrupt" and is_others(frame, limit):
                raise FrameError("format", f"not a frame: it is of other content than record JSON: {e}") from e
            raise
        if n == 0:
            raise FrameError("corrupt", "damaged frame: there is no record in it")
    else:
        raise FrameError("format", f"not a frame: it begins with {frame[:8].hex(' ') or 'nothing'}")


NO_TIME = -62135596800000  # is how Go's empty time comes here
NO_BOOT = "0" * 16  # is the boot of records without an id


class Series(NamedTuple):
    """Records of a columnar frame that have a device, a boot and the names of their readings in common, in order."""

    device: str
    boot: str  # 16 hexadecimal digits
    meta: dict[str, str]
    schema: str  # "name/version", or ""
    seqs: list[int]  # as signed numbers of 64 bits
    times: list[int]  # in milliseconds since 1970, or NO_TIME
    columns: dict[str, list[Any]]  # of each reading, its value in each record


class Mark(NamedTuple):
    """What a device says of how far its records are complete: of this device and boot, none before first is outstanding on
    the device; of the closed boots of the device none at all. Ids of a closed boot may be forgotten when the stream's
    retention has passed since the mark arrived. A mark never makes a record a duplicate."""

    device: str
    boot: str
    first: int  # the least seq of this device and boot in the frame
    closed: list[str]  # boots


class Frame(NamedTuple):
    """A columnar frame."""

    series: list[Series]
    marks: list[Mark]
    used: int  # how much of the limit it took


def series(frame: bytes, schemas: Iterable[Schema] = (), limit: int = DEFAULT_LIMIT) -> Frame:
    """Reads a columnar frame by columns, which is much faster than by records."""
    columnar = _Columnar(bytes(frame), list(schemas), limit)
    found = columnar.read()[1]
    return Frame(found, columnar.marks_of(found), limit - columnar.left)


def lines(frame: bytes, limit: int = DEFAULT_LIMIT) -> Iterator[bytes]:
    """Yields the lines of a frame of record JSON ("gzip", "zstd" or "none"), each of at most 1 MiB, whatever is in them."""
    rest = b""
    for chunk in _text(bytes(frame)):
        limit -= len(chunk)
        if limit < 0:
            raise FrameError("too_large", "frame is over the limit: it decompresses to more")
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE:
            raise FrameError("corrupt", f"damaged frame: a line is longer than {MAX_LINE} bytes")
    if rest:
        yield rest


_KINDS = ["float", "int", "bool", "string"]
_FLOAT, _INT, _BOOL, _STRING = range(4)
_MAX_READINGS, _MAX_META, _MAX_NAME, _MAX_DEVICE, _MAX_CLOSED = 512, 64, 128, 128, 64


# What a device id or a name may not have: controls, what turns the direction of text, what nobody sees. As in record/names.go.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def device_problem(text: str) -> str:
    """Says why text cannot be a device id; "" if it can."""
    if not 1 <= len(text) <= _MAX_DEVICE:
        return f"a device id is 1 to {_MAX_DEVICE} characters, this one has {len(text)}"
    return _bad_text(text) and f"the device id {text!r} {_bad_text(text)}"


def name_problem(text: str) -> str:
    """Says why text cannot be the name of a reading, of metadata or of a schema; "" if it can."""
    size = len(text.encode(errors="surrogatepass"))
    if not 1 <= size <= _MAX_NAME:
        return f"a name is 1 to {_MAX_NAME} bytes, this one has {size}"
    return _bad_text(text) and f"the name {text!r} {_bad_text(text)}"


def _bad_text(text: str) -> str:
    if text.isascii() and text.isprintable() and text[0] != " " != text[-1]:  # as nearly all
        return ""
    found = UNSEEN.search(text)
    if found:
        return f"has the character U+{ord(found[0]):04X}, which does not show itself"
    return "begins or ends with a space" if text.strip() != text else ""


class Schema(NamedTuple):
    """What is needed of a schema to read its records."""

    ref: str  # "name/version"
    fields: tuple[tuple[str, int], ...]  # name, place of the kind in _KINDS
    fingerprint: int

    @classmethod
    def parse(cls, document: str | bytes) -> Schema:
        """Reads a schema document: the JSON that the Go library writes for a schema."""
        try:
            doc = json.loads(document)
            ref, fields, seal = f"{doc['name']}/{int(doc['version'])}", [], b""
            for field in doc["fields"]:
                name, kind, unit, required = field["name"], field["kind"], field.get("unit", ""), field.get("required")
                fields.append((name, _KINDS.index(kind)))
                seal += _prefixed(name) + bytes([_KINDS.index(kind) + 1]) + _prefixed(unit)
                seal += b"true" if required else b"false"
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as e:
            raise FrameError("schema", f"not a schema document: {e!r}") from e
        if not 1 <= len(fields) <= _MAX_READINGS or len(dict(fields)) < len(fields):
            raise FrameError("schema", f"schema {ref} has {len(fields)} fields; 1 to {_MAX_READINGS} of different names")
        return cls(ref, tuple(fields), int.from_bytes(hashlib.sha256(_prefixed(ref) + seal).digest()[:8], "big"))


def _prefixed(s: str) -> bytes:
    data = s.encode()
    n, size = len(data), b""
    while n > 127:
        size, n = size + bytes([n & 127 | 128]), n >> 7
    return size + bytes([n]) + data


# ---- Columnar frames ----

_MASK, _SIGN = (1 << 64) - 1, 1 << 63
_MAX_SIGNED = _SIGN - 1
_RATES = [131072 // (2 * n + 3) for n in range(61)]
_SLOWER = {rate: _RATES[min(n + 1, 60)] for n, rate in enumerate(_RATES)}  # the rates are all different
_ZERO, _CLASS, _SIGNS, _TOP = 0, 3, 3 + 3 * 64, 3 + 3 * 64 + 65  # where a model's bits of each sort begin
_MODEL_BITS = _TOP + 65 * 32
# Where those of the head's choices do, behind them: a form, a way, a scale, a number of zeros, gaps.
_FORM, _WAY, _SCALE, _ZEROS, _GAPS = (_MODEL_BITS + at for at in (0, 16, 24, 40, 104))
_HEAD_BITS = _GAPS + 2

_ORDERED, _RANKED, _DERIVED, _QUOTIENTS, _PRODUCTS, _SINGLE_QUOTIENTS, _SINGLE_PRODUCTS = 0, 1, 2, 4, 5, 6, 7
_RECORD_COST, _SMALL_COST = 64, 16
_MIN_TIME, _MAX_TIME = -62167219200000, 253402300799999
_MAX_LENGTH = (1 << 31) - 1


def _wrapped(values: list[int]) -> list[int]:
    """Arithmetic on numbers wraps at 64 bits; as it is all adding and multiplying, that can wait to the end."""
    if not values or (min(values) >= -_SIGN and max(values) < _SIGN):
        return values
    return [((x + _SIGN) & _MASK) - _SIGN for x in values]


def _floats(bits: list[int]) -> list[float]:
    return list(struct.unpack(f"<{len(bits)}d", struct.pack(f"<{len(bits)}Q", *bits)))


def _singles(floats: list[float]) -> list[float]:
    """Rounds to 32 bits."""
    return list(struct.unpack(f"<{len(floats)}f", struct.pack(f"<{len(floats)}f", *floats)))


def _signed_bits(floats: list[float]) -> list[int]:
    return list(struct.unpack(f"<{len(floats)}q", struct.pack(f"<{len(floats)}d", *floats)))


def _disordered(values: list[int], zeros: int) -> list[int]:
    """The bits of floats from numbers in the order of floats."""
    low = _MAX_SIGNED >> zeros
    return [((x ^ low if x < 0 else x) << zeros) & _MASK for x in values]


class _Model:
    """Bits, each as its probability and its rate of learning, which says how many decisions it has seen."""

    __slots__ = ("after", "p", "rate")

    def __init__(self, bits: int = _MODEL_BITS) -> None:
        self.p, self.rate, self.after = [32768] * bits, [_RATES[0]] * bits, 0


class _Coder:
    """The range decoder."""

    def __init__(self, coded: bytes):
        # Behind the end are zeros, as many as are asked for.
        self.take: Callable[[], int] = chain(coded, repeat(0)).__next__
        self.size = 0xFFFFFFFF
        self.code = int.from_bytes(bytes(self.take() for _ in range(4)), "big")

    def bits(self, n: int) -> int:
        size, code, value = self.size, self.code, 0
        while n:
            k = min(n, 16)
            n -= k
            size >>= k
            part = code // size
            code -= part * size
            value = value << k | part & ((1 << k) - 1)
            while size < 0x1000000:
                size <<= 8
                code = (code << 8 | self.take()) & 0xFFFFFFFF
        self.size, self.code = size, code
        return value

    def choice(self, head: _Model, base: int, end: int) -> int:
        """Reads a choice of end values that is learnt, by the tree of bits that begins at base."""
        size, code, p, rate = self.size, self.code, head.p, head.rate
        node = 1
        while node < end:
            at = base + node
            chance, r = p[at], rate[at]
            rate[at] = _SLOWER[r]
            bound = (size >> 12) * (chance >> 4 | 1)
            if code < bound:
                size = bound
                p[at] = chance + ((65536 - chance) * r >> 16)
                node += node
            else:
                code -= bound
                size -= bound
                p[at] = chance - (chance * r >> 16)
                node += node + 1
            while size < 0x1000000:
                size <<= 8
                code = (code << 8 | self.take()) & 0xFFFFFFFF
        self.size, self.code = size, code
        return node - end

    def numbers(self, model: _Model, count: int) -> list[int]:
        """Reads numbers. Nearly all time is spent here, hence the local names and the same lines four times."""
        size, code, take, slower = self.size, self.code, self.take, _SLOWER
        p, rate, after = model.p, model.rate, model.after
        out: list[int] = []
        append, large = out.append, False
        for _ in repeat(None, count):
            chance, r = p[after], rate[after]
            rate[after] = slower[r]
            bound = (size >> 12) * (chance >> 4 | 1)
            if code < bound:
                size = bound
                p[after] = chance + ((65536 - chance) * r >> 16)
                while size < 0x1000000:
                    size <<= 8
                    code = (code << 8 | take()) & 0xFFFFFFFF
                after = 0
                append(0)
                continue
            code -= bound
            size -= bound
            p[after] = chance - (chance * r >> 16)
            while size < 0x1000000:
                size <<= 8
                code = (code << 8 | take()) & 0xFFFFFFFF

            base, node = _CLASS + 64 * after, 1
            while node < 64:
                at = base + node
                chance, r = p[at], rate[at]
                rate[at] = slower[r]
                bound = (size >> 12) * (chance >> 4 | 1)
                if code < bound:
                    size = bound
                    p[at] = chance + ((65536 - chance) * r >> 16)
                    node += node
                else:
                    code -= bound
                    size -= bound
                    p[at] = chance - (chance * r >> 16)
                    node += node + 1
                while size < 0x1000000:
                    size <<= 8
                    code = (code << 8 | take()) & 0xFFFFFFFF
            digits = node - 63
            after = 1 if digits <= 3 else 2

            at = _SIGNS + digits
            chance, r = p[at], rate[at]
            rate[at] = slower[r]
            bound = (size >> 12) * (chance >> 4 | 1)
            negative = code >= bound
            if negative:
                code -= bound
                size -= bound
                p[at] = chance - (chance * r >> 16)
            else:
                size = bound
                p[at] = chance + ((65536 - chance) * r >> 16)
            while size < 0x1000000:
                size <<= 8
                code = (code << 8 | take()) & 0xFFFFFFFF

            base, node = _TOP + 32 * digits, 1  # node is the value so far, too: a 1 and the digits behind it
            end = 1 << digits - 1 if digits < 6 else 32
            while node < end:
                at = base + node
                chance, r = p[at], rate[at]
                rate[at] = slower[r]
                bound = (size >> 12) * (chance >> 4 | 1)
                if code < bound:
                    size = bound
                    p[at] = chance + ((65536 - chance) * r >> 16)
                    node += node
                else:
                    code -= bound
                    size -= bound
                    p[at] = chance - (chance * r >> 16)
                    node += node + 1
                while size < 0x1000000:
                    size <<= 8
                    code = (code << 8 | take()) & 0xFFFFFFFF
            if digits > 6:
                self.size, self.code = size, code
                node = node << digits - 6 | self.bits(digits - 6)
                size, code = self.size, self.code
                large = large or digits == 64
            append(-node if negative else node)
        self.size, self.code, model.after = size, code, after
        return _wrapped(out) if large else out


class _Shape(NamedTuple):
    """Which readings a series has."""

    ref: str  # the schema's, or ""
    columns: list[int]
    cost: int  # of a record's readings, against the limit


class _Head(NamedTuple):
    """What the records of a series have in common."""

    device: str
    boot: str
    meta: dict[str, str]
    shape: _Shape
    cost: int  # of a record


class _Columnar:
    """A columnar frame. What it claims is taken from the limit before memory is."""

    def __init__(self, frame: bytes, schemas: list[Schema], limit: int):
        self.left, self.schemas = limit, schemas
        if len(frame) < 8:
            raise FrameError("corrupt", "damaged frame: it ends too early")
        if not _fits(int.from_bytes(frame[:4], "big"), frame):
            raise FrameError("corrupt", "damaged frame: its checksum is wrong")
        if frame[3] & 0x7F != 1:
            raise FrameError("format", f"a columnar frame of version {frame[3] & 0x7F}, which this program is too old for")
        self.texts: list[str] = []
        self.sizes: list[int] = []  # of the texts, in bytes
        self.used = 0  # texts that were referred to
        self.coder = _Coder(self.read_text(frame, frame[3] & 0x80 != 0))
        self.head = _Model(_HEAD_BITS)
        self.head.p[_GAPS + 1] = 0xF000
        self.boots: list[str] = []
        self.closed: dict[tuple[str, str], list[str] | None] = {}  # of each device and boot; None if it is not complete
        self.columns: list[tuple[str, int]] = []  # name and kind
        self.columns_of: dict[tuple[str, int], list[int]] = {}  # of each name and kind, rising
        self.values: list[list[Any]] = []  # of each column so far

    def check(self, fine: bool, what: str) -> None:
        if not fine:
            raise FrameError("corrupt", f"damaged frame: {what}")

    def check_text(self, problem: str) -> None:
        self.check(not problem, problem)

    def spend(self, cost: int) -> None:
        if cost > self.left:
            raise FrameError("too_large", "frame is over the limit: its parts ask for more than it")
        self.left -= cost

    def number(self) -> int:
        return self.coder.numbers(self.head, 1)[0]

    def count(self, what: str, most: int) -> int:
        n = self.number()
        self.check(0 <= n <= most, f"{n} {what}")
        return n

    def read_text(self, frame: bytes, deflated: bool) -> bytes:
        """Reads the frame's strings and returns what is behind them."""
        size, at = self.uvarint(frame, 8, _MAX_LENGTH)
        stored = size
        if deflated:
            stored, at = self.uvarint(frame, at, _MAX_LENGTH)
        self.spend(size)
        self.check(at + stored <= len(frame), "its text is cut short")
        text = frame[at : at + stored]
        if deflated:
            inflater = zlib.decompressobj(-15)
            try:
                text = inflater.decompress(text, size + 1)
            except zlib.error as e:
                raise FrameError("corrupt", f"damaged frame: its text cannot be inflated: {e}") from e
            self.check(len(text) == size and inflater.eof, "its text has another length inflated")
        place = 0
        while place < size:
            length, place = self.uvarint(text, place, size)
            self.check(place + length <= size, "its text is damaged")
            try:
                self.texts.append(text[place : place + length].decode())
            except UnicodeDecodeError as e:
                raise FrameError("corrupt", "damaged frame: its text is not UTF-8") from e
            self.sizes.append(length)
            self.spend(_SMALL_COST)
            place += length
        return frame[at + stored :]

    def uvarint(self, data: bytes, at: int, most: int) -> tuple[int, int]:
        value = 0
        for shift, byte in zip(range(0, 70, 7), data[at : at + 10]):
            value |= (byte & 127) << shift
            if byte < 128:
                self.check(value <= most, "a length is damaged")
                return value, at + shift // 7 + 1
        raise FrameError("corrupt", "damaged frame: a length is damaged")

    def text(self) -> int:
        """Reads a reference to a string: its number."""
        back = self.number()
        if back:
            self.check(0 < back <= self.used, "a string before the first")
            return self.used - back
        self.check(self.used < len(self.texts), "it refers to more strings than it has")
        self.used += 1
        return self.used - 1

    def name(self) -> str:
        at = self.text()
        self.check_text(name_problem(self.texts[at]))
        return self.texts[at]

    def column(self, n: int) -> list[int]:
        """Reads a column of numbers."""
        if n == 0:
            return []
        first = self.number()
        if n == 1:
            return [first]
        form = self.coder.choice(self.head, _FORM, 16)
        kind, flat, has_unit = form & 3, form & 4, form & 8
        unit = self.number() if has_unit else 1
        x = 0 if has_unit else first
        param = self.number() if kind < 2 else 0
        diffs = [0] * (n - 1) if flat else self.coder.numbers(_Model(), n - 1)
        if kind == 0:
            level = x + param
            values = [x, *(level + diff for diff in diffs)]
        elif kind == 1:
            values = list(accumulate((diff + param for diff in diffs) if param else diffs, initial=x))
        elif kind == 2:
            values = list(accumulate(accumulate(diffs), initial=x))
        else:
            values, mean = [x], ((x << 2) + _SIGN & _MASK) - _SIGN
            for diff in diffs:
                # This one shifts, so it must wrap at every step.
                expected = ((mean + 2 + _SIGN & _MASK) - _SIGN) >> 2
                x = (expected + diff + _SIGN & _MASK) - _SIGN
                mean = (mean + x - (mean >> 2) + _SIGN & _MASK) - _SIGN
                values.append(x)
        return _wrapped([first + unit * x for x in values] if has_unit else values)

    def records(self) -> Iterator[dict[str, Any]]:
        order, series = self.read()
        streams = [self.series_records(s).__next__ for s in series]
        for i in order:
            yield streams[i]()

    def read(self) -> tuple[list[int], list[Series]]:
        """Reads the frame; returns its series, and of which of them each record in turn is the next."""
        n = self.number()
        self.check(n >= 1, f"{n} records")
        self.spend(n * _RECORD_COST)
        heads = self.read_series(n)
        order = self.places(self.column(n), len(heads)) if len(heads) > 1 else [0] * n
        sizes = [0] * len(heads)
        for i in order:
            sizes[i] += 1
        lengths = [0] * len(self.columns)
        for s, size in zip(heads, sizes):
            self.spend(size * s.cost)
            for c in s.shape.columns if size else ():
                lengths[c] += size
        seqs, times = self.read_seqs(n), self.column(n)
        self.check(min(times) >= _MIN_TIME and max(times) <= _MAX_TIME, "a time outside of the years 0 to 9999")
        for (_, kind), length in zip(self.columns, lengths):
            self.values.append(self.read_column(kind, length, n))
        at, places, series = 0, [0] * len(lengths), []
        for s, size in zip(heads, sizes):
            columns = {}
            for c in s.shape.columns if size else ():
                columns[self.columns[c][0]] = self.values[c][places[c] : places[c] + size]
                places[c] += size
            series.append(Series(s.device, s.boot, s.meta, s.shape.ref, seqs[at : at + size], times[at : at + size], columns))
            at += size
        return order, series

    def read_seqs(self, n: int) -> list[int]:
        if n == 1 or self.coder.choice(self.head, _GAPS, 2):
            return self.column(n)
        first = self.number()
        return _wrapped(list(range(first, first + n)))

    def marks_of(self, found: list[Series]) -> list[Mark]:
        first: dict[tuple[str, str], int] = {}
        for s in found:
            pair = s.device, s.boot
            if self.closed[pair] is not None:
                least = min((seq & _MASK for seq in s.seqs if seq), default=0)
                if least:
                    first[pair] = min(least, first.get(pair, least))
        return [Mark(*pair, first[pair], closed) for pair, closed in self.closed.items() if closed is not None and pair in first]

    def series_records(self, s: Series) -> Iterator[dict[str, Any]]:
        for seq, ms, row in zip(s.seqs, s.times, zip(*s.columns.values()) if s.columns else repeat(())):
            record: dict[str, Any] = {"device_id": s.device}
            if s.boot != NO_BOOT or seq:
                record["boot"], record["seq"] = s.boot, seq & _MASK
            if ms != NO_TIME:
                record["ts"] = timestamp(ms)
            if s.schema:
                record["schema"] = s.schema
            if s.meta:
                record["meta"] = s.meta.copy()
            record["readings"] = dict(zip(s.columns, row))
            yield record

    def read_series(self, records: int) -> list[_Head]:
        n = self.count("series more than one", records - 1) + 1
        self.spend(n * _RECORD_COST)
        series: list[_Head] = []
        shapes: list[_Shape] = []
        for _ in range(n):
            at = self.text()
            device, cost = self.texts[at], self.sizes[at]
            self.check_text(device_problem(device))
            boot = self.read_boot()
            if (device, boot) not in self.closed:
                self.closed[device, boot] = self.read_mark()
            back = self.count("shapes back", len(shapes))
            if not back:
                shapes.append(self.read_shape())
            shape = shapes[-(back or 1)]
            meta: dict[str, str] = {}
            for _ in range(self.count("metadata pairs", _MAX_META)):
                self.spend(_SMALL_COST)
                name, at = self.name(), self.text()
                self.check(name not in meta, "a metadata name twice")
                meta[name] = self.texts[at]
                cost += len(name.encode()) + self.sizes[at]
            series.append(_Head(device, boot, meta, shape, cost + shape.cost))
        return series

    def read_boot(self) -> str:
        back = self.count("boots back", len(self.boots))
        if not back:
            self.boots.append(_boot(self.coder.bits(64)))
        return self.boots[-(back or 1)]

    def read_mark(self) -> list[str] | None:
        if not self.coder.bits(1):
            return None
        n = self.count("closed boots", _MAX_CLOSED)
        self.spend(n * _SMALL_COST)
        return [_boot(self.coder.bits(64)) for _ in range(n)]

    def read_shape(self) -> _Shape:
        readings: list[tuple[str, int]] = []
        if self.coder.bits(1):
            schema = self.find_schema(self.coder.bits(32))
            ref, fields = schema.ref, schema.fields
            self.spend(len(fields) * _RECORD_COST)
            complete = self.coder.bits(1)
            for i in range(0, len(fields), 8):
                present = 255 if complete else self.coder.bits(8)
                readings += [field for k, field in enumerate(fields[i : i + 8]) if present >> k & 1]
        else:
            ref = self.texts[self.text()]
            self.check_text(ref and name_problem(ref))
            for _ in range(self.count("readings", _MAX_READINGS)):
                self.spend(_RECORD_COST)
                name = self.name()
                readings.append((name, self.coder.bits(2)))
        self.check(len(dict(readings)) == len(readings), "a reading twice in a record")
        columns, start = [], 0
        for reading in readings:
            have = self.columns_of.setdefault(reading, [])
            at = bisect_left(have, start)
            if at == len(have):
                have.append(len(self.columns))
                self.columns.append(reading)
            columns.append(have[at])
            start = have[at] + 1
        return _Shape(ref, columns, sum(_SMALL_COST + len(name.encode()) for name, _ in readings))

    def find_schema(self, half: int) -> Schema:
        found = {s.fingerprint: s for s in self.schemas if s.fingerprint >> 32 == half}
        if len(found) != 1:
            what = f"{' and '.join(s.ref for s in found.values())} both begin so" if found else "none that was given does"
            raise FrameError("schema", f"the frame's schema is not known: its fingerprint begins with {half:08x}; {what}")
        return next(iter(found.values()))

    def read_column(self, kind: int, n: int, records: int) -> list[Any]:
        """Reads the values of a column."""
        if kind == _BOOL:
            values = self.column(n)
            self.check(not values or (min(values) >= 0 and max(values) <= 1), "a bool that is neither 0 nor 1")
            return [x == 1 for x in values]
        if kind == _STRING:
            first = self.used
            self.used += self.count("strings in a column", min(n, len(self.texts) - first))
            values = self.places(self.column(n), self.used - first)
            self.spend(sum(self.sizes[first + x] for x in values))
            return [self.texts[first + x] for x in values]
        if n == 0:
            return []
        way = self.coder.choice(self.head, _WAY, 8)
        if kind == _INT:
            self.check(way in (_ORDERED, _RANKED), f"ints written in way {way}")
            return self.listed(way, n)
        if way >= _QUOTIENTS:
            return self.calculated(way, n)
        zeros = self.coder.choice(self.head, _ZEROS, 64)
        if way == _DERIVED:
            return self.derived(n, records, zeros)
        self.check(way in (_ORDERED, _RANKED), f"floats written in way {way}")
        return _floats(_disordered(self.listed(way, n), zeros))

    def places(self, values: list[int], end: int) -> list[int]:
        self.check(not values or (min(values) >= 0 and max(values) < end), "a place behind the end of a list")
        return values

    def listed(self, way: int, n: int) -> list[int]:
        if way == _ORDERED:
            return self.column(n)
        values = self.column(self.count("values in a list", n))
        return [values[at] for at in self.places(self.column(n), len(values))]

    def calculated(self, way: int, n: int) -> list[float]:
        """Reads floats that are made of integers, but for odd ones."""
        scale = self.coder.choice(self.head, _SCALE, 16)
        at, odd_places, odd_bits = -1, [], []
        for _ in range(self.count("odd values in a column", n)):
            step = self.count("places to the next odd value", n - 1 - at)
            self.check(step > 0, "two odd values in one place")
            at += step
            odd_places.append(at)
            odd_bits.append(self.coder.bits(64))
        floats = [float(k) for k in self.column(n)]
        power, tenth = float(f"1e{scale}"), float(f"1e-{scale}")
        if way == _SINGLE_PRODUCTS:
            tenth = _singles([tenth])[0]
        if way in (_QUOTIENTS, _SINGLE_QUOTIENTS):
            floats = [k / power for k in floats]
        else:
            floats = [k * tenth for k in floats]
        if way in (_SINGLE_QUOTIENTS, _SINGLE_PRODUCTS):
            floats = _singles(floats)
        for at, odd in zip(odd_places, _floats(odd_bits)):
            floats[at] = odd
        return floats

    def derived(self, n: int, records: int, zeros: int) -> list[float]:
        back = self.count("columns back", len(self.values))
        degree = self.coder.bits(3)
        at = len(self.values) - back
        self.check(back > 0 and degree <= 4 and n == records, "a column derived from none, or to a degree above 4")
        leader, kind = self.values[at], self.columns[at][1]
        self.check(kind in (_FLOAT, _INT) and len(leader) == records, "a column derived from one that does not suit")
        if kind == _INT:
            keys = leader
            different = sorted(set(keys))
            xs = [float(key) for key in different]
        else:
            keys = _signed_bits(leader)
            different = sorted(set(keys), key=lambda x: x ^ _MAX_SIGNED if x < 0 else x)
            xs = _floats([x & _MASK for x in different])
        value_of = dict(zip(different, self.curve(xs, zeros, degree)))
        return [value_of[key] for key in keys]

    def curve(self, xs: list[float], zeros: int, degree: int) -> list[float]:
        """Reads a float for each x: how far it is from a polynomial through the points before."""
        low = _MAX_SIGNED >> zeros
        y = _floats(_disordered([self.number()], zeros))[0]
        ys, d, latest = [y], [y], [xs[0]]  # d: divided differences; latest: x of the points, latest first
        for t, diff in zip(xs[1:], self.coder.numbers(_Model(), len(xs) - 1)):
            expected, product = d[0], 1.0
            for x, slope in zip(latest, d[1:]):
                product *= t - x
                expected += product * slope
            if not math.isfinite(expected):
                expected = y
            near = _signed_bits([expected])[0] >> zeros
            value = ((near ^ low if near < 0 else near) + diff + _SIGN & _MASK) - _SIGN
            y = _floats(_disordered([value], zeros))[0]
            ys.append(y)
            new = [y]
            for x, was in zip(latest, d[:degree]):
                # Go's infinity for a division by zero has the same effect as NaN: nothing finite comes of it.
                new.append((new[-1] - was) / (t - x) if t != x else math.nan)
            d, latest = new, [t, *latest[:degree]]
        return ys


def _boot(bits: int) -> str:
    return f"{bits:016x}"


def timestamp(ms: int) -> str:
    """Writes milliseconds since 1970 as record JSON has them."""
    seconds, ms = divmod(ms, 1000)
    day, second = divmod(seconds, 86400)
    return f"{_day(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{ms:03}Z"


def _day(day: int) -> str:
    ordinal = day + 719163
    if ordinal < 1:  # the year 0, which date has not, is a leap year like 400
        return "0000" + date.fromordinal(ordinal + 146097).isoformat()[4:]
    return date.fromordinal(ordinal).isoformat()


# ---- Frames of record JSON lines ----

_CHUNK = 1 << 16
MAX_LINE = 1 << 20  # the longest record JSON is shorter
_MAX_WINDOW = 8 << 20  # what RFC 8878 recommends every decoder to support


def _text(frame: bytes) -> Iterator[bytes]:
    codec = sniff(frame)
    if codec == "gzip":
        return _gunzip(frame)
    if codec == "zstd":
        return _unzstd(frame)
    return (frame[i : i + _CHUNK] for i in range(0, len(frame), _CHUNK))


def _gunzip(frame: bytes) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=io.BytesIO(frame)) as stream:
        try:
            yield from iter(lambda: stream.read(_CHUNK), b"")
        except (OSError, EOFError, zlib.error, struct.error) as e:
            raise FrameError("corrupt", f"damaged frame: gzip: {e}") from e


def _unzstd(frame: bytes) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError as e:
        raise FrameError("format", "a zstd frame, which takes the package zstandard: pip install zstandard") from e
    try:
        inflater = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()
        for i in range(0, len(frame), 64):  # as 4 bytes may become 128 KiB, what is asked for at once must be little
            if inflater.eof:
                raise FrameError("corrupt", "damaged frame: zstd: something follows its end")
            yield inflater.decompress(frame[i : i + 64])
        if not inflater.eof or inflater.unused_data:
            raise FrameError("corrupt", "damaged frame: zstd: it ends too early, or something follows its end")
    except zstandard.ZstdError as e:
        raise FrameError("corrupt", f"damaged frame: zstd: {e}") from e


_MEMBERS = {"device_id": str, "boot": str, "seq": int, "ts": str, "schema": str, "meta": dict, "readings": dict}


def _json_record(line: bytes, n: int) -> dict[str, Any]:
    """Reads record JSON, and refuses what is not: nothing is dropped, or made up, unseen."""
    try:
        if len(line) > MAX_LINE:
            raise ValueError(f"longer than {MAX_LINE} bytes")
        r = _parser.decode(line.decode())
        if type(r) is not dict or "device_id" not in r or "readings" not in r:
            raise ValueError("not an object with device_id and readings")
        if b"\\u" in line:
            json.dumps(r, ensure_ascii=False).encode()  # fails for half a surrogate pair, which is no character
        for member, value in r.items():
            if type(value) is not _MEMBERS.get(member):
                raise ValueError(f"the member {member!r} is unknown, or of another type")
        meta, readings = r.get("meta", {}), r["readings"]
        problem = device_problem(r["device_id"]) or r.get("schema") and name_problem(r["schema"])
        boot = r.get("boot", NO_BOOT)
        if len(boot) != 16 or boot.strip("0123456789abcdef"):
            raise ValueError(f"boot = {boot!r:.66} is not 16 lower-case hexadecimal digits")
        if not 0 <= r.get("seq", 0) < 1 << 64:
            raise ValueError("seq is out of range")
        if len(meta) > _MAX_META or not all(type(v) is str for v in meta.values()):
            raise ValueError(f"meta has at most {_MAX_META} members, all strings")
        if len(readings) > _MAX_READINGS or not all(type(v) in (float, int, bool, str) for v in readings.values()):
            raise ValueError(f"readings has at most {_MAX_READINGS} members, all numbers, true, false or strings")
        if not all(-_SIGN <= v < _SIGN for v in readings.values() if type(v) is int):
            raise ValueError("an integer beyond 64 bits")
        problem = problem or next(filter(None, map(name_problem, chain(meta, readings))), None)
        if problem:
            raise ValueError(problem)
        return r
    except (ValueError, RecursionError) as e:
        raise FrameError("corrupt", f"damaged frame: line {n}: {e}") from e


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is given twice")
    return members


def _int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("an integer beyond 64 bits")
    return int(digits)


def _finite(number: str) -> float:
    value = float(number) if number[-1:].isdigit() else math.inf
    if math.isinf(value):
        raise ValueError(f"{number[:32]} does not fit a 64-bit float")
    return value


class _Parser(json.JSONDecoder):
    """Can be pickled, which Spark does with all that a script's functions use."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_object, parse_int=_int, parse_float=_finite, parse_constant=_finite)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Parser, ()


_parser = _Parser()


# ---- Record JSON ----

_ESCAPES = {i: f"\\u{i:04x}" for i in range(32)}
_ESCAPES.update({ord(c): "\\" + e for c, e in {'"': '"', "\\": "\\", "\n": "n", "\r": "r", "\t": "t"}.items()})


def to_json(record: dict[str, Any]) -> str:
    """Writes a record as record JSON, byte for byte as the Go library does: one line, without its end."""
    parts = []
    for member, value in record.items():
        if isinstance(value, dict):
            value = "{" + ",".join([_string(name) + ":" + _value(v) for name, v in value.items()]) + "}"
        else:
            value = _value(value)
        parts.append(f'"{member}":{value}')
    return "{" + ",".join(parts) + "}"


def _value(value: float | int | bool | str) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _float(value) if isinstance(value, float) else str(value)


def _string(s: str) -> str:
    return '"' + s.translate(_ESCAPES) + '"'


def _float(value: float) -> str:
    """The fewest digits that read back to the same float, with a point from 1e-6 to 1e21, else with an exponent."""
    if not math.isfinite(value):
        return "null"
    text = repr(value)
    if "e" not in text or not 1e-6 <= abs(value) < 1e21:
        return text
    mantissa, _, exponent = text.lstrip("-").partition("e")
    digits, places = mantissa.replace(".", ""), int(exponent)
    shown = "0." + "0" * (-places - 1) + digits if places < 0 else digits.ljust(places + 1, "0") + ".0"
    return "-" + shown if value < 0 else shown


# ---- Command line ----


def main(args: list[str]) -> int:
    """Prints the records of frames; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="rivulet_frames.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Prints the records of Rivulet frames as record JSON, one a line.",
        epilog="""\
A frame is the data of one Kinesis record: a file with the bytes themselves, not base64.
Columnar frames of records with a schema take the schema's document, as the device's
program writes it (json.Marshal of the record.Schema); give -schema once for each.

  aws kinesis get-records --shard-iterator "$it" --query 'Records[0].Data' --output text | base64 -d > a.frame
  python3 rivulet_frames.py -schema env.schema.json a.frame

Exit codes: 0 all was read; 1 a frame or a schema could not be read, and stderr says
why (what could be read of the others is printed); 2 a mistake on the command line.""",
    )
    parser.add_argument("-schema", metavar="FILE", action="append", default=[], help="a schema's document; may be repeated")
    parser.add_argument("frames", metavar="FRAME", nargs="+", help="a file with a frame; - is standard input")
    options = parser.parse_args(args)
    schemas: list[Schema] = []
    failed = False
    out = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n", closefd=False)
    try:
        for is_schema, name in [(True, name) for name in options.schema] + [(False, name) for name in options.frames]:
            try:
                data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
                if is_schema:
                    schemas.append(Schema.parse(data))
                else:
                    for record in decode(data, schemas):
                        print(to_json(record), file=out)
            except BrokenPipeError:
                raise
            except (OSError, FrameError) as e:
                print(f"rivulet_frames: {name}: {e}", file=sys.stderr)
                failed = True
        out.close()
    except BrokenPipeError:  # such as head, which has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or closing out would fail again
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
