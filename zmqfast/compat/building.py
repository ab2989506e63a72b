"""Where a program that is compiled against zmqfast finds it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_includes", "get_library_dirs"]

_PACKAGE = Path(__file__).resolve().parents[1]


def get_includes() -> list[str]:
    """Folders for Cython's and the C compiler's include path: `cimport zmqfast` needs the first."""
    return [str(_PACKAGE.parent), str(_PACKAGE)]


def get_library_dirs() -> list[str]:
    """The folder of the core, which has libzmq inside."""
    return [str(_PACKAGE)]
