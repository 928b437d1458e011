"""A public address for a server that has none: the ngrok agent, driven by pyngrok."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from pathlib import Path
from typing import Any, Protocol

from callscribe import files
from callscribe.errors import TunnelError

_OWN_DOMAIN = (
    "Or do without a tunnel: put the server behind a domain of your own and set public_url."
)
_TOKEN = "https://dashboard.ngrok.com/get-started/your-authtoken"  # noqa: S105 - an address

_CODES = {
    "ERR_NGROK_4018": f"ngrok needs an account's authtoken. Copy yours from {_TOKEN} and set "
    "NGROK_AUTHTOKEN.",
    "ERR_NGROK_105": "ngrok does not know this authtoken. Copy it again from "
    f"{_TOKEN} and set NGROK_AUTHTOKEN.",
    "ERR_NGROK_106": "this ngrok authtoken was revoked. Copy the current one from "
    f"{_TOKEN} and set NGROK_AUTHTOKEN.",
    "ERR_NGROK_107": "this ngrok authtoken is no longer valid. Copy the current one from "
    f"{_TOKEN} and set NGROK_AUTHTOKEN.",
    "ERR_NGROK_108": "the ngrok account has another agent running, and its plan allows no more. "
    "Stop the other one (https://dashboard.ngrok.com/agents lists them), then start again.",
    "ERR_NGROK_121": "the ngrok agent on this machine is too old. Run `ngrok update`, or delete "
    "it and start again: a current one is downloaded.",
    "ERR_NGROK_334": "the ngrok address is in use by another agent. Stop the other one "
    "(https://dashboard.ngrok.com/endpoints lists them), then start again.",
    "ERR_NGROK_8012": "ngrok's edge cannot reach this server. Is it still listening?",
}
"""From ngrok's error reference (https://ngrok.com/docs/errors)."""


_NGROK_CONFIGS = tuple(
    Path(place)
    for place in (
        "~/.config/ngrok/ngrok.yml",
        "~/Library/Application Support/ngrok/ngrok.yml",
        "~/AppData/Local/ngrok/ngrok.yml",
        "~/.ngrok2/ngrok.yml",
    )
)
"""Where ngrok keeps its own settings (https://ngrok.com/docs/agent/config)."""


class Tunnel(Protocol):
    """An open tunnel."""

    @property
    def public_url(self) -> str:
        """Where the world reaches the server, e.g. `https://abc.ngrok.app`, without a slash."""
        ...

    def close(self) -> None:
        """Take the address down. Idempotent; never raises."""
        ...


def open_tunnel(port: int, authtoken: str) -> Tunnel:
    """Make the local `port` reachable by https from everywhere. Blocks for some seconds.

    The agent is downloaded the first time. It runs in a session of its own, so that Ctrl-C, which
    ends calls in order, does not take the line away from under them.

    Args:
        authtoken: of the ngrok account; empty uses the one in ngrok's own configuration file, if
            any.

    Raises:
        TunnelError: no agent, no network, no token, another session; the message says what to do.
    """
    try:
        ngrok, conf, errors = (
            importlib.import_module(f"pyngrok.{name}") for name in ("ngrok", "conf", "exception")
        )
    except ImportError:
        raise TunnelError(
            f"pyngrok is not installed. Install it: pip install pyngrok. {_OWN_DOMAIN}"
        ) from None
    config = conf.PyngrokConfig(
        auth_token=authtoken or None, start_new_session=True, monitor_thread=False
    )
    if not Path(config.ngrok_path).exists():
        check_authtoken(authtoken)  # before the agent is downloaded for nothing
    try:
        tunnel = ngrok.connect(str(port), "http", pyngrok_config=config)
    except errors.PyngrokNgrokInstallError as error:
        raise TunnelError(
            "No tunnel: the ngrok agent is not on this machine and could not be downloaded "
            f"({_short(error)}). Is this machine online? Or install it by hand (https://ngrok.com/download) "
            f"and set PYNGROK_NGROK_PATH to its place. {_OWN_DOMAIN}"
        ) from error
    except errors.PyngrokNgrokError as error:
        _kill(ngrok, config)
        raise TunnelError(f"No tunnel: {_explain(error)} {_OWN_DOMAIN}") from error
    except errors.PyngrokError as error:
        _kill(ngrok, config)
        raise TunnelError(f"No tunnel: {_short(error)}. {_OWN_DOMAIN}") from error
    except OSError as error:
        raise TunnelError(
            f"No tunnel: the ngrok agent could not be started ({error}). "
            f"Is the file that PYNGROK_NGROK_PATH names executable? {_OWN_DOMAIN}"
        ) from error
    return _NgrokTunnel(ngrok, config, str(tunnel.public_url))


def check_authtoken(authtoken: str) -> None:
    """Whether there is an authtoken at all, without opening anything.

    Raises:
        TunnelError: neither given nor in ngrok's own configuration.
    """
    if authtoken or os.environ.get("NGROK_AUTHTOKEN"):
        return
    for place in _NGROK_CONFIGS:
        with contextlib.suppress(OSError):
            if b"authtoken" in files.read(place.expanduser()):
                return
    raise TunnelError(f"No tunnel: {_CODES['ERR_NGROK_4018']} {_OWN_DOMAIN}")


class _NgrokTunnel:
    def __init__(self, ngrok: Any, config: Any, public_url: str) -> None:
        self._ngrok = ngrok
        self._config = config
        self._lock = threading.Lock()
        self._closed = False
        self.public_url = public_url.replace("http://", "https://", 1).rstrip("/")

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        _kill(self._ngrok, self._config)


def _kill(ngrok: Any, config: Any) -> None:
    """Stop the agent; with it go its tunnels."""
    with contextlib.suppress(Exception):
        ngrok.kill(pyngrok_config=config)


def _explain(error: Any) -> str:
    """ngrok's failure as a sentence of ours where we know it, else its own words."""
    known = _CODES.get(getattr(error, "ngrok_error_code", None) or "")
    if known is not None:
        return known
    text = str(getattr(error, "ngrok_error", None) or error)
    for code, words in _CODES.items():
        if f"{code}\n" in f"{text}\n" or f"{code} " in text:
            return words
    if any(sign in text.lower() for sign in ("dial tcp", "no such host", "timeout", "timed out")):
        return f"the ngrok agent cannot reach ngrok's servers ({_short(text)}). Is this machine online?"
    return f"the ngrok agent says: {_short(text)}."


def _short(error: object) -> str:
    """The first line that says something, without the escapes that ngrok puts in."""
    text = str(error).replace("\\r", " ").replace("\\n", " ").strip()
    return text.splitlines()[0].rstrip(". ")[:300] if text else type(error).__name__
