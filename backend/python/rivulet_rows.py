"""Rows of the table and dead letters, and batches of them."""

from __future__ import annotations

from typing import Any, NamedTuple


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
    boot: int | None  # None, like seq, for a record that has no id
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
        self.device_id: list[str] = []
        self.boot: list[int | None] = []
        self.seq: list[int | None] = []
        self.ts: list[int] = []
        self.from_device: list[bool] = []
        self.device_ts: list[str | None] = []
        self.schema: list[str | None] = []
        self.meta: list[dict[str, str] | None] = []
        self.values: list[list[Any]] = [[] for _ in range(fields)]
        self.extra: list[dict[str, str] | None] = []
        self.sources: list[Source] = []
        self.dead: list[DeadLetter] = []

    def __len__(self) -> int:
        return len(self.device_id)

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
