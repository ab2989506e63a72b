"""Every measure by its name, and the room that it is in: only that is imported, for a process starts for each measurement."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

ROOMS = {
    "alone": ("call", "multipart", "empty", "events", "zero_copy", "poll_idle", "poll_active", "importing", "connection",
              "frame", "zero_copy_memory"),
    "between": ("threads", "stream", "feed", "answer", "round_trip"),
    "fan": ("publish", "subscribe"),
    "loops": ("loop_ready", "loop_stream", "loop_round_trip", "loop_ask", "loop_answer", "loop_waiting"),
}


def measure_of(kind: str) -> Callable[[dict[str, Any]], Any]:
    """What measures a job of this kind."""
    [room] = [room for room, kinds in ROOMS.items() if kind in kinds]
    measure: Callable[[dict[str, Any]], Any] = getattr(importlib.import_module(f".{room}", __package__), kind)
    return measure
