"""Prints what is in a lake: python lake.py FOLDER TABLE.

One JSON object a line, {"row": …} for each row of the table, {"letter": …} for each dead letter. Times are
microseconds since 1970 in rows. partition is the folder between the table's and the file. Files and folders whose
names begin with _ or . are no data, for Athena neither.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

OWN = "device_id boot seq ts ts_source device_ts arrival_time schema meta extra sequence_number".split()


def files(folder: Path, end: str) -> Iterator[Path]:
    for file in sorted(folder.rglob(f"*{end}")):
        if not any(part[0] in "_." for part in file.relative_to(folder).parts):
            yield file


def rows(folder: Path) -> Iterator[dict]:
    for file in files(folder, ".parquet"):
        found = duckdb.sql(
            f"SELECT * REPLACE (epoch_us(ts) AS ts, epoch_us(arrival_time) AS arrival_time)"
            f" FROM read_parquet('{file}', hive_partitioning = false)"
        )
        for values in found.fetchall():
            value = dict(zip(found.columns, values))
            row = {name: value.pop(name, None) for name in OWN}
            row["readings"], row["partition"] = value, str(file.parent.relative_to(folder))
            yield row


def letters(folder: Path) -> Iterator[dict]:
    for file in files(folder, ".json.gz"):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                partition, _, batch = str(file.parent.relative_to(folder)).rpartition("/batch=")
                yield {"batch": batch, **json.loads(line), "partition": partition}


def main() -> None:
    lake, table = Path(sys.argv[1]), sys.argv[2]
    for row in rows(lake / "curated" / table):
        print(json.dumps({"row": row}))
    for letter in letters(lake / "dead-letters" / table):
        print(json.dumps({"letter": letter}))


if __name__ == "__main__":
    main()
