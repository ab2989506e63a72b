"""TcpLink: a link that can be cut; it forwards TCP in a thread of its own."""

from __future__ import annotations

import asyncio
import threading


class TcpLink:
    """Forwards what connects to `endpoint` to another endpoint of this host, unless it is cut."""

    endpoint: str
    loop: asyncio.AbstractEventLoop
    closing: asyncio.Event

    def __init__(self, target: str) -> None:
        self.host, self.port = target.removeprefix("tcp://").split(":")
        self.cut = self.silent = False
        self.writers: set[asyncio.StreamWriter] = set()
        ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run(ready)), daemon=True)
        self.thread.start()
        ready.wait()

    async def run(self, ready: threading.Event) -> None:
        self.loop, self.closing = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.endpoint = "tcp://{}:{}".format(*server.sockets[0].getsockname())
        ready.set()
        await self.closing.wait()
        server.close()
        self.cut, self.silent = True, False
        await self.abort()
        if serving := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(serving)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            if self.cut:
                return
            self.writers.add(writer)
            other_reader, other_writer = await asyncio.open_connection(self.host, self.port)
            writers.append(other_writer)
            self.writers.add(other_writer)
            await asyncio.gather(self.forward(reader, other_writer), self.forward(other_reader, writer))
        except OSError:
            pass
        finally:
            for each in writers:
                each.transport.abort()
            self.writers.difference_update(writers)

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            while self.silent:                  # nothing is lost, and nothing gets through
                await asyncio.sleep(0.02)
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()              # all has got through
        raise ConnectionError

    async def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0)                  # they are closed in the loop's next turn

    def set_cut(self, cut: bool) -> None:
        """Cut: connections end at once, new ones too."""
        self.cut = cut
        if cut:
            asyncio.run_coroutine_threadsafe(self.abort(), self.loop).result()

    def set_silent(self, silent: bool) -> None:
        """Silent: connections stay, and nothing gets through."""
        self.silent = silent

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.closing.set)
        self.thread.join()

    def __enter__(self) -> TcpLink:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
