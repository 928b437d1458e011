"""A call's line in the list of calls, kept up to date by its events.

The result is what the store's own tables give, a `CallSummary`; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any, assert_never

import msgspec

from callscribe.events import (
    EPHEMERAL,
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
from callscribe.transcript.readable import readable

Voice = tuple[str, Track]
"""Leg and track."""


@dataclass(slots=True)
class _Stay:
    joined_ms: int
    voice: Voice
    name: str
    open: bool = True


@dataclass(slots=True)
class _Said:
    voice: Voice
    name: str
    start_ms: int
    revision: int
    text: str


class CallLine:
    """Folds one call's events, in journal order, into its line in the list."""

    def __init__(self, call: str, events: Iterable[AnyEvent] = ()) -> None:
        self.summary = CallSummary(id=call, sid=call)
        self.unread = False
        """The call is over, and a second reader has yet to go through the end of it."""
        self._begun = False
        self._stays: list[_Stay] = []
        self._said: dict[str, _Said] = {}
        self._first_ms: dict[str, int] = {}
        """When each name first spoke, as of the last time the speakers were told."""
        self._recognised: dict[str, str] = {}
        """What was recognised of the utterances that a person has corrected."""
        self._withdrawn: dict[str, int] = {}
        self._renamed: dict[Voice, str] = {}
        self._waits: set[str] = set()
        """Streams that wait for room to be transcribed."""
        self._second_reader = False
        self._settled = False
        for event in events:
            self.apply(event)

    @property
    def settled(self) -> bool:
        """A second reader has been through all of it."""
        return self._settled

    @property
    def state(self) -> wording.State:
        """What the call is doing now."""
        return wording.state(self.summary, unread=self.unread)

    def await_second_reading(self) -> None:
        """A second reader is at work: the call counts as unread until it has been through all of it."""
        self._second_reader = True

    def apply(self, event: AnyEvent) -> bool:
        """Takes the next event in.

        Returns:
            Whether the line changed.
        """
        return self.apply_readable(readable(event))

    def apply_readable(self, event: AnyEvent) -> bool:
        """`apply`, of an event that has been made `readable`. Every type of event is decided upon here: mypy refuses a
        new one that is not."""
        before, unread = self.summary, self.unread
        if not self._begun and not isinstance(event, EPHEMERAL):
            self._begun = True
            self._set(started_at=event.at)
        match event:
            case CallStarted():
                self._call_started(event)
            case CallUpdated():
                self._call_updated(event)
            case ParticipantJoined():
                self._joined(event)
            case ParticipantLeft():
                stay = self._stay((event.leg, event.track))
                if stay is not None:
                    stay.open = False
            case SpeakerRenamed():
                self._speaker_renamed(event)
            case FinalTranscript():
                self._speak(event.language)
                self._heard(event)
            case RevisedTranscript():
                self._heard(event)
            case TranscriptionPaused():
                self._set(paused=True)
            case TranscriptionResumed():
                self._set(paused=False)
            case TranscriptionWaits(over=False):
                self._waits.add(event.stream)
                self._set(waiting=True)
            case TranscriptionWaits() | StreamEnded():
                self._waits.discard(event.stream)
                self._set(waiting=bool(self._waits))
            case CallEnded():
                self._call_ended(event)
            case RecordSettled():
                self._settled = True
            case UtteranceCorrected():
                self._corrected(event)
            case NoteChanged():
                self._set(note=event.text)
            case TagsChanged():
                self._set(tags=event.tags)
            case StreamStarted():
                self._speak(event.language)
            case ParticipantUpdated() | GapDetected():
                pass  # seen on the call's own page
            case PartialTranscript() | LagChanged() | DtmfReceived() | StoreFailed():
                pass
            case CallDeleted() | TextDeleted():
                pass  # whoever shows lists takes the line out, or reads it anew
            case _:
                assert_never(event)
        self.unread = self._second_reader and not self._settled and wording.is_over(self.summary)
        changed = self.summary is not before and self.summary != before
        return changed or self.unread != unread

    def _set(self, **values: Any) -> None:
        self.summary = msgspec.structs.replace(self.summary, **values)

    def _speak(self, language: str) -> None:
        if language and language != self.summary.language:
            self._set(language=language)

    def _call_started(self, event: CallStarted) -> None:
        told = {
            "from_": event.from_,
            "to": event.to,
            "from_name": event.from_name,
            "to_name": event.to_name,
            "room": event.room,
        }
        values: dict[str, Any] = {name: value for name, value in told.items() if value}
        values |= {"direction": event.direction, "status": event.status}
        if event.flow != "attach" or self.summary.ended_at is None:
            values["flow"] = event.flow  # how it came stays true when a call is taken up again
        values |= {"ended_at": None, "duration_ms": None, "ended_by": "", "end_reason": ""}
        self._settled = False
        self._set(**values)

    def _call_updated(self, event: CallUpdated) -> None:
        values: dict[str, Any] = {}
        late = self.summary.ended_at is not None and event.status in wording.LIVE
        if event.status is not None and not late:
            values["status"] = event.status
        if event.conference_sid:
            values |= {"conference_sid": event.conference_sid, "sid": event.conference_sid}
        if event.on_hold is not None:
            values["on_hold"] = event.on_hold
        if event.dial is not None:
            values["dial"] = merged(self.summary.dial or event.dial, event.dial)
        self._set(**values)

    def _call_ended(self, event: CallEnded) -> None:
        for stay in self._stays:
            stay.open = False
        self._set(
            status=event.status,
            ended_at=event.at,
            duration_ms=event.duration_ms,
            ended_by=event.ended_by,
            end_reason=event.reason,
            on_hold=False,
            paused=False,
        )

    def _stay(self, voice: Voice) -> _Stay | None:
        """The newest stay of this voice that goes on."""
        return next((s for s in reversed(self._stays) if s.voice == voice and s.open), None)

    def _joined(self, event: ParticipantJoined) -> None:
        voice = (event.leg, event.track)
        name = self._renamed.get(voice, event.speaker)
        stay = self._stay(voice)
        if stay is None:
            self._stays.append(_Stay(event.joined_ms, voice, name))
        else:
            stay.name = name
        self._tell_speakers()

    def _speaker_renamed(self, event: SpeakerRenamed) -> None:
        voice = (event.leg, event.track)
        self._renamed[voice] = event.speaker
        for stay in self._stays:
            if stay.voice == voice:
                stay.name = event.speaker
        for said in self._said.values():
            if said.voice == voice:
                said.name = event.speaker
        self._tell_speakers()

    def _corrected(self, event: UtteranceCorrected) -> None:
        known = self._said.get(event.utterance)
        if known is None:
            return
        recognised = self._recognised.get(event.utterance, known.text)
        text = event.text or recognised
        if event.text:
            self._recognised[event.utterance] = recognised
        else:
            self._recognised.pop(event.utterance, None)
        if known.text == self.summary.last_text:
            self._set(last_text=text)
        known.text = text

    def _heard(self, event: FinalTranscript | RevisedTranscript) -> None:
        revised = isinstance(event, RevisedTranscript)
        self._second_reader |= revised
        known = self._said.get(event.utterance)
        latest = known.revision if known else self._withdrawn.get(event.utterance, 0)
        if event.revision < latest:
            return
        if revised and not event.text and event.utterance not in self._recognised:
            self._withdrawn[event.utterance] = event.revision
            if known is not None:
                self._withdraw(event.utterance)
            return
        voice = (event.leg, event.track)
        name = self._renamed.get(voice, event.speaker)
        text = event.text
        if known is not None and event.utterance in self._recognised:
            self._recognised[event.utterance], text = text, known.text
        said = _Said(voice, name, event.start_ms, event.revision, text)
        self._said[event.utterance] = said
        if known is None or known.text == self.summary.last_text:
            self._set(last_text=text)
        if known is None:
            self._set(utterance_count=self.summary.utterance_count + 1)
        # Whoever joined stands by when; only strangers stand by when they first spoke.
        joined = {stay.name for stay in self._stays}
        if name in joined and (known is None or known.name in joined):
            return
        if known is None and self._first_ms.get(name, inf) <= event.start_ms:
            return
        self._tell_speakers()

    def _withdraw(self, utterance: str) -> None:
        """There were no words in it after all."""
        del self._said[utterance]
        newest = max(self._said.values(), key=lambda said: said.start_ms, default=None)
        self._set(
            utterance_count=self.summary.utterance_count - 1,
            last_text="" if newest is None else newest.text,
        )
        self._tell_speakers()

    def _tell_speakers(self) -> None:
        stays = sorted(self._stays, key=lambda stay: stay.joined_ms)
        first: dict[str, int] = {}
        for said in self._said.values():
            first[said.name] = min(said.start_ms, first.get(said.name, said.start_ms))
        self._first_ms = first
        spoke = sorted(first, key=lambda name: first[name])
        names = dict.fromkeys([*(stay.name for stay in stays), *spoke])
        self._set(speakers=tuple(name for name in names if name))


def merged(before: Dial, after: Dial) -> Dial:
    """`after`, with what it leaves empty taken from `before`; a name goes with its number."""
    known = {
        field: value
        for field in before.__struct_fields__
        if field != "name" or not after.to
        if (value := getattr(before, field)) not in (None, "")
        and getattr(after, field) in (None, "")
    }
    return msgspec.structs.replace(after, **known)
