"""A call's journal as something to read: who said what, in turns and paragraphs, with notes between.

`Timeline` folds events into people, utterances and notes; `blocks` lays them out. The page's
`static/timeline.js` and `static/blocks.js` do the same with live events, and a test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    SpeakerRenamed,
    StreamEnded,
    Token,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.web import wording

PARAGRAPH_PAUSE_MS = 2000
"""A longer silence of the same person begins a new paragraph."""
PARAGRAPH_MS = 45_000
"""So does the first utterance that starts this long after the paragraph did."""
OVERLAP_MS = 200
"""Two people talking at once for longer than this are shown as overlapping."""
DIGITS_MS = 3000
"""Keys pressed within this time of each other are one note."""
SLOTS = 8
"""Speaker colours; a ninth person gets the first one again, with a dashed bar."""


@dataclass(slots=True)
class Person:
    """Someone on the call, as one leg's track."""

    leg: str
    track: Track
    speaker: str
    slot: int
    number: str = ""
    muted: bool = False
    on_hold: bool = False
    left_ms: int | None = None

    @property
    def who(self) -> str:
        return f"{self.leg}:{self.track}"

    @property
    def colour(self) -> str:
        """Class names of the colour and, from the ninth person on, the bar's pattern."""
        return f"s{self.slot % SLOTS}" + (" again" if self.slot >= SLOTS else "")

    @property
    def state(self) -> str:
        if self.left_ms is not None:
            return f"left {wording.clock(self.left_ms)}"
        return "on hold" if self.on_hold else "muted" if self.muted else ""


@dataclass(slots=True)
class Utterance:
    """One final, or one partial still growing."""

    id: str
    person: Person
    start_ms: int
    end_ms: int
    text: str
    raw_text: str
    tokens: Sequence[Token] = ()
    settled: int = 0
    final: bool = True
    revision: int = 0

    @property
    def order(self) -> tuple[int, int, int, str]:
        return self.start_ms, 1, 0, self.id

    @property
    def segments(self) -> list[tuple[str, bool]]:
        """The written text in stretches, each with whether it is a filler."""
        return segments(self.text, self.tokens)


@dataclass(slots=True)
class Note:
    """Something that happened between the words."""

    key: str
    kind: str
    ms: int
    text: str
    sequence: int
    """Of notes at the same moment, the one that came first stands first."""
    person: Person | None = None
    until_ms: int = 0
    """When the latest of the keys was pressed."""

    @property
    def order(self) -> tuple[int, int, int, str]:
        # At the same moment people arrive before they speak and leave after.
        return self.ms, 2 if self.kind == "left" else 0, self.sequence, ""


@dataclass(slots=True)
class Paragraph:
    start_ms: int
    utterances: list[Utterance] = field(default_factory=list)


@dataclass(slots=True)
class Turn:
    person: Person
    paragraphs: list[Paragraph] = field(default_factory=list)
    overlaps_before: bool = False
    """Begins while the turn before still goes on."""
    overlaps_after: bool = False


class Timeline:
    """Folds a call's events, in journal order."""

    def __init__(self, events: Iterable[AnyEvent] = ()) -> None:
        self.people: dict[str, Person] = {}
        self.utterances: dict[str, Utterance] = {}
        self.notes: dict[str, Note] = {}
        self.now_ms = 0
        """The latest moment that a durable event spoke of; where an untimed note goes."""
        self.ended: CallEnded | None = None
        self._flow = "answer"
        self._speakers: dict[str, int] = {}
        self._hold = False
        self._sequence = 0
        self._paused_ms: int | None = None
        self._digits: dict[str, Note] = {}
        for event in events:
            self.apply(event)

    def apply(self, event: AnyEvent) -> None:
        """Takes the next event in."""
        match event:
            case CallStarted():
                self._flow = event.flow
            case CallUpdated():
                self._updated(event)
            case ParticipantJoined():
                self._joined(event)
            case ParticipantUpdated():
                self._participant_updated(event)
            case ParticipantLeft():
                self._left(event)
            case SpeakerRenamed():
                person = self._person(event.leg, event.track, event.speaker)
                person.speaker = event.speaker
                self._speakers.setdefault(event.speaker, person.slot)
            case FinalTranscript() | PartialTranscript():
                self._said(event)
            case GapDetected():
                self._gap(event)
            case DtmfReceived():
                self._digit(event)
            case TranscriptionPaused():
                self._paused_ms = event.at_ms
                self._note(
                    f"paused-{event.at_ms}",
                    "paused",
                    event.at_ms,
                    "Paused: nothing is transcribed or kept.",
                )
            case TranscriptionResumed():
                after = event.at_ms - (event.at_ms if self._paused_ms is None else self._paused_ms)
                self._note(
                    f"resumed-{event.at_ms}",
                    "resumed",
                    event.at_ms,
                    f"Transcription resumed after {wording.span(after)}.",
                )
                self._paused_ms = None
            case StreamEnded() if event.reason.startswith("refused"):
                _, _, why = event.reason.partition(":")
                self._note(
                    f"refused-{event.stream}",
                    "gap",
                    self.now_ms,
                    f"The audio stream was refused: {why.strip() or 'no reason given'}.",
                )
            case CallEnded():
                self.ended = event
                self.utterances = {
                    key: utterance for key, utterance in self.utterances.items() if utterance.final
                }
            case _:
                pass

    @property
    def flow(self) -> str:
        return self._flow

    @property
    def on_hold(self) -> bool:
        return self._hold

    @property
    def paused_ms(self) -> int | None:
        """Since when transcription is paused, or None."""
        return self._paused_ms

    @property
    def ending(self) -> str:
        """The closing line; empty while the call goes on."""
        end = self.ended
        if end is None:
            return ""
        return wording.ending(end.status, end.duration_ms, end.ended_by, end.reason)

    def blocks(self) -> list[Turn | Note]:
        """Turns and notes in the order to read them."""
        items: list[Utterance | Note] = [*self.utterances.values(), *self.notes.values()]
        items.sort(key=lambda item: item.order)
        blocks: list[Turn | Note] = []
        last: Turn | None = None
        last_end = 0
        for item in items:
            if isinstance(item, Note):
                blocks.append(item)
                continue
            turn = blocks[-1] if blocks and isinstance(blocks[-1], Turn) else None
            if turn is None or turn.person is not item.person:
                turn = Turn(item.person)
                if last is not None and last.person is not item.person:
                    turn.overlaps_before = last_end - item.start_ms > OVERLAP_MS
                    last.overlaps_after = turn.overlaps_before
                blocks.append(turn)
                last, last_end = turn, item.end_ms
            paragraph = turn.paragraphs[-1] if turn.paragraphs else None
            if (
                paragraph is None
                or item.start_ms - paragraph.utterances[-1].end_ms > PARAGRAPH_PAUSE_MS
                or item.start_ms - paragraph.start_ms > PARAGRAPH_MS
            ):
                paragraph = Paragraph(item.start_ms)
                turn.paragraphs.append(paragraph)
            paragraph.utterances.append(item)
            last_end = max(last_end, item.end_ms)
        return blocks

    def _person(self, leg: str, track: Track, speaker: str) -> Person:
        who = f"{leg}:{track}"
        person = self.people.get(who)
        if person is None:
            # Someone who comes back on a new leg under the same name keeps the colour.
            slot = self._speakers.setdefault(speaker, len({*self._speakers.values()}))
            person = self.people[who] = Person(leg, track, speaker, slot)
        return person

    def _note(self, key: str, kind: str, ms: int, text: str, person: Person | None = None) -> Note:
        self._sequence += 1
        note = self.notes[key] = Note(key, kind, ms, text, self._sequence, person)
        self.now_ms = max(self.now_ms, ms)
        return note

    def _said(self, event: FinalTranscript | PartialTranscript) -> None:
        final = isinstance(event, FinalTranscript)
        known = self.utterances.get(event.utterance)
        if known is not None and not final and (known.final or known.revision >= event.revision):
            return
        if not final and not event.text and not event.raw_text:
            self.utterances.pop(event.utterance, None)
            return
        self.utterances[event.utterance] = Utterance(
            id=event.utterance,
            person=self._person(event.leg, event.track, event.speaker),
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            text=event.text,
            raw_text=event.raw_text,
            tokens=event.tokens if isinstance(event, FinalTranscript) else (),
            settled=0 if isinstance(event, FinalTranscript) else event.settled,
            final=final,
            revision=event.revision,
        )
        if final:
            self.now_ms = max(self.now_ms, event.end_ms)

    def _joined(self, event: ParticipantJoined) -> None:
        came_back = f"{event.leg}:{event.track}" in self.people
        person = self._person(event.leg, event.track, event.speaker)
        person.speaker = event.speaker
        person.number = event.number
        person.muted, person.on_hold, person.left_ms = event.muted, event.on_hold, None
        if came_back or self._flow == "conference":
            key = f"joined-{person.who}-{event.joined_ms}"
            words = "is back." if came_back else "joined."
            self._note(key, "joined", event.joined_ms, words, person)

    def _participant_updated(self, event: ParticipantUpdated) -> None:
        person = self._person(event.leg, event.track, "Someone")
        ms = event.at_ms or self.now_ms
        if event.muted is not None and event.muted != person.muted:
            person.muted = event.muted
            words = "is muted." if event.muted else "is no longer muted."
            self._note(f"muted-{person.who}-{ms}", "muted", ms, words, person)
        if event.on_hold is not None and event.on_hold != person.on_hold:
            person.on_hold = event.on_hold
            words = "is on hold." if event.on_hold else "is back from hold."
            self._note(f"hold-{person.who}-{ms}", "hold", ms, words, person)

    def _left(self, event: ParticipantLeft) -> None:
        person = self._person(event.leg, event.track, "Someone")
        # Where there are only two, the call's end says it.
        if self._flow == "conference":
            person.left_ms = event.left_ms
            key = f"left-{person.who}-{event.left_ms}"
            self._note(key, "left", event.left_ms, "left.", person)

    def _gap(self, event: GapDetected) -> None:
        if event.reason == "paused":
            return  # The pause has its own notes.
        length = wording.span(event.end_ms - event.start_ms)
        if event.reason == "socket-lost":
            # Both tracks of a leg go together.
            key = f"gap-{event.leg}-{event.start_ms // 500}"
            words = f"{length} missing: the connection to the carrier was lost."
            self._note(key, "gap", event.start_ms, words)
            return
        key = f"gap-{event.leg}:{event.track}-{event.start_ms}"
        words = {
            "missing": f"{length} missing.",
            "overload": f"{length} not transcribed: this machine could not keep up.",
        }[event.reason]
        person = self._person(event.leg, event.track, "Someone")
        self._note(key, "gap", event.start_ms, words, person)

    def _digit(self, event: DtmfReceived) -> None:
        person = self._person(event.leg, event.track, "Someone")
        note = self._digits.get(person.who)
        if note is not None and event.at_ms - note.until_ms <= DIGITS_MS:
            note.text = f"{note.text[:-1]} {event.digit}."
        else:
            key = f"dtmf-{person.who}-{event.at_ms}"
            note = self._note(key, "dtmf", event.at_ms, f"pressed {event.digit}.", person)
            self._digits[person.who] = note
        note.until_ms = event.at_ms

    def _updated(self, event: CallUpdated) -> None:
        if event.on_hold is not None and event.on_hold != self._hold:
            self._hold = event.on_hold
            words = "On hold." if event.on_hold else "Back from hold."
            self._note(f"call-hold-{self.now_ms}-{event.on_hold}", "hold", self.now_ms, words)
        if event.dial is not None:
            self._dialled(event.dial)

    def _dialled(self, dial: Dial) -> None:
        name = dial.name or dial.to or "The other side"
        if dial.answered_ms is not None:
            ms, words = dial.answered_ms, f"{name} answered."
        elif dial.status in ("initiated", "queued", "ringing"):
            ms, words = self.now_ms, f"Calling {name}."
        else:
            ending = {
                "busy": "was busy.",
                "no-answer": "did not answer.",
                "failed": "could not be reached.",
                "canceled": "was not reached: the caller hung up first.",
            }.get(dial.status)
            if ending is None:
                return
            ms, words = self.now_ms, f"{name} {ending}"
        key = f"dial-{dial.leg or dial.to}-{words}"
        if key not in self.notes:
            self._note(key, "dial", ms, words)


def segments(text: str, tokens: Sequence[Token]) -> list[tuple[str, bool]]:
    """Cuts `text` at its fillers: stretches that join to `text`, each with whether it is a filler."""
    cut: list[tuple[str, bool]] = []
    done = position = 0
    for token in tokens:
        found = text.find(token.text, position)
        if found < 0:
            continue
        position = found + len(token.text)
        if token.filler and token.text:
            if found > done:
                cut.append((text[done:found], False))
            cut.append((token.text, True))
            done = position
    if done < len(text):
        cut.append((text[done:], False))
    return cut
