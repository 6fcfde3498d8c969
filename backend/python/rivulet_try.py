"""Runs a job's script, unchanged, on Spark on this machine, over sample records in place of a stream.

    python rivulet_try.py SCRIPT ROWS LAKE TABLE RESULT

ROWS is a folder of JSON lines with the columns of a Kinesis source, LAKE one for what the job stores, and RESULT
the file that gets a summary of it, as JSON. Lines of stdout that begin with STAGE say what is being done.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

SOURCE = (
    "data binary, streamName string, partitionKey string, sequenceNumber string,"
    " approximateArrivalTimestamp timestamp, shardId string"
)
STAGE = "rivulet-try: "
FIRST_ROWS, FIRST_LETTERS = 5, 20  # that a summary shows


def instead_of_kinesis(folder: str, kind: str, files_a_batch: int = 1000) -> None:
    """Makes spark.readStream.format("kinesis") read the files of a folder, which have the columns of SOURCE."""
    from pyspark.sql.streaming.readwriter import DataStreamReader

    set_format, set_load = DataStreamReader.format, DataStreamReader.load
    readers: list[Any] = []  # of format("kinesis")

    def format_or_files(self: Any, source: str) -> Any:
        if source == "kinesis":
            readers.append(self)
        return set_format(self, kind if source == "kinesis" else source)

    def load_or_files(self: Any, *args: Any, **named: Any) -> Any:
        if self not in readers:
            return set_load(self, *args, **named)
        return set_load(self.schema(SOURCE).option("maxFilesPerTrigger", files_a_batch), folder)

    DataStreamReader.format, DataStreamReader.load = format_or_files, load_or_files


def start_spark(lake: str) -> Any:
    """Starts Spark for two tasks at a time, which says little and listens to nobody else."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("rivulet backend try")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": f"{lake}/warehouse",
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def summary(spark: Any, lake: Path, table: str) -> dict[str, Any]:
    """What is in the lake: rows by partition, columns, the first rows, and dead letters by reason."""
    from pyspark.sql import functions as F

    out: dict[str, Any] = {
        "rows": 0,
        "partitions": [],
        "columns": [],
        "first": [],
        "dead_letters": 0,
        "reasons": {},
        "letters": [],
    }
    curated, dead = lake / "curated" / table, lake / "dead-letters" / table
    if any(curated.rglob("*.parquet")):
        rows = spark.read.option("basePath", str(curated)).parquet(str(curated))
        columns = [f for f in rows.schema.fields if f.name not in ("year", "month", "day", "batch")]
        figures = []
        for f in columns:
            ordered = not f.dataType.typeName().startswith("map")
            value = F.col(f"`{f.name}`")
            figures += [F.count(value), *((fn(value).cast("string") if ordered else F.lit(None)) for fn in (F.min, F.max))]
        counts = rows.select(*figures, F.count(F.lit(1))).first()
        out["rows"] = counts[-1]
        for i, f in enumerate(columns):
            out["columns"].append(
                {
                    "name": f.name,
                    "type": f.dataType.simpleString(),
                    "filled": counts[3 * i],
                    "min": counts[3 * i + 1],
                    "max": counts[3 * i + 2],
                }
            )
        days = rows.groupBy("year", "month", "day").count().orderBy("year", "month", "day").collect()
        out["partitions"] = [{"path": f"year={d[0]:04d}/month={d[1]:02d}/day={d[2]:02d}", "rows": d[3]} for d in days]
        line = F.col("sequence_number").cast("bigint")
        first = rows.select(*(f"`{f.name}`" for f in columns)).orderBy(line).limit(FIRST_ROWS)
        out["first"] = [json.loads(text) for text in first.toJSON().collect()]
    if any(dead.rglob("*.json.gz")):
        columns = "reason string, detail string, sequence_number string, record int, device_id string"
        letters = spark.read.schema(columns).option("recursiveFileLookup", True).json(str(dead))
        out["reasons"] = dict(letters.groupBy("reason").count().orderBy(F.desc("count"), "reason").collect())
        out["dead_letters"] = sum(out["reasons"].values())
        line = F.col("sequence_number").cast("bigint")
        for r in letters.orderBy(line, "record").limit(FIRST_LETTERS).collect():
            out["letters"].append(
                {"line": int(r.sequence_number), "reason": r.reason, "detail": r.detail, "device_id": r.device_id}
            )
    return out


def main(script: str, rows: str, lake: str, table: str, result: str) -> None:
    """Runs the script and writes the summary."""

    def stage(text: str) -> None:
        print(STAGE + text, flush=True)

    stage("starting Spark")
    began = time.monotonic()
    spark = start_spark(lake)
    instead_of_kinesis(rows, "json")
    stage("running the job")
    sys.argv = [script, "--lake", Path(lake).as_uri(), "--region", "local", "--trigger", "available-now"]
    runpy.run_path(script, run_name="__main__")
    stage("reading what it stored")
    found = summary(spark, Path(lake), table)
    found["spark"], found["seconds"] = spark.version, round(time.monotonic() - began, 1)
    Path(result).write_text(json.dumps(found), encoding="utf-8")
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
