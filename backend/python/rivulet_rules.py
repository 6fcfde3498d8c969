"""What becomes of the data of a Kinesis record: rows of the table, and dead letters with a reason.

    rules = Rules(model)
    for row_or_letter in rules.rows(data, Source("4964…", "pi-7f3a")): ...   # one by one
    for _ in rules.read(data, Source("4964…", "pi-7f3a"), batch): ...         # by columns, into a Batch

Nothing here raises an error for what the data holds, and nothing is dropped: every record is a row or a dead letter.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from rivulet_frames import NO_BOOT, NO_TIME, FrameError, Schema, Series, device_problem, lines, series, sniff, timestamp, to_json
from rivulet_kpl import user_records
from rivulet_parse import MAX_INT, Rejected, json_text, parse_json, read_boot, read_seq, read_time, shorten
from rivulet_rows import Batch, DeadLetter, Row, Source

MAX_FRAME = 64 << 20  # bytes that one frame may decompress to
MAX_DATA = 1 << 30  # bytes that all the frames of one Kinesis record may
_LINE_COST = 64  # bytes that a line counts against the limits besides its own: what it takes to read it
_MAX_LETTERS = 100  # of a frame; with more, the frame is the dead letter
_DAY, _MINUTE = 86_400_000, 60_000  # milliseconds
_EXACT = 1 << 53  # ints up to it are exact as floats
_REASONS = {"schema": "unknown_schema"}  # of FrameError; the others are called the same


class _Field(NamedTuple):
    name: str
    kind: str
    low: float
    high: float
    required: bool
    unit: str


class _Version:
    """A version of the schema."""

    def __init__(self, document: dict[str, Any]):
        self.ref = f"{document['name']}/{document['version']}"
        self.fields: dict[str, _Field] = {}
        for f in document["fields"]:
            low, high = f.get("min", -math.inf), f.get("max", math.inf)
            self.fields[f["name"]] = _Field(f["name"], f["kind"], low, high, f.get("required", False), f.get("unit", ""))
        self.required = [name for name, f in self.fields.items() if f.required]


class _Judged:
    """What became of the records of a frame. One with very many dead letters becomes a single one, or little data could make
    millions of them."""

    def __init__(self) -> None:
        self.good = self.bad = 0
        self.letters: list[DeadLetter] = []
        self.reasons: Counter[str] = Counter()

    def add(self, letter: DeadLetter | None) -> None:
        if letter is None:
            self.good += 1
            return
        self.bad += 1
        self.reasons[letter.reason] += 1
        if self.bad <= _MAX_LETTERS:
            self.letters.append(letter)

    def bury(self, batch: Batch) -> None:
        """Gives the letters to the batch. For a frame that is damaged behind them it is not called: it is one itself."""
        if self.bad > _MAX_LETTERS:
            what = f"{self.bad} of its records are refused, {self.good} are stored; the first: {self.letters[0].detail}"
            raise FrameError(self.reasons.most_common(1)[0][0], what)
        for letter in self.letters:
            batch.bury(letter)


class Rules:
    """Holds records to a model: the schema's versions, and the options of what to do with what they don't say."""

    def __init__(self, model: dict[str, Any]):
        self.schemas = [Schema.parse(json.dumps(document)) for document in model["schemas"]]  # for columnar frames
        versions = [_Version(document) for document in model["schemas"]]
        self.versions = {v.ref: v for v in versions}
        self.newest = versions[-1]
        self.known = {name: f for v in versions for name, f in v.fields.items()}
        columns = [c for c in model["columns"] if c.get("field")]
        self.fields = [c["field"] for c in columns]  # in the order of the table's columns
        self.place = {name: i for i, name in enumerate(self.fields)}
        self.convert = [
            (float(c["convert"]["scale"]), float(c["convert"]["offset"])) if c.get("convert") else None for c in columns
        ]
        options = model["records"]
        self.accept_without_schema = options["without_schema"] == "accept"
        self.unknown_fields = options["unknown_fields"]
        self.max_age = options["max_age_days"] * _DAY
        self.max_ahead = options["max_ahead_minutes"] * _MINUTE
        self.max_frame, self.max_data = MAX_FRAME, MAX_DATA  # a consumer with little memory may lower them
        self.device: Any = ...  # what was found to be fine last, since most records have the same
        self.boot: Any = None

    # ---- Data, user records, frames ----

    def rows(self, data: bytes, source: Source) -> Iterator[Row | DeadLetter]:
        """Yields the rows and the dead letters of a Kinesis record's data."""
        batch = Batch(len(self.fields))
        for _ in self.read(data, source, batch):
            yield from batch.rows()
            yield from batch.dead
            batch.clear()
        yield from batch.rows()
        yield from batch.dead

    def read(self, data: bytes, source: Source, batch: Batch) -> Iterator[None]:
        """Adds all that is in the data of a Kinesis record to the batch. Yields whenever that is full, to have it cleared."""
        try:
            users = user_records(data, source.partition_key)
        except FrameError as e:
            batch.bury(DeadLetter(source, e.reason, str(e), data, source.user_record, None))
            return
        self.left = self.max_data
        for user in users:
            # What repeats compresses very well, and a bomb leaves something to the rest.
            limit = max(min(self.max_frame, self.left // 2), len(user.data), 1)
            own = source._replace(partition_key=user.partition_key, user_record=user.index or source.user_record)
            read = self._columnar if sniff(user.data) == "columnar" else self._json
            try:
                yield from read(user.data, limit, own, batch)
            except FrameError as e:
                if e.reason == "too_large":
                    self.left -= limit
                reason = _REASONS.get(e.reason, e.reason)
                batch.bury(DeadLetter(own, reason, str(e), user.data, own.user_record, None))
            except Exception as e:  # a fault of this program; what it cannot read must not keep it from reading the rest
                batch.bury(DeadLetter(own, "internal", f"{type(e).__name__}: {e}", user.data, own.user_record, None))
            if batch.is_full():
                yield

    def _columnar(self, frame: bytes, limit: int, source: Source, batch: Batch) -> Iterator[None]:
        found, _, used = series(frame, self.schemas, limit)  # marks let ids be forgotten, and the ledger keeps them for its days
        self.left -= used
        judged = _Judged()
        before = 0
        for s in found:
            if not self._take(s, source, batch):
                for i in range(len(s.seqs)):
                    record = _series_record(s, i)
                    letter = self._add(record, None, source, before + i, batch)
                    if letter and not all(math.isfinite(v) for v in record["readings"].values() if type(v) is float):
                        letter = letter._replace(data=frame)  # as JSON would lose it
                    judged.add(letter)
                    if batch.is_full():
                        yield
            before += len(s.seqs)
            if batch.is_full():
                yield
        judged.bury(batch)

    def _json(self, frame: bytes, limit: int, source: Source, batch: Batch) -> Iterator[None]:
        if sniff(frame) == "unknown":
            raise FrameError("format", f"not a frame: it begins with {frame[:4].hex(' ') or 'nothing'}")
        judged = _Judged()
        for n, line in enumerate(lines(frame, limit)):
            limit -= len(line) + _LINE_COST
            self.left -= len(line) + _LINE_COST
            if limit < 0:
                raise FrameError("too_large", "frame is over the limit: it has too many lines")
            if line.strip():
                judged.add(self._line(line, source, n, batch))
            if batch.is_full():
                yield
        if not judged.bad and not judged.good:
            raise FrameError("not_record", "there is no record in it")
        judged.bury(batch)

    def _line(self, line: bytes, source: Source, n: int, batch: Batch) -> DeadLetter | None:
        try:
            record = parse_json(line)
        except Rejected as e:
            place = n if source.record is None else source.record
            return DeadLetter(source, e.reason, str(e), line, source.user_record, place)
        return self._add(record, line, source, n, batch)

    def _add(self, record: Any, line: bytes | None, source: Source, n: int, batch: Batch) -> DeadLetter | None:
        """Adds a record, as record JSON has it, to the rows, or returns its dead letter."""
        try:
            row = self.row(record, source.arrival)
        except (Rejected, RecursionError) as e:
            reason, detail = (e.reason, str(e)) if isinstance(e, Rejected) else ("json", "nested too deeply")
            device = record.get("device_id") if isinstance(record, dict) else None
            device = device if isinstance(device, str) else None
            data = line if line is not None else to_json(record).encode()
            place = n if source.record is None else source.record
            return DeadLetter(source, reason, detail, data, source.user_record, place, device)
        batch.append(row, source)
        return None

    # ---- One record ----

    def row(self, record: Any, arrival: int) -> Row:
        """Makes the row of a record that arrived then, in milliseconds since 1970; raises Rejected."""
        if not isinstance(record, dict):
            raise Rejected("not_record", "not an object")
        device, boot, readings, meta = record.get("device_id"), record.get("boot"), record.get("readings"), record.get("meta")
        if device != self.device:
            problem = device_problem(device) if isinstance(device, str) else "device_id is not a text of 1 to 128 characters"
            if problem:
                raise Rejected("not_record", problem)
            self.device = device
        if not isinstance(readings, dict):
            raise Rejected("not_record", "readings is not an object")
        if meta is not None and not isinstance(meta, dict):
            raise Rejected("not_record", "meta is not an object")
        if boot != self.boot:
            self.boot = read_boot(boot)
        seq = read_seq(record.get("seq"))
        ref = record.get("schema")
        version = self._version(ref)
        values: list[Any] = [None] * len(self.fields)
        extra: dict[str, str] = {}
        for name, value in readings.items():
            if value is None:
                continue
            field = version.fields.get(name) or self.known.get(name)
            if field is None:
                self._unknown(name, value, extra)
                continue
            i = self.place[name]
            value = _checked(field, value)
            if self.convert[i] is not None:
                scale, offset = self.convert[i]
                value = value * scale + offset
                if not math.isfinite(value):
                    raise Rejected("range", f"{name} = {readings[name]} does not fit a float of 64 bits in the table's unit")
            values[i] = value
        for name in version.required:
            if readings.get(name) is None:
                raise Rejected("missing", f"{name} is missing, and schema {version.ref} requires it")
        for name, value in record.items():
            if name not in _KNOWN_MEMBERS and value is not None:
                self._unknown(name, value, extra)
        ts, device_ts = self._time(record.get("ts"), arrival)
        texts = {name: v if isinstance(v, str) else json_text(v) for name, v in meta.items()} if meta else None
        with_id = self.boot and seq  # without, it cannot be told from another
        return Row(
            device,
            self.boot if with_id else None,
            seq if with_id else None,
            arrival * 1000 if ts is None else ts,
            ts is not None,
            device_ts,
            version.ref if ref is not None else None,
            texts,
            tuple(values),
            extra or None,
        )

    def _version(self, ref: Any) -> _Version:
        if ref is None or ref == "":
            if self.accept_without_schema:
                return self.newest
            raise Rejected("unknown_schema", "it names no schema, and without_schema is reject")
        if not isinstance(ref, str) or ref not in self.versions:
            raise Rejected("unknown_schema", f"schema {shorten(ref)} is not among {', '.join(self.versions)}")
        return self.versions[ref]

    def _unknown(self, name: str, value: Any, extra: dict[str, str]) -> None:
        if self.unknown_fields == "reject":
            raise Rejected("unknown_field", f"{shorten(name)} is not in schema {self.newest.ref}")
        if self.unknown_fields == "keep":
            text = json_text(value)
            if extra.setdefault(name, text) != text:
                raise Rejected(
                    "duplicate_field", f"{shorten(name)} is given twice, as {shorten(extra[name])} and {shorten(text)}"
                )

    def _time(self, given: Any, arrival: int) -> tuple[int | None, str | None]:
        """The time in microseconds, or None and what the device gave if its clock was wrong."""
        if given is None:
            return None, None
        us = read_time(given)
        if arrival - self.max_age <= us // 1000 <= arrival + self.max_ahead:
            return us, None
        return None, given if isinstance(given, str) else json_text(given)

    # ---- Many records at once ----

    def _take(self, s: Series, source: Source, batch: Batch) -> bool:
        """Adds the records of a series if nothing is the matter with any of them; or none, and returns False."""
        n = len(s.seqs)
        if not n:
            return True
        version = self.versions.get(s.schema) if s.schema else self.newest if self.accept_without_schema else None
        arrival = source.arrival
        if (
            version is None
            or s.boot == NO_BOOT
            or min(s.seqs) < 1
            or min(s.times) < max(arrival - self.max_age, NO_TIME + 1)
            or max(s.times) > arrival + self.max_ahead
            or not all(name in s.columns for name in version.required)
        ):
            return False
        columns: dict[int, list[Any]] = {}
        for name, column in s.columns.items():
            field = version.fields.get(name) or self.known.get(name)
            if field is None or not _all_fine(field, column):
                return False
            i = self.place[name]
            if self.convert[i] is not None:
                scale, offset = self.convert[i]
                column = [value * scale + offset for value in column]
                if not math.isfinite(sum(column)):
                    return False
            columns[i] = column
        nothing = [None] * n
        batch.device_id += [s.device] * n
        batch.boot += [s.boot] * n
        batch.seq += s.seqs
        batch.ts += [time * 1000 for time in s.times]
        batch.from_device += [True] * n
        batch.device_ts += nothing
        batch.schema += [s.schema or None] * n
        batch.meta += [s.meta or None] * n
        for i, out in enumerate(batch.values):
            out += columns.get(i, nothing)
        batch.extra += nothing
        batch.sources += [source] * n
        return True


_KNOWN_MEMBERS = {"device_id", "boot", "seq", "ts", "schema", "meta", "readings"}
_TYPES = {"float": float, "int": int, "bool": bool, "string": str}


def _all_fine(field: _Field, column: list[Any]) -> bool:
    """Whether all values of a column that has one type are of the field's, and in its range."""
    if type(column[0]) is not _TYPES[field.kind]:
        return False
    if field.kind == "float" and not math.isfinite(sum(column)):  # as one NaN would be hard to find with min
        return False
    return field.kind in ("bool", "string") or (field.low <= min(column) and max(column) <= field.high)


def _checked(field: _Field, value: Any) -> Any:
    want = _TYPES[field.kind]
    if want is float and type(value) is int and -_EXACT <= value <= _EXACT:
        value = float(value)
    if type(value) is not want:
        raise Rejected("type", f"{field.name} = {shorten(value)} is no {field.kind}")
    if want is float and not math.isfinite(value):
        raise Rejected("range", f"{field.name} = {value} is not a finite number")
    if want is int and not -MAX_INT - 1 <= value <= MAX_INT:
        raise Rejected("range", f"{field.name} = {value} does not fit 64 bits")
    if want in (float, int) and not field.low <= value <= field.high:
        side, limit = ("below the minimum", field.low) if value < field.low else ("above the maximum", field.high)
        raise Rejected("range", f"{field.name} = {value} is {side} {limit:g} {field.unit}".rstrip())
    return value


def _series_record(s: Series, i: int) -> dict[str, Any]:
    """Record i of a series, as record JSON has it."""
    record: dict[str, Any] = {"device_id": s.device}
    if s.boot != NO_BOOT or s.seqs[i]:
        record["boot"], record["seq"] = s.boot, s.seqs[i] % (1 << 64)
    if s.times[i] != NO_TIME:
        record["ts"] = timestamp(s.times[i])
    if s.schema:
        record["schema"] = s.schema
    if s.meta:
        record["meta"] = s.meta
    record["readings"] = {name: column[i] for name, column in s.columns.items()}
    return record
