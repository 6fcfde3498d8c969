"""Stops the job at a point where a test wants to kill it.

PAUSE=POINT:N stops it for good when it comes to the point for the Nth time, and makes the file PAUSED. The points
of a batch are, in order:

  begun      nothing of it was done
  rows       its rows are written
  letters    its dead letters are written, if it has any
  ids        the ids in it are written
  committing all of it is written, and the next step makes it count
  done       it counts, and Spark does not know yet
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaMember
from pyspark.sql.readwriter import DataFrameWriter
from pyspark.sql.streaming.readwriter import DataStreamWriter


def install() -> None:
    pause, _, times = os.environ.get("PAUSE", "").partition(":")
    if not pause:
        return
    left = int(times)

    def at(point: str) -> None:
        nonlocal left
        left -= point == pause
        if point == pause and left == 0:
            Path(os.environ["PAUSED"]).touch()
            time.sleep(3600)

    def after_writing(method: Callable[..., None]) -> Callable[..., None]:
        def write(self: DataFrameWriter, path: str, *args: Any, **named: Any) -> None:
            method(self, path, *args, **named)
            for folder, point in {"/curated/": "rows", "/dead-letters/": "letters", "/ledger/": "ids"}.items():
                if folder in path:
                    at(point)

        return write

    def foreach_batch(self: DataStreamWriter, function: Callable[[Any, int], None]) -> DataStreamWriter:
        def batch(frame: Any, number: int) -> None:
            at("begun")
            function(frame, number)
            at("done")

        return set_function(self, batch)

    def call_java(self: JavaMember, *args: Any) -> Any:
        if self.name == "rename" and "/commits/" in args[1].toString():
            at("committing")
        return java_call(self, *args)

    set_function, java_call = DataStreamWriter.foreachBatch, JavaMember.__call__
    DataFrameWriter.parquet, DataFrameWriter.json = after_writing(DataFrameWriter.parquet), after_writing(DataFrameWriter.json)
    DataStreamWriter.foreachBatch, JavaMember.__call__ = foreach_batch, call_java
