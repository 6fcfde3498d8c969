"""The streaming job: what Kinesis holds becomes Parquet, once, and what cannot be stored a dead letter.

It runs on AWS Glue 6.0 (Spark 4.1), on Glue 5.1 (Spark 3.5) and on Spark anywhere. Each batch:

  1. decode: de-aggregate, decompress, hold to the schema (rows and dead letters, kept in memory)
  2. note in the ledger which days are about to be written, so that a crash can be cleaned up after
  3. write the rows that are not stored yet, then the dead letters, each batch in folders of its own
  4. write the ids that are stored by now, as intervals
  5. commit: one small file in the ledger. Spark's checkpoint follows

A crash before 5 makes Spark give the same batch again, and what it left behind is removed first.
A crash after 5 makes it give a batch that is committed, which is skipped.

Arguments: --lake URI (s3://bucket, or file:///folder); everything else has a default, see `arguments`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from rivulet_arrow import DEAD_COLUMNS, Decoder, decoded_schema
from rivulet_ledger import Commit, Files, Ledger, all_new, merged, runs, without

MODEL: Any = None  # the renderer puts the model here

ATTEMPTS = 3  # at a batch, before the job fails
ROWS_A_FILE = 1_000_000
_SOURCE_COLUMNS = ["streamName", "partitionKey", "shardId", "sequenceNumber"]  # of a Kinesis record, besides data


def arguments(argv: list[str]) -> argparse.Namespace:
    """Reads --name value; what it does not know, such as Glue's own, it ignores."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    parser = argparse.ArgumentParser(allow_abbrev=False, description="Stores a Kinesis stream as a table.")
    parser.add_argument("--lake", required=True, help="s3://bucket, or file:///folder")
    parser.add_argument("--stream", default=MODEL["stream"], help="name of the Kinesis stream")
    parser.add_argument("--region", default=region)
    parser.add_argument("--endpoint-url", help="of Kinesis; default: that of the region")
    parser.add_argument("--starting-position", default=MODEL["starting_position"], help="without a checkpoint")
    parser.add_argument(
        "--trigger", choices=["window", "available-now"], default="window", help="available-now: what is there, then stop"
    )
    parser.add_argument("--window-seconds", type=int, default=MODEL["window_seconds"])
    parser.add_argument("--metrics-namespace", help="of CloudWatch; default: no metrics")
    options = parser.parse_known_args(argv)[0]
    if not options.endpoint_url:
        domain = "amazonaws.com.cn" if options.region.startswith("cn-") else "amazonaws.com"
        options.endpoint_url = f"https://kinesis.{options.region}.{domain}"
    options.lake = options.lake.rstrip("/")
    return options


# ---- The job ----


class Job:
    """The stream, the table and how one gets into the other."""

    def __init__(self, spark: SparkSession, model: dict[str, Any], options: argparse.Namespace):
        self.spark, self.model, self.options = spark, model, options
        self.table, prefixes = model["table"], model["prefixes"]
        self.files = Files(spark, options.lake)
        self.ledger = Ledger(spark, self.files, prefixes["ledger"] + self.table)
        self.curated = prefixes["curated"] + self.table
        self.dead_letters = prefixes["dead_letters"] + self.table
        self.replay = prefixes["replay"] + self.table
        self.checkpoint = prefixes["checkpoints"] + self.table
        self.registry = prefixes["registry"]
        self.iceberg = f"glue_catalog.{model['database']}.{self.table}" if model["sink"] == "iceberg" else None

    def run(self) -> None:
        """Runs until it is stopped, or, with available-now, until all that was there is stored."""
        writer = (
            self.records()
            .writeStream.foreachBatch(self.batch)
            .option("checkpointLocation", f"{self.options.lake}/{self.checkpoint}")
            .queryName(self.table)
        )
        if self.options.trigger == "available-now":
            writer = writer.trigger(availableNow=True)
        else:
            writer = writer.trigger(processingTime=f"{self.options.window_seconds} seconds")
        writer.start().awaitTermination()

    def records(self) -> DataFrame:
        """Kinesis records, and dead letters that are to be tried again, as one stream of one shape."""
        kinesis = (
            self.spark.readStream.format("kinesis")
            .option("streamName", self.options.stream)
            .option("endpointUrl", self.options.endpoint_url)
            .option("region", self.options.region)
            .option("startingPosition", self.options.starting_position)
            .load()
        )
        if "data" not in kinesis.columns:
            raise SystemExit(f"the kinesis source gives the columns {kinesis.columns}; there is no data among them")

        def column(name: str, missing: Any) -> Any:
            return F.col(name) if name in kinesis.columns else missing

        arrival = column("approximateArrivalTimestamp", F.current_timestamp())
        none = F.lit(None).cast("int")
        first = kinesis.select(
            F.col("data").cast("binary").alias("data"),
            *(column(name, F.lit(None)).cast("string").alias(name) for name in _SOURCE_COLUMNS),
            F.unix_millis(F.coalesce(arrival, F.current_timestamp())).alias("arrival"),
            F.lit(0).alias("replayed"),
            F.lit(0).alias("userRecord"),
            none.alias("record"),
            F.lit(None).cast("string").alias("line"),
        )
        self.files.make_folder(self.replay)
        letters = (
            self.spark.readStream.schema(", ".join(f"{name} {kind}" for name, kind in {**DEAD_COLUMNS, "line": "string"}.items()))
            .option("recursiveFileLookup", True)  # or folders such as year=2026 would become columns
            .option("columnNameOfCorruptRecord", "line")
            .option("cleanSource", "delete")
            .json(f"{self.options.lake}/{self.replay}")
        )
        again = letters.select(
            F.col("data"),
            F.col("stream").alias("streamName"),
            F.col("partition_key").alias("partitionKey"),
            F.col("shard_id").alias("shardId"),
            F.col("sequence_number").alias("sequenceNumber"),
            F.unix_millis(F.coalesce("arrival_time", F.current_timestamp())).alias("arrival"),
            (F.coalesce("replayed", F.lit(0)) + 1).alias("replayed"),
            F.coalesce("user_record", F.lit(0)).alias("userRecord"),
            F.col("record"),
            F.col("line"),
        )
        return first.unionByName(again)

    def batch(self, frame: DataFrame, number: int) -> None:
        """Stores a batch, once, however often it is given. Tries again what may be a passing trouble, of S3 for example."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.store(frame, number)
            except Exception as e:
                if attempt == ATTEMPTS:
                    raise
                print(f"batch {number}, attempt {attempt} of {ATTEMPTS}: {e}", file=sys.stderr, flush=True)
                time.sleep(5 * attempt)

    def store(self, frame: DataFrame, number: int) -> None:
        """Stores a batch."""
        began = time.monotonic()
        query = json.loads(self.files.read(f"{self.checkpoint}/metadata"))["id"]
        last = self.ledger.last()
        if last.query == query and last.batch >= number:
            if last.batch > number:
                raise RuntimeError(
                    f"batch {number} was stored long ago, the ledger is at {last.batch}: the checkpoint is an old copy"
                )
            return  # committed, but Spark did not get to know
        label = f"{query[:8]}-{number:09d}"
        cores = self.spark.sparkContext.defaultParallelism
        decoded = frame.repartition(cores).mapInArrow(Decoder(self.model), decoded_schema(self.model)).persist()
        rows = decoded.where("dead is null").drop("dead", "replayed")
        fresh = runs(rows).persist()
        try:
            figures = self.figures(decoded)
            before = self.ledger.ids(last)
            if not all_new(fresh, before):
                rows = without(rows, before)
            stored = self.write(rows, decoded.where("dead is not null").select("dead.*"), label, figures)
            oldest = figures["newest"] - self.model["records"]["dedup_days"] * 86_400_000
            ids = self.ledger.write_ids(merged(before, fresh, oldest), f"{last.number + 1:09d}-{label}")
        finally:
            fresh.unpersist()
            decoded.unpersist()
        said = {
            "batch": label,
            "records": figures["records"],
            "stored": stored,
            "duplicates": figures["records"] - stored,
            "dead_letters": sum(figures["reasons"].values()),
            "reasons": figures["reasons"],
            "clocks_corrected": figures["clocks_corrected"],
        }
        self.ledger.commit(Commit(last.number + 1, query, number, ids), label, {k: v for k, v in said.items() if k != "batch"})
        said["seconds"] = round(time.monotonic() - began, 3)
        if figures["read"]:  # or else it was all replayed, and says nothing of the stream
            said["lag_seconds"] = round(max(time.time() - figures["read"] / 1000, 0), 3)
        print(json.dumps(said), flush=True)
        self.report(said)

    def figures(self, decoded: DataFrame) -> dict[str, Any]:
        """Decodes, and counts what there is by kind and day."""
        arrival = F.coalesce("arrival_time", "dead.arrival_time")
        kinds = decoded.groupBy(
            F.col("dead.reason").alias("reason"),
            F.to_date(F.when(F.col("dead").isNull(), F.col("ts")).otherwise(arrival)).alias("day"),
            (F.col("ts_source") == "arrival").alias("corrected"),
        ).agg(
            F.count(F.lit(1)).alias("n"),
            F.max(F.unix_millis(arrival)).alias("newest"),
            F.max(F.when(F.col("replayed") == 0, F.unix_millis(arrival))).alias("read"),
        )
        out: dict[str, Any] = {"records": 0, "clocks_corrected": 0, "reasons": {}, "folders": set(), "newest": 0, "read": 0}
        for row in kinds.collect():
            day = (
                row.day.strftime("year=%Y/month=%m/day=%d")
                if row.day.year > 999
                else row.day.strftime("year=0%Y/month=%m/day=%d")
            )
            out["newest"], out["read"] = max(out["newest"], row.newest), max(out["read"], row.read or 0)
            if row.reason is None:
                out["records"] += row.n
                out["clocks_corrected"] += row.n if row.corrected else 0
                out["folders"].add(f"{self.curated}/{day}")
            else:
                out["reasons"][row.reason] = out["reasons"].get(row.reason, 0) + row.n
                out["folders"].add(f"{self.dead_letters}/{day}")
        out["reasons"] = dict(sorted(out["reasons"].items()))
        return out

    def write(self, rows: DataFrame, letters: DataFrame, label: str, figures: dict[str, Any]) -> int:
        """Writes rows and dead letters; returns how many rows there were."""
        folders = sorted(f"{folder}/batch={label}" for folder in figures["folders"])
        before = self.ledger.intent(label)
        if before is not None:
            for folder in before:
                self.files.delete(folder)
            folders = sorted({*folders, *before})
        if folders != before:
            self.ledger.intend(label, folders)
        stored = 0
        if figures["records"]:
            count = Observation()
            rows = self.with_registry(rows).observe(count, F.count(F.lit(1)).alias("rows"))
            self.write_rows(rows, label, figures["records"])
            stored = count.get["rows"]
        if figures["reasons"]:
            days = _days(letters, "arrival_time").withColumn("batch", F.lit(label))
            days.coalesce(1).write.partitionBy("year", "month", "day", "batch").json(
                f"{self.options.lake}/{self.dead_letters}", mode="append", compression="gzip", ignoreNullFields=True
            )
        return stored

    def with_registry(self, rows: DataFrame) -> DataFrame:
        """Adds what the registry of devices says of a row's device, and puts the columns in the table's order."""
        wanted = self.model["registry"]["columns"]
        if wanted and self.files.exists(self.registry):
            devices = self.spark.read.csv(f"{self.options.lake}/{self.registry}", header=True)
            missing = [name for name in ("device_id", *wanted) if name not in devices.columns]
            if missing:
                print(f"{self.registry} has no column {', '.join(missing)}; rows get no value there", file=sys.stderr, flush=True)
            if "device_id" in devices.columns:
                have = [name for name in wanted if name in devices.columns]
                devices = devices.select("device_id", *have).dropDuplicates(["device_id"])
                rows = rows.join(F.broadcast(devices), "device_id", "left")
        for name in wanted:
            if name not in rows.columns:
                rows = rows.withColumn(name, F.lit(None).cast("string"))
        return rows.select(*(c["name"] for c in self.model["columns"]))

    def write_rows(self, rows: DataFrame, label: str, n: int) -> None:
        """Writes rows in few files, sorted, so that they compress well and queries skip what they don't need."""
        days = _days(rows, "ts")
        files = -(-n // ROWS_A_FILE)
        days = days.repartition(files, "year", "month", "day", F.pmod(F.hash("device_id"), F.lit(files)))
        days = days.sortWithinPartitions("year", "month", "day", "device_id", "ts")
        if self.iceberg:
            return self.append_iceberg(days.drop("year", "month", "day"), label)
        folder = f"{self.options.lake}/{self.curated}"
        days.withColumn("batch", F.lit(label)).write.partitionBy("year", "month", "day", "batch").parquet(
            folder, mode="append", compression="zstd"
        )

    def append_iceberg(self, rows: DataFrame, label: str) -> None:
        """Appends a batch to the Iceberg table in one commit, which carries the batch's label; not if one does already."""
        columns = ", ".join(f"`{c['name']}` {c['type']}" for c in self.model["columns"])
        self.spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self.iceberg} ({columns}) USING iceberg PARTITIONED BY (days(ts)) "
            "TBLPROPERTIES ('format-version'='2')"
        )
        have = {name.lower() for name in self.spark.table(self.iceberg).columns}
        for c in self.model["columns"]:
            if c["name"] not in have:  # a later version of the schema
                self.spark.sql(f"ALTER TABLE {self.iceberg} ADD COLUMN `{c['name']}` {c['type']}")
        done = self.spark.sql(f"SELECT 1 FROM {self.iceberg}.snapshots WHERE summary['rivulet-batch'] = '{label}'")
        if done.isEmpty():
            rows.writeTo(self.iceberg).option("snapshot-property.rivulet-batch", label).append()
        else:
            rows.write.format("noop").mode("overwrite").save()  # only counts them

    def report(self, said: dict[str, Any]) -> None:
        """Puts a batch's figures into CloudWatch. That this fails is no reason to stop."""
        if not self.options.metrics_namespace:
            return
        names = {
            "RecordsStored": ("stored", "Count"),
            "DuplicatesDropped": ("duplicates", "Count"),
            "DeadLetters": ("dead_letters", "Count"),
            "ClocksCorrected": ("clocks_corrected", "Count"),
            "BatchSeconds": ("seconds", "Seconds"),
            "StreamLagSeconds": ("lag_seconds", "Seconds"),
        }
        table = [{"Name": "Table", "Value": self.table}]
        data = [
            {"MetricName": name, "Dimensions": table, "Value": said[key], "Unit": unit}
            for name, (key, unit) in names.items()
            if key in said
        ]
        try:
            import boto3

            boto3.client("cloudwatch", region_name=self.options.region or None).put_metric_data(
                Namespace=self.options.metrics_namespace, MetricData=data
            )
        except Exception as e:
            print(f"no metrics: {e}", file=sys.stderr, flush=True)


def _days(rows: DataFrame, column: str) -> DataFrame:
    """Adds the partitions year, month and day, with leading zeros."""
    return (
        rows.withColumn("year", F.date_format(column, "yyyy"))
        .withColumn("month", F.date_format(column, "MM"))
        .withColumn("day", F.date_format(column, "dd"))
    )


def session(model: dict[str, Any], lake: str) -> SparkSession:
    """Spark, in UTC, with times in Parquet as Athena reads them."""
    spark = SparkSession.builder.appName(f"{model['table']} stream etl").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    spark.conf.set("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")  # no empty files named _SUCCESS
    catalog = "spark.sql.catalog.glue_catalog"
    if model["sink"] == "iceberg" and spark.conf.get(catalog, None) is None:
        spark.conf.set(catalog, "org.apache.iceberg.spark.SparkCatalog")
        spark.conf.set(f"{catalog}.catalog-impl", "org.apache.iceberg.aws.glue.GlueCatalog")
        spark.conf.set(f"{catalog}.io-impl", "org.apache.iceberg.aws.s3.S3FileIO")
        spark.conf.set(f"{catalog}.warehouse", f"{lake}/{model['prefixes']['iceberg']}".rstrip("/"))
    return spark


def main(argv: list[str]) -> None:
    """Runs the job."""
    options = arguments(argv)
    Job(session(MODEL, options.lake), MODEL, options).run()


if __name__ == "__main__":
    main(sys.argv[1:])
