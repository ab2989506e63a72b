"""Codecs: every value comes back, and what is none of a codec's bodies is an error that names topic and codec."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as some

import zmqfast as zmq
from zmqfast.patterns import codecs

KEY = b"sixteen bytes or more"
TREES = some.recursive(some.none() | some.booleans() | some.integers(-2**53, 2**53) | some.text(),
                       lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner), max_leaves=8)


def through(codec, value):
    frames = [bytes(frame) for frame in codec.dump(value, "topic")]
    assert len(frames) == codec.frames
    return codec.load(frames, "topic")


@pytest.mark.parametrize("name", ["json", "msgpack"])
@given(value=TREES)
def test_trees_come_back(name, value):
    if name == "msgpack":
        pytest.importorskip("msgspec")
    assert through(codecs.find(name), value) == value


@given(value=some.text())
def test_text_comes_back(value):
    assert through(codecs.find("text"), value) == value


@pytest.mark.parametrize("value", [b"", b"bytes", bytearray(b"array"), memoryview(b"view")])
def test_bytes_come_back(value):
    assert through(codecs.find("bytes"), value) == bytes(value)


@given(value=TREES)
def test_signed_pickles_come_back(value):
    assert through(codecs.signed_pickle(KEY), value) == value


def test_a_pickle_with_another_key_or_none_is_never_loaded():
    class Loud:
        def __reduce__(self):
            return pytest.fail, ("it was unpickled",)

    codec = codecs.signed_pickle(KEY)
    for other in (codecs.signed_pickle(KEY[::-1]).dump(1, "t"), [pickle.dumps(1)], [b""], [bytes(32) + b"\x80"]):
        with pytest.raises(codecs.BodyError, match="the signature is wrong"):
            codec.load(other, "jobs")


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="16 or more"):
        codecs.signed_pickle(b"short")


def test_typed_msgpack_refuses_another_type():
    msgspec = pytest.importorskip("msgspec")
    codec = codecs.typed(dict[str, int])
    assert through(codec, {"a": 1}) == {"a": 1}
    with pytest.raises(codecs.BodyError, match="prices.*msgpack of dict"):
        codec.load([msgspec.msgpack.encode({"a": "text"})], "prices")


@pytest.mark.parametrize("name, frames", [
    ("text", [b"\xff"]), ("json", [b"{"]), ("json", [b"1", b"2"]), ("msgpack", [b"\xc1"]),
    ("numpy", [b'["<f8",[3]]', bytes(8)]), ("numpy", [b"no json", b""]), ("numpy", [b'["|O",[1]]', bytes(8)])])
def test_a_wrong_body_names_topic_and_codec(name, frames):
    pytest.importorskip({"msgpack": "msgspec", "numpy": "numpy"}.get(name, "json"))
    with pytest.raises(codecs.BodyError) as caught:
        codecs.find(name).load(frames, "prices")
    assert (caught.value.topic, caught.value.codec) == ("prices", name)
    assert "prices" in str(caught.value) and repr(name) in str(caught.value)


@pytest.mark.parametrize("name, value", [("bytes", 7), ("text", 7), ("json", {1j}), ("json", float("nan"))])
def test_a_value_that_cannot_be_written_names_topic_and_codec(name, value):
    with pytest.raises(codecs.BodyError) as caught:
        codecs.find(name).dump(value, "prices")
    assert (caught.value.topic, caught.value.codec) == ("prices", name)


def test_arrays_come_back_with_type_and_shape():
    numpy = pytest.importorskip("numpy")
    codec = codecs.find("numpy")
    point = numpy.array([(1, 2.5)], dtype=[("a", "<i4"), ("b", "<f8", (1,))])
    for value in (numpy.arange(24).reshape(2, 3, 4), numpy.array(5.0), numpy.zeros((0, 3)), point,
                  numpy.arange(10)[::3], numpy.asfortranarray(numpy.eye(3)), numpy.array(["text", "longer"])):
        back = through(codec, value)
        assert (back.dtype, back.shape) == (value.dtype, value.shape)
        assert (back == value).all()


def test_a_large_array_is_neither_copied_to_be_sent_nor_when_it_came():
    numpy = pytest.importorskip("numpy")
    codec = codecs.find("numpy")
    value = numpy.arange(100_000)
    frames = codec.dump(value, "t")
    assert numpy.shares_memory(frames[1], value)
    frame = zmq.Frame(frames[1])
    assert numpy.shares_memory(codec.load([frames[0], frame], "t"), numpy.frombuffer(frame.buffer, dtype="u1"))


def test_arrays_of_objects_are_refused():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(codecs.BodyError, match="Python objects"):
        codecs.find("numpy").dump(numpy.array([object()]), "t")


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(LookupError, match="'yaml'; there are bytes, json"):
        codecs.find("yaml")


def test_a_codec_of_ones_own_has_a_name():
    codecs.register("reversed", lambda: codecs.Codec("reversed", lambda v: (v[::-1],), lambda f: f[0][::-1]))
    assert through(codecs.find("reversed"), b"abc") == b"abc"
