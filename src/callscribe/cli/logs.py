"""Logging for the whole process: one line an event to standard error, readable by people and by grep."""

from __future__ import annotations

import io
import logging
import math
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from callscribe.outlet import clean, safe

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

HIDDEN = (
    "token",
    "authtoken",
    "auth_token",
    "ticket",
    "password",
    "signature",
    "cookie",
    "authorization",
)
"""Keys whose values never reach a log."""


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: mask what must not be written down, whoever logged it."""
    for key in event:
        if key.lower() in HIDDEN:
            event[key] = "********"
    return event


def make_harmless(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: nothing in a line is obeyed by a terminal; senders choose what is logged of them."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = clean(value)
    return event


def _traceback(out: TextIO, error: Any) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    out.write(safe(text.getvalue()))


def is_news(record: logging.LogRecord) -> bool:
    """A filter: False for what the web server calls an error and is none.

    It counts an upgrade that was refused with an HTTP answer as a handshake never finished (uvicorn's sans-I/O
    WebSocket protocol). The refusal itself is logged where it is decided.
    """
    return record.getMessage() != "ASGI callable returned without completing handshake."


class Harmless(logging.Formatter):
    """What libraries log: a line each, and tracebacks. Nothing of it is obeyed by a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return clean(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return safe(super().formatException(ei))


class Thinned(logging.Filter):
    """Lets one record of a kind through in a minute; the next one says how many were held back.

    For what libraries log about connections: whoever can connect can make them log, tracebacks and all.

    Args:
        clock: monotonic seconds.
    """

    LOGGERS = ("uvicorn", "asyncio", "websockets")
    WINDOW_S = 60.0
    REMEMBERED = 64

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self.LOGGERS):
            return True
        error = record.exc_info[1] if record.exc_info else None
        # asyncio puts addresses and file numbers into the lines after the first.
        kind = (record.name, str(record.msg).partition("\n")[0], type(error), str(error)[:80])
        now = self._clock()
        since, hidden = self._kinds.get(kind, (-math.inf, 0))
        if now - since < self.WINDOW_S:
            self._kinds[kind] = (since, hidden + 1)
            return False
        if hidden:
            record.msg = f"{record.getMessage()} ({hidden} more like this since the last one)"
            record.args = ()
        self._kinds.pop(kind, None)
        while len(self._kinds) >= self.REMEMBERED:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = (now, 0)
        return True


def configure(level: str) -> None:
    """Send structlog's and the standard library's messages of `level` and above to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%S", utc=True),
            hide_secrets,
            make_harmless,
            # Tracebacks without the values of variables: among them are tickets and callers' numbers.
            *(
                [
                    structlog.dev.ConsoleRenderer(
                        colors=True,
                        pad_event_to=0,
                        exception_formatter=_traceback,
                    )
                ]
                if sys.stderr.isatty()
                else [
                    structlog.processors.format_exc_info,
                    structlog.processors.KeyValueRenderer(
                        key_order=["timestamp", "level", "event"], drop_missing=True
                    ),
                ]
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=max(LEVELS[level], logging.WARNING),
        stream=sys.stderr,
        force=True,
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(Harmless("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.addFilter(is_news)
        handler.addFilter(Thinned())
