"""Contexts, sockets and frames, as type checkers see them."""

from typing_extensions import assert_type

import zmqfast as zmq
from zmqfast.options import IntOption

context = zmq.Context()
assert_type(context, zmq.Context[zmq.Socket[bytes]])
socket = context.socket(zmq.SUB)
assert_type(socket, zmq.Socket[bytes])
assert_type(zmq.Socket(context, zmq.PUB), zmq.Socket[bytes])

# Options.
assert_type(socket.linger, int)
assert_type(socket.LINGER, int)
assert_type(socket.last_endpoint, bytes)
assert_type(socket.type, zmq.SocketType)
assert_type(socket.socket_type, zmq.SocketType)
assert_type(zmq.Socket.linger, IntOption)
socket.linger = 0
socket.ipv6 = True
socket.identity = b"name"
socket.plain_password = None
socket.hello_msg = bytearray(b"hello")
socket.set(zmq.LINGER, 0)
assert_type(socket.get(zmq.LINGER), int | bytes)
socket.subscribe = b"news"
socket.subscribe = "news"
socket.subscribe("news")
socket.unsubscribe(b"news")
socket.typo = 1  # error: attr-defined
socket.linger = "0"  # error: assignment
socket.identity = "name"  # error: assignment
socket.subscribe(5)  # error: arg-type
assert_type(context.io_threads, int)
assert_type(context.thread_name_prefix, str)
assert_type(context.linger, int)
context.linger = 0
context.subscribe = b"news"
del context.linger
context.io_threads = "2"  # error: assignment
print(context.fd)  # error: attr-defined

# Frames and messages.
assert_type(socket.recv(), bytes)
assert_type(socket.recv(zmq.DONTWAIT, timeout=0.5), bytes)
assert_type(socket.recv(copy=False), zmq.Frame)
assert_type(socket.recv(0, False), zmq.Frame)
assert_type(socket.recv_multipart(), list[bytes])
assert_type(socket.recv_multipart(copy=False), list[zmq.Frame])
assert_type(socket.recv_into(bytearray(10)), int)
assert_type(socket.recv_string(), str)
assert_type(socket.send(b"data"), zmq.MessageTracker | None)
socket.send(memoryview(b"data"), zmq.SNDMORE)
socket.send(zmq.Frame(b"data"), copy=False, track=True)
socket.send("text")  # error: arg-type
socket.send_multipart([b"data", bytearray(b"data"), zmq.Frame()])
socket.send_multipart(["text"])  # error: list-item
frame = zmq.Frame(b"data", track=True)
assert_type(frame.bytes, bytes)
assert_type(bytes(frame), bytes)
assert_type(memoryview(frame), memoryview)
assert_type(frame.more, bool)
assert_type(frame.get(zmq.MORE), int)
assert_type(frame["Peer-Address"], str)
assert_type(frame.tracker, zmq.MessageTracker | None)

# Endpoints, polling.
with context.socket(zmq.PAIR) as pair, pair.bind("inproc://pair") as bound:
    assert_type(pair, zmq.Socket[bytes])
    assert_type(bound, zmq.Socket[bytes])
socket.connect(5)  # error: arg-type
poller = zmq.Poller()
poller.register(socket, zmq.POLLIN)
events = dict(poller.poll(1000))
assert socket in events
assert_type(socket.poll(1000), int)
assert_type(zmq.zmq_poll([(socket, zmq.POLLIN)]), list[tuple[zmq.Socket[bytes], int]])
assert_type(zmq.curve_keypair(), tuple[bytes, bytes])
zmq.proxy(socket, context)  # error: arg-type

# What only libzmq sets. Last: a type checker sees nothing after it.
socket.events = 1  # error: assignment
