"""A store in memory, for tests that need one quickly; and, being written another way, a check on the real one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from callscribe.errors import StoreError
from callscribe.events import (
    EPHEMERAL,
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Published,
    RevisedTranscript,
    SpeakerRenamed,
    StreamEnded,
    StreamStarted,
    TranscriptionPaused,
    TranscriptionResumed,
    to_json,
)
from callscribe.records import (
    CallRecord,
    CallSummary,
    FirstReading,
    ParticipantRecord,
    PauseRecord,
    TrackRecord,
    UtteranceRecord,
)
from callscribe.store.base import HereAlreadyError, NoRecordError
from callscribe.transcript.talk import talk

replace = msgspec.structs.replace


@dataclasses.dataclass
class Disk:
    """What outlives a `MemoryStore`: open it as often as you like."""

    events: list[Published] | None = None
    written: bool = False
    """Whether somebody has it open for writing."""

    def open(self, *, read_only: bool = False) -> MemoryStore:
        """As `callscribe.store.opening.open_store`."""
        if self.events is None:
            if read_only:
                raise NoRecordError("Nothing was written here.")
            self.events = []
        if not read_only:
            if self.written:
                raise StoreError("Another store is already writing here.")
            self.written = True
        return MemoryStore(self, self.events, read_only)


class MemoryStore:
    """A `callscribe.store.base.Store`. Every read folds the journal anew: right before it is quick."""

    def __init__(self, disk: Disk, events: list[Published], read_only: bool) -> None:
        self._disk = disk
        self._events = events
        self._read_only = read_only
        self._given = 0
        """Ids up to this one are not given again."""

    @property
    def place(self) -> str:
        return "memory"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if not self._read_only:
            self._disk.written = False
            self._read_only = True

    def append(self, events: Sequence[AnyEvent], *, index: bool = True) -> list[int]:
        for event in events:
            if isinstance(event, EPHEMERAL):
                raise ValueError(f"{type(event).__name__} is not stored")
            to_json(event)
        if self._read_only:
            raise StoreError("Open for reading only.")
        first = max(self.last_id(), self._given) + 1
        self._events += [Published(id=first + n, event=event) for n, event in enumerate(events)]
        return [first + n for n in range(len(events))]

    def prepare(self, events: Sequence[AnyEvent]) -> Callable[[], list[int]]:
        def bring_in() -> list[int]:
            if any(published.event.call == events[0].call for published in self._events):
                raise HereAlreadyError("here already")
            return self.append(events)

        if any(isinstance(event, EPHEMERAL) for event in events):
            raise ValueError("not stored")
        return bring_in

    def index_new(self, limit: int = 50) -> bool:
        """There is no index."""
        return False

    def check(self) -> None:
        """Nobody deletes memory."""

    def begin_anew(self, kept: Sequence[Published], last_id: int) -> None:
        known = {p.id for p in self._events}
        self._events += [p for p in kept if p.id not in known]
        self._events.sort(key=lambda p: p.id or 0)
        self._given = last_id

    def events_after(
        self,
        cursor: int,
        *,
        call: str | None = None,
        limit: int = 1000,
        as_written: bool = False,
    ) -> list[Published]:
        after = (p for p in self._events if (p.id or 0) > cursor)
        return [p for p in after if call is None or p.event.call == call][:limit]

    def last_id(self) -> int:
        return (self._events[-1].id or 0) if self._events else 0

    def calls(self, *, limit: int = 100, before: str | None = None) -> list[CallSummary]:
        calls = sorted(self._fold(), key=lambda folded: folded.began)
        if before is not None:
            ids = [folded.id for folded in calls]
            calls = calls[: ids.index(before)] if before in ids else []
        return [self._as_seen(folded) for folded in calls[::-1][:limit]]

    def call(self, sid: str) -> CallRecord | None:
        found = self.matching(sid)
        if len(found) != 1:
            return None
        [folded] = [folded for folded in self._fold() if folded.id == found[0]]
        record = folded.record(self.last_id())
        return replace(record, call=self._as_seen(folded))

    def matching(self, sid: str) -> list[str]:
        if not sid:
            return []
        newest = self._fold()[::-1]
        exact: tuple[Callable[[Folded], bool], ...] = (
            lambda call: call.id == sid,
            lambda call: call.summary.conference_sid == sid,
            lambda call: sid in call.legs,
        )
        for means in exact:
            for call in newest:
                if means(call):
                    return [call.id]
        if len(sid) < 6:
            return []
        names = [(call.id, {call.id, call.summary.conference_sid, *call.legs}) for call in newest]
        return [id for id, sids in names if any(name.startswith(sid) for name in sids)][:10]

    def interruptions(self) -> list[CallEnded]:
        return [folded.interruption() for folded in self._fold() if folded.summary.ended_at is None]

    def _as_seen(self, folded: Folded) -> CallSummary:
        summary = folded.listed()
        if self._disk.written or summary.ended_at is not None:
            return summary
        end = folded.interruption()
        return replace(
            summary,
            status=end.status,
            ended_at=end.at,
            duration_ms=end.duration_ms,
            end_reason=end.reason,
        )

    def _fold(self) -> list[Folded]:
        calls: dict[str, Folded] = {}
        for published in self._events:
            event = published.event
            if event.call not in calls:
                calls[event.call] = Folded(event)
            calls[event.call].add(event)
        return list(calls.values())


class Folded:
    """One call's events, folded into its record."""

    def __init__(self, first: AnyEvent) -> None:
        self.id = first.call
        self.began = first.at
        self.summary = CallSummary(id=first.call, sid=first.call, started_at=first.at)
        self.legs: dict[str, None] = {}
        self._at = ""
        self._names: dict[tuple[str, str], str] = {}
        self._tracks: list[TrackRecord] = []
        self._people: list[ParticipantRecord] = []
        self._finals: dict[str, UtteranceRecord] = {}
        self._gaps: list[GapDetected] = []
        self._pauses: list[PauseRecord] = []

    def add(self, event: AnyEvent) -> None:
        """Take one more event into account."""
        self._at = max(self._at, event.at)
        if leg := getattr(event, "leg", ""):
            self.legs[leg] = None
        if isinstance(event, StreamStarted | FinalTranscript) and event.language:
            self.summary = replace(self.summary, language=event.language)
        match event:
            case CallStarted():
                self._started(event)
            case CallUpdated():
                self._updated(event)
            case CallEnded():
                self._ended(event)
            case ParticipantJoined():
                self._joined(event)
            case ParticipantUpdated(muted=muted, on_hold=on_hold):
                changes = {"muted": muted, "on_hold": on_hold}
                self._change_open(event, {k: v for k, v in changes.items() if v is not None})
            case ParticipantLeft():
                self._change_open(event, {"left_ms": event.left_ms, "leave_reason": event.reason})
            case SpeakerRenamed():
                self._renamed(event)
            case StreamStarted():
                self._stream_started(event)
            case StreamEnded():
                ended = {
                    "ended_at": event.at,
                    "end_reason": event.reason,
                    "counters": event.counters,
                }
                self._tracks = [
                    replace(t, **ended) if (t.leg, t.stream) == (event.leg, event.stream) else t
                    for t in self._tracks
                ]
            case FinalTranscript() | RevisedTranscript():
                self._said(event)
            case GapDetected():
                self._gaps.append(event)
            case TranscriptionPaused():
                if not self._paused():
                    self._pauses.append(PauseRecord(start_ms=event.at_ms))
            case TranscriptionResumed():
                self._end_pauses(event.at_ms)
            case _:
                pass  # in the journal only

    def listed(self) -> CallSummary:
        people = sorted(self._people, key=lambda person: person.joined_ms)
        spoke: dict[str, int] = {}
        for said in self._finals.values():
            spoke[said.speaker] = min(spoke.get(said.speaker, said.start_ms), said.start_ms)
        names = [person.speaker for person in people] + sorted(spoke, key=lambda name: spoke[name])
        return replace(
            self.summary,
            sid=self.summary.conference_sid or self.id,
            speakers=tuple(dict.fromkeys(name for name in names if name)),
            paused=self._paused(),
            utterance_count=len(self._finals),
        )

    def record(self, cursor: int) -> CallRecord:
        said = tuple(sorted(self._finals.values(), key=lambda said: said.start_ms))
        return CallRecord(
            call=self.listed(),
            tracks=tuple(self._tracks),
            participants=tuple(sorted(self._people, key=lambda person: person.joined_ms)),
            utterances=said,
            talk=talk(said),
            gaps=tuple(sorted(self._gaps, key=lambda gap: gap.start_ms)),
            pauses=tuple(sorted(self._pauses, key=lambda pause: pause.start_ms)),
            dial=self.summary.dial,
            cursor=cursor,
        )

    def interruption(self) -> CallEnded:
        return CallEnded(
            call=self.id,
            at=self._at,
            status="interrupted",
            duration_ms=self._last_ms(),
            reason="the server stopped during the call",
        )

    def _change(self, **values: Any) -> None:
        self.summary = replace(self.summary, **values)

    def _started(self, event: CallStarted) -> None:
        told = ("from_", "to", "from_name", "to_name", "room")
        self._change(**{name: value for name in told if (value := getattr(event, name))})
        if event.flow != "attach" or self.summary.ended_at is None:
            self._change(flow=event.flow)
        self._change(direction=event.direction, status=event.status)
        self._change(ended_at=None, duration_ms=None, ended_by="", end_reason="")

    def _updated(self, event: CallUpdated) -> None:
        late = self.summary.ended_at is not None and event.status in ("ringing", "in-progress")
        if event.status is not None and not late:
            self._change(status=event.status)
        if event.conference_sid:
            self._change(conference_sid=event.conference_sid)
        if event.on_hold is not None:
            self._change(on_hold=event.on_hold)
        if event.dial is not None:
            dial = _over(self.summary.dial, event.dial)
            self._change(dial=dial)
            if dial.leg:
                self.legs[dial.leg] = None

    def _ended(self, event: CallEnded) -> None:
        self._change(
            status=event.status,
            ended_at=event.at,
            duration_ms=event.duration_ms,
            ended_by=event.ended_by,
            end_reason=event.reason,
            on_hold=False,
        )
        end_ms = max(event.duration_ms, self._last_ms())
        self._people = [
            replace(p, left_ms=end_ms) if p.left_ms is None else p for p in self._people
        ]
        self._end_pauses(end_ms)
        self._tracks = [
            replace(t, ended_at=event.at, end_reason=event.status) if t.ended_at is None else t
            for t in self._tracks
        ]

    def _joined(self, event: ParticipantJoined) -> None:
        values: dict[str, Any] = {
            "speaker": self._name(event.leg, event.track, event.speaker),
            "muted": event.muted,
            "on_hold": event.on_hold,
        }
        if event.number:
            values["number"] = event.number
        if not self._change_open(event, values):
            self._people.append(
                ParticipantRecord(
                    leg=event.leg, track=event.track, joined_ms=event.joined_ms, **values
                )
            )
        self._tracks = [
            replace(t, speaker=values["speaker"]) if _same(t, event) else t for t in self._tracks
        ]

    def _change_open(self, event: Any, values: dict[str, Any]) -> bool:
        """Change the newest stay that is open; whether there is one."""
        for n in reversed(range(len(self._people))):
            if _same(self._people[n], event) and self._people[n].left_ms is None:
                self._people[n] = replace(self._people[n], **values)
                return True
        return False

    def _renamed(self, event: SpeakerRenamed) -> None:
        self._names[event.leg, event.track] = event.speaker
        called = {"speaker": event.speaker}
        self._tracks = [replace(t, **called) if _same(t, event) else t for t in self._tracks]
        self._people = [replace(p, **called) if _same(p, event) else p for p in self._people]
        self._finals = {
            key: replace(said, **called) if _same(said, event) else said
            for key, said in self._finals.items()
        }

    def _stream_started(self, event: StreamStarted) -> None:
        for track in event.tracks:
            known = [p.speaker for p in self._people if (p.leg, p.track) == (event.leg, track)]
            self._tracks.append(
                TrackRecord(
                    leg=event.leg,
                    stream=event.stream,
                    track=track,
                    speaker=self._name(event.leg, track, known[-1] if known else ""),
                    offset_ms=event.offset_ms,
                    language=event.language,
                    started_at=event.at,
                )
            )

    def _said(self, event: FinalTranscript | RevisedTranscript) -> None:
        before = self._finals.get(event.utterance)
        if before is not None and before.revision > event.revision:
            return
        if isinstance(event, RevisedTranscript) and not event.text:
            if before is not None:
                del self._finals[event.utterance]
                left = max(self._finals.values(), key=lambda said: said.start_ms, default=None)
                self._change(last_text=left.text if left else "")
            return
        both = set(event.__struct_fields__) & set(FinalTranscript.__struct_fields__)
        values = {name: getattr(event, name) for name in both}
        values["speaker"] = self._name(event.leg, event.track, event.speaker)
        if before is not None and isinstance(event, RevisedTranscript):
            values["language"] = before.language
        first = before.first if before else None
        if before is not None and before.reading == 1:
            first = FirstReading(text=before.text, raw_text=before.raw_text, words=before.words)
        said = UtteranceRecord(**values)
        if isinstance(event, RevisedTranscript):
            said = replace(said, reading=event.reading, reader=event.reader, first=first)
        self._finals.pop(event.utterance, None)
        self._finals[event.utterance] = said
        if before is None or before.text == self.summary.last_text:
            self._change(last_text=event.text)
        self._tracks = [
            replace(t, speaker=said.speaker) if _same(t, event) and not t.speaker else t
            for t in self._tracks
        ]

    def _name(self, leg: str, track: str, otherwise: str) -> str:
        return self._names.get((leg, track), otherwise)

    def _paused(self) -> bool:
        return any(pause.end_ms is None for pause in self._pauses)

    def _end_pauses(self, end_ms: int) -> None:
        self._pauses = [replace(p, end_ms=end_ms) if p.end_ms is None else p for p in self._pauses]

    def _last_ms(self) -> int:
        return max(
            [
                0,
                *(said.end_ms for said in self._finals.values()),
                *(gap.end_ms for gap in self._gaps),
                *(person.joined_ms for person in self._people),
                *(pause.start_ms for pause in self._pauses),
            ]
        )


def _same(thing: Any, event: Any) -> bool:
    return (thing.leg, thing.track) == (event.leg, event.track)


def _over(before: Dial | None, after: Dial) -> Dial:
    """The newer facts, and the older ones where the newer have none; a name stays with its number."""
    if before is None:
        return after
    kept = {
        name: getattr(before, name)
        for name in Dial.__struct_fields__
        if getattr(after, name) in ("", None) and not (name == "name" and after.to)
    }
    return replace(after, **kept)
