"""What executing TwiML means, step by step, without doing it.

`interpret` is a generator: it yields the next step and is sent what came of it. The world
(`callscribe.simulator.call`) does the waiting, calling and streaming; tests drive the generator by hand.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from callscribe.simulator import twiml
from callscribe.simulator.twiml import Document, speech_ms

MAX_DOCUMENTS = 100
"""A call that fetches more documents than this is taken to be in a loop."""


@dataclass(frozen=True)
class Fetch:
    """Request another document. Result: `Document`, or None when that failed (the call is then over)."""

    what: str
    url: str
    method: str
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Speak:
    """Something is played to the party for this long. Result: None."""

    verb: str
    duration_ms: int


@dataclass(frozen=True)
class Hold:
    """The line is open and people may talk. Result: None."""

    verb: str
    duration_ms: int


@dataclass(frozen=True)
class StartStream:
    """Result: None, at once; the stream opens beside the call."""

    stream: twiml.Stream


@dataclass(frozen=True)
class EndStream:
    """Result: None."""

    name: str


@dataclass(frozen=True)
class DialOutcome:
    """What became of a `<Dial>`, in the carrier's words."""

    status: str
    call_sid: str = ""
    duration_s: int = 0
    bridged: bool = False
    left_by_callee: bool = False

    def action_params(self) -> tuple[tuple[str, str], ...]:
        params = [("DialCallStatus", self.status)]
        if self.call_sid:
            params += [
                ("DialCallSid", self.call_sid),
                ("DialCallDuration", str(self.duration_s)),
            ]
        return (*params, ("DialBridged", str(self.bridged).lower()))


@dataclass(frozen=True)
class DialNumbers:
    """Call the numbers and stay until the dialled leg ends. Result: `DialOutcome`."""

    dial: twiml.Dial
    numbers: tuple[twiml.Number, ...]


@dataclass(frozen=True)
class JoinConference:
    """Stay in the room until leaving it. Result: `DialOutcome`."""

    dial: twiml.Dial
    conference: twiml.Conference


@dataclass(frozen=True)
class HangUp:
    """The last step."""

    why: str
    status: Literal["completed", "busy", "failed"] = "completed"
    explicit: bool = True
    """False when the document merely came to its end."""


@dataclass(frozen=True)
class Warn:
    """The carrier logs this and goes on. Result: None."""

    code: int
    message: str


Step = Fetch | Speak | Hold | StartStream | EndStream | DialNumbers | JoinConference | HangUp | Warn
Outcome = Document | DialOutcome | None


def interpret(document: Document) -> Generator[Step, Outcome, None]:
    """Yields the steps of a document and of those that follow it; always ends with `HangUp`."""
    for _ in range(MAX_DOCUMENTS):
        for warning in document.warnings:
            yield Warn(12200, warning)
        following = yield from _run(document)
        if following is None:
            return
        document = following
    yield HangUp(f"more than {MAX_DOCUMENTS} documents: a loop of redirects", "failed")


def _run(document: Document) -> Generator[Step, Outcome, Document | None]:
    answered = False
    for verb in document.verbs:
        fetch: Fetch | None = None
        match verb:
            case twiml.Say():
                yield Speak("Say", speech_ms(verb.text) * max(1, verb.loop))
            case twiml.Play():
                yield Speak("Play", 2000 * max(1, verb.loop))
            case twiml.Pause():
                yield Hold("Pause", round(verb.length_s * 1000))
            case twiml.Gather():
                for prompt in verb.prompts:
                    if isinstance(prompt, twiml.Say):
                        yield Speak("Say", speech_ms(prompt.text) * max(1, prompt.loop))
                    elif isinstance(prompt, twiml.Play):
                        yield Speak("Play", 2000 * max(1, prompt.loop))
                    else:
                        yield Hold("Pause", round(prompt.length_s * 1000))
                yield Hold("Gather", round(verb.timeout_s * 1000))
                if verb.action_on_empty:
                    fetch = Fetch("gather action", verb.action, verb.method, (("Digits", ""),))
            case twiml.Record():
                yield Hold("Record", round(verb.max_length_s * 1000))
                if verb.action:
                    extra = (("RecordingDuration", str(round(verb.max_length_s))),)
                    fetch = Fetch("record action", verb.action, verb.method, extra)
            case twiml.Stream():
                yield StartStream(verb)
                continue
            case twiml.StopStream():
                yield EndStream(verb.name)
                continue
            case twiml.Dial():
                outcome = yield _dial(verb)
                if not isinstance(outcome, DialOutcome):
                    raise TypeError(f"a dial ends in a DialOutcome, not {outcome!r}")
                if verb.action:
                    fetch = Fetch("dial action", verb.action, verb.method, outcome.action_params())
            case twiml.Redirect():
                fetch = Fetch("redirect", verb.url, verb.method)
            case twiml.Hangup():
                yield HangUp("<Hangup>")
                return None
            case twiml.Reject():
                if answered:
                    yield HangUp("<Reject> on an answered call")
                else:
                    status: Literal["busy", "failed"] = (
                        "busy" if verb.reason == "busy" else "failed"
                    )
                    yield HangUp(f"<Reject> ({verb.reason})", status)
                return None
        answered = True
        if fetch is not None:
            following = yield fetch
            if following is None:
                yield HangUp(f"{fetch.what} failed", "failed")
                return None
            if not isinstance(following, Document):
                raise TypeError(f"a fetch ends in a Document or None, not {following!r}")
            return following
    yield HangUp("the TwiML ended", explicit=False)
    return None


def _dial(dial: twiml.Dial) -> DialNumbers | JoinConference:
    first = dial.targets[0]
    if isinstance(first, twiml.Conference):
        return JoinConference(dial, first)
    return DialNumbers(dial, tuple(t for t in dial.targets if isinstance(t, twiml.Number)))
