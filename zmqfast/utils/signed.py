"""Signer: serialises objects with a signature, so that only those who know the key can write what is read.

recv_pyobj() unpickles whatever comes, and a pickle can run any program. Signed messages are looked at first:

    signer = Signer(key)
    socket.send_serialized(value, signer.serialize)
    value = socket.recv_serialized(signer.deserialize)

A signature proves who wrote a message, not when: one that was sent before is accepted again. It hides nothing; CURVE
does.
"""

from __future__ import annotations

import hmac
import pickle
from typing import TYPE_CHECKING, Any
from collections.abc import Callable, Sequence

if TYPE_CHECKING:
    from zmqfast._core import Frame

__all__ = ["BadSignature", "Signer"]

LEAST_KEY_SIZE = 16     # bytes


class BadSignature(ValueError):
    """The message was not written with our key, or not as it is now. Nothing of it was deserialised."""


class Signer:
    """Turns objects into messages of two frames, HMAC and body, and back.

    Args:
        key: at least 16 random bytes that all peers have, such as secrets.token_bytes(32).
        dumps, loads: between object and bytes; pickle's by default.
        digest: a hash of hashlib.
    Raises:
        ValueError: the key is too short, or there is no such hash.
    """

    __slots__ = ("_dumps", "_loads", "_new")

    def __init__(
        self,
        key: bytes,
        *,
        dumps: Callable[[Any], bytes] = pickle.dumps,
        loads: Callable[[bytes], Any] = pickle.loads,
        digest: str = "sha256",
    ) -> None:
        if len(key) < LEAST_KEY_SIZE:
            raise ValueError(f"a key has at least {LEAST_KEY_SIZE} bytes, not {len(key)}")
        self._dumps = dumps
        self._loads = loads
        self._new = hmac.new(key, digestmod=digest)     # a copy of it signs each message

    def sign(self, body: bytes) -> bytes:
        """The signature of a frame."""
        mac = self._new.copy()
        mac.update(body)
        return mac.digest()

    def serialize(self, value: Any) -> list[bytes]:
        """The frames that stand for the object, for send_serialized(). Errors are those of `dumps`."""
        body = self._dumps(value)
        return [self.sign(body), body]

    def deserialize(self, frames: Sequence[bytes | Frame]) -> Any:
        """The object that the frames stand for, for recv_serialized().

        Raises:
            BadSignature: not signed with our key; `loads` was not called.
        """
        if len(frames) != 2:
            raise BadSignature(f"a signed message has 2 frames, not {len(frames)}")
        signature, body = bytes(frames[0]), bytes(frames[1])
        if not hmac.compare_digest(signature, self.sign(body)):
            raise BadSignature("the signature is not ours")
        return self._loads(body)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._new.name})"       # no key
