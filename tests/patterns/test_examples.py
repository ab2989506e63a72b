"""Every example runs as it stands, and ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from misuse.case import kill_group

LONGEST_S = 50
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_runs(example):
    process = subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", str(example)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        printed, complaints = process.communicate(timeout=LONGEST_S)
    finally:
        if sys.platform == "win32":
            process.kill()
        else:
            kill_group(process)         # and the processes that it has started
    assert (process.returncode, complaints) == (0, "")
    assert printed


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_examples_page_says_what_the_pattern_promises(example):
    page = (example.parents[1] / "docs" / f"{example.stem.replace('_', '-')}.md").read_text()
    assert f"(../examples/{example.name})" in page
    assert "zguide" in page
    assert "promised |" in page or "## What is promised" in page
    assert "Not promised" in page
