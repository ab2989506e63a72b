"""pyzmq's event loop of old, for code that imports it: tornado's own loop watches ZeroMQ sockets since tornado 5."""

from tornado.ioloop import IOLoop, PeriodicCallback

__all__ = ["IOLoop", "PeriodicCallback", "ZMQIOLoop", "install"]

ZMQIOLoop = IOLoop


def install() -> None:
    """Do nothing: there is no loop to install."""
