"""Types: what editors and mypy know about zmqfast is true, and says what a user needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import zmqfast

pytest.importorskip("mypy")

HERE = Path(__file__).parent
PACKAGES = Path(zmqfast.__file__).parents[1]
USES = sorted(HERE.glob("use_*.py"))

pytestmark = pytest.mark.timeout(300)  # mypy's first run reads all of typeshed


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Run a module of mypy on the zmqfast that is imported here; what it prints, or "" if it is content."""
    folder = tmp_path_factory.mktemp("mypy")
    environment = {**os.environ, "MYPY_CACHE_DIR": str(folder)}
    if PACKAGES.name != "site-packages":    # where mypy looks by itself
        environment["MYPYPATH"] = environment["PYTHONPATH"] = str(PACKAGES)

    def run(*command: str) -> str:
        done = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True,
                              text=True, check=False)
        return done.stdout + done.stderr if done.returncode else ""

    return run


@pytest.fixture(scope="session")
def complaints(run) -> dict[tuple[str, int], str]:
    """mypy's errors in the uses, by file and line."""
    printed = run("mypy", "--strict", *map(str, USES))
    found = re.findall(r"^(\S+):(\d+): error: .*\[([\w-]+)\]$", printed, re.MULTILINE)
    return {(Path(path).name, int(line)): kind for path, line, kind in found}


def test_the_package_passes_mypy_strict(run):
    assert run("mypy", "--config-file", str(HERE.parents[1] / "pyproject.toml"), "-p", "zmqfast") == ""


def test_the_stub_agrees_with_the_extension(run):
    allowlist = str(HERE / "stubtest_allowlist.txt")
    assert run("mypy.stubtest", "zmqfast._core", "--allowlist", allowlist, "--ignore-unused-allowlist") == ""


@pytest.mark.parametrize("path", USES, ids=lambda path: path.stem)
def test_uses_have_the_expected_types_and_errors(path, complaints):
    """A line that ends in `# error: kind` must be refused for that reason, and no other line at all."""
    lines = enumerate(path.read_text().splitlines(), start=1)
    expected = {(path.name, number): line.partition("# error: ")[2] for number, line in lines if "# error: " in line}
    assert {place: kind for place, kind in complaints.items() if place[0] == path.name} == expected
