"""Codecs: what a body means. Each pattern sends bytes unless it is told the name of a codec, or given one."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from collections.abc import Callable, Sequence

if TYPE_CHECKING:
    from typing_extensions import Buffer

BYTES_ONLY = frozenset((bytes,))
SIGNATURE_SIZE = hashlib.sha256().digest_size


class BodyError(ValueError):
    """A body that its codec cannot write or read: says which topic (or service) and which codec."""

    def __init__(self, topic: str, codec: str, reason: str) -> None:
        super().__init__(f"{topic}: not a body of codec {codec!r}: {reason}")
        self.topic = topic
        self.codec = codec
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.topic, self.codec, self.reason)


@dataclass(frozen=True)
class Codec:
    """How values become frames and frames values.

    Args:
        name: what messages of errors call it.
        encode: value to frames, always as many as `frames`.
        decode: as many frames, bytes or Frames, to a value.
        frames: how many frames one body has.
        zero_copy: large frames are lent to libzmq, and arrive as Frames.
    """

    name: str
    encode: Callable[[Any], Sequence[Buffer]]
    decode: Callable[[Sequence[Any]], Any]
    frames: int = 1
    zero_copy: bool = False

    def dump_all(self, values: Sequence[Any], topic: str) -> list[Buffer]:
        """The frames of many values, one after the other. Errors are dump()'s."""
        if self is BYTES and BYTES_ONLY.issuperset(map(type, values)):
            return list(values)
        return [frame for value in values for frame in self.dump(value, topic)]

    def dump(self, value: Any, topic: str) -> Sequence[Buffer]:
        """The frames of a value.

        Raises:
            BodyError: the codec cannot write it.
        """
        try:
            return self.encode(value)
        except Exception as error:
            raise BodyError(topic, self.name, f"{type(error).__name__}: {error}") from error

    def load(self, frames: Sequence[Any], topic: str) -> Any:
        """The value of some frames.

        Raises:
            BodyError: the codec cannot read them.
        """
        if len(frames) != self.frames:
            raise BodyError(topic, self.name, f"{len(frames)} frames, not {self.frames}")
        try:
            return self.decode(frames)
        except Exception as error:
            raise BodyError(topic, self.name, f"{type(error).__name__}: {error}") from error


_codecs: dict[str, Callable[[], Codec]] = {}


def register(name: str, make: Callable[[], Codec]) -> None:
    """Give a codec a name; `make()` is called when it is first asked for, and may import what it needs."""
    _codecs[name] = make


def find(codec: str | Codec) -> Codec:
    """The codec of that name; a Codec is its own.

    Raises:
        LookupError: no codec has that name.
        ModuleNotFoundError: it needs a package that is not installed.
    """
    if isinstance(codec, Codec):
        return codec
    if codec not in _codecs:
        raise LookupError(f"no codec is called {codec!r}; there are {', '.join(sorted(_codecs))}")
    return _codecs[codec]()


def as_bytes(value: Any) -> Sequence[Buffer]:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        memoryview(value)       # raises TypeError for what has no buffer
    return (value,)


BYTES = Codec("bytes", as_bytes, lambda frames: bytes(frames[0]), zero_copy=False)
TEXT = Codec("text", lambda value: (value.encode(),), lambda frames: bytes(frames[0]).decode())
JSON = Codec("json", lambda value: (json.dumps(value, separators=(",", ":"), allow_nan=False).encode(),),
             lambda frames: json.loads(bytes(frames[0])))


def typed(kind: Any, name: str | None = None) -> Codec:
    """msgpack that reads values of `kind`, such as a msgspec.Struct, and refuses others. Needs msgspec."""
    import msgspec

    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(kind)
    return Codec(name or f"msgpack of {getattr(kind, '__name__', kind)}",
                 lambda value: (encoder.encode(value),), lambda frames: decoder.decode(frames[0]))


def array() -> Codec:
    """NumPy arrays: type and shape in a frame of their own, the data as they lie in memory. Needs NumPy.

    A large array is lent to libzmq: leave it as it is until it is sent. One that is received is read-only, and keeps
    libzmq's memory. Arrays of Python objects are refused.
    """
    import numpy

    def encode(value: Any) -> Sequence[Buffer]:
        data = numpy.asarray(value)
        if data.dtype.hasobject:
            raise TypeError("an array of Python objects")
        data = numpy.ascontiguousarray(data).reshape(data.shape)
        described = data.dtype.descr if data.dtype.names else data.dtype.str
        return json.dumps([described, data.shape]).encode(), data.reshape(-1).view(numpy.uint8).data

    def decode(frames: Sequence[Any]) -> Any:
        described, shape = json.loads(bytes(frames[0]))
        if isinstance(described, list):
            described = [tuple(tuple(part) if isinstance(part, list) else part for part in column)
                         for column in described]
        dtype = numpy.dtype(described)
        if dtype.hasobject:
            raise TypeError("an array of Python objects")
        return numpy.frombuffer(memoryview(frames[1]), dtype=dtype).reshape(shape)

    return Codec("numpy", encode, decode, frames=2, zero_copy=True)


def signed_pickle(key: bytes) -> Codec:
    """Pickled objects, signed with HMAC-SHA-256: only a body from somebody with the same key is unpickled.

    A signature does not keep a body from being sent again by somebody who saw it.

    Raises:
        ValueError: the key has fewer than 16 bytes.
    """
    if len(key) < 16:
        raise ValueError(f"a key of {len(key)} bytes signs nothing: take 16 or more, from secrets.token_bytes()")

    def encode(value: Any) -> Sequence[Buffer]:
        data = pickle.dumps(value, protocol=5)
        return (hmac.digest(key, data, "sha256") + data,)

    def decode(frames: Sequence[Any]) -> Any:
        data = bytes(frames[0])
        signature, data = data[:SIGNATURE_SIZE], data[SIGNATURE_SIZE:]
        if not hmac.compare_digest(signature, hmac.digest(key, data, "sha256")):
            raise ValueError("the signature is wrong")
        return pickle.loads(data)

    return Codec("signed pickle", encode, decode)


register("bytes", lambda: BYTES)
register("text", lambda: TEXT)
register("json", lambda: JSON)
register("msgpack", lambda: typed(Any, "msgpack"))
register("numpy", array)
