"""All cases of misuse, by their classes."""

from __future__ import annotations

from misuse import (
    cases_buffers,
    cases_exit,
    cases_lifetime,
    cases_processes,
    cases_resources,
    cases_signals,
    cases_teardown,
    cases_threads,
    cases_values,
)
from misuse.case import Case

CASES: list[Case] = [
    *cases_threads.cases(),
    *cases_processes.cases(),
    *cases_signals.cases(),
    *cases_resources.cases(),
    *cases_lifetime.cases(),
    *cases_exit.cases(),
    *cases_buffers.cases(),
    *cases_values.cases(),
    *cases_teardown.cases(),
]
