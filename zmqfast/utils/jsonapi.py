"""JSON as bytes."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["dumps", "loads"]

jsonmod = json      # pyzmq's name for the library behind it


def dumps(o: object, **kwargs: Any) -> bytes:
    """The object as JSON, in bytes; keyword arguments go to json.dumps."""
    return json.dumps(o, **kwargs).encode()


def loads(s: bytes | str, **kwargs: Any) -> Any:
    """The object that JSON text stands for; keyword arguments go to json.loads.

    Raises:
        ValueError: not JSON, or not UTF-8.
    """
    return json.loads(s if isinstance(s, str) else bytes(s).decode(), **kwargs)
