"""Latency: the time of each round trip, kept in a histogram."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHORTEST_NS, LONGEST_NS, DIGITS = 100, 60_000_000_000, 3    # what a histogram tells apart
PERCENTILES = (50.0, 99.0, 99.9, 100.0)
AT_LEAST = 3000         # round trips of a measurement: three of them are above p99.9

# Who can measure it over what.
TRANSPORTS = {"tcp": ("zmqfast", "pyzmq", "c", "pyomq", "pynng", "zenoh"),
              "ipc": ("zmqfast", "pyzmq", "c", "pyomq", "pynng", "pipe", "queue")}


@dataclass
class Latency:
    """Round trips in nanoseconds: a histogram, as HdrHistogram encodes it, and what it says."""

    histogram: str
    count: int
    percentiles: dict[str, int]     # by "50", "99", "99.9"; "100" is the longest


def gather(known: Latency | None, samples: Iterable[int]) -> Latency:
    """What was known, and these round trips."""
    from hdrh.histogram import HdrHistogram

    histogram = HdrHistogram.decode(known.histogram) if known else HdrHistogram(SHORTEST_NS, LONGEST_NS, DIGITS)
    for nanoseconds in samples:
        histogram.record_value(min(nanoseconds, LONGEST_NS))
    found = histogram.get_percentile_to_value_dict(PERCENTILES)
    return Latency(histogram.encode().decode(), histogram.total_count,
                   {f"{percentile:g}": int(value) for percentile, value in found.items()})


def line(latency: Latency) -> tuple[list[float], list[float]]:
    """Percentiles and the microseconds that belong to them: what a picture shows."""
    from hdrh.histogram import HdrHistogram

    histogram = HdrHistogram.decode(latency.histogram)
    # Up to where a handful of round trips is left: beyond, a single one decides.
    percentiles = [100 - 100 * 10 ** (-step / 10) for step in range(31) if latency.count * 10 ** (-step / 10) >= 5]
    return percentiles, [histogram.get_value_at_percentile(percentile) / 1000 for percentile in percentiles]
