"""How the REST API shows the things of a simulated world as JSON.

Field names and types as in the carrier's OpenAPI description: a call's duration is a string, times are RFC 2822,
what is unknown is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callscribe.simulator import twiml

if TYPE_CHECKING:
    from callscribe.simulator.call import Call
    from callscribe.simulator.conference import Conference, Participant
    from callscribe.simulator.stream import MediaStream
    from callscribe.simulator.world import PhoneNumber, World

Json = dict[str, Any]

API_VERSION = "2010-04-01"


def _base(world: World) -> str:
    return f"/{API_VERSION}/Accounts/{world.account_sid}"


def account(world: World) -> Json:
    uri = _base(world)
    return {
        "sid": world.account_sid,
        "auth_token": world.auth_token,
        "friendly_name": "Simulated account",
        "status": "active",
        "type": "Full",
        "owner_account_sid": world.account_sid,
        "date_created": world.created_at,
        "date_updated": world.created_at,
        "subresource_uris": {
            name: f"{uri}/{path}.json"
            for name, path in (
                ("calls", "Calls"),
                ("conferences", "Conferences"),
                ("incoming_phone_numbers", "IncomingPhoneNumbers"),
            )
        },
        "uri": f"{uri}.json",
    }


def number(world: World, number: PhoneNumber) -> Json:
    plain: Json = {
        "account_sid": world.account_sid,
        "address_sid": None,
        "address_requirements": "none",
        "api_version": API_VERSION,
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False},
        "date_created": number.created_at,
        "date_updated": number.updated_at,
        "friendly_name": number.friendly_name,
        "identity_sid": None,
        "phone_number": number.phone_number,
        "origin": "twilio",
        "sid": number.sid,
        "sms_application_sid": None,
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "",
        "status_callback": number.status_callback,
        "status_callback_method": number.status_callback_method,
        "trunk_sid": number.trunk_sid or None,
        "uri": f"{_base(world)}/IncomingPhoneNumbers/{number.sid}.json",
        "voice_receive_mode": number.voice_receive_mode,
        "voice_application_sid": number.voice_application_sid or None,
        "voice_caller_id_lookup": number.voice_caller_id_lookup,
        "voice_fallback_method": number.voice_fallback_method,
        "voice_fallback_url": number.voice_fallback_url,
        "voice_method": number.voice_method,
        "voice_url": number.voice_url,
        "emergency_status": "Inactive",
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "bundle_sid": None,
        "status": "in-use",
        "type": "local",
    }
    return plain | {name: value for name, value in number.other.items() if name in plain}


_REST_STATUS = {"initiated": "queued"}
"""Callbacks say `initiated`; the resource has no such status."""


def call(world: World, call: Call) -> Json:
    facts = call.facts
    number = world.number(facts.to if facts.direction == "inbound" else facts.from_)
    uri = f"{_base(world)}/Calls/{call.sid}"
    return {
        "sid": call.sid,
        "date_created": call.created_at,
        "date_updated": call.ended_at or call.started_at or call.created_at,
        "parent_call_sid": facts.parent_call_sid or None,
        "account_sid": world.account_sid,
        "to": facts.to,
        "to_formatted": _formatted(facts.to),
        "from": facts.from_,
        "from_formatted": _formatted(facts.from_),
        "phone_number_sid": number.sid if number is not None else None,
        "status": _REST_STATUS.get(call.status, call.status),
        "start_time": call.started_at or None,
        "end_time": call.ended_at or None,
        "duration": str(call.report.duration_s) if call.ended_at else None,
        "price": None,
        "price_unit": "USD",
        "direction": facts.direction,
        "answered_by": None,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"streams": f"{uri}/Streams.json"},
    }


def stream(world: World, stream: MediaStream, *, stopped: bool = False) -> Json:
    facts = stream.facts
    return {
        "sid": stream.sid,
        "account_sid": world.account_sid,
        "call_sid": facts.call_sid,
        "name": stream.spec.name or None,
        "status": "stopped" if stopped or not stream.running else "in-progress",
        "date_updated": world.clock.rfc2822(),
        "uri": f"{_base(world)}/Calls/{facts.call_sid}/Streams/{stream.sid}.json",
    }


def conference(world: World, conference: Conference) -> Json:
    uri = f"{_base(world)}/Conferences/{conference.sid}"
    return {
        "account_sid": world.account_sid,
        "date_created": conference.created_at,
        "date_updated": conference.updated_at,
        "api_version": API_VERSION,
        "friendly_name": conference.name,
        "region": "us1",
        "sid": conference.sid,
        "status": conference.status,
        "uri": f"{uri}.json",
        "subresource_uris": {"participants": f"{uri}/Participants.json"},
        "reason_conference_ended": conference.reason_ended or None,
        "call_sid_ending_conference": conference.call_sid_ending or None,
    }


def participant(world: World, conference: Conference, participant: Participant) -> Json:
    return _participant(
        world,
        conference,
        participant.spec,
        participant.call,
        muted=participant.muted,
        hold=participant.hold,
        end_on_exit=participant.end_on_exit,
        created=participant.joined_at,
        status="connected",
    )


def invited(world: World, conference: Conference, spec: twiml.Conference, call: Call) -> Json:
    """A participant who is still being called."""
    return _participant(
        world,
        conference,
        spec,
        call,
        muted=spec.muted,
        hold=False,
        end_on_exit=spec.end_on_exit,
        created=call.created_at,
        status="queued",
    )


def _participant(
    world: World,
    conference: Conference,
    spec: twiml.Conference,
    call: Call,
    *,
    muted: bool,
    hold: bool,
    end_on_exit: bool,
    created: str,
    status: str,
) -> Json:
    return {
        "account_sid": world.account_sid,
        "call_sid": call.sid,
        "label": spec.label or None,
        "call_sid_to_coach": None,
        "coaching": False,
        "conference_sid": conference.sid,
        "date_created": created,
        "date_updated": created,
        "end_conference_on_exit": end_on_exit,
        "muted": muted,
        "hold": hold,
        "start_conference_on_enter": spec.start_on_enter,
        "status": status,
        "queue_time": "0",
        "uri": f"{_base(world)}/Conferences/{conference.sid}/Participants/{call.sid}.json",
    }


def _formatted(number: str) -> str:
    if number.startswith("+1") and len(number) == 12:
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number
