"""The outcome of a call as a text that two libraries can share: what it returned, or what it raised."""

from __future__ import annotations

import enum
import errno
from collections.abc import Callable
from typing import Any


def outcome_of(lib: Any, call: Callable[[], Any]) -> str:
    try:
        return "returns " + shown(lib, call())
    except Exception as error:
        return "raises " + shown_error(error)


def attempt(lib: Any, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Step:
    """For a case of several steps: the outcome of one of them."""
    return Step(outcome_of(lib, lambda: call(*args, **kwargs)))


def shown_error(error: BaseException) -> str:
    """The class with its bases and the errno's name; texts may differ."""
    names = [base.__name__ for base in type(error).__mro__ if base not in (object, BaseException, Exception)]
    number = getattr(error, "errno", None)
    return " < ".join(names) + (f" [{errno_name(number)}]" if number is not None else "")


def errno_name(number: int) -> str:
    ZMQ_HAUSNUMERO = 156384712
    own = {51: "EFSM", 52: "ENOCOMPATPROTO", 53: "ETERM", 54: "EMTHREAD"}
    return own.get(number - ZMQ_HAUSNUMERO) or errno.errorcode.get(number, str(number))


def shown(lib: Any, value: Any) -> str:
    if isinstance(value, Step):
        return str(value)
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}({int(value)})"
    if isinstance(value, lib.Frame):
        return f"Frame({shown(lib, value.bytes)}, more={value.more})"
    if isinstance(value, (bytes, bytearray, memoryview)) and len(value) > 60:
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, memoryview):
        return f"memoryview({bytes(value)!r}, {value.format}, readonly={value.readonly})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(lib, key)}: {shown(lib, item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        open_, close = ("[", "]") if isinstance(value, list) else ("(", ")")
        return open_ + ", ".join(shown(lib, item) for item in value) + close
    if isinstance(value, (int, float, str, bytes, bytearray, type(None))):
        return repr(value)
    if isinstance(value, type):
        return value.__name__
    return f"a {type(value).__name__}"


class Step(str):
    """A text that is shown as it is: the outcome of a step inside a case."""
