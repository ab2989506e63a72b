"""A link that can be cut: a forwarder of TCP, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine


class Forwarder:
    """Forwards what connects to `address` to the port `target` of this host, unless it is cut."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.address = ""
        self.cut = self.silent = False
        self.writers: set[asyncio.StreamWriter] = set()
        self.forwarders: set[asyncio.Task[None]] = set()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait()

    def run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.address = "{}:{}".format(*server.sockets[0].getsockname())
        ready.set()
        self.loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.abort()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            if self.cut:
                raise ConnectionError
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self.writers.add(other_writer)
            ways: list[Coroutine[None, None, None]] = [self.forward(reader, other_writer), self.forward(other_reader, writer)]
            await asyncio.gather(*ways)
        except OSError:
            pass
        finally:
            for each in [writer, *([other_writer] if "other_writer" in locals() else [])]:
                each.transport.abort()
                self.writers.discard(each)

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            while self.silent:                  # nothing is lost, and nothing gets through
                await asyncio.sleep(0.02)
            writer.write(data)
            await writer.drain()
        raise ConnectionError

    def abort(self) -> None:
        for writer in list(self.writers):
            writer.transport.abort()

    def set_cut(self, cut: bool) -> None:
        """Cut: connections end at once, new ones too."""
        self.cut = cut
        if cut:
            self.loop.call_soon_threadsafe(self.abort)

    def set_silent(self, silent: bool) -> None:
        """Silent: connections stay, and nothing gets through."""
        self.silent = silent

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
