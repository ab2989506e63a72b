"""zmq.backend.cython: the only backend, zmqfast._core."""

from zmqfast.compat.backend import *  # noqa: F403
from zmqfast.compat.backend import __all__ as __all__
