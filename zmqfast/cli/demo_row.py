"""Running one row of the demo: its processes, what they tell each other, and the verdict on what they report."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import zmqfast
from zmqfast.cli.demo_rows import ZMQFAST, Row
from zmqfast.cli.demo_text import Text
from zmqfast.cli.transports import CAPABILITIES

DESCRIBE_TIMEOUT_S = 30
END_TIMEOUT_S = 10      # from the last report to the end of the processes
PACKAGE_FOLDER = str(Path(zmqfast.__file__).parents[1])
PEER_PROGRAM = str(Path(__file__).with_name("demo_peer"))

Event = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What was measured of a row."""

    verdict: str
    ok: bool | None     # None: not run
    messages: int = 0
    bytes: int = 0
    seconds: float = 0.0


class Failed(Exception):
    """A row went wrong; the text is its verdict."""


def run(row: Row, text: Text, folder: Path, deadline_s: float, *, prefix: Sequence[str] = (),
        sent_path: Path | None = None, on_progress: Callable[[int], None] = lambda count: None) -> Outcome:
    """Run a row to its end, at most `deadline_s`; none of its processes is left.

    Args:
        prefix: words before each command, to run it in a network namespace.
        sent_path: send this text instead, and judge it by `text`.
        on_progress: told how many bytes have come.
    """
    expected = text.digest(row.pattern.block_bytes)
    job = {"pattern": row.pattern.name, "transport": row.transport, "block_bytes": row.pattern.block_bytes,
           "text": str(sent_path or text.path), "folder": str(folder)}
    came = 0

    def note_progress(count: int) -> None:
        nonlocal came
        came = count
        on_progress(count)

    try:
        with Processes(parts(row), job, prefix, deadline_s) as processes:
            reports = processes.reports(note_progress)
    except Failed as failure:
        partly = f"; at least {came:,} of {expected['bytes']:,} bytes had come" if came else ""
        return Outcome(f"{failure}{partly}", False)
    return judge(expected, reports)


def parts(row: Row) -> list[tuple[str, list[str]]]:
    """The row's processes: for each its library and its roles. The proxy is always ours."""
    if row.transport == "inproc":
        return [(ZMQFAST, list(row.pattern.roles))]
    library = {"sender": row.sender, "receiver": row.receiver, "proxy": ZMQFAST}
    return [(library[role], [role]) for role in row.pattern.roles]


def judge(expected: dict[str, Any], reports: list[dict[str, Any]]) -> Outcome:
    """Compare what each role that took something in reports with what it should be."""
    digests = [report for report in reports if "sha256" in report]
    if not digests:
        return Outcome("nothing was reported", False)
    seconds = max(digest["ended_s"] for digest in digests) - max(report.get("started_s", 0) for report in reports)
    counts = min(digest["messages"] for digest in digests), min(digest["bytes"] for digest in digests), seconds
    for digest in digests:
        if digest["messages"] != expected["messages"]:
            return Outcome(f"{digest['messages']:,} of {expected['messages']:,} messages came", False, *counts)
        if any(digest[key] != value for key, value in expected.items()):
            return Outcome("other bytes came than were sent", False, *counts)
    again = sum(report["sent_again"] or 0 for report in reports)
    return Outcome(f"ok, {again:,} sent again" if again else "ok", True, *counts)


def describe(library: str) -> dict[str, Any]:
    """Version and capabilities of a library, as a process of its own finds it.

    Raises:
        Failed: it cannot be imported there.
    """
    with Processes([(library, [])], {"capabilities": CAPABILITIES}, (), DESCRIBE_TIMEOUT_S) as processes:
        for event in processes.events():
            if "description" in event:
                return dict(event["description"])
    raise Failed(f"{library} says nothing about itself")


class Processes:
    """The processes of a row. What one posts goes to the others. Leaving the `with` ends them all."""

    def __init__(
        self, parts: list[tuple[str, list[str]]], job: Event, prefix: Sequence[str], deadline_s: float
    ) -> None:
        self.parts = parts
        self.job = job
        self.prefix = prefix
        self.deadline_s = deadline_s
        self.processes: list[subprocess.Popen[bytes]] = []
        self.threads: list[threading.Thread] = []
        self.queue: queue.SimpleQueue[tuple[int, Event | None]] = queue.SimpleQueue()
        self.complaints: list[bytes] = []

    def __enter__(self) -> Processes:
        self.ends_s = time.monotonic() + self.deadline_s
        try:
            for number, (library, roles) in enumerate(self.parts):
                self.start(number, {**self.job, "library": library, "roles": roles})
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(self, number: int, job: Event) -> None:
        job["import_from"] = PACKAGE_FOLDER if job["library"] == ZMQFAST else ""
        command = [*self.prefix, sys.executable, PEER_PROGRAM, json.dumps(job)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(process)
        complaints = threading.Thread(target=self.read_complaints, args=(process,), daemon=True)
        events = threading.Thread(target=self.read_events, args=(number, process, complaints), daemon=True)
        for thread in (complaints, events):
            thread.start()                  # a signal may come here: only what has started can be waited for
            self.threads.append(thread)

    def read_events(self, number: int, process: subprocess.Popen[bytes], complaints: threading.Thread) -> None:
        assert process.stdout
        for line in process.stdout:
            self.queue.put((number, json.loads(line)))
        complaints.join()    # the end of a process comes after its last words
        self.queue.put((number, None))

    def read_complaints(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr
        self.complaints += process.stderr

    def events(self) -> Iterator[Event]:
        """What the processes tell, posts apart, until all have ended well.

        Raises:
            Failed: one ended otherwise, or the deadline passed.
        """
        running = len(self.processes)
        while running:
            try:
                number, event = self.queue.get(timeout=max(0, self.ends_s - time.monotonic()))
            except queue.Empty:
                raise Failed(f"timed out after {self.deadline_s:g} s") from None
            if event is None:
                running -= 1
                self.check_end(self.processes[number])
            elif "post" in event:
                self.pass_on(number, event["post"])
            elif "failed" in event:
                raise Failed(event["failed"])
            else:
                yield event

    def reports(self, on_progress: Callable[[int], None]) -> list[dict[str, Any]]:
        found = []
        for event in self.events():
            if "progress" in event:
                on_progress(event["progress"])
            if "report" in event:
                found.append(event["report"])
        return found

    def pass_on(self, author: int, post: Any) -> None:
        line = json.dumps(post).encode() + b"\n"
        for number, process in enumerate(self.processes):
            if number != author and process.stdin:
                with suppress(BrokenPipeError):     # it has ended; its last event says how
                    process.stdin.write(line)
                    process.stdin.flush()

    def check_end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            code = process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failed("a process does not end") from None
        if code:
            how = signal.Signals(-code).name if code < 0 else f"status {code}"
            complaint = self.complaints[-1].decode(errors="replace").strip() if self.complaints else ""
            raise Failed(f"a process ended with {how}" + (f": {complaint}" if complaint else ""))

    def end(self) -> None:
        """End what still runs. Waits until it is gone."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        for thread in self.threads:
            thread.join()
        for process in self.processes:
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with suppress(BrokenPipeError):
                        stream.close()
