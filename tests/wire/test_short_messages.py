"""Short frames: many are read at once, in pieces that end anywhere, and they share what they keep."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import zmqfast as zmq
from hostile.zmtp import Speaker, frame, message

LENGTHS = [0, 1, 2, 16, 32, 33, 34, 35, 100, 254, 255, 256, 257, 1000]


@pytest.fixture(params=[1, 1000])
def pull(request, context):
    socket = context.socket(zmq.PULL)
    socket.rcvhwm = request.param
    socket.rcvtimeo = 20_000    # ms
    socket.bind("tcp://127.0.0.1:*")
    return socket


@pytest.mark.parametrize("longest_piece", [1, 3, 40, 3000])
def test_messages_cut_anywhere_are_put_together(pull, longest_piece):
    chance = random.Random(longest_piece)
    messages = [[chance.randbytes(chance.choice(LENGTHS)) for _ in range(chance.choice([1, 1, 2, 5]))]
                for _ in range(20 if longest_piece == 1 else 300)]
    stream = b"".join(message(*bodies) for bodies in messages)
    cuts = [0]
    while cuts[-1] < len(stream):
        cuts.append(min(len(stream), cuts[-1] + chance.randint(1, longest_piece)))
    with Speaker(pull.last_endpoint.decode()) as speaker:
        speaker.shake_hands("PUSH")
        for start, end in pairwise(cuts):
            speaker.say(stream[start:end])
        for bodies in messages:
            assert pull.recv_multipart() == bodies


@pytest.mark.parametrize("length", [16, 100, 1000])
def test_frames_and_what_they_tell_of_their_peer_outlive_the_connection(context, length):
    """More than are counted ahead at once; some go before the connection, some after it, in another order."""
    chance = random.Random(length)
    sent = [chance.randbytes(length) for _ in range(5000)]
    with context.socket(zmq.PULL) as pull:
        pull.rcvtimeo = 20_000
        pull.rcvhwm = 0
        pull.bind("tcp://127.0.0.1:*")
        with Speaker(pull.last_endpoint.decode()) as speaker:
            speaker.shake_hands("PUSH").say(b"".join(map(frame, sent)))
            kept = {}
            for number in range(2500):
                received = pull.recv(copy=False)
                if number % 3:
                    kept[number] = received
        for number in range(2500, 5000):
            kept[number] = pull.recv(copy=False)
    for number in chance.sample(sorted(kept), len(kept)):
        received = kept.pop(number)
        assert bytes(received) == sent[number]
        assert received.get("Peer-Address") == "127.0.0.1"
