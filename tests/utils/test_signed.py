"""Signer: what others wrote is refused before anything of it is deserialised."""

from __future__ import annotations

import asyncio
import json
import pickle
import secrets

import pytest
import zmqfast as zmq
import zmqfast.asyncio
from zmqfast.utils.signed import BadSignature, Signer

KEY = secrets.token_bytes(32)


class Bomb:
    """Goes off when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("unpickled",)


def test_objects_go_from_socket_to_socket(pair):
    signer = Signer(KEY)
    push, pull = pair(zmq.PUSH, zmq.PULL)
    push.send_serialized({"a": [1, 2.5, None]}, signer.serialize)
    assert pull.recv_serialized(signer.deserialize) == {"a": [1, 2.5, None]}
    push.send_serialized("again", signer.serialize)
    assert pull.recv_serialized(signer.deserialize, copy=False) == "again"


def test_an_asyncio_socket_takes_it_too():
    async def run():
        signer = Signer(KEY)
        with zmqfast.asyncio.Context() as context, context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
            a.bind("inproc://signed")
            b.connect("inproc://signed")
            await a.send_serialized([1], signer.serialize)
            return await b.recv_serialized(signer.deserialize)

    assert asyncio.run(run()) == [1]


def test_nothing_is_unpickled_without_our_signature():
    body = pickle.dumps(Bomb())
    other = Signer(secrets.token_bytes(32))
    signer = Signer(KEY)
    ours, theirs = signer.sign(body), other.sign(body)
    for frames in ([body], [b"", body], [theirs, body], [ours[:-1], body], [ours, body, b""]):
        with pytest.raises(BadSignature):
            signer.deserialize(frames)


def test_a_changed_bit_is_noticed():
    signer = Signer(KEY, dumps=lambda value: json.dumps(value).encode(), loads=json.loads, digest="sha512")
    signature, body = signer.serialize({"amount": 1})
    assert signer.deserialize([signature, body]) == {"amount": 1}
    with pytest.raises(BadSignature):
        signer.deserialize([signature, body.replace(b"1", b"9")])


def test_a_key_is_long_enough_and_never_shown():
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(b"short")
    assert KEY.hex() not in repr(Signer(KEY)) and repr(KEY) not in repr(Signer(KEY))
