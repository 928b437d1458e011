"""What people may do to a live call: pause it, name its speakers."""

from __future__ import annotations

import asyncio

from callscribe.calls.book import CallBook
from callscribe.calls.speakers import clean_name
from callscribe.errors import CallscribeError
from callscribe.events import Track, TranscriptionPaused, TranscriptionResumed


async def pause(book: CallBook, call: str, by: str) -> None:
    """From now on audio is neither decoded nor kept. Nothing to do when that is so already."""
    record = book.find(call)
    if record.paused:
        return
    record.paused = True
    at_ms = book.now_ms(record)
    # All at once, and said at once: each waits until what came before has been decoded.
    pauses = asyncio.gather(*(session.pause() for session in book.sessions(record)))
    await book.publish(TranscriptionPaused(call=record.id, at_ms=at_ms, by=by))
    await pauses


async def resume(book: CallBook, call: str, by: str) -> None:
    """Transcribe again."""
    record = book.find(call)
    if not record.paused:
        return
    record.paused = False
    at_ms = book.now_ms(record)
    await asyncio.gather(*(session.resume() for session in book.sessions(record)))
    await book.publish(TranscriptionResumed(call=record.id, at_ms=at_ms, by=by))


async def rename(book: CallBook, call: str, leg: str, track: Track, speaker: str) -> None:
    """Call a speaker by another name."""
    record = book.find(call)
    name = clean_name(speaker)
    if not name:
        raise CallscribeError("A speaker needs a name.")
    if (leg, track) not in record.labels:
        raise CallscribeError(f"The call has no speaker on leg {leg}, track {track}.")
    await book.rename(record, leg, track, name)


async def swap(book: CallBook, call: str) -> None:
    """Exchange the names of two speakers."""
    record = book.find(call)
    if len(record.labels) != 2:
        raise CallscribeError(
            "Only the names of exactly two speakers can be swapped; rename them instead."
        )
    (one, first), (two, second) = record.labels.items()
    await book.rename(record, *one, second)
    await book.rename(record, *two, first)
