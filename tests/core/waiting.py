"""Ways to wait for what a socket receives: `wait = waiter("poll", socket); wait(); socket.recv()`."""

from __future__ import annotations

from collections.abc import Callable

import zmqfast as zmq

WAYS = ("recv", "poll", "Poller", "Poller of descriptors")
LONGEST_MS = 30_000


def waiter(way: str, socket: zmq.Socket[bytes]) -> Callable[[], object]:
    """What returns when something is there, or with `recv` at once, as that waits by itself."""
    if way == "recv":
        return lambda: None
    if way == "poll":
        return lambda: socket.poll(LONGEST_MS)
    poller = zmq.Poller()
    if way == "Poller":
        poller.register(socket, zmq.POLLIN)
        return lambda: poller.poll(LONGEST_MS)
    poller.register(socket.FD, zmq.POLLIN)

    def wait() -> None:
        poller._sent = True             # which descriptors do not tell
        while not socket.get(zmq.EVENTS) & zmq.POLLIN:
            assert poller.poll(LONGEST_MS)

    return wait
