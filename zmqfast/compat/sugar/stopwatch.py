"""zmq.Stopwatch: time.perf_counter_ns() does the same."""

from __future__ import annotations

import time
import warnings

__all__ = ["Stopwatch"]


class Stopwatch:
    """Measures an interval, in µs. Deprecated, as in pyzmq."""

    def __init__(self) -> None:
        warnings.warn("Stopwatch is deprecated: use time.perf_counter_ns()", DeprecationWarning, stacklevel=2)
        self._started_ns = 0

    def start(self) -> None:
        """Begin to measure, or begin anew."""
        self._started_ns = time.perf_counter_ns()

    def stop(self) -> int:
        """µs since start()."""
        return (time.perf_counter_ns() - self._started_ns) // 1000
