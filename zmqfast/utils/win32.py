"""Ctrl-C on Windows while a call waits in libzmq."""

from __future__ import annotations

import os
from typing import Any
from collections.abc import Callable


class allow_interrupt:
    """On Windows, call `action` when Ctrl-C is pressed inside `with`, in a thread of the system's, to end a wait.

    On other systems it does nothing: there a signal ends the wait.

    Args:
        action: what to call; None calls nothing.
    """

    def __init__(self, action: Callable[[], Any] | None = None) -> None:
        self._install: Callable[[bool], None] = _nothing
        if os.name == "nt":
            self._install = _console_handler(action or (lambda: None))

    def __enter__(self) -> allow_interrupt:
        self._install(True)
        return self

    def __exit__(self, *error: object) -> None:
        self._install(False)


def _nothing(install: bool) -> None:
    pass


def _console_handler(action: Callable[[], Any]) -> Callable[[bool], None]:
    """Installs and removes the handler that calls `action` and lets Python's own follow."""
    import ctypes
    from ctypes import wintypes

    kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    prototype: Any = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)  # type: ignore[attr-defined,unused-ignore]
    ctrl_c = 0

    def on_event(event: int) -> bool:
        if event == ctrl_c:
            action()
        return False        # not handled: Python raises KeyboardInterrupt

    handler = prototype(on_event)       # must outlive its installation

    def install(add: bool) -> None:
        if not kernel32.SetConsoleCtrlHandler(handler, add):
            raise OSError(f"SetConsoleCtrlHandler: error {ctypes.get_last_error()}")  # type: ignore[attr-defined,unused-ignore]

    return install
