"""zmqfast for gevent: `import zmqfast.green as zmq`. Waiting lets other greenlets run; everything else is zmqfast's."""

import zmqfast
from zmqfast import *
from zmqfast.green.device import device      # type: ignore[assignment]   # pyzmq names its arguments otherwise
from zmqfast.green.poller import Poller, select
from zmqfast.green.socket import Context, Socket

__all__ = [*zmqfast.__all__, "device"]
