"""What people do to a call, by whatever name they call it.

The live calls are asked first: one that began while the record could not be written is in no record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool

from callscribe.errors import CallscribeError, NotLiveError
from callscribe.store.base import RecordReader


class EndedError(CallscribeError):
    """The call is over."""


async def steer(store: RecordReader, sid: str, act: Callable[[str], Awaitable[object]]) -> None:
    """Do something to a live call.

    Args:
        sid: the record's id, any leg's SID or the conference's, or the beginning of one of these.
        act: does it, given a name that the live calls know.

    Raises:
        EndedError: the call is over.
        NotLiveError: there is no such call, or not any more.
        CallscribeError: it cannot be done.
    """
    try:
        await act(sid)
    except NotLiveError:
        found = await run_in_threadpool(store.call, sid)
        if found is None:
            raise NotLiveError(f"There is no call {sid}.") from None
        if found.call.ended_at is not None:
            raise EndedError("The call is over; only its names can still be changed.") from None
        await act(found.call.id)
