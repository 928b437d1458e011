"""Was this request signed by the carrier? Pure: strings and bytes in, nothing or `SignatureRefused` out.

The HMAC is the official library's (`twilio.request_validator`). Around it, what its `validate` gets wrong or leaves to
the caller:

* The signed URL is built from our configured public address, never from a `Host` or `X-Forwarded-*` header.
* A JSON body without `bodySHA256` makes `validate` raise TypeError; here it is a refusal.
* `validate` adds port 80 to `wss` URLs and breaks on `user:password@host`; here the forms with and without the port are
  built by us.
* A socket's URL may be signed with a slash appended; both forms are accepted for sockets, and only for them.
* During a token's rotation the old and the new one count.

Source: Twilio docs, "Webhooks Security"; twilio-python 9.13, request_validator.py.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from callscribe.addresses import check_public_url, masked
from callscribe.carriers.twilio.webhook import Form, is_form
from callscribe.errors import SettingsError, SignatureError

__all__ = ["SIGNATURE_HEADER", "SignatureChecker", "SignatureRefused", "sign"]

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
# Carriers sign `wss` and nothing else; a simulated one on this machine does so even where the socket is plain.
_SOCKET_SCHEMES = {"http": ("ws", "wss"), "https": ("wss",)}
_EMPTY = Form(())


class SignatureRefused(SignatureError):
    """The request is not from the carrier, or our public address is not the one that the carrier called.

    Attributes:
        reason: why, in words.
        signed_url: the URL the signature was checked against, credentials masked. A media socket's contains its
            ticket.
    """

    def __init__(self, reason: str, signed_url: str) -> None:
        signed_url = masked(signed_url)
        super().__init__(f"{reason}; checked against {signed_url}")
        self.reason = reason
        self.signed_url = signed_url


class SignatureChecker:
    """Checks requests to one public address.

    Args:
        tokens: the account's auth tokens, the current one first; more than one during rotation.
        public_url: the address the carrier calls us at, e.g. `https://calls.example.com`. A path in it is a prefix
            that a proxy may or may not have removed.
        also: further addresses that are ours, e.g. the loopback one that a simulated carrier calls.
        shared_keys: secrets by key id, for webhooks signed with a shared key (HMAC-SHA256).

    Raises:
        SettingsError: no token at all, or an address that is no http(s) URL.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        public_url: str,
        *,
        also: Sequence[str] = (),
        shared_keys: Mapping[str, str] | None = None,
    ) -> None:
        if not tokens or not all(tokens):
            raise SettingsError("signatures cannot be checked without the account's auth token")
        self._validators = [RequestValidator(token) for token in tokens]
        self._shared = {
            key: RequestValidator(secret) for key, secret in (shared_keys or {}).items() if secret
        }
        self._bases = [check_public_url(url) for url in (public_url, *also)]

    def check_request(
        self,
        *,
        raw_path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Form:
        """Check a webhook.

        Args:
            raw_path: the path exactly as it arrived, percent-encoding kept.
            query: the query string as it arrived, without `?`.
            headers: looked up by lower-case name; `starlette.datastructures.Headers` fits, a plain dict with
                lower-case keys too.
            body: the raw body.

        Returns:
            The form's fields; empty when the body is not a form.

        Raises:
            SignatureRefused: not signed, or not for this URL, body and token.
        """
        target = raw_path + (f"?{query}" if query else "")
        urls = [base + path for base in self._bases for path in _paths(base, target)]
        self._must_be_signed(headers, urls)
        if is_form(headers.get("content-type", "")):
            form = Form.parse(body)
        else:
            form = _EMPTY
            if body:
                stated = parse_qs(query).get("bodySHA256", [""])[0].lower()
                if not _same(hashlib.sha256(body).hexdigest(), stated):
                    why = "does not match" if stated else "is not covered by"
                    raise SignatureRefused(f"the body {why} the URL's bodySHA256", urls[0])
        self._check(urls, form, headers)
        return form

    def check_upgrade(self, *, raw_path: str, query: str, headers: Mapping[str, str]) -> None:
        """Check a media socket's upgrade request; arguments as for `check_request`.

        Raises:
            SignatureRefused: not signed, or not for this URL and token.
        """
        path = raw_path.removesuffix("/")
        tail = f"?{query}" if query else ""
        urls = []
        for base in self._bases:
            scheme, rest = base.split("://", 1)
            for target in (path + tail, path + "/" + tail):
                for socket_scheme in _SOCKET_SCHEMES[scheme]:
                    urls += [f"{socket_scheme}://{rest}{each}" for each in _paths(base, target)]
        self._check(urls, _EMPTY, headers)

    def _must_be_signed(self, headers: Mapping[str, str], urls: Sequence[str]) -> str:
        """The signature, right or wrong."""
        signature = headers.get(SIGNATURE_HEADER.lower(), "").strip()
        if not signature:
            raise SignatureRefused(f"no {SIGNATURE_HEADER} header", urls[0])
        return signature

    def _check(self, urls: Sequence[str], form: Form, headers: Mapping[str, str]) -> None:
        signature = self._must_be_signed(headers, urls)
        settings = headers.get(SIGNATURE_SETTINGS_HEADER.lower(), "")
        algorithm = get_signature_algorithm(settings).upper()
        if algorithm == HMAC_SHA1:
            validators = self._validators
        elif algorithm == HMAC_SHA256:
            key = _setting(settings, "key")
            if key not in self._shared:
                raise SignatureRefused("signed with a shared key that is not configured", urls[0])
            validators = [self._shared[key]]
        else:
            raise SignatureRefused("signed by an unknown algorithm", urls[0])
        fields = {
            "": _joined(form)
        }  # once: a stranger's may be many, and each URL is tried with them
        for url in urls:
            for form_of_url in _spellings(url):
                for validator in validators:
                    computed = validator.compute_signature(form_of_url, fields, algorithm)
                    if _same(computed, signature):
                        return
        raise SignatureRefused("the signature does not fit", urls[0])


def sign(token: str, url: str, form: Form | None = None) -> str:
    """What the carrier would send as `X-Twilio-Signature`, for round trips and tests."""
    signature: str = RequestValidator(token).compute_signature(url, form or _EMPTY)
    return signature


def _joined(form: Form) -> str:
    """What a form adds to the URL that is signed: names in order, each with its distinct values in order."""
    return "".join(
        name + value for name in sorted(form) for value in sorted(set(form.getlist(name)))
    )


def _paths(base: str, target: str) -> Iterator[str]:
    """The target behind a base: as it is, and without the base's path prefix when the proxy left that on; both also
    with the question mark of an empty query, which does not arrive here."""
    prefix = urlsplit(base).path
    inside = prefix and target.startswith(prefix + "/")
    for path in (target, target[len(prefix) :]) if inside else (target,):
        yield path
        if "?" not in path:
            yield path + "?"


def _spellings(url: str) -> Iterator[str]:
    """A URL with and without its port, with and without credentials, its host as written and in small letters: senders
    differ.

    The official library, too, accepts a request to any port that was signed without it.
    """
    scheme, rest = url.split("://", 1)
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    authority, tail = rest[:cut], rest[cut:]
    default = _DEFAULT_PORTS[scheme]
    credentials, at, host = authority.rpartition("@")
    name, colon, port = host.rpartition(":")
    hosts: tuple[str, ...]
    hosts = (
        (host, name)
        if colon and port.isdigit() and not host.endswith("]")
        else (host, f"{host}:{default}")
    )
    for each in dict.fromkeys((*hosts, *map(str.lower, hosts))):
        yield f"{scheme}://{credentials}{at}{each}{tail}"
        if at:
            yield f"{scheme}://{each}{tail}"


def _setting(header: str, name: str) -> str:
    for part in header.split(","):
        key, _, value = part.partition("=")
        if key.strip() == name:
            return value.strip()
    return ""


def _same(left: str, right: str) -> bool:
    # Bytes, since compare_digest refuses non-ASCII text, which a forged header may be.
    return hmac.compare_digest(left.encode("utf-8"), right.encode("utf-8", "replace"))
