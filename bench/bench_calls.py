"""What one call costs, inside one process and one thread: make bench."""

from __future__ import annotations

import pytest

KIB = 1024


@pytest.mark.parametrize("size", [16, 256, 4 * KIB, 64 * KIB], ids=lambda size: f"{size}B")
def test_cost_of_send_and_recv(benchmark, pair, size):
    first, second = pair
    frame = bytes(size)

    def call():
        first.send(frame)
        second.recv()

    benchmark(call)


def test_cost_of_multipart_of_three_frames(benchmark, pair):
    first, second = pair
    message = [b"x" * 16] * 3

    def call():
        first.send_multipart(message)
        second.recv_multipart()

    benchmark(call)


def test_cost_of_recv_on_an_empty_socket(benchmark, lib, pair):
    _, second = pair

    def call():
        try:
            second.recv(lib.DONTWAIT)
        except lib.Again:
            pass

    benchmark(call)


def test_cost_of_getsockopt_events(benchmark, lib, pair):
    first, _ = pair
    benchmark(first.getsockopt, lib.EVENTS)
