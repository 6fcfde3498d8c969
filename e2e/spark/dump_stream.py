"""Writes the records of a stream into Parquet files: python dump_stream.py STREAM ENDPOINT FOLDER FILES."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from kinesis_source import KinesisReader

SCHEMA = pa.schema(
    {
        "data": pa.binary(),
        "streamName": pa.string(),
        "partitionKey": pa.string(),
        "sequenceNumber": pa.string(),
        "approximateArrivalTimestamp": pa.timestamp("us", tz="UTC"),
        "shardId": pa.string(),
    }
)


def main() -> None:
    stream, endpoint, folder, files = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    reader = KinesisReader({"streamName": stream, "endpointUrl": endpoint, "startingPosition": "TRIM_HORIZON"})
    parts = reader.partitions(reader.initialOffset(), reader.latestOffset())
    rows = [dict(zip(SCHEMA.names, row)) for part in parts for row in reader.read(part)]
    rows.sort(key=lambda row: row["sequenceNumber"])
    folder.mkdir(parents=True)
    size = -(-len(rows) // files)
    for i in range(files):
        table = pa.Table.from_pylist(rows[i * size : (i + 1) * size], SCHEMA)
        pq.write_table(table, folder / f"rows-{i}.parquet")


if __name__ == "__main__":
    main()
