"""Measuring: interleaved rounds, a fresh process for each measurement, and what is saved of them."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import zmqfast
from zmqfast.cli import bench_stock
from zmqfast.cli.bench_cases import Case

PEER = Path(__file__).parent / "bench_peer"
DISTRIBUTIONS = {"pyzmq": ("zmq", "pyzmq"), "pyomq": ("pyomq", "pyomq"), "pynng": ("pynng", "pynng"),
                 "zenoh": ("zenoh", "eclipse-zenoh")}
SERVING = {"stream": "feed", "round_trip": "answer"}        # what the other process does
TIMEOUT_S = 60.0


class Failed(Exception):
    """A measurement that did not come to its end; says why."""


def available(libraries: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of the libraries that are there, and why the others are not."""
    versions, missing = {}, {}
    for library in libraries:
        if library == "zmqfast":
            versions[library] = zmqfast.__version__
        elif library == "c":
            try:
                bench_stock.build()
                versions[library] = bench_stock.find_source().name
            except bench_stock.NoStock as reason:
                missing[library] = str(reason)
        elif library in ("pipe", "queue"):
            versions[library] = platform.python_version()
        elif importlib.util.find_spec(DISTRIBUTIONS[library][0]):
            versions[library] = metadata.version(DISTRIBUTIONS[library][1])
        else:
            missing[library] = f"{DISTRIBUTIONS[library][1]} is not installed"
    return versions, missing


def command(library: str, job: dict[str, Any]) -> list[str]:
    if library != "c":
        return [sys.executable, str(PEER), json.dumps({**job, "library": library})]
    size, seconds = str(job["size"]), str(job["seconds"])
    bind = "tcp://127.0.0.1:*" if job["transport"] == "tcp" else "ipc://*"
    arguments = {"stream": [size, seconds, bind], "threads": [size, seconds], "answer": [bind],
                 "feed": [size, job.get("endpoint", "")], "round_trip": [size, seconds, job.get("endpoint", "")]}
    return [str(bench_stock.build()), job["kind"], *arguments[job["kind"]]]


@contextlib.contextmanager
def started(library: str, job: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own, which is ended with all its children."""
    path = os.pathsep.join(filter(None, (str(PEER.parents[2]), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(command(library, job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": path}, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def line_of(process: subprocess.Popen[str], deadline: float) -> str:
    """The next line that it prints.

    Raises:
        Failed: it ended, or printed nothing in time.
    """
    assert process.stdout and process.stderr
    ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
    if not ready:
        raise Failed("no result in time")
    text = process.stdout.readline().strip()
    if not text:
        reason = process.stderr.read().strip().splitlines()[-1:]
        raise Failed("".join(reason) or f"ended with status {process.wait()}")
    return text


def measure(library: str, job: dict[str, Any]) -> Any:
    """One measurement in fresh processes; the value that the measuring one prints.

    Raises:
        Failed: it crashed, or took longer than a minute.
    """
    deadline = time.monotonic() + TIMEOUT_S
    with tempfile.TemporaryDirectory(prefix="zmqfast-") as folder, contextlib.ExitStack() as stack:
        job = {**job, "folder": folder}
        other = SERVING.get(job["kind"])
        if not other:
            return json.loads(line_of(stack.enter_context(started(library, job)), deadline))
        serving, asking = ("stream", "feed") if other == "feed" else ("answer", "round_trip")
        first = stack.enter_context(started(library, {**job, "kind": serving}))
        endpoint = line_of(first, deadline)
        if endpoint == "inherited":
            return json.loads(line_of(first, deadline))
        second = stack.enter_context(started(library, {**job, "kind": asking, "endpoint": endpoint}))
        return json.loads(line_of(first if other == "feed" else second, deadline))


def job_of(case: Case, seconds: float) -> dict[str, Any]:
    return {"kind": case.kind, "transport": case.transport, "size": case.size, "own_calls": case.own_calls,
            "seconds": seconds}


Progress = Callable[[str], None]


def run(chosen: list[Case], libraries: tuple[str, ...], rounds: int, seconds: float, budget_s: float,
        on_progress: Progress) -> dict[str, Any]:
    """Measure every case in rounds, each library once in every round, until all is done or the time is up.

    A round goes over all cases before the next begins, so that what disturbs the machine for a while disturbs no case in
    every round, and a run that the budget cuts short has measured every case equally often.
    """
    versions, missing = available(libraries)
    values: dict[str, dict[str, list[float]]] = {case.name: {} for case in chosen}
    failures: dict[str, dict[str, str]] = {case.name: {} for case in chosen}
    until, complete = time.monotonic() + budget_s, 0
    for _ in range(rounds):
        for case in chosen:
            for library in case.libraries:
                if library not in versions or library in failures[case.name]:
                    continue
                if time.monotonic() > until:
                    break
                on_progress(f"{case.title}: {library}")
                try:
                    value = measure(library, job_of(case, seconds))
                    values[case.name].setdefault(library, []).append(value)
                except Failed as failure:
                    failures[case.name][library] = str(failure)
        complete += time.monotonic() <= until
    return {"machine": machine(), "versions": versions, "missing": missing, "rounds": complete, "wanted_rounds": rounds,
            "seconds": seconds, "values": values, "failures": failures}


def machine() -> dict[str, Any]:
    processor = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    return {"system": platform.platform(), "processor": processor, "cores": os.cpu_count(),
            "python": platform.python_version(), "libzmq": zmqfast.zmq_version(),
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "load": os.getloadavg()[0]}


def ratio(case: Case, values: dict[str, list[float]], library: str) -> float | None:
    """The median over the rounds of own ÷ other, each round's own pair; None where either was not measured."""
    own, other = values.get("zmqfast", []), values.get(library, [])
    ratios = [case.ratio(*pair) for pair in zip(own, other) if all(pair)]
    return statistics.median(ratios) if ratios else None


def verdicts(case: Case, values: dict[str, list[float]]) -> Iterator[tuple[str, float, float, bool | None]]:
    """For each library with a target that was measured: its name, the ratio, the target, and whether it is reached."""
    for library, target in case.targets.items():
        if library == "zmqfast":
            value = statistics.median(values[library]) if values.get(library) else None
        else:
            value = ratio(case, values, library)
        if value is not None:
            yield library, value, target, case.reached(library, value)
