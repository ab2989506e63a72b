"""The text as messages, and what a receiver must have seen to have it all."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

LINE_BYTES = 65536      # a longer line goes in pieces, likewise one that is longer than a block
BATCH_MESSAGES = 1000   # digested at once


def messages_of(text: BinaryIO, block_bytes: int) -> Iterator[bytes]:
    """The lines of a text; or, where `block_bytes` is not 0, as many whole lines at a time as fit into that."""
    lines = iter(partial(text.readline, block_bytes or LINE_BYTES), b"")
    return blocks_of(lines, block_bytes) if block_bytes else lines


def blocks_of(lines: Iterator[bytes], block_bytes: int) -> Iterator[bytes]:
    block = b""
    for line in lines:
        if len(block) + len(line) > block_bytes:
            yield block
            block = line
        else:
            block += line
    if block:
        yield block


class Digest:
    """SHA-256 of messages and of their lengths: nothing lost, changed, in another order, cut or joined."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.content = hashlib.sha256()
        self.lengths = hashlib.sha256()

    def add(self, messages: list[bytes]) -> None:
        content = b"".join(messages)
        self.messages += len(messages)
        self.bytes += len(content)
        self.content.update(content)
        self.lengths.update(array("Q", map(len, messages)))

    def add_all(self, messages: Iterable[bytes]) -> Iterator[int]:
        """Add them in batches as they come; yields the bytes so far."""
        messages = iter(messages)
        while batch := list(islice(messages, BATCH_MESSAGES)):
            self.add(batch)
            yield self.bytes

    def report(self) -> dict[str, Any]:
        return {"messages": self.messages, "bytes": self.bytes,
                "sha256": self.content.hexdigest(), "lengths_sha256": self.lengths.hexdigest()}
