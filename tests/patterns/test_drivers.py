"""Drivers: when a core is told of the time."""

from __future__ import annotations

import pytest

from zmqfast.patterns.drivers import CATCH_UP_S, LATE_S, Clock, Core


class Listening(Core):
    """Wants to be told each second, and keeps when it was."""

    def __init__(self, hears_heartbeats):
        super().__init__()
        self.hears_heartbeats = hears_heartbeats
        self.told = []

    def on_time(self, now):
        self.told.append(now)
        return now + 1


def test_who_was_stopped_takes_in_what_came_before_silence_counts():
    core = Listening(hears_heartbeats=True)
    clock = Clock(core)
    assert clock.tell(0.0) == 1.0 and clock.tell(1.0 + LATE_S / 2) == 2.0 + LATE_S / 2
    stopped_until = 10.0
    caught_up = stopped_until + CATCH_UP_S
    assert clock.tell(stopped_until) == caught_up and clock.tell(stopped_until + CATCH_UP_S / 2) == caught_up
    assert core.told == [0.0, 1.0 + LATE_S / 2]
    assert clock.tell(caught_up) == caught_up + 1
    assert core.told[2:] == [caught_up]


@pytest.mark.parametrize("hears_heartbeats", [True, False])
def test_who_is_on_time_or_hears_no_heartbeats_is_told_at_once(hears_heartbeats):
    core = Listening(hears_heartbeats)
    clock = Clock(core)
    moments = [0.0, 0.5, 1.0, 2.0] if hears_heartbeats else [0.0, 0.5, 10.0]
    for now in moments:
        assert clock.tell(now) == now + 1
    assert core.told == moments
