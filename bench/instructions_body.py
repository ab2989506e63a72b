"""N operations of one kind, inproc, one thread: what bench/instructions.py counts. Arguments: operation, N."""

import os
import sys

import zmqfast as zmq

MANY = 100


def main(operation: str, count: int) -> None:
    context = zmq.Context()
    first, second = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    first.bind("inproc://pair")
    second.connect("inproc://pair")
    frame, message, many = b"x" * 16, [b"x" * 16] * 3, [b"x" * 16] * MANY
    poller = zmq.Poller()
    poller.register(second, zmq.POLLIN)
    batch = second.recv_batch(flags=zmq.DONTWAIT) if operation == "recv_batch" else None
    body = {
        "send_recv": lambda: (first.send(frame), second.recv()),
        "send_recv_multipart": lambda: (first.send_multipart(message), second.recv_multipart()),
        "poll": lambda: poller.poll(0),
        "send_many_recv_many": lambda: (first.send_many(many), second.recv_many()),
        "send_many_recv_batch": lambda: (first.send_many(many), second.recv_batch(batch)),
    }[operation]
    for _ in range(count):
        body()
    os._exit(0)


main(sys.argv[1], int(sys.argv[2]))
