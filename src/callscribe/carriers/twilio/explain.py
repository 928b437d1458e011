"""The carrier's error numbers in plain words, with the cure as callscribe knows it. Pure.

Facts: Twilio docs, "Error and Warning Dictionary". The words are ours, and only numbers that a callscribe user can meet
are here; `more_info` leads to the rest.
"""

from __future__ import annotations

import msgspec


class Explanation(msgspec.Struct, frozen=True):
    """One error number."""

    code: int
    title: str
    meaning: str
    """What happened."""
    cure: str
    """What to do about it."""

    @property
    def more_info(self) -> str:
        return f"https://www.twilio.com/docs/api/errors/{self.code}"


def explain(code: int) -> Explanation | None:
    """What an error number means; None for numbers that callscribe knows nothing about."""
    entry = _ENTRIES.get(code)
    return Explanation(code, *entry) if entry else None


def known_codes() -> list[int]:
    """All numbers that `explain` knows."""
    return sorted(_ENTRIES)


_REACH = (
    "Check that callscribe runs, that the tunnel or proxy is up, and that public_url is the address of it. "
    "`callscribe doctor` tests it."
)
_CERTIFICATE = (
    "Use a certificate from a public authority for exactly this host name, with its intermediate certificates, "
    "or let a tunnel do it."
)
_NUMBER_FORM = "Write numbers with + and the country code, like +15005550006."

_ENTRIES: dict[int, tuple[str, str, str]] = {
    # Fetching TwiML and posting callbacks
    11100: (
        "Invalid URL",
        "An address that Twilio was given is not a URL.",
        "Check public_url: it must be a whole address such as https://calls.example.com.",
    ),
    11200: (
        "Webhook failed",
        "Twilio reached an address but got an error status, or nothing usable.",
        "Look at callscribe's log for the moment of the call. A 403 means that the signature did not fit: see "
        "public_url and the auth token. A 502 or 504 comes from the proxy or tunnel in front.",
    ),
    11205: (
        "No connection to the webhook",
        "Twilio could not connect, or had no answer within 15 seconds.",
        _REACH,
    ),
    11206: (
        "Broken HTTP",
        "What answered at the webhook's address does not speak HTTP properly.",
        "Check that public_url's scheme and port belong together and lead to callscribe.",
    ),
    11210: (
        "Unknown host name",
        "The webhook's host name is not in the public DNS.",
        "Check public_url for a typo. A free tunnel's address changes at every start: restart "
        "`callscribe serve`, which sets the number anew.",
    ),
    11215: (
        "Too many redirects",
        "The webhook's address kept redirecting.",
        "Give the final address as public_url, usually the https:// one.",
    ),
    11220: (
        "TLS handshake failed",
        "Twilio and the server could not agree on TLS.",
        _CERTIFICATE,
    ),
    11235: (
        "Certificate for another host",
        "The certificate does not name this host.",
        _CERTIFICATE,
    ),
    11236: (
        "Certificate expired",
        "The certificate is past its date.",
        "Renew it, then restart the proxy.",
    ),
    11237: (
        "Certificate chain incomplete",
        "Twilio cannot follow the certificate to an authority it trusts.",
        _CERTIFICATE,
    ),
    11750: (
        "Answer too long",
        "The webhook's answer is larger than Twilio takes.",
        "Something other than callscribe answered. Open public_url in a browser to see what.",
    ),
    11770: (
        "Empty answer",
        "The webhook answered without TwiML where some was needed.",
        "Check that the number's voice URL ends in /twilio/voice; `callscribe serve` sets it.",
    ),
    12100: (
        "Not TwiML",
        "The webhook's answer is not well-formed XML.",
        "Something other than callscribe answered, often a proxy's or tunnel's warning page.",
    ),
    12200: (
        "TwiML with a mistake",
        "An element or attribute of the TwiML is not one that Twilio knows; it was ignored.",
        "Please report it with the call's SID: callscribe should not write such TwiML.",
    ),
    12300: (
        "Wrong content type",
        "The webhook's answer is of a type that Twilio cannot use.",
        "A proxy or tunnel answered in callscribe's place. Check public_url.",
    ),
    # Dialling
    13214: (
        "Caller ID not allowed",
        "`caller_id` is neither the caller's number nor one of the account's.",
        "Leave caller_id out, or use a number that the account owns or has verified.",
    ),
    13223: (
        "Wrong number in a forward",
        "A number to dial is not in international form.",
        _NUMBER_FORM,
    ),
    13224: (
        "Number cannot be called",
        "The number to dial does not exist, or Twilio cannot reach it.",
        _NUMBER_FORM + " If it is right, try it from another phone.",
    ),
    13225: (
        "Call blocked",
        "Twilio does not put calls through to this number.",
        "Ask Twilio's support why the number is blocked.",
    ),
    13227: (
        "Country not permitted",
        "The account may not call this country.",
        "Allow it in Twilio's console under Voice, Geographic permissions.",
    ),
    16025: (
        "Conference label taken",
        "Two participants of a conference were given the same label; the second one was not let in.",
        "callscribe sends the leg in again under another label. With labels of your own, make them unique.",
    ),
    # REST
    20003: (
        "Not authenticated",
        "The account SID and auth token do not belong together, or the account is suspended.",
        "Copy both again from the console's home page: TWILIO_ACCOUNT_SID begins with AC.",
    ),
    20008: (
        "Test credentials",
        "These are the account's test credentials, which cannot do this.",
        "Use the live account SID and auth token.",
    ),
    20404: (
        "Not found",
        "The call, stream, conference or number does not exist in this account, or is over.",
        "Check the SID. For a live call check that it is still up.",
    ),
    20429: (
        "Too many requests",
        "The account sends more requests than it may.",
        "callscribe waits and tries again. If it stays, look for other programs that use the account.",
    ),
    21201: ("No number to call", "A call was placed without a number.", _NUMBER_FORM),
    21205: (
        "Invalid URL",
        "An address given with a request is not a public URL.",
        "Check public_url.",
    ),
    21210: (
        "Calling number not verified",
        "The number to call from does not belong to the account.",
        "Set `number` to one of the account's own numbers.",
    ),
    21211: ("Invalid number to call", "The number to call is not valid.", _NUMBER_FORM),
    21212: ("Invalid number to call from", "The number to call from is not valid.", _NUMBER_FORM),
    21214: (
        "Number cannot be reached",
        "Twilio cannot call this number.",
        "Check the number; try it from another phone.",
    ),
    21215: (
        "Country not permitted",
        "The account may not call this country.",
        "Allow it in Twilio's console under Voice, Geographic permissions.",
    ),
    21216: (
        "Call not allowed",
        "Twilio does not let this account call this number.",
        "Ask Twilio's support.",
    ),
    21217: ("Not a phone number", "The number does not look like a phone number.", _NUMBER_FORM),
    21219: (
        "Trial account",
        "A trial account may only call numbers that were verified before.",
        "Verify the number in the console, or upgrade the account.",
    ),
    21220: (
        "Call not in progress",
        "What was asked is possible only while the call is up, and it is over or not yet answered.",
        "Nothing to fix if the call has just ended. To attach to a call, wait until it is answered.",
    ),
    # Media streams
    31901: (
        "Media socket: no answer",
        "Twilio's WebSocket request to this server was not answered.",
        _REACH + " A firewall may drop Twilio's packets.",
    ),
    31902: (
        "Media socket: refused",
        "Nothing is listening at the media socket's address.",
        _REACH,
    ),
    31903: (
        "Media socket: broken off",
        "The connection broke while the stream was running: network, tunnel, or a server that died.",
        "callscribe asks for a new stream by itself when account SID and token are set. If it happens often, "
        "look at the tunnel's and the proxy's idle timeouts.",
    ),
    31910: (
        "Media socket: TLS failed",
        "The media socket needs TLS with a publicly trusted certificate.",
        _CERTIFICATE,
    ),
    31920: (
        "Media socket: handshake refused",
        "The WebSocket request was answered with something other than 101 Switching Protocols.",
        "Look at callscribe's log: 403 says that the signature or the ticket was not good, and which address was "
        "checked; then public_url is not the address that Twilio calls. No line in the log: the proxy or tunnel "
        "in front does not pass WebSocket upgrades on.",
    ),
    31921: (
        "Media socket: closed by the server",
        "callscribe closed the socket. It does so for malformed messages, at shutdown, and when another socket has "
        "taken a stream's place.",
        "Look at callscribe's log; it says which.",
    ),
    31922: (
        "Media socket: address must be wss",
        "The stream's address does not begin with wss://.",
        "Set public_url to an https:// address.",
    ),
    31924: (
        "Media socket: protocol error",
        "A message was sent that WebSocket or a one-way stream does not allow.",
        "callscribe sends nothing on its streams: look for a proxy that changes WebSocket traffic.",
    ),
    31930: (
        "Media socket: audio discarded",
        "Twilio discarded audio because the connection to this server was too slow to take it.",
        "The missing seconds are marked in the transcript. Check the uplink, the tunnel's limits and the load.",
    ),
    31941: (
        "Stream: wrong track",
        "This kind of stream cannot carry the track that was asked for.",
        "Please report it with the call's SID.",
    ),
    31951: (
        "Stream: message not understood",
        "The server sent Twilio a message that the media protocol does not know; it was ignored.",
        "callscribe sends nothing on its streams: look for a proxy that changes WebSocket traffic.",
    ),
}
