"""Growth curves: how speed and memory go with the size of a message, and with how many connections or subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zmqfast.cli.benchmark.cases import KIB, MIB

BATCHED = "zmqfast batched"     # a line of its own: send_many and recv_many
ZMQ = ("zmqfast", BATCHED, "pyzmq", "c", "pyomq")


@dataclass(frozen=True)
class Curve:
    """One picture: a line for each library."""

    name: str
    title: str
    kind: str                       # the measure in peer/
    grows: str                      # the field of the job that grows
    points: tuple[int, ...]
    libraries: tuple[str, ...]
    transport: str = "tcp"
    size: int = 16                  # bytes of a frame, unless it is what grows
    connections: int = 1            # the same
    quick_points: tuple[int, ...] = ()
    x: str = ""                     # what the horizontal axis says
    y: str = "messages/s"

    def job(self, library: str, point: int, seconds: float) -> tuple[str, dict[str, Any]]:
        """The library, and what its process is told."""
        calls = "many" if library == BATCHED else "one"
        job = {"kind": self.kind, "transport": self.transport, "size": self.size, "calls": calls, "seconds": seconds,
               "connections": self.connections, self.grows: point}
        return "zmqfast" if library == BATCHED else library, job


SIZES = tuple(8 ** power for power in range(9))         # 1 B to 16 MiB

CURVES = (
    Curve("size-tcp", "Size of a message: PUSH-PULL over tcp", "stream", "size", SIZES, (*ZMQ, "pynng", "zenoh"),
          x="bytes of a message", quick_points=(16, 4 * KIB, MIB)),
    Curve("size-inproc", "Size of a message: PUSH-PULL over inproc, two threads", "threads", "size", SIZES, (*ZMQ, "pynng"),
          "inproc", x="bytes of a message", quick_points=(16, 4 * KIB, MIB)),
    Curve("fan-in", "Connections into one PULL, tcp, 16 B", "stream", "connections", (1, 10, 100, 1000), (*ZMQ, "pynng"),
          x="connections", quick_points=(1, 100)),
    Curve("fan-out", "Connections out of one PUB, tcp, 16 B", "subscribe", "connections", (1, 10, 100, 1000), (*ZMQ, "pynng"),
          x="connections", y="deliveries/s", quick_points=(1, 100)),
    Curve("subscriptions", "Subscriptions of one SUB, tcp, 16 B, a topic each", "subscribe", "subscriptions",
          (1, 10, 100, 1000, 10_000, 100_000), ZMQ, x="subscriptions", y="deliveries/s", quick_points=(1, 1000)),
)
