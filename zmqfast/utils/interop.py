"""Addresses that come from other libraries."""

from __future__ import annotations

import ctypes
import sys
from typing import Any


def cast_int_addr(n: Any) -> int:
    """An address as an int: of an int, a cffi pointer or a ctypes.c_void_p.

    Raises:
        ValueError: none of these.
    """
    if isinstance(n, int):
        return n
    if isinstance(n, ctypes.c_void_p) and n.value is not None:
        return n.value
    cffi: Any = sys.modules.get("cffi")     # not imported: then it cannot be one of its pointers
    if cffi is not None:
        ffi = cffi.FFI()
        if isinstance(n, ffi.CData):
            try:
                return int(ffi.cast("size_t", n))
            except TypeError:       # a struct, or a number that is no address
                pass
    raise ValueError(f"Cannot cast {n!r} to int")
