"""What a result says, in rows of text: for a terminal, a page, and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zmqfast.cli.benchmark.cases import KIB, MIB, Case
from zmqfast.cli.benchmark.curves import Curve
from zmqfast.cli.benchmark.result import Result

NAMES = {"c": "libzmq in C", "zenoh": "eclipse-zenoh", "pipe": "multiprocessing.Pipe", "queue": "multiprocessing.Queue"}


def name_of(library: str) -> str:
    return NAMES.get(library, library)


def heading_of(library: str) -> str:
    """Its name where there is little room."""
    return name_of(library).removeprefix("multiprocessing.").removeprefix("eclipse-")


@dataclass(frozen=True)
class Cell:
    """A value or a ratio; with its target where it has one."""

    text: str
    target: str = ""                # ">= 4", "at most 1.5"
    reached: bool | None = None


@dataclass(frozen=True)
class Row:
    case: Case
    cells: list[Cell]               # zmqfast's value, then the ratio to each other library


def rows(result: Result, chosen: Sequence[Case], others: Sequence[str]) -> Iterator[Row]:
    """Of every case that was measured."""
    for case in chosen:
        if case.name in result.values:
            own = result.value(case, "zmqfast")
            failed = "failed" if "zmqfast" in result.failures.get(case.name, {}) else "not measured"
            cells = [with_verdict(case, "zmqfast", own, in_unit(own, case.unit) if own is not None else failed)]
            for library in others:
                ratio = result.ratio(case, library)
                cells.append(with_verdict(case, library, ratio, in_ratio(ratio) if ratio is not None else ""))
            yield Row(case, cells)


def with_verdict(case: Case, library: str, found: float | None, text: str) -> Cell:
    target = case.targets.get(library)
    if target is None or found is None:
        return Cell(text)
    wanted = in_unit(target, case.unit) if library == "zmqfast" else f"{target:g}"
    return Cell(text, f"{'at most' if case.at_most else '>='} {wanted}", case.reached(library, found))


def in_ratio(ratio: float) -> str:
    """Three digits: 0.97, 4.85, 26.8, 142."""
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.1f}" if ratio < 99.95 else f"{ratio:,.0f}"


def in_unit(value: float, unit: str) -> str:
    """5.21 M/s, 38.1 ms, 118 KiB."""
    if unit == "s":
        return f"{value * 1000:.3g} ms"
    if unit == "B":
        return in_bytes(value)
    for factor, letter in ((1e6, " M"), (1e3, " k")):
        if value >= factor:
            return f"{value / factor:.3g}{letter}/s"
    return f"{value:.3g} /s"


def in_bytes(value: float) -> str:
    for factor, letters in ((MIB, "MiB"), (KIB, "KiB")):
        if value >= factor:
            return f"{value / factor:.3g} {letters}"
    return f"{value:.0f} B"


def verdict_counts(result: Result, chosen: Sequence[Case]) -> tuple[int, int]:
    """How many targets were reached, and how many were not."""
    found = [reached for case in chosen for _, _, _, reached in result.verdicts(case)]
    return found.count(True), found.count(False)


def latency_rows(result: Result) -> Iterator[tuple[str, list[str]]]:
    """The transport and the library; p50, p99, p99.9 and the longest in microseconds, and how many round trips."""
    for transport, libraries in result.latency.items():
        for library, latency in libraries.items():
            yield (f"{transport}, {name_of(library)}",
                   [f"{latency.percentiles[name] / 1000:,.1f}" for name in ("50", "99", "99.9", "100")]
                   + [f"{latency.count:,}"])


LATENCY_HEAD = ("round trip", "p50 µs", "p99 µs", "p99.9 µs", "longest µs", "round trips")


def curve_table(result: Result, curve: Curve, separator: str = "\n") -> tuple[list[str], list[list[str]]]:
    """Its head, and a row for each point: the rate of each library, and the memory below it."""
    lines = result.curves.get(curve.name, {})
    found: dict[int, list[str]] = {}
    for place, points in enumerate(lines.values()):
        for point in points:
            row = found.setdefault(point.at, [f"{point.at:,}"] + [""] * len(lines))
            if point.rates:
                row[place + 1] = in_unit(point.rate(), "1/s")
                if point.resident:
                    row[place + 1] += separator + in_bytes(point.memory())
    return [curve.x, *map(heading_of, lines)], [found[at] for at in sorted(found)]


def in_rounds(number: int) -> str:
    return f"{number} interleaved round{'' if number == 1 else 's'}"


def conditions(result: Result) -> Iterator[str]:
    """What a reader must know of the run, line by line."""
    yield ", ".join(f"{name_of(name)} {version}" for name, version in result.versions.items())
    machine = result.machine
    yield (f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, libzmq {machine['libzmq']} inside, "
           f"{machine['system']}, load at the end {machine['load']:.2f}")
    yield (f"{machine['date']}, {in_rounds(result.rounds)}, {result.seconds:g} s for each measurement, "
           f"{result.took:.0f} s in all")
    if result.rounds < result.wanted_rounds:
        yield f"the time was up after {result.rounds} whole rounds of {result.wanted_rounds}"
    for name, reason in result.missing.items():
        yield f"skipped: {name}: {reason}"
    for name, failures in result.failures.items():
        for library, reason in failures.items():
            yield f"failed: {name}, {library}: {reason}"
