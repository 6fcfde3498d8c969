"""Arrow batches of Kinesis records in, Arrow batches of rows and dead letters out: what Spark's Python workers run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from rivulet_rows import Batch, DeadLetter, Source
from rivulet_rules import Rules

ROWS_A_STEP = 20_000  # handed on at once
DEAD, REPLAYED = "$dead", "$replayed"  # columns beside the table's; no field can have such a name
DEAD_COLUMNS = {
    "reason": "string",
    "detail": "string",
    "stream": "string",
    "shard_id": "string",
    "partition_key": "string",
    "sequence_number": "string",
    "user_record": "int",
    "record": "int",
    "arrival_time": "timestamp",
    "device_id": "string",
    "data": "binary",
    "replayed": "int",
}


def arrow_type(hive: str) -> pa.DataType:
    """The Arrow type of a column."""
    types = {
        "string": pa.string(),
        "binary": pa.binary(),
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "map<string,string>": pa.map_(pa.string(), pa.string()),
    }
    return types[hive]


def own_columns(model: dict[str, Any]) -> list[dict[str, Any]]:
    """The columns of the table that do not come from the registry of devices."""
    registry = set(model["registry"]["columns"])
    return [c for c in model["columns"] if c["name"] not in registry]


def decoded_schema(model: dict[str, Any]) -> str:
    """What a Decoder makes: the table's own columns, how often it was replayed, and dead, which is null for a row."""
    own = ", ".join(f"`{c['name']}` {c['type']}" for c in own_columns(model))
    letters = ", ".join(f"{name}:{kind}" for name, kind in DEAD_COLUMNS.items())
    return f"{own}, `{REPLAYED}` int, `{DEAD}` struct<{letters}>"


class Decoder:
    """The function that Spark gives Arrow batches of Kinesis records."""

    def __init__(self, model: dict[str, Any]):
        self.model = model

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rules = Rules(self.model)
        batch = Batch(len(rules.fields))
        for records in batches:
            columns = [records.column(name).to_pylist() for name in records.schema.names]
            for row in zip(*columns):
                r = dict(zip(records.schema.names, row))
                source = Source(
                    r["sequenceNumber"], r["partitionKey"] or "", r["streamName"] or "", r["shardId"],
                    r["arrival"], r["replayed"], r["userRecord"], r["record"],
                )  # fmt: skip
                if r["data"] is None:
                    what = "a line of a replay that is no dead letter"
                    batch.bury(DeadLetter(source, "json", what, r["line"] or b"", 0, None))
                else:
                    for _ in rules.read(r["data"], source, batch):
                        yield from self.arrow(rules, batch)
                        batch.clear()
                if batch.is_full():
                    yield from self.arrow(rules, batch)
                    batch.clear()
        yield from self.arrow(rules, batch)

    def arrow(self, rules: Rules, batch: Batch) -> Iterator[pa.RecordBatch]:
        """The rows of a batch, then its dead letters."""
        own = own_columns(self.model)
        schema = pa.schema([(c["name"], arrow_type(c["type"])) for c in own])
        letters = pa.struct([(name, arrow_type(kind)) for name, kind in DEAD_COLUMNS.items()])
        schema = schema.append(pa.field(REPLAYED, pa.int32())).append(pa.field(DEAD, letters))
        for at in range(0, len(batch), ROWS_A_STEP):
            step = slice(at, at + ROWS_A_STEP)
            sources = batch.sources[step]
            values: dict[str, Any] = {
                "device_id": batch.device_id[step],
                "boot": batch.boot[step],
                "seq": batch.seq[step],
                "ts": batch.ts[step],
                "ts_source": ["device" if from_device else "arrival" for from_device in batch.from_device[step]],
                "device_ts": batch.device_ts[step],
                "arrival_time": [s.arrival * 1000 for s in sources],
                "schema": batch.schema[step],
                "meta": _maps(batch.meta[step]),
                "extra": _maps(batch.extra[step]),
                "sequence_number": [s.sequence_number for s in sources],
            }
            values.update({name: batch.values[i][step] for i, name in enumerate(rules.fields)})
            columns = [_array(values[c["name"]], arrow_type(c["type"])) for c in own]
            replayed = pa.array([s.replayed for s in sources], pa.int32())
            yield pa.RecordBatch.from_arrays([*columns, replayed, pa.nulls(len(sources), letters)], schema=schema)
        if batch.dead:
            dead = [
                {
                    "reason": d.reason, "detail": d.detail, "stream": d.source.stream, "shard_id": d.source.shard_id,
                    "partition_key": d.source.partition_key, "sequence_number": d.source.sequence_number,
                    "user_record": d.user_record, "record": d.record, "arrival_time": d.source.arrival * 1000,
                    "device_id": d.device_id, "data": d.data, "replayed": d.source.replayed,
                }
                for d in batch.dead
            ]  # fmt: skip
            nothing = [pa.nulls(len(dead), arrow_type(c["type"])) for c in own]
            replayed = pa.array([d.source.replayed for d in batch.dead], pa.int32())
            yield pa.RecordBatch.from_arrays([*nothing, replayed, pa.array(dead, letters)], schema=schema)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def _maps(maps: list[dict[str, str] | None]) -> pa.Array:
    """A column of maps. Nearly all are the same few objects, which are converted once."""
    different = {id(m): m for m in maps}
    places = {key: i for i, key in enumerate(different)}
    few = pa.array([m if m is None else list(m.items()) for m in different.values()], arrow_type("map<string,string>"))
    return few.take(pa.array([places[id(m)] for m in maps], pa.int32()))
