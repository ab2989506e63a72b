"""`agree(table, cases)` runs each case on pyzmq, then on zmqfast, and wants the same outcome or a row of differences.py."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

import zmqfast
from differential.differences import Difference, is_wanted, is_written, test_of
from differential.outcome import outcome_of

try:
    import zmq as pyzmq
except ImportError:  # nothing to compare with
    collect_ignore_glob = ["test_*.py"]

Case = Callable[[Any, Any], Any]  # case(lib, context) -> what it saw


def run(lib: Any, case: Case) -> str:
    """What the case does on this library, in a context of its own."""
    sockets = []

    class Context(lib.Context):
        """Keeps every socket until the case is over, to be closed with linger 0."""

        def socket(self, *args: Any, **kwargs: Any) -> Any:
            sockets.append(super().socket(*args, **kwargs))
            return sockets[-1]

    context = Context()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return outcome_of(lib, lambda: case(lib, context))
    finally:
        for socket in sockets:  # pyzmq's context forgets a socket whose close() failed
            socket.close(linger=0)
        context.destroy(linger=0)


@pytest.fixture
def agree() -> Callable[[str, Iterable[tuple[str, Case]]], None]:
    def check(table: str, cases: Iterable[tuple[str, Case]]) -> None:
        unwanted = []
        for name, case in cases:
            key = f"{table}: {name}"
            theirs, ours = run(pyzmq, case), run(zmqfast, case)
            if theirs != ours and not is_wanted(key, theirs, ours):
                unwanted.append(f"{key}\n    pyzmq:   {theirs}\n    zmqfast: {ours}")
        assert not unwanted, f"{len(unwanted)} outcomes differ:\n" + "\n".join(unwanted)

    return check


@pytest.fixture
def agrees(request, agree) -> Callable[[Case], None]:
    """`agrees(case)`: one case, named after its test."""
    return lambda case: agree(request.node.name.removeprefix("test_"), [("", case)])


@pytest.fixture(autouse=True, scope="module")
def nothing_for_the_next() -> Iterator[None]:
    """What pyzmq complains about in __del__ is told here, not in another module's test."""
    yield
    gc.collect()


@pytest.hookimpl(trylast=True)      # once `-k` and the like have chosen
def pytest_collection_modifyitems(config, items) -> None:
    for item in items:
        if item.path.parent.name == "differential":     # pyzmq's warnings; ours would be found by nothing_left_alive
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))
    last = [item for item in items if item.get_closest_marker("after_the_test_of_its_row")]
    others = [item for item in items if item not in last]
    running = {test_of(item.nodeid) for item in others}
    possible = [item for item in last if is_possible(item.callspec.params["row"], running)]
    config.hook.pytest_deselected(items=[item for item in last if item not in possible])
    items[:] = [*others, *possible]


def is_possible(row: Difference, running: set[str]) -> bool:
    """Whether this run can tell if the row is needed: its test runs, or is not there at all."""
    return row.there and (row.test in running or not is_written(row.test))


def pytest_configure(config) -> None:
    config.addinivalue_line("markers", "after_the_test_of_its_row: the test looks at what another of this run has found")
