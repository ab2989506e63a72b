"""Every Python block of README.md and docs/ runs as it stands, in a process of its own, without a word on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import run
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks() -> list[object]:
    found = []
    for page in PAGES:
        document = Document.parse(str(page), CodeBlockParser(language="python", evaluator=lambda example: None))
        found += [pytest.param(str(example.parsed), id=f"{page.name}:{example.line}") for example in document.examples()]
    return found


@pytest.mark.parametrize("block", blocks())
def test_the_block_runs(block):
    run(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    import re

    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target
