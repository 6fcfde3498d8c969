"""Reads aggregated records of the Kinesis Producer Library: several user records in the data of one Kinesis record.

    for user in user_records(data, partition_key):
        print(user.partition_key, len(user.data))

The format: 4 bytes of magic, a protobuf message, the MD5 of that message.
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from rivulet_frames import FrameError

MAGIC = b"\xf3\x89\x9a\xc2"
_MD5 = 16
_MAX_USERS = 1 << 16  # 1 MiB of user records of 16 bytes
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_KEY, _HASH_KEY, _RECORD = 1, 2, 3  # fields of AggregatedRecord
_KEY_INDEX, _DATA = 1, 3  # fields of Record


class UserRecord(NamedTuple):
    """A record as it was put, before the KPL packed it."""

    index: int  # its place in the aggregate, from 0
    partition_key: str
    data: bytes


def user_records(data: bytes, partition_key: str) -> list[UserRecord]:
    """The user records in the data of a Kinesis record, in order; data that is no aggregate is one user record.

    All or none: an aggregate that is damaged anywhere is a FrameError with the reason "aggregate".
    """
    if not data.startswith(MAGIC):
        return [UserRecord(0, partition_key, data)]
    body, tail = data[len(MAGIC) : -_MD5], data[-_MD5:]
    if not body or hashlib.md5(body, usedforsecurity=False).digest() != tail:
        raise FrameError("aggregate", "damaged aggregate: its MD5 is wrong")
    keys: list[str] = []
    found: list[tuple[int, bytes]] = []
    for number, value in _message_fields(body):
        if number in (_KEY, _HASH_KEY, _RECORD) and not isinstance(value, bytes):
            raise FrameError("aggregate", f"damaged aggregate: field {number} is not of bytes")
        if number == _KEY:
            keys.append(_key_text(value))
        elif number == _RECORD:
            found.append(_user_record(value))
        if max(len(keys), len(found)) > _MAX_USERS:
            raise FrameError("too_large", f"aggregate is over the limit of {_MAX_USERS} user records")
    if not found:
        raise FrameError("aggregate", "damaged aggregate: there is no user record in it")
    if not all(key < len(keys) for key, _ in found):
        raise FrameError("aggregate", "damaged aggregate: a partition key that is not in its table")
    return [UserRecord(i, keys[key], user) for i, (key, user) in enumerate(found)]


def _user_record(message: bytes) -> tuple[int, bytes]:
    key = data = None
    for number, value in _message_fields(message):
        if number == _KEY_INDEX:
            key = value
        elif number == _DATA:
            data = value
    if not isinstance(key, int) or not isinstance(data, bytes):
        raise FrameError("aggregate", "damaged aggregate: a user record without partition key or data")
    return key, data


def _message_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: number and value."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _uvarint(message, at)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == _VARINT:
            value, at = _uvarint(message, at)
        else:
            if wire_type == _BYTES:
                size, at = _uvarint(message, at)
            elif wire_type in (_FIXED32, _FIXED64):
                size = 4 if wire_type == _FIXED32 else 8
            else:
                raise FrameError("aggregate", f"damaged aggregate: wire type {wire_type}")
            if at + size > end:
                raise FrameError("aggregate", "damaged aggregate: a field is cut short")
            value, at = message[at : at + size], at + size
        if not number:
            raise FrameError("aggregate", "damaged aggregate: field number 0")
        yield number, value


def _uvarint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in zip(range(0, 70, 7), message[at : at + 10]):
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + shift // 7 + 1
    raise FrameError("aggregate", "damaged aggregate: a number is cut short")


def _key_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as e:
        raise FrameError("aggregate", "damaged aggregate: a partition key is not UTF-8") from e
