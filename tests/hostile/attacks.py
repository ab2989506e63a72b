"""What a hostile peer does with one connection: scripts, made by chance from a seed, so that each can be repeated.

A script is a list of steps: bytes to say, a number of seconds to wait, or at its end what becomes of the connection
(CLOSE, RESET, or KEEP: it stays open and silent).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from zmtp import (
    COMMAND, COMPATIBLE, LONG, MORE, PING, PONG, SIGNATURE,
    command, frame, greeting, message, properties, ready, ws_frame, ws_request,
)
from zmtp import CLOSE as WS_CLOSE

CLOSE, RESET, KEEP = "close", "reset", "keep"
Step = bytes | float | str
Script = list[Step]
Attack = Callable[[random.Random, str], Script]

LIES = (0, 1, 255, 256, 65536, 65537, 1 << 24, (1 << 31) - 1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
MECHANISMS = (b"NULL", b"PLAIN", b"CURVE", b"GSSAPI", b"", b"null", b"NULLNULL", b"NULL\0\0x", b"\xff" * 20)
COMMANDS = (b"READY", b"ERROR", b"HELLO", b"WELCOME", b"INITIATE", b"MESSAGE", b"PING", b"PONG", b"SUBSCRIBE", b"CANCEL",
            b"JOIN", b"LEAVE", b"", b"X" * 255)


def peer_of(kind: str) -> str:
    """The socket type whose peer a socket of this kind expects."""
    return COMPATIBLE[kind]


def some(chance: random.Random, longest: int) -> bytes:
    """Up to that many bytes; short ones more often."""
    return chance.randbytes(int(longest ** chance.random()) if longest else 0)


def ending(chance: random.Random) -> str:
    return chance.choice((CLOSE, CLOSE, RESET, KEEP))


# -- before and during the handshake: none of these becomes a peer ----------------------------------------------------

def stop_in_the_greeting(chance: random.Random, kind: str) -> Script:
    return [greeting()[:chance.randrange(64)], ending(chance)]


def say_greeting_then_garbage(chance: random.Random, kind: str) -> Script:
    return [greeting(), some(chance, 100_000), ending(chance)]


def drip_the_greeting(chance: random.Random, kind: str) -> Script:
    script: Script = []
    for byte in greeting()[:chance.randrange(1, 12)]:
        script += [bytes([byte]), 0.001]
    return [*script, KEEP]


def claim_another_mechanism(chance: random.Random, kind: str) -> Script:
    said = greeting(chance.choice(MECHANISMS[1:]), as_server=chance.random() < 0.5)
    return [said, command(chance.choice(COMMANDS), some(chance, 300)), ending(chance)]


def claim_another_type(chance: random.Random, kind: str) -> Script:
    wrong = chance.choice([other for other in (*COMPATIBLE, "", "STREAM", "pull", "X" * 300) if not fits(kind, other)])
    return [greeting(), ready(wrong), message(some(chance, 100)), ending(chance)]


def fits(kind: str, other: str) -> bool:
    families = (("REQ", "REP", "DEALER", "ROUTER"), ("PUB", "SUB", "XPUB", "XSUB"))
    return COMPATIBLE[kind] == other or any(kind in family and other in family for family in families)


def break_the_ready(chance: random.Random, kind: str) -> Script:
    """A READY that is never whole: lengths that lie, commands that are none."""
    right = (b"Socket-Type", peer_of(kind).encode())
    body = properties([right])
    broken = chance.choice((
        frame(b"", COMMAND),
        frame(b"\5", COMMAND),
        frame(b"\5READ", COMMAND),
        frame(b"\xffREADY" + body, COMMAND),
        frame(b"\5READY" + body, COMMAND | MORE, size=1 << 40),
        command(b"READY", body[:-chance.randrange(1, len(right[1]))]),
        command(b"READY", b"\0\0\0\0\0" + body + b"\1"),
        command(b"ERROR", chance.choice((b"", b"\0", b"\xff", b"\3400", b"\xff" + bytes(255)))),
        command(chance.choice(COMMANDS[1:]), some(chance, 1000)),
    ))
    return [greeting(), broken, ending(chance)]


def say_a_huge_ready(chance: random.Random, kind: str) -> Script:
    """More metadata than MAXMSGSIZE."""
    items = [(b"X-" + chance.randbytes(4).hex().encode(), bytes(chance.choice((0, 100)))) for _ in range(1500)]
    return [greeting(), ready(peer_of(kind), more=[*items, (b"X", bytes(70_000))]), ending(chance)]


STRANGERS: tuple[Attack, ...] = (
    stop_in_the_greeting, say_greeting_then_garbage, drip_the_greeting, claim_another_mechanism,
    claim_another_type, break_the_ready, say_a_huge_ready,
)


# -- these may become peers -------------------------------------------------------------------------------------------

def opening(chance: random.Random, kind: str) -> bytes:
    """A handshake that is right, though odd at times."""
    routing_id = chance.choice((b"", b"", b"\0" + chance.randbytes(4), b"same", some(chance, 255), bytes(300)))
    more = [(b"X-" + some(chance, 30), some(chance, 1000)) for _ in range(chance.choice((0, 0, 1, 30)))]
    version = chance.choice((b"\3\1", b"\3\1", b"\3\0", b"\3\xff", b"\xff\xff"))
    return greeting(version=version) + ready(peer_of(kind), routing_id, more)


def say_garbage(chance: random.Random, kind: str) -> Script:
    """What does not begin as ZMTP 2 or 3 does is taken for ZMTP 1.0, which has no handshake: anything is a peer's words."""
    return [bytes([chance.choice((0, 1, 2, 0x47, 0xFE))]) + some(chance, 100_000), ending(chance)]


def say_a_ready_that_passes(chance: random.Random, kind: str) -> Script:
    """libzmq misses neither a socket type, nor the value of the last property, nor the mark of a command."""
    body = properties([(b"Socket-Type", peer_of(kind).encode())])
    lie = b"\1a" + struct.pack("!I", chance.choice((1, 1 << 16, 0x7FFFFFFF, 0xFFFFFFFF)))
    said = chance.choice((b"", body, body + lie, body[:-len(peer_of(kind))]))
    return [greeting(), frame(b"\5READY" + said, chance.choice((0, COMMAND))), message(some(chance, 100)), ending(chance)]


def lie_about_sizes(chance: random.Random, kind: str) -> Script:
    flags = chance.choice((0, LONG, MORE, MORE | LONG, COMMAND, COMMAND | LONG))
    return [opening(chance, kind), frame(some(chance, 70_000), flags, size=chance.choice(LIES)), ending(chance)]


def say_odd_flags(chance: random.Random, kind: str) -> Script:
    return [opening(chance, kind), *(frame(some(chance, 100), chance.randrange(256)) for _ in range(20)), ending(chance)]


def say_odd_commands(chance: random.Random, kind: str) -> Script:
    said: list[Step] = []
    for _ in range(chance.randrange(1, 60)):
        name = chance.choice(COMMANDS)
        said.append(chance.choice((
            command(name, some(chance, 400)),
            frame(bytes([chance.randrange(256)]) + name, COMMAND),
            frame(name, COMMAND | MORE),
            command(b"PING", struct.pack("!H", chance.choice((0, 0, 1, 65535))) + some(chance, 40)),
            message(some(chance, 40)),
        )))
    return [opening(chance, kind), *said, ending(chance)]


def never_end_a_message(chance: random.Random, kind: str) -> Script:
    return [opening(chance, kind), frame(some(chance, 100), MORE) * chance.choice((1, 100, 3000)), ending(chance)]


def subscribe_oddly(chance: random.Random, kind: str) -> Script:
    said: list[Step] = []
    for _ in range(chance.randrange(1, 200)):
        first = chance.choice((b"\0", b"\1", b"\1", b"\2", b""))
        topic = chance.choice((b"", b"a", chance.randbytes(2), bytes(chance.choice((1, 255, 60_000)))))
        body = chance.choice((message(first + topic), command(b"SUBSCRIBE", topic), command(b"CANCEL", topic)))
        said.append(body)
    return [opening(chance, kind), *said[:60], ending(chance)]


def break_the_envelope(chance: random.Random, kind: str) -> Script:
    said = [message(*(chance.choice((b"", b"", b"x", bytes(4), bytes(5))) for _ in range(chance.randrange(1, 9))))
            for _ in range(chance.randrange(1, 30))]
    return [opening(chance, kind), *said, ending(chance)]


def flood(chance: random.Random, kind: str) -> Script:
    said = message(some(chance, 1000)) + chance.choice((b"", command(b"PING", b"\0\0ping")))
    return [opening(chance, kind), said * chance.choice((10, 1000)), chance.choice((CLOSE, RESET))]


def speak_an_old_protocol(chance: random.Random, kind: str) -> Script:
    body = some(chance, 200)
    old = bytes([len(body) + 1, 0]) + body
    return [chance.choice((
        b"\1\0" + old * 3,
        b"\1\0" + chance.choice((b"\0", b"\xff" + struct.pack("!Q", chance.choice(LIES)) + b"\0")) + body,
        SIGNATURE + b"\1" + chance.randbytes(1) + b"\0\0" + frame(body),
        SIGNATURE + b"\0" + old,
        SIGNATURE + b"\1\5" + frame(b"", 0) + frame(body, chance.randrange(8)) * 5,
        b"\xff" + struct.pack("!Q", 1) + b"\0" + old * 10,
    )), ending(chance)]


def bend_what_is_right(chance: random.Random, kind: str) -> Script:
    """A session that is right, with some bytes changed, left out, repeated, or put elsewhere."""
    said = bytearray(opening(chance, kind) + message(b"\1", b"", b"body") + command(b"PING", b"\0\1ping") + message(b"x" * 300))
    for _ in range(chance.choice((1, 1, 2, 5))):
        place, size = chance.randrange(len(said)), chance.choice((1, 1, 1, 4, 60))
        piece = bytes(said[place:place + size])
        match chance.randrange(5):
            case 0:
                said[place] ^= 1 << chance.randrange(8)
            case 1:
                del said[place:place + size]
            case 2:
                said[place:place] = piece * chance.randrange(1, 4)
            case 3:
                said[place:place + size] = chance.randbytes(len(piece))
            case _:
                other = chance.randrange(len(said))
                said[other:other] = piece
        if not said:
            break
    return [bytes(said), ending(chance)]


INTRUDERS: tuple[Attack, ...] = (
    say_garbage, say_a_ready_that_passes, lie_about_sizes, say_odd_flags, say_odd_commands, never_end_a_message,
    subscribe_oddly, break_the_envelope, flood, speak_an_old_protocol, bend_what_is_right,
)


# -- over WebSocket ---------------------------------------------------------------------------------------------------

def break_the_request(chance: random.Random, kind: str) -> Script:
    right = ws_request()
    place = chance.randrange(len(right))
    return [chance.choice((
        right[:place],
        right[:place] + some(chance, 5000),
        right[:place] + chance.randbytes(1) + right[place + 1:],
        b"GET /" + b"x" * 9000 + right[5:],
        ws_request(key=b"k" * chance.choice((0, 1, 2047, 2048, 2049, 9000))),
        ws_request(chance.choice((b"", b",", b"," * 2000, b"ZWS2.0/CURVE", b"ZWS2.0/GSSAPI", b"x" * 300))),
        ws_request(more=b"N" * chance.choice((1023, 1024, 1025, 4000)) + b": v\r\n"),
        ws_request(more=b"Upgrade: x\r\nConnection:\r\n"),
        right.replace(b"\r\n", b"\n"),
    )), ending(chance)]


def break_the_frames(chance: random.Random, kind: str) -> Script:
    protocol = chance.choice((b"ZWS2.0/NULL", b"ZWS2.0/NULL", b"ZWS2.0", b" ZWS2.0", b"ZWS2.0/NULL,ZWS2.0"))
    script: Script = [ws_request(protocol)]
    if chance.random() < 0.8:
        script.append(ws_frame(b"\0" if protocol.strip() == b"ZWS2.0" else b"\4" + ready(peer_of(kind))[2:]))
    for _ in range(chance.randrange(1, 20)):
        body = some(chance, 300)
        script.append(chance.choice((
            ws_frame(b"\0" + body),
            ws_frame(b"\1" + body),
            ws_frame(bytes([chance.randrange(256)]) + body),
            ws_frame(b""),
            ws_frame(body, chance.randrange(256)),
            ws_frame(body, masked=False),
            ws_frame(body, size=chance.choice(LIES)),
            ws_frame(body[:125], chance.choice((PING, PONG, WS_CLOSE))),
            ws_frame(body, PING, size=chance.choice(LIES)),
            body,
        )))
    return [*script, ending(chance)]


OVER_WEBSOCKET: tuple[Attack, ...] = (say_garbage, break_the_request, break_the_frames, break_the_frames)
