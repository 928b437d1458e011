"""What is wrong with settings, found before anything is opened or changed."""

from __future__ import annotations

from callscribe.addresses import check_public_url
from callscribe.calls.speakers import Contacts
from callscribe.errors import SettingsError
from callscribe.phone import is_number
from callscribe.recordings.objects import SCHEME, Objects
from callscribe.server.policy import call_flows
from callscribe.settings import Settings
from callscribe.web.pagetoken import kept_token, page_token

_SHORTEST_KEY = 16
"""Characters of a secret that sound is sealed with."""


def check(settings: Settings) -> None:
    """Find what is wrong with settings, and with files of ours that they lead to, before anything is opened or changed.
    Every way to start a server comes through here.

    Raises:
        SettingsError: says what is wrong, where, and what to do.
    """
    if not settings.auth_token and not settings.allow_unsigned:
        raise SettingsError(
            "There is no auth token, so Twilio's signature cannot be checked and anyone could invent calls. "
            "Set TWILIO_AUTH_TOKEN (in the environment or in .env), "
            "or, to try things out on this machine, pass --allow-unsigned."
        )
    if settings.public_url and settings.tunnel != "none":
        raise SettingsError("Give either `public_url` or `tunnel`, not both.")
    if settings.public_url:
        check_public_url(settings.public_url, secure=True)
    if settings.number and not is_number(settings.number):
        raise SettingsError(
            f"`number` {settings.number!r} is not a phone number. "
            "Write it with + and the country code, like +15005550006."
        )
    key = settings.unread_key.reveal()
    if key and len(key) < _SHORTEST_KEY:
        raise SettingsError(
            f"`unread_key` has {len(key)} characters; {_SHORTEST_KEY} or more are needed, or it can be guessed. "
            "Leave it out, and a key is made and kept in the data folder."
        )
    call_flows(settings)
    if settings.capacity != "auto" and not (
        settings.capacity.isascii() and settings.capacity.isdigit() and int(settings.capacity) > 0
    ):
        raise SettingsError(
            f"`capacity` {settings.capacity!r} is neither `auto` nor a number of tracks, 1 or more."
        )
    if settings.recordings.startswith(SCHEME):
        Objects(settings.recordings)
    Contacts(settings.contacts)
    check_token(settings)


def check_token(settings: Settings) -> None:
    """See that the token of pages and API can be used, without making one.

    Raises:
        SettingsError: it cannot.
    """
    if settings.token:
        page_token(settings.token.reveal(), settings.data)
    else:
        kept_token(settings.data)
