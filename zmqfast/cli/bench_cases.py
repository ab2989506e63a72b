"""What `zmqfast bench` measures: each case with its targets, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

KIB = 1024
MIB = 1024 * KIB

# Every library that can be asked for, by the name that --against and the report use.
LIBRARIES = ("zmqfast", "pyzmq", "c", "pyomq", "pynng", "zenoh", "pipe", "queue")


@dataclass(frozen=True)
class Case:
    """One row of the report."""

    name: str
    title: str
    kind: str                           # the measure in bench_peer
    libraries: tuple[str, ...]          # those that can run it
    transport: str = "inproc"
    size: int = 16                      # bytes of a frame
    own_calls: str = ""                 # "many" or "batch": what zmqfast uses where others send one at a time
    unit: str = "1/s"
    targets: dict[str, float] = field(default_factory=dict)     # by library; on "zmqfast": on the value itself
    is_cost: bool = False               # the value is what it costs: less is better
    at_most: bool = False               # the target is an upper bound of own ÷ other

    def ratio(self, own: float, other: float) -> float:
        """How many times better zmqfast is; where the target is an upper bound, how many times its cost is."""
        return other / own if self.is_cost and not self.at_most else own / other

    def reached(self, library: str, value: float) -> bool | None:
        """Whether the ratio to this library is as wanted; None where nothing is."""
        if library not in self.targets:
            return None
        return value <= self.targets[library] if self.at_most else value >= self.targets[library]


def in_words(size: int) -> str:
    if size >= MIB:
        return f"{size // MIB} MiB"
    return f"{size // KIB} KiB" if size >= KIB else f"{size} B"


ZMQ_LIKE = ("zmqfast", "pyzmq", "pyomq")
AHEAD = 1.1         # of pyomq, wherever it can run


def cases() -> list[Case]:
    return [*calls(), *threads(), *processes(), *round_trips(), *costs()]


def calls() -> Iterator[Case]:
    """One thread, PAIR over inproc."""
    for size, target in ((16, 4.0), (64 * KIB, 1.2)):
        yield Case(f"call-{size}", f"send + recv, {in_words(size)}, one thread", "call", ZMQ_LIKE, size=size,
                   targets={"pyzmq": target, "pyomq": AHEAD})
    yield Case("multipart", "send + recv of 3 frames, one thread", "multipart", ZMQ_LIKE,
               targets={"pyzmq": 6, "pyomq": AHEAD})
    yield Case("empty", "recv(DONTWAIT) on an empty socket, with the exception", "empty", ZMQ_LIKE,
               targets={"pyzmq": 4, "pyomq": AHEAD})
    yield Case("try-recv", "try_recv() on an empty socket", "empty", ZMQ_LIKE, own_calls="try",
               targets={"pyzmq": 20, "pyomq": AHEAD})
    yield Case("events", "getsockopt(EVENTS)", "events", ZMQ_LIKE, targets={"pyzmq": 4, "pyomq": AHEAD})
    yield Case("zero-copy", "send(copy=False), 1 MiB", "zero_copy", ZMQ_LIKE, size=MIB,
               targets={"pyzmq": 2, "pyomq": AHEAD})


def threads() -> Iterator[Case]:
    """PUSH-PULL between two threads of one process."""
    libraries = ("zmqfast", "pyzmq", "c", "pyomq", "pynng")
    for size, pyzmq, c in ((16, 4.0, 0.6), (256, 4.0, 0.8), (4 * KIB, 4.0, 1.2)):
        yield Case(f"inproc-{size}", f"PUSH-PULL, two threads, {in_words(size)}", "threads", libraries, size=size,
                   targets={"pyzmq": pyzmq, "c": c, "pyomq": AHEAD})
    for size, pyzmq in ((16, 8.0), (256, 6.0), (4 * KIB, 6.0)):
        yield Case(f"inproc-many-{size}", f"send_many + recv_many, two threads, {in_words(size)}", "threads", libraries,
                   size=size, own_calls="many", targets={"pyzmq": pyzmq, "c": 1.5, "pyomq": AHEAD})
    yield Case("inproc-batch-16", "send_many + recv_batch, two threads, 16 B", "threads", libraries,
               own_calls="batch", targets={"pyzmq": 6, "c": 1.5, "pyomq": AHEAD})


def processes() -> Iterator[Case]:
    """PUSH-PULL between two processes."""
    others = ("zmqfast", "pyzmq", "c", "pyomq", "pynng", "zenoh")
    wanted = {16: (3, 0.95), 256: (2.5, 2), 4 * KIB: (2.5, 2), 64 * KIB: (1.3, 1), MIB: (1.3, 1)}
    for transport in ("tcp", "ipc"):
        # A pipe and a queue of multiprocessing are what a program on one machine would use instead of ipc.
        libraries = others if transport == "tcp" else (*others[:-1], "pipe", "queue")
        for size, (pyzmq, c) in wanted.items():
            yield Case(f"{transport}-{size}", f"PUSH-PULL, two processes, {transport}, {in_words(size)}", "stream",
                       libraries, transport, size, targets={"pyzmq": pyzmq, "c": c, "pyomq": AHEAD})
    yield Case("tcp-many-16", "send_many + recv_many, tcp, 16 B", "stream", others, "tcp", own_calls="many",
               targets={"pyzmq": 4, "c": 1.2, "pyomq": AHEAD})
    yield Case("tcp-batch-16", "send_many + recv_batch, tcp, 16 B", "stream", others, "tcp", own_calls="batch",
               targets={"pyzmq": 6, "c": 1.5, "pyomq": AHEAD})


def round_trips() -> Iterator[Case]:
    for transport in ("tcp", "ipc"):
        yield Case(f"round-trip-{transport}", f"REQ-REP round trips, {transport}, 16 B", "round_trip",
                   ("zmqfast", "pyzmq", "c", "pyomq", "pynng"), transport,
                   targets={"pyzmq": 1.2, "c": 0.95, "pyomq": AHEAD})


def costs() -> Iterator[Case]:
    """What it costs beside time in calls."""
    yield Case("import", "import", "importing", ZMQ_LIKE, unit="s", is_cost=True, targets={"pyzmq": 3, "pyomq": AHEAD})
    yield Case("connection", "resident memory of an idle tcp connection, both ends", "connection", ("zmqfast", "pyzmq"),
               "tcp", unit="B", is_cost=True, at_most=True, targets={"pyzmq": 1.5})
    yield Case("frame", "a Frame, sys.getsizeof", "frame", ("zmqfast", "pyzmq"), unit="B", is_cost=True, at_most=True,
               targets={"pyzmq": 1})
    # Allocators give back by the page, and a page or two is noise: 1 MiB is one byte for each send.
    yield Case("zero-copy-memory", "memory kept after a million zero-copy sends", "zero_copy_memory", ("zmqfast", "pyzmq"),
               size=64, unit="B", is_cost=True, at_most=True, targets={"zmqfast": MIB})
