"""ZeroMQ in tornado's event loop: zmqstream.ZMQStream, and in `future` sockets whose calls return Futures."""

from tornado.ioloop import IOLoop

__all__ = ["IOLoop"]
