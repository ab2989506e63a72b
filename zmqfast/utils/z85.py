"""Z85, the text form of binary keys (ZeroMQ RFC 32)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zmqfast._core import z85_decode, z85_encode

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Z85CHARS", "Z85MAP", "decode", "encode"]

Z85CHARS = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
Z85MAP = {character: value for value, character in enumerate(Z85CHARS)}


def encode(rawbytes: Buffer) -> bytes:
    """A multiple of 4 bytes as text, in bytes.

    Raises:
        ValueError: not a multiple of 4 bytes.
    """
    return z85_encode(memoryview(rawbytes))


def decode(z85bytes: str | Buffer) -> bytes:
    """The bytes that a multiple of 5 characters stand for.

    Raises:
        ValueError: another length, or no Z85.
    """
    return z85_decode(z85bytes if isinstance(z85bytes, str) else bytes(z85bytes))
