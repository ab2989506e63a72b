"""Poller, select, zmq_poll and Socket.poll."""

import os
import socket as sockets

import pytest

from differential.outcome import Step, attempt
from differential.tables import NOT_FLAGS, VALUES


def connected(lib, context):
    push, pull = context.socket(lib.PUSH), context.socket(lib.PULL)
    pull.bind("inproc://meeting")
    push.connect("inproc://meeting")
    return push, pull


class Named:
    """Shows the polled things by name, whatever order a dict would give them."""

    def __init__(self, **things):
        self.things = things

    def __call__(self, events):
        names = {id(thing): name for name, thing in self.things.items()}
        return [(names.get(id(thing), repr(thing)), int(flags), type(flags) is int) for thing, flags in events]


def ready_and_idle(lib, context):
    push, pull = connected(lib, context)
    idle = context.socket(lib.PULL)
    push.send(b"x")
    poller = lib.Poller()
    for thing in (pull, push, idle):
        poller.register(thing)
    named = Named(push=push, pull=pull, idle=idle)
    return named(poller.poll(1000)), named(poller.poll(0)), pull.recv(), named(poller.poll(0))


def registering_again(lib, context):
    push, pull = connected(lib, context)
    poller = lib.Poller()
    poller.register(push, lib.POLLIN)
    first = len(poller.sockets), push in poller, poller.poll(0)
    poller.register(push, lib.POLLOUT)
    second = len(poller.sockets), Named(push=push)(poller.poll(0))
    poller.modify(push, lib.POLLIN)
    third = poller.poll(0)
    poller.register(push, 0)
    return first, second, third, len(poller.sockets), push in poller


def unregistering(lib, context):
    push, pull = connected(lib, context)
    poller = lib.Poller()
    poller.register(push)
    return (attempt(lib, poller.unregister, push), attempt(lib, poller.unregister, push),
            attempt(lib, poller.unregister, 5), push in poller, poller.poll(0), attempt(lib, poller.modify, push))


def registering_anything(lib, context):
    poller = lib.Poller()
    return [attempt(lib, poller.register, value) for name, value in VALUES.items()
            if not isinstance(value, int) or value > 2**32]


def flags_of_any_kind(lib, context):
    push, pull = connected(lib, context)

    def poll_with(flags):
        poller = lib.Poller()
        registered = attempt(lib, poller.register, push, flags)
        return registered, attempt(lib, lambda: Named(push=push)(poller.poll(0)))

    return [(name, poll_with(flags)) for name, flags in NOT_FLAGS.items()]


def times_of_any_kind(lib, context):
    push, pull = connected(lib, context)
    poller = lib.Poller()
    poller.register(push, lib.POLLOUT)
    return [(name, attempt(lib, lambda: len(poller.poll(value)))) for name, value in VALUES.items()]


def descriptors(lib, context):
    reading, writing = os.pipe()
    try:
        poller = lib.Poller()
        poller.register(reading, lib.POLLIN)
        poller.register(writing, lib.POLLOUT)
        before = Step(str([(("reading", "writing")[fd == writing], int(flags)) for fd, flags in poller.poll(0)]))
        os.write(writing, b"x")
        after = Step(str([(("reading", "writing")[fd == writing], int(flags)) for fd, flags in poller.poll(0)]))
        return before, after
    finally:
        os.close(reading)
        os.close(writing)


def files_and_sockets(lib, context):
    push, pull = connected(lib, context)
    one, two = sockets.socketpair()
    with one, two:
        poller = lib.Poller()
        poller.register(one, lib.POLLIN)
        poller.register(pull, lib.POLLIN)
        two.send(b"x")
        push.send(b"x")
        return Step(str([(type(thing).__name__ if thing is pull else thing == one.fileno() or thing is one, int(flags))
                         for thing, flags in poller.poll(1000)])), one in poller, one.fileno() in poller


def a_closed_socket(lib, context):
    push, pull = connected(lib, context)
    poller = lib.Poller()
    poller.register(push)
    push.close()
    return attempt(lib, poller.poll, 0), attempt(lib, poller.unregister, push), attempt(lib, poller.poll, 0)


def registering_a_closed_socket(lib, context):
    push, pull = connected(lib, context)
    push.close()
    poller = lib.Poller()
    return attempt(lib, poller.register, push), attempt(lib, poller.poll, 0)


def nothing_to_wait_for(lib, context):
    poller = lib.Poller()
    return attempt(lib, poller.poll, 0), attempt(lib, poller.poll, 1), poller.sockets


def as_a_dict(lib, context):
    push, pull = connected(lib, context)
    push.send(b"x")
    poller = lib.Poller()
    poller.register(pull, lib.POLLIN)
    events = dict(poller.poll(1000))
    return pull in events, events[pull] == lib.POLLIN, push in events, poller.sockets == [(pull, lib.POLLIN)]


def selecting(lib, context):
    push, pull = connected(lib, context)
    push.send(b"x")
    named = [push, pull]
    lists = lib.select([pull, push], [push, pull], [push, pull], 1)
    return [[named.index(thing) for thing in some] for some in lists], attempt(lib, lib.select, [], [], [], 0)


def selecting_anything(lib, context):
    push, pull = connected(lib, context)
    return [attempt(lib, lib.select, *arguments) for arguments in (
        ([5.5], [], [], 0), ([None], [], [], 0), (None, [], [], 0), ([pull], [], [], "x"), ([pull], [], [], -0.5 * 0))]


def polling_a_list(lib, context):
    push, pull = connected(lib, context)
    push.send(b"x")
    named = Named(push=push, pull=pull)
    return (named(lib.zmq_poll([(pull, lib.POLLIN), (push, lib.POLLOUT)], 1000)), lib.zmq_poll([], 0),
            attempt(lib, lib.zmq_poll, [(None, 1)], 0), attempt(lib, lib.zmq_poll, [5.5], 0),
            attempt(lib, lib.zmq_poll, [(pull, "x")], 0), attempt(lib, lib.zmq_poll, None, 0),
            attempt(lib, lib.zmq_poll, [(pull, 1, 2)], 0))


def polling_a_socket(lib, context):
    push, pull = connected(lib, context)
    before = pull.poll(0), push.poll(0, lib.POLLOUT), push.poll(0, lib.POLLIN | lib.POLLOUT), pull.poll(1)
    push.send(b"x")
    return before, pull.poll(1000), pull.poll(), pull.poll(None), pull.poll(-1), type(pull.poll(0))


def ended_context(lib, context):
    ended = lib.Context()
    socket = ended.socket(lib.PULL)
    poller = lib.Poller()
    poller.register(socket, lib.POLLIN)
    ended.destroy(linger=0)
    return attempt(lib, poller.poll, 0)


STORIES = {f.__name__: f for f in (
    ready_and_idle, registering_again, unregistering, registering_anything, flags_of_any_kind, times_of_any_kind,
    descriptors, files_and_sockets, a_closed_socket, registering_a_closed_socket, nothing_to_wait_for, as_a_dict,
    selecting, selecting_anything, polling_a_list, polling_a_socket, ended_context)}


@pytest.mark.parametrize("name", STORIES)
def test_polling(agree, name):
    agree("poller", [(name, STORIES[name])])
