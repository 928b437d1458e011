"""Live calls in a terminal: what is over is printed and stays, what is being said is rewritten
below it.

The view keeps a little state per live call (names, colours, what each track is saying now) and
turns published events into lines. It never touches the event loop: `show` only changes state,
`flush` writes. The driver runs `flush` in a thread, so that a terminal that stands still (Ctrl-S, a
slow link) holds up nobody but itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from types import TracebackType
from typing import Literal, Self, TextIO, cast

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.text import Text

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    DtmfReceived,
    FinalTranscript,
    Flow,
    GapDetected,
    LagChanged,
    PartialTranscript,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Published,
    SpeakerRenamed,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.records import CallRecord
from callscribe.terminal import phrases
from callscribe.terminal.jsonlines import ViewClosed
from callscribe.terminal.layout import (
    MAX_NAME_CELLS,
    MIN_NAME_CELLS,
    Columns,
    clean,
    clock,
    fit,
    wrap,
)
from callscribe.terminal.region import Line, LiveRegion, reflows

_Key = tuple[str, Track]
"""Leg and track: one voice."""

_SPEAKER_STYLES = (
    "cyan",
    "magenta",
    "green",
    "bright_blue",
    "bright_cyan",
    "bright_magenta",
    "bright_green",
    "blue",
)
"""By the terminal's own palette, so that they suit light and dark. Yellow is for notes, red for
failures."""

_NOTE = "yellow"
_QUIET = "dim"


_FIRST_COLUMN = re.compile(r"(\S+)? {2,}")


@dataclass
class _Call:
    """What the view remembers of a live call."""

    id: str
    tag: str
    who: str
    parties: tuple[str, ...] = ()
    """Names from the heading; the name column is made wide enough for them from the start."""
    flow: Flow = "answer"
    started_at: datetime | None = None
    styles: dict[_Key, str] = field(default_factory=dict)
    names: dict[_Key, str] = field(default_factory=dict)
    partials: dict[_Key, PartialTranscript] = field(default_factory=dict)
    finished: dict[_Key, str] = field(default_factory=dict)
    """Utterance of the newest final; its late partials are ignored."""
    lag_worst: dict[_Key, int] = field(default_factory=dict)
    """Tracks that are behind now."""
    lag_now: dict[_Key, int] = field(default_factory=dict)
    utterances: int = 0
    counters: StreamCounters = field(default_factory=StreamCounters)
    last_ms: int = 0
    dial_status: str = ""
    gap_noted: tuple[str, int] = ("", -1)
    on_hold: bool = False
    paused_ms: int | None = None

    def name(self, key: _Key) -> str:
        return self.names.get(key) or ("caller" if key[1] == "inbound" else "other side")

    @property
    def name_cells(self) -> int:
        names = (*self.names.values(), *self.parties)
        longest = max((cell_len(name) for name in names), default=0)
        return max(MIN_NAME_CELLS, min(MAX_NAME_CELLS, longest))


class TerminalView:
    """Shows published events on a Rich console.

    On a terminal: colours, and a live region at the bottom. With NO_COLOR, a dumb terminal or a
    pipe: plain lines, one a fact, finals only.

    Args:
        console: where to print. Its width is asked anew at every line.
        raw: show the recogniser's own words instead of the written form.
        fillers: what happens to the tokens marked as fillers ("uh", "um").
        saved_hint: how to see a finished call again, given its id; printed in its closing line.
        now: the wall clock, for the running duration.
        timezone: for times of day; None is the machine's.
        environ: NO_COLOR and the terminal's kind are read from it.
    """

    def __init__(
        self,
        console: Console,
        *,
        raw: bool = False,
        fillers: Literal["keep", "dim", "hide"] = "dim",
        saved_hint: Callable[[str], str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        timezone: tzinfo | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.console = console
        self.interactive = (
            console.is_terminal and not console.is_dumb_terminal and not environ.get("NO_COLOR")
        )
        self._raw = raw
        self._fillers = fillers
        self._saved_hint = saved_hint or (lambda call: f"callscribe show {call[:12]}")
        self._now = now
        self._timezone = timezone
        self._ascii = not (console.encoding or "").lower().startswith("utf")
        self._colors = _color_system(console)
        self._region = LiveRegion(
            console.file, lambda: self.console.width, reflowing=reflows(environ)
        )
        self._calls: dict[str, _Call] = {}
        self._above: deque[str] = deque()
        self._status = ""
        self._name_cells = 0
        # What is known, and what is written: taking an event in must not wait for a terminal that
        # stands still. Whoever needs both takes `_writing` first.
        self._state = threading.RLock()
        self._writing = threading.RLock()
        self._swapped: TextIO | None = None
        self._closed = False

    # -- what a driver calls -----------------------------------------------------------------------

    def show(self, published: Published) -> None:
        """Take an event in; nothing is written until `flush`."""
        with self._state:
            self._take(published.event)

    def flush(self) -> None:
        """Write what has gathered and bring the live region up to date, in one write. May block.

        Raises:
            ViewClosed: the terminal is gone.
        """
        self._paint(always=False)

    def redraw(self) -> None:
        """The terminal was resized: rewrite the live region even if its lines are the same."""
        self._paint(always=True)

    def resume(self) -> None:
        """After the process was stopped and continued: other programs have written to the screen
        meanwhile."""
        with self._writing:
            self._region.forget()
        self._paint(always=True)

    def _paint(self, *, always: bool) -> None:
        with self._writing:
            if self._closed:
                return
            with self._state:
                lines = self._live_lines() if self.interactive else []
            above = self._drain()
            try:
                if self.interactive:
                    if above or always or tuple(lines) != self._region.painted:
                        self._region.paint(above, lines)
                elif above:
                    self.console.file.write(above)
                    self.console.file.flush()
            except (OSError, ValueError) as error:  # the terminal, or the file, is gone
                self._closed = True
                raise ViewClosed from error

    def status(self, text: str) -> None:
        """A quiet word in the live region, e.g. "reconnecting"; empty takes it away. Not kept in
        the scrollback."""
        with self._state:
            if text and not self.interactive and text != self._status:
                self._print(Text(f"({clean(text)})"))
            self._status = text

    def say(self, text: str | Text) -> None:
        """Print a line of the program's own above the live region, at the next flush.

        When it has to wrap, it hangs under what follows its first column (`Page     http://...`).
        """
        with self._state:
            line = Text(clean(text).rstrip()) if isinstance(text, str) else _cleaned(text)
            head = _FIRST_COLUMN.match(line.plain)
            indent = head.end() if head else 0
            if not self.interactive or line.cell_len < self.console.width:
                self._print(line)
                return
            first, rest = line[:indent], line[indent:]
            for row in wrap(self.console, rest, max(20, self.console.width - indent - 1)):
                self._print(first + row)
                first = Text(" " * indent)

    def catch_up(self, record: CallRecord, *, last: int = 12) -> None:
        """Open a call that was already live when we came: its heading, then the `last` entries."""
        call = record.call
        if call.id in self._calls:
            return
        with self._state:
            self._open(
                CallStarted(
                    call=call.id,
                    at=call.started_at,
                    from_=call.from_,
                    to=call.to,
                    direction=call.direction,
                    flow=call.flow,
                    from_name=call.from_name,
                    to_name=call.to_name,
                    room=call.room,
                )
            )
            past: list[tuple[int, AnyEvent]] = [(u.start_ms, u) for u in record.utterances]
            past += [(g.start_ms, g) for g in record.gaps]
            for track in record.tracks:
                self._calls[call.id].names.setdefault((track.leg, track.track), track.speaker)
            past.sort(key=lambda item: item[0])
            if len(past) > last:
                self._note(
                    self._calls[call.id],
                    None,
                    f"{len(past) - last} earlier entries not shown",
                    _QUIET,
                )
            for _, event in past[-last:]:
                self._take(event)
            self._calls[call.id].utterances = call.utterance_count
            self._calls[call.id].on_hold = call.on_hold
            if call.paused:
                self._calls[call.id].paused_ms = 0

    def live_calls(self) -> int:
        """How many calls are open on the screen."""
        return len(self._calls)

    def close(self) -> None:
        """Print what is left, take the live region away, give the cursor back. Idempotent."""
        with self._writing:
            if self._closed:
                return
            with self._state:
                self._calls.clear()
                self._status = ""
            with contextlib.suppress(ViewClosed):
                self.flush()
            self._closed = True
        if self._swapped is not None:
            sys.stderr, self._swapped = self._swapped, None

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._closed

    def __enter__(self) -> Self:
        guarded = self.guard(sys.stderr)
        if guarded is not sys.stderr:
            self._swapped, sys.stderr = sys.stderr, guarded
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def guard(self, stream: TextIO) -> TextIO:
        """`stream` (stderr) wrapped so that its lines appear above the live region instead of
        through it.

        Returned unchanged when it is not the terminal that this view draws on.
        """
        if self.interactive and stream.isatty():
            return cast(TextIO, _Guarded(self, stream))
        return stream

    def write_above(self, text: str) -> None:
        """Whole lines, as they are, above the live region. From any thread; never waits for a
        painting one."""
        self._above.append(text)
        if self._writing.acquire(blocking=False):
            try:
                if not self._closed:
                    with contextlib.suppress(OSError, ValueError):
                        self._region.paint(self._drain(), self._region.painted)
            finally:
                self._writing.release()

    # -- events to lines ---------------------------------------------------------------------------

    def _take(self, event: AnyEvent) -> None:
        if isinstance(event, StoreFailed):
            self._line("", "", "", "", Text(event.message, _QUIET if event.resolved else "red"))
            return
        if isinstance(event, CallStarted):
            if event.call not in self._calls:
                self._open(event)
            return
        call = self._calls.get(event.call)
        if call is None:
            if not isinstance(
                event, PartialTranscript | FinalTranscript | StreamStarted | ParticipantJoined
            ):
                return  # of a call that is over, or of nothing to see
            call = self._open_unknown(event.call)
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
                    self._note(call, event.at_ms, f"{name} {'' if event.muted else 'un'}muted")
                if event.on_hold is not None:
                    state = "on hold" if event.on_hold else "no longer on hold"
                    self._note(call, event.at_ms, f"{name} is {state}")
            case ParticipantLeft():
                if call.flow == "conference":
                    name = call.name((event.leg, event.track))
                    self._note(call, event.left_ms, f"{name} left", _QUIET)
            case SpeakerRenamed():
                key = (event.leg, event.track)
                before = call.name(key)
                call.names[key] = clean(event.speaker)
                if before != call.names[key]:
                    self._note(call, None, f"{before} is now called {call.names[key]}", _QUIET)
            case StreamStarted():
                for track in event.tracks:
                    self._style(call, (event.leg, track))
            case DtmfReceived():
                name = call.name((event.leg, event.track))
                self._note(call, event.at_ms, f"{name} pressed {event.digit}", _QUIET)
            case TranscriptionPaused():
                call.paused_ms = event.at_ms
                call.partials.clear()
                by = f" by {clean(event.by)}" if event.by else ""
                self._note(call, event.at_ms, f"transcription paused{by}: nothing is heard or kept")
            case TranscriptionResumed():
                self._note(call, event.at_ms, "transcription goes on")
                call.paused_ms = None
            case StreamEnded():
                self._stream_ended(call, event)
            case CallEnded():
                self._ended(call, event)

    def _open(self, event: CallStarted) -> None:
        alone = not self._calls
        call = _Call(
            id=event.call,
            tag=self._free_tag(),
            who=clean(event.from_name or event.from_)
            if event.direction == "inbound"
            else clean(event.to_name or event.to),
            parties=(clean(event.from_name), clean(event.to_name)),
            flow=event.flow,
            started_at=_moment(event.at) or self._now(),
        )
        if event.flow == "conference" and event.room:
            call.who = clean(event.room)
        self._calls[call.id] = call
        self._rule(call, event)
        if not alone and len(self._calls) == 2:
            first = next(iter(self._calls.values()))
            text = f"{first.tag} is {first.who}, {call.tag} is {call.who}"
            self._line("", "", "", "", Text(f"{self._dot} {text}", _QUIET))

    def _open_unknown(self, call_id: str) -> _Call:
        """A call whose beginning was not seen."""
        call = _Call(id=call_id, tag=self._free_tag(), who=call_id[:12], started_at=None)
        self._calls[call_id] = call
        self._heading(call, [f"call {call_id[:12]}, already under way"])
        return call

    def _free_tag(self) -> str:
        taken = {call.tag for call in self._calls.values()}
        number = 0
        while True:
            letter, round_ = chr(ord("A") + number % 26), number // 26
            tag = f"{letter}{round_ or ''}"
            if tag not in taken:
                return tag
            number += 1

    def _rule(self, call: _Call, event: CallStarted) -> None:
        arrow = "->" if self._ascii else "→"
        time = (call.started_at or self._now()).astimezone(self._timezone).strftime("%H:%M:%S")
        way = "incoming" if event.direction == "inbound" else "outgoing"
        flow = phrases.flow(event.flow, clean(event.room))
        from_, to = clean(event.from_) or "unknown", clean(event.to) or "unknown"
        from_full = f"{clean(event.from_name)} {from_}".strip()
        to_full = f"{clean(event.to_name)} {to}".strip()
        self._heading(
            call,
            # From the whole to the least: the first that fits is printed.
            [
                f"{time}  {way}  {from_full} {arrow} {to_full}  {flow}",
                f"{time}  {way}  {clean(event.from_name) or from_} {arrow} "
                f"{clean(event.to_name) or to}  {flow}",
                f"{time}  {way}  {call.who}  {flow}",
                f"{time}  {call.who}",
            ],
        )

    def _heading(self, call: _Call, choices: Sequence[str]) -> None:
        bar = "-" if self._ascii else "─"
        tag = f"{call.tag}  " if len(self._calls) > 1 else ""
        if not self.interactive:
            self._print(Text(f"{bar * 2} {tag}{choices[0]}"))
            return
        room = self.console.width - 4
        words = next((c for c in choices if cell_len(tag + c) + 2 <= room), None)
        words = fit(tag + (words if words is not None else choices[-1]), max(1, room))
        line = Text()
        line.append(f"{bar * 2} ", "dim")
        line.append(words, "bold")
        left = self.console.width - cell_len(words) - 4
        if left > 1:
            line.append(f" {bar * left}", "dim")
        self._print(line)

    def _partial(self, call: _Call, event: PartialTranscript) -> None:
        key = (event.leg, event.track)
        if call.finished.get(key) == event.utterance:
            return
        shown = call.partials.get(key)
        if (
            shown is not None
            and shown.utterance == event.utterance
            and shown.revision > event.revision
        ):
            return
        self._named(call, key, event.speaker)
        if self._words_of(event):
            call.partials[key] = event
        else:
            call.partials.pop(key, None)
        call.last_ms = max(call.last_ms, event.end_ms)
        if key in call.lag_worst:
            self._lag(call, key, event.lag_ms)

    def _final(self, call: _Call, event: FinalTranscript) -> None:
        key = (event.leg, event.track)
        self._named(call, key, event.speaker)
        call.finished[key] = event.utterance
        shown = call.partials.get(key)
        # Finals wait for the disk, partials do not: one of the next utterance may be here already.
        if shown is not None and (
            shown.utterance == event.utterance or shown.start_ms < event.start_ms
        ):
            call.partials.pop(key)
        call.utterances += 1
        call.last_ms = max(call.last_ms, event.end_ms)
        words = self._final_words(event)
        if words.plain:
            tag = call.tag if self._many else ""
            self._line(
                clock(event.start_ms), tag, call.name(key), self._style(call, key), words, call
            )

    def _lag(self, call: _Call, key: _Key, lag_ms: int) -> None:
        call.lag_now[key] = lag_ms
        if lag_ms >= phrases.LAG_NOTE_MS:
            if key not in call.lag_worst:
                self._note(call, call.last_ms, phrases.behind(call.name(key), lag_ms))
            call.lag_worst[key] = max(lag_ms, call.lag_worst.get(key, 0))
        elif lag_ms <= phrases.LAG_OVER_MS and key in call.lag_worst:
            worst = call.lag_worst.pop(key)
            self._note(call, call.last_ms, phrases.caught_up(call.name(key), worst), _QUIET)

    def _gap(self, call: _Call, event: GapDetected) -> None:
        text = phrases.gap(event, call.name((event.leg, event.track)))
        noted = (event.reason, event.start_ms)
        if event.reason == "socket-lost":
            # A socket carries both tracks: one note for the two gaps.
            if call.gap_noted[0] == noted[0] and abs(call.gap_noted[1] - noted[1]) < 500:
                return
            call.gap_noted = noted
        if text:
            self._note(call, event.start_ms, text)

    def _updated(self, call: _Call, event: CallUpdated) -> None:
        if event.on_hold is not None and event.on_hold != call.on_hold:
            call.on_hold = event.on_hold
            self._note(call, None, "on hold" if event.on_hold else "no longer on hold")
        if event.dial is not None and event.dial.status != call.dial_status:
            call.dial_status = event.dial.status
            text = phrases.dial(event.dial)
            if text:
                bad = event.dial.status in ("busy", "no-answer", "failed")
                self._note(call, event.dial.answered_ms, text, _NOTE if bad else _QUIET)

    def _joined(self, call: _Call, event: ParticipantJoined) -> None:
        key = (event.leg, event.track)
        self._named(call, key, event.speaker)
        self._style(call, key)
        # The parties of a plain call are in its heading.
        if call.flow == "conference":
            state = ", muted" if event.muted else ", on hold" if event.on_hold else ""
            self._note(call, event.joined_ms, f"{call.name(key)} joined{state}", _QUIET)

    def _stream_ended(self, call: _Call, event: StreamEnded) -> None:
        a, b = call.counters, event.counters
        call.counters = StreamCounters(
            frames=a.frames + b.frames,
            missing_ms=a.missing_ms + b.missing_ms,
            reordered=a.reordered + b.reordered,
            late=a.late + b.late,
            duplicates=a.duplicates + b.duplicates,
            dropped_ms=a.dropped_ms + b.dropped_ms,
        )
        for key in [key for key in call.partials if key[0] == event.leg]:
            del call.partials[key]
        for key in [key for key in call.lag_worst if key[0] == event.leg]:
            del call.lag_worst[key]
        text = phrases.stream_end(event.reason)
        if text:
            self._note(call, event.end_ms or call.last_ms, text)

    def _ended(self, call: _Call, event: CallEnded) -> None:
        many = self._many
        del self._calls[call.id]
        count = call.utterances
        parts = [phrases.ending(event)]
        if count or event.status in ("completed", "interrupted"):
            parts.append(f"{count or 'no'} utterance{'s' * (count != 1)}")
        lost = phrases.counters(call.counters)
        line = Text(f"{self._dot} ")
        line.append("; ".join(parts))
        if lost:
            line.append("; ")
            line.append(lost, _NOTE)
        hint = self._saved_hint(call.id)
        saved = Text.assemble("saved: ", (hint, "bold")) if hint else Text()
        time = clock(event.duration_ms) if event.duration_ms else ""
        tag = call.tag if many else ""
        room = self.console.width - 12 if self.interactive else 10_000
        if line.cell_len + saved.cell_len <= room:
            joined = line + Text("; ") + saved if hint else line
            self._line(time, tag, "", "", _cleaned(joined), call)
        else:  # the command in one piece, to be copied
            self._line(time, tag, "", "", _cleaned(line), call)
            if hint:
                self._line("", tag, "", "", _cleaned(saved), call)

    # -- lines to text -----------------------------------------------------------------------------

    @property
    def _many(self) -> bool:
        return len(self._calls) > 1

    @property
    def _dot(self) -> str:
        return "-" if self._ascii else "·"

    def _style(self, call: _Call, key: _Key) -> str:
        """The voice's colour: its own among all live calls as long as there are enough."""
        if key not in call.styles:
            taken = {style for one in self._calls.values() for style in one.styles.values()}
            free = [style for style in _SPEAKER_STYLES if style not in taken]
            cycled = _SPEAKER_STYLES[len(call.styles) % len(_SPEAKER_STYLES)]
            call.styles[key] = free[0] if free else cycled
        return call.styles[key]

    def _named(self, call: _Call, key: _Key, speaker: str) -> None:
        if speaker:
            call.names[key] = clean(speaker)

    def _words_of(self, event: PartialTranscript | FinalTranscript) -> str:
        return clean(event.raw_text if self._raw else event.text).strip()

    def _final_words(self, event: FinalTranscript) -> Text:
        text = event.raw_text if self._raw else event.text
        words = Text()
        place = 0
        for token in () if self._raw else event.tokens:
            at = text.find(token.text, place) if token.text else -1
            if at < 0:
                continue
            if token.filler:
                words.append(text[place:at])
                if self._fillers != "hide":
                    words.append(token.text, _QUIET if self._fillers == "dim" else None)
                else:
                    # Its space goes with it, so that none is doubled.
                    at += len(text[at + len(token.text) :]) and text[at + len(token.text)] == " "
                place = at + len(token.text)
        words.append(text[place:])
        return _cleaned(words)

    def _partial_words(self, event: PartialTranscript) -> Text:
        if self._raw:
            return Text(clean(event.raw_text), _QUIET)
        settled = max(0, min(event.settled, len(event.text)))
        words = Text()
        words.append(clean(event.text[:settled]))
        words.append(clean(event.text[settled:]), _QUIET)
        return words

    def _note(self, call: _Call, ms: int | None, text: str, style: str = _NOTE) -> None:
        time = clock(ms) if ms is not None else ""
        tag = call.tag if self._many else ""
        self._line(time, tag, "", "", Text(f"{self._dot} {clean(text)}", style), call)

    def _columns(self, calls: Iterable[_Call]) -> Columns:
        names = max((call.name_cells for call in calls), default=MIN_NAME_CELLS)
        # Never narrower than on the lines above, so that the words stand in one column.
        names = self._name_cells = max(names, self._name_cells if self._calls else 0)
        if self.console.width < 60:
            names = min(names, 8)
        tags = max((len(call.tag) for call in self._calls.values()), default=1)
        return Columns(self.console.width, names, tags if self._many else 0)

    def _line(
        self,
        time: str,
        tag: str,
        name: str,
        style: str,
        words: Text,
        call: _Call | None = None,
    ) -> None:
        """Print one entry. Without a name it is a note and starts where names do."""
        if not self.interactive:
            parts = [time.rjust(5), *([tag] if tag else []), *([name] if name else [])]
            self._print(Text("  ".join(parts) + "  ") + words)
            return
        calls = list(self._calls.values())
        columns = self._columns([*calls, call] if call and call not in calls else calls)
        if tag and not columns.tag_cells:
            columns = replace(columns, tag_cells=len(tag))
        if not name:
            columns = replace(columns, name_cells=0)
        for line in columns.lay_out(self.console, columns.prefix(time, tag, name, style), words):
            self._print(line)

    def _live_lines(self) -> list[Line]:
        """The live region: what each track is saying now, oldest first, then one line on the calls
        themselves."""
        lines: list[Text] = []
        speaking = sorted(
            (
                (event.at, event.start_ms, call, key, event)
                for call in self._calls.values()
                for key, event in call.partials.items()
            ),
            key=lambda item: (item[2].tag, item[1]),
        )
        budget = max(1, self.console.height // 2)
        hidden = len(speaking) - budget if len(speaking) > budget else 0
        if hidden:
            hidden += 1
            speaking = speaking[-(budget - 1) :] if budget > 1 else []
        rows_each = max(1, budget // max(1, len(speaking)))
        for _, _, call, key, event in speaking:
            words = self._partial_words(event)
            lag = call.lag_now.get(key, 0)
            if lag >= phrases.LAG_NOTE_MS:
                words.append(f"  ({lag / 1000:.0f} s behind)", _NOTE)
            columns = self._columns(self._calls.values())
            prefix = columns.prefix(
                clock(event.start_ms),
                call.tag if self._many else "",
                call.name(key),
                self._style(call, key),
            )
            lines += columns.lay_out(self.console, prefix, words, max_rows=rows_each)
        if hidden:
            more = "..." if self._ascii else "…"
            lines.append(Text(f"       {more} and {hidden} more speaking", _QUIET))
        status = self._status_line()
        if status is not None:
            lines.append(status)
        return [self._paintable(line) for line in lines]

    def _status_line(self) -> Text | None:
        """`live  A 3:12 Alice Adams   B 0:04 Bob`, dim; with what is unusual about a call said
        after it."""
        if not self._calls and not self._status:
            return None
        line = Text(style=_QUIET, no_wrap=True)
        if self._status:
            line.append(clean(self._status), _NOTE)
        for call in self._calls.values():
            line.append("   " if line.plain else "")
            line.append("* " if self._ascii else "● ")
            if self._many:
                line.append(f"{call.tag} ")
            if call.started_at is not None:
                elapsed = self._now() - call.started_at
                line.append(clock(int(elapsed.total_seconds() * 1000)) + " ")
            line.append(call.who)
            if call.paused_ms is not None:
                line.append(" paused", _NOTE)
            if call.on_hold:
                line.append(" on hold", _NOTE)
        line.truncate(max(1, self.console.width - 1), overflow="ellipsis")
        return line

    def _paintable(self, line: Text) -> Line:
        return Line(self._ansi(line), line.cell_len)

    def _ansi(self, line: Text) -> str:
        """`line` with its styles as escape sequences, without a newline."""
        segments = self.console.render(
            line, self.console.options.update(no_wrap=True, width=10_000)
        )
        return "".join(
            segment.style.render(segment.text, color_system=self._colors)
            if segment.style
            else segment.text
            for segment in segments
        ).rstrip("\n")

    def _print(self, line: Text) -> None:
        """Have a line printed above the live region at the next flush."""
        text = self._ansi(line).rstrip(" ") if self.interactive else line.plain.rstrip()
        if self._ascii:
            text = text.encode(self.console.encoding, "replace").decode(self.console.encoding)
        self._above.append(text + "\n")

    def _drain(self) -> str:
        parts = []
        while self._above:
            parts.append(self._above.popleft())
        return "".join(parts)


class _Guarded(io.TextIOBase):
    """Stands in for stderr: whole lines go above the live region."""

    def __init__(self, view: TerminalView, stream: TextIO) -> None:
        self._view = view
        self._stream = stream
        self._rest = ""

    def write(self, text: str) -> int:
        if self._view.closed:  # kept by a logger for longer than the view lived
            return self._stream.write(text)
        whole, newline, self._rest = (self._rest + text).rpartition("\n")
        if newline:
            self._view.write_above(whole + newline)
        return len(text)

    def flush(self) -> None:
        if self._view.closed:
            self._stream.flush()
        # Otherwise every whole line has been written, and half a line would tear the region.

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


def _color_system(console: Console) -> ColorSystem | None:
    names = {
        "standard": ColorSystem.STANDARD,
        "256": ColorSystem.EIGHT_BIT,
        "truecolor": ColorSystem.TRUECOLOR,
        "windows": ColorSystem.WINDOWS,
    }
    return names.get(console.color_system or "")


def _moment(at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cleaned(text: Text) -> Text:
    """`text` with control characters taken out and its styles kept."""
    if clean(text.plain) == text.plain:
        return text
    out = Text(style=text.style)
    for part in text.split("\n", include_separator=False, allow_blank=True):
        for piece in part.divide(
            sorted({edge for span in part.spans for edge in (span.start, span.end)})
        ):
            style = piece.spans[0].style if piece.spans else ""
            out.append(clean(piece.plain), style)
    return out
