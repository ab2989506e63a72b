"""zmq.sugar.poll."""

from zmqfast._core import zmq_poll
from zmqfast.poller import Poller, select

__all__ = ["Poller", "select", "zmq_poll"]
