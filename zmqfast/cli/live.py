"""A table that renews itself on a terminal; into a pipe go lines instead."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

AROUND = 6      # lines of a terminal that a table's title, head, borders and caption need


@contextmanager
def live_table() -> Iterator[Callable[[Table], None] | None]:
    """`show(table)` in the place of the one before; None where stdout is no terminal."""
    if not sys.stdout.isatty():
        yield None
        return
    with Live(console=Console(), auto_refresh=False) as live:
        yield lambda table: live.update(table, refresh=True)


def rows_at_most() -> int:
    """How many rows a table on this terminal has room for."""
    return max(1, Console().height - AROUND)


def amount(size: float) -> str:
    """Bytes for people: `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
