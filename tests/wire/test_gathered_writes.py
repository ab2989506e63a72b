"""What goes out together: heads and short bodies side by side, long bodies from where they lie, in the order of sending."""

from __future__ import annotations

import random
import struct
import sys

import pytest
import zmqfast as zmq
from hostile.zmtp import MORE, SIGNATURE, Speaker, accepted, command, frame, listening, message

LENGTHS = [0, 1, 16, 254, 255, 256, 1024, 2046, 2047, 2048, 2049, 4096, 9000]
OLD_NUMBERS = {"PULL": 7, "XPUB": 9}    # of socket types: ZMTP 2.0 (spec 15), and libzmq's own for the second


def old_frame(body: bytes, flags: int = 0) -> bytes:
    """ZMTP 1.0 (spec 13): the length counts the flags."""
    size = len(body) + 1
    return (bytes([size]) if size < 255 else b"\xff" + struct.pack("!Q", size)) + bytes([flags]) + body


def old_message(*frames: bytes) -> bytes:
    return b"".join(old_frame(body, MORE) for body in frames[:-1]) + old_frame(frames[-1])


def shake_hands(speaker, protocol: str, kind: str) -> None:
    """As a peer of that protocol, to a socket without a routing id."""
    if protocol == "1.0":
        speaker.say(old_frame(b""))
        # to one that has not said its version libzmq says 2.0's signature, which is 1.0's for an empty routing id
        assert speaker.hear(10) == b"\xff" + bytes(7) + b"\1\x7f"
    elif protocol == "2.0":
        speaker.say(SIGNATURE + b"\1" + bytes([OLD_NUMBERS[kind]]) + b"\0\0")
        speaker.hear(12)
        assert speaker.hear_frame() == (0, b"")
    else:
        speaker.shake_hands(kind, version=bytes(map(int, protocol.split("."))))


@pytest.mark.parametrize("protocol", ["1.0", "2.0", "3.0", "3.1"])
@pytest.mark.parametrize("batch", [64, 8192, None])
def test_a_peer_of_any_protocol_gets_the_frames_of_its_own(context, protocol, batch):
    chance = random.Random(f"{protocol} {batch}")
    sent = [[chance.randbytes(chance.choice(LENGTHS)) for _ in range(chance.choice([1, 1, 2, 4]))] for _ in range(400)]
    listener, endpoint = listening()
    with listener, context.socket(zmq.PUSH) as push:
        push.linger = 0
        push.sndhwm = 0
        if batch:
            push.out_batch_size = batch
        push.connect(endpoint)
        for number, frames in enumerate(sent):      # they wait, and go out in full batches
            push.send_multipart(frames, copy=number % 2 == 0)
        encode = old_message if protocol == "1.0" else message
        with accepted(listener) as speaker:
            shake_hands(speaker, protocol, "PULL")
            expected = b"".join(encode(*frames) for frames in sent)
            assert speaker.hear_in_pieces(len(expected), [1, 9, 300, 5000, 70_000], seed=3) == expected


@pytest.mark.parametrize("protocol", ["2.0", "3.0", "3.1"])
def test_subscriptions_of_any_length_go_out_as_the_peer_knows_them(context, protocol):
    topics = [bytes([65 + number]) * length for number, length in enumerate([0, 1, 244, 245, 246, 254, 255, 2047, 2048, 5000])]
    listener, endpoint = listening()
    with listener, context.socket(zmq.SUB) as sub:
        sub.linger = 0
        for topic in topics:
            sub.subscribe(topic)
        sub.connect(endpoint)
        with accepted(listener) as speaker:
            shake_hands(speaker, protocol, "XPUB")
            said = {speaker.hear_frame() for _ in topics}
            plain = [b"\1" + topic for topic in topics]
            commands = [command(b"SUBSCRIBE", topic) for topic in topics] if protocol == "3.1" else map(frame, plain)
            assert {frame(body, flags & ~2) for flags, body in said} == set(commands)
            sub.unsubscribe(topics[-1])
            flags, body = speaker.hear_frame()
            assert body == (b"\6CANCEL" if protocol == "3.1" else b"\0") + topics[-1]


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_more_long_bodies_than_one_call_takes(context, transport, fresh_endpoint):
    chance = random.Random(3)
    sent = [chance.randbytes(chance.choice([0, 5, 2048, 2100, 40_000])) for _ in range(3000)]
    with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        pull.rcvtimeo = 20_000
        push.sndhwm = pull.rcvhwm = 0
        pull.bind(fresh_endpoint(transport))
        push.connect(pull.last_endpoint)
        push.send_many(sent)
        assert [pull.recv() for _ in sent] == sent


def test_bytes_are_let_go_of_when_they_are_written(context):
    body = bytes(100_000)[:2048]
    before = sys.getrefcount(body)
    with context.socket(zmq.PUSH) as push, context.socket(zmq.PULL) as pull:
        pull.rcvtimeo = 20_000
        pull.bind("tcp://127.0.0.1:*")
        push.connect(pull.last_endpoint)
        push.copy_threshold = 0
        for _ in range(5):
            push.send_many([body] * 100)
            for _ in range(100):
                assert pull.recv() == body
            # goes out in a later call than the last of those, and so is let go of after them
            push.send(bytearray(2048), copy=False, track=True).wait(timeout=10)
            assert sys.getrefcount(body) == before
            assert pull.recv() == bytes(2048)


@pytest.mark.parametrize("ends", ["peer", "socket"])
def test_bodies_that_were_not_written_are_let_go_of_when_the_connection_ends(context, ends):
    bodies = [bytearray(b"%6d" % number) * 1000 for number in range(2000)]      # more than the connection holds
    push = context.socket(zmq.PUSH)
    push.linger = 0
    push.sndhwm = 0
    push.sndbuf = 8192
    push.bind("tcp://127.0.0.1:*")
    push.copy_threshold = 0
    with Speaker(push.last_endpoint.decode()) as speaker:
        speaker.shake_hands("PULL")
        trackers = [push.send(body, copy=False, track=True) for body in bodies]
        assert speaker.hear(10_000) == b"".join(map(frame, map(bytes, bodies[:2])))[:10_000]
        if ends == "peer":
            speaker.socket.close()
        push.close()
    for tracker in trackers:
        tracker.wait(timeout=10)
    for body in bodies:
        body.append(0)      # nobody holds it any more
