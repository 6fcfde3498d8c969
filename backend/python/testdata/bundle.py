"""Top of it.

Two paragraphs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# ======== rivulet_base.py ========

LIMIT, _KEY = 3, "from x import y  # no import"
TEXT = """
import nothing
def nothing(): \"""
"""


class Thing(NamedTuple):
    """A thing."""

    name: str
    json: str = json.dumps("")  # json


def base(x: Iterable[Any]) -> int:
    import zlib

    return zlib.crc32(b"".join(x)) if x else os.path.getsize('it\'s "x"')


# ======== rivulet_left.py ========


def left() -> float:
    return time.time() * LIMIT


last = 1


# ======== rivulet_right.py ========


def right(it: Iterable[Thing]) -> Iterator[int]:
    yield LIMIT


# ======== rivulet_top.py ========

MODEL: Any = json.loads(r"""
{
  "doc": "it's \"\"\" and ''' and \\ and \\\\\" and é\n\u2028 {x} %s",
  "n": 1.8,
  "true": true
}
""")  # noqa: E501


def main(args: list[str], frame: DataFrame) -> None:
    print(MODEL, left(), right([Thing("")]), last, pa, F, json, args)


if __name__ == "__main__":
    main(sys.argv[1:])
