"""The ledger, in the lake: which batches are stored, and the ids of which records.

ledger/TABLE/commits/  one small file for each batch that is stored; the last one counts
ledger/TABLE/ids/      Parquet: of each device and boot, the intervals of seq that are stored as of a commit
ledger/TABLE/intents/  of a batch that is being written: the folders it writes to, to be removed if it has to start again
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

_KEPT_COMMITS = 100
_COPY = "$copy"  # no field can have such a name


class Files:
    """Small files and folders of the lake."""

    def __init__(self, spark: SparkSession, lake: str):
        self.jvm = spark.sparkContext._jvm
        self.lake = lake
        self.fs = self.path("").getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())

    def path(self, name: str) -> Any:
        return self.jvm.org.apache.hadoop.fs.Path(f"{self.lake}/{name}")

    def exists(self, name: str) -> bool:
        return self.fs.exists(self.path(name))

    def make_folder(self, name: str) -> None:
        self.fs.mkdirs(self.path(name))

    def names(self, folder: str) -> list[str]:
        """What is in a folder, in order; nothing if there is no such folder."""
        if not self.exists(folder):
            return []
        return sorted(status.getPath().getName() for status in self.fs.listStatus(self.path(folder)))

    def read(self, name: str) -> str:
        stream = self.fs.open(self.path(name))
        try:
            return bytes(self.jvm.org.apache.commons.io.IOUtils.toByteArray(stream)).decode()
        finally:
            stream.close()

    def write(self, name: str, text: str) -> None:
        """Writes a file that is there as a whole or not at all: under another name first, then renamed."""
        folder, _, base = name.rpartition("/")
        temporary = f"{folder}/_{base}"
        stream = self.fs.create(self.path(temporary), True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
        self.delete(name)  # renaming would not replace it
        if not self.fs.rename(self.path(temporary), self.path(name)):
            raise OSError(f"{self.lake}/{temporary} could not be renamed to {base}")

    def delete(self, name: str) -> None:
        self.fs.delete(self.path(name), True)


class Commit(NamedTuple):
    """A batch that is stored."""

    number: int  # counts commits, whatever checkpoint they were of
    query: str  # of Spark: another one for each checkpoint
    batch: int  # of the query

    @property
    def label(self) -> str:
        """Names what belongs to the batch: no other commit has it."""
        return f"{self.number:09d}-{self.query[:8]}"


class Ledger:
    """Which batches are stored, and which ids."""

    def __init__(self, spark: SparkSession, files: Files, folder: str):
        self.spark, self.files, self.folder = spark, files, folder

    def last(self) -> Commit:
        """The last commit."""
        names = self._commits()
        if not names:
            return Commit(0, "", -1)
        found = json.loads(self.files.read(f"{self.folder}/commits/{names[-1]}"))
        return Commit(found["number"], found["query"], found["batch"])

    def _commits(self) -> list[str]:
        return [name for name in self.files.names(f"{self.folder}/commits") if name[0] != "_"]

    def clean(self, last: Commit) -> None:
        """Removes what attempts at batches left behind that came to no commit."""
        for name in self.files.names(f"{self.folder}/intents"):
            if name[0] != "_" and name != f"{last.label}.json":
                for folder in json.loads(self.files.read(f"{self.folder}/intents/{name}"))["folders"]:
                    self.files.delete(folder)
            self.files.delete(f"{self.folder}/intents/{name}")

    def intend(self, commit: Commit, folders: list[str]) -> None:
        """Notes the folders that a batch is about to write to."""
        self.files.write(f"{self.folder}/intents/{commit.label}.json", json.dumps({"folders": folders}))

    def commit(self, commit: Commit, figures: dict[str, Any]) -> None:
        """Makes a batch stored, and forgets what no batch needs any more."""
        self.files.write(f"{self.folder}/commits/{commit.label}.json", json.dumps({**commit._asdict(), **figures}))
        self.files.delete(f"{self.folder}/intents/{commit.label}.json")
        for old in self._commits()[:-_KEPT_COMMITS]:
            self.files.delete(f"{self.folder}/commits/{old}")
        for old in self.files.names(f"{self.folder}/ids"):
            if old < f"{commit.number - 1:09d}":
                self.files.delete(f"{self.folder}/ids/{old}")

    def ids(self, commit: Commit) -> DataFrame:
        """The ids that are stored as of a commit: of each device and boot, intervals of seq."""
        columns = "device_id string, boot string, low bigint, high bigint, last_seen timestamp"
        if not commit.number:
            return self.spark.createDataFrame([], columns)
        return self.spark.read.schema(columns).parquet(f"{self.files.lake}/{self.folder}/ids/{commit.label}")

    def write_ids(self, ids: DataFrame, commit: Commit) -> None:
        """Writes the ids that are stored as of a commit."""
        folder = f"{self.files.lake}/{self.folder}/ids/{commit.label}"
        ids.coalesce(1).write.parquet(folder, mode="overwrite", compression="zstd")


def runs(rows: DataFrame, now: Column) -> DataFrame:
    """The ids of rows as intervals of seq, each with how many rows it has; a row without id has no part in it."""
    by_device = Window.partitionBy("device_id", "boot").orderBy("seq")
    ids = rows.where("seq is not null").select("device_id", "boot", "seq")
    of_run = [F.min("seq").alias("low"), F.max("seq").alias("high"), F.count("*").alias("rows"), now.alias("last_seen")]
    numbered = ids.withColumn("run", F.col("seq") - F.dense_rank().over(by_device))
    return numbered.groupBy("device_id", "boot", "run").agg(*of_run).drop("run")


def all_new(fresh: DataFrame, stored: DataFrame) -> bool:
    """Whether no id of these runs comes twice in them, and none is among those stored."""
    twice = fresh.where("rows > high - low + 1").select(F.lit(1))
    same = (
        (F.col("f.device_id") == F.col("s.device_id"))
        & (F.col("f.boot") == F.col("s.boot"))
        & (F.col("f.low") <= F.col("s.high"))
        & (F.col("f.high") >= F.col("s.low"))
    )
    again = fresh.alias("f").join(stored.alias("s"), same).select(F.lit(1))
    return twice.union(again).isEmpty()


def without(rows: DataFrame, stored: DataFrame) -> DataFrame:
    """The rows whose ids are not stored, each id once. A row without id stays."""
    key = ["device_id", "boot", "seq"]
    same = Window.partitionBy(*key).orderBy("arrival_time", "sequence_number")
    numbered = rows.withColumn(_COPY, F.when(F.col("seq").isNotNull(), F.row_number().over(same)).otherwise(1))
    once = numbered.where(F.col(_COPY) == 1).drop(_COPY)
    # Sorted among the intervals, an id is stored if the last interval that begins at it or before also ends there or behind.
    ids = rows.where("seq is not null").select(*key, F.lit(None).cast("bigint").alias("high"))
    ends = stored.select("device_id", "boot", F.col("low").alias("seq"), "high")
    so_far = Window.partitionBy("device_id", "boot").orderBy("seq", F.col("high").desc_nulls_last())
    end = F.last("high", ignorenulls=True).over(so_far.rowsBetween(Window.unboundedPreceding, 0))
    known = ids.unionByName(ends).withColumn("end", end).where("high is null and end >= seq").select(*key)
    return once.join(known.distinct(), key, "left_anti")


def merged(stored: DataFrame, fresh: DataFrame, oldest: Column) -> DataFrame:
    """What is stored with these runs, as intervals that neither overlap nor follow each other, of each (device, boot) that was
    heard of since then."""
    ids = stored.unionByName(fresh.drop("rows"))
    by_device = Window.partitionBy("device_id", "boot").orderBy("low", "high")
    before = by_device.rowsBetween(Window.unboundedPreceding, -1)
    apart = F.col("low") - 1 > F.coalesce(F.max("high").over(before), F.lit(-1))  # high + 1 might not fit
    whole = (
        ids.withColumn("run", F.sum(apart.cast("int")).over(by_device.rowsBetween(Window.unboundedPreceding, 0)))
        .groupBy("device_id", "boot", "run")
        .agg(F.min("low").alias("low"), F.max("high").alias("high"), F.max("last_seen").alias("last_seen"))
        .drop("run")
    )
    heard = F.max("last_seen").over(Window.partitionBy("device_id", "boot"))
    return whole.withColumn("heard", heard).where(F.col("heard") >= oldest).drop("heard")
