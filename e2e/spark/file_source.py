"""Makes spark.readStream.format("kinesis") read Parquet files with the columns of a Kinesis stream."""

from __future__ import annotations

from typing import Any

from pyspark.sql.streaming.readwriter import DataStreamReader

SCHEMA = (
    "data binary, streamName string, partitionKey string, sequenceNumber string,"
    " approximateArrivalTimestamp timestamp, shardId string"
)


def instead_of_kinesis(folder: str) -> None:
    format, load = DataStreamReader.format, DataStreamReader.load

    def format_or_files(self: DataStreamReader, source: str) -> DataStreamReader:
        self.is_kinesis = source == "kinesis"
        return format(self, "parquet" if self.is_kinesis else source)

    def load_files(self: DataStreamReader, *args: Any, **named: Any) -> Any:
        if getattr(self, "is_kinesis", False):
            self.schema(SCHEMA).option("maxFilesPerTrigger", 1)
            return load(self, folder)
        return load(self, *args, **named)

    DataStreamReader.format, DataStreamReader.load = format_or_files, load_files
