"""What a carrier's routes and the server's front tell each other in the ASGI scope: how a socket takes its text
messages straight from the front, without a queue between, and which request was the carrier's."""

from __future__ import annotations

from collections.abc import Callable

CHECKED = "callscribe.checked"
"""True in the scope of a request that the carrier signed. Until then it is a stranger's."""

TEXTS = "callscribe.texts"
"""An extension in the ASGI scope of a WebSocket. Its member `take` is a `TakeTexts`."""

TakeTexts = Callable[[Callable[[str | bytes], None], Callable[[Exception], None]], None]
"""From now on the first argument is called with every text message, as it came where that is plain ASCII, on the event
loop, a beat late where there are many sockets (`callscribe.web.beat`); it must not block. If it raises,
the second gets the exception, and messages are queued as before. Other messages and the end are received as before."""
