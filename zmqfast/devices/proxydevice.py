"""Proxy: a Device that also sends a copy of every message to a third socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqfast._core import proxy
from zmqfast.constants import PUB, QUEUE
from zmqfast.devices.basedevice import Device, ProcessDevice, ThreadDevice

if TYPE_CHECKING:
    from zmqfast.socket import Socket

__all__ = ["ProcessProxy", "Proxy", "ThreadProxy"]


class ProxyBase(Device):
    """Three sockets: frontend ("in"), backend ("out"), and capture ("mon"), which gets a copy of every message.

    Args:
        in_type, out_type, mon_type: socket types; capture is a PUB, PUSH, PAIR, DEALER …
    """

    def __init__(self, in_type: int, out_type: int, mon_type: int = PUB) -> None:
        super().__init__(QUEUE, in_type, out_type)
        self.mon_type = mon_type
        self._mon_binds: list[str] = []
        self._mon_connects: list[str] = []
        self._mon_sockopts: list[tuple[int, Any]] = []

    def bind_mon(self, addr: str) -> None:
        """Bind the capture socket to an endpoint, when the device starts."""
        self._mon_binds.append(addr)

    def bind_mon_to_random_port(self, addr: str, *args: int, **kwargs: int) -> int:
        """Choose a free port of `addr` for the capture socket, and return it, as bind_in_to_random_port() does."""
        return self._choose_port(self._mon_binds, addr, *args, **kwargs)

    def connect_mon(self, addr: str) -> None:
        """Connect the capture socket to an endpoint, when the device starts."""
        self._mon_connects.append(addr)

    def setsockopt_mon(self, opt: int, value: Any) -> None:
        """Set an option of the capture socket, when the device starts: before it is bound and connected."""
        self._mon_sockopts.append((opt, value))

    def _setup_sockets(self) -> tuple[Socket[Any], ...]:
        frontend, backend = super()._setup_sockets()
        capture = self._open(
            frontend.context, self.mon_type, self._mon_sockopts, self._mon_binds, self._mon_connects)  # type: ignore[arg-type]
        return frontend, backend, capture

    def run_device(self) -> None:
        """Open the sockets, and proxy until the context ends."""
        proxy(*self._setup_sockets())


class Proxy(ProxyBase):
    """A proxy with a capture socket, in this thread."""


class ThreadProxy(ProxyBase, ThreadDevice):
    """A Proxy in a thread. The end of its context ends it."""


class ProcessProxy(ProxyBase, ProcessDevice):
    """A Proxy in a process, with a context of its own."""
