"""Fix: one text of libzmq's, and what is compiled instead."""

from typing import NamedTuple


class Fix(NamedTuple):
    file: str       # below src/
    before: str
    after: str
