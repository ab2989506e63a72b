"""`gc`, for code that imports it from pyzmq. zmqfast itself keeps zero-copy buffers in its core, without a thread.

It does what pyzmq's does: store() keeps an object alive until its id arrives at the PULL socket `gc.url`.
"""

from __future__ import annotations

import atexit
import os
import struct
import threading
from typing import Any, NamedTuple

from zmqfast.constants import LINGER, PULL, PUSH
from zmqfast.context import Context
from zmqfast.errors import ZMQError
from zmqfast.socket import Socket

_ID = struct.Struct("Q")
_STOP = b"DIE"


class gcref(NamedTuple):
    """What store() keeps, and what is set when it is let go."""

    obj: object
    event: threading.Event | None


class GarbageCollectorThread(threading.Thread):
    """Lets go of the objects whose ids arrive."""

    def __init__(self, gc: GarbageCollector) -> None:
        super().__init__(name="zmqfast-gc", daemon=True)
        self.gc = gc
        self.pid = os.getpid()
        self.ready = threading.Event()

    def run(self) -> None:
        """Serve until stop(), or until the context ends."""
        try:
            with self.gc.context.socket(PULL) as pull:
                pull.set(LINGER, 0)
                pull.bind(self.gc.url)
                self.ready.set()
                while (message := pull.recv()) != _STOP:
                    if len(message) == _ID.size:
                        ref = self.gc.refs.pop(_ID.unpack(message)[0], None)
                        if ref is not None and ref.event is not None:
                            ref.event.set()
        except ZMQError:        # the context has ended
            pass
        finally:
            self.ready.set()


class GarbageCollector:
    """Keeps objects alive until they are let go through a socket.

    Args:
        context: of the sockets; one of its own when None.
    """

    url = "inproc://pyzmq.gc.01"

    refs: dict[int, gcref]
    """By id, what is kept."""

    def __init__(self, context: Context[Any] | None = None) -> None:
        self.refs = {}
        self.pid: int | None = None
        self.thread: GarbageCollectorThread | None = None
        self._context = context
        self._owns_context = context is None
        self._push: Socket[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def context(self) -> Context[Any]:
        """The context of the sockets."""
        if self._context is None or self._context.closed:
            self._context = Context()
            self._owns_context = True
        return self._context

    @context.setter
    def context(self, context: Context[Any]) -> None:
        self.stop()
        self._context = context
        self._owns_context = False

    def start(self) -> None:
        """Start the thread, if it does not run in this process."""
        with self._lock:
            if self.is_alive():
                return
            if self.pid != os.getpid():
                self.refs.clear()       # of the process that we were forked from
            self.pid = os.getpid()
            self.thread = GarbageCollectorThread(self)
            self.thread.start()
            self.thread.ready.wait()
            push = self.context.socket(PUSH)
            push.set(LINGER, 0)
            push.connect(self.url)
            self._push = push

    def stop(self) -> None:
        """End the thread, and let go of everything."""
        with self._lock:
            thread, self.thread = self.thread, None
            push, self._push = self._push, None
            if push is not None and not push.closed:
                try:
                    if thread is not None and thread.is_alive():
                        push.send(_STOP)
                        thread.join()
                finally:
                    push.close()
            context, self._context = self._context, None
            if context is not None and self._owns_context and self.pid == os.getpid():
                context.term()
            self.refs.clear()

    def is_alive(self) -> bool:
        """Whether the thread runs, in this process."""
        return self.pid == os.getpid() and self.thread is not None and self.thread.is_alive()

    def store(self, obj: object, event: threading.Event | None = None) -> int:
        """Keep an object, and return its id; `event` is set when it is let go."""
        self.start()
        ref = gcref(obj, event)
        number = id(ref)
        self.refs[number] = ref
        return number


gc = GarbageCollector()
atexit.register(gc.stop)
