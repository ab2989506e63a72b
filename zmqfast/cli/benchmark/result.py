"""What a run of the benchmark has found: saved as JSON, and read again."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zmqfast.cli.benchmark.cases import Case
from zmqfast.cli.benchmark.latency import Latency

FORMAT = 2      # of the file; a file of another format is not read


@dataclass
class Point:
    """One place on a growth curve: messages per second, one value a round, and bytes of memory."""

    at: int
    rates: list[float] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)

    def rate(self) -> float:
        return statistics.median(self.rates)

    def memory(self) -> float:
        return statistics.median(self.resident)


@dataclass
class Result:
    machine: dict[str, Any]
    versions: dict[str, str]                                # of the libraries that were measured
    missing: dict[str, str]                                 # why others were not
    rounds: int = 0                                         # whole ones of the cases
    wanted_rounds: int = 0
    seconds: float = 0                                      # of each measurement
    took: float = 0                                         # seconds, all of it
    # By case and library; None for a round that was measured without it.
    values: dict[str, dict[str, list[float | None]]] = field(default_factory=dict)
    latency: dict[str, dict[str, Latency]] = field(default_factory=dict)            # by transport and library
    curves: dict[str, dict[str, list[Point]]] = field(default_factory=dict)         # by curve and library
    failures: dict[str, dict[str, str]] = field(default_factory=dict)               # by what was measured, and library

    def others(self) -> list[str]:
        return [name for name in self.versions if name != "zmqfast"]

    def ratios(self, case: Case, library: str) -> list[float]:
        """Own ÷ other, of each round that has both."""
        values = self.values.get(case.name, {})
        return [case.ratio(own, other) for own, other in zip(values.get("zmqfast", []), values.get(library, []))
                if own and other]

    def ratio(self, case: Case, library: str) -> float | None:
        """The median of the rounds' ratios; None where either was not measured."""
        ratios = self.ratios(case, library)
        return statistics.median(ratios) if ratios else None

    def value(self, case: Case, library: str) -> float | None:
        """The median over the rounds, in the case's unit."""
        found = [value for value in self.values.get(case.name, {}).get(library, []) if value is not None]
        return statistics.median(found) if found else None

    def verdicts(self, case: Case) -> Iterator[tuple[str, float, float, bool]]:
        """For each library with a target that was measured: its name, the ratio, the target, and whether it is reached."""
        for library, target in case.targets.items():
            found = self.value(case, library) if library == "zmqfast" else self.ratio(case, library)
            if found is not None:
                yield library, found, target, bool(case.reached(library, found))

    def save(self, file: Path) -> None:
        file.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", encoding="utf-8")


def load(file: Path) -> Result:
    """A saved result.

    Raises:
        ValueError: the file is no result, or of another format; names the file.
    """
    saved = json.loads(file.read_text(encoding="utf-8"))
    if saved.pop("format", None) != FORMAT:
        raise ValueError(f"{file}: not a result of `zmqfast bench` in format {FORMAT}")
    saved["latency"] = {transport: {library: Latency(**found) for library, found in libraries.items()}
                        for transport, libraries in saved["latency"].items()}
    saved["curves"] = {curve: {library: [Point(**point) for point in points] for library, points in libraries.items()}
                       for curve, libraries in saved["curves"].items()}
    return Result(**saved)
