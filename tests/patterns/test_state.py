"""State: replicas become the same as their owner again, whoever is killed, stalled or cut off."""

from __future__ import annotations

import asyncio
import json

import pytest
from patterns.parts import BEAT, until
from tcp_link import TcpLink

from zmqfast.patterns.codecs import BodyError
from zmqfast.patterns.state import GONE, AsyncReplica, AsyncState, NotConfirmed, Replica, State

LOCAL = "tcp://127.0.0.1:*"
TIMEOUT_S = 20

# An owner that tells where it is.
OWNER = f"""
    import sys, threading
    from zmqfast.patterns.state import State

    with State(sys.argv[1], initial={{"initial": sys.argv[2]}}, heartbeat={BEAT}) as state:
        print(state.endpoint, flush=True)
        threading.Event().wait()
"""

# A replica that tells the ends of its values whenever "told" has changed.
REPLICA = f"""
    import json, sys
    from zmqfast.patterns.state import Replica

    with Replica(sys.argv[1], hwm=10, heartbeat={BEAT}) as replica:
        told = None
        while True:
            replica.wait_for(lambda replica: replica.get("told") != told)
            told = replica["told"]
            ends = {{key: str(value)[-5:] for key, value in replica.items()}}
            print(json.dumps([ends, replica.statistics]), flush=True)
"""


def replica_of(state, **options):
    return Replica(state.endpoint, heartbeat=BEAT, **options)


def test_a_replica_has_what_was_there_and_what_changes():
    with State(LOCAL, initial={"a": 1}, heartbeat=BEAT) as state:
        state["b"] = [2]
        with replica_of(state) as replica:
            replica.wait_ready(TIMEOUT_S)
            assert dict(replica) == {"a": 1, "b": [2]}
            state["a"] = 3
            del state["b"]
            replica.wait_for(lambda replica: dict(replica) == {"a": 3}, TIMEOUT_S)
            with pytest.raises(KeyError):
                replica["b"]
            with pytest.raises(KeyError):
                del state["b"]
            until(lambda: state.statistics["replicas"] == 1)
        until(lambda: state.statistics["left"] == 1)


def test_replicas_write_through_the_owner():
    with State(LOCAL, heartbeat=BEAT) as state, replica_of(state) as one, replica_of(state) as two:
        one["a"] = 1
        assert (state["a"], one["a"]) == (1, 1)         # when it returns both have it
        two.put("b", 2, timeout=TIMEOUT_S)
        two.wait_for(lambda two: dict(two) == {"a": 1, "b": 2}, TIMEOUT_S)
        del two["a"]
        one.delete("nothing")
        one.wait_for(lambda one: dict(one) == {"b": 2}, TIMEOUT_S)
        with pytest.raises(KeyError):
            del one["nothing"]
        with pytest.raises(BodyError, match="c: not a body of codec 'json'"):
            one["c"] = {1j}
        with pytest.raises(ValueError, match="more than 0 seconds, not 0"):
            one.put("c", 1, ttl=0)


def test_asyncio_state_and_replica():
    async def main():
        async with AsyncState(LOCAL, initial={"a": 1}, heartbeat=BEAT) as state, \
                AsyncReplica(state.endpoint, heartbeat=BEAT) as replica:
            await replica.wait_ready(TIMEOUT_S)
            assert dict(replica) == {"a": 1}
            await asyncio.gather(*(replica.put(f"key {number}", number) for number in range(100)))
            assert len(state) == len(replica) == 101
            state.put("short", 1, ttl=0.05)
            await replica.wait_for(lambda replica: "short" in replica, TIMEOUT_S)
            await replica.wait_for(lambda replica: "short" not in replica, TIMEOUT_S)
            await replica.delete("a")
            del state["key 1"]
            await replica.wait_for(lambda replica: len(replica) == 99, TIMEOUT_S)
            assert "a" not in state

    asyncio.run(main())


def test_a_value_goes_when_its_time_is_over_here_and_there():
    changes = []
    with State(LOCAL, heartbeat=BEAT) as state, \
            replica_of(state, on_change=lambda *change: changes.append(change)) as replica:
        replica.wait_ready(TIMEOUT_S)
        state.put("short", 1, ttl=0.2)
        state.put("renewed", 2, ttl=0.2)
        state.put("renewed", 3)
        until(lambda: ("short", GONE) in changes and "short" not in state)      # whichever is first
        assert dict(state) == {"renewed": 3}
        assert changes == [("short", 1), ("renewed", 2), ("renewed", 3), ("short", GONE)]


def test_a_value_does_not_outlive_its_time_where_the_link_is_cut():
    with State(LOCAL, heartbeat=BEAT) as state:
        with TcpLink(state.endpoint) as link:
            with Replica(link.endpoint, heartbeat=BEAT) as replica:
                replica.wait_ready(TIMEOUT_S)
                state.put("short", 1, ttl=0.5)
                replica.wait_for(lambda replica: "short" in replica, TIMEOUT_S)
                link.set_cut(True)
                replica.wait_for(lambda replica: "short" not in replica, TIMEOUT_S)


def test_a_value_that_cannot_be_read_is_an_error_of_its_key_alone():
    changes = []
    with State(LOCAL, codec="bytes", heartbeat=BEAT) as state, \
            replica_of(state, on_change=lambda *change: changes.append(change)) as replica:
        replica.wait_ready(TIMEOUT_S)
        state["bad"] = b"{"
        state["good"] = b"1"
        replica.wait_for(lambda replica: len(replica) == 2, TIMEOUT_S)
        assert replica["good"] == 1
        with pytest.raises(BodyError, match="bad: not a body of codec 'json'"):
            replica["bad"]
        assert [(key, type(value)) for key, value in changes] == [("bad", BodyError), ("good", int)]


def test_a_write_that_the_owner_cannot_read_changes_nothing():
    with State(LOCAL, heartbeat=BEAT) as state, replica_of(state, codec="bytes") as replica:
        replica["bad"] = b"{"
        assert len(state) == 0 and state.statistics["wrong"] == 1
        replica._driver.core.send("feed", [b"Wnonsense"])
        replica["good"] = b"1"
        assert dict(state) == {"good": 1} and state.statistics["wrong"] == 2


def test_messages_of_others_do_not_end_a_replica():
    with State(LOCAL, heartbeat=BEAT) as state, replica_of(state) as replica:
        replica.wait_ready(TIMEOUT_S)
        core = state._core
        with state._driver.lock:
            for frames in ([], [b"short"], [core.header(core.next, 0, 1)], [core.header(core.next, 0, 1), b"P", b"", b""],
                           [core.header(core.next, 0, 1), b"P", bytes(8), b"\xff", b"1"]):
                core.send("followers", [core.topic, *frames])
        state["a"] = 1
        replica.wait_for(lambda replica: dict(replica) == {"a": 1}, TIMEOUT_S)
        assert replica.statistics["strange"] == 5


def test_states_of_other_names_are_not_mixed_up():
    with State(LOCAL, name="one", initial={"a": 1}, heartbeat=BEAT) as state, replica_of(state, name="two") as replica:
        until(lambda: state.statistics["replicas"] == 1)
        with pytest.raises(TimeoutError, match="state 'two' was not there after 0.3 s"):
            replica.wait_ready(0.3)


# -- faults ---------------------------------------------------------------------------------------------------------


def test_a_link_is_cut_and_healed_and_the_replica_becomes_the_same_again():
    changes = []
    with State(LOCAL, heartbeat=BEAT) as state:
        with TcpLink(state.endpoint) as link:
            with Replica(link.endpoint, heartbeat=BEAT,
                         on_change=lambda *change: changes.append(change)) as replica:
                replica.wait_ready(TIMEOUT_S)
                for turn in range(3):
                    state["turn"], state["gone"], state["same"] = turn, 1, 1
                    replica.wait_for(lambda replica, turn=turn: replica.get("turn") == turn and len(replica) == 3,
                                     TIMEOUT_S)
                    link.set_cut(True)
                    until(lambda: state.statistics["replicas"] == 0)
                    changes.clear()
                    state["turn"] = f"cut {turn}"
                    del state["gone"]
                    link.set_cut(False)
                    replica.wait_for(lambda replica: len(replica) == 2, TIMEOUT_S)
                    assert dict(replica) == {"turn": f"cut {turn}", "same": 1}
                    assert changes == [("gone", GONE), ("turn", f"cut {turn}")]
                assert replica.statistics["missed"] == 6


def test_a_write_survives_a_cut_link_and_is_made_once():
    with State(LOCAL, heartbeat=BEAT) as state:
        with TcpLink(state.endpoint) as link:
            with Replica(link.endpoint, heartbeat=BEAT) as replica:
                replica.wait_ready(TIMEOUT_S)
                link.set_cut(True)
                with pytest.raises(NotConfirmed, match="a: the owner did not confirm it within 0.05 s"):
                    replica.put("a", 1, timeout=0.05)
                link.set_cut(False)
                replica.put("b", 2, timeout=TIMEOUT_S)
                assert dict(state) == {"a": 1, "b": 2}
                assert state.statistics["changes"] == 2


def test_a_stalled_replica_misses_changes_and_becomes_the_same_again(program):
    with State(LOCAL, initial={"told": 0}, hwm=10, heartbeat=BEAT) as state:
        stalled = program(REPLICA, state.endpoint)
        stalled.line()
        stalled.stall()
        large = "x" * 8192
        for number in range(4000):
            state[f"key {number % 50}"] = large + str(number)
        stalled.go_on()
        state["told"] = 1
        while True:
            there, statistics = json.loads(stalled.line())
            if there["told"] == "1":
                break
        assert there == {key: str(value)[-5:] for key, value in state.items()}
        assert statistics["resynchronized"] >= 1 and statistics["missed"] > 0


def test_a_killed_owner_is_restarted_with_what_it_has(program):
    first = program(OWNER, LOCAL, "first")
    endpoint = first.line()
    changes = []
    with Replica(endpoint, heartbeat=BEAT, on_change=lambda *change: changes.append(change)) as replica:
        replica["ours"] = 1
        assert dict(replica) == {"initial": "first", "ours": 1}
        first.kill()
        until(lambda: replica.silent_s > 3 * BEAT)
        assert dict(replica) == {"initial": "first", "ours": 1}         # what was last heard
        with pytest.raises(NotConfirmed):
            replica.put("late", 2, timeout=0.05)
        again = program(OWNER, endpoint, "again")
        assert again.line() == endpoint
        replica.put("later", 3, timeout=TIMEOUT_S)
        assert dict(replica) == {"initial": "again", "late": 2, "later": 3}
        assert ("ours", GONE) in changes


def test_a_killed_replica_harms_nobody(program):
    with State(LOCAL, initial={"told": 0}, heartbeat=BEAT) as state, replica_of(state) as other:
        killed = program(REPLICA, state.endpoint)
        killed.line()
        killed.kill()
        until(lambda: state.statistics["left"] == 1)
        state["a"] = 1
        other.wait_for(lambda other: other.get("a") == 1, TIMEOUT_S)
