"""ProxySteerable: a Proxy that obeys PAUSE, RESUME, TERMINATE and STATISTICS messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqfast._core import proxy_steerable
from zmqfast.constants import PUB
from zmqfast.devices.proxydevice import ProcessProxy, Proxy, ProxyBase, ThreadProxy

if TYPE_CHECKING:
    from zmqfast.socket import Socket

__all__ = ["ProcessProxySteerable", "ProxySteerable", "ThreadProxySteerable"]


class ProxySteerableBase(ProxyBase):
    """Four sockets: those of a Proxy, and control ("ctrl"), which takes the orders: see proxy_steerable().

    Args:
        in_type, out_type, mon_type, ctrl_type: socket types; control is a PAIR, SUB, PULL, REP …
    """

    def __init__(self, in_type: int, out_type: int, mon_type: int = PUB, ctrl_type: int | None = None) -> None:
        super().__init__(in_type, out_type, mon_type)
        self.ctrl_type = ctrl_type
        self._ctrl_binds: list[str] = []
        self._ctrl_connects: list[str] = []
        self._ctrl_sockopts: list[tuple[int, Any]] = []

    def bind_ctrl(self, addr: str) -> None:
        """Bind the control socket to an endpoint, when the device starts."""
        self._ctrl_binds.append(addr)

    def bind_ctrl_to_random_port(self, addr: str, *args: int, **kwargs: int) -> int:
        """Choose a free port of `addr` for the control socket, and return it, as bind_in_to_random_port() does."""
        return self._choose_port(self._ctrl_binds, addr, *args, **kwargs)

    def connect_ctrl(self, addr: str) -> None:
        """Connect the control socket to an endpoint, when the device starts."""
        self._ctrl_connects.append(addr)

    def setsockopt_ctrl(self, opt: int, value: Any) -> None:
        """Set an option of the control socket, when the device starts: before it is bound and connected."""
        self._ctrl_sockopts.append((opt, value))

    def _setup_sockets(self) -> tuple[Socket[Any], ...]:
        if self.ctrl_type is None:
            raise TypeError("ctrl_type must be specified")
        sockets = super()._setup_sockets()
        control = self._open(
            sockets[0].context, self.ctrl_type, self._ctrl_sockopts, self._ctrl_binds, self._ctrl_connects)  # type: ignore[arg-type]
        return *sockets, control

    def run_device(self) -> None:
        """Open the sockets, and proxy until TERMINATE comes or the context ends."""
        proxy_steerable(*self._setup_sockets())


class ProxySteerable(ProxySteerableBase, Proxy):
    """A steerable proxy in this thread."""


class ThreadProxySteerable(ProxySteerableBase, ThreadProxy):
    """A ProxySteerable in a thread. TERMINATE or the end of its context ends it."""


class ProcessProxySteerable(ProxySteerableBase, ProcessProxy):
    """A ProxySteerable in a process, with a context of its own. TERMINATE ends it."""
