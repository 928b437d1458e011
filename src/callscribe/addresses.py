"""Host names and addresses as people and headers write them. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

import idna

from callscribe.errors import SettingsError

OURS = ("voice", "status", "stream", "dial", "leg", "whisper", "conference", "media", "probe")
"""What stands behind `/twilio/` in the addresses that Twilio is given."""
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{0,62}")
_OUR_PATH = re.compile(rf"/twilio(?:/(?:{'|'.join(OURS)})(?:/[^/]*)?)?/*$", re.IGNORECASE)
_OURS_INSIDE = re.compile(rf"/twilio/+(?:{'|'.join(OURS)})(?![\w-])", re.IGNORECASE)
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_LITERAL = re.compile(r"\[[^\[\]]*\](?::[0-9]*)?")
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s]*@")
_WRAPPING = frozenset("\"'<>\u201c\u201d\u2018\u2019\u00ab\u00bb")
"""Quotes and brackets around an address, as files for other programs and messages have them."""
_SCHEME = re.compile(r"(?:(?:https?|wss?)(?=[:/\\]))?[:/\\]*", re.IGNORECASE)
_IN_PATHS = "/%:@!$&'()*+,;=~-._"


def is_loopback_name(name: str) -> bool:
    """Whether a host name or address literal (without port or brackets) can only mean this machine."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_and_port(value: str) -> tuple[str, str]:
    """Splits a `Host` header; lower case, no brackets, no final dot. ("", "") when it is malformed."""
    try:
        parts = urlsplit(f"//{value}")
        port = parts.port
    except ValueError:
        return "", ""
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        return "", ""
    return (parts.hostname or "").rstrip("."), "" if port is None else str(port)


def is_address(name: str) -> bool:
    """Whether it is an IP address, which no DNS server can make point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def parse(text: str) -> SplitResult | None:
    """An http or https address, taken apart; None when it is not one, or names a host that cannot be.

    Its `hostname` is not empty, and asking for its `port` does not raise.
    """
    if any(character.isspace() or not character.isprintable() for character in text):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or port == 0 or not _can_be_host(host):
        return None
    place = parts.netloc.rpartition("@")[2]
    if "[" in place and not _LITERAL.fullmatch(place):  # `urlsplit` lets some go
        return None
    return parts


def _can_be_host(name: str) -> bool:
    if is_address(name):
        return True
    name = _in_letters_of_dns(name).removesuffix(".")
    if ":" in name or len(name) > 253:
        return False
    labels = name.split(".")
    # What ends in digits only is meant to be an IPv4 address and is none.
    return all(map(_LABEL.fullmatch, labels)) and not _NUMERIC.fullmatch(labels[-1])


def _in_letters_of_dns(host: str) -> str:
    """A host's name as DNS, certificates and `Host` headers have it (RFC 5891); empty when it cannot be one."""
    if host.isascii():
        return host
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return ""


def masked(url: str) -> str:
    """An address without the password in it, for logs, and for strangers."""
    return _CREDENTIALS.sub("********@", url)


def tidy(url: str) -> str:
    """A server's public address as it is used: nothing around it, no slash at its end, no doubled slashes, nothing of
    our own addresses, for people paste the webhook's, and in ASCII. What is no address stays as it is."""
    text = _unwrapped(url)
    parts = parse(text)
    if parts is None or parts.query or parts.fragment:
        return text
    path = re.sub(r"/{2,}", "/", parts.path)
    while (shorter := _OUR_PATH.sub("", path)) != path:
        path = shorter
    credentials, _, place = parts.netloc.rpartition("@")
    host = re.sub(r":[0-9]*$", "", place)
    host = host if host.startswith("[") else _in_letters_of_dns(host).removesuffix(".")
    return (
        f"{parts.scheme}://"
        + (f"{credentials}@" if credentials else "")
        + host
        + (f":{parts.port}" if parts.port else "")
        + quote(path.rstrip("/"), safe=_IN_PATHS)
    )


def _unwrapped(text: str) -> str:
    """Without space, quotes and what cannot be seen around it."""

    def around(character: str) -> bool:
        return character.isspace() or character in _WRAPPING or not character.isprintable()

    start, end = 0, len(text)
    while start < end and around(text[start]):
        start += 1
    while start < end and around(text[end - 1]):
        end -= 1
    return text[start:end]


def check_public_url(url: str, *, secure: bool = False) -> str:
    """The address where Twilio reaches a server, tidied.

    Args:
        secure: it must be one that Twilio itself can use: https, unless it can only mean a machine nearby.

    Raises:
        SettingsError: it cannot be used; says why.
    """
    text = tidy(url)
    start = f"The public address {masked(url[:200])!r}"
    scheme, found, _ = text.partition("://")
    if not found or scheme not in ("http", "https"):
        raise SettingsError(f"{start} must start with https:// and name a host.{_meant(text)}")
    parts = parse(text)
    if parts is None:
        raise SettingsError(
            f"{start} must start with https:// and name a host, like https://calls.example.com.{_meant(text)}"
        )
    if parts.query or parts.fragment:
        raise SettingsError(f"{start} must end before any ? or #.")
    if why := _wrong_with(parts):
        raise SettingsError(f"{start} {why}")
    host = parts.hostname or ""
    if secure and parts.scheme == "http" and not _is_nearby(host):
        raise SettingsError(
            f"{start} must start with https://: Twilio opens media sockets over TLS only. Put a proxy with a "
            "certificate in front (docs/connect-a-number.md), or use --tunnel ngrok."
        )
    return text


def _meant(text: str) -> str:
    """A suggestion for an address without its beginning, or with another one; empty when there is none."""
    guess = tidy("https://" + _SCHEME.sub("", text, count=1))
    parts = parse(guess) if len(text) < 200 and guess != text else None
    if parts is None or parts.query or parts.fragment or _wrong_with(parts):
        return ""
    return f" Did you mean {masked(guess)}?"


def _wrong_with(parts: SplitResult) -> str:
    """Why a tidied address would not arrive as it is written; empty when it would."""
    path = unquote(parts.path)
    if found := _OURS_INSIDE.search(path):
        return f"has {found[0]} in it. Write only what stands before that."
    if any(step in (".", "..") for step in path.split("/")):
        return "has a step like /../ in it, which is removed before a request is sent."
    if re.search(r"%(?![0-9A-Fa-f]{2})", parts.path + parts.netloc.rpartition("@")[0]):
        return "has a % in it that is not followed by two hexadecimal digits. Write %25."
    if "@" in parts.netloc.rpartition("@")[0]:
        return "has an @ in its user name or password. Write %40."
    return ""


def _is_nearby(host: str) -> bool:
    """Whether only machines nearby can mean it, so that no real call comes there: a simulated one may."""
    if is_loopback_name(host) or ("." not in host.rstrip(".") and ":" not in host):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.endswith((".local", ".internal", ".test", ".localdomain", ".lan", ".home.arpa"))


def is_nearby(url: str) -> bool:
    """Whether an address can only mean this machine or one on its own network, which Twilio does not reach."""
    parts = parse(url)
    return parts is not None and _is_nearby(parts.hostname or "")


def is_here(url: str) -> bool:
    """Whether an address can only mean this machine."""
    try:
        return is_loopback_name((urlsplit(url).hostname or "").rstrip("."))
    except ValueError:
        return False
