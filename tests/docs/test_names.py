"""What README.md and docs/ refer to exists: pages, headings, names of zmqfast, variables of the build, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import zmqfast

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))

LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(params=[ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def page(request) -> Path:
    return request.param


def anchors(page: Path) -> set[str]:
    """The fragments that lead to a page's headings, as GitHub makes them."""
    headings = HEADING.findall(CODE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(page):
    for target, anchor in LINK.findall(page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def test_names_of_zmqfast_exist(page):
    for name in re.findall(r"\bzmq\.([A-Z]\w+)", page.read_text()):
        assert hasattr(zmqfast, name), f"zmq.{name}"


def test_variables_and_targets_of_the_build_exist(page):
    known = (ROOT / "setup.py").read_text() + (ROOT / "Makefile").read_text()
    known += (ROOT / "packaging" / "as-zmq" / "zmqfast_as_zmq.pth").read_text()
    for name in re.findall(r"\bZMQFAST_\w+", page.read_text()):
        assert name in known, name
    for target in re.findall(r"`make ([\w-]+)", page.read_text()):
        assert re.search(rf"^{target}:", known, re.MULTILINE), f"make {target}"


def test_the_index_names_every_page():
    listed = {target for target, _ in LINK.findall((ROOT / "docs" / "index.md").read_text())}
    assert {page.name for page in DOCS} - {"index.md"} <= listed
