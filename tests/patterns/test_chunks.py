"""Chunks: what is packed comes back as it was; what is no chunk is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqfast.patterns.chunks import SMALL, pack, unpack


@given(st.lists(st.binary(max_size=40)))
def test_bodies_come_back(bodies):
    assert unpack(pack(bodies)) == bodies


@pytest.mark.parametrize("bodies", [[b"ab"] * 1000, [b""] * 3, [b"a", b""] * 500, [b"x" * SMALL] * 2])
def test_many_small_bodies_are_one_frame(bodies):
    frames = pack(bodies)
    assert len(frames) == 2 and unpack(frames) == bodies


@pytest.mark.parametrize("bodies", [[], [b"one"], [b"x" * (SMALL + 1)] * 2, [b"a", bytearray(b"b")], [memoryview(b"ab")] * 2])
def test_others_have_frames_of_their_own(bodies):
    frames = pack(bodies)
    assert frames == [b"", *bodies] and unpack(frames) == bodies


@given(st.lists(st.binary(max_size=12), max_size=4))
def test_strangers_frames_are_bodies_or_an_error(frames):
    try:
        assert isinstance(unpack(frames), list)
    except ValueError:
        pass


@pytest.mark.parametrize("frames", [[], [b"abc", b""], [b"\0\0\0\2\0\0\0\1", b"abc"], [b"\0\0\0\2\0\0\0\1", b"ab", b""],
                                    [b"\xff\xff\xff\xff\0\0\0\0", b""], [b"\0\0\0\2" + b"\0\0\0\1" * 3, b"abc"]])
def test_what_is_no_chunk_is_refused(frames):
    with pytest.raises(ValueError, match="chunk"):
        unpack(frames)
