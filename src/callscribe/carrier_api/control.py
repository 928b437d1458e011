"""The carrier's REST API for code that runs on the event loop: every call blocks a worker thread, never the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from callscribe.carrier.resources import CallInfo
from callscribe.carrier_api.client import CarrierClient, Participant, StreamTrack


class CarrierApi:
    """What the registry asks of the carrier. Every method raises `ApiError`, a `CarrierError`."""

    def __init__(self, client: CarrierClient) -> None:
        self._client = client

    async def fetch_call(self, call_sid: str) -> CallInfo:
        """A call's present state."""
        return await asyncio.to_thread(self._client.fetch_call, call_sid)

    async def create_call(
        self,
        *,
        to: str,
        from_: str,
        url: str = "",
        twiml: str = "",
        status_callback: str = "",
        timeout_s: int = 30,
    ) -> str:
        """Place a call and return its SID."""
        return await asyncio.to_thread(
            self._client.create_call,
            to=to,
            from_=from_,
            url=url,
            twiml=twiml,
            status_callback=status_callback,
            timeout_s=timeout_s,
        )

    async def update_call(self, call_sid: str, *, twiml: str = "", url: str = "") -> None:
        """Give a call in progress new instructions."""
        await asyncio.to_thread(self._client.update_call, call_sid, twiml=twiml, url=url)

    async def hang_up(self, call_sid: str) -> None:
        """End a call."""
        await asyncio.to_thread(self._client.hang_up, call_sid)

    async def start_stream(
        self,
        call_sid: str,
        *,
        url: str,
        track: StreamTrack = "both_tracks",
        name: str = "",
        parameters: Mapping[str, str] | None = None,
        status_callback: str = "",
    ) -> str:
        """Start a media stream on a call in progress and return its SID."""
        return await asyncio.to_thread(
            self._client.start_stream,
            call_sid,
            url=url,
            track=track,
            name=name,
            parameters=parameters,
            status_callback=status_callback,
        )

    async def stop_stream(self, call_sid: str, stream: str) -> None:
        """Stop a media stream, by SID or name."""
        await asyncio.to_thread(self._client.stop_stream, call_sid, stream)

    async def participants(self, conference: str) -> list[Participant]:
        """Who is in a conference."""
        return await asyncio.to_thread(self._client.participants, conference)

    async def add_participant(
        self, conference: str, *, to: str, from_: str, label: str = "", status_callback: str = ""
    ) -> str:
        """Call somebody into a conference and return the new call's SID."""
        return await asyncio.to_thread(
            self._client.add_participant,
            conference,
            to=to,
            from_=from_,
            label=label,
            status_callback=status_callback,
        )

    async def update_participant(
        self,
        conference: str,
        call_sid_or_label: str,
        *,
        muted: bool | None = None,
        hold: bool | None = None,
    ) -> Participant:
        """Mute, unmute, hold or take back a participant."""
        return await asyncio.to_thread(
            self._client.update_participant,
            conference,
            call_sid_or_label,
            muted=muted,
            hold=hold,
        )

    async def remove_participant(self, conference: str, call_sid_or_label: str) -> None:
        """Take somebody out of a conference."""
        await asyncio.to_thread(self._client.remove_participant, conference, call_sid_or_label)

    async def end_conference(self, conference: str) -> None:
        """End a conference for everybody."""
        await asyncio.to_thread(self._client.end_conference, conference)
