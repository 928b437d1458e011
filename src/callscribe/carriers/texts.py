"""How a carrier's socket takes its text messages straight from the server's front, without a queue between."""

from __future__ import annotations

from collections.abc import Callable

TEXTS = "callscribe.texts"
"""An extension in the ASGI scope of a WebSocket. Its member `take` is a `TakeTexts`."""

TakeTexts = Callable[[Callable[[str | bytes], None], Callable[[Exception], None]], None]
"""From now on the first argument is called with every text message, as it came where that is plain ASCII, on the event
loop, a beat late where there are many sockets (`callscribe.web.beat`); it must not block. If it raises,
the second gets the exception, and messages are queued as before. Other messages and the end are received as before."""
