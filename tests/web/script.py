"""Scripted calls: what a call's journal holds, made from a few lines of conversation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallStatus,
    FinalTranscript,
    Flow,
    PartialTranscript,
    ParticipantJoined,
    RevisedTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Token,
    Track,
    Word,
)

SID = "CA{:032x}"


def now(offset_s: float = 0.0) -> str:
    moment = datetime.now(UTC) + timedelta(seconds=offset_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Call:
    """Makes one call's events, counting utterances and time.

    Args:
        number: tells calls apart; part of the SID.
        age_s: how long ago the call began, in seconds.
    """

    def __init__(self, number: int = 1, *, age_s: float = 0.0, flow: Flow = "forward") -> None:
        self.sid = SID.format(number)
        self.flow = flow
        self._age_s = age_s
        self._utterances = 0
        self._speakers: dict[str, tuple[str, Track]] = {}
        self.ms = 0

    def start(
        self,
        *,
        from_name: str = "Alice Adams",
        to_name: str = "Support",
        status: CallStatus = "in-progress",
        room: str = "",
    ) -> CallStarted:
        return CallStarted(
            call=self.sid,
            at=now(-self._age_s),
            from_="+15005550010",
            to="+15005550006",
            from_name=from_name,
            to_name=to_name,
            flow=self.flow,
            status=status,
            room=room,
        )

    def people(self, *names: str, joined_ms: int = 0) -> list[AnyEvent]:
        """Two people of one leg's tracks; a conference's, each on a leg of their own."""
        events: list[AnyEvent] = []
        for index, name in enumerate(names):
            if self.flow == "conference":
                leg, track = (
                    SID.format(int(self.sid[2:], 16) * 1000 + len(self._speakers)),
                    "inbound",
                )
            else:
                leg, track = self.sid, ("inbound", "outbound")[index]
            self._speakers[name] = (leg, track)  # type: ignore[assignment]
            where = self._speakers[name]
            events.append(
                ParticipantJoined(
                    call=self.sid,
                    leg=where[0],
                    track=where[1],
                    speaker=name,
                    joined_ms=joined_ms + (index * 1300 if self.flow == "conference" else 0),
                    number=f"+1500555{100 + len(self._speakers):04}",
                )
            )
            events.append(
                StreamStarted(
                    call=self.sid,
                    leg=where[0],
                    stream=f"MZ{len(self._speakers)}",
                    tracks=(where[1],),
                )
            )
        return events

    def place(self, speaker: str) -> tuple[str, Track]:
        return self._speakers[speaker]

    def utterance(self) -> str:
        """A new utterance's id."""
        self._utterances += 1
        return f"{self.sid[-4:]}-{self._utterances}"

    def partial(
        self,
        speaker: str,
        text: str,
        *,
        utterance: str,
        revision: int,
        start_ms: int,
        settled: int = 0,
        end_ms: int | None = None,
        lag_ms: int = 0,
    ) -> PartialTranscript:
        leg, track = self.place(speaker)
        return PartialTranscript(
            call=self.sid,
            leg=leg,
            track=track,
            speaker=speaker,
            utterance=utterance,
            revision=revision,
            text=text,
            raw_text=text.lower(),
            settled=settled,
            start_ms=start_ms,
            end_ms=end_ms if end_ms is not None else start_ms + 300 * len(text.split()),
            lag_ms=lag_ms,
        )

    def final(
        self,
        speaker: str,
        text: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        raw: str | None = None,
        utterance: str = "",
        fillers: tuple[str, ...] = (),
        pause_ms: int = 700,
    ) -> FinalTranscript:
        """Without times it follows what was said before, at a speaking pace."""
        leg, track = self.place(speaker)
        spoken = (raw or text.lower().replace(",", "").replace(".", "").replace("?", "")).split()
        start = self.ms + pause_ms if start_ms is None else start_ms
        end = start + 320 * len(spoken) if end_ms is None else end_ms
        self.ms = max(self.ms, end)
        step = (end - start) / max(1, len(spoken))
        words = tuple(
            Word(word, round(start + step * i), round(start + step * (i + 1)), 0.93)
            for i, word in enumerate(spoken)
        )
        tokens = tuple(
            Token(token, i, i + 1, filler=token.strip(",.").lower() in fillers)
            for i, token in enumerate(text.split())
        )
        return FinalTranscript(
            call=self.sid,
            leg=leg,
            track=track,
            speaker=speaker,
            utterance=utterance or self.utterance(),
            revision=1000,
            text=text,
            raw_text=" ".join(spoken),
            start_ms=start,
            end_ms=end,
            words=words,
            tokens=tokens,
            confidence=0.93,
        )

    def revised(self, final: FinalTranscript, text: str) -> RevisedTranscript:
        """A second reading of a final; without text there was nothing in it."""
        words = tuple(
            Word(word, final.start_ms + 100 * place, final.start_ms + 100 * place + 90, 0.97)
            for place, word in enumerate(text.split())
        )
        return RevisedTranscript(
            call=final.call,
            leg=final.leg,
            track=final.track,
            speaker=final.speaker,
            utterance=final.utterance,
            revision=final.revision + 1,
            text=text,
            raw_text=text.lower(),
            start_ms=final.start_ms,
            end_ms=final.end_ms,
            words=words,
            tokens=tuple(Token(word.text, n, n + 1) for n, word in enumerate(words)),
            confidence=0.97 if text else 0.0,
            reader="better",
        )

    def spoken(
        self, speaker: str, text: str, *, start_ms: int, end: bool = True
    ) -> Iterator[AnyEvent]:
        """The partials of an utterance, word by word, then its final, unless it never ends."""
        name = self.utterance()
        words = text.split()
        for count in range(1, len(words) + 1):
            yield self.partial(
                speaker,
                " ".join(words[:count]),
                utterance=name,
                revision=count,
                start_ms=start_ms,
                settled=len(" ".join(words[: max(0, count - 2)])),
            )
        if end:
            yield self.final(speaker, text, start_ms=start_ms, utterance=name)

    def end(
        self, *, ended_by: str = "", status: CallStatus = "completed", reason: str = ""
    ) -> list[AnyEvent]:
        return [
            *(
                StreamEnded(
                    call=self.sid,
                    leg=leg,
                    stream=f"MZ{index + 1}",
                    reason="stop",
                    counters=StreamCounters(frames=self.ms // 20),
                    end_ms=self.ms,
                )
                for index, (leg, _) in enumerate(self._speakers.values())
            ),
            CallEnded(
                call=self.sid,
                at=now(-self._age_s + self.ms / 1000),
                status=status,
                duration_ms=self.ms,
                ended_by=ended_by,
                reason=reason,
            ),
        ]


def bank(number: int = 1, *, age_s: float = 60.0) -> tuple[Call, list[AnyEvent]]:
    """A two-person call so far."""
    call = Call(number, age_s=age_s)
    events: list[AnyEvent] = [call.start(), *call.people("Alice Adams", "Support")]
    events += [
        call.final("Support", "Good morning, Harbour Bank, how can I help?", start_ms=900),
        call.final(
            "Alice Adams",
            "Hi, um, I'd like to check the balance of my savings account.",
            fillers=("um",),
            raw="hi um i'd like to check the balance of my savings account",
        ),
        call.final("Support", "Of course. May I have the account number?"),
        call.final("Alice Adams", "Yes, it's 4 0 7 2,", raw="yes it's four oh seven two"),
        call.final("Alice Adams", "1 9 5 8.", raw="one nine five eight", pause_ms=900),
        call.final(
            "Support",
            "Thank you. And the date of your last deposit, please?",
            raw="thank you and the date of your last deposit please",
        ),
    ]
    end = call.ms
    events += [
        call.final(
            "Alice Adams",
            "That was on the 3rd of March, $250.",
            start_ms=end - 700,
            raw="that was on the third of march two hundred and fifty dollars",
        ),
        call.final("Support", "Let me look that up.", pause_ms=500),
    ]
    return call, events
