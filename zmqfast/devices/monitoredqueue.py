"""monitored_queue(): a proxy whose copies say which way the message went, and that can join two ROUTERs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqfast.constants import DONTWAIT, POLLIN, POLLOUT, ROUTER
from zmqfast.errors import Again
from zmqfast.poller import Poller

if TYPE_CHECKING:
    from zmqfast.socket import Socket

__all__ = ["monitored_queue"]

RUN_OF_MESSAGES = 1000      # that go one way before the other way gets its turn


def monitored_queue(
    in_socket: Socket[Any],
    out_socket: Socket[Any],
    mon_socket: Socket[Any],
    in_prefix: bytes = b"in",
    out_prefix: bytes = b"out",
) -> None:
    """Pass messages between two sockets until the context ends; `mon_socket` sends a copy of each behind a prefix.

    Between two ROUTERs the first two frames change places: a message for B from A arrives at B as one from A. A way
    whose receiver has no room waits, and does not hold up the other way.

    Args:
        in_prefix: the first frame of copies of what `in_socket` received.
        out_prefix: the first frame of copies of what `out_socket` received.
    Raises:
        ContextTerminated: the context ended (ETERM).
    """
    for socket in (in_socket, out_socket, mon_socket):
        if not hasattr(socket, "recv_multipart"):
            raise TypeError(f"monitored_queue takes sockets, not {socket!r}")
    swap = in_socket.socket_type == out_socket.socket_type == ROUTER
    ways = [Way(in_socket, out_socket, mon_socket, bytes(in_prefix), swap)]
    if out_socket is not in_socket:
        ways.append(Way(out_socket, in_socket, mon_socket, bytes(out_prefix), swap))
    poller = Poller()
    while True:
        for socket in {in_socket, out_socket}:
            flags = 0
            for way in ways:
                flags |= way.flags_for(socket)
            poller.register(socket, flags)      # 0 takes it out
        events = dict(poller.poll())
        for way in ways:
            way.relay(events)


class Way:
    """From one socket to the other."""

    def __init__(
        self, source: Socket[Any], target: Socket[Any], capture: Socket[Any], prefix: bytes, swap: bool
    ) -> None:
        self.source = source
        self.target = target
        self.capture = capture
        self.prefix = prefix
        self.swap = swap
        self.waits_for_room = False     # there was something to receive, but the target had no room

    def flags_for(self, socket: Socket[Any]) -> int:
        """What this way waits for on a socket."""
        if self.waits_for_room:
            return POLLOUT if socket is self.target else 0
        return POLLIN if socket is self.source else 0

    def relay(self, events: dict[Any, int]) -> None:
        """Pass on what is there, while there is room for it."""
        if self.waits_for_room:
            if not events.get(self.target, 0) & POLLOUT:
                return
        elif not events.get(self.source, 0) & POLLIN:
            return
        for _ in range(RUN_OF_MESSAGES):
            self.waits_for_room = not self.target.poll(0, POLLOUT)
            if self.waits_for_room:
                return
            try:
                frames = self.source.recv_multipart(DONTWAIT, copy=False)
            except Again:
                return
            if self.swap:
                frames[:2] = frames[1::-1]
            self.capture.send_multipart([self.prefix, *frames], copy=False)
            self.target.send_multipart(frames, copy=False)
