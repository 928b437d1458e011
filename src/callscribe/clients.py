"""HTTP clients: made here and nowhere else, so that the environment's proxies are treated in one way.

What is on this machine is asked directly: a proxy could not reach it, and would be shown the page token. Everything
else goes through the proxy that `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` name, unless `NO_PROXY` excepts it; one that
cannot be used is an error that says so.
"""

from __future__ import annotations

import re
import urllib.request
from typing import Any

import httpx

from callscribe.addresses import is_here
from callscribe.errors import CallscribeError


class ProxyError(CallscribeError):
    """The environment names a proxy that cannot be used."""


def client(url: str, **options: Any) -> httpx.Client:
    """A client for the server at `url`; the caller closes it.

    Args:
        url: decides whether proxies are used.
        **options: httpx's own.

    Raises:
        ProxyError: see there.
    """
    try:
        return httpx.Client(trust_env=not is_here(url), **options)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise unusable_proxy(error) from None


def async_client(url: str, **options: Any) -> httpx.AsyncClient:
    """As `client`, for asyncio.

    Raises:
        ProxyError: see there.
    """
    try:
        return httpx.AsyncClient(trust_env=not is_here(url), **options)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise unusable_proxy(error) from None


def unusable_proxy(error: Exception) -> ProxyError:
    """Why no client could be made: the only cause left is the environment's proxy."""
    named = {name: value for name, value in urllib.request.getproxies().items() if name != "no"}
    which = ", ".join(f"{name.upper()}_PROXY={_masked(value)}" for name, value in named.items())
    why = "SOCKS proxies are not supported" if "socks" in which.lower() else _masked(str(error))
    return ProxyError(
        f"The proxy in the environment cannot be used ({which or 'HTTP_PROXY, HTTPS_PROXY or ALL_PROXY'}): {why}. "
        "Name an http:// proxy, or exclude the host with NO_PROXY."
    )


def _masked(text: str) -> str:
    return re.sub(r"(?<=//)[^/@\s]+@", "********@", text)
