"""CURVE keys and Z85."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zmqfast as zmq
from zmqfast import _core


def test_a_key_pair_belongs_together():
    public, secret = zmq.curve_keypair()
    assert (len(public), len(secret)) == (40, 40)
    assert public != secret
    assert zmq.curve_public(secret) == zmq.curve_public(secret.decode()) == public


def test_no_two_key_pairs_are_alike():
    assert len({key for _ in range(20) for key in zmq.curve_keypair()}) == 40


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 41, "ü" * 20, b"\xff" * 40, b" " * 40], ids=repr)
def test_what_is_no_key_is_refused(secret):
    with pytest.raises(ValueError):
        zmq.curve_public(secret)


@pytest.mark.parametrize("secret", [None, 5, ["x"] * 40], ids=repr)
def test_what_is_no_text_is_refused(secret):
    with pytest.raises(TypeError):
        zmq.curve_public(secret)


def test_z85_is_rfc_32s():
    assert _core.z85_encode(bytes.fromhex("864fd26fb559f75b")) == b"HelloWorld"     # the RFC's own example
    assert _core.z85_decode("HelloWorld") == bytes.fromhex("864fd26fb559f75b")


@given(st.binary(max_size=400).map(lambda data: data[:len(data) // 4 * 4]))
def test_z85_decodes_what_it_encodes(data):
    assert _core.z85_decode(_core.z85_encode(data)) == data


@pytest.mark.parametrize("data", [b"1", b"123", b"12345"], ids=repr)
def test_z85_encodes_multiples_of_four_bytes_only(data):
    with pytest.raises(ValueError, match="multiple of 4"):
        _core.z85_encode(data)


@pytest.mark.parametrize("text", ["1", "123456", "     ", '"""""', "\xff" * 5, "~~~~~"], ids=repr)
def test_z85_decodes_z85_only(text):
    with pytest.raises(ValueError):
        _core.z85_decode(text)


def test_keys_can_be_read_back_and_never_show_in_errors(context):
    public, secret = zmq.curve_keypair()
    socket = context.socket(zmq.PUSH)
    socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, public
    assert (socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey) == (public, secret, public)
    with pytest.raises(zmq.ZMQError) as caught:
        socket.curve_secretkey = b"my secret, of a wrong length"
    assert "CURVE_SECRETKEY" in str(caught.value)
    assert "my secret" not in str(caught.value)
