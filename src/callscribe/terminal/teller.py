"""What the fold says has changed becomes entries that are printed, each once, in order.

An utterance is printed when it is sure. While a second reader is at work that is when it has been read again, or after
`CONFIRM_S`; without one it is at once. Whatever comes after it waits behind it, so that the lines stay in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from rich.text import Text

from callscribe.events import AnyEvent, CallStarted, StoreFailed
from callscribe.outlet import clean
from callscribe.terminal.entries import Entries
from callscribe.terminal.layout import NOTE, QUIET, isolated
from callscribe.terminal.shown import ShownCall, ShownCalls, Waiting
from callscribe.terminal.words import Words
from callscribe.transcript import wording
from callscribe.transcript.fold import DIGITS_MS, Change, Transcript
from callscribe.transcript.parts import Note, Person, Utterance

CONFIRM_S = 5.0
"""How long a line waits for its second reading before it is printed as it is."""
LAG_OVER_MS = 400
"""Below this text has caught up."""
_QUIET_NOTES = frozenset({"joined", "left", "dtmf", "dial", "resumed"})


class Teller:
    """Tells events.

    Args:
        second_reader: utterances are read a second time; without this it is known from the first such reading on.
    """

    def __init__(
        self,
        calls: ShownCalls,
        entries: Entries,
        words: Words,
        *,
        saved_hint: Callable[[str], str],
        now: Callable[[], datetime],
        timezone: tzinfo | None,
        second_reader: bool = False,
    ) -> None:
        self._calls = calls
        self._entries = entries
        self._words = words
        self._saved_hint = saved_hint
        self._now = now
        self._timezone = timezone
        self.second_reader = second_reader

    def tell(self, event: AnyEvent) -> None:
        """One event."""
        if isinstance(event, StoreFailed):
            words = Text(clean(event.message), QUIET if event.resolved else "red")
            self._entries.line("", "", "", "", words)
            return
        call = self._calls.get(event.call)
        if call is not None and call.transcript.is_over and isinstance(event, CallStarted):
            self._close(call)  # taken up again before its end was printed
            call = None
        if call is None:
            transcript = Transcript(event.call, second_reader=self.second_reader)
            change = transcript.apply(event)
            begins = isinstance(event, CallStarted)
            if not begins and not any(
                said.text and said.reading == 1 for said in change.utterances
            ):
                return  # of a call that is over, or of nothing to see
            call = self._open(transcript, seen=begins)
        else:
            change = call.transcript.apply(event)
        self._tell(call, change)
        self.release()

    def recount(
        self,
        transcript: Transcript,
        *,
        last: int | None = None,
        below: Callable[[Utterance], Iterable[Text]] = lambda _: (),
    ) -> ShownCall:
        """A call of which much is known already: its heading, then its entries.

        Args:
            last: at most so many entries, those at the end.
            below: lines to print under an utterance.
        """
        call = self._open(transcript)
        said = transcript.utterances
        finals = [each for each in said if each.final]
        items: list[Utterance | Note] = [*transcript.notes, *finals]
        items.sort(key=lambda item: item.order)
        call.printed.update(each.id for each in finals)
        if last is not None and len(items) > last:
            text = wording.earlier(len(items) - last)
            self._entries.note(call, None, text, QUIET)
            items = items[-last:]
        for item in items:
            self._print(call, item)
            for line in below(item) if isinstance(item, Utterance) else ():
                self._entries.say(line)
        for person in transcript.people:
            call.names[person.who] = wording.shown(person.name)
        call.speaking.update((each.person.who, each) for each in said if not each.final)
        self.release()
        return call

    def leave(self) -> None:
        """Nothing comes any more: print what still waits, and forget the calls."""
        for call in self._calls:
            while call.waiting:
                self._print(call, call.waiting.popleft().item)
            if call.transcript.is_over:
                self._close(call)
            else:
                self._calls.remove(call)

    def release(self) -> None:
        """Print what is sure by now, or has waited long enough."""
        now = self._now()
        for call in self._calls:
            while call.waiting:
                head = call.waiting[0]
                if head.until is not None and now < head.until:
                    break
                call.waiting.popleft()
                self._print(call, head.item)
            if call.transcript.is_over and not call.waiting and not call.transcript.call.waiting:
                self._close(call)

    def waiting(self, call: ShownCall) -> list[Utterance]:
        """What has been said and may still be read better."""
        return [each.item for each in call.waiting if isinstance(each.item, Utterance)]

    def _open(self, transcript: Transcript, *, seen: bool = True) -> ShownCall:
        summary = transcript.call
        known = wording.caller(summary) if summary.direction == "inbound" else ""
        who = known or wording.callee(summary) or wording.caller(summary)
        alone = not len(self._calls)
        call = ShownCall(
            transcript,
            tag=self._calls.free_tag(),
            who=isolated(who) if seen else summary.id[:12],
            started_at=(_moment(summary.started_at) or self._now()) if seen else None,
        )
        self._calls.add(call)
        if seen:
            self._heading(call)
        else:
            self._entries.heading(call, [wording.under_way(summary.id[:12])])
        if not alone and len(self._calls) == 2:
            first = next(iter(self._calls))
            text = f"{first.tag} is {first.who}, {call.tag} is {call.who}"
            self._entries.line("", "", "", "", Text(f"{self._entries.dot} {text}", QUIET))
        return call

    def _heading(self, call: ShownCall) -> None:
        summary = call.transcript.call
        arrow = self._entries.arrow
        time = (call.started_at or self._now()).astimezone(self._timezone).strftime("%H:%M:%S")
        way, flow = wording.way(summary), clean(wording.flow(summary))
        sides = [
            (wording.full(clean(name), clean(number)), isolated(wording.party(name, number)))
            for name, number in (
                (summary.from_name, summary.from_),
                (summary.to_name, summary.to),
            )
        ]
        (from_full, from_short), (to_full, to_short) = sides
        self._entries.heading(
            call,
            [
                f"{time}  {way}  {from_full} {arrow} {to_full}  {flow}".rstrip(),
                f"{time}  {way}  {from_short} {arrow} {to_short}  {flow}".rstrip(),
                f"{time}  {way}  {call.who}  {flow}".rstrip(),
                f"{time}  {call.who}",
            ],
        )

    def _tell(self, call: ShownCall, change: Change) -> None:
        for person in change.people:
            self._person(call, person)
        for note in change.notes:
            self._queue_note(call, note)
        for said in change.utterances:
            self._said(call, said)
        self._lag(call)
        if call.transcript.is_over:
            call.speaking.clear()
            if call.transcript.call.waiting and not call.waits_told:
                call.waits_told = True
                self._entries.note(call, None, call.transcript.ending, NOTE)

    def _said(self, call: ShownCall, said: Utterance) -> None:
        who = said.person.who
        if not said.final:
            if said.text and self._words.partial(said):
                call.speaking[who] = said
            elif who in call.speaking and call.speaking[who].id == said.id:
                del call.speaking[who]
            return
        shown = call.speaking.get(who)
        # Finals wait for the disk, partials do not: one of the next utterance may be here already.
        if shown is not None and (shown.id == said.id or shown.start_ms < said.start_ms):
            del call.speaking[who]
        if said.id in call.printed:
            return
        known = next((w for w in call.waiting if _key(w.item) == said.id), None)
        if known is None and said.text:
            self._queue(call, Waiting(said, self._until(said)))
        elif known is not None and said.text:
            known.item = said
            known.until = self._until(said) and known.until
        elif known is not None:
            call.waiting.remove(known)

    def _until(self, said: Utterance) -> datetime | None:
        return self._now() + timedelta(seconds=CONFIRM_S) if said.tentative else None

    def _queue_note(self, call: ShownCall, note: Note) -> None:
        known = next((w for w in call.waiting if _key(w.item) == note.key), None)
        # More keys may be pressed.
        until = self._now() + timedelta(milliseconds=DIGITS_MS) if note.kind == "dtmf" else None
        if known is not None:
            known.item, known.until = note, until
        else:
            self._queue(call, Waiting(note, until))

    def _queue(self, call: ShownCall, waiting: Waiting) -> None:
        if call.waiting and isinstance(call.waiting[-1].item, Note):
            call.waiting[-1].until = None  # nobody waits for keys that may be pressed
        call.waiting.append(waiting)

    def _print(self, call: ShownCall, item: Utterance | Note) -> None:
        if isinstance(item, Note):
            style = QUIET if item.kind in _QUIET_NOTES else NOTE
            self._entries.note(call, item.ms, item.sentence, style)
            return
        call.printed.add(item.id)
        words = self._words.final(item)
        if words:
            tag, style = self._calls.tag_of(call), self._calls.style(call, item.person.who)
            time = wording.clock(item.start_ms)
            self._entries.line(time, tag, item.person.name, style, words, call)

    def _person(self, call: ShownCall, person: Person) -> None:
        before = call.names.get(person.who, wording.SOMEONE)
        now = call.names[person.who] = wording.shown(person.name)
        self._calls.style(call, person.who)
        if now != before != wording.SOMEONE:
            text = wording.renamed(isolated(before), isolated(now))
            self._entries.note(call, None, text, QUIET)

    def _lag(self, call: ShownCall) -> None:
        transcript = call.transcript
        for who, ms in transcript.lag.items():
            name = isolated(call.names.get(who, wording.SOMEONE))
            if ms >= wording.BEHIND_MS:
                if who not in call.lag_worst:
                    text = f"{name}: {wording.behind(ms)}."
                    self._entries.note(call, transcript.now_ms, text)
                call.lag_worst[who] = max(ms, call.lag_worst.get(who, 0))
            elif ms <= LAG_OVER_MS and who in call.lag_worst:
                text = f"{name}: {wording.caught_up(call.lag_worst.pop(who))}."
                self._entries.note(call, transcript.now_ms, text, QUIET)
        for who in [who for who in call.lag_worst if who not in transcript.lag]:
            del call.lag_worst[who]

    def _close(self, call: ShownCall) -> None:
        """A call's closing line; it leaves the screen's live part."""
        for each in call.waiting:
            self._print(call, each.item)
        call.waiting.clear()
        tag = self._calls.tag_of(call)
        self._calls.remove(call)
        summary = call.transcript.call
        line = Text(f"{self._entries.dot} {clean(call.transcript.ending)}")
        hint = self._saved_hint(call.id)
        saved = Text.assemble(f"{wording.SAVED}: ", (hint, "bold")) if hint else Text()
        time = wording.clock(summary.duration_ms) if summary.duration_ms else ""
        self._entries.closing(call, tag, time, line, saved)


def _key(item: Utterance | Note) -> str:
    return item.key if isinstance(item, Note) else item.id


def _moment(at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
