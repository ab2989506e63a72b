"""Every row of the table of differences has its test, which finds the difference."""

from __future__ import annotations

from dataclasses import replace

import pytest
from differential.conftest import is_possible
from differential.differences import DIFFERENCES, is_written

ROWS = {f"{number} {row.reason}": row for number, row in enumerate(DIFFERENCES)}


def complaint(row) -> str | None:
    """What is wrong with a row, once its test has run."""
    if not is_written(row.test):
        return f"there is no test {row.test}"
    if row.test not in row.needed_by:
        return f"{row.test} has not found it; those that have: {sorted(row.needed_by) or 'none'}"
    return None


@pytest.mark.after_the_test_of_its_row
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_row_is_needed(row):
    assert complaint(row) is None


def test_a_row_without_a_test_is_an_error():
    gone = replace(DIFFERENCES[0], test="differential/test_option_values.py::test_that_is_gone")
    assert complaint(gone) == "there is no test differential/test_option_values.py::test_that_is_gone"
    assert is_possible(gone, running=set()), "so that it fails in every run"
    no_file = replace(DIFFERENCES[0], test="differential/test_gone.py::test_that_is_gone")
    assert complaint(no_file) == "there is no test differential/test_gone.py::test_that_is_gone"


def test_a_row_that_its_test_does_not_find_is_an_error():
    row = replace(DIFFERENCES[0], needed_by=set())
    assert "has not found it; those that have: none" in complaint(row)
    row.needed_by.add("parity/test_interface.py::test_every_name_is_there")
    assert "those that have: ['parity" in complaint(row)
    row.needed_by.add(row.test)
    assert complaint(row) is None


def test_a_row_waits_for_its_test():
    row = DIFFERENCES[0]
    assert is_possible(row, running={row.test})
    assert not is_possible(row, running=set())
    assert not is_possible(replace(row, there=False), running={row.test})
