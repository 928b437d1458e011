"""Folds a call's events into its transcript: people, what they said, notes, states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import assert_never

from callscribe.events import (
    AnyEvent,
    CallDeleted,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    LagChanged,
    NoteChanged,
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordSettled,
    RevisedTranscript,
    SpeakerRenamed,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    TagsChanged,
    TextDeleted,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
    TranscriptionWaits,
    UtteranceCorrected,
)
from callscribe.records import CallSummary
from callscribe.transcript import wording
from callscribe.transcript.calls import CallLine
from callscribe.transcript.layout import Layout
from callscribe.transcript.parts import Block, Note, NoteKind, Person, Utterance, with_correction
from callscribe.transcript.readable import readable

DIGITS_MS = 3000
"""Keys pressed within this time of each other are one note."""
SAME_LOSS_MS = 500
"""Gaps of two tracks that begin so close to each other are of one lost socket."""


@dataclass(slots=True)
class Change:
    """What an event changed, for views that go along; one that draws everything anew needs none of it."""

    utterances: list[Utterance]
    """New, or in a new form. One with empty text is not shown any more."""
    notes: list[Note]
    """New, or in a new form."""
    people: list[Person]
    """New, renamed, muted, ... ."""
    line: bool = False
    """`call`, `state` or what is said about the call as a whole (lag, ending, trouble)."""

    def __bool__(self) -> bool:
        return bool(self.utterances or self.notes or self.people or self.line)


class Transcript:
    """One call as people read it.

    Args:
        call: the record's id.
        events: what is known already, in journal order.
        second_reader: a second reader is at work from the call's beginning on, so that finals are tentative until it
            has read them. Without this its work is known from its first reading on.
    """

    def __init__(
        self, call: str, events: Iterable[AnyEvent] = (), *, second_reader: bool = False
    ) -> None:
        self.now_ms = 0
        """The latest moment that a stored event spoke of; where an untimed note goes."""
        self.counters = StreamCounters()
        """Of all streams that have ended, together."""
        self.trouble = ""
        """Why the record cannot be written now; mostly empty."""
        self.deleted = False
        """The record, or its text, is not there any more. What is shown of it should go; what is left is read anew."""
        self.lag: dict[str, int] = {}
        """How late text is, in ms, by `Person.who`."""
        self.paused_ms: int | None = None
        """Since when transcription is paused."""
        self.unread = 0
        """How many utterances the second reader could not read; known when the record is settled."""
        self._line = CallLine(call)
        self._layout = Layout()
        self._people: dict[str, Person] = {}
        self._partial_people: dict[str, Person] = {}
        self._slots: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._utterances: dict[str, Utterance] = {}
        self._corrections: dict[str, UtteranceCorrected] = {}
        self._firsts: dict[str, FinalTranscript] = {}
        """Finals in whose place something better is shown until they are read."""
        self._notes: dict[str, Note] = {}
        self._digits: dict[str, Note] = {}
        self._hold = False
        self._second_reader = second_reader
        self._settled = False
        self._change = Change([], [], [])
        for event in events:
            self.apply(event)

    # What there is to read

    @property
    def call(self) -> CallSummary:
        """The call's facts; the same as its line in the list."""
        return self._line.summary

    @property
    def language(self) -> str:
        """What is spoken on the call as far as it is known, BCP 47."""
        return self.call.language

    @property
    def state(self) -> wording.State:
        """What the call is doing now, or what became of it."""
        return self._line.state

    @property
    def is_over(self) -> bool:
        return wording.is_over(self.call)

    @property
    def people(self) -> tuple[Person, ...]:
        """In the order in which they came; those whom only partials know stand at the end."""
        return (*self._people.values(), *self._partial_people.values())

    @property
    def blocks(self) -> list[Block]:
        """Turns and notes in the order to read them. The list is the fold's own: copy it to keep it."""
        return self._layout.blocks

    @property
    def utterances(self) -> list[Utterance]:
        """What was said, partials included, in the order to read it."""
        return sorted(
            (said for said in self._utterances.values() if said.text), key=lambda said: said.order
        )

    @property
    def notes(self) -> list[Note]:
        return sorted(self._notes.values(), key=lambda note: note.order)

    @property
    def lag_ms(self) -> int:
        """How late text is now: the worst of the call's tracks."""
        return max(self.lag.values(), default=0)

    @property
    def ending(self) -> str:
        """The closing line; empty while the call goes on."""
        return wording.ending(self.call, unread=self.unread, counters=self.counters)

    @property
    def waiting(self) -> str:
        """What stands in place of words while there are none."""
        return "" if any(s.text for s in self._utterances.values()) else wording.waiting(self.call)

    def person(self, leg: str, track: Track) -> Person | None:
        """Who is heard on a leg's track."""
        who = f"{leg}:{track}"
        return self._people.get(who) or self._partial_people.get(who)

    def __eq__(self, other: object) -> bool:
        """Whether both read the same; for tests."""
        return isinstance(other, Transcript) and self._facts() == other._facts()

    __hash__ = None  # type: ignore[assignment]

    def _facts(self) -> tuple[object, ...]:
        people = [
            (p.who, p.name, p.slot, p.number, p.muted, p.on_hold, p.joined_ms, p.left_ms, p.said_ms)
            for p in self.people
        ]
        utterances = [
            (
                s.order,
                s.person.who,
                s.end_ms,
                s.text,
                s.raw_text,
                s.tokens,
                s.words,
                s.final,
                s.settled,
                s.reading,
                s.reader,
                s.revision,
                s.first_text,
                (s.corrected, s.corrected_by, s.corrected_at, s.recognised_text),
                s.tentative,
            )
            for s in self.utterances
        ]
        notes = [(n.order, n.key, n.kind, n.sentence, n.until_ms) for n in self.notes]
        state = (self.call, self.state, self.ending, self.waiting, self.now_ms, self.counters)
        return people, utterances, notes, state, self.trouble, self.lag_ms, self.paused_ms

    # What changes it

    def apply(self, event: AnyEvent) -> Change:
        """Takes the next event in. Every type of event is decided upon here: mypy refuses a new one that is not.

        Events of other calls change nothing, but `StoreFailed` concerns every call. Repeated events change nothing.
        """
        self._change = Change([], [], [])
        event = readable(event)
        if isinstance(event, StoreFailed):
            trouble = "" if event.resolved else event.message
            self._change.line = trouble != self.trouble
            self.trouble = trouble
            return self._change
        if event.call != self.call.id:
            return self._change
        said = self._about()
        self._change.line = self._line.apply_readable(event)
        match event:
            case CallStarted():
                self._settled = False
            case CallUpdated():
                self._call_updated(event)
            case ParticipantJoined():
                self._joined(event)
            case ParticipantUpdated():
                self._participant_updated(event)
            case ParticipantLeft():
                self._left(event)
            case SpeakerRenamed():
                self._renamed(event)
            case PartialTranscript():
                self._partial(event)
            case FinalTranscript():
                self._final(event)
            case RevisedTranscript():
                self._revised(event)
            case GapDetected():
                self._gap(event)
            case LagChanged():
                if not self.is_over:
                    self.lag[f"{event.leg}:{event.track}"] = event.lag_ms
            case DtmfReceived():
                self._digit(event)
            case TranscriptionPaused():
                self._paused(event)
            case TranscriptionResumed():
                self._resumed(event)
            case TranscriptionWaits():
                self._waits(event)
            case StreamStarted():
                pass  # its language is in the call's line
            case StreamEnded():
                self._stream_ended(event)
            case CallEnded():
                self._call_ended(event)
            case RecordSettled():
                self._record_settled(event)
            case UtteranceCorrected():
                self._corrected(event)
            case NoteChanged() | TagsChanged():
                pass  # in the call's line
            case CallDeleted() | TextDeleted():
                self.deleted = self._change.line = True
            case _:
                assert_never(event)
        self._change.line |= said != self._about()
        return self._change

    def _about(self) -> tuple[str, str, str]:
        return wording.behind(self.lag_ms), self.ending, self.waiting

    def await_second_reading(self) -> None:
        """A second reader is at work: finals are tentative from now on, until it has read them."""
        self._second_reader = True
        self._line.await_second_reading()

    def drop_partials(self) -> Change:
        """Forgets what is being said, because newer partials may have been missed."""
        self._change = Change([], [], [])
        self._drop_partials()
        return self._change

    def _drop_partials(self, leg: str | None = None) -> None:
        for said in [s for s in self._utterances.values() if not s.final]:
            if leg is None or said.person.leg == leg:
                self._withdraw(said)
                del self._utterances[said.id]

    def _withdraw(self, said: Utterance) -> None:
        self._layout.remove(said)
        self._change.utterances.append(replace(said, text="", raw_text=""))

    def _call_updated(self, event: CallUpdated) -> None:
        if event.on_hold is not None and event.on_hold != self._hold:
            self._hold = event.on_hold
            key = f"call-hold-{self.now_ms}-{'on' if event.on_hold else 'off'}"
            self._note(key, "hold", self.now_ms, wording.call_held(event.on_hold))
        if event.dial is not None:
            self._dialled(event.dial)

    def _dialled(self, dial: Dial) -> None:
        words = wording.dialled(dial)
        ms = self.now_ms if dial.answered_ms is None else dial.answered_ms
        if words:
            self._note(f"dial-{dial.leg or dial.to}-{words}", "dial", ms, words)

    # People

    def _person(self, leg: str, track: Track, name: str = "") -> Person:
        """The person of a leg's track, now known from a stored event."""
        who = f"{leg}:{track}"
        known = self._people.get(who)
        if known is not None:
            if name and known.name == wording.SOMEONE and who not in self._names:
                known.name = name
                self._change.people.append(known)
            return known
        name = self._names.get(who) or name or wording.SOMEONE
        # Someone who comes back on a new leg under the same name keeps the colour.
        slot = self._slots.setdefault(name, len({*self._slots.values()}))
        person = self._partial_people.pop(who, None)
        if person is None:
            person = Person(leg, track, name, slot)
        else:
            recoloured = person.slot != slot
            person.name, person.slot, person.tentative = name, slot, False
            if recoloured:
                self._redraw(person)
        self._people[who] = person
        self._change.people.append(person)
        # Whoever is only guessed stands behind whoever is known.
        for number, guess in enumerate(self._partial_people.values()):
            slot = self._slots.get(guess.name, len({*self._slots.values()}) + number)
            if guess.slot != slot:
                guess.slot = slot
                self._redraw(guess)
        return person

    def _partial_person(self, leg: str, track: Track, name: str) -> Person:
        """The same, known only from a partial: what partials say leaves no trace."""
        known = self.person(leg, track)
        if known is not None:
            return known
        name = name or wording.SOMEONE
        free = len({*self._slots.values()}) + len(self._partial_people)
        person = Person(leg, track, name, self._slots.get(name, free), tentative=True)
        self._partial_people[person.who] = person
        self._change.people.append(person)
        return person

    def _redraw(self, person: Person) -> None:
        for said in [s for s in self._utterances.values() if s.person is person and s.text]:
            self._show(replace(said))

    def _joined(self, event: ParticipantJoined) -> None:
        who = f"{event.leg}:{event.track}"
        came_back = who in self._people and self._people[who].left_ms is not None
        known = who in self._people
        person = self._person(event.leg, event.track, event.speaker)
        before = (person.name, person.number, person.muted, person.on_hold, person.left_ms)
        person.name = self._names.get(who, event.speaker)
        self._slots.setdefault(person.name, person.slot)
        person.number = event.number or person.number
        person.muted, person.on_hold, person.left_ms = event.muted, event.on_hold, None
        if not known:
            person.joined_ms = event.joined_ms
        if before != (person.name, person.number, person.muted, person.on_hold, None):
            self._tell(person)
        # The two of a plain call are in its title.
        if came_back or (self.call.flow == "conference" and not known):
            words = wording.joined(again=came_back, muted=event.muted, on_hold=event.on_hold)
            self._note(f"joined-{who}-{event.joined_ms}", "joined", event.joined_ms, words, person)

    def _participant_updated(self, event: ParticipantUpdated) -> None:
        person = self._person(event.leg, event.track)
        ms = event.at_ms or self.now_ms
        if event.muted is not None and event.muted != person.muted:
            person.muted = event.muted
            self._tell(person)
            key = f"muted-{person.who}-{ms}-{'on' if event.muted else 'off'}"
            self._note(key, "muted", ms, wording.muted(event.muted), person)
        if event.on_hold is not None and event.on_hold != person.on_hold:
            person.on_hold = event.on_hold
            self._tell(person)
            key = f"hold-{person.who}-{ms}-{'on' if event.on_hold else 'off'}"
            self._note(key, "hold", ms, wording.held(event.on_hold), person)

    def _left(self, event: ParticipantLeft) -> None:
        person = self._person(event.leg, event.track)
        # Where there are only two, the call's end says it.
        if self.call.flow == "conference":
            person.left_ms = event.left_ms
            self._tell(person)
            key = f"left-{person.who}-{event.left_ms}"
            self._note(key, "left", event.left_ms, wording.LEFT, person)

    def _renamed(self, event: SpeakerRenamed) -> None:
        who = f"{event.leg}:{event.track}"
        self._names[who] = event.speaker
        person = self._person(event.leg, event.track, event.speaker)
        if person.name != event.speaker:
            person.name = event.speaker
            self._tell(person)
        self._slots.setdefault(event.speaker, person.slot)

    def _tell(self, person: Person) -> None:
        if person not in self._change.people:
            self._change.people.append(person)

    # Words

    def _partial(self, event: PartialTranscript) -> None:
        if self.is_over:
            return
        self.lag[f"{event.leg}:{event.track}"] = event.lag_ms
        known = self._utterances.get(event.utterance)
        if known is not None and (known.final or known.revision >= event.revision):
            return
        if not event.text and not event.raw_text:
            if known is not None:
                self._withdraw(known)
                del self._utterances[known.id]
            return
        self._show(
            Utterance(
                id=event.utterance,
                person=self._partial_person(event.leg, event.track, event.speaker),
                start_ms=event.start_ms,
                end_ms=event.end_ms,
                text=event.text or event.raw_text,
                raw_text=event.raw_text,
                revision=event.revision,
                final=False,
                settled=max(0, min(event.settled, len(event.text))),
                reread=event.reread_ms > 0,
            )
        )

    def _final(self, event: FinalTranscript) -> None:
        if not self.is_over:
            self.lag[f"{event.leg}:{event.track}"] = event.lag_ms
        known = self._utterances.get(event.utterance)
        if known is not None and known.final and known.revision > event.revision:
            if known.reading > 1 and not known.first_text:  # it came late; what is shown is better
                self._utterances[known.id] = late = replace(known, first_text=event.text)
                if known.text:
                    self._layout.put(late, known)
            return
        self._durable(event, 1, "", "")
        if known is not None and known.reread and self._utterances[event.utterance].tentative:
            self._keep_better(event, known.text)

    def _keep_better(self, event: FinalTranscript, text: str) -> None:
        """What was read while it was being said stays until the final has been read: nothing gets worse on the way."""
        self._firsts[event.utterance] = event
        said = self._utterances[event.utterance]
        if not said.corrected:
            self._show(replace(said, text=text, tokens=(), first_text=event.text))

    def _revised(self, event: RevisedTranscript) -> None:
        self._second_reader = True
        known = self._utterances.get(event.utterance)
        first = ""
        if known is not None and known.final:
            if known.revision > event.revision:
                return
            text = known.recognised_text if known.corrected else known.text
            first = known.first_text
            if known.reading == 1:
                first = first or text
        self._firsts.pop(event.utterance, None)
        self._durable(event, event.reading, event.reader, first)

    def _durable(
        self, event: FinalTranscript | RevisedTranscript, reading: int, reader: str, first: str
    ) -> None:
        said = Utterance(
            id=event.utterance,
            person=self._person(event.leg, event.track, event.speaker),
            start_ms=event.start_ms,
            end_ms=event.end_ms,
            text=event.text,
            raw_text=event.raw_text,
            words=event.words,
            tokens=event.tokens,
            revision=event.revision,
            reading=reading,
            reader=reader,
            tentative=reading == 1 and self._second_reader and not self._settled,
            confidence=event.confidence,
            first_text=first,
        )
        self._show(with_correction(said, self._corrections.get(said.id)))
        self.now_ms = max(self.now_ms, event.end_ms)

    def _corrected(self, event: UtteranceCorrected) -> None:
        known = self._utterances.get(event.utterance)
        if known is None or not known.final or not known.text:
            return
        if event.text:
            self._corrections[event.utterance] = event
        else:
            self._corrections.pop(event.utterance, None)
        self._show(with_correction(known, event))

    def _show(self, said: Utterance) -> None:
        """Puts an utterance in its place, or takes it away when there are no words in it any more."""
        known = self._utterances.get(said.id)
        self._utterances[said.id] = said
        if known is not None and known.final:
            known.person.said_ms -= spoken_ms(known)
        if said.final:
            said.person.said_ms += spoken_ms(said)
        shown = known is not None and known.text != ""
        if not said.text:
            if known is not None and shown:
                self._layout.remove(known)
                self._change.utterances.append(said)
            return
        self._layout.put(said, known if shown else None)
        self._change.utterances.append(said)

    # Notes

    def _note(
        self, key: str, kind: NoteKind, ms: int, text: str, person: Person | None = None
    ) -> Note:
        known = self._notes.get(key)
        if known is not None:  # said twice
            return known
        note = Note(key, kind, ms, text, len(self._notes) + 1, person)
        self._notes[key] = note
        self._layout.put(note)
        self.now_ms = max(self.now_ms, ms)
        self._change.notes.append(note)
        return note

    def _gap(self, event: GapDetected) -> None:
        words = wording.gap(event)
        if not words:
            return
        if event.reason == "socket-lost":
            # Both tracks of a leg go together: one note for the two gaps.
            lost = f"lost-{event.leg}-"
            for key, note in self._notes.items():
                if key.startswith(lost) and abs(note.ms - event.start_ms) < SAME_LOSS_MS:
                    return
            self._note(f"{lost}{event.start_ms}", "gap", event.start_ms, words)
            return
        person = self._person(event.leg, event.track)
        key = f"gap-{event.reason}-{person.who}-{event.start_ms}"
        self._note(key, "gap", event.start_ms, words, person)

    def _digit(self, event: DtmfReceived) -> None:
        person = self._person(event.leg, event.track)
        note = self._digits.get(person.who)
        if note is not None and 0 <= event.at_ms - note.until_ms <= DIGITS_MS:
            keys = f"{note.text.removeprefix('pressed ').removesuffix('.')} {event.digit}"
            longer = replace(note, text=wording.pressed(keys), until_ms=event.at_ms)
            self._notes[note.key] = longer
            self._layout.put(longer, note)
            self._change.notes.append(longer)
        else:
            key = f"dtmf-{person.who}-{event.at_ms}"
            longer = self._note(key, "dtmf", event.at_ms, wording.pressed(event.digit), person)
            if longer.until_ms == 0:
                until = replace(longer, until_ms=event.at_ms)
                self._notes[key] = until
                self._layout.put(until, longer)
                self._change.notes[-1:] = [until]
                longer = until
        self._digits[person.who] = longer
        self.now_ms = max(self.now_ms, event.at_ms)

    def _paused(self, event: TranscriptionPaused) -> None:
        if self.paused_ms is None:
            self.paused_ms = event.at_ms
            self._note(f"paused-{event.at_ms}", "paused", event.at_ms, wording.PAUSED)

    def _resumed(self, event: TranscriptionResumed) -> None:
        if self.paused_ms is not None:
            words = wording.resumed(event.at_ms - self.paused_ms)
            self._note(f"resumed-{event.at_ms}", "resumed", event.at_ms, words)
            self.paused_ms = None

    def _waits(self, event: TranscriptionWaits) -> None:
        if event.over:
            self._waited(event.stream)
            return
        self._note(f"waits-{event.stream}-{event.at_ms}", "waits", event.at_ms, wording.WAITS)

    def _waited(self, stream: str) -> None:
        """What had to wait is transcribed."""
        for key, note in self._notes.items():
            if key.startswith(f"waits-{stream}-") and note.text == wording.WAITS:
                later = replace(note, text=wording.WAITED)
                self._notes[key] = later
                self._layout.put(later, note)
                self._change.notes.append(later)

    # Ends

    def _stream_ended(self, event: StreamEnded) -> None:
        self._waited(event.stream)
        self._drop_partials(event.leg)
        for who in [who for who in self.lag if who.rpartition(":")[0] == event.leg]:
            del self.lag[who]
        self.counters += event.counters
        if event.reason.startswith("refused"):
            words = wording.refused(event.reason)
            self._note(f"refused-{event.stream}", "refused", self.now_ms, words)

    def _call_ended(self, event: CallEnded) -> None:
        self._drop_partials()
        self._partial_people.clear()
        self.lag.clear()
        self.paused_ms = None
        self._hold = False

    def _record_settled(self, event: RecordSettled) -> None:
        self._settled = True
        self.unread = event.unread
        for said in [s for s in self._utterances.values() if s.tentative]:
            first = self._firsts.pop(said.id, None)
            if first is not None:
                self._durable(first, 1, "", "")
            else:
                self._show(replace(said, tentative=False))


def spoken_ms(said: Utterance) -> int:
    """How long an utterance is; nothing when there turned out to be no words in it."""
    return max(0, said.end_ms - said.start_ms) if said.text else 0
