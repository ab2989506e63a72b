"""zmqfast bench: short runs of real measurements, what is made of them, and that the README shows a saved one."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")
pytest.importorskip("hdrh")
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
from zmqfast.cli.benchmark import latency, page, rounds, running, tables
from zmqfast.cli.benchmark.cases import Case, cases
from zmqfast.cli.benchmark.curves import BATCHED, CURVES, Curve
from zmqfast.cli.benchmark.result import Point, Result, load

ROOT = Path(__file__).parents[2]
JOB = {"transport": "tcp", "seconds": 0.02}
INSTANT = rounds.Section(1, 0.02, 60)
MACHINE = {"processor": "p", "cores": 2, "python": "3", "libzmq": "4", "system": "s", "load": 0.0, "date": "2026-01-02"}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "zmqfast", "bench", *arguments], capture_output=True, text=True, timeout=50)


@pytest.fixture
def report():
    spec = importlib.util.spec_from_file_location("report", ROOT / "bench" / "report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_quick_run_saves_what_it_measured(tmp_path):
    file = tmp_path / "result.json"
    done = bench("--quick", "--rounds", "1", "--against", "pyzmq", "--case", "tcp-batch-16", "--json", str(file))
    assert done.returncode == 0, done.stderr
    result = load(file)
    assert [len(result.values["tcp-batch-16"][library]) for library in ("zmqfast", "pyzmq")] == [1, 1]
    assert result.failures == {}


@pytest.mark.parametrize("arguments, said", [
    (["--against", "nobody"], "--against: no library nobody"),
    (["--case", "nothing"], "--case: no case has nothing in its name"),
    (["--json", "/nowhere/at/all.json"], "--json /nowhere/at/all.json: no folder /nowhere/at"),
])
def test_arguments_that_make_no_sense_are_refused(arguments, said):
    done = bench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("library", ["zmqfast", "pyzmq"])
@pytest.mark.parametrize("kind", sorted({case.kind for case in cases()} - {"zero_copy_memory"}))
def test_each_measure_has_a_value(kind, library):
    job = {**JOB, "kind": kind, "connections": 30 if kind in ("poll_idle", "poll_active", "loop_waiting") else 1}
    found = running.measure(library, job)
    assert found.value > 0
    assert found.resident > 1 << 20


@pytest.mark.parametrize("library", ["zmqfast", "pyzmq", "c"])
def test_a_measurement_leaves_nothing_where_it_is_made(library, tmp_path, monkeypatch):
    """Its processes are killed: what they had bound is a file of theirs."""
    _, missing = running.available((library,))
    if missing:
        pytest.skip(missing[library])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)      # what it knew of TMPDIR before
    assert running.measure(library, {**JOB, "kind": "stream", "transport": "ipc"}).value > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind, grown", [
    ("stream", {"connections": 50}), ("subscribe", {"connections": 50}), ("subscribe", {"subscriptions": 2000}),
    ("stream", {"size": 1}), ("stream", {"size": 1 << 22})], ids=str)
@pytest.mark.parametrize("calls", ["one", "many"])
def test_what_grows_is_measured_with_single_calls_and_batches(kind, grown, calls):
    assert running.measure("zmqfast", {**JOB, "kind": kind, "calls": calls, **grown}).value > 0


@pytest.mark.parametrize("kind", ["stream", "round_trip"])
@pytest.mark.parametrize("library", ["pipe", "queue"])
def test_a_pipe_and_a_queue_are_measured_with_a_child_process(library, kind):
    assert running.measure(library, {**JOB, "kind": kind, "transport": "ipc"}).value > 0


def test_a_measurement_that_cannot_be_made_says_why():
    with pytest.raises(running.Failed, match="no attribute 'recv_many'|AttributeError|KeyError|nobody"):
        running.measure("nobody", {**JOB, "kind": "call"})


def test_a_run_has_latencies_and_curves():
    small = Curve("small", "small", "stream", "size", (1, 64), ("zmqfast", BATCHED, "pyzmq"))
    wanted = rounds.Wanted(("zmqfast", "pyzmq"), (), ("tcp",), (small,))
    result = rounds.run(wanted, rounds.Plan(INSTANT, INSTANT, INSTANT, quick=False), lambda total: None, lambda text: None)
    assert result.failures == {}
    for found in result.latency["tcp"].values():
        assert found.count >= latency.AT_LEAST
        assert found.percentiles["50"] <= found.percentiles["99"] <= found.percentiles["99.9"] <= found.percentiles["100"]
    assert {name: [point.at for point in line] for name, line in result.curves["small"].items()} == {
        "zmqfast": [1, 64], BATCHED: [1, 64], "pyzmq": [1, 64]}
    assert all(point.rate() > 0 for line in result.curves["small"].values() for point in line)


def test_the_time_is_up_before_a_round_is_whole():
    wanted = rounds.Wanted(("zmqfast",), [case for case in cases() if case.name == "frame"], (), ())
    no_time = rounds.Section(5, 0.02, 0)
    result = rounds.run(wanted, rounds.Plan(no_time, no_time, no_time, quick=True), lambda total: None, lambda text: None)
    assert result.rounds == 0
    assert "the time was up after 0 whole rounds of 5" in tables.conditions(result)


def test_latencies_are_added_up():
    first = latency.gather(None, [1_000_000] * 999)
    both = latency.gather(first, [9_000_000])
    assert both.count == 1000
    assert both.percentiles["50"] == pytest.approx(1_000_000, rel=0.001)
    assert both.percentiles["100"] == pytest.approx(9_000_000, rel=0.001)


def test_a_ratio_pairs_the_values_of_one_round():
    case = Case("x", "x", "x", (), "x", targets={"pynng": 2})
    result = Result(MACHINE, {}, {}, values={"x": {"zmqfast": [10.0, 20.0, 30.0], "pynng": [5.0, None, 10.0]}})
    assert result.ratios(case, "pynng") == [2, 3]
    assert result.ratio(case, "pynng") == 2.5
    assert list(result.verdicts(case)) == [("pynng", 2.5, 2, True)]


def test_a_cost_with_an_upper_bound_is_reached_below_it():
    case = Case("x", "x", "x", (), "x", targets={"pyzmq": 1.5}, is_cost=True, at_most=True)
    assert case.reached("pyzmq", case.ratio(3, 2)) is True
    assert case.reached("pyzmq", case.ratio(4, 2)) is False


def test_names_are_unique():
    assert len({case.name for case in cases()}) == len(cases())
    assert len({curve.name for curve in CURVES}) == len(CURVES)


def some_result() -> Result:
    case = next(case for case in cases() if case.name == "call-16")
    return Result(MACHINE, {"zmqfast": "1", "pyzmq": "2"}, {"c": "<no> compiler"}, 1, 5, 0.1, 10,
                  {case.name: {"zmqfast": [3e6], "pyzmq": [1e6]}},
                  {"tcp": {"zmqfast": latency.gather(None, range(1000, 50_000))}},
                  {"fan-in": {"zmqfast": [Point(1, [1e6, 2e6], [1 << 24]), Point(10, [2e6], [1 << 25])]}},
                  {"fan-in at 100": {"zmqfast": "too many"}})


def test_a_result_is_read_as_it_was_saved(tmp_path):
    some_result().save(tmp_path / "result.json")
    assert load(tmp_path / "result.json") == some_result()


def test_a_file_of_another_format_is_refused_by_name(tmp_path):
    (tmp_path / "old.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(ValueError, match=r"old\.json"):
        load(tmp_path / "old.json")


def test_the_page_needs_no_other_file_and_the_pictures_are_png(tmp_path):
    written = page.write(some_result(), cases(), tmp_path / "page.html")
    text = written[0].read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=\"(?!#)", text) == []
    assert "&lt;no&gt; compiler" in text
    assert text.count("<svg") == 3
    assert [file.name for file in written[1:]] == ["page-ratios.png", "page-latency.png", "page-fan-in.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in written[1:])


def test_a_missed_target_is_shown_in_the_readme_whatever_its_row(report):
    result = some_result()
    result.values = {"events": {"zmqfast": [1e6], "pyzmq": [1e6]}}      # no headline
    assert "| getsockopt(EVENTS) | 1 M/s | **1.00** (target >= 4) |" in report.readme_table(result)
    result.values["events"]["zmqfast"] = [5e6]
    assert "getsockopt" not in report.readme_table(result)


def test_the_readme_and_the_page_show_the_newest_saved_result(report):
    """Nobody types a number: what is between the marks is what the report makes of bench/results/, or nothing."""
    saved = report.newest()
    readme, text = report.README.read_text(encoding="utf-8"), report.PAGE.read_text(encoding="utf-8")
    result = load(saved) if saved else Result(MACHINE, {}, {})
    assert report.replaced(readme, "benchmark", report.readme_table(result) if saved else "") == readme
    made = text
    for name, part in report.page_parts(result):
        made = report.replaced(made, name, part if saved else "")
    assert made == text
