"""Chunks: many small bodies in one frame, which costs far less than a frame for each."""

from __future__ import annotations

import functools
import itertools
import struct
import sys
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zmqfast.patterns.codecs import BYTES_ONLY

if TYPE_CHECKING:
    from typing_extensions import Buffer

SMALL = 2048        # bytes, on average: larger bodies have frames of their own, which are not copied together

_COUNT = struct.Struct("!I")
_UINT32 = "I" if array("I").itemsize == 4 else "L"
_MOST = 1 << 24     # bodies


def pack(bodies: Sequence[Buffer], *, plain: bool = False) -> list[Buffer]:
    """The frames of some bodies: sizes and data where all are small bytes, else an empty frame and a frame for each.

    Args:
        plain: all are bytes, as the caller has found out.
    """
    count = len(bodies)
    if count < 2 or not plain and not BYTES_ONLY.issuperset(map(type, bodies)):
        return [b"", *bodies]
    data = b"".join(bodies)
    if len(data) > count * SMALL:
        return [b"", *bodies]
    different = set(map(len, bodies))               # type: ignore[arg-type]  # all are bytes
    if len(different) == 1:
        return [_COUNT.pack(count) + _COUNT.pack(different.pop()), data]
    sizes = array(_UINT32, map(len, bodies))        # type: ignore[arg-type]
    if sys.byteorder == "little":
        sizes.byteswap()
    return [_COUNT.pack(count) + sizes.tobytes(), data]


def unpack(frames: Sequence[Any]) -> list[Any]:
    """The bodies of what pack() made.

    Raises:
        ValueError: it was not made by pack().
    """
    if not frames:
        raise ValueError("a chunk has at least one frame")
    head = bytes(frames[0])
    if not head:
        return list(frames[1:])
    if len(frames) != 2 or len(head) < 2 * _COUNT.size or len(head) % _COUNT.size:
        raise ValueError("not a chunk")
    data = bytes(frames[1])
    (count,) = _COUNT.unpack_from(head)
    if len(head) == 2 * _COUNT.size:
        (size,) = _COUNT.unpack_from(head, _COUNT.size)
        if size * count != len(data) or not 0 < count <= _MOST:
            raise ValueError("a chunk whose sizes do not fit its data")
        return list(equal_parts(size, count).unpack(data))
    sizes = array(_UINT32, head[_COUNT.size:])
    if sys.byteorder == "little":
        sizes.byteswap()
    if len(sizes) != count or sum(sizes) != len(data):
        raise ValueError("a chunk whose sizes do not fit its data")
    return [data[end - size:end] for end, size in zip(itertools.accumulate(sizes), sizes)]


@functools.lru_cache(maxsize=16)
def equal_parts(size: int, count: int) -> struct.Struct:
    """So many bytes objects of the same size."""
    return struct.Struct(f"{size}s" * count)
