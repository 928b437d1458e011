"""Answers to Twilio's questions, as TwiML. Pure; built with the official library.

Source: Twilio docs, "TwiML for Programmable Voice" and the pages of each verb.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from twilio.twiml.voice_response import Dial, Start, VoiceResponse

from callscribe.carriers.base import (
    Connect,
    HangUp,
    Hold,
    Instruction,
    JoinRoom,
    Listen,
    Refuse,
    Say,
)
from callscribe.carriers.twilio.urls import CarrierUrls

PAUSE_MAX_S = 600
"""Length of one `<Pause>`; a longer hold is several. No maximum is documented, so stay well inside any."""

LEG_EVENTS = "initiated ringing answered completed"
CONFERENCE_EVENTS = "start end join leave mute hold modify"
LABEL_CHARS = 128


def render(answer: Sequence[Instruction], urls: CarrierUrls) -> str:
    """The TwiML that does these things, one after the other."""
    response = VoiceResponse()
    for instruction in answer:
        match instruction:
            case Listen():
                response.append(_stream(instruction, urls))
            case Say():
                _say(response, instruction)
            case Hold():
                _hold(response, instruction.seconds)
            case Connect():
                response.append(_dial(instruction, urls))
            case JoinRoom():
                response.append(_conference(instruction, urls))
            case HangUp():
                response.hangup()
            case Refuse():
                response.reject(reason="busy")
            case _:
                assert_never(instruction)
    return str(response)


def _stream(listen: Listen, urls: CarrierUrls) -> Start:
    """The stream is that of the leg that runs the TwiML; it survives `<Dial>`."""
    start = Start()
    # The ticket is in the path, since query strings do not survive.
    start.stream(
        url=urls.media(listen.ticket),
        track=track_word(listen.track),
        status_callback=urls.stream,
        status_callback_method="POST",
    )
    return start


def track_word(track: str) -> str:
    """Twilio's word for which tracks are streamed."""
    return "both_tracks" if track == "both" else "inbound_track"


def _say(response: VoiceResponse, say: Say) -> None:
    if say.text.strip():
        optional = {"voice": say.voice, "language": say.language}
        response.say(say.text, **{k: v for k, v in optional.items() if v})


def _hold(response: VoiceResponse, seconds: int) -> None:
    while seconds > 0:
        response.pause(length=min(seconds, PAUSE_MAX_S))
        seconds -= PAUSE_MAX_S


def _dial(connect: Connect, urls: CarrierUrls) -> Dial:
    verb = Dial(
        action=urls.dial,
        method="POST",
        timeout=connect.timeout_s,
        answer_on_bridge=connect.answer_on_bridge,
        **({"caller_id": connect.caller_id} if connect.caller_id else {}),
    )
    extra = {"url": urls.whisper, "method": "POST"} if connect.whisper else {}
    for number in connect.to:
        if number.startswith("client:"):
            add, target = verb.client, number.removeprefix("client:")
        else:
            add, target = (verb.sip if number.startswith("sip:") else verb.number), number
        add(
            target,
            status_callback=urls.leg,
            status_callback_event=LEG_EVENTS,
            status_callback_method="POST",
            **extra,
        )
    return verb


def _conference(join: JoinRoom, urls: CarrierUrls) -> Dial:
    verb = Dial(action=urls.dial, method="POST")
    optional: dict[str, object] = {}
    if join.label:
        optional["participant_label"] = join.label[:LABEL_CHARS]
    if not join.music:
        optional["wait_url"] = ""
    if join.max_participants is not None:
        optional["max_participants"] = join.max_participants
    verb.conference(
        join.room,
        muted=join.muted,
        beep=join.beep,
        start_conference_on_enter=join.start_on_enter,
        end_conference_on_exit=join.end_on_exit,
        status_callback=urls.conference,
        status_callback_method="POST",
        status_callback_event=CONFERENCE_EVENTS,
        **optional,
    )
    return verb
