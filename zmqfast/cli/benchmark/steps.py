"""What a round consists of: one step for each measurement, which knows where its value belongs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from zmqfast.cli.benchmark import latency
from zmqfast.cli.benchmark.cases import UNAIMED, Case
from zmqfast.cli.benchmark.curves import Curve
from zmqfast.cli.benchmark.result import Point, Result
from zmqfast.cli.benchmark.running import Measured


ONCE = 1_000_000     # rounds: more than there are


@dataclass
class Step:
    """One measurement of a round, and who wants to know."""

    name: str                                   # what is measured; with the column, one place in the result
    title: str
    column: str                                 # the library, as the report names it
    library: str
    job: dict[str, Any]
    tell: Callable[[int, Measured], None]       # is told the number of the round, and what was measured
    every: int = 1                              # that many rounds

    def key(self) -> str:
        """The same for steps that would measure the same: only zmqfast has several ways to call."""
        calls = self.job.get("calls", "one") if self.library == "zmqfast" else "one"
        return json.dumps([self.library, {**self.job, "calls": calls}])


def case_steps(result: Result, chosen: Sequence[Case], seconds: float) -> list[Step]:
    steps = []
    for case in chosen:
        lists = result.values.setdefault(case.name, {})
        for library in case.libraries:
            if library not in result.versions:
                continue

            values = lists.setdefault(library, [])

            def tell(number: int, found: Measured, values: list[float | None] = values) -> None:
                values.extend([None] * (number - len(values)))      # of rounds without it
                values.append(found.value)

            steps.append(Step(case.name, case.title, library, library, case.job(seconds), tell,
                              ONCE if case.once else 2 if library in UNAIMED else 1))
    return steps


def latency_steps(result: Result, transports: Sequence[str], size: int, seconds: float) -> list[Step]:
    steps = []
    for transport in transports:
        found_ones = result.latency.setdefault(transport, {})
        for library in latency.TRANSPORTS[transport]:
            if library not in result.versions:
                continue

            def tell(number: int, found: Measured, library: str = library,
                     into: dict[str, latency.Latency] = found_ones) -> None:
                into[library] = latency.gather(into.get(library), found.value)

            job = {"kind": "round_trip", "transport": transport, "size": size, "seconds": seconds, "samples": latency.AT_LEAST}
            steps.append(Step(f"latency {transport}", f"latency, {transport}", library, library, job, tell))
    return steps


def curve_steps(result: Result, curves: Sequence[Curve], quick: bool, seconds: float) -> list[Step]:
    steps = []
    for curve in curves:
        lines = result.curves.setdefault(curve.name, {})
        for at in curve.quick_points if quick else curve.points:
            for column in curve.libraries:
                library, job = curve.job(column, at, seconds)
                if library not in result.versions:
                    continue
                point = Point(at)
                lines.setdefault(column, []).append(point)

                def tell(number: int, found: Measured, point: Point = point) -> None:
                    point.rates.append(found.value)
                    if found.resident is not None:
                        point.resident.append(found.resident)

                steps.append(Step(f"{curve.name} at {at}", f"{curve.title}: {at}", column, library, job, tell))
    return steps
