"""Poller: wait for several sockets and descriptors at once."""

from __future__ import annotations

from zmqfast._core import zmq_poll

TYPE_CHECKING = False       # type checkers take it for true; importing typing takes longer than all of zmqfast
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

POLLIN, POLLOUT, POLLERR = 1, 2, 4      # constants.PollEvent's, which take longer to import


class Poller:
    """A set of sockets, descriptors and objects with fileno(), each with the events that are of interest."""

    sockets: list[tuple[Any, int]]

    def __init__(self) -> None:
        self.sockets = []
        self._index: dict[Any, int] = {}

    def __contains__(self, socket: Any) -> bool:
        return socket in self._index

    def register(self, socket: Any, flags: int = POLLIN | POLLOUT) -> None:
        """Watch `socket` for `flags`, or change its flags; 0 takes it out again.

        Args:
            socket: a Socket, a file descriptor, or an object with fileno().
            flags: POLLIN, POLLOUT, POLLERR, POLLPRI, or'ed.
        """
        if not flags:
            if socket in self._index:
                self.unregister(socket)
        elif socket in self._index:
            self.sockets[self._index[socket]] = (socket, flags)
        else:
            self._index[socket] = len(self.sockets)
            self.sockets.append((socket, flags))

    def modify(self, socket: Any, flags: int = POLLIN | POLLOUT) -> None:
        """register() under its other name."""
        self.register(socket, flags)

    def unregister(self, socket: Any) -> None:
        """Watch `socket` no longer.

        Raises:
            KeyError: it was not registered.
        """
        place = self._index.pop(socket)
        del self.sockets[place]
        for other, _ in self.sockets[place:]:
            self._index[other] -= 1

    def poll(self, timeout: float | None = None) -> list[tuple[Any, int]]:
        """Wait until something is ready; returns (socket, events) pairs in the order of registration.

        An object with fileno() is reported as its descriptor.

        Args:
            timeout: ms; None or negative waits for ever, 0 not at all.
        Raises:
            ZMQError: a registered socket is closed (ENOTSOCK).
        """
        return zmq_poll(self.sockets, -1 if timeout is None or timeout < 0 else timeout)


def select(
    rlist: Sequence[Any], wlist: Sequence[Any], xlist: Sequence[Any], timeout: float | None = None
) -> tuple[list[Any], list[Any], list[Any]]:
    """select.select() for sockets as well.

    Args:
        rlist, wlist, xlist: Sockets, descriptors, or objects with fileno(), to read, to write, and for errors.
        timeout: seconds; None waits for ever.
    """
    wanted: dict[Any, int] = {}
    for flag, sockets in ((POLLIN, rlist), (POLLOUT, wlist), (POLLERR, xlist)):
        for socket in sockets:
            wanted[socket] = wanted.get(socket, 0) | flag
    ready = zmq_poll(list(wanted.items()), -1 if timeout is None or timeout < 0 else timeout * 1000)
    reading = [socket for socket, events in ready if events & POLLIN]
    writing = [socket for socket, events in ready if events & POLLOUT]
    failing = [socket for socket, events in ready if events & POLLERR]
    return reading, writing, failing
