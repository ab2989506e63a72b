"""What sockets and contexts whose calls are awaited have in common: `async with` and `async for`, on any event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqfast.errors import ContextTerminated

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class AsyncContextUse:
    """`async with` for a Context: destroyed at its end."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()      # type: ignore[attr-defined]    # the Context's


class AsyncSocketUse:
    """`async with` for a Socket, closed at its end, and `async for` over what it receives."""

    __slots__ = ()

    def __aiter__(self) -> Self:
        """Received messages, each a list of frames, until the context ends."""
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.recv_multipart()      # type: ignore[attr-defined]    # the Socket's
        except ContextTerminated:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()        # type: ignore[attr-defined]    # the Socket's
