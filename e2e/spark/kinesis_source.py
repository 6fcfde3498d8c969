"""A Spark source named "kinesis", for tests: what AWS Glue has built in, read with boto3.

It needs Spark 4.0 or later. Offsets are JSON, shard -> the sequence number up to which the shard was
read, "" at its start and END behind its last record. An offset has a shard that a split or merge made
only once all of the shard's parents are at END.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition

SCHEMA = (
    "data binary, streamName string, partitionKey string, sequenceNumber string,"
    " approximateArrivalTimestamp timestamp, shardId string"
)
END = "END"


class KinesisSource(DataSource):
    @classmethod
    def name(cls) -> str:
        return "kinesis"

    def schema(self) -> str:
        return SCHEMA

    def streamReader(self, schema: Any) -> DataSourceStreamReader:
        return KinesisReader(self.options)


class Shard(InputPartition):
    def __init__(self, shard: str, after: str, to: str):
        super().__init__((shard, after, to))
        self.shard, self.after, self.to = shard, after, to


class KinesisReader(DataSourceStreamReader):
    def __init__(self, options: Any):
        self.stream, self.endpoint = options["streamName"], options["endpointUrl"]
        # What the next offset is looked for from; after a restart Spark does not say where it is.
        self.known: dict[str, str] = {}
        if options.get("startingPosition", "").upper() != "TRIM_HORIZON":
            raise ValueError(f"startingPosition is {options.get('startingPosition')!r}; this source has TRIM_HORIZON only")

    def client(self) -> Any:
        import boto3  # here: it takes half a second, and not every process needs it

        return boto3.client("kinesis", endpoint_url=self.endpoint, region_name=os.environ["AWS_REGION"])

    def initialOffset(self) -> dict[str, str]:
        return {}

    def latestOffset(self) -> dict[str, str]:
        client = self.client()
        parents = {
            shard["ShardId"]: [shard[p] for p in ("ParentShardId", "AdjacentParentShardId") if p in shard]
            for shard in client.list_shards(StreamName=self.stream)["Shards"]
        }
        offset: dict[str, str] = {}
        for shard in sorted(parents):  # the ids rise, so parents come first
            if any(offset.get(p) != END for p in parents[shard] if p in parents):
                continue
            after = self.known.get(shard, "")
            for record in self.records(client, shard, after):
                after = END if record is None else record["SequenceNumber"]
            offset[shard] = after
        self.known = offset
        return offset

    def partitions(self, start: dict[str, str], end: dict[str, str]) -> list[InputPartition]:
        return [Shard(shard, start.get(shard, ""), to) for shard, to in end.items() if to != start.get(shard, "")]

    def read(self, partition: InputPartition) -> Iterator[tuple]:
        assert isinstance(partition, Shard)
        for record in self.records(self.client(), partition.shard, partition.after):
            if record is not None:
                number = record["SequenceNumber"]
                arrival = record["ApproximateArrivalTimestamp"]
                yield record["Data"], self.stream, record["PartitionKey"], number, arrival, partition.shard
                if number == partition.to:
                    return

    def records(self, client: Any, shard: str, after: str) -> Iterator[dict[str, Any] | None]:
        """Yields the records of a shard that are there now, and None if no more will come."""
        if after == END:
            yield None
            return
        start: dict[str, str] = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        at = client.get_shard_iterator(StreamName=self.stream, ShardId=shard, **start)["ShardIterator"]
        while True:
            page = client.get_records(ShardIterator=at)
            yield from page["Records"]
            at = page.get("NextShardIterator")
            if not at:
                yield None
                return
            if not page["Records"]:
                return
