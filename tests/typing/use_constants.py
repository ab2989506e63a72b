"""Constants and errors, as type checkers see them."""

from typing_extensions import assert_type

import zmqfast as zmq

assert_type(zmq.PUB, zmq.SocketType)
assert_type(zmq.LINGER, zmq.SocketOption)
assert_type(zmq.SUBSCRIBE.value, int)
assert_type(zmq.IO_THREADS, zmq.ContextOption)
assert_type(zmq.DONTWAIT | zmq.SNDMORE, zmq.Flag)
assert_type(zmq.POLLIN | zmq.POLLOUT, zmq.PollEvent)
assert_type(zmq.EVENT_CONNECTED, zmq.Event)
assert_type(zmq.EAGAIN, zmq.Errno)
assert_type(zmq.events[zmq.EVENT_CONNECTED], str)
print(zmq.TYPO)  # error: attr-defined

try:
    raise zmq.Again
except zmq.Again as error:
    assert_type(error.errno, zmq.Errno)
    assert_type(error.strerror, str)
except zmq.ZMQError as failed:
    assert_type(failed.errno, int | None)

zmq.ZMQError(zmq.EINVAL, "bind: no")
zmq.Again(zmq.EAGAIN, "ignored")
zmq.Again("recv: nothing came in time")
zmq.ZMQError(b"bytes")  # error: arg-type
zmq.ZMQVersionError("4.3.6", "steerable proxies")
