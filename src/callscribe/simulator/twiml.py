"""TwiML as the carrier reads it: parsed and checked, nothing executed.

Sources: Twilio docs, "TwiML for Programmable Voice" and the pages of each verb; attribute lists as in the official
Python library.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import urljoin, urlsplit, urlunsplit

from callscribe.simulator.twiml_schema import ATTRIBUTES, CALLBACK_EVENTS, CONFERENCE_EVENTS

TrackChoice = Literal["inbound_track", "outbound_track", "both_tracks"]


class TwimlError(Exception):
    """A document that the carrier would not execute.

    Attributes:
        code: the carrier's error number.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Say:
    text: str
    loop: int = 1


@dataclass(frozen=True)
class Play:
    url: str
    loop: int = 1
    digits: str = ""


@dataclass(frozen=True)
class Pause:
    length_s: float = 1.0


@dataclass(frozen=True)
class Gather:
    prompts: tuple[Say | Play | Pause, ...] = ()
    timeout_s: float = 5.0
    action: str = ""
    method: str = "POST"
    action_on_empty: bool = False


@dataclass(frozen=True)
class Record:
    timeout_s: float = 5.0
    max_length_s: float = 3600.0
    action: str = ""
    method: str = "POST"


@dataclass(frozen=True)
class Stream:
    """`<Start><Stream>`; the url is absolute."""

    url: str
    name: str = ""
    track: TrackChoice = "inbound_track"
    status_callback: str = ""
    status_callback_method: str = "POST"
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def tracks(self) -> tuple[Literal["inbound", "outbound"], ...]:
        """As `start.tracks` names them."""
        if self.track == "both_tracks":
            return ("inbound", "outbound")
        return ("inbound",) if self.track == "inbound_track" else ("outbound",)


@dataclass(frozen=True)
class StopStream:
    name: str


@dataclass(frozen=True)
class Number:
    number: str
    url: str = ""
    method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conference:
    name: str
    muted: bool = False
    start_on_enter: bool = True
    end_on_exit: bool = False
    label: str = ""
    wait_url: str | None = None
    """None is the carrier's music, empty is silence."""
    beep: str = "true"
    max_participants: int = 250
    status_callback: str = ""
    status_callback_method: str = "POST"
    status_callback_events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dial:
    targets: tuple[Number | Conference, ...] = ()
    action: str = ""
    method: str = "POST"
    answer_on_bridge: bool = False
    caller_id: str = ""
    timeout_s: float = 30.0
    time_limit_s: float = 14400.0


@dataclass(frozen=True)
class Redirect:
    url: str
    method: str = "POST"


@dataclass(frozen=True)
class Hangup:
    pass


@dataclass(frozen=True)
class Reject:
    reason: str = "rejected"


Verb = (
    Say | Play | Pause | Gather | Record | Stream | StopStream | Dial | Redirect | Hangup | Reject
)


@dataclass(frozen=True)
class Document:
    """A TwiML answer, ready to execute."""

    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...] = field(default=())
    """Schema violations (12200) that the carrier logs and passes over."""


def parse(text: str, base_url: str) -> Document:
    """Reads a TwiML document.

    Args:
        base_url: the URL the document came from; relative URLs resolve against it.

    Raises:
        TwimlError: not XML (12100), no `<Response>` (12102), an unknown verb or a wrong value (12200).
    """
    if text[:1].isspace() and text.lstrip().startswith("<?xml"):
        raise TwimlError(12100, "The XML declaration must be at the very first byte.")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TwimlError(12100, "TwiML must not declare a document type or entities.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - document types are refused above
    except ET.ParseError as error:
        shown = text.strip()[:80]
        raise TwimlError(
            12100, f"The answer is not well-formed XML ({error}): {shown!r}"
        ) from error
    if root.tag != "Response":
        raise TwimlError(12102, f"TwiML must begin with <Response>, not <{root.tag}>.")
    reader = _Reader(base_url)
    verbs = [verb for element in root for verb in reader.verbs(element)]
    return Document(tuple(verbs), tuple(reader.warnings))


class _Reader:
    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self.warnings: list[str] = []

    def verbs(self, element: ET.Element) -> list[Verb]:
        self._check_attributes(element)
        match element.tag:
            case "Say" | "Play" | "Pause":
                return [self._prompt(element)]
            case "Gather":
                return [self._gather(element)]
            case "Record":
                return [
                    Record(
                        timeout_s=self._seconds(element, "timeout", 5),
                        max_length_s=self._seconds(element, "maxLength", 3600),
                        action=self._url(element, "action"),
                        method=self._method(element, "method"),
                    )
                ]
            case "Start":
                return [self._stream(child) for child in self._only(element, "Stream")]
            case "Stop":
                return [self._stop(child) for child in self._only(element, "Stream")]
            case "Connect":
                raise TwimlError(
                    12200,
                    "<Connect> is not simulated: callscribe listens with <Start><Stream>, "
                    "which lets the call go on.",
                )
            case "Dial":
                return [self._dial(element)]
            case "Redirect":
                return [
                    Redirect(
                        urljoin(self._base, _text(element)),
                        self._method(element, "method"),
                    )
                ]
            case "Hangup":
                return [Hangup()]
            case "Reject":
                reason = self._one_of(element, "reason", "rejected", {"rejected", "busy"})
                return [Reject(reason)]
            case unknown:
                raise TwimlError(12200, f"<{unknown}> is not a verb. Names are case-sensitive.")

    def _prompt(self, element: ET.Element) -> Say | Play | Pause:
        if element.tag == "Pause":
            return Pause(self._seconds(element, "length", 1))
        loop = int(self._seconds(element, "loop", 1))
        if element.tag == "Say":
            text = " ".join("".join(element.itertext()).split())
            if not text:
                raise TwimlError(13520, "<Say> has no text.")
            return Say(text, loop)
        url, digits = _text(element), element.get("digits", "")
        if not url and not digits:
            raise TwimlError(13410, "<Play> names no URL.")
        return Play(urljoin(self._base, url) if url else "", loop, digits)

    def _gather(self, element: ET.Element) -> Gather:
        prompts = []
        for child in element:
            if child.tag not in {"Say", "Play", "Pause"}:
                raise TwimlError(12200, f"<{child.tag}> is not allowed inside <Gather>.")
            self._check_attributes(child)
            prompts.append(self._prompt(child))
        return Gather(
            prompts=tuple(prompts),
            timeout_s=self._seconds(element, "timeout", 5),
            action=self._url(element, "action") or self._base,
            method=self._method(element, "method"),
            action_on_empty=self._flag(element, "actionOnEmptyResult", False),
        )

    def _stream(self, element: ET.Element) -> Stream:
        self._check_attributes(element)
        url = element.get("url", "").strip()
        if not url:
            raise TwimlError(12200, '<Stream> needs the attribute "url".')
        track = self._one_of(
            element, "track", "inbound_track", {"inbound_track", "outbound_track", "both_tracks"}
        )
        parameters = []
        for child in element:
            if child.tag != "Parameter":
                raise TwimlError(12200, f"<{child.tag}> is not allowed inside <Stream>.")
            self._check_attributes(child)
            name, value = child.get("name", ""), child.get("value", "")
            if not name:
                raise TwimlError(12200, '<Parameter> needs the attribute "name".')
            if len(name) + len(value) >= 500:
                raise TwimlError(
                    12200, f'<Parameter name="{name[:40]}"> is longer than 500 characters.'
                )
            parameters.append((name, value))
        callback = element.get("statusCallback", "")
        if callback and not urlsplit(callback).scheme:
            raise TwimlError(
                12200, f'statusCallback of <Stream> must be an absolute URL, not "{callback}".'
            )
        return Stream(
            url=stream_url(self._base, url),
            name=element.get("name", ""),
            track=cast(TrackChoice, track),
            status_callback=callback,
            status_callback_method=self._method(element, "statusCallbackMethod"),
            parameters=tuple(parameters),
        )

    def _stop(self, element: ET.Element) -> StopStream:
        name = element.get("name", "")
        if not name:
            raise TwimlError(12200, '<Stop><Stream> needs the attribute "name".')
        return StopStream(name)

    def _dial(self, element: ET.Element) -> Dial:
        targets: list[Number | Conference] = []
        if _text(element):
            targets.append(Number(_text(element)))
        for child in element:
            self._check_attributes(child)
            if child.tag == "Number":
                targets.append(self._number(child))
            elif child.tag == "Conference":
                targets.append(self._conference(child))
            elif child.tag in {"Client", "Sip", "Sim", "Queue", "WhatsApp", "Application"}:
                raise TwimlError(12200, f"<Dial><{child.tag}> is not simulated.")
            else:
                raise TwimlError(12200, f"<{child.tag}> is not allowed inside <Dial>.")
        if not targets:
            raise TwimlError(13221, "<Dial> names nobody to call.")
        if len(targets) > 1 and any(isinstance(t, Conference) for t in targets):
            raise TwimlError(12200, "<Conference> must be the only target of its <Dial>.")
        if len(targets) > 10:
            raise TwimlError(12200, "<Dial> can call at most ten numbers at once.")
        return Dial(
            targets=tuple(targets),
            action=self._url(element, "action"),
            method=self._method(element, "method"),
            answer_on_bridge=self._flag(element, "answerOnBridge", False),
            caller_id=element.get("callerId", ""),
            timeout_s=self._seconds(element, "timeout", 30),
            time_limit_s=self._seconds(element, "timeLimit", 14400),
        )

    def _number(self, element: ET.Element) -> Number:
        if not _text(element):
            raise TwimlError(13223, "<Number> is empty.")
        return Number(
            number=_text(element),
            url=self._url(element, "url"),
            method=self._method(element, "method"),
            status_callback=self._url(element, "statusCallback"),
            status_callback_method=self._method(element, "statusCallbackMethod"),
            status_callback_events=self._events(element, CALLBACK_EVENTS, ("completed",)),
        )

    def _conference(self, element: ET.Element) -> Conference:
        name = _text(element)
        if not name:
            raise TwimlError(12200, "<Conference> needs a room name.")
        label = element.get("participantLabel", "")
        if len(label) > 128:
            raise TwimlError(12200, "participantLabel is longer than 128 characters.")
        wait = element.get("waitUrl")
        return Conference(
            name=name,
            muted=self._flag(element, "muted", False),
            start_on_enter=self._flag(element, "startConferenceOnEnter", True),
            end_on_exit=self._flag(element, "endConferenceOnExit", False),
            label=label,
            wait_url=urljoin(self._base, wait) if wait else wait,
            beep=self._one_of(element, "beep", "true", {"true", "false", "onEnter", "onExit"}),
            max_participants=int(self._seconds(element, "maxParticipants", 250)),
            status_callback=self._url(element, "statusCallback"),
            status_callback_method=self._method(element, "statusCallbackMethod"),
            status_callback_events=self._events(element, CONFERENCE_EVENTS, ()),
        )

    # Attributes.

    def _check_attributes(self, element: ET.Element) -> None:
        known = ATTRIBUTES.get(element.tag)
        for name in element.keys() if known is not None else ():
            if name not in cast(frozenset[str], known):
                self.warnings.append(f'<{element.tag}> has no attribute "{name}".')

    def _only(self, element: ET.Element, tag: str) -> list[ET.Element]:
        children = list(element)
        if not children:
            raise TwimlError(12200, f"<{element.tag}> is empty.")
        for child in children:
            if child.tag != tag:
                raise TwimlError(
                    12200, f"<{element.tag}><{child.tag}> is not simulated; only <{tag}> is."
                )
        return children

    def _url(self, element: ET.Element, name: str) -> str:
        value = element.get(name, "").strip()
        return urljoin(self._base, value) if value else ""

    def _method(self, element: ET.Element, name: str) -> str:
        return self._one_of(element, name, "POST", {"GET", "POST"})

    def _one_of(self, element: ET.Element, name: str, default: str, allowed: set[str]) -> str:
        value = element.get(name, default)
        if value not in allowed:
            raise TwimlError(
                12200,
                f'{name}="{value}" of <{element.tag}> is not one of {", ".join(sorted(allowed))}.',
            )
        return value

    def _flag(self, element: ET.Element, name: str, default: bool) -> bool:
        return self._one_of(element, name, str(default).lower(), {"true", "false"}) == "true"

    def _seconds(self, element: ET.Element, name: str, default: float) -> float:
        value = element.get(name)
        if value is None:
            return default
        if not value.isdecimal():
            raise TwimlError(
                12200, f'{name}="{value}" of <{element.tag}> is not a whole number of seconds.'
            )
        return float(value)

    def _events(
        self, element: ET.Element, allowed: frozenset[str], default: tuple[str, ...]
    ) -> tuple[str, ...]:
        value = element.get("statusCallbackEvent")
        if value is None:
            return default
        events = tuple(value.split())
        for event in events:
            if event not in allowed:
                raise TwimlError(
                    12200,
                    f'statusCallbackEvent "{event}" of <{element.tag}> is not one of '
                    f"{', '.join(sorted(allowed))}.",
                )
        return events


def _text(element: ET.Element) -> str:
    return (element.text or "").strip()


def stream_url(base_url: str, url: str) -> str:
    """The socket's address: a relative one resolves against the document's and becomes `wss` (or `ws` from `http`)."""
    absolute = urljoin(base_url, url)
    parts = urlsplit(absolute)
    if urlsplit(url).scheme:
        return absolute
    return urlunsplit(("ws" if parts.scheme == "http" else "wss", *parts[1:]))


def speech_ms(text: str) -> int:
    """How long a synthetic voice takes to say `text`, in milliseconds: about 15 characters a second."""
    return 300 + 65 * len(text)
