"""Runs a generated job, unchanged, on Spark on this machine.

    python run_job.py SCRIPT [ARGUMENT…] [-- ARGUMENT…]

With --, it runs once more after that, with the arguments behind it.
Its stream is that of Kinesis, read with kinesis_source.py; or, if ROWS is set, the Parquet files of that
folder, one a batch, which is the way for Spark 3.5 as that has no sources in Python. The time zone is one that no
record has, and no whole number of hours from UTC.

If S3 is set to the URL of a server, s3:// is there, by way of the jars in S3A.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from pathlib import Path

ZONE = "America/St_Johns"
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a JVM that starts sooner
os.environ["TZ"] = ZONE
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = str(HERE)  # for the workers, which need kinesis_source, and are not to find the job's modules
os.environ["PYSPARK_PYTHON"] = sys.executable

import pauses  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

spec = importlib.util.spec_from_file_location("rivulet_try", HERE.parent.parent / "backend" / "python" / "rivulet_try.py")
trial = importlib.util.module_from_spec(spec)
spec.loader.exec_module(trial)


def session(java: str = QUICK) -> SparkSession:
    builder = SparkSession.builder.master("local[2]").appName("e2e")
    conf = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.driver.extraJavaOptions": f"-Duser.timezone={ZONE} {java}",
        "spark.sql.session.timeZone": ZONE,
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "WARN",
        "spark.ui.showConsoleProgress": "false",
    }
    if os.environ.get("S3"):
        s3a = "spark.hadoop.fs.s3a"
        conf["spark.jars"] = ",".join(str(jar) for jar in Path(os.environ["S3A"]).glob("*.jar"))
        conf["spark.hadoop.fs.s3.impl"] = "org.apache.hadoop.fs.s3a.S3AFileSystem"
        conf[f"{s3a}.endpoint"], conf[f"{s3a}.endpoint.region"] = os.environ["S3"], os.environ["AWS_REGION"]
        conf[f"{s3a}.path.style.access"] = "true"
        conf[f"{s3a}.access.key"] = conf[f"{s3a}.secret.key"] = "none"
    for name, value in conf.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main() -> None:
    spark = session()
    rows = os.environ.get("ROWS")
    if rows:
        trial.instead_of_kinesis(rows, "parquet", files_a_batch=1)
    else:
        from kinesis_source import KinesisSource

        spark.dataSource.register(KinesisSource)
    pauses.install()
    script, arguments = sys.argv[1], sys.argv[2:]
    while arguments is not None:
        end = arguments.index("--") if "--" in arguments else len(arguments)
        sys.argv = [script, *arguments[:end]]
        runpy.run_path(script, run_name="__main__")
        arguments = arguments[end + 1 :] or None


if __name__ == "__main__":
    main()
