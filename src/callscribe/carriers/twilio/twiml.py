"""The answers to the carrier's questions, as TwiML. Pure; built with the official library.

Source: Twilio docs, "TwiML for Programmable Voice" and the pages of each verb.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from twilio.twiml.voice_response import Dial as DialVerb
from twilio.twiml.voice_response import Start, VoiceResponse

PAUSE_MAX_S = 600
"""Length of one `<Pause>`; a longer hold is several. No maximum is documented, so stay well inside any."""

LEG_EVENTS = "initiated ringing answered completed"
CONFERENCE_EVENTS = "start end join leave mute hold modify"

TrackChoice = Literal["inbound_track", "both_tracks"]
Beep = Literal["true", "false", "onEnter", "onExit"]


class Announcement(msgspec.Struct, frozen=True):
    """Something the carrier's voice says."""

    text: str
    voice: str = ""
    """e.g. `Polly.Joanna-Neural`; empty takes the carrier's default."""
    language: str = ""
    """BCP 47, e.g. `en-US`."""


class StreamPlan(msgspec.Struct, frozen=True):
    """A `<Stream>` to start on the leg that runs the TwiML."""

    url: str
    """`wss://` address with the ticket in its path: query strings do not survive."""
    track: TrackChoice
    status_callback: str = ""
    name: str = ""
    """Unique within the call; what `<Stop>` and the REST API call it by."""
    parameters: Mapping[str, str] = {}


class DialPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A `<Dial>` to one or several numbers; the first to answer is connected."""

    to: Sequence[str]
    """E.164 numbers, `sip:` or `client:` addresses."""
    action: str
    """Where the carrier asks what to do next when the dialled leg is over."""
    leg_callback: str
    caller_id: str = ""
    timeout_s: int = 20
    answer_on_bridge: bool = True
    whisper_url: str = ""
    """TwiML that the callee hears before being connected."""


class ConferencePlan(msgspec.Struct, frozen=True, kw_only=True):
    """A `<Dial><Conference>` for one leg."""

    room: str
    status_callback: str
    action: str = ""
    label: str = ""
    muted: bool = False
    beep: Beep = "true"
    start_on_enter: bool = True
    end_on_exit: bool = False
    wait_url: str | None = None
    """None: the carrier's music; empty: silence."""
    max_participants: int | None = None


def hold_line(
    streams: Iterable[StreamPlan], announcements: Iterable[Announcement], hold_s: int
) -> str:
    """Stream, speak, then keep the line open: without a next verb the carrier would hang up."""
    response = VoiceResponse()
    _start(response, streams)
    _say(response, announcements)
    _hold(response, hold_s)
    return str(response)


def dial(
    streams: Iterable[StreamPlan], announcements: Iterable[Announcement], plan: DialPlan
) -> str:
    """Stream, speak, then connect to another number. The stream is that of the caller's leg and hears both."""
    response = VoiceResponse()
    _start(response, streams)
    _say(response, announcements)
    verb = DialVerb(
        action=plan.action,
        method="POST",
        timeout=plan.timeout_s,
        answer_on_bridge=plan.answer_on_bridge,
        **({"caller_id": plan.caller_id} if plan.caller_id else {}),
    )
    extra = {"url": plan.whisper_url, "method": "POST"} if plan.whisper_url else {}
    for number in plan.to:
        if number.startswith("client:"):
            add, target = verb.client, number.removeprefix("client:")
        else:
            add, target = (verb.sip if number.startswith("sip:") else verb.number), number
        add(
            target,
            status_callback=plan.leg_callback,
            status_callback_event=LEG_EVENTS,
            status_callback_method="POST",
            **extra,
        )
    response.append(verb)
    return str(response)


def conference(
    streams: Iterable[StreamPlan], announcements: Iterable[Announcement], plan: ConferencePlan
) -> str:
    """Stream, speak, then join a room. Each leg's own stream carries its own voice only."""
    response = VoiceResponse()
    _start(response, streams)
    _say(response, announcements)
    verb = DialVerb(**({"action": plan.action, "method": "POST"} if plan.action else {}))
    optional: dict[str, object] = {}
    if plan.label:
        optional["participant_label"] = plan.label[:128]
    if plan.wait_url is not None:
        optional["wait_url"] = plan.wait_url
    if plan.max_participants is not None:
        optional["max_participants"] = plan.max_participants
    verb.conference(
        plan.room,
        muted=plan.muted,
        beep=plan.beep,
        start_conference_on_enter=plan.start_on_enter,
        end_conference_on_exit=plan.end_on_exit,
        status_callback=plan.status_callback,
        status_callback_method="POST",
        status_callback_event=CONFERENCE_EVENTS,
        **optional,
    )
    response.append(verb)
    return str(response)


def speak(announcements: Iterable[Announcement]) -> str:
    """Say something and no more: what a callee hears before being connected."""
    response = VoiceResponse()
    _say(response, announcements)
    return str(response)


def hang_up(announcements: Iterable[Announcement] = ()) -> str:
    """End the call, after saying why."""
    response = VoiceResponse()
    _say(response, announcements)
    response.hangup()
    return str(response)


def reject_busy() -> str:
    """Refuse a call without answering it; it costs the caller nothing."""
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)


def empty() -> str:
    """Nothing to do: the answer to a status callback."""
    return str(VoiceResponse())


def _start(response: VoiceResponse, streams: Iterable[StreamPlan]) -> None:
    for plan in streams:
        start = Start()
        optional = {"name": plan.name} if plan.name else {}
        if plan.status_callback:
            optional |= {
                "status_callback": plan.status_callback,
                "status_callback_method": "POST",
            }
        stream = start.stream(url=plan.url, track=plan.track, **optional)
        for name, value in plan.parameters.items():
            stream.parameter(name=name, value=value)
        response.append(start)


def _say(response: VoiceResponse, announcements: Iterable[Announcement]) -> None:
    for each in announcements:
        if each.text.strip():
            optional = {"voice": each.voice, "language": each.language}
            response.say(each.text, **{k: v for k, v in optional.items() if v})


def _hold(response: VoiceResponse, seconds: int) -> None:
    while seconds > 0:
        response.pause(length=min(seconds, PAUSE_MAX_S))
        seconds -= PAUSE_MAX_S
