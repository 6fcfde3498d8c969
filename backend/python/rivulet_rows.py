"""Rows of the table and dead letters, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rivulet_parse import visible

_MOST_ROWS, _MOST_BYTES = 20_000, 8 << 20  # of a batch, before it is full


class Source(NamedTuple):
    """Where data comes from."""

    sequence_number: str | None
    partition_key: str = ""
    stream: str = ""
    shard_id: str | None = None
    arrival: int = 0  # milliseconds since 1970
    replayed: int = 0  # how often it was a dead letter before
    user_record: int = 0  # its place in its aggregate; given for what is replayed
    record: int | None = None  # its place in its frame; likewise


class DeadLetter(NamedTuple):
    """What could not be stored, and why. data is the user record as it was put, or one record of it as record JSON."""

    source: Source
    reason: str
    detail: str
    data: bytes
    user_record: int
    record: int | None  # its place in the frame; None if the frame is meant
    device_id: str | None = None


class Row(NamedTuple):
    """A record as the table has it, without what its source says."""

    device_id: str
    boot: str | None  # 16 hexadecimal digits; None, like seq, for a record that has no id
    seq: int | None
    ts: int  # microseconds since 1970
    from_device: bool  # or else ts is when it arrived
    device_ts: str | None  # the time as the device gave it, if it is not ts
    schema: str | None
    meta: dict[str, str] | None
    values: tuple[Any, ...]  # of Rules.fields
    extra: dict[str, str] | None  # unknown readings, as JSON


class Batch:
    """Rows by columns, as Arrow and Parquet want them, and dead letters."""

    def __init__(self, fields: int):
        self.fields = fields
        self.clear()

    def clear(self) -> None:
        """Makes it empty."""
        self.device_id: list[str] = []
        self.boot: list[str | None] = []
        self.seq: list[int | None] = []
        self.ts: list[int] = []
        self.from_device: list[bool] = []
        self.device_ts: list[str | None] = []
        self.schema: list[str | None] = []
        self.meta: list[dict[str, str] | None] = []
        self.values: list[list[Any]] = [[] for _ in range(self.fields)]
        self.extra: list[dict[str, str] | None] = []
        self.sources: list[Source] = []
        self.dead: list[DeadLetter] = []
        self.dead_bytes = 0

    def __len__(self) -> int:
        return len(self.device_id)

    def is_full(self) -> bool:
        """Whether it is time to clear it, lest it take much memory."""
        return len(self) + len(self.dead) >= _MOST_ROWS or self.dead_bytes >= _MOST_BYTES

    def bury(self, letter: DeadLetter) -> None:
        """Adds a dead letter. What it says of the data is for people, so nothing in it drives their terminals."""
        device = letter.device_id
        self.dead.append(letter._replace(detail=visible(letter.detail), device_id=device and visible(device)))
        self.dead_bytes += len(letter.data)

    def rows(self) -> Iterator[Row]:
        """Yields its rows."""
        for i, values in enumerate(zip(*self.values)):
            ids = self.device_id[i], self.boot[i], self.seq[i]
            when = self.ts[i], self.from_device[i], self.device_ts[i]
            yield Row(*ids, *when, self.schema[i], self.meta[i], values, self.extra[i])

    def append(self, row: Row, source: Source) -> None:
        """Adds a row."""
        self.device_id.append(row.device_id)
        self.boot.append(row.boot)
        self.seq.append(row.seq)
        self.ts.append(row.ts)
        self.from_device.append(row.from_device)
        self.device_ts.append(row.device_ts)
        self.schema.append(row.schema)
        self.meta.append(row.meta)
        for column, value in zip(self.values, row.values):
            column.append(value)
        self.extra.append(row.extra)
        self.sources.append(source)
