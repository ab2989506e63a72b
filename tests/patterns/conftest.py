"""The process's own Context is there before anything is counted: the patterns use it unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from patterns.parts import Program

import zmqfast as zmq


@pytest.fixture(autouse=True, scope="session")
def own_context() -> Iterator[zmq.Context]:
    context = zmq.Context.instance()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """`program(source, *arguments)` starts a Program; at the end of the test it is killed."""
    programs = []

    def start(*arguments: object) -> Program:
        programs.append(Program(*arguments))
        return programs[-1]

    yield start
    for one in programs:
        one.__exit__()
