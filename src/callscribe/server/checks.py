"""What is wrong with settings, found before anything is opened or changed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from callscribe.addresses import check_public_url, parse
from callscribe.calls.speakers import Contacts
from callscribe.errors import SettingsError
from callscribe.phone import is_number
from callscribe.recordings.objects import SCHEME, Objects
from callscribe.server.policy import call_flows
from callscribe.settings import Settings, home_path, shortened
from callscribe.web.pagetoken import usable_token
from callscribe.web.strength import weakness

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_COUNT = re.compile(r"0*[1-9][0-9]{0,5}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9]+([-_.:][A-Za-z0-9]+)*")
"""A language's code or a voice's name."""
_EXAMPLES = {
    "language": "write the language's code, like en or pt-BR, or auto",
    "greeting_language": "write the language's code, like en-US",
    "greeting_voice": "Twilio's voices have names like alice or Polly.Joanna-Neural",
}


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
        raise SettingsError(
            f"Give either {settings.named('public_url')} or {settings.named('tunnel')}, not both."
        )
    if settings.public_url:
        with _about(settings, "public_url"):
            check_public_url(settings.public_url, secure=True)
    _check_account(settings)
    for name in ("language", "greeting_language", "greeting_voice"):
        value = getattr(settings, name)
        if value and not _NAME.fullmatch(value):
            raise SettingsError(
                f"{settings.named(name)} {shortened(value)} can't be right: {_EXAMPLES[name]}."
            )
    key = settings.unread_key.reveal()
    if key and (why := weakness(key, known_facts(settings))):
        raise SettingsError(
            f"{settings.named('unread_key')} can be guessed: {why}. "
            "Leave it out, and a key is made and kept in the data folder. Audio that waits there, sealed with this "
            "one, cannot be read then."
        )
    call_flows(settings)
    if settings.capacity != "auto" and not _COUNT.fullmatch(settings.capacity):
        raise SettingsError(
            f"{settings.named('capacity')} {shortened(settings.capacity)} is neither `auto` nor a number of tracks, "
            "1 or more."
        )
    if settings.recordings.startswith(SCHEME):
        with _about(settings, "recordings"):
            Objects(settings.recordings)
    else:
        home_path(settings.recordings, settings.named("recordings"))
    Contacts(settings.contacts)
    check_token(settings)


def _check_account(settings: Settings) -> None:
    number, sid, api = settings.number, settings.account_sid, settings.api_url
    if number and not is_number(number):
        raise SettingsError(
            f"{settings.named('number')} {shortened(number)} is not a phone number. "
            "Write it with + and the country code, like +15005550006."
        )
    if sid and not _ACCOUNT.fullmatch(sid):
        kind = " It is the SID of an API key." if sid.startswith("SK") else ""
        raise SettingsError(
            f"{settings.named('account_sid')} must be AC and 32 hexadecimal digits; {shortened(sid)} is not.{kind} "
            "Twilio's console shows it on its first page."
        )
    if api and parse(api) is None:
        raise SettingsError(
            f"{settings.named('api_url')} {shortened(api)} is not an http:// or https:// address."
        )


@contextlib.contextmanager
def _about(settings: Settings, name: str) -> Iterator[None]:
    """Errors inside name the setting and where its value stands."""
    try:
        yield
    except SettingsError as error:
        raise SettingsError(f"{settings.named(name)}: {error}") from None


def check_token(settings: Settings) -> None:
    """See that the token of pages and API can be used, without making one.

    Raises:
        SettingsError: it cannot.
    """
    if settings.token and settings.token in (settings.auth_token, settings.auth_token_previous):
        raise SettingsError(
            f"{settings.named('token')} is the auth token, which only Twilio and this server should know; links "
            "contain this one. Leave it out and one is made."
        )
    usable_token(settings.token.reveal(), settings.data, known_facts(settings))


def known_facts(settings: Settings) -> dict[str, str]:
    """What others know about a server, by what it is called: nothing to make secrets of."""
    address = parse(settings.public_url)
    return {
        "the account SID": settings.account_sid,
        "your number": settings.number,
        "the public address": (address.hostname or "") if address is not None else "",
    }
