"""Parses SQL files in Athena's dialect: parse.py FILE... It prints how many statements each has."""

import logging
import re
import sys
from pathlib import Path

import sqlglot
from sqlglot import exp

logging.disable(logging.WARNING)  # of statements that sqlglot does not look into, which are counted here


def names(tree):
    """The tables, columns and aliases of a statement that are not quoted."""
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.args.get("quoted") and identifier.name not in ("c", "s"):
            yield identifier.name


for name in sys.argv[1:]:
    text = re.sub(r"(?m)^ *--.*\n?", "", Path(name).read_text("utf-8"))
    count = 0
    for statement in filter(None, map(str.strip, text.split(";"))):
        tree = sqlglot.parse_one(statement, dialect="athena")
        count += 1
        if isinstance(tree, exp.Command):
            # Athena's own, by https://docs.aws.amazon.com/athena/latest/ug/optimize-statement.html and vacuum-statement.html
            table = r'"[a-z0-9_]+"\."[a-z0-9_]+"'
            day = r'"year" = \d{4} AND "month" = \d+ AND "day" = \d+'
            if not re.fullmatch(rf"OPTIMIZE {table} REWRITE DATA USING BIN_PACK( WHERE {day})?|VACUUM {table}", statement):
                sys.exit(f"{name}: not understood: {statement}")
        elif list(tree.find_all(exp.Command)):
            sys.exit(f"{name}: a part is not understood: {statement}")
        elif unquoted := sorted(set(names(tree))):
            sys.exit(f"{name}: not quoted: {unquoted} in {statement}")
    print(f"{name}: {count} statements")
