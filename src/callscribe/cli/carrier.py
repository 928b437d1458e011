"""Joins the call registry to the carrier's REST client: what one asks for in the words of the other."""

from __future__ import annotations

import asyncio
from typing import Literal

from callscribe.calls.interfaces import CallInfo
from callscribe.carrier_api.client import CarrierClient


class CarrierControl:
    """`calls.interfaces.CarrierApi` on a `CarrierClient`; every request blocks a worker thread, never the loop."""

    def __init__(self, client: CarrierClient) -> None:
        self._client = client

    async def start_stream(
        self,
        call_sid: str,
        *,
        url: str,
        track: Literal["inbound_track", "both_tracks"],
        name: str,
        status_callback: str,
    ) -> str:
        return await asyncio.to_thread(
            self._client.start_stream,
            call_sid,
            url=url,
            track=track,
            name=name,
            status_callback=status_callback,
        )

    async def stop_stream(self, call_sid: str, stream: str) -> None:
        await asyncio.to_thread(self._client.stop_stream, call_sid, stream)

    async def create_call(self, *, to: str, from_: str, url: str, status_callback: str) -> str:
        return await asyncio.to_thread(
            self._client.place_call, to=to, from_=from_, url=url, status_callback=status_callback
        )

    async def fetch_call(self, call_sid: str) -> CallInfo:
        call = await asyncio.to_thread(self._client.call, call_sid)
        return CallInfo(
            call_sid=call.sid,
            from_=call.from_,
            to=call.to,
            direction=call.direction,
            status=call.status,
        )
