"""zmqfast info and the command itself."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys

import pytest

import zmqfast as zmq

TIMEOUT_S = 30


def zmqfast(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "zmqfast", *arguments],
                          capture_output=True, text=True, timeout=TIMEOUT_S, **options)


@pytest.fixture
def with_cli() -> None:
    pytest.importorskip("click")
    pytest.importorskip("rich")


def test_info_prints_json(with_cli):
    found = json.loads(zmqfast("info", "--json").stdout)
    assert found["zmqfast"] == zmq.__version__
    assert found["libzmq"] == zmq.zmq_version()
    assert found["python"] == f"{platform.python_implementation()} {platform.python_version()}"
    assert found["features"]["curve"] is zmq.has("curve")
    assert found["features"]["draft"] is zmq.DRAFT_API
    assert {"tcp", "inproc"} <= found["transports"].keys()


def test_info_names_the_same_facts_in_words_as_in_json(with_cli):
    in_words = zmqfast("info").stdout
    for name in json.loads(zmqfast("info", "--json").stdout):
        assert name.replace("_", " ") in in_words


def test_command_tells_its_version(with_cli):
    assert zmq.__version__ in zmqfast("--version").stdout


@pytest.mark.parametrize("package", ["click", "rich"])
def test_command_says_in_one_line_which_extra_is_missing(tmp_path, package):
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('no {package}', name='{package}')\n")
    done = zmqfast("info", env={**os.environ, "PYTHONPATH": str(tmp_path)})
    if package == "rich" and "click" in done.stderr:
        pytest.skip("click is missing already")
    assert done.returncode == 1
    assert done.stderr == f"zmqfast: the command needs {package}: pip install 'zmqfast[cli]'\n"
