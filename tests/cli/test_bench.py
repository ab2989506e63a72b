"""zmqfast bench: a short run of one case, and the README's table."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
from zmqfast.cli.bench_cases import Case, cases

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "bench" / "results").glob("*.json"))


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "zmqfast", "bench", *arguments], capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("name", ["call-16", "tcp-batch-16", "round-trip-tcp"])
def test_a_quick_run_saves_what_it_measured(tmp_path, name):
    file = tmp_path / "result.json"
    done = bench("--quick", "--rounds", "1", "--against", "pyzmq", "--case", name, "--json", str(file))
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert [len(result["values"][name][library]) for library in ("zmqfast", "pyzmq")] == [1, 1]
    assert result["failures"][name] == {}


def test_an_unknown_library_is_refused():
    done = bench("--against", "nobody")
    assert done.returncode == 2
    assert "no library nobody" in done.stderr


def test_names_of_cases_are_unique():
    assert len({case.name for case in cases()}) == len(cases())


def test_a_cost_with_an_upper_bound_is_reached_below_it():
    case = Case("x", "x", "x", (), targets={"pyzmq": 1.5}, is_cost=True, at_most=True)
    assert case.reached("pyzmq", case.ratio(3, 2)) is True
    assert case.reached("pyzmq", case.ratio(4, 2)) is False


def test_readme_has_the_table_that_the_report_makes():
    spec = importlib.util.spec_from_file_location("report", ROOT / "bench" / "report.py")
    report = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(report)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if RESULTS:
        assert report.with_table(readme, json.loads(RESULTS[-1].read_text())) == readme
    else:       # and nobody has typed a row
        assert report.HEAD + "\n" in readme
