"""The streaming job: what Kinesis holds becomes Parquet, once, and what cannot be stored a dead letter.

It runs on AWS Glue 6.0 (Spark 4.1), on Glue 5.1 (Spark 3.5) and on Spark anywhere. Each batch:

  1. decode: de-aggregate, decompress, hold to the schema (rows and dead letters, kept in memory)
  2. note in the ledger which folders are about to be written, so that a crash can be cleaned up after
  3. write the rows that are not stored yet, then the dead letters, each batch in folders of its own; count them
  4. write the ids that are stored by now, as intervals
  5. commit: one small file in the ledger. Spark's checkpoint follows

A crash before 5 makes Spark give the same batch again, and what it left behind is removed first.
A crash after 5 makes it give a batch that is committed, which is skipped.

Arguments: --lake URI (s3://bucket, or file:///folder); everything else has a default, see `arguments`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from rivulet_arrow import DEAD, DEAD_COLUMNS, REPLAYED, Decoder, decoded_schema
from rivulet_ledger import Commit, Files, Ledger, all_new, merged, runs, without

MODEL: Any = None  # the renderer puts the model here

ATTEMPTS = 3  # at a batch, before the job fails
ROWS_A_FILE = 1_000_000
_PARTITIONS = ["year", "month", "day", "batch"]
_DEAD = f"`{DEAD}`"
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
        if not options.region:
            parser.error("--region is needed, or --endpoint-url")
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
            F.lit(None).cast("binary").alias("line"),
        )
        self.files.make_folder(self.replay)
        letters = (
            self.spark.readStream.schema(", ".join(f"{name} {kind}" for name, kind in {**DEAD_COLUMNS, "line": "string"}.items()))
            .option("recursiveFileLookup", True)  # or folders such as year=2026 would become columns
            .option("columnNameOfCorruptRecord", "line")
            .option("ignoreCorruptFiles", True)  # the originals are where they were copied from
            .option("ignoreMissingFiles", True)
            .option("maxFileAge", "3650d")  # a copy may have the time of its original
            .option("cleanSource", "delete")
            .json(f"{self.options.lake}/{self.replay}")
        )
        now = F.current_timestamp()
        earliest = F.lit(self.model["records"]["earliest_arrival"]).cast("timestamp")
        possible = F.col("arrival_time").between(earliest, now + F.expr("INTERVAL 1 DAY"))
        again = letters.select(
            F.col("data"),
            F.col("stream").alias("streamName"),
            F.col("partition_key").alias("partitionKey"),
            F.col("shard_id").alias("shardId"),
            F.col("sequence_number").alias("sequenceNumber"),
            F.unix_millis(F.when(possible, F.col("arrival_time")).otherwise(now)).alias("arrival"),
            (F.least(F.coalesce("replayed", F.lit(0)), F.lit(1000)) + 1).alias("replayed"),
            F.coalesce("user_record", F.lit(0)).alias("userRecord"),
            F.col("record"),
            F.col("line").cast("binary").alias("line"),  # which need not be UTF-8
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
        if last.query == query and last.batch > number:
            raise RuntimeError(f"batch {number} was stored before {last.batch}, the last: the checkpoint is an old copy")
        self.clean(last)
        if last.query == query and last.batch == number:
            return  # committed, but Spark did not get to know
        commit = Commit(last.number + 1, query, number)
        cores = self.spark.sparkContext.defaultParallelism
        decoded = frame.repartition(cores).mapInArrow(Decoder(self.model), decoded_schema(self.model)).persist()
        rows = decoded.where(F.col(_DEAD).isNull()).drop(DEAD, REPLAYED)
        letters = decoded.where(F.col(_DEAD).isNotNull()).select(f"{_DEAD}.*")
        now = F.timestamp_millis(F.lit(round(time.time() * 1000)))
        fresh = runs(rows, now).persist()
        try:
            figures = self.figures(decoded)
            if not figures["folders"]:
                return
            before = self.ledger.ids(last)
            stored = figures["records"]
            if not all_new(fresh, before):
                rows = without(rows, before).persist()
                stored = rows.count()
            folders = sorted(f"{folder}/batch={commit.label}" for folder in figures["folders"])
            self.ledger.intend(commit, folders)
            if stored:
                self.write_rows(self.with_registry(rows), stored, commit.label)
            if figures["reasons"]:
                self.write_letters(letters, commit.label)
            self.check(folders, stored, sum(figures["reasons"].values()))
            days = F.expr(f"INTERVAL {self.model['records']['dedup_days']} DAYS")
            self.ledger.write_ids(merged(before, fresh, now - days), commit)
        finally:
            for cached in (rows, fresh, decoded):
                cached.unpersist()
        said = {
            "records": figures["records"],
            "stored": stored,
            "duplicates": figures["records"] - stored,
            "dead_letters": sum(figures["reasons"].values()),
            "reasons": figures["reasons"],
            "clocks_corrected": figures["clocks_corrected"],
        }
        self.ledger.commit(commit, said)
        said = {"batch": commit.label, **said, "seconds": round(time.monotonic() - began, 3)}
        if figures["read"]:  # or else it was all replayed, and says nothing of the stream
            said["lag_seconds"] = round(max(time.time() - figures["read"] / 1000, 0), 3)
        print(json.dumps(said), flush=True)
        self.report(said)

    def clean(self, last: Commit) -> None:
        """Removes what an attempt left behind that was killed."""
        self.ledger.clean(last)
        for folder in (self.curated, self.dead_letters):
            self.files.delete(f"{folder}/_temporary")  # or Spark would take what is in there for the next batch's

    def figures(self, decoded: DataFrame) -> dict[str, Any]:
        """Decodes, and counts what there is by kind and day."""
        is_row = F.col(_DEAD).isNull()
        arrival = F.coalesce(F.col("arrival_time"), F.col(f"{_DEAD}.arrival_time"))
        kinds = decoded.groupBy(
            F.col(f"{_DEAD}.reason").alias("reason"),
            F.to_date(F.when(is_row, F.col("ts")).otherwise(arrival)).alias("day"),
            (F.col("ts_source") == "arrival").alias("corrected"),
        ).agg(
            F.count(F.lit(1)).alias("n"),
            F.max(F.when(F.col(f"`{REPLAYED}`") == 0, F.unix_millis(arrival))).alias("read"),
        )
        out: dict[str, Any] = {"records": 0, "clocks_corrected": 0, "reasons": {}, "folders": set(), "read": 0}
        for row in kinds.collect():
            day = f"year={row.day.year:04d}/month={row.day.month:02d}/day={row.day.day:02d}"
            out["read"] = max(out["read"], row.read or 0)
            if row.reason is None:
                out["records"] += row.n
                out["clocks_corrected"] += row.n if row.corrected else 0
                out["folders"].add(f"{self.curated}/{day}")
            else:
                out["reasons"][row.reason] = out["reasons"].get(row.reason, 0) + row.n
                out["folders"].add(f"{self.dead_letters}/{day}")
        out["reasons"] = dict(sorted(out["reasons"].items()))
        return out

    def check(self, folders: list[str], rows: int, letters: int) -> None:
        """Counts what was written. Should a source not give the same again to a task that has to start over, it shows here."""
        wanted = [(self.dead_letters, letters, "text")]
        if not self.iceberg:
            wanted.append((self.curated, rows, "parquet"))
        for prefix, want, form in wanted:
            there = [f"{self.options.lake}/{f}" for f in folders if f.startswith(prefix + "/") and self.files.exists(f)]
            found = self.spark.read.format(form).load(there).count() if there else 0
            if found != want:
                raise RuntimeError(f"{want} were to be written to {prefix}, {found} are there")

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

    def write_rows(self, rows: DataFrame, n: int, label: str) -> None:
        """Writes rows in few files, sorted, so that they compress well and queries skip what they don't need."""
        days = _days(rows, "ts")
        files = -(-n // ROWS_A_FILE)
        days = days.repartition(files, "year", "month", "day", F.pmod(F.hash("device_id"), F.lit(files)))
        days = days.sortWithinPartitions("year", "month", "day", "device_id", "ts")
        if self.iceberg:
            return self.append_iceberg(days.drop("year", "month", "day"), label)
        folder = f"{self.options.lake}/{self.curated}"
        days.withColumn("batch", F.lit(label)).write.partitionBy(*_PARTITIONS).parquet(folder, mode="append", compression="zstd")

    def write_letters(self, letters: DataFrame, label: str) -> None:
        """Writes dead letters."""
        folder = f"{self.options.lake}/{self.dead_letters}"
        days = _days(letters, "arrival_time").withColumn("batch", F.lit(label))
        days.coalesce(1).write.partitionBy(*_PARTITIONS).json(folder, mode="append", compression="gzip", ignoreNullFields=True)

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
        model = hashlib.sha256(json.dumps(self.model).encode()).hexdigest()[:16]
        done = self.spark.sql(
            f"SELECT summary['rivulet-model'] FROM {self.iceberg}.snapshots WHERE summary['rivulet-batch'] = '{label}'"
        ).collect()
        if not done:
            rows.writeTo(self.iceberg).option("snapshot-property.rivulet-batch", label).option(
                "snapshot-property.rivulet-model", model
            ).append()
        elif done[0][0] != model:
            raise RuntimeError(
                f"batch {label} is in {self.iceberg} by another model, and what is not, only that model knows: deploy the script "
                "from before once more, until this batch is committed"
            )

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
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "200")  # Kinesis records, of up to 1 MiB each
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
