"""pyzmq's event loop of old, for code that imports it: tornado's own loop watches ZeroMQ sockets since tornado 5."""

import warnings

from tornado.ioloop import IOLoop, PeriodicCallback

__all__ = ["IOLoop", "PeriodicCallback", "ZMQIOLoop", "install"]

ZMQIOLoop = IOLoop


def install() -> None:
    """Do nothing but warn: there is no loop to install."""
    warnings.warn("zmq.eventloop.ioloop: tornado's own loop will do, nothing is installed", DeprecationWarning, stacklevel=2)
