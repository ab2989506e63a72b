"""What the annotations of socket and context need at run time; importing typing takes longer than all of zmqfast."""

from __future__ import annotations

TYPE_CHECKING = False       # type checkers take it for true
if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import cast as cast
else:
    class Generic:
        """A class that takes types in brackets: `Socket[bytes]`."""

        __slots__ = ()

        __class_getitem__ = classmethod(type(list[int]))      # types.GenericAlias

    def cast(kind, value):
        """`value` itself, which a type checker takes for a `kind`."""
        return value
