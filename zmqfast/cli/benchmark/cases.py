"""The rows of the benchmark: each case with its targets, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KIB = 1024
MIB = 1024 * KIB

# Every library that can be asked for, by the name that --against and the report use.
LIBRARIES = ("zmqfast", "pyzmq", "c", "pyomq", "pynng", "zenoh", "pipe", "queue")
UNAIMED = ("pynng", "zenoh", "pipe", "queue")   # no target speaks of them


@dataclass(frozen=True)
class Case:
    """One row of the report."""

    name: str
    title: str
    kind: str                           # the measure in peer/
    libraries: tuple[str, ...]          # those that can run it
    group: str                          # the heading that it stands under
    transport: str = "inproc"
    size: int = 16                      # bytes of a frame
    calls: str = "one"                  # "many", "batch", "try": what zmqfast uses where others send one at a time
    connections: int = 1
    loop: str = "asyncio"               # of asyncio sockets; or "uvloop"
    unit: str = "1/s"
    targets: dict[str, float] = field(default_factory=dict)     # by library; on "zmqfast": on the value itself
    is_cost: bool = False               # the value is what it costs: less is better
    once: bool = False                  # measured in the first round only: it takes long, and is the same each time
    at_most: bool = False               # the target is an upper bound of own ÷ other

    def job(self, seconds: float) -> dict[str, Any]:
        """What a process of peer/ is told, but for the library."""
        return {"kind": self.kind, "transport": self.transport, "size": self.size, "calls": self.calls, "seconds": seconds,
                "connections": self.connections, "loop": self.loop}

    def ratio(self, own: float, other: float) -> float:
        """How many times better zmqfast is; where the target is an upper bound, how many times its cost is."""
        return other / own if self.is_cost and not self.at_most else own / other

    def reached(self, library: str, value: float) -> bool | None:
        """Whether the ratio to this library is as wanted; None where nothing is."""
        if library not in self.targets:
            return None
        return value <= self.targets[library] if self.at_most else value >= self.targets[library]


def in_words(size: int) -> str:
    """A number of bytes: 16 B, 4 KiB, 1 MiB."""
    if size >= MIB:
        return f"{size // MIB} MiB"
    return f"{size // KIB} KiB" if size >= KIB else f"{size} B"


ZMQ_LIKE = ("zmqfast", "pyzmq", "pyomq")
AHEAD = 1.1         # of pyomq, wherever it can run


def cases() -> list[Case]:
    return [*calls(), *threads(), *processes(), *round_trips(), *loops(), *costs()]


def calls() -> Iterator[Case]:
    group = "One call, one thread"
    for size, target in ((16, 4.0), (64 * KIB, 1.2)):
        yield Case(f"call-{size}", f"send + recv, {in_words(size)}", "call", ZMQ_LIKE, group, size=size,
                   targets={"pyzmq": target, "pyomq": AHEAD})
    yield Case("multipart", "send + recv of 3 frames", "multipart", ZMQ_LIKE, group,
               targets={"pyzmq": 6, "pyomq": AHEAD})
    yield Case("empty", "recv(DONTWAIT) on an empty socket, with the exception", "empty", ZMQ_LIKE, group,
               targets={"pyzmq": 4, "pyomq": AHEAD})
    yield Case("try-recv", "try_recv() on an empty socket", "empty", ZMQ_LIKE, group, calls="try",
               targets={"pyzmq": 20, "pyomq": AHEAD})
    yield Case("events", "getsockopt(EVENTS)", "events", ZMQ_LIKE, group, targets={"pyzmq": 4, "pyomq": AHEAD})
    yield Case("zero-copy", "send(copy=False), 1 MiB", "zero_copy", ZMQ_LIKE, group, size=MIB,
               targets={"pyzmq": 2, "pyomq": AHEAD})
    yield Case("poll-idle", "poll(0), 1000 idle sockets", "poll_idle", ZMQ_LIKE, group, connections=1000,
               targets={"pyomq": AHEAD})
    yield Case("poll-active", "send, poll(), recv on one of 1000 sockets", "poll_active", ZMQ_LIKE, group, connections=1000,
               targets={"pyzmq": 100, "pyomq": AHEAD})


def threads() -> Iterator[Case]:
    group = "PUSH-PULL, two threads, inproc"
    libraries = ("zmqfast", "pyzmq", "c", "pyomq", "pynng")
    for size, pyzmq, c in ((16, 4.0, 0.6), (256, 4.0, 0.8), (4 * KIB, 4.0, 1.2)):
        yield Case(f"inproc-{size}", f"inproc, {in_words(size)}", "threads", libraries, group, size=size,
                   targets={"pyzmq": pyzmq, "c": c, "pyomq": AHEAD})
    for size, pyzmq in ((16, 8.0), (256, 6.0), (4 * KIB, 6.0)):
        yield Case(f"inproc-many-{size}", f"inproc, {in_words(size)}, send_many + recv_many", "threads", libraries, group,
                   size=size, calls="many", targets={"pyzmq": pyzmq, "c": 1.5, "pyomq": AHEAD})
    yield Case("inproc-batch-16", "inproc, 16 B, send_many + recv_batch", "threads", libraries, group, calls="batch",
               targets={"pyzmq": 6, "c": 1.5, "pyomq": AHEAD})


def processes() -> Iterator[Case]:
    group = "PUSH-PULL, two processes"
    others = ("zmqfast", "pyzmq", "c", "pyomq", "pynng", "zenoh")
    wanted = {16: (3, 0.95), 256: (2.5, 2), 4 * KIB: (2.5, 2), 64 * KIB: (1.3, 1), MIB: (1.3, 1)}
    for transport in ("tcp", "ipc"):
        # A pipe and a queue of multiprocessing are what a program on one machine would use instead of ipc.
        libraries = others if transport == "tcp" else (*others[:-1], "pipe", "queue")
        for size, (pyzmq, c) in wanted.items():
            yield Case(f"{transport}-{size}", f"{transport}, {in_words(size)}", "stream", libraries, group, transport, size,
                       targets={"pyzmq": pyzmq, "c": c, "pyomq": AHEAD})
    yield Case("tcp-many-16", "tcp, 16 B, send_many + recv_many", "stream", others, group, "tcp", calls="many",
               targets={"pyzmq": 4, "c": 1.2, "pyomq": AHEAD})
    yield Case("tcp-batch-16", "tcp, 16 B, send_many + recv_batch", "stream", others, group, "tcp", calls="batch",
               targets={"pyzmq": 6, "c": 1.5, "pyomq": AHEAD})


def round_trips() -> Iterator[Case]:
    group = "REQ-REP, two processes"
    for transport in ("tcp", "ipc"):
        other = ("zenoh",) if transport == "tcp" else ("pipe", "queue")
        yield Case(f"round-trip-{transport}", f"round trips, {transport}, 16 B", "round_trip",
                   ("zmqfast", "pyzmq", "c", "pyomq", "pynng", *other), group, transport,
                   targets={"pyzmq": 1.2, "c": 0.95, "pyomq": AHEAD})


def loops(loop: str = "asyncio") -> Iterator[Case]:
    group = f"{loop}, 16 B"
    for name, title, kind, transport, connections, target in (
        ("ready", "receiving messages that are there", "loop_ready", "inproc", 1, 15),
        ("stream", "PUSH-PULL, tcp, two tasks of one loop", "loop_stream", "tcp", 1, 10),
        ("round-trip", "REQ-REP round trips, tcp, in one loop", "loop_round_trip", "tcp", 1, 2),
        ("ask", "REQ-REP round trips, tcp, two processes", "loop_ask", "tcp", 1, 1.5),
        ("waiting", "1000 sockets that wait at once", "loop_waiting", "inproc", 1000, 5),
    ):
        yield Case(f"{loop}-{name}", f"{loop}: {title}", kind, ZMQ_LIKE, group, transport, connections=connections,
                   loop=loop, targets={"pyzmq": target, "pyomq": AHEAD})


def costs() -> Iterator[Case]:
    """What it costs beside time in calls."""
    group = "Other costs"
    yield Case("import", "import", "importing", ZMQ_LIKE, group, unit="s", is_cost=True, targets={"pyzmq": 3, "pyomq": AHEAD})
    yield Case("connection", "resident memory of an idle tcp connection, both ends", "connection", ("zmqfast", "pyzmq"),
               group, "tcp", unit="B", is_cost=True, at_most=True, targets={"pyzmq": 1.5})
    yield Case("frame", "a Frame, sys.getsizeof", "frame", ("zmqfast", "pyzmq"), group, unit="B", is_cost=True, at_most=True,
               targets={"pyzmq": 1})
    # Allocators give back by the page, and a page or two is noise: 1 MiB is one byte for each send.
    yield Case("zero-copy-memory", "memory kept after a million zero-copy sends", "zero_copy_memory", ("zmqfast", "pyzmq"),
               group, size=64, unit="B", is_cost=True, once=True, at_most=True, targets={"zmqfast": MIB})
