"""Every measure by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import alone, between, fan, loops

MEASURES: dict[str, Callable[[dict[str, Any]], Any]] = {
    measure.__name__: measure
    for measure in (
        alone.call, alone.multipart, alone.empty, alone.events, alone.zero_copy, alone.poll_idle, alone.poll_active,
        alone.importing, alone.connection, alone.frame, alone.zero_copy_memory,
        between.threads, between.stream, between.feed, between.answer, between.round_trip,
        fan.publish, fan.subscribe,
        loops.loop_ready, loops.loop_stream, loops.loop_round_trip, loops.loop_ask, loops.loop_answer, loops.loop_waiting)}
