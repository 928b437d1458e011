"""A carrier that sends media and notes when, and pages that note when a final reaches them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Sequence

import httpx
from websockets.asyncio.client import connect

FRAME_S, FRAME_SAMPLES = 0.02, 160


async def stream(url: str, number: int, payloads: Sequence[bytes]) -> list[float]:
    """One call's inbound audio in real time; when each message was sent (monotonic seconds)."""
    sid = f"CA{number:032x}"
    form = {
        "CallSid": sid,
        "AccountSid": "AC" + "0" * 32,
        "From": "+15005550010",
        "To": "+15005550006",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "ApiVersion": "2010-04-01",
    }
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{url}/twilio/voice", data=form)
    found = re.search(r'<Stream [^>]*url="([^"]+)"', answer.text)
    if found is None:
        raise RuntimeError(f"The server answered {answer.status_code}: {answer.text[:300]}")
    sent: list[float] = []
    stream_sid = f"MZ{number:032x}"
    async with connect(found[1], compression=None, proxy=None) as socket:
        await socket.send(
            json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        )
        start = {
            "accountSid": form["AccountSid"],
            "streamSid": stream_sid,
            "callSid": sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        await socket.send(
            json.dumps(
                {
                    "event": "start",
                    "sequenceNumber": "1",
                    "start": start,
                    "streamSid": stream_sid,
                }
            )
        )
        began = time.monotonic()
        for index, payload in enumerate(payloads):
            message = json.dumps(
                {
                    "event": "media",
                    "sequenceNumber": str(index + 2),
                    "media": {
                        "track": "inbound",
                        "chunk": str(index + 1),
                        "timestamp": str(index * 20),
                        "payload": base64.b64encode(payload).decode(),
                    },
                    "streamSid": stream_sid,
                }
            )
            await asyncio.sleep(max(0.0, began + index * FRAME_S - time.monotonic()))
            sent.append(time.monotonic())
            await socket.send(message)
        await asyncio.sleep(0.5)
    return sent


async def page(url: str, path: str, ready: asyncio.Event) -> dict[str, float]:
    """A viewer of server-sent events until it is cancelled; when each final came (monotonic seconds)."""
    seen: dict[str, float] = {}
    try:
        async with (
            httpx.AsyncClient(trust_env=False, timeout=None) as client,
            client.stream("GET", f"{url}{path}") as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_text():
                now = time.monotonic()
                ready.set()
                for number in re.findall(r"#(\d{6})", chunk):
                    seen.setdefault(number, now)
    except asyncio.CancelledError:
        pass
    return seen
