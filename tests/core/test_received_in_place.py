"""A long frame is read into the memory of the bytes object that it is received as, where Python's allocators allow that."""

from __future__ import annotations

import ctypes
import gc
import io
import os
import sys
import sysconfig

import pytest

import zmqfast as zmq
from program import run

COPIED_BELOW = 8192         # bytes: body.h
LENGTHS = (COPIED_BELOW - 1, COPIED_BELOW, COPIED_BELOW + 1, 65_535, 65_536, 100_003, 3_000_000)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
in_place = pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="has another allocator, so frames are copied")

# Receives from another process; prints how many times the frame was in memory.
RECEIVE = """
    import subprocess
    import sys
    import zmqfast as zmq

    LENGTH = {length}

    def peak():     # of resident memory, in bytes
        status = dict(line.split(":") for line in open("/proc/self/status"))
        return int(status["VmHWM"].split()[0]) << 10

    if sys.argv[1] == "send":
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.connect(sys.argv[2])
            push.send(bytes(range(256)) * (LENGTH // 256))
    else:
        with zmq.Context() as context, context.socket(zmq.PULL) as pull:
            pull.bind("ipc://" + sys.argv[1])
            sender = subprocess.Popen([sys.executable, "-c", sys.orig_argv[-2], "send", pull.last_endpoint])
            before = peak()
            received = pull.recv()
            grown = peak() - before
            assert sender.wait() == 0
        assert received == bytes(range(256)) * (LENGTH // 256)
        print(grown / LENGTH)
"""


def contents(length: int) -> bytes:
    return os.urandom(997) * (length // 997) + b"x" * (length % 997)


@in_place
@on_linux
@pytest.mark.skipif("ZMQFAST_SANITIZED" in os.environ, reason="sanitizers keep memory of their own")
def test_a_long_frame_is_there_once(ipc_folder):
    assert 0.9 < float(run(RECEIVE.format(length=128 << 20), f"{ipc_folder}/once")) < 1.5


@pytest.mark.parametrize("allocator", ["default", "debug", "pymalloc", "pymalloc_debug", "malloc", "malloc_debug"])
@on_linux
def test_with_each_of_pythons_allocators(monkeypatch, ipc_folder, allocator):
    if sysconfig.get_config_var("Py_GIL_DISABLED") and "malloc" in allocator:
        pytest.skip("a Python without a GIL has mimalloc alone")
    monkeypatch.setenv("PYTHONMALLOC", allocator)
    run(RECEIVE.format(length=1 << 20), f"{ipc_folder}/{allocator}")


@pytest.mark.parametrize("when", ["import tracemalloc; tracemalloc.start(); import zmqfast",
                                  "import zmqfast; import tracemalloc; tracemalloc.start()"], ids=["before", "after"])
def test_where_memory_is_traced(when):
    assert run(f"""
        {when}
        import zmqfast as zmq
        with zmq.Context() as context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
            push.connect("tcp://127.0.0.1:%d" % pull.bind_to_random_port("tcp://127.0.0.1"))
            for _ in range(20):
                push.send(b"abc" * 100_000)
                received = pull.recv()
                assert received == b"abc" * 100_000
                copied = received + b"."
                del received
            tracemalloc.stop()
            push.send(b"abc" * 100_000)
            print(pull.recv() == b"abc" * 100_000)
    """) == "True\n"


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_received_is_a_bytes_object_like_any_other(pair, length):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    sent = contents(length)
    push.send(bytearray(sent))
    received = pull.recv()
    assert type(received) is bytes and len(received) == length
    assert received == sent and hash(received) == hash(sent) and {sent: 1}[received] == 1
    assert sys.getsizeof(received) == sys.getsizeof(sent)
    assert sys.getrefcount(received) == sys.getrefcount(sent)
    assert ctypes.string_at(ctypes.cast(ctypes.c_char_p(received), ctypes.c_void_p), length + 1) == sent + b"\0"


@pytest.mark.parametrize("length", LENGTHS)
def test_it_can_be_made_longer_and_shorter_where_it_is(pair, length):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    push.send(bytearray(b"a" * length))
    file = io.BytesIO(pull.recv())      # changes the object itself, as nobody else has it
    file.seek(0, io.SEEK_END)
    file.write(b"b" * length)
    assert file.getvalue() == b"a" * length + b"b" * length
    file.truncate(length // 2)
    assert file.getvalue() == b"a" * (length // 2)


@pytest.mark.parametrize("receive", ["recv", "try_recv", "recv_many", "recv_multipart", "frame"])
def test_each_way_to_receive_in_one_process(pair, receive):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    bodies = [contents(length) for length in LENGTHS]
    for body in bodies:
        push.send(bytearray(body))
    got: list[bytes] = []
    while len(got) < len(bodies):
        assert pull.poll(20_000)
        if receive == "try_recv":
            got.append(pull.try_recv())
        elif receive == "recv_many":
            got += pull.recv_many()
        elif receive == "recv_multipart":
            got += pull.recv_multipart()
        elif receive == "frame":
            got.append(pull.recv(copy=False).bytes)
        else:
            got.append(pull.recv())
    assert got == bodies


def test_parts_of_a_message_and_what_belongs_to_it(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    frames = [contents(20_000), b"", contents(70_000), b"x" * 33, contents(9000)]
    for _ in range(3):
        push.send_multipart([bytearray(frame) for frame in frames])
        first = pull.recv()
        assert pull.rcvmore
        assert [first, *pull.recv_multipart()] == frames
        assert not pull.rcvmore


@pytest.mark.parametrize("kept", [0, 1])
def test_a_frame_that_is_sent_on_to_two_is_one_body_with_two_owners(pair, context, fresh_endpoint, kept):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    ends = [(context.socket(zmq.PAIR), context.socket(zmq.PAIR)) for _ in range(2)]
    for near, far in ends:
        endpoint = fresh_endpoint("inproc")
        far.bind(endpoint)
        near.connect(endpoint)
    body = contents(50_000)
    push.send(bytearray(body))
    frame = pull.recv(copy=False)
    for near, _ in ends:
        near.send(frame, copy=False)
    if not kept:
        del frame
        gc.collect()
    first = ends[0][1].recv()
    second = ends[1][1].recv()
    assert first == body and second == body
    del first
    gc.collect()
    assert second == body
    if kept:
        assert frame.bytes == body


def test_it_outlives_its_socket_and_its_context(fresh_endpoint):
    with zmq.Context() as context, context.socket(zmq.PULL) as pull, context.socket(zmq.PUSH) as push:
        pull.bind(fresh_endpoint("tcp"))
        push.connect(pull.last_endpoint)
        push.send(bytearray(contents(1000) * 100))
        push.send(b"nobody receives this" * 1000)
        received = pull.recv()
    assert len(received) == 100_000 and received[:1000] == received[-1000:]


@pytest.mark.skipif(not zmq.has("curve"), reason="libzmq was built without CURVE")
def test_over_curve_where_a_body_is_shorter_than_its_memory(context, fresh_endpoint):
    public, secret = zmq.curve_keypair()
    pull, push = context.socket(zmq.PULL), context.socket(zmq.PUSH)
    pull.curve_server, pull.curve_secretkey = True, secret
    push.curve_serverkey = public
    push.curve_publickey, push.curve_secretkey = zmq.curve_keypair()
    pull.bind(fresh_endpoint("tcp"))
    push.connect(pull.last_endpoint)
    for length in LENGTHS:
        body = contents(length)
        push.send(bytearray(body))
        received = pull.recv(timeout=30)
        assert received == body
        assert ctypes.string_at(ctypes.cast(ctypes.c_char_p(received), ctypes.c_void_p), length + 1)[-1:] == b"\0"
