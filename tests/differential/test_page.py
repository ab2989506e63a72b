"""docs/differences.md shows the table of differences as it is."""

from __future__ import annotations

from differential.differences import PAGE, page


def test_the_page_shows_the_table():
    assert PAGE.read_text() == page()
