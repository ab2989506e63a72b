"""Every Python block of README.md and docs/ runs as it stands, in a process of its own, and prints what its comments say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from program import run
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

PRINTED = re.compile(r"^ *print\(.*\) +# (.*)$", re.MULTILINE)


def blocks() -> list[object]:
    found = []
    for page in PAGES:
        document = Document.parse(str(page), CodeBlockParser(language="python", evaluator=lambda example: None))
        found += [pytest.param(str(example.parsed), id=f"{page.name}:{example.line}") for example in document.examples()]
    return found


@pytest.mark.parametrize("block", blocks())
def test_a_block_runs_and_prints_what_its_comments_say(block, monkeypatch):
    if "import gevent" in block:
        pytest.importorskip("gevent")       # is not made for a Python without a GIL
    monkeypatch.setenv("PYTHONWARNINGS", "error::ResourceWarning")      # an example closes what it opens
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    assert run(block).splitlines() == PRINTED.findall(block)


@pytest.mark.parametrize("block", blocks())
def test_a_block_never_sleeps(block):
    assert "sleep(" not in block
