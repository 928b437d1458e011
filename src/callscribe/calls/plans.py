"""What happens to a call, per number: read from plain settings, checked once at start. Pure.

    [numbers."+15005550006"]
    flow = "forward"
    to = ["+15005550020"]

A wrong number, a key that does not exist or does not belong to the flow, a number that forwards to itself, directly or
through others: each is a `SettingsError` that names the place and what to write instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from callscribe.carriers.base import Beep, Say
from callscribe.errors import SettingsError
from callscribe.phone import is_number, normal
from callscribe.ranges import ENDPOINT_MAX_MS, ENDPOINT_SILENCE_MS, HOLD_SECONDS, Range

FlowKind = Literal["answer", "forward", "conference"]

ADDRESS = re.compile(r"(sip|client):[^\s<>]+")


class NumberFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to calls of one number. Texts that are None come from the general settings."""

    flow: FlowKind = "answer"
    consent: str | None = None
    """Said first, in every flow."""
    greeting: str | None = None
    """Said next. The general greeting is for `answer` only: with `forward` the caller should hear it ring."""
    greeting_voice: str | None = None
    greeting_language: str | None = None
    tracks: Literal["both", "inbound"] | None = None
    hold_seconds: int | None = None

    recording: Literal["off", "on"] | None = None
    """Whether the sound is kept."""

    second_reader: str | None = None
    """As the general setting: `auto`, `off`, a name or a folder."""
    words: tuple[str, ...] = ()
    """Names and jargon that are said on this number, for the second reader."""
    phrases: tuple[str, ...] = ()
    """The recogniser hears nothing but these; only for models that can be restricted."""
    endpoint_silence_ms: int | None = None
    """Silence that ends an utterance."""
    endpoint_max_ms: int | None = None
    """Longest utterance before it is divided."""

    to: tuple[str, ...] = ()
    """forward: numbers that ring at the same time; `sip:` and `client:` addresses too."""
    caller_id: str = ""
    """forward: what the callee sees; empty: the caller's number."""
    timeout: int = 20
    """forward: seconds of ringing."""
    answer_on_bridge: bool = True
    """forward: the caller hears it ring until somebody answers. Without it the call is answered (and paid) at once."""
    whisper: str = ""
    """forward: what the callee hears before being connected."""
    no_answer: Literal["answer", "hangup"] = "answer"
    """forward: when nobody answers, greet and hold as `answer` does, or hang up."""
    no_answer_text: str = (
        "Nobody could take your call. You can leave a message after this announcement."
    )

    room: str = ""
    """conference: its name, unique in the account."""
    label: str = ""
    """conference: everybody who comes through this number gets this name (numbered when taken); empty: the contact
    book's name or the number."""
    beep: Beep = "true"
    music: bool = True
    """conference: the carrier's music while waiting; false is silence."""
    start_on_enter: bool = True
    end_on_exit: bool = False
    muted: bool = False
    max_participants: int | None = None


_COMMON = (
    "flow",
    "consent",
    "greeting",
    "greeting_voice",
    "greeting_language",
    "tracks",
    "hold_seconds",
    "recording",
    "second_reader",
    "words",
    "phrases",
    "endpoint_silence_ms",
    "endpoint_max_ms",
)
_KEYS: dict[str, tuple[str, ...]] = {
    "answer": _COMMON,
    "forward": (
        *_COMMON,
        "to",
        "caller_id",
        "timeout",
        "answer_on_bridge",
        "whisper",
        "no_answer",
        "no_answer_text",
    ),
    "conference": (
        *(key for key in _COMMON if key not in ("tracks", "hold_seconds")),
        "room",
        "label",
        "beep",
        "music",
        "start_on_enter",
        "end_on_exit",
        "muted",
        "max_participants",
    ),
}


class FlowDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """The general settings that a number's flow may leave open."""

    consent: str = ""
    greeting: str = ""
    greeting_voice: str = ""
    greeting_language: str = ""
    tracks: Literal["both", "inbound"] = "both"
    hold_seconds: int = 3600


class Flows:
    """The flow of every number, and the one for numbers without their own."""

    def __init__(
        self,
        default: NumberFlow | None = None,
        numbers: Mapping[str, NumberFlow] | None = None,
        defaults: FlowDefaults | None = None,
    ) -> None:
        self.default = default or NumberFlow()
        self.numbers = {normal(number): flow for number, flow in (numbers or {}).items()}
        self.defaults = defaults or FlowDefaults()

    def of(self, number: str) -> NumberFlow:
        """The flow of the number that was called."""
        return self.numbers.get(normal(number), self.default)

    def announcements(self, flow: NumberFlow, *, texts: tuple[str, ...] | None = None) -> list[Say]:
        """What is said before anything else, in order; `texts` in place of consent and greeting."""
        if texts is None:
            consent = self.defaults.consent if flow.consent is None else flow.consent
            greeting = flow.greeting
            if greeting is None:
                greeting = self.defaults.greeting if flow.flow == "answer" else ""
            texts = (consent, greeting)
        voice = (
            flow.greeting_voice if flow.greeting_voice is not None else self.defaults.greeting_voice
        )
        language = (
            flow.greeting_language
            if flow.greeting_language is not None
            else self.defaults.greeting_language
        )
        return [Say(text, voice, language) for text in texts if text.strip()]

    def hold_seconds(self, flow: NumberFlow) -> int:
        """How long the line is held, in seconds."""
        return self.defaults.hold_seconds if flow.hold_seconds is None else flow.hold_seconds

    def tracks(self, flow: NumberFlow) -> Literal["both", "inbound"]:
        """Which tracks are transcribed. A conference leg's outbound track is the mix of the others: never."""
        if flow.flow == "conference":
            return "inbound"
        return flow.tracks or self.defaults.tracks


def read_flows(
    numbers: Mapping[str, Mapping[str, object]],
    *,
    default: Mapping[str, object] | None = None,
    own_number: str = "",
    defaults: FlowDefaults | None = None,
) -> Flows:
    """Check the whole of it.

    Args:
        numbers: the `[numbers]` table.
        default: the flow for all other numbers, from the general settings (`flow`, `to`, `room`, ...).
        own_number: our number if known, for which `default` counts.

    Raises:
        SettingsError: what is wrong, where, and what to write instead.
    """
    flows: dict[str, NumberFlow] = {}
    for number, table in numbers.items():
        where = f'[numbers."{number}"]'
        if not is_number(number):
            raise SettingsError(f"{where}: {number!r} is not a number like +15005550006.")
        if normal(number) in flows:
            raise SettingsError(f"{where}: this number has two tables. Keep one.")
        flows[normal(number)] = read_flow(table, where=where)
    general = read_flow(default or {}, where="the general settings")
    every = dict(flows)
    if own_number and normal(own_number) not in every:
        every[normal(own_number)] = general
    _check_loops(every)
    if general.flow == "forward" and not own_number:
        looping = [
            to for to in general.to if normal(to) in flows and flows[normal(to)].flow == "forward"
        ]
        for to in looping:
            _check_loops({**every, "": general, normal(to): flows[normal(to)]})
    return Flows(general, flows, defaults)


def read_flow(table: Mapping[str, object], *, where: str) -> NumberFlow:
    """One number's table.

    Raises:
        SettingsError: as `read_flows`.
    """
    kind = table.get("flow", "answer")
    if not isinstance(kind, str) or kind not in _KEYS:
        *others, last = _KEYS
        raise SettingsError(
            f"{where}: flow must be {', '.join(others)} or {last}, not {kind!r}."
            + (_nearest(kind, _KEYS) if isinstance(kind, str) else "")
        )
    for key in table:
        if key not in _KEYS[kind]:
            raise SettingsError(_unknown_key(key, kind, where))
    # TOML has lists, our structs tuples.
    plain = {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
    for key in ("to", "phrases", "words"):
        if isinstance(plain.get(key), str):
            plain[key] = (plain[key],)
    if isinstance(plain.get("beep"), bool):
        plain["beep"] = "true" if plain["beep"] else "false"  # the carrier's words are texts
    try:
        flow = msgspec.convert(plain, NumberFlow)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {_plain_words(error)}") from None
    _check_values(flow, where)
    return flow


def _check_values(flow: NumberFlow, where: str) -> None:
    if flow.flow == "forward":
        if not flow.to:
            raise SettingsError(f'{where}: forward needs a number, e.g. to = ["+15005550020"].')
        if len(flow.to) > 10:
            raise SettingsError(f"{where}: to has {len(flow.to)} numbers; Twilio rings at most 10.")
        for number in flow.to:
            _check_number(number, f"{where}: to", addresses=True)
        if flow.caller_id:
            _check_number(flow.caller_id, f"{where}: caller_id", addresses=False)
        Range(5, 600).check(flow.timeout, f"{where}: timeout")
    if flow.flow == "conference":
        if not flow.room.strip():
            raise SettingsError(f'{where}: conference needs a room, e.g. room = "support".')
        if flow.max_participants is not None:
            Range(2, 250).check(flow.max_participants, f"{where}: max_participants")
        if len(flow.label) > 80:
            raise SettingsError(f"{where}: label is longer than 80 characters.")
    if flow.hold_seconds is not None:
        HOLD_SECONDS.check(flow.hold_seconds, f"{where}: hold_seconds")
    if flow.endpoint_silence_ms is not None:
        ENDPOINT_SILENCE_MS.check(flow.endpoint_silence_ms, f"{where}: endpoint_silence_ms")
    if flow.endpoint_max_ms is not None:
        ENDPOINT_MAX_MS.check(flow.endpoint_max_ms, f"{where}: endpoint_max_ms")
    if not all(phrase.strip() for phrase in flow.phrases):
        raise SettingsError(
            f'{where}: phrases has an empty one. Write words, e.g. phrases = ["yes", "no"].'
        )


def _check_number(number: str, where: str, *, addresses: bool) -> None:
    if is_number(number) or (addresses and ADDRESS.fullmatch(number)):
        return
    raise SettingsError(
        f"{where}: {number!r} is not a number. Write it with + and the country code, like +15005550006."
    )


def _check_loops(flows: Mapping[str, NumberFlow]) -> None:
    """No number may forward to itself, by any way through our own numbers."""

    def visit(number: str, path: tuple[str, ...]) -> None:
        flow = flows.get(number)
        if flow is None or flow.flow != "forward":
            return
        for to in map(normal, flow.to):
            if to in (*path, number):
                way = " -> ".join(p for p in (*path, number, to) if p)
                raise SettingsError(
                    f"[numbers]: {to} would be forwarded to itself ({way}). Forward it to a number outside this loop."
                )
            visit(to, (*path, number))

    for number in flows:
        visit(number, ())


def _unknown_key(key: str, kind: str, where: str) -> str:
    homes = [other for other, keys in _KEYS.items() if key in keys]
    if homes:
        return f"{where}: {key} belongs to the flow {' or '.join(homes)}, not to {kind}."
    return f"{where}: there is no key {key}.{_nearest(key, _KEYS[kind])}"


def _nearest(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else f" Use one of: {', '.join(known)}."


_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "null": "nothing",
}


def _plain_words(error: msgspec.ValidationError) -> str:
    """msgspec's `Expected `int`, got `str` - at `$.timeout`` in words."""
    text = str(error)
    place = re.search(r"at `\$\.(\w+)", text)
    shape = re.search(r"Expected `([^`]+)`", text)
    key = place[1] if place else "a value"
    if shape:
        kinds = [_KINDS.get(kind, kind) for kind in shape[1].split(" | ") if kind != "null"]
        return f"{key} must be {' or '.join(kinds)}."
    return f"{key}: {text.split(' - at ')[0]}."
