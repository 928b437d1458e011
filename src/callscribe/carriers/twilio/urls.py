"""The addresses that we give to the carrier, all below one public address. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from callscribe.addresses import check_public_url

VOICE = "/twilio/voice"
STATUS = "/twilio/status"
STREAM = "/twilio/stream"
DIAL = "/twilio/dial"
LEG = "/twilio/leg"
WHISPER = "/twilio/whisper"
CONFERENCE = "/twilio/conference"
MEDIA = "/twilio/media"
PROBE = "/twilio/probe"
"""Echoes what `callscribe doctor` sends, when it is signed."""

_SOCKET_SCHEMES = {"https": "wss", "http": "ws"}


class CarrierUrls:
    """Builds addresses from the public one.

    Args:
        public_url: where the carrier reaches us, e.g. `https://calls.example.com`; `http` serves the simulated carrier
            on this machine.

    Raises:
        SettingsError: not an http(s) address.
    """

    def __init__(self, public_url: str) -> None:
        self.base = check_public_url(public_url)
        scheme = self.base.partition("://")[0]
        self._socket_base = _SOCKET_SCHEMES[scheme] + self.base.removeprefix(scheme)
        self.voice = self.base + VOICE
        """A number's voice URL."""
        self.status = self.base + STATUS
        """A number's, or a placed call's, status callback."""
        self.stream = self.base + STREAM
        self.dial = self.base + DIAL
        self.leg = self.base + LEG
        self.whisper = self.base + WHISPER
        self.conference = self.base + CONFERENCE

    def media(self, ticket: str) -> str:
        """A media socket's address. The ticket is part of the path, since a query would not arrive."""
        return f"{self._socket_base}{MEDIA}/{quote(ticket, safe='')}"

    def voice_outbound(self, connect: str) -> str:
        """The voice URL of a call that we place; `connect` is who the callee is to be connected with, or empty."""
        return self.voice + ("?" + urlencode({"connect": connect}) if connect else "")
