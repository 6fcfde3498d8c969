"""The ledger, in the lake: which batches are stored, and the ids of which records.

ledger/TABLE/commits/  one small file for each batch that is stored; the last one counts
ledger/TABLE/ids/      Parquet: of each device and boot, the intervals of seq that are stored as of a commit
ledger/TABLE/intents/  of a batch that is being written: the folders it writes to, to be removed if it has to start again
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

_KEPT_COMMITS = 100


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
    batch: int
    ids: str | None  # the folder with the ids that are stored


class Ledger:
    """ledger/TABLE/commits, one small file a batch; ids, all that is stored; intents, of a batch that is being written."""

    def __init__(self, spark: SparkSession, files: Files, folder: str):
        self.spark, self.files, self.folder = spark, files, folder

    def last(self) -> Commit:
        """The last commit."""
        names = [name for name in self.files.names(f"{self.folder}/commits") if name.endswith(".json") and name[0] != "_"]
        if not names:
            return Commit(0, "", -1, None)
        found = json.loads(self.files.read(f"{self.folder}/commits/{names[-1]}"))
        return Commit(found["number"], found["query"], found["batch"], found["ids"])

    def ids(self, last: Commit) -> DataFrame:
        """The ids that are stored: of each device and boot, intervals of seq."""
        columns = "device_id string, boot bigint, low bigint, high bigint, last_seen timestamp"
        if last.ids is None:
            return self.spark.createDataFrame([], columns)
        return self.spark.read.schema(columns).parquet(f"{self.files.lake}/{self.folder}/{last.ids}")

    def intent(self, label: str) -> list[str] | None:
        """The folders that an attempt at a batch noted; None if there was none."""
        name = f"{self.folder}/intents/{label}.json"
        return json.loads(self.files.read(name))["folders"] if self.files.exists(name) else None

    def intend(self, label: str, folders: list[str]) -> None:
        self.files.write(f"{self.folder}/intents/{label}.json", json.dumps({"folders": folders}))

    def commit(self, commit: Commit, label: str, figures: dict[str, Any]) -> None:
        """Makes a batch stored, and forgets what no batch needs any more."""
        name = f"{self.folder}/commits/{commit.number:09d}-{label}.json"
        self.files.write(name, json.dumps({**commit._asdict(), **figures}))
        self.files.delete(f"{self.folder}/intents/{label}.json")
        for old in self.files.names(f"{self.folder}/commits")[:-_KEPT_COMMITS]:
            self.files.delete(f"{self.folder}/commits/{old}")
        for old in self.files.names(f"{self.folder}/ids"):
            if f"ids/{old}" < f"ids/{commit.number - 1:09d}":
                self.files.delete(f"{self.folder}/ids/{old}")


def intervals(ids: DataFrame) -> DataFrame:
    """Makes one interval of those that overlap or follow each other."""
    by_device = Window.partitionBy("device_id", "boot").orderBy("low", "high")
    before = by_device.rowsBetween(Window.unboundedPreceding, -1)
    apart = F.col("low") > F.coalesce(F.max("high").over(before), F.lit(-2)) + 1
    return (
        ids.withColumn("run", F.sum(apart.cast("int")).over(by_device.rowsBetween(Window.unboundedPreceding, 0)))
        .groupBy("device_id", "boot", "run")
        .agg(F.min("low").alias("low"), F.max("high").alias("high"), F.max("last_seen").alias("last_seen"))
        .drop("run")
    )
