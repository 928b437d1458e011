"""What calls ask of Twilio, by its REST API (`carriers.base.CarrierApi`)."""

from __future__ import annotations

from typing import Literal, Protocol

from callscribe.carriers.base import CallInfo
from callscribe.carriers.twilio.resources import CallInfo as Resource
from callscribe.carriers.twilio.urls import CarrierUrls


class Client(Protocol):
    """The requests that are needed (`carriers.twilio.client.CarrierClient`)."""

    def start_stream(
        self,
        call_sid: str,
        *,
        url: str,
        track: Literal["inbound_track", "both_tracks"],
        name: str,
        status_callback: str,
    ) -> str: ...

    def stop_stream(self, call_sid: str, stream: str) -> None: ...

    def end_call(self, call_sid: str) -> None: ...

    def create_call(self, *, to: str, from_: str, url: str, status_callback: str) -> str: ...

    def fetch_call(self, call_sid: str) -> Resource: ...

    def live_calls(self) -> list[Resource]: ...


class TwilioApi:
    """The requests, with our addresses in them. They block, and raise `CarrierError` with an explanation."""

    def __init__(self, client: Client, urls: CarrierUrls) -> None:
        self._client = client
        self._urls = urls

    def start_stream(
        self, leg: str, *, ticket: str, track: Literal["inbound", "both"], name: str
    ) -> str:
        """Stream a leg's audio to us; returns the stream's SID."""
        return self._client.start_stream(
            leg,
            url=self._urls.media(ticket),
            track="both_tracks" if track == "both" else "inbound_track",
            name=name,
            status_callback=self._urls.stream,
        )

    def stop_stream(self, leg: str, stream: str) -> None:
        """Stop a stream by its SID."""
        self._client.stop_stream(leg, stream)

    def end_call(self, leg: str) -> None:
        """Hang up on a call and on whom it was connected with."""
        self._client.end_call(leg)

    def place_call(self, *, to: str, from_: str, connect: str) -> str:
        """Call somebody; returns the call SID."""
        return self._client.create_call(
            to=to,
            from_=from_,
            url=self._urls.voice_outbound(connect),
            status_callback=self._urls.status,
        )

    def fetch_call(self, leg: str) -> CallInfo:
        """What a call is."""
        return _info(self._client.fetch_call(leg))

    def live_calls(self) -> list[CallInfo]:
        """The account's calls that are up, the newest first."""
        return [_info(found) for found in self._client.live_calls()]


def _info(found: Resource) -> CallInfo:
    return CallInfo(
        leg=found.call_sid,
        from_=found.from_,
        to=found.to,
        placed=found.direction.startswith("outbound"),
        status=found.status,
        caller_name=found.caller_name,
    )
