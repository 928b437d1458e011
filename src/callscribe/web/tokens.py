"""Named tokens: made here, kept as digests, looked up for every request that shows one.

A token has 256 random bits, so a plain SHA-256 of it is as good as any slow hash: there is nothing to guess.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
import secrets
from collections.abc import Callable

import structlog
from starlette.concurrency import run_in_threadpool

from callscribe.errors import StoreError
from callscribe.records import TokenRecord
from callscribe.store.base import TokenBook
from callscribe.web.grants import SCOPES, Grant

PREFIX = "cs_"
"""How every token begins, so that people and programs that look for leaked ones know it."""
PATIENCE_S = 2.0
"""How long a request waits for the record to say whose its token is."""
LOOKED_AGAIN_S = 2.0
"""How often it is looked whether the token of a request that goes on still holds."""
_USE_NOTED_S = 60

log = structlog.get_logger(__name__)


def new_token() -> str:
    """A token that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def now() -> str:
    """This moment, as records carry it."""
    moment = dt.datetime.now(dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class NamedTokens:
    """Tells what the bearer of a token may do.

    Args:
        book: where tokens are kept.
        clock: this moment, ISO 8601 UTC.
    """

    def __init__(self, book: TokenBook, *, clock: Callable[[], str] = now) -> None:
        self._book = book
        self._clock = clock
        self._noting: set[asyncio.Task[None]] = set()

    async def grant(self, token: str) -> Grant | None:
        """The grant of a token; None when it is none of ours, was revoked, or the record did not answer in time."""
        if not token.startswith(PREFIX):
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await run_in_threadpool(self._book.find, digest(token))
        except (StoreError, TimeoutError) as error:
            log.warning("tokens cannot be looked up", error=str(error) or "no answer in time")
            return None
        if found is None:
            return None
        self._note_use(found)
        return Grant(found.name, frozenset(scope for scope in SCOPES if scope in found.scopes))

    async def revoked(self, token: str) -> None:
        """Return when a token has been revoked; a record that does not answer is no reason."""
        while True:
            await asyncio.sleep(LOOKED_AGAIN_S)
            with contextlib.suppress(StoreError):
                if await run_in_threadpool(self._book.find, digest(token)) is None:
                    return

    def _note_use(self, token: TokenRecord) -> None:
        at = self._clock()
        if token.last_used_at is not None:
            before = dt.datetime.fromisoformat(token.last_used_at)
            if abs((dt.datetime.fromisoformat(at) - before).total_seconds()) < _USE_NOTED_S:
                return
        task = asyncio.create_task(self._note(token.name, at), name="token used")
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _note(self, name: str, at: str) -> None:
        with contextlib.suppress(StoreError):  # of no weight; the next use is noted
            await run_in_threadpool(self._book.used, name, at)
