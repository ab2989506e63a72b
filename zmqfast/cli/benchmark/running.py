"""One measurement: fresh processes, what they are told, what they say, and how much memory they take."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import zmqfast
from zmqfast.cli.benchmark import stock

PEER = Path(__file__).parent / "peer"
DISTRIBUTIONS = {"pyzmq": ("zmq", "pyzmq"), "pyomq": ("pyomq", "pyomq"), "pynng": ("pynng", "pynng"),
                 "zenoh": ("zenoh", "eclipse-zenoh")}

# Measures with two processes: what binds, what connects, and which of them has the value.
PAIRS = {"stream": ("stream", "feed", 0), "round_trip": ("answer", "round_trip", 1), "subscribe": ("publish", "subscribe", 1),
         "loop_ask": ("loop_answer", "loop_ask", 1)}
# What a job says beside its kind, unless it says otherwise; seconds are of the measurement, the size is of a frame.
DEFAULTS = {"transport": "inproc", "size": 16, "calls": "one", "seconds": 0.2, "connections": 1, "subscriptions": 1,
            "samples": 0, "loop": "asyncio"}
INHERITED = "inherited"     # instead of an endpoint: the other side is a child of the process that has the value
CONNECTED = "connected"
TIMEOUT_S = 15.0
LONGER_S = {"zero_copy_memory": 60.0}       # a million calls


class Failed(Exception):
    """A measurement that did not come to its end; says why."""


@dataclass(frozen=True)
class Measured:
    """What came of one measurement."""

    value: Any
    resident: int | None        # bytes of memory of all its processes at its end, where psutil can tell


def available(libraries: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of the libraries that are there, and why the others are not."""
    versions, missing = {}, {}
    for library in libraries:
        if library == "zmqfast":
            versions[library] = zmqfast.__version__
        elif library == "c":
            try:
                stock.build()
                versions[library] = stock.version()
            except stock.NoStock as reason:
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
    names = ("size", "seconds", "connections", "subscriptions", "samples", "endpoint")
    told = {"bind": "tcp://127.0.0.1:*" if job["transport"] == "tcp" else f"ipc://{job['folder']}/c",
            **{name: job[name] for name in names if name in job}}
    return [str(stock.build()), job["kind"], *(f"{name}={value}" for name, value in told.items())]


@contextlib.contextmanager
def started(library: str, job: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own, which is ended with all its children."""
    path = os.pathsep.join(filter(None, (str(Path(zmqfast.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(command(library, job), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env={**os.environ, "PYTHONPATH": path}, start_new_session=True)
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


def measure(library: str, job: dict[str, Any]) -> Measured:
    """One measurement in fresh processes; the job has its kind, and what differs from the DEFAULTS.

    Raises:
        Failed: a process crashed, or it took too long.
    """
    deadline = time.monotonic() + LONGER_S.get(job["kind"], TIMEOUT_S)
    with tempfile.TemporaryDirectory(prefix="zmqfast-") as folder, contextlib.ExitStack() as stack:
        job = {**DEFAULTS, **job, "folder": folder}
        if job["kind"] not in PAIRS:
            processes = [stack.enter_context(started(library, job))]
            return measured(processes, processes[0], deadline)
        binding, connecting, telling = PAIRS[job["kind"]]
        first = stack.enter_context(started(library, {**job, "kind": binding}))
        endpoint = line_of(first, deadline)
        if endpoint == INHERITED and telling == 0:
            return measured([first], first, deadline)
        second = stack.enter_context(started(library, {**job, "kind": connecting, "endpoint": endpoint}))
        if telling == 1:
            return measured([first, second], second, deadline)
        word = line_of(first, deadline)
        if word != CONNECTED:
            raise Failed(f"said {word!r} instead of {CONNECTED!r}")
        assert second.stdin
        second.stdin.write("\n")        # go
        second.stdin.flush()
        return measured([first, second], first, deadline)


def measured(processes: list[subprocess.Popen[str]], telling: subprocess.Popen[str], deadline: float) -> Measured:
    line = line_of(telling, deadline)
    if line == CONNECTED:               # said by a process whose other side is its child, and never stops sending
        line = line_of(telling, deadline)
    return Measured(json.loads(line), resident(processes))


def resident(processes: list[subprocess.Popen[str]]) -> int | None:
    """Bytes in memory of the processes and their children."""
    try:
        import psutil
    except ModuleNotFoundError:
        return None
    found = 0
    with contextlib.suppress(psutil.Error):
        for process in map(psutil.Process, [process.pid for process in processes]):
            found += sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    return found


def allow_many_descriptors() -> None:
    """Let this process and its children open as many as the system permits: a thousand connections take some thousand."""
    try:
        import resource
    except ModuleNotFoundError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
