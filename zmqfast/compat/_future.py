"""zmq._future: the sockets whose calls return Futures, as annotations and isinstance() name them."""

from zmqfast.asyncio import Poller as _AsyncPoller
from zmqfast.asyncio import Socket as _AsyncSocket

__all__ = ["_AsyncPoller", "_AsyncSocket"]
