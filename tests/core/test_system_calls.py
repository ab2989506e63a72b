"""What a message costs in system calls: a signal that wakes the other end is written and read, nothing is asked, and a long
frame is written whole. The messages of a conversation go out without a question for room.
"""

from __future__ import annotations

import sys

import pytest

from program import run
from zmqfast import _core

PROGRAM = """
    import ctypes, os
    import zmqfast as zmq

    library = ctypes.CDLL({library!r})
    counts = (ctypes.c_int * 4)()

    def taken():
        library.take_counts(counts)
        return dict(zip(("getpid", "poll", "read", "write"), counts))

    taken()
    os.getpid(), ctypes.CDLL(None).poll(None, 0, 0)
    seen = taken()
    assert seen["getpid"] == seen["poll"] == 1, seen    # it does count

    with zmq.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        pull.bind("inproc://counted")
        push.connect("inproc://counted")
        for _ in range(3):
            push.send(b"")
            pull.recv()
            assert pull.try_recv() is None      # from here on it has to be woken
        taken()
        for _ in range(100):
            push.send(b"")
            pull.recv()
            pull.try_recv()
        print({{name: count / 100 for name, count in taken().items()}})
"""


WRITING = """
    import ctypes
    import zmqfast as zmq

    library = ctypes.CDLL({library!r})
    counts = (ctypes.c_int * 2)()
    with zmq.Context() as context, context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        pull.bind("ipc://*")
        push.connect(pull.last_endpoint)
        push.send(b"")
        pull.recv()
        library.take_sent(counts)
        for _ in range(100):
            push.send(bytes({size}))
            pull.recv()
        library.take_sent(counts)
        print(*(count / 100 for count in counts))
"""

CONVERSING = """
    import ctypes
    import zmqfast as zmq

    library = ctypes.CDLL({library!r})
    with zmq.Context() as context, context.socket(zmq.REQ) as asks, context.socket(zmq.REP) as answers:
        answers.bind("{transport}://{address}")
        asks.connect(answers.last_endpoint)

        def converse():
            asks.send(b"question")
            answers.send(answers.recv())
            asks.recv()

        converse()
        assert library.take_controlled() > 0    # it does count
        for _ in range(100):
            converse()
        print(library.take_controlled())
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="counts by preloading a library, as Linux does"),
    pytest.mark.skipif(_core.LIBZMQ_SOURCE.startswith("system"), reason="the system's libzmq is as it is"),
]


def test_waking_the_other_end_takes_one_write_and_one_read(preloaded):
    counted = run(PROGRAM.format(library=preloaded("count_calls")))
    assert counted.strip() == "{'getpid': 0.0, 'poll': 0.0, 'read': 1.0, 'write': 1.0}"


@pytest.mark.parametrize("size, calls", [(1000, "1.0 0.0"), (32 * 1024, "0.0 1.0"), (100_000, "0.0 1.0")])
def test_a_frame_is_written_in_one_call_with_its_header(size, calls, preloaded):
    counted = run(WRITING.format(library=preloaded("count_calls"), size=size))
    assert counted.strip() == calls


@pytest.mark.parametrize("transport, address", [("tcp", "127.0.0.1:*"), ("ipc", "*")])
def test_a_conversation_never_asks_for_room(transport, address, preloaded):
    counted = run(CONVERSING.format(library=preloaded("count_calls"), transport=transport, address=address))
    assert int(counted) <= 2        # what the first round trip left to be undone
