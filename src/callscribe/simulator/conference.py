"""Conference rooms: who is in, who hears whom, and what the server is told about it.

Source: Twilio docs, `<Conference>` (attributes, status callbacks).
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from callscribe.simulator.interpreter import DialOutcome
from callscribe.simulator.report import CallReport
from callscribe.simulator.timeline import Clip, Line, Loop, Mix, hold_music, tone
from callscribe.simulator.twiml import Conference as ConferenceSpec

if TYPE_CHECKING:
    from callscribe.simulator.call import Call
    from callscribe.simulator.world import World

ReasonLeft = Literal[
    "participant_hung_up",
    "participant_updated_via_api",
    "moderator_ended_conference",
    "conference_ended_via_api",
]

_WORD_OF = {
    # What `statusCallbackEvent` calls the callbacks.
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
}


@dataclass
class Participant:
    """A leg in a room."""

    call: Call
    spec: ConferenceSpec
    joined_at: str
    muted: bool = False
    hold: bool = False
    end_on_exit: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    reason: ReasonLeft = "participant_hung_up"


class Conference:
    """A room from its first participant to its last."""

    def __init__(self, world: World, name: str, spec: ConferenceSpec) -> None:
        self.sid = world.ids.sid("CF")
        self.name = name
        self.status: Literal["init", "in-progress", "completed"] = "init"
        self.created_at = self.updated_at = world.clock.rfc2822()
        self.participants: dict[str, Participant] = {}
        self.reason_ended = ""
        self.call_sid_ending = ""
        self._world = world
        self._spec = spec
        self._report: CallReport | None = None
        self._sequence = 0
        self._beeps = Line()

    def find(self, key: str) -> Participant | None:
        """By call SID or label."""
        for participant in self.participants.values():
            if key in {participant.call.sid, participant.spec.label}:
                return participant
        return None

    async def stay(self, call: Call, spec: ConferenceSpec) -> DialOutcome:
        """The leg is in the room until it leaves, is removed, or the room ends."""
        if spec.label and self.find(spec.label) is not None:
            call.report.notify(
                16025, f'participantLabel "{spec.label}" is already taken in room "{self.name}".'
            )
            return DialOutcome("failed")
        if len(self.participants) >= self._spec.max_participants:
            call.report.notify(16020, f'Room "{self.name}" is full.')
            return DialOutcome("failed")
        me = Participant(
            call, spec, self._world.clock.rfc2822(), spec.muted, end_on_exit=spec.end_on_exit
        )
        self.participants[call.sid] = me
        self._start_if_ready(me)
        self._event("participant-join", me)
        self._beep("onEnter", me)
        self._play_to_all()
        try:
            if call.conversation is not None:
                await call.conversation.ready(call)
            await me.gone.wait()
        finally:
            self._left(me)
        return DialOutcome("answered", bridged=True)

    def set_muted(self, participant: Participant, muted: bool) -> None:
        if participant.muted != muted:
            participant.muted = muted
            self._event("participant-mute" if muted else "participant-unmute", participant)

    def set_hold(self, participant: Participant, hold: bool) -> None:
        if participant.hold != hold:
            participant.hold = hold
            self._event("participant-hold" if hold else "participant-unhold", participant)
            self._play_to(participant)

    def modify(self, participant: Participant) -> None:
        self._event("participant-modify", participant)

    def remove(self, participant: Participant, reason: ReasonLeft) -> None:
        """Takes a participant out of the room; the leg goes on with its TwiML."""
        participant.reason = reason
        participant.gone.set()

    def end(self, reason: str, by: Participant | None = None) -> None:
        """Everyone leaves."""
        if self.status == "completed":
            return
        self.status = "completed"
        self.updated_at = self._world.clock.rfc2822()
        self.reason_ended = reason
        self.call_sid_ending = by.call.sid if by is not None else ""
        via_api = reason == "conference-ended-via-api"
        for participant in list(self.participants.values()):
            del self.participants[participant.call.sid]
            participant.reason = (
                "conference_ended_via_api" if via_api else "moderator_ended_conference"
            )
            self._leave_event(participant)
            participant.gone.set()
        extra = []
        if by is not None:
            extra = [
                ("CallSidEndingConference", by.call.sid),
                ("ParticipantLabelEndingConference", by.spec.label),
            ]
        extra += [("ReasonConferenceEnded", reason), ("Reason", _REASONS[reason])]
        self._event("conference-end", extra=extra)

    # Inside.

    def _start_if_ready(self, me: Participant) -> None:
        # As captured: the room starts with its second participant, and is told before that one's joining.
        starters = any(p.spec.start_on_enter for p in self.participants.values())
        if self.status == "init" and starters and len(self.participants) >= 2:
            self.status = "in-progress"
            self.updated_at = self._world.clock.rfc2822()
            self._event("conference-start")

    def _left(self, me: Participant) -> None:
        if me.call.live:
            me.call.hear_nothing()
        if self.participants.pop(me.call.sid, None) is None:
            return  # with everyone else, when the room ended
        self._beep("onExit", me)
        self._leave_event(me)
        if me.end_on_exit:
            self.end("participant-with-end-conference-on-exit-left", me)
        elif not self.participants:
            self.end("last-participant-left", me)

    def _leave_event(self, me: Participant) -> None:
        hung_up = me.reason == "participant_hung_up"
        self._event(
            "participant-leave",
            me,
            [
                ("ParticipantCallStatus", "completed" if hung_up else "in-progress"),
                ("ReasonParticipantLeft", me.reason),
            ],
        )

    def _play_to_all(self) -> None:
        for participant in self.participants.values():
            self._play_to(participant)

    def _play_to(self, me: Participant) -> None:
        now = math.ceil(self._world.clock.now_ms())
        if self.status == "init" or me.hold:
            if me.spec.wait_url == "" and not me.hold:
                me.call.outbound.cut(now)
            else:
                me.call.outbound.play(hold_music(), now)
        else:
            me.call.outbound.play(Mix(lambda: self._heard_by(me), now), now)

    def _heard_by(self, me: Participant) -> list[Line]:
        others = [
            p.call.inbound
            for p in self.participants.values()
            if p is not me and not p.muted and not p.hold
        ]
        return [*others, self._beeps]

    def _beep(self, when: Literal["onEnter", "onExit"], me: Participant) -> None:
        if me.spec.beep in {"true", when} and self.status == "in-progress":
            sound = Loop(tone((850.0 if when == "onEnter" else 600.0,), 250))
            now = math.ceil(self._world.clock.now_ms())
            self._beeps.play(Clip(sound.audio), now)

    def _event(
        self,
        event: str,
        participant: Participant | None = None,
        extra: list[tuple[str, str]] | None = None,
    ) -> None:
        # Only what the first participant asked for counts.
        if not self._spec.status_callback:
            return
        if _WORD_OF[event] not in self._spec.status_callback_events:
            return
        self._sequence += 1
        form = [
            ("AccountSid", self._world.account_sid),
            ("ConferenceSid", self.sid),
            ("FriendlyName", self.name),
            ("StatusCallbackEvent", event),
            ("Timestamp", self._world.clock.rfc2822()),
            ("SequenceNumber", str(self._sequence)),
        ]
        if participant is not None:
            form += participant_params(participant)
            # What concerns the room itself is noted with its first participant.
            self._report = self._report or participant.call.report
        form += extra or []
        report = participant.call.report if participant is not None else self._report
        if report is None:
            report = next(iter(self.participants.values())).call.report
        self._world.callback(
            report, event, self._spec.status_callback_method, self._spec.status_callback, form
        )


def participant_params(participant: Participant) -> list[tuple[str, str]]:
    """What every participant event says about the participant."""

    def flag(value: bool) -> str:
        return str(value).lower()

    return [
        ("CallSid", participant.call.sid),
        ("ParticipantLabel", participant.spec.label),
        ("Muted", flag(participant.muted)),
        ("Hold", flag(participant.hold)),
        ("Coaching", "false"),
        ("StartConferenceOnEnter", flag(participant.spec.start_on_enter)),
        ("EndConferenceOnExit", flag(participant.end_on_exit)),
    ]


_REASONS = {
    "last-participant-left": "The last participant left the conference",
    "participant-with-end-conference-on-exit-left": (
        "Participant with endConferenceOnExit left the conference"
    ),
    "conference-ended-via-api": "Conference ended via API",
}
