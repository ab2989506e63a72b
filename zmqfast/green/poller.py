"""Poller and select() for gevent: other greenlets run while they wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

import zmqfast.poller
from zmqfast import _core
from zmqfast.constants import POLLERR, POLLIN, POLLOUT
from zmqfast.green.socket import Socket, Waiters

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOK_AGAIN_S = 0.1      # sockets that are not green do not tell when another greenlet has taken their edge


class Poller(zmqfast.poller.Poller):
    """A Poller that other greenlets need not wait for; of green sockets, plain ones, and descriptors."""

    def __init__(self) -> None:
        super().__init__()
        self._bells: list[Any] = []     # gevent's async watchers, which any thread may ring

    def wake(self) -> None:
        """Let those who wait in poll() return at once, or if nobody does the next one, with what is ready. From any thread."""
        super().wake()
        for bell in tuple(self._bells):
            bell.send()

    def poll(self, timeout: float | None = None) -> list[tuple[Any, int]]:
        """Wait until something is ready; returns (socket, events) pairs. `timeout` in ms; None waits for ever."""
        deadline = None if timeout is None or timeout < 0 else time.monotonic() + timeout / 1000
        changed = Event()
        watchers: list[Any] = []
        green: list[Waiters] = []
        bell = gevent.get_hub().loop.async_()
        bell.start(changed.set)
        self._bells.append(bell)
        try:
            while True:
                changed.clear()
                woken, self._woken = self._woken, False
                ready = _core.zmq_poll(self.sockets, 0)
                left_s = None if deadline is None else deadline - time.monotonic()
                if ready or woken or (left_s is not None and left_s <= 0):
                    gevent.sleep(0)
                    return ready
                if not watchers and not green:
                    self._watch(changed, watchers, green)
                    continue        # something may have come in between
                if len(green) < sum(isinstance(source, _core.Socket) for source, _ in self.sockets):
                    left_s = LOOK_AGAIN_S if left_s is None else min(left_s, LOOK_AGAIN_S)
                changed.wait(left_s)
        finally:
            self._bells.remove(bell)
            for waiters in green:
                waiters.remove(changed)
            for watcher in (bell, *watchers):
                watcher.stop()
                watcher.close()

    def _watch(self, changed: Event, watchers: list[Any], green: list[Waiters]) -> None:
        """Have `changed` set when one of the sockets may have become ready."""
        loop = gevent.get_hub().loop
        for source, flags in self.sockets:
            if isinstance(source, Socket):
                source._waiters.add(changed, flags, source.fileno())
                green.append(source._waiters)
                continue
            descriptor = source if isinstance(source, int) else source.fileno()
            events = POLLIN if isinstance(source, _core.Socket) else flags & (POLLIN | POLLOUT)
            if events:              # POLLIN and POLLOUT are also gevent's READ and WRITE
                watchers.append(loop.io(descriptor, int(events)))
                watchers[-1].start(changed.set)


def select(
    rlist: Sequence[Any], wlist: Sequence[Any], xlist: Sequence[Any], timeout: float | None = None
) -> tuple[list[Any], list[Any], list[Any]]:
    """select.select() for sockets as well; other greenlets run while it waits. `timeout` in seconds."""
    poller = Poller()
    wanted: dict[Any, int] = {}
    for flag, sockets in ((POLLIN, rlist), (POLLOUT, wlist), (POLLERR, xlist)):
        for socket in sockets:
            wanted[socket] = wanted.get(socket, 0) | flag
    for socket, flags in wanted.items():
        poller.register(socket, flags)
    ready = poller.poll(-1 if timeout is None or timeout < 0 else timeout * 1000)
    reading = [socket for socket, events in ready if events & POLLIN]
    writing = [socket for socket, events in ready if events & POLLOUT]
    failing = [socket for socket, events in ready if events & POLLERR]
    return reading, writing, failing
