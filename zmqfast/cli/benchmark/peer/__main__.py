"""Measure what the argument, a JSON object, asks for; print one line at a time.

A serving side prints its endpoint, a receiving side "connected" once every peer's first message is there; then comes the
value, as JSON. Nobody ends by itself: who started us looks at our memory, and ends us all.
"""

from __future__ import annotations

import json
import os
import sys
import threading

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))     # the folder of `peer`

from peer.kinds import measure_of  # type: ignore[import-not-found]  # noqa: E402

job = json.loads(sys.argv[1])
print(json.dumps(measure_of(job["kind"])(job)), flush=True)
threading.Event().wait()
