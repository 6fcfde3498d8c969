"""Measures how many records a second a generated job stores, and where its time goes.

    python throughput.py SCRIPT NAME=FOLDER…

Each folder has files of JSON lines with the columns of a Kinesis source, one a batch. The first batches warm up the
JVM; the last one counts. Then the decoder alone runs over that batch in one process, without Spark, and under cProfile.
"""

from __future__ import annotations

import base64
import cProfile
import io
import json
import pstats
import runpy
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import run_job

STAGES = ["decode, count", "sort, write", "ids"]
COLUMNS = "streamName partitionKey shardId sequenceNumber".split()


class Clock:
    """How long Spark's actions took in the latest batch, by what they do."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def install(self) -> None:
        from pyspark.sql import DataFrame
        from pyspark.sql.readwriter import DataFrameWriter
        from pyspark.sql.streaming.readwriter import DataStreamWriter

        def timed(method: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
            def call(*args: Any, **named: Any) -> Any:
                began = time.monotonic()
                try:
                    return method(*args, **named)
                finally:
                    key = name(*args)
                    self.seconds[key] = self.seconds.get(key, 0) + time.monotonic() - began

            return call

        def foreach_batch(writer: Any, function: Callable[[Any, int], None]) -> Any:
            whole = timed(function, lambda *_: "all")

            def batch(frame: Any, number: int) -> None:
                self.seconds.clear()
                whole(frame, number)

            return set_function(writer, batch)

        set_function = DataStreamWriter.foreachBatch
        DataStreamWriter.foreachBatch = foreach_batch
        kind = type(run_job.session().range(1))
        kind.collect = timed(kind.collect, lambda *_: "decode, count")
        assert issubclass(kind, DataFrame)
        DataFrameWriter.parquet = timed(DataFrameWriter.parquet, lambda _, path: "ids" if "/ledger/" in path else "sort, write")


def spark(script: str, folder: Path, clock: Clock) -> tuple[int, dict[str, float]]:
    """Runs the job over the files of a folder; returns the records of the last batch and its times."""
    run_job.trial.instead_of_kinesis(str(folder), "parquet", files_a_batch=1)
    lake = tempfile.mkdtemp(prefix="rivulet-bench-")
    said, sys.stdout = sys.stdout, io.StringIO()
    try:
        sys.argv = [script, "--lake", f"file://{lake}", "--region", "local", "--trigger", "available-now"]
        runpy.run_path(script, run_name="__main__")
        lines = [json.loads(line) for line in sys.stdout.getvalue().splitlines() if line.startswith('{"batch"')]
    finally:
        sys.stdout = said
        shutil.rmtree(lake)
    assert all(line["stored"] == line["records"] for line in lines), lines
    return lines[-1]["records"], dict(clock.seconds)


def to_parquet(folder: Path) -> Path:
    """Makes Parquet of the files, which Spark reads in no time; returns the folder."""
    out = folder / "parquet"
    out.mkdir(exist_ok=True)
    for file in sorted(folder.glob("*.json")):
        found = [json.loads(line) for line in file.open()]
        columns: dict[str, Any] = {name: pa.array([row[name] for row in found]) for name in COLUMNS}
        columns["data"] = pa.array([base64.b64decode(row["data"]) for row in found], pa.binary())
        now = datetime.now(timezone.utc)
        columns["approximateArrivalTimestamp"] = pa.array([now] * len(found), pa.timestamp("us", tz="UTC"))
        pq.write_table(pa.table(columns), out / f"{file.stem}.parquet")
    return out


def rows(file: Path) -> pa.RecordBatch:
    """The rows of a file as the job gives them to its decoder."""
    table = pq.read_table(file)
    n = len(table)
    columns: dict[str, Any] = {name: table[name].combine_chunks() for name in ("data", *COLUMNS)}
    columns["arrival"] = pa.array([int(time.time() * 1000)] * n, pa.int64())
    columns["replayed"] = columns["userRecord"] = pa.array([0] * n, pa.int32())
    columns["record"], columns["line"] = pa.nulls(n, pa.int32()), pa.nulls(n, pa.string())
    return pa.RecordBatch.from_pydict(columns)


def alone(script: str, file: Path) -> tuple[float, str]:
    """Runs the decoder in this process: seconds, and the profile of another run."""
    names = runpy.run_path(script, run_name="job")
    decoder, batch = names["Decoder"](names["MODEL"]), rows(file)
    began = time.monotonic()
    for _ in decoder(iter([batch])):
        pass
    seconds = time.monotonic() - began
    profile = cProfile.Profile()
    profile.runcall(lambda: [None for _ in decoder(iter([batch]))])
    text = io.StringIO()
    pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime").print_stats(12)
    return seconds, text.getvalue()


def main() -> None:
    script, inputs = sys.argv[1], [arg.split("=") for arg in sys.argv[2:]]
    run_job.session(java="")
    clock = Clock()
    clock.install()
    profiles = {}
    heads = ["frames", "records/s", "seconds a million", *STAGES, "the rest", "decoder alone, records/s a core"]
    print("|", " | ".join(heads), "|\n|---|" + "---:|" * (len(heads) - 1))
    for name, folder in inputs:
        files = to_parquet(Path(folder))
        records, seconds = spark(script, files, clock)
        one, profiles[name] = alone(script, sorted(files.iterdir())[-1])
        million = {key: value * 1e6 / records for key, value in seconds.items()}
        whole = million.pop("all")
        parts = [million.pop(key, 0) for key in STAGES]
        cells = [f"{records / seconds['all']:,.0f}", *(f"{value:.1f}" for value in (whole, *parts, whole - sum(parts)))]
        print("|", " | ".join([name, *cells, f"{records / one:,.0f}"]), "|", flush=True)
    for name, profile in profiles.items():
        print(f"\n{name}: where the decoder's time goes, by its own time")
        print("\n".join(line for line in profile.splitlines()[2:] if line.strip()))


if __name__ == "__main__":
    main()
