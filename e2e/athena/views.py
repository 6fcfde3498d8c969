"""Runs the generated views and the compaction in DuckDB, over a small lake in the layout of the job,
and compares what comes out with what plain loops make of the same rows: views.py SQLDIR WORKDIR

What differs from Athena, and is rewritten, is in `dialect`. OPTIMIZE and VACUUM are not run.
"""

import datetime
import itertools
import json
import random
import re
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

TODAY = datetime.date(2026, 1, 3)
NOW = datetime.datetime(2026, 1, 3, 12)
TEXT = pa.map_(pa.string(), pa.string())
SCHEMA = pa.schema(
    [
        ("device_id", pa.string()),
        ("boot", pa.string()),
        ("seq", pa.int64()),
        ("ts", pa.timestamp("us")),  # as Athena has it: UTC, and does not say so
        ("meta", TEXT),
        ("temperature", pa.float64()),
        ("order", pa.int64()),
        ("motion", pa.bool_()),
        ("state", pa.string()),
        ("newest", pa.string()),
        ("site", pa.string()),
        ("sequence_number", pa.string()),
    ]
)


def dialect(statement):
    """From Athena's SQL to DuckDB's."""
    # A time that does not pass while the test runs.
    statement = statement.replace("current_date", f"DATE '{TODAY}'").replace("current_timestamp", f"TIMESTAMP '{NOW}'")
    if statement.startswith("CREATE TABLE"):
        # Names in DDL, the map type, and what only a table in S3 has.
        statement = statement.replace("`", '"').replace("map<string,string>", "MAP(VARCHAR, VARCHAR)")
        statement = statement[: statement.index("PARTITIONED BY")]
    return statement


def statements(path):
    """The file's statements without comments, as the README of the output cuts them."""
    text = re.sub(r"(?m)^ *--.*\n?", "", path.read_text("utf-8"))
    return [s.strip() for s in text.split(";") if s.strip()]


def rows():
    """Records of nine days for devices that start anew, with missing ids and missing readings."""
    rnd = random.Random(7)
    out = []
    for device in ("pi-1", "pi-2", 'odd "name"'):
        for n, day in enumerate(range(-8, 2), 17):
            boot = f"{rnd.getrandbits(64):016x}"
            start = datetime.datetime(2026, 1, 3, 22, 30) + datetime.timedelta(days=day)
            for seq in range(1, 60):
                if seq % 17 == n % 17 or (device == "pi-2" and day > -8):
                    continue  # lost, and a device that was not heard of for long
                ts = start + datetime.timedelta(minutes=3 * seq - 90, milliseconds=rnd.randrange(1000))
                if ts.date() > TODAY + datetime.timedelta(days=1):
                    continue
                values = [
                    rnd.uniform(-40, 85) if rnd.random() < 0.9 else None,
                    rnd.randrange(-(2**40), 2**40) if rnd.random() < 0.9 else None,
                    rnd.random() < 0.3 if rnd.random() < 0.9 else None,
                    rnd.choice(["on", "off", None]),
                ]
                meta = [("fw", "1.2")] if n % 2 else None
                out.append([device, boot, seq, ts, meta, *values, "a field", "north", f"{len(out):056d}"])
    for n in range(4):  # without ids; two came in one Kinesis record and are equal
        ts = datetime.datetime(2026, 1, 1, 12) + datetime.timedelta(hours=n // 2)
        out.append(["pi-1", None, None, ts, None, 1.5, None, None, None, None, None, f"{90000 + n // 2:056d}"])
    return out


def write(lake, rows, label):
    """Writes rows as a batch of the job: year=/month=/day=/batch=LABEL/part-*.parquet"""
    for date, of_day in itertools.groupby(sorted(rows, key=lambda row: row[3]), key=lambda row: row[3].date()):
        columns = zip(*of_day)
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA)], schema=SCHEMA)
        path = lake / f"year={date:%Y}/month={date:%m}/day={date:%d}/batch={label}"
        path.mkdir(parents=True)
        pq.write_table(table, path / "part-00000.parquet")


def fetch(db, sql):
    cursor = db.execute(sql)
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def dated(row, partitions=True):
    """A row as a query gives it."""
    date = row[3].date()
    out = dict(zip(SCHEMA.names, row))
    out["meta"] = dict(out["meta"]) if out["meta"] else None
    return out | {"year": date.year, "month": date.month, "day": date.day} if partitions else out


def plain(rows):
    """Rows as sorted JSON, for comparison."""
    return sorted(json.dumps(r, default=str, sort_keys=True) for r in rows)


def same(what, got, want):
    got, want = plain(got), plain(want)
    if got != want:
        missing, extra = [w for w in want if w not in got], [g for g in got if g not in want]
        sys.exit(f"{what}: {len(got)} rows, want {len(want)}\nmissing: {missing[:3]}\nextra: {extra[:3]}")
    print(f"{what}: {len(got)} rows")


def mean(values):
    return sum(values) / len(values) if values else None


def near(a, b):
    """Sums of floats depend on their order."""
    return a == b or (a is not None and b is not None and abs(a - b) <= 1e-9 * max(abs(a), abs(b)))


def check_latest(db, all_rows, recent, partitions):
    best = {}
    for row in recent:
        at = row[0]
        if at not in best or (row[3], row[1] or "", row[2] or 0) > (best[at][3], best[at][1] or "", best[at][2] or 0):
            best[at] = row
    assert len(best) == 2 and len({r[0] for r in all_rows}) == 3, "a device must be too old for the view"
    same("latest", fetch(db, 'SELECT * FROM "my_project"."env_room_latest"'), [dated(r, partitions) for r in best.values()])


def check_hourly(db, all_rows, partitions):
    groups = {}
    for row in all_rows:
        groups.setdefault((row[0], row[3].replace(minute=0, second=0, microsecond=0)), []).append(row)
    got = fetch(db, 'SELECT * FROM "my_project"."env_room_hourly"')
    assert len(got) == len(groups), (len(got), len(groups))
    for g in got:
        of_hour = groups[g["device_id"], g["hour"]]
        assert g["records"] == len(of_hour), g
        date = of_hour[0][3].date()
        assert not partitions or (g["year"], g["month"], g["day"]) == (date.year, date.month, date.day), g
        for name, at in (("temperature", 5), ("order", 6)):
            values = [r[at] for r in of_hour if r[at] is not None]
            assert near(g[name + "_avg"], mean(values)), (g, values)
            assert g[name + "_min"] == min(values, default=None), g
            assert g[name + "_max"] == max(values, default=None), g
        assert near(g["motion_share"], mean([float(r[7]) for r in of_hour if r[7] is not None])), g
        assert not any(name.startswith("state") for name in g), g
    if partitions:
        one = fetch(db, 'SELECT * FROM "my_project"."env_room_hourly" WHERE "year" = 2026 AND "month" = 1 AND "day" = 1')
        assert 0 < len(one) < len(got)
    print(f"hourly: {len(got)} rows")


def check_gaps(db, recent):
    groups = {}
    for row in recent:
        if row[2] is not None:
            groups.setdefault((row[0], row[1]), []).append(row)
    want = []
    for (device, boot), of_boot in groups.items():
        ids, times = [r[2] for r in of_boot], [r[3] for r in of_boot]
        expected = set(range(min(ids), max(ids) + 1))
        want.append(
            {
                "device_id": device,
                "boot": boot,
                "first_seq": min(ids),
                "last_seq": max(ids),
                "records": len(set(ids)),
                "missing": len(expected - set(ids)),
                "duplicates": len(ids) - len(set(ids)),
                "first_ts": min(times),
                "last_ts": max(times),
            }
        )
    assert any(w["missing"] for w in want) and any(w["duplicates"] for w in want)
    same("gaps", fetch(db, 'SELECT * FROM "my_project"."env_room_gaps"'), want)


def check_compaction(db, lake, all_rows, sql):
    create, copy, not_copied, switch, optimize, vacuum = sql
    assert optimize.startswith("OPTIMIZE") and vacuum.startswith("VACUUM")
    everything, counted = 'SELECT * FROM "my_project"."env_room_all"', lambda: fetch(db, not_copied)[0]["not_copied"]
    of_day = [r for r in all_rows if r[3].date() == datetime.date(2026, 1, 1)]
    now = [dated(r) for r in all_rows]
    db.execute(create)
    db.execute(switch)
    same("all, nothing copied", fetch(db, everything), now)
    assert counted() == len(of_day) > 0
    for _ in range(2):  # the second time nothing happens
        db.execute(copy)
        assert counted() == 0
        assert db.execute('SELECT count(*) FROM "my_project"."env_room_compact"').fetchone() == (len(of_day),)
    same("all", fetch(db, everything), now)
    with_id, without = [*of_day[0]], [*next(r for r in of_day if r[2] is None)]
    with_id[2], without[-1] = 999, f"{99999:056d}"
    write(lake, [with_id, without], "1234abcd-000000099")
    assert counted() == 2
    same("all, before late records are copied", fetch(db, everything), now)
    db.execute(copy)
    assert counted() == 0
    same("all, with late records", fetch(db, everything), [*now, dated(with_id), dated(without)])


def lake_of(all_rows, work):
    """Writes the rows as batches, one row twice, and returns the folder and the rows that a reader sees."""
    lake = work / "curated" / "env_room"
    twice = [*all_rows[-5]]
    write(lake, all_rows[::2], "1234abcd-000000000")
    write(lake, [*all_rows[1::2], twice], "1234abcd-000000001")
    return lake, [*all_rows, twice]


def connect(lake, columns):
    db = duckdb.connect()
    db.execute("CREATE SCHEMA my_project")
    types = "{'year': INT, 'month': INT, 'day': INT}"
    db.execute(
        f"""CREATE VIEW my_project.env_room AS SELECT {columns}
        FROM read_parquet('{lake}/*/*/*/*/*.parquet', hive_partitioning = true, hive_types = {types})"""
    )
    return db


def main(sqldir, work):
    lake, all_rows = lake_of(rows(), work)
    for sink, columns in (("iceberg", "* EXCLUDE (batch, year, month, day)"), ("parquet", "* EXCLUDE (batch)")):
        print(sink)
        partitions = sink == "parquet"
        db = connect(lake, columns)
        for s in statements(sqldir / sink / "views.sql"):
            db.execute(dialect(s))
        if partitions:
            first, last = TODAY - datetime.timedelta(days=6), TODAY + datetime.timedelta(days=1)
            recent = [r for r in all_rows if first <= r[3].date() <= last]
        else:
            recent = [r for r in all_rows if r[3] >= NOW - datetime.timedelta(days=7)]
        assert len(recent) < len(all_rows)
        check_latest(db, all_rows, recent, partitions)
        check_hourly(db, all_rows, partitions)
        check_gaps(db, recent)
        if partitions:
            check_compaction(db, lake, all_rows, [dialect(s) for s in statements(sqldir / sink / "compaction.sql")])


main(Path(sys.argv[1]), Path(sys.argv[2]))
