"""What a peer could end a process of libzmq's with, and cannot here: packaging/libzmq_fixes/against_peers.py, a story for
each.

A program of its own for each: without the fix it would not end by itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import zmqfast as zmq
from program import run

pytestmark = pytest.mark.skipif(zmq._core.LIBZMQ_SOURCE.startswith("system"), reason="the installed libzmq is as it is")
needs_drafts = pytest.mark.skipif(not zmq.DRAFT_API, reason="libzmq was built without its draft API")

BEGIN = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from zmtp import *
import zmqfast as zmq

context = zmq.Context()

def opened(kind, **options):
    socket = context.socket(getattr(zmq, kind))
    socket.linger = 0
    socket.rcvtimeo = 10000
    for name, value in options.items():
        setattr(socket, name, value)
    return socket

def bound(kind, endpoint="tcp://127.0.0.1:*", **options):
    socket = opened(kind, **options)
    socket.bind(endpoint)
    return socket, socket.last_endpoint.decode()
"""
END = """
context.destroy(linger=0)
print("end")
"""


def lines_of(source: str) -> list[str]:
    *lines, end = run(BEGIN + source + END).splitlines()
    assert end == "end"
    return lines


# -- a connection that is gone, while what it sent still waits for room -----------------------------------------------

FILL = """
pull, endpoint = bound("PULL", rcvhwm=1, {options})
speaker = Speaker(endpoint).shake_hands("PUSH")
speaker.say({said})
while pull.poll(0) == 0:
    pass
speaker.reset()
"""


def test_a_ping_that_waited_longer_than_its_connection():
    lines = lines_of(FILL.format(options="", said="""
    (message(b"before") + command(b"PING", b"\\0\\0context")) * 100 + message(b"last")""") + """
received = 0
while pull.recv() != b"last":
    received += 1
print(received)
""")
    assert lines == ["100"]


def test_a_heartbeat_is_due_on_a_connection_that_is_gone():
    lines = lines_of(FILL.format(options="heartbeat_ivl=20, heartbeat_timeout=300", said='message(b"x") * 1000') + """
other = opened("PULL")
other.poll(200)                 # ten heartbeats
print(pull.recv())
""")
    assert lines == ["b'x'"]


# -- what a peer calls itself, and asks for ---------------------------------------------------------------------------

def test_a_peer_may_call_itself_what_the_next_one_would_have_been():
    assert lines_of("""
router, endpoint = bound("ROUTER")
first = Speaker(endpoint).shake_hands("DEALER").say(message(b"hello"))
routing_id, _ = router.recv_multipart()
number = struct.unpack("!I", routing_id[1:])[0]
called = [b"\\0" + struct.pack("!I", (number + step) % 2**32) for step in range(1, 5)]
claimers = [Speaker(endpoint).shake_hands("DEALER", name).say(message(b"hello")) for name in called[:3]]
assert sorted(router.recv_multipart()[0] for _ in claimers) == sorted(called[:3])
nameless = Speaker(endpoint).shake_hands("DEALER").say(message(b"hello"))
routing_id, _ = router.recv_multipart()
assert routing_id == called[3]
router.send_multipart([routing_id, b"it is you"])
assert nameless.hear_frame() == (0, b"it is you")
""") == []


def test_a_request_without_an_envelope_whose_peer_has_gone():
    lines = lines_of("""
rep, endpoint = bound("REP")
monitor = rep.get_monitor_socket(zmq.EVENT_DISCONNECTED)
speaker = Speaker(endpoint).shake_hands("REQ").say(message(b"no envelope") * 5)
while not rep.poll(0):
    pass
speaker.reset()
monitor.recv(timeout=10)
monitor.close()
req = opened("REQ")
req.connect(endpoint)
for number in range(3):
    req.send(b"request %d" % number)
    rep.send(rep.recv())
    print(req.recv())
""")
    assert lines == ["b'request 0'", "b'request 1'", "b'request 2'"]


@needs_drafts
@pytest.mark.parametrize("name", ["JOIN", "LEAVE"])
def test_a_group_that_is_too_long(name):
    assert lines_of(f"""
radio, endpoint = bound("RADIO")
speaker = Speaker(endpoint).shake_hands("DISH").say(command({name!r}.encode(), b"g" * 256))
assert speaker.wait_closed()
dish = opened("DISH")
dish.join("g" * 255)
dish.connect(endpoint)
while not dish.poll(10):
    radio.send(b"hello", group="g" * 255)
print(dish.recv())
""") == ["b'hello'"]


@needs_drafts
def test_datagrams_whose_length_is_a_lie():
    lines = lines_of("""
dish = opened("DISH")
dish.join("g")
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("127.0.0.1", 0))
address = taken.getsockname()
taken.close()
dish.bind("udp://%s:%d" % address)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while not dish.poll(20):
    for datagram in (b"\\x80abc", b"\\xff" + bytes(300), b"", b"\\1", b"\\1ghello"):
        sender.sendto(datagram, address)
while (frame := dish.recv(copy=False)).group != "g":
    pass
print(frame.bytes)
""")
    assert lines == ["b'hello'"]


def test_a_ping_too_short_to_answer():
    lines = lines_of("""
pull, endpoint = bound("PULL")
speaker = Speaker(endpoint).shake_hands("PUSH")
speaker.say(command(b"PING"), command(b"PING", b"\\0"), command(b"PING", b"\\0\\0context"), message(b"hello"))
print(speaker.hear_frame(), pull.recv())
""")
    assert lines == ["(4, b'\\x04PONGcontext') b'hello'"]


# -- WebSocket --------------------------------------------------------------------------------------------------------

@needs_drafts
def test_a_peer_over_websocket_without_a_handshake_and_heartbeats():
    assert lines_of("""
pull, endpoint = bound("PULL", "ws://127.0.0.1:*", heartbeat_ivl=10)
speaker = Speaker(endpoint).say(ws_request(b"ZWS2.0"), ws_frame(b"\\0"), ws_frame(b"\\0hello"))
print(pull.recv())
print(pull.poll(100))           # ten heartbeats later
""") == ["b'hello'", "0"]


@needs_drafts
def test_zap_is_asked_over_websocket_as_well():
    lines = lines_of("""
zap = opened("REP")
zap.bind("inproc://zeromq.zap.01")
pull, endpoint = bound("PULL", "ws://127.0.0.1:*", zap_domain=b"global")
speaker = Speaker(endpoint).say(ws_request(b"ZWS2.0"), ws_frame(b"\\0"), ws_frame(b"\\0hello"))
print(speaker.wait_closed(), pull.poll(0))
push = opened("PUSH")
push.connect(endpoint)
version, request_id, domain, *_ = zap.recv_multipart()
zap.send_multipart([version, request_id, b"200", b"OK", b"", b""])
push.send(b"asked")
print(pull.recv())
""")
    assert lines == ["True 0", "b'asked'"]


@needs_drafts
@pytest.mark.parametrize("said", ["b'GET / HTTP'", "ws_request()", "ws_request() + ws_frame(b'\\4')[:3]"])
def test_a_handshake_over_websocket_that_does_not_end(said):
    assert lines_of(f"""
pull, endpoint = bound("PULL", "ws://127.0.0.1:*", handshake_ivl=100)
print(Speaker(endpoint).say({said}).wait_closed())
""") == ["True"]


@needs_drafts
def test_a_handshake_over_websocket_that_ended_is_not_timed():
    assert lines_of("""
pull, endpoint = bound("PULL", "ws://127.0.0.1:*", handshake_ivl=100)
push = opened("PUSH")
push.connect(endpoint)
plain = Speaker(endpoint).say(ws_request(b"ZWS2.0"), ws_frame(b"\\0"))
push.send(b"first")
print(pull.recv(), pull.poll(300))
push.send(b"second")
print(pull.recv())
plain.say(ws_frame(b"\\0third"))
print(pull.recv())
""") == ["b'first' 0", "b'second'", "b'third'"]


@needs_drafts
@pytest.mark.parametrize("protocol", ["ZWS2.0", "ZWS2.0/NULL"])
def test_a_broken_frame_over_websocket_ends_its_connection(protocol):
    lines = lines_of(f"""
pull, endpoint = bound("PULL", "ws://127.0.0.1:*")
for broken in (ws_frame(b""), ws_frame(b"\\0x", masked=False), ws_frame(b"x", 0x83), ws_frame(b"x", 2)):
    speaker = Speaker(endpoint).shake_ws_hands("PUSH", {protocol!r}.encode()).say(ws_frame(b"\\0hello"))
    pull.recv()
    print(speaker.say(broken).wait_closed())
""")
    assert lines == ["True"] * 4


# -- what is sent to who only sends -----------------------------------------------------------------------------------

def test_a_socket_that_only_sends_keeps_nothing_that_is_sent_to_it():
    lines = lines_of("""
push, endpoint = bound("PUSH", rcvhwm=1)
monitor = push.get_monitor_socket(zmq.EVENT_DISCONNECTED)
with Speaker(endpoint).shake_hands("PULL") as speaker:
    speaker.say(message(b"unwanted") * 1000)
print(monitor.recv(timeout=10).event == zmq.EVENT_DISCONNECTED)     # the end of the connection was noticed
monitor.close()
""")
    assert lines == ["True"]


@needs_drafts
def test_a_channel_keeps_nothing_of_the_messages_of_several_frames_that_it_drops():
    lines = lines_of("""
import resource
channel, endpoint = bound("CHANNEL")
speaker = Speaker(endpoint).shake_hands("CHANNEL")

def drop(count):
    for number in range(count):
        speaker.say(message(bytes(200_000), bytes(200_000), bytes(200_000)), message(b"%d" % number))
        assert channel.recv() == b"%d" % number
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss     # KiB; on macOS bytes

before = drop(10)
print(drop(300) - before < 60_000 * (1024 if sys.platform == "darwin" else 1))
""")
    assert lines == ["True"]


# -- peers of older protocols -----------------------------------------------------------------------------------------

def test_a_peer_of_an_old_protocol_stays_longer_than_a_handshake_may_take():
    assert lines_of("""
pull, endpoint = bound("PULL", handshake_ivl=100)
old = Speaker(endpoint).say(b"\\1\\0", b"\\6\\0first")       # ZMTP 1.0: no routing id, then frames
print(pull.recv(), pull.poll(300))
old.say(b"\\7\\0second")
print(pull.recv())
""") == ["b'first' 0", "b'second'"]


def test_fixes_that_need_each_other_are_made_all_or_none(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "packaging")
    from libzmq_fixes import ALL_OR_NONE, fixed
    for fixes in ALL_OR_NONE:
        texts: dict[str, str] = {}
        for fix in fixes:
            texts[fix.file] = texts.get(fix.file, "") + fix.before
        assert set(fixed(texts)) == set(texts)
        for file in texts:
            assert fixed({**texts, file: "otherwise"}) == {}
