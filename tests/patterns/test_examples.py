"""Every example runs as it stands, and ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs(example):
    done = subprocess.run([sys.executable, "-W", "error::ResourceWarning", str(example)], capture_output=True, text=True,
                          timeout=30, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_examples_page_says_what_the_pattern_promises(example):
    page = (example.parents[1] / "docs" / f"{example.stem.replace('_', '-')}.md").read_text()
    assert f"(../examples/{example.name})" in page
    assert "zguide" in page
    assert "promised |" in page or "## What is promised" in page
    assert "Not promised" in page
