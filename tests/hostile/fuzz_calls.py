"""Everything that reads text or bytes of others, given what atheris thinks of: `make fuzz-calls`.

    python tests/hostile/fuzz_calls.py -max_total_time=60

Endpoints, options, keys, frames' properties, what monitors and authenticators receive, certificates, codecs, sequences of
frames. Each either works or raises what its page says; another exception, an end of the process or a hang is a finding,
and its input is kept in a file, which repeats it when it is given as an argument.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["zmqfast"]):
    import zmqfast as zmq
    from zmqfast import constants
    from zmqfast.auth import load_certificate
    from zmqfast.patterns import codecs
    from zmqfast.utils import monitor, z85

REFUSED = (zmq.ZMQError, TypeError, ValueError, OverflowError, NotImplementedError, KeyError, RuntimeError)
# What would wait, leave the machine, or touch its files.
ELSEWHERE = ("tcp", "udp", "ws", "wss", "pgm", "epgm", "norm", "tipc", "vsock", "ipc", "hyperv", "gssapi")
OPTIONS = [int(option) for option in constants.SocketOption if option.name not in ("USE_FD", "FD")]

context = zmq.Context()
context.linger = 0


def fuzz_endpoint(data: atheris.FuzzedDataProvider) -> None:
    endpoint = data.ConsumeUnicode(60)
    if endpoint.lower().startswith(ELSEWHERE):
        endpoint = "inproc://" + endpoint
    with context.socket(data.PickValueInList([zmq.PULL, zmq.ROUTER, zmq.SUB])) as socket:
        call = data.PickValueInList([socket.bind, socket.connect, socket.unbind, socket.disconnect, socket.monitor])
        call(endpoint)


def fuzz_option(data: atheris.FuzzedDataProvider) -> None:
    option = data.PickValueInList(OPTIONS) if data.ConsumeBool() else data.ConsumeInt(4)
    value: object = data.PickValueInList([
        data.ConsumeInt(9), data.ConsumeBytes(70), data.ConsumeUnicode(40), data.ConsumeFloat(), None, [data.ConsumeInt(2)]])
    with context.socket(data.PickValueInList([zmq.DEALER, zmq.XPUB, zmq.SUB, zmq.STREAM])) as socket:
        try:
            socket.set(option, value)       # type: ignore[arg-type]
        finally:
            with contextlib.suppress(zmq.ZMQError):
                socket.get(option)


def fuzz_frames(data: atheris.FuzzedDataProvider) -> None:
    """Whatever is sent comes, whole; what is refused leaves nothing behind."""
    frames = [data.PickValueInList([data.ConsumeBytes(100), bytearray(data.ConsumeBytes(40)), data.ConsumeUnicode(5), None])
              for _ in range(data.ConsumeIntInRange(0, 6))]
    with context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
        a.bind("inproc://frames")
        b.connect("inproc://frames")
        try:
            a.send_multipart(frames, copy=data.ConsumeBool())       # type: ignore[arg-type]
        except (TypeError, ValueError):
            assert b.try_recv() is None
        else:
            assert b.recv_multipart() == [bytes(frame) for frame in frames]     # type: ignore[arg-type]


def fuzz_keys(data: atheris.FuzzedDataProvider) -> None:
    text = data.ConsumeBytes(45)
    assert z85.decode(z85.encode(text[:len(text) // 4 * 4])) == text[:len(text) // 4 * 4]
    try:
        zmq.curve_public(text)
    finally:
        z85.decode(text)


def fuzz_certificate(data: atheris.FuzzedDataProvider) -> None:
    CERTIFICATE.write_bytes(data.ConsumeBytes(300))
    load_certificate(CERTIFICATE)


def fuzz_monitor(data: atheris.FuzzedDataProvider) -> None:
    monitor.parse_monitor_message([data.ConsumeBytes(8), data.ConsumeBytes(40)][:data.ConsumeIntInRange(0, 2)])


def fuzz_property(data: atheris.FuzzedDataProvider) -> None:
    frame = zmq.Frame(data.ConsumeBytes(60))
    frame.get(data.PickValueInList([data.ConsumeUnicode(20), data.ConsumeInt(4)]))


def fuzz_codec(data: atheris.FuzzedDataProvider) -> None:
    codec = codecs.find(data.PickValueInList(["bytes", "text", "json"]))
    codec.load([data.ConsumeBytes(200)][:data.ConsumeIntInRange(0, 1)], "fuzz")


FUZZED: list[Callable[[atheris.FuzzedDataProvider], None]] = [
    fuzz_endpoint, fuzz_option, fuzz_frames, fuzz_keys, fuzz_certificate, fuzz_monitor, fuzz_property, fuzz_codec]


def fuzz(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    call = provider.PickValueInList(FUZZED)
    with contextlib.suppress(*REFUSED):
        call(provider)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        CERTIFICATE = Path(folder, "certificate")
        atheris.Setup(sys.argv, fuzz)
        atheris.Fuzz()
