"""What the settings say about calls: what happens to them, and how they are recorded, decoded and read again.

Nothing is opened or built here.
"""

from __future__ import annotations

from callscribe.addresses import is_nearby
from callscribe.calls.plans import FlowDefaults, Flows, NumberFlow, read_flows
from callscribe.reading.service import Expected
from callscribe.settings import Settings
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.session import SessionOptions
from callscribe.speech.stream import DecodingOptions
from callscribe.speech.waiting import Rereading
from callscribe.text.writer import Writer, WriterOptions

_MOST_HINTS = 40
"""Names and words that the second reader is told of; more than fit into its prompt are of no use."""


def calls_can_arrive(settings: Settings) -> bool:
    """Whether the settings name a way here for Twilio: a tunnel, or an address that it reaches. A simulated one,
    which has its API nearby, reaches addresses that are nearby too."""
    if settings.tunnel != "none":
        return True
    return bool(settings.public_url) and (
        not is_nearby(settings.public_url) or is_nearby(settings.api_url)
    )


def call_flows(settings: Settings, own_number: str = "") -> Flows:
    """What happens to calls, per number.

    Raises:
        SettingsError: a flow that cannot work, with its place.
    """
    general: dict[str, object] = {"flow": settings.flow}
    if settings.to:
        general["to"] = list(settings.to)
    if settings.room:
        general["room"] = settings.room
    defaults = FlowDefaults(
        consent=settings.consent,
        greeting=settings.greeting,
        greeting_voice=settings.greeting_voice,
        greeting_language=settings.greeting_language,
        tracks=settings.tracks,
        hold_seconds=settings.hold_seconds,
    )
    return read_flows(settings.numbers, default=general, own_number=own_number, defaults=defaults)


def session_options(settings: Settings, plan: NumberFlow, language: str = "") -> SessionOptions:
    """How a call is recognised: what its number says, else the general settings."""
    silence, longest = plan.endpoint_silence_ms, plan.endpoint_max_ms
    return SessionOptions(
        DecodingOptions(
            endpoints=EndpointOptions(
                silence_ms=settings.endpoint_silence_ms if silence is None else silence,
                longest_ms=settings.endpoint_max_ms if longest is None else longest,
            ),
            phrases=plan.phrases,
        ),
        language=language,
        rereading=Rereading(reader=plan.second_reader, words=plan.words),
    )


def records(settings: Settings, plan: NumberFlow) -> bool:
    """Whether the sound of a call is kept: as its number says, else as the general settings do."""
    return (plan.recording or settings.recording) == "on"


def recording_advice(settings: Settings, flows: Flows) -> str:
    """What to say to callers, when calls are recorded and nothing tells them; else empty."""
    for flow in (flows.default, *flows.numbers.values()):
        said = " ".join(announcement.text for announcement in flows.announcements(flow)).lower()
        if records(settings, flow) and "record" not in said:
            return (
                "Calls are recorded, but callers are not told. Many places require it; for example: "
                'consent = "This call is recorded and transcribed."'
            )
    return ""


def expected(settings: Settings, plan: NumberFlow, language: str) -> Expected:
    """What a call is read again with: its number's words and the contacts' names, and the first reader's language."""
    names = dict.fromkeys([*plan.words, *settings.contacts.values()])
    return Expected(hints=tuple(names)[:_MOST_HINTS], language=language)


def writer_options(settings: Settings) -> WriterOptions:
    return WriterOptions(fillers=settings.fillers, profanity_filter=settings.profanity_filter)


def text_writer(settings: Settings, language: str) -> Writer:
    """Makes words readable, as the settings wish."""
    return Writer.for_language(language, writer_options(settings))
