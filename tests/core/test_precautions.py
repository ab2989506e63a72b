"""Mistakes that libzmq aborts on or never returns from: each is an error here, and the process goes on.

A program of its own for each, because without the precaution it would not end by itself.
"""

from __future__ import annotations

import os

import pytest

import zmqfast as zmq
from program import run

BEGIN = """
import os, sys, time
import zmqfast as zmq

def refused(call, *arguments):
    try:
        call(*arguments)
    except zmq.ZMQError as error:
        print(error)
    else:
        print("accepted")

context = zmq.Context()

import warnings
warnings.simplefilter("ignore", ResourceWarning)

def opened(kind, **options):
    socket = context.socket(kind)
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = 5000
    for name, value in options.items():
        setattr(socket, name, value)
    return socket
"""
END = """
context.destroy(linger=0)
print("end")
"""


def lines_of(source: str) -> list[str]:
    *lines, end = run(BEGIN + source + END).splitlines()
    assert end == "end"
    return lines


# -- libzmq's own mistakes, put right in the copy that is built in ------------------------------------------------------

built_in = pytest.mark.skipif(
    zmq._core.LIBZMQ_SOURCE.startswith("system") or not zmq.DRAFT_API, reason="the installed libzmq is as it is")


@built_in
def test_both_ends_may_close_in_the_middle_of_a_message():
    """Of several frames, some of them written: one of some thousand turns ended the process."""
    assert lines_of("""
for turn in range(500):
    pull = opened(zmq.PULL, rcvhwm=1, rcvbuf=4096)
    push = opened(zmq.PUSH, sndhwm=1, sndbuf=4096)
    pull.bind("tcp://127.0.0.1:*")
    push.connect(pull.last_endpoint.rstrip(b"\\0").decode())
    push.wait_connected(timeout=10)
    while push.try_send([b"x" * 300_000] * 3):
        pass
    for socket in (push, pull)[:: 1 - 2 * (turn % 2)]:
        socket.close()
print("done")
""") == ["done"]


@built_in
def test_a_peer_leaves_that_would_have_had_a_disconnect_message():
    """Its pipe was no more: a segmentation fault in the reaper's thread."""
    lines_of("""
for _ in range(20):
    router, dealer = opened(zmq.ROUTER, disconnect_msg=b"has gone"), opened(zmq.DEALER)
    router.bind("inproc://x")
    dealer.connect("inproc://x")
    router.close()
    other = opened(zmq.ROUTER)
    while True:             # once the reaper has begun with the first
        try:
            other.bind("inproc://x")
            break
        except zmq.ZMQError:
            pass
    dealer.poll(0)          # sees that its peer goes
    dealer.close()
    other.unbind("inproc://x")
""")


@built_in
@pytest.mark.parametrize("option", ["hello_msg", "disconnect_msg"])
def test_a_waiting_peer_leaves_before_it_could_be_greeted(option):
    """`Assertion failed: written`."""
    lines_of(f"""
for _ in range(20):
    opened(zmq.DEALER).connect("inproc://x")    # and closed: nothing refers to it
    router = opened(zmq.ROUTER, {option}=b"a greeting of more than thirty-three bytes")
    while True:
        try:
            router.bind("inproc://x")
            break
        except zmq.ZMQError:
            pass
    router.poll(0)
    router.close()
""")


# -- socket types -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("endpoint", ["inproc://x", "ws://127.0.0.1:*", "tcp://127.0.0.1:*", "ipc://*"])
def test_stream_and_dgram_are_refused_where_they_cannot_speak(endpoint):
    for kind, speaks in (("STREAM", ("tcp", "ipc")), ("DGRAM", ("udp",))):
        if kind == "DGRAM" and not zmq.DRAFT_API:
            continue
        (line,) = lines_of(f"refused(opened(zmq.{kind}).bind, {endpoint!r})")
        if endpoint.startswith(speaks):
            assert line == "accepted"
        else:
            assert line.startswith(f"bind {endpoint} with a {kind} socket: ")


@pytest.mark.skipif(not zmq.DRAFT_API, reason="libzmq was built without its draft API")
@pytest.mark.parametrize("first, second", [("bind", "connect"), ("connect", "bind")])
def test_the_peer_of_a_dish_over_inproc_is_a_radio(first, second):
    lines = lines_of(f"""
dish, pull, radio = opened(zmq.DISH), opened(zmq.PULL), opened(zmq.RADIO)
dish.{first}("inproc://x")
refused(pull.{second}, "inproc://x")
radio.{second}("inproc://x")
dish.join("g")
""")
    assert lines[0].startswith(f"{second} inproc://x: the peer of a DISH socket is a RADIO: ")


# -- inproc, before anybody has bound -----------------------------------------------------------------------------------

def test_a_pair_does_not_bind_where_several_wait_and_one_of_them_routes():
    (line,) = lines_of("""
for kind in (zmq.PAIR, zmq.ROUTER):
    opened(kind).connect("inproc://x")
refused(opened(zmq.PAIR).bind, "inproc://x")
""")
    assert line.startswith("bind inproc://x: it has more than one peer already: ")


def test_a_router_may_leave_an_endpoint_where_nobody_has_bound():
    lines = lines_of("""
for kind in (zmq.ROUTER, zmq.REP):
    router = opened(kind)
    router.connect("inproc://x")
    router.disconnect("inproc://x")
    try:
        router.recv(zmq.DONTWAIT)
    except zmq.ZMQError:
        pass
    opened(zmq.PAIR).bind("inproc://x")
    context.destroy(linger=0)
    context = zmq.Context()
""")
    assert lines == []


@pytest.mark.parametrize("kind", ["PUB", "DEALER", "PULL", "PUSH"])
@pytest.mark.parametrize("leave", ["disconnect('inproc://x')", "close()"])
def test_a_conflating_socket_may_leave_an_endpoint_where_nobody_has_bound(kind, leave):
    assert lines_of(f"""
socket = opened(zmq.{kind}, conflate=1)
socket.connect("inproc://x")
socket.{leave}
""") == []


def test_a_conflating_socket_may_connect_first():
    assert lines_of("""
pull, push = opened(zmq.PULL, conflate=1), opened(zmq.PUSH)
pull.connect("inproc://x")
push.bind("inproc://x")
push.send(b"old")
push.send(b"new")
print(pull.recv())
""") == ["b'new'"]


def test_a_conflating_sub_connects_after_its_peer_has_bound():
    lines = lines_of("""
sub = opened(zmq.SUB, conflate=1, subscribe=b"")
refused(sub.connect, "inproc://x")
pub = opened(zmq.PUB)
pub.bind("inproc://x")
sub.connect("inproc://x")
pub.send(b"new")
print(sub.recv())
""")
    assert lines[0].startswith("connect inproc://x: with CONFLATE a SUB connects after its peer has bound: ")
    assert lines[1] == "b'new'"


# -- monitors -----------------------------------------------------------------------------------------------------------

def test_a_monitor_that_nobody_reads_stops_nothing():
    assert lines_of("""
socket = opened(zmq.PULL)
socket.monitor("inproc://monitor")
socket.bind("tcp://127.0.0.1:*")
reader = opened(zmq.PAIR)
reader.connect("inproc://monitor")
socket.bind("tcp://127.0.0.1:*")
print(len(reader.recv_multipart()))
reader.disconnect("inproc://monitor")
socket.bind("tcp://127.0.0.1:*")
""") == ["2"]


def test_a_reader_may_connect_before_its_monitor():
    assert lines_of("""
reader, socket = opened(zmq.PAIR), opened(zmq.PULL)
reader.connect("inproc://monitor")
socket.monitor("inproc://monitor")
socket.bind("tcp://127.0.0.1:*")
print(len(reader.recv_multipart()))
reader.close()
socket.bind("tcp://127.0.0.1:*")
""") == ["2"]


def test_the_reading_end_of_a_monitor_is_one_pair():
    lines = lines_of("""
socket, other = opened(zmq.PULL), opened(zmq.DEALER)
socket.monitor("inproc://monitor")
refused(other.connect, "inproc://monitor")
other.connect("inproc://else")
refused(socket.monitor, "inproc://else")
refused(opened(zmq.PULL).monitor, "inproc://monitor")
refused(socket.monitor, "tcp://127.0.0.1:*")
refused(socket.monitor, "inproc://events", 1 << 20)
socket.bind("tcp://127.0.0.1:*")
""")
    assert lines[0].startswith("connect inproc://monitor: the reading end of a monitor is a PAIR: ")
    assert lines[1].startswith("monitor inproc://else: what has connected there is not one PAIR: ")
    assert lines[2] == f"monitor inproc://monitor: {zmq.strerror(zmq.EADDRINUSE)}"
    assert lines[3].startswith("monitor tcp://127.0.0.1:*: ")
    assert lines[4].startswith("monitor inproc://events for events 0x100000: ")


# -- pgm and norm -------------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not zmq.has("pgm"), reason="libzmq was built without OpenPGM")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give its rights up")
def test_pgm_without_the_right_to_raw_sockets_is_refused():
    (line,) = lines_of("""
import zmqfast.constants, zmqfast.endpoint_checks      # from where nobody may read
os.setgroups([])
os.setuid(65534)
refused(opened(zmq.PUB).bind, "pgm://127.0.0.1;239.192.1.1:5555")
""")
    assert line.endswith("239.192.1.1:5555: Operation not permitted")


norm = pytest.mark.skipif(not zmq.has("norm"), reason="libzmq was built without NORM")

FREE_PORT = """
import socket as python_socket
with python_socket.socket(type=python_socket.SOCK_DGRAM) as trial:
    trial.bind(("", 0))
    port = trial.getsockname()[1]
"""


@norm
@pytest.mark.parametrize("place", ["x", ",;:", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "[::1]:6004",
                                   "no-such-interface;239.1.1.1:6001", "name.invalid:6001"])
def test_norm_with_an_address_that_is_none_is_refused(place):
    lines = lines_of(f"""
refused(opened(zmq.PUB).bind, "norm://{place}")
refused(opened(zmq.SUB).connect, "norm://{place}")
""")
    assert [line.startswith(f"{call} norm://{place}: ") for line, call in zip(lines, ("bind", "connect"))] == [True, True]


@norm
@pytest.mark.parametrize("first, second", [("PUB", "SUB"), ("SUB", "PUB"), ("SUB", "SUB")])
def test_norm_on_a_port_in_use_is_refused(first, second):
    lines = lines_of(FREE_PORT + f"""
holder = opened(zmq.{first})
holder.bind(f"norm://127.0.0.1:{{port}}")
refused(opened(zmq.{second}).connect, f"norm://127.0.0.1:{{port}}")
with python_socket.socket(type=python_socket.SOCK_DGRAM) as taken:
    taken.bind(("", 0))
    refused(opened(zmq.{second}).bind, f"norm://127.0.0.1:{{taken.getsockname()[1]}}")
""")
    assert [line.endswith(": Address already in use") for line in lines] == [True, True]


@norm
def test_norm_refuses_a_frame_that_it_would_never_end_sending():
    lines = lines_of(FREE_PORT + """
pub = opened(zmq.PUB)
pub.bind(f"norm://127.0.0.1:{port}")
pub.send(b"x" * 2038)
pub.send_multipart([b"topic", b"x" * 2038])
for send, data in ((pub.send, b"x" * 2039), (pub.send_multipart, [b"topic", b"x" * 2039]), (pub.send_many, [b"x" * 2039])):
    refused(send, data)
print(pub.send_many([b"1", b"2"]), pub.try_send(b"3"))
""")
    assert [line.partition(": ")[2] for line in lines[:3]] == [
        f"a frame has at most 2038 bytes: {zmq.strerror(zmq.EMSGSIZE)}"] * 3
    assert lines[3] == "2 True"


# -- names ----------------------------------------------------------------------------------------------------------------

def test_has_knows_capabilities_in_either_case():
    assert zmq.has("ipc") == zmq.has("IPC")
    assert zmq.has("ws") == zmq.has("WS")
    assert not zmq.has("no such capability")
