"""Rates: how often something happens in a second."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, perf_counter_ns

FLOWING = 1 << 22       # bytes between two looks at the clock


def chunk_of(size: int) -> int:
    """Messages between two looks at the clock: some tenths of a millisecond of work."""
    return max(4, min(2000, FLOWING // size))


def rate_of(step: Callable[[], int], chunk: int, seconds: float) -> float:
    """How many a second, where each step() does some and says how many; looks at the clock every `chunk`."""
    done, begun, took = 0, perf_counter(), 0.0
    while took < seconds:
        until = done + chunk
        while done < until:
            done += step()
        took = perf_counter() - begun
    return done / took


def settled_rate(step: Callable[[], int], chunk: int, seconds: float) -> float:
    """rate_of(), once it has gone on for half the time: new threads take a while to find their core."""
    rate_of(step, chunk, seconds / 2)
    return rate_of(step, chunk, seconds)


def call_rate(function: Callable[[], object], seconds: float) -> float:
    """Calls per second, after a tenth of the time to warm up; the loop looks at the clock every so many calls."""
    chunk, took = 1, 0.0
    while took < min(0.02, seconds / 5):
        chunk *= 2
        begun = perf_counter()
        for _ in range(chunk):
            function()
        took = perf_counter() - begun
    calls, begun = 0, perf_counter()
    while (took := perf_counter() - begun) < seconds:
        for _ in range(chunk):
            function()
        calls += chunk
    return calls / took


def samples_of(function: Callable[[], object], seconds: float, at_least: int) -> list[int]:
    """Nanoseconds of each call, for so long and until there are enough of them."""
    samples: list[int] = []
    until = perf_counter() + seconds
    while len(samples) < at_least or perf_counter() < until:
        for _ in range(100):
            begun = perf_counter_ns()
            function()
            samples.append(perf_counter_ns() - begun)
    return samples
