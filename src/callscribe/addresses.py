"""Host names and addresses as people and headers write them. Pure."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


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
