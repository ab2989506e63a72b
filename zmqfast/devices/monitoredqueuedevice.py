"""MonitoredQueue: the devices that run monitored_queue()."""

from __future__ import annotations

from zmqfast.constants import PUB
from zmqfast.devices.monitoredqueue import monitored_queue
from zmqfast.devices.proxydevice import ProcessProxy, Proxy, ProxyBase, ThreadProxy

__all__ = ["MonitoredQueue", "ProcessMonitoredQueue", "ThreadMonitoredQueue"]


class MonitoredQueueBase(ProxyBase):
    """Three sockets, as of a Proxy; copies have a prefix that says which socket received the message.

    Args:
        in_type, out_type, mon_type: socket types.
        in_prefix, out_prefix: the first frame of copies of what came through that socket.
    """

    def __init__(
        self, in_type: int, out_type: int, mon_type: int = PUB, in_prefix: bytes = b"in", out_prefix: bytes = b"out"
    ) -> None:
        super().__init__(in_type, out_type, mon_type)
        self._in_prefix = in_prefix
        self._out_prefix = out_prefix

    def run_device(self) -> None:
        """Open the sockets, and pass messages until the context ends."""
        frontend, backend, capture = self._setup_sockets()
        monitored_queue(frontend, backend, capture, self._in_prefix, self._out_prefix)


class MonitoredQueue(MonitoredQueueBase, Proxy):
    """A monitored queue in this thread."""


class ThreadMonitoredQueue(MonitoredQueueBase, ThreadProxy):
    """A MonitoredQueue in a thread. The end of its context ends it."""


class ProcessMonitoredQueue(MonitoredQueueBase, ProcessProxy):
    """A MonitoredQueue in a process, with a context of its own."""
