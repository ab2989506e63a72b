"""N operations of one kind, inproc, one thread: what bench/instructions.py counts. Arguments: operation, N, largest N."""

import os
import sys

import zmqfast as zmq

MANY = 100
LONG = 4096     # bytes: over inproc a frame of that length is lent


def main(operation: str, count: int, largest: int) -> None:
    context = zmq.Context()
    first, second = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    first.hwm = second.hwm = 0
    first.bind("inproc://pair")
    second.connect("inproc://pair")
    frame, message, many = b"x" * 16, [b"x" * 16] * 3, [b"x" * 16] * MANY
    long, middle = b"x" * LONG, bytearray(LONG)
    poller = zmq.Poller()
    poller.register(second, zmq.POLLIN)
    batch = zmq.Batch()
    body = {
        "send": lambda: first.send(frame),
        "recv": second.recv,
        "send_recv_copied": lambda: (first.send(middle), second.recv()),
        "send_recv_lent": lambda: (first.send(long), second.recv()),
        "send_recv_frame": lambda: (first.send(long), second.recv(copy=False)),
        "send_multipart": lambda: first.send_multipart(message),
        "recv_multipart": second.recv_multipart,
        "poll": lambda: poller.poll(0),
        "try_recv": second.try_recv,
        "send_many": lambda: first.send_many(many),
        "recv_many": lambda: second.recv_many(MANY),
        "recv_batch": lambda: second.recv_batch(batch, MANY),
    }[operation]
    waiting = {"recv": lambda: first.send(frame), "recv_multipart": lambda: first.send_multipart(message),
               "recv_many": lambda: first.send_many(many), "recv_batch": lambda: first.send_many(many)}.get(operation)
    if waiting:
        for _ in range(largest):    # as many whatever N is, so that the difference of two runs is of the receives alone
            waiting()
    for _ in range(count):
        body()
    os._exit(0)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
