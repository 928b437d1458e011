"""The carrier's request signature, computed independently of the server's checker.

Source: Twilio docs, "Security: Validating requests".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit


def sign(auth_token: str, url: str, params: Iterable[tuple[str, str]] = ()) -> str:
    """The value of `X-Twilio-Signature` for a request.

    Args:
        auth_token: the account's primary auth token.
        url: what is requested, scheme to query, without a fragment.
        params: the form fields of a POST, in any order; nothing for a GET or a socket.
    """
    values: dict[str, set[str]] = {}
    for name, value in params:
        values.setdefault(name, set()).add(value)
    data = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    digest = hmac.new(auth_token.encode(), data.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def socket_url(url: str, *, slash: bool = False) -> str:
    """The URL that is signed for a media socket: `wss`, no query, no fragment.

    Args:
        slash: append the slash that some receivers have reported in the signed form.
    """
    parts = urlsplit(url)
    path = parts.path + "/" if slash and not parts.path.endswith("/") else parts.path
    return urlunsplit(("wss", parts.netloc, path, "", ""))


def spoil(signature: str) -> str:
    """A signature of the right shape that is wrong."""
    return ("A" if signature[0] != "A" else "B") + signature[1:]
