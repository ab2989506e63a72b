"""The text that the demo carries: a copy of its own, so that nobody changes it meanwhile, and its digests."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import click

from zmqfast.cli.demo_peer.text import Digest, messages_of

MEGABYTE = 1_000_000


@dataclass
class Text:
    """A text in a file, by its path."""

    path: Path
    title: str
    digests: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.path.stat().st_size

    def digest(self, block_bytes: int) -> dict[str, Any]:
        """What a receiver of this text, in lines (0) or in blocks, must report."""
        if block_bytes not in self.digests:
            digest = Digest()
            with self.path.open("rb") as text:
                for _ in digest.add_all(messages_of(text, block_bytes)):
                    pass
            self.digests[block_bytes] = digest.report()
        return self.digests[block_bytes]


def copy_text(source: BinaryIO | None, folder: Path, lines: int | None, megabytes: float | None) -> Text:
    """Copy a file, or the standard library's sources, up to that many lines and megabytes, in whole lines."""
    title = click.format_filename(source.name) if source else "Python's standard library sources"
    copy = Text(folder / "text", title)
    with copy.path.open("wb") as out:
        for line in first(lines, megabytes, messages_of(source, 0) if source else library_lines()):
            out.write(line)
    return copy


def first(lines: int | None, megabytes: float | None, all_lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines within both limits."""
    bytes_left = float("inf") if megabytes is None else megabytes * MEGABYTE
    for number, line in enumerate(all_lines):
        bytes_left -= len(line)
        if number == lines or bytes_left < 0:
            return
        yield line


def library_lines() -> Iterator[bytes]:
    """The lines of every module of the standard library, in the order of their paths."""
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.rglob("*.py")):
        if not {"site-packages", "dist-packages"}.intersection(path.relative_to(folder).parts):
            with path.open("rb") as module:
                yield from messages_of(module, 0)
