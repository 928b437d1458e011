"""Events to entries: what each event changes about the calls shown, and what is printed of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from rich.text import Text

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    LagChanged,
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    SpeakerRenamed,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.outlet import clean
from callscribe.terminal import phrases
from callscribe.terminal.entries import Entries
from callscribe.terminal.layout import NOTE, QUIET, clock
from callscribe.terminal.shown import ShownCall, ShownCalls, Voice
from callscribe.terminal.words import Words

_SAME_LOSS_MS = 500
"""Gaps of two tracks that begin so close to each other are of one lost socket."""


class Teller:
    """Tells events."""

    def __init__(
        self,
        calls: ShownCalls,
        entries: Entries,
        words: Words,
        *,
        saved_hint: Callable[[str], str],
        now: Callable[[], datetime],
        timezone: tzinfo | None,
    ) -> None:
        self._calls = calls
        self._entries = entries
        self._words = words
        self._saved_hint = saved_hint
        self._now = now
        self._timezone = timezone

    def tell(self, event: AnyEvent) -> None:
        """One event."""
        if isinstance(event, StoreFailed):
            words = Text(event.message, QUIET if event.resolved else "red")
            self._entries.line("", "", "", "", words)
            return
        if isinstance(event, CallStarted):
            if event.call not in self._calls:
                self.open(event)
            return
        call = self._calls.get(event.call)
        if call is None:
            if not isinstance(
                event, PartialTranscript | FinalTranscript | StreamStarted | ParticipantJoined
            ):
                return  # of a call that is over, or of nothing to see
            call = self._open_unknown(event.call)
        note = self._entries.note
        match event:
            case PartialTranscript():
                self._partial(call, event)
            case FinalTranscript():
                self._final(call, event)
            case LagChanged():
                self._lag(call, (event.leg, event.track), event.lag_ms)
            case GapDetected():
                self._gap(call, event)
            case CallUpdated():
                self._updated(call, event)
            case ParticipantJoined():
                self._joined(call, event)
            case ParticipantUpdated():
                name = call.name((event.leg, event.track))
                if event.muted is not None:
                    note(call, event.at_ms, f"{name} {'' if event.muted else 'un'}muted")
                if event.on_hold is not None:
                    state = "on hold" if event.on_hold else "no longer on hold"
                    note(call, event.at_ms, f"{name} is {state}")
            case ParticipantLeft():
                if call.flow == "conference":
                    name = call.name((event.leg, event.track))
                    note(call, event.left_ms, f"{name} left", QUIET)
            case SpeakerRenamed():
                self._renamed(call, event)
            case StreamStarted():
                for track in event.tracks:
                    self._calls.style(call, (event.leg, track))
            case DtmfReceived():
                name = call.name((event.leg, event.track))
                note(call, event.at_ms, f"{name} pressed {event.digit}", QUIET)
            case TranscriptionPaused():
                call.paused_ms = event.at_ms
                call.partials.clear()
                by = f" by {clean(event.by)}" if event.by else ""
                note(call, event.at_ms, f"transcription paused{by}: nothing is heard or kept")
            case TranscriptionResumed():
                note(call, event.at_ms, "transcription goes on")
                call.paused_ms = None
            case StreamEnded():
                self._stream_ended(call, event)
            case CallEnded():
                self._ended(call, event)

    def open(self, event: CallStarted) -> ShownCall:
        """A call begins."""
        alone = not self._calls
        inbound = event.direction == "inbound"
        who = event.from_name or event.from_ if inbound else event.to_name or event.to
        if event.flow == "conference" and event.room:
            who = event.room
        call = ShownCall(
            id=event.call,
            tag=self._calls.free_tag(),
            who=clean(who),
            parties=(clean(event.from_name), clean(event.to_name)),
            flow=event.flow,
            started_at=_moment(event.at) or self._now(),
        )
        self._calls.add(call)
        self._heading(call, event)
        if not alone and len(self._calls) == 2:
            first = next(iter(self._calls))
            text = f"{first.tag} is {first.who}, {call.tag} is {call.who}"
            self._entries.line("", "", "", "", Text(f"{self._entries.dot} {text}", QUIET))
        return call

    def _open_unknown(self, call_id: str) -> ShownCall:
        """A call whose beginning was not seen."""
        call = ShownCall(id=call_id, tag=self._calls.free_tag(), who=call_id[:12])
        self._calls.add(call)
        self._entries.heading(call, [f"call {call_id[:12]}, already under way"])
        return call

    def _heading(self, call: ShownCall, event: CallStarted) -> None:
        arrow = self._entries.arrow
        time = (call.started_at or self._now()).astimezone(self._timezone).strftime("%H:%M:%S")
        way = "incoming" if event.direction == "inbound" else "outgoing"
        flow = phrases.flow(event.flow, clean(event.room))
        from_, to = clean(event.from_) or "unknown", clean(event.to) or "unknown"
        from_name, to_name = clean(event.from_name), clean(event.to_name)
        from_full, to_full = f"{from_name} {from_}".strip(), f"{to_name} {to}".strip()
        self._entries.heading(
            call,
            [
                f"{time}  {way}  {from_full} {arrow} {to_full}  {flow}",
                f"{time}  {way}  {from_name or from_} {arrow} {to_name or to}  {flow}",
                f"{time}  {way}  {call.who}  {flow}",
                f"{time}  {call.who}",
            ],
        )

    def _partial(self, call: ShownCall, event: PartialTranscript) -> None:
        voice = (event.leg, event.track)
        if call.finished.get(voice) == event.utterance:
            return
        shown = call.partials.get(voice)
        if (
            shown is not None
            and shown.utterance == event.utterance
            and shown.revision > event.revision
        ):
            return
        call.call_by(voice, event.speaker)
        if self._words.partial(event):
            call.partials[voice] = event
        else:
            call.partials.pop(voice, None)
        call.last_ms = max(call.last_ms, event.end_ms)
        if voice in call.lag_worst:
            self._lag(call, voice, event.lag_ms)

    def _final(self, call: ShownCall, event: FinalTranscript) -> None:
        voice = (event.leg, event.track)
        call.call_by(voice, event.speaker)
        call.finished[voice] = event.utterance
        shown = call.partials.get(voice)
        # Finals wait for the disk, partials do not: one of the next utterance may be here already.
        if shown is not None and (
            shown.utterance == event.utterance or shown.start_ms < event.start_ms
        ):
            call.partials.pop(voice)
        call.utterances += 1
        call.last_ms = max(call.last_ms, event.end_ms)
        words = self._words.final(event)
        if words:
            tag, style = self._calls.tag_of(call), self._calls.style(call, voice)
            self._entries.line(clock(event.start_ms), tag, call.name(voice), style, words, call)

    def _lag(self, call: ShownCall, voice: Voice, lag_ms: int) -> None:
        call.lag_now[voice] = lag_ms
        if lag_ms >= phrases.LAG_NOTE_MS:
            if voice not in call.lag_worst:
                self._entries.note(call, call.last_ms, phrases.behind(call.name(voice), lag_ms))
            call.lag_worst[voice] = max(lag_ms, call.lag_worst.get(voice, 0))
        elif lag_ms <= phrases.LAG_OVER_MS and voice in call.lag_worst:
            worst = call.lag_worst.pop(voice)
            text = phrases.caught_up(call.name(voice), worst)
            self._entries.note(call, call.last_ms, text, QUIET)

    def _gap(self, call: ShownCall, event: GapDetected) -> None:
        text = phrases.gap(event, call.name((event.leg, event.track)))
        noted = (event.reason, event.start_ms)
        if event.reason == "socket-lost":
            # A socket carries both tracks: one note for the two gaps.
            close = abs(call.gap_noted[1] - noted[1]) < _SAME_LOSS_MS
            if call.gap_noted[0] == noted[0] and close:
                return
            call.gap_noted = noted
        if text:
            self._entries.note(call, event.start_ms, text)

    def _updated(self, call: ShownCall, event: CallUpdated) -> None:
        if event.on_hold is not None and event.on_hold != call.on_hold:
            call.on_hold = event.on_hold
            self._entries.note(call, None, "on hold" if event.on_hold else "no longer on hold")
        if event.dial is not None and event.dial.status != call.dial_status:
            call.dial_status = event.dial.status
            text = phrases.dial(event.dial)
            if text:
                bad = event.dial.status in ("busy", "no-answer", "failed")
                self._entries.note(call, event.dial.answered_ms, text, NOTE if bad else QUIET)

    def _joined(self, call: ShownCall, event: ParticipantJoined) -> None:
        voice = (event.leg, event.track)
        call.call_by(voice, event.speaker)
        self._calls.style(call, voice)
        # The parties of a plain call are in its heading.
        if call.flow == "conference":
            state = ", muted" if event.muted else ", on hold" if event.on_hold else ""
            self._entries.note(call, event.joined_ms, f"{call.name(voice)} joined{state}", QUIET)

    def _renamed(self, call: ShownCall, event: SpeakerRenamed) -> None:
        voice = (event.leg, event.track)
        before = call.name(voice)
        call.names[voice] = clean(event.speaker)
        if before != call.names[voice]:
            text = f"{before} is now called {call.names[voice]}"
            self._entries.note(call, None, text, QUIET)

    def _stream_ended(self, call: ShownCall, event: StreamEnded) -> None:
        a, b = call.counters, event.counters
        call.counters = StreamCounters(
            frames=a.frames + b.frames,
            missing_ms=a.missing_ms + b.missing_ms,
            reordered=a.reordered + b.reordered,
            late=a.late + b.late,
            duplicates=a.duplicates + b.duplicates,
            dropped_ms=a.dropped_ms + b.dropped_ms,
        )
        for voice in [voice for voice in call.partials if voice[0] == event.leg]:
            del call.partials[voice]
        for voice in [voice for voice in call.lag_worst if voice[0] == event.leg]:
            del call.lag_worst[voice]
        text = phrases.stream_end(event.reason)
        if text:
            self._entries.note(call, event.end_ms or call.last_ms, text)

    def _ended(self, call: ShownCall, event: CallEnded) -> None:
        tag = self._calls.tag_of(call)
        self._calls.remove(call)
        count = call.utterances
        parts = [phrases.ending(event)]
        if count or event.status in ("completed", "interrupted"):
            parts.append(f"{count or 'no'} utterance{'s' * (count != 1)}")
        line = Text(f"{self._entries.dot} ")
        line.append("; ".join(parts))
        lost = phrases.counters(call.counters)
        if lost:
            line.append("; ")
            line.append(lost, NOTE)
        hint = self._saved_hint(call.id)
        saved = Text.assemble("saved: ", (hint, "bold")) if hint else Text()
        time = clock(event.duration_ms) if event.duration_ms else ""
        self._entries.closing(call, tag, time, line, saved)


def _moment(at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
