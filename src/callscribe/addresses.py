"""Host names and addresses as people and headers write them. Pure."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from callscribe.errors import SettingsError

OURS = ("voice", "status", "stream", "dial", "leg", "whisper", "conference", "media", "probe")
"""What stands behind `/twilio/` in the addresses that Twilio is given."""
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{0,62}")
_OUR_PATH = re.compile(rf"/twilio(?:/(?:{'|'.join(OURS)})(?:/[^/]*)?)?/*$", re.IGNORECASE)


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
    return parts


def _can_be_host(name: str) -> bool:
    if is_address(name):
        return True
    if ":" in name or len(name) > 253:
        return False
    labels = name.removesuffix(".").split(".")
    # What ends in digits only is meant to be an IPv4 address and is none.
    return all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def tidy(url: str) -> str:
    """A server's public address as it is used: no space around it, no slash at its end, no doubled slashes, and
    nothing of our own addresses, for people paste the webhook's. What is no address stays as it is."""
    text = url.strip()
    parts = parse(text)
    if parts is None or parts.query or parts.fragment:
        return text
    path = _OUR_PATH.sub("", re.sub(r"/{2,}", "/", parts.path))
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


def check_public_url(url: str, *, secure: bool = False) -> str:
    """The address where Twilio reaches a server, tidied.

    Args:
        secure: it must be one that Twilio itself can use: https, unless it can only mean a machine nearby.

    Raises:
        SettingsError: it cannot be used; says why.
    """
    text = tidy(url)
    start = f"The public address {url[:200]!r}"
    scheme, found, rest = text.partition("://")
    if not found or scheme not in ("http", "https"):
        hint = (
            f" Did you mean https://{rest or text}?"
            if len(text) < 200 and parse(f"https://{rest or text}")
            else ""
        )
        raise SettingsError(f"{start} must start with https:// and name a host.{hint}")
    parts = parse(text)
    if parts is None:
        raise SettingsError(
            f"{start} must start with https:// and name a host, like https://calls.example.com."
        )
    if parts.query or parts.fragment:
        raise SettingsError(f"{start} must end before any ? or #.")
    host = parts.hostname or ""
    if secure and parts.scheme == "http" and not _is_nearby(host):
        raise SettingsError(
            f"{start} must start with https://: Twilio opens media sockets over TLS only. Put a proxy with a "
            "certificate in front (docs/connect-a-number.md), or use --tunnel ngrok."
        )
    return text


def _is_nearby(host: str) -> bool:
    """Whether only machines nearby can mean it, so that no real call comes there: a simulated one may."""
    if is_loopback_name(host) or ("." not in host.rstrip(".") and ":" not in host):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.endswith((".local", ".internal", ".test", ".localdomain", ".lan", ".home.arpa"))


def is_here(url: str) -> bool:
    """Whether an address can only mean this machine."""
    try:
        return is_loopback_name((urlsplit(url).hostname or "").rstrip("."))
    except ValueError:
        return False
