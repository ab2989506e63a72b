"""A whole run: rounds over everything that was asked for, within its time."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from zmqfast.cli.benchmark.cases import Case
from zmqfast.cli.benchmark.curves import Curve
from zmqfast.cli.benchmark.result import Result
from zmqfast.cli.benchmark.running import Failed, Measured, allow_many_descriptors, available, machine, measure
from zmqfast.cli.benchmark.steps import Step, case_steps, curve_steps, latency_steps


@dataclass(frozen=True)
class Section:
    """How often one part of a run is measured, and how long; both times are seconds."""

    rounds: int
    each: float         # measurement
    all: float          # of them, at most


@dataclass(frozen=True)
class Plan:
    cases: Section
    latency: Section
    curves: Section
    quick: bool


# A quarter of an hour, and two minutes, with all that comes before and after.
FULL = Plan(Section(7, 0.2, 490), Section(3, 0.3, 40), Section(2, 0.12, 250), quick=False)
QUICK = Plan(Section(2, 0.1, 80), Section(1, 0.2, 8), Section(1, 0.06, 25), quick=True)


def plan(quick: bool, case_rounds: int | None = None) -> Plan:
    """The usual plan; with another number of rounds where it is asked for."""
    usual = QUICK if quick else FULL
    return replace(usual, cases=replace(usual.cases, rounds=case_rounds)) if case_rounds else usual


@dataclass(frozen=True)
class Wanted:
    """What a run measures."""

    libraries: tuple[str, ...]
    cases: Sequence[Case]
    transports: Sequence[str]       # of the latencies
    curves: Sequence[Curve]
    latency_size: int = 16          # bytes of a frame


OnStep = Callable[[str], None]      # is told what is measured next
OnTotal = Callable[[int], None]     # how many measurements there will be


def run(wanted: Wanted, plan: Plan, on_total: OnTotal, on_step: OnStep) -> Result:
    """Measure the cases, then the latencies, then the curves.

    A round goes over everything of its kind, each library in turn, before the next begins: what disturbs the machine for a
    while disturbs nothing in every round, and what the time cuts short was measured equally often.
    """
    allow_many_descriptors()
    versions, missing = available(wanted.libraries)
    transports = wanted.transports
    if transports and not importlib.util.find_spec("hdrh"):
        missing["latency"] = "hdrhistogram is not installed"
        transports = ()
    if wanted.curves and not importlib.util.find_spec("psutil"):
        missing["memory"] = "psutil is not installed"
    begun = time.monotonic()
    result = Result(machine(), versions, missing, wanted_rounds=plan.cases.rounds, seconds=plan.cases.each)
    parts = [(case_steps(result, wanted.cases, plan.cases.each), plan.cases),
             (latency_steps(result, transports, wanted.latency_size, plan.latency.each), plan.latency),
             (curve_steps(result, wanted.curves, plan.quick, plan.curves.each), plan.curves)]
    on_total(sum(len(steps) * section.rounds for steps, section in parts))
    whole = [go_round(steps, section, result, on_step) for steps, section in parts]
    result.rounds = whole[0]
    result.machine["load"] = machine()["load"]
    result.took = round(time.monotonic() - begun, 1)
    return result


def go_round(steps: Sequence[Step], section: Section, result: Result, on_step: OnStep) -> int:
    """Take the steps round by round until all is done or the time is up; how many rounds were whole."""
    until = time.monotonic() + section.all
    for number in range(section.rounds):
        known: dict[str, Measured] = {}
        for step in steps:
            if time.monotonic() > until:
                return number
            on_step(f"{step.title}: {step.column}")
            failures = result.failures.get(step.name, {})
            if step.column in failures or number % step.every:
                continue
            try:
                if step.key() not in known:
                    known[step.key()] = measure(step.library, step.job)
                step.tell(number, known[step.key()])
            except Failed as failure:
                result.failures.setdefault(step.name, {})[step.column] = str(failure)
    return section.rounds
