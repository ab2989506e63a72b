"""What is put right in the copies of libzmq's files that are built: what peers, our own calls or the system can do to it,
and system calls, copies and counting that nobody needs.

libzmq/ itself stays as it is: setup.py writes what is changed below build/, and compiles that instead. Each fix names
its file, the text that it replaces, wherever that stands, and why. One whose text is not there does nothing, nor do those
that need it: libzmq has moved on, and the tests in tests/hostile and tests/core/test_system_calls.py say what is needed
again. "Both" is 4.3.4 and the pinned commit.
"""

from __future__ import annotations

import re
from pathlib import Path

from .against_calls_and_system import AGAINST_CALLS_AND_SYSTEM
from .against_peers import AGAINST_PEERS
from .fewer_copies import BYTES_IN_PLACE, LONG_READS
from .fewer_steps import FEWER_DIVISIONS, NO_CLOCK, WHOLE_FRAMES
from .fewer_system_calls import FEWER_SYSTEM_CALLS, WRITES_AT_ONCE
from .gathered_writes import GATHERED_WRITES
from .less_sharing import BUFFERS_AHEAD, METADATA_AHEAD, QUEUE_LINES, QUEUE_PLACES
from .more_room import MORE_ROOM
from .patient_accept import PATIENT_ACCEPT
from .short_messages import SHORT_MESSAGES

EACH_FOR_ITSELF = (*AGAINST_PEERS, *AGAINST_CALLS_AND_SYSTEM, *FEWER_SYSTEM_CALLS)
ALL_OR_NONE = (BYTES_IN_PLACE, LONG_READS, GATHERED_WRITES, WRITES_AT_ONCE, MORE_ROOM, PATIENT_ACCEPT, QUEUE_LINES,
               QUEUE_PLACES, METADATA_AHEAD, BUFFERS_AHEAD, WHOLE_FRAMES, SHORT_MESSAGES, FEWER_DIVISIONS, NO_CLOCK)


def fixed(texts: dict[str, str]) -> dict[str, str]:
    """The changed ones of libzmq's files, by their name below src/."""
    changed = dict(texts)
    for fix in EACH_FOR_ITSELF:
        if fix.file in changed:
            changed[fix.file] = changed[fix.file].replace(fix.before, fix.after)
    for fixes in ALL_OR_NONE:
        if all(fix.before in changed.get(fix.file, "") for fix in fixes):
            for fix in fixes:
                changed[fix.file] = changed[fix.file].replace(fix.before, fix.after)
    return {file: text for file, text in changed.items() if text != texts[file]}


def write_fixed(source: Path, place: Path) -> list[str]:
    """Write the changed copies of the files below source/src to `place`; the names of what is compiled of those.

    Whoever includes a header that is changed has to be compiled with that one, and finds the one beside itself: so it is
    copied as well.
    """
    texts = {file.name: file.read_text(encoding="utf-8") for file in (source / "src").glob("*.[ch]pp")}
    includes = {file: set(re.findall(r'^\s*#\s*include "(\w+\.hpp)"', text, re.MULTILINE)) for file, text in texts.items()}
    changed = fixed(texts)
    files = set(changed)
    while more := {file for file, included in includes.items() if included & files} - files:
        files |= more
    for file in files:
        (place / file).write_text(changed.get(file, texts[file]), encoding="utf-8")
    return sorted(file for file in files if file.endswith(".cpp"))
