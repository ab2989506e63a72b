"""recv_batch and Batch: one buffer for many frames, reused unless somebody looks at it."""

from __future__ import annotations

import threading

import numpy
import pytest

import zmqfast as zmq

SIZES = [0, 1, 33, 34, 8192, 100_000, 300_000]


def test_frames_lie_one_after_the_other(pair):
    push, pull = pair(zmq.PUSH, zmq.PULL)
    messages = [bytes([i]) * size for i, size in enumerate(SIZES)]
    push.send_many(messages)
    received, batch = [], zmq.Batch()
    while len(received) < len(messages):
        assert pull.recv_batch(batch, timeout=5) is batch
        assert list(batch.offsets)[0] == 0
        assert len(batch.data) == batch.offsets[-1]
        assert [bytes(frame) for frame in batch] == batch.tolist()
        received += batch.tolist()
    assert received == messages


def test_numpy_takes_it_without_a_copy(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_many([numpy.arange(4, dtype="<i4"), numpy.arange(2, dtype="<i4")])
    batch = pull.recv_batch()
    assert numpy.frombuffer(batch.data, "<i4").tolist() == [0, 1, 2, 3, 0, 1]
    assert numpy.asarray(batch.offsets).tolist() == [0, 16, 24]
    assert numpy.asarray(batch.offsets).dtype == numpy.int64


def test_more_tells_where_messages_end(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_many([[b"1", b"2"], b"3", [b"4", b"5"]])
    batch = pull.recv_batch(max_messages=2)
    assert list(batch.more) == [1, 0, 0]
    assert pull.recv_batch(batch).tolist() == [b"4", b"5"]


def test_indexes_count_from_both_ends(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    push.send_many([b"a", b"bc"])
    batch = pull.recv_batch()
    assert (batch[0], batch[-1], len(batch)) == (b"a", b"bc", 2)
    assert repr(batch) == "<zmq.Batch of 2 frames, 3 bytes>"
    for beyond in (2, -3):
        with pytest.raises(IndexError, match="2 frames"):
            batch[beyond]
    with pytest.raises(TypeError):
        batch[0][0] = 1


def test_a_view_keeps_what_it_shows(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    batch = zmq.Batch()
    kept = []
    for i in range(10):
        push.send(b"%d" % i * 1000)
        pull.recv_batch(batch)
        kept.append((batch[0], batch.offsets))
    del batch
    assert [bytes(frame) for frame, _ in kept] == [b"%d" % i * 1000 for i in range(10)]
    assert all(list(offsets) == [0, 1000] for _, offsets in kept)


def test_memory_is_reused_when_nobody_looks(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    batch = zmq.Batch()
    places = set()
    for _ in range(10):
        push.send(b"x" * 100)
        places.add(numpy.frombuffer(pull.recv_batch(batch).data, "u1").ctypes.data)
    assert len(places) == 1


def test_an_empty_batch_has_no_frames(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    for batch in (zmq.Batch(), pull.recv_batch(flags=zmq.DONTWAIT)):
        assert (len(batch), bytes(batch.data), list(batch.offsets), list(batch.more)) == (0, b"", [0], [])
        with pytest.raises(IndexError):
            batch[0]
    with pytest.raises(zmq.Again):
        pull.recv_batch(timeout=0.01)
    with pytest.raises(zmq.ZMQError):
        push.recv_batch(flags=zmq.DONTWAIT)


def test_more_than_one_thread_holds_in_a_batch_says_so(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL)
    other_push, other_pull = inproc_pair(zmq.PUSH, zmq.PULL)
    batch = zmq.Batch()
    waiting = threading.Thread(target=lambda: pull.recv_batch(batch))
    waiting.start()
    other_push.send(b"x")
    busy = []
    while not busy:     # until the thread is inside
        try:
            busy = [] if len(batch) == 0 else ["never"]
        except zmq.SocketBusy as error:
            busy = [str(error)]
    with pytest.raises(zmq.SocketBusy, match="receiving into this Batch"):
        other_pull.recv_batch(batch)
    push.send(b"done")
    waiting.join()
    assert "receiving into this Batch" in busy[0]
    assert batch.tolist() == [b"done"]
    assert other_pull.recv() == b"x"


def test_many_small_frames_make_it_grow(inproc_pair):
    push, pull = inproc_pair(zmq.PUSH, zmq.PULL, hwm=0)
    messages = [b"%d" % i for i in range(5000)]
    push.send_many(messages)
    assert pull.recv_batch(max_messages=10_000).tolist() == messages
