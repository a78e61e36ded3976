"""Calls that may pass a millisecond leave the trio loop here, and only here.

A thread is never abandoned: cancelling the caller waits for the call, so that nobody else
touches the decoder or the journal while a forgotten call still works on it.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

import trio

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

THREADS_MAX = 4


class Offload(Protocol):
    """Runs a blocking call and gives back what it returns or raises."""

    async def __call__(
        self, call: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """Awaits `call(*arguments)`."""
        ...


class ThreadOffload:
    """In a thread, with a limiter of its own: a slow disk cannot starve other users of threads."""

    def __init__(self, threads_max: int = THREADS_MAX) -> None:
        """At most `threads_max` calls at a time; the others queue."""
        self._limiter = trio.CapacityLimiter(threads_max)

    async def __call__(
        self, call: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """Awaits the call; cancellation waits for its end."""
        return await trio.to_thread.run_sync(  # noqa: TID251 (this is the one file)
            call, *arguments, abandon_on_cancel=False, limiter=self._limiter
        )


class InlineOffload:
    """In the loop itself: under a virtual clock a thread would look like an hour."""

    async def __call__(
        self, call: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """A checkpoint, then the call."""
        await trio.lowlevel.checkpoint()
        return call(*arguments)
