"""zmq.backend.cython._zmq: pyzmq's compiled module; ours is zmqfast._core."""

from zmqfast._core import MessageTracker as MessageTracker
from zmqfast.compat.backend import *  # noqa: F403
from zmqfast.compat.backend import __all__ as __all__
