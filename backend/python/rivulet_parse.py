"""Reads what devices write, leniently where nothing is lost by it: times in all their forms, and JSON."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from typing import Any

from rivulet_frames import MAX_LINE, NO_BOOT, UNSEEN


class Rejected(ValueError):
    """A record that is refused."""

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


# ---- Times ----

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,12}))? ?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,12})?", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()


def read_time(given: Any) -> int:
    """Reads a time: RFC 3339, in any zone (UTC if it has none), or seconds, milli-, micro- or nanoseconds since 1970, as a
    number or as text. Which of them, the size of the number tells: seconds are below 10^11, which is in the year 5138.
    Returns microseconds since 1970; raises Rejected."""
    if isinstance(given, str):
        text = given.strip()
        found = _RFC3339.fullmatch(text)
        if found:
            return _calendar_time(found, given)
        if _NUMBER.fullmatch(text):
            given = float(text) if "." in text else int(text)
    if type(given) not in (int, float) or not math.isfinite(given):
        raise Rejected("timestamp", f"ts = {shorten(given)} is neither a time of RFC 3339 nor a number since 1970")
    size = abs(given)
    if size < 1e11:
        us = given * 1_000_000
    elif size < 1e14:
        us = given * 1000
    elif size < 1e17:
        us = given
    else:
        us = given // 1000
    if not abs(us) < 253_402_300_800_000_000:
        raise Rejected("timestamp", f"ts = {shorten(given)} is after the year 9999")
    return round(us)


def _calendar_time(found: re.Match[str], given: str) -> int:
    year, month, day, hour, minute, second, fraction, _, sign, zone_hours, zone_minutes = found.groups()
    h, m, s = int(hour), int(minute), int(second)
    try:
        midnight = _midnight(int(year), int(month), int(day))
    except ValueError as e:
        raise Rejected("timestamp", f"ts = {shorten(given)}: {e}") from e
    if h > 23 or m > 59 or s > 60 or (sign and (int(zone_hours) > 23 or int(zone_minutes) > 59)):
        raise Rejected("timestamp", f"ts = {shorten(given)}: there is no such time of day")
    zone = (int(zone_hours) * 60 + int(zone_minutes)) * (-60 if sign == "-" else 60) if sign else 0
    return (midnight + h * 3600 + m * 60 + s - zone) * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))


def _midnight(year: int, month: int, day: int) -> int:
    return (date(year, month, day).toordinal() - _EPOCH) * 86_400


# ---- JSON ----


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        for name, value in pairs:
            if type(value) is not type(members[name]) or value != members[name]:
                raise Rejected(
                    "duplicate_field", f"{shorten(name)} is given twice, as {shorten(value)} and {shorten(members[name])}"
                )
    return members


def _json_int(digits: str) -> int:
    if len(digits) > 20:
        raise Rejected("range", f"{digits[:32]}… is an integer beyond 64 bits")
    return int(digits)


def _json_float(number: str) -> float:
    value = float(number) if number[-1:].isdigit() else math.inf  # else it is NaN or Infinity, which JSON has not
    if math.isinf(value):
        raise Rejected("range", f"{number[:32]} does not fit a float of 64 bits")
    return value


class _JSON(json.JSONDecoder):
    """Can be pickled, which Spark does with all that a script's functions use."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_members, parse_int=_json_int, parse_float=_json_float, parse_constant=_json_float)

    def __reduce__(self) -> tuple[Any, ...]:
        return _JSON, ()


_decoder = _JSON()


def parse_json(line: bytes) -> Any:
    if len(line) > MAX_LINE:
        raise Rejected("json", f"longer than {MAX_LINE} bytes")
    try:
        text = line.decode()
        record = _decoder.decode(text)
        if "\\u" in text:
            json.dumps(record, ensure_ascii=False).encode()  # fails for half a surrogate pair, which is no character
        return record
    except Rejected:
        raise
    except (ValueError, RecursionError) as e:
        raise Rejected("json", f"not JSON: {e}") from e


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shorten(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return text if len(text) <= 64 else text[:64] + "…"


# ---- Ids ----

MAX_INT = (1 << 63) - 1
_BOOT = re.compile("[0-9a-f]{16}")
_HIDDEN = re.compile("[\ud800-\udfff]|" + UNSEEN.pattern)  # and halves of surrogate pairs, which are no characters


def visible(text: str) -> str:
    """The text with what a terminal would obey, or does not show, escaped as Python does it."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}" if found[0] < "\U00010000" else f"\\U{ord(found[0]):08x}", text)


def read_boot(given: Any) -> str | None:
    """Reads a boot: text, since it has 64 bits and numbers in JSON are exact up to 2^53. None is for a record without id."""
    if given is None or given == NO_BOOT:
        return None
    if type(given) is not str or not _BOOT.fullmatch(given):
        what = 'is not 16 lower-case hexadecimal digits as text, such as "9f3c01d2e4a5b687"'
        raise Rejected("id", f"boot = {shorten(json_text(given))} {what}")
    return given


def read_seq(given: Any) -> int | None:
    """Reads the number of a record, which counts from 1. None is for a record without id."""
    if given is None:
        return None
    if type(given) is not int or not 0 <= given <= MAX_INT:
        raise Rejected("id", f"seq = {shorten(json_text(given))} is not an integer of 0 to {MAX_INT}")
    return given or None
