"""Frames longer than a batch: written and read around libzmq's buffers, in pieces of any length, and whole in the end."""

from __future__ import annotations

import random
import threading
from itertools import pairwise

import pytest
import zmqfast as zmq
from hostile.zmtp import Speaker, frame
from zmqfast import PULL, PUSH

BATCHES = {"small": 8 * 1024, "as they are": None, "large": 1024 * 1024}
AROUND = [2048, 8192, 32768, 65536, 131072]     # what is written without a copy; batch sizes, and those by default
LENGTHS = [0, 1, 255, 256, 1023, 1024, 4096, 300_000, 900_000,
           *(size + more for size in AROUND for more in (-1024, -265, -256, -10, -9, -8, -1, 0, 1, 9, 256))]


def bodies(count: int, seed: int = 1) -> list[bytes]:
    """Frames of these lengths, with bytes that are nobody else's."""
    chance = random.Random(seed)
    pool = chance.randbytes(2_000_000)
    return [pool[start:start + chance.choice(LENGTHS)] for start in (chance.randrange(1_000_000) for _ in range(count))]


def opened(context, kind, batch, **options):
    socket = context.socket(kind)
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = 20_000  # ms
    if batch:
        socket.in_batch_size = socket.out_batch_size = batch
    for name, value in options.items():
        setattr(socket, name, value)
    return socket


@pytest.fixture
def in_thread():
    """`in_thread(function, *arguments)` runs it beside; its exception is the test's."""
    started, wrong = [], []

    def body(function, arguments):
        try:
            function(*arguments)
        except BaseException as error:
            wrong.append(error)

    def start(function, *arguments):
        started.append(threading.Thread(target=body, args=(function, arguments)))
        started[-1].start()

    yield start
    for thread in started:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("secure", [False, True], ids=["NULL", "CURVE"])
@pytest.mark.parametrize("hwm", [1, 1000])
@pytest.mark.parametrize("transport", ["tcp", "ipc", "ws"])
def test_frames_of_any_length_arrive_whole(transport, hwm, secure, batch, fresh_endpoint, in_thread):
    if secure and not zmq.has("curve"):
        pytest.skip("libzmq was built without CURVE")
    if transport == "ws" and not zmq.has("WS"):
        pytest.skip("no WebSocket in this build")
    messages = [frames for body in bodies(80) for frames in ([body], [b"topic", body], [body, b""])]
    with zmq.Context() as context:
        push, pull = opened(context, PUSH, batch, sndhwm=hwm), opened(context, PULL, batch, rcvhwm=hwm)
        if secure:
            public, secret = zmq.curve_keypair()
            pull.curve_server, pull.curve_secretkey = True, secret
            push.curve_serverkey = public
            push.curve_publickey, push.curve_secretkey = zmq.curve_keypair()
        with push, pull:
            pull.bind(fresh_endpoint(transport))
            push.connect(pull.last_endpoint)
            in_thread(lambda: [push.send_multipart(frames, copy=number % 2 == 0) for number, frames in enumerate(messages)])
            for frames in messages:
                assert pull.recv_multipart() == frames


@pytest.mark.parametrize("hwm", [1, 1000])
def test_frames_cut_anywhere_are_put_together(hwm, in_thread):
    """The other side writes pieces that end everywhere around what is read at once."""
    chance = random.Random(2)
    sent = bodies(150, seed=2)
    stream = b"".join(map(frame, sent))
    cuts, position = {0, len(stream)}, 0
    for body in sent:
        position += len(frame(body))
        cuts.update(max(0, min(len(stream), position + more)) for more in chance.sample(range(-300, 301), 3) + [0, 1, 9])
    with zmq.Context() as context, opened(context, PULL, None, rcvhwm=hwm) as pull:
        pull.bind("tcp://127.0.0.1:*")
        with Speaker(pull.last_endpoint.decode()) as speaker:
            speaker.shake_hands("PUSH")
            in_thread(lambda: speaker.say(*(stream[start:end] for start, end in pairwise(sorted(cuts)))))
            for body in sent:
                assert pull.recv() == body


def test_a_peer_that_reads_little_at_a_time_gets_every_byte(in_thread):
    """What is written comes to its end in the middle of a header, of a body, and of what is written together with it."""
    sent = bodies(60, seed=3)
    with zmq.Context() as context, opened(context, PUSH, None, sndbuf=8192) as push:
        push.bind("tcp://127.0.0.1:*")
        with Speaker(push.last_endpoint.decode()) as speaker:
            speaker.shake_hands("PULL")
            in_thread(lambda: [push.send(body) for body in sent])
            expected = b"".join(map(frame, sent))
            assert speaker.hear_in_pieces(len(expected), [1, 9, 1000, 30_000, 200_000], seed=3) == expected


@pytest.mark.parametrize("ends", ["peer resets", "peer closes", "socket closes"])
def test_a_connection_that_ends_inside_a_frame_lets_go_of_it(ends):
    body = bytearray(16 * 1024 * 1024)      # more than any connection holds
    with zmq.Context() as context:
        for _ in range(5):
            with opened(context, PUSH, None) as push:
                push.bind("tcp://127.0.0.1:*")
                with Speaker(push.last_endpoint.decode()) as speaker:
                    speaker.shake_hands("PULL")
                    tracker = push.send(body, copy=False, track=True)
                    assert speaker.hear(100_000) == frame(body)[:100_000]
                    if ends == "peer resets":
                        speaker.reset()
                    elif ends == "socket closes":
                        push.close()
                if ends != "socket closes":
                    push.close()
            tracker.wait(timeout=10)
    body.append(0)      # nobody holds it any more


@pytest.mark.parametrize("size", [65536 + 9, 100_000, 1_000_000])
def test_a_peer_that_goes_inside_a_frame_takes_no_other_with_it(size):
    whole = bytes(range(256)) * (size // 256)
    with zmq.Context() as context, opened(context, PULL, None) as pull:
        pull.bind("tcp://127.0.0.1:*")
        for end in (10, len(whole) - 1):
            with Speaker(pull.last_endpoint.decode()) as speaker:
                speaker.shake_hands("PUSH").say(frame(whole), frame(whole)[:end])
                assert pull.recv() == whole
        with Speaker(pull.last_endpoint.decode()) as speaker:
            speaker.shake_hands("PUSH").say(frame(b"another"))
            assert pull.recv() == b"another"
