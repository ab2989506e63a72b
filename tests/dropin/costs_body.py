"""Calls of a socket, counted by callgrind: what test_costs.py runs. Argument: how zmq is imported.

getppid() marks the ends of what is counted: callgrind is told to write down what it has at each.
"""

import gc
import os
import sys

COUNT = 200
FRAME = b"x" * 16
MESSAGE = [FRAME] * 3


def module(way: str):
    if way == "core":
        from zmqfast import _core as zmq
    elif way == "zmqfast":
        import zmqfast as zmq
    else:
        import zmqfast

        zmqfast.install_as_zmq()
        import zmq
    return zmq


def calls(zmq):
    """Each call by its name, and what is to be done before as often."""
    from zmqfast.constants import EVENTS, LINGER, PAIR

    context = zmq.Context()
    first, second = zmq.Socket(context, PAIR), zmq.Socket(context, PAIR)
    first.bind("inproc://pair")
    second.connect("inproc://pair")
    buffer, batch = bytearray(16), zmq.Batch()
    idle = zmq.Socket(context, PAIR)
    return {
        "send": (lambda: first.send(FRAME), None),
        "recv": (lambda: second.recv(), None),
        "send_multipart": (lambda: first.send_multipart(MESSAGE), None),
        "recv_multipart": (lambda: second.recv_multipart(), None),
        "try_send": (lambda: first.try_send(FRAME), None),
        "try_recv": (lambda: second.try_recv(), None),
        "recv_into": (lambda: second.recv_into(buffer), lambda: first.send(FRAME)),
        "send_many": (lambda: first.send_many(MESSAGE), None),
        "recv_many": (lambda: second.recv_many(3), None),
        "recv_batch": (lambda: second.recv_batch(batch, 3), lambda: first.send_many(MESSAGE)),
        "poll": (lambda: idle.poll(0), None),
        "get": (lambda: idle.get(EVENTS), None),
        "set": (lambda: idle.set(LINGER, 0), None),
    }


def main(way: str) -> None:
    everything = calls(module(way))
    gc.disable()
    for turn in ("warm up", "count"):
        for call, before in everything.values():
            if before is not None:
                for _ in range(COUNT):
                    before()
            if turn == "count":
                os.getppid()
            for _ in range(COUNT):
                call()
            if turn == "count":
                os.getppid()
    print(*everything, flush=True)
    os._exit(0)


main(sys.argv[1])
