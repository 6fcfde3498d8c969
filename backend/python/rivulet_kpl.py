"""Reads aggregated records of the Kinesis Producer Library: several user records in the data of one Kinesis record.

    for user in user_records(data, partition_key):
        print(user.partition_key, len(user.data))

The format: 4 bytes of magic, a protobuf message, the MD5 of that message.
https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from rivulet_frames import FrameError

MAGIC = b"\xf3\x89\x9a\xc2"
_MD5 = 16
_MAX_USERS = 1 << 16  # 1 MiB of user records of 16 bytes
_VARINT, _BYTES, _GROUP, _GROUP_END = 0, 2, 3, 4  # wire types
_SIZES = {1: 8, 5: 4}  # of values of the other wire types
_KEY, _HASH_KEY, _RECORD = 1, 2, 3  # fields of AggregatedRecord


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
        raise _damaged("its MD5 is wrong")
    keys: list[str] = []
    hash_keys = 0
    found: list[tuple[int, int, bytes]] = []
    for number, value in _message_fields(body):
        if number in (_KEY, _HASH_KEY, _RECORD):
            part = _bytes(value, f"field {number}")
            if number == _KEY:
                keys.append(_key_text(part))
            elif number == _HASH_KEY:
                _key_text(part)
                hash_keys += 1
            else:
                found.append(_user_record(part))
        if max(len(keys), hash_keys, len(found)) > _MAX_USERS:
            raise FrameError("too_large", f"aggregate is over the limit of {_MAX_USERS} user records")
    if not found:
        raise _damaged("there is no user record in it")
    if not all(key < len(keys) and hash_key < hash_keys for key, hash_key, _ in found):
        raise _damaged("a key that is not in its table")
    return [UserRecord(i, keys[key], user) for i, (key, _, user) in enumerate(found)]


def _user_record(message: bytes) -> tuple[int, int, bytes]:
    """Reads a Record: its partition key's and explicit hash key's (-1 for none) places in their tables, and its data."""
    key, hash_key, data = -1, -1, None
    for number, value in _message_fields(message):
        if number in (1, 2) and not isinstance(value, int):
            raise _damaged("a key's place is no number")
        if number == 1:
            key = value
        elif number == 2:
            hash_key = value
        elif number == 3:
            data = _bytes(value, "data")
        elif number == 4:
            tag = dict(_message_fields(_bytes(value, "a tag")))
            if 1 not in tag:
                raise _damaged("a tag without a key")
            for part in (1, 2):
                _bytes(tag.get(part, b""), "a tag's key or value")
    if key < 0 or data is None:
        raise _damaged("a user record without partition key or data")
    return key, hash_key, data


def _message_fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message, number and value, without groups, which are from before 2008 and skipped."""
    at, end, groups = 0, len(message), []
    while at < end:
        tag, at = _uvarint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise _damaged(f"field number {number}")
        value: Any = None
        if wire_type == _VARINT:
            value, at = _uvarint(message, at)
        elif wire_type == _GROUP:
            groups.append(number)
            continue
        elif wire_type == _GROUP_END:
            if not groups or groups.pop() != number:
                raise _damaged("a group that ends before it begins")
            continue
        elif wire_type in _SIZES or wire_type == _BYTES:
            size = _SIZES.get(wire_type)
            if size is None:
                size, at = _uvarint(message, at)
            if at + size > end:
                raise _damaged("a field is cut short")
            value, at = message[at : at + size], at + size
        else:
            raise _damaged(f"wire type {wire_type}")
        if not groups:
            yield number, value if wire_type in (_VARINT, _BYTES) else None
    if groups:
        raise _damaged("a group without end")


def _damaged(what: str) -> FrameError:
    return FrameError("aggregate", f"damaged aggregate: {what}")


def _bytes(value: Any, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise _damaged(f"{what} is not of bytes")
    return value


def _uvarint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift, byte in zip(range(0, 70, 7), message[at : at + 10]):
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + shift // 7 + 1
    raise _damaged("a number is cut short")


def _key_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as e:
        raise _damaged("a partition key is not UTF-8") from e
