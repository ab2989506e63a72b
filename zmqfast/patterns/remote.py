"""Exceptions from elsewhere: what another process raised, as its text."""

from __future__ import annotations

import traceback


class RemoteError(RuntimeError):
    """An exception of another process: its `kind` (the class's name), its `text`, its `traceback` as text."""

    def __init__(self, kind: str, text: str, trace: str) -> None:
        super().__init__(kind, text, trace)
        self.kind = kind
        self.text = text
        self.traceback = trace

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}\n\n{self.traceback}"


def described(error: BaseException) -> tuple[str, str, str]:
    """What a RemoteError is made of: kind, text, traceback."""
    try:
        text = str(error)
    except Exception as another:
        text = f"(it has no text: {type(another).__name__})"
    return type(error).__name__, text, "".join(traceback.format_exception(type(error), error, error.__traceback__))
