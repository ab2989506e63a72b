"""Nothing that Python code does ends the process, hangs it, or corrupts memory: each case in a process of its own.

Several run at a time, in the order of the tests, ahead of the test that asks for the outcome. `make misuse` runs them
against pyzmq as well, and prints both columns.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from misuse.case import TIMEOUT_S, Case, Outcome, end_all, run
from misuse.cases import CASES
from program import forks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and /proc")


@pytest.fixture(scope="module")
def outcomes(request) -> Iterator[dict[str, Future[Outcome]]]:
    """The outcome of each case that was asked for, some time."""
    wanted = [item.callspec.params["case"] for item in request.session.items
              if item.path == request.path and hasattr(item, "callspec")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = {case.name: pool.submit(run, case, "zmqfast") for case in wanted}
        yield started
        pool.shutdown(wait=False, cancel_futures=True)
        end_all()


@pytest.mark.timeout(4 * TIMEOUT_S)
@pytest.mark.parametrize("case", [
    pytest.param(case, id=case.name, marks=forks if case.name.startswith(("fork:", "multiprocessing by fork:")) else ())
    for case in CASES])
def test_misuse(case: Case, outcomes):
    outcome = outcomes[case.name].result()
    assert outcome.holds(case), (
        f"{outcome.ending}\n-- printed\n{outcome.printed}-- complained\n{outcome.complaints}-- program\n{case.source}")


def test_each_case_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES)
