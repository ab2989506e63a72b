"""Poller, and select() for sockets."""

from __future__ import annotations

from zmqfast._core import Poller, zmq_poll

__all__ = ["Poller", "select"]

TYPE_CHECKING = False       # type checkers take it for true; importing typing takes longer than all of zmqfast
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

POLLIN, POLLOUT, POLLERR = 1, 2, 4      # constants.PollEvent's, which take longer to import


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
