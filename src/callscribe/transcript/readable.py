"""Events as people may see them: what callers, networks and rooms call themselves steers no display.

Identities stay as they are, and so does everything in the record, its JSON and what programs get.
"""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import msgspec

from callscribe.events import AnyEvent, Dial, NoteChanged, Token, Word
from callscribe.names import visible

_IDENTITIES = frozenset({"call", "at", "leg", "stream", "utterance", "track"})
_Part = TypeVar("_Part", bound=msgspec.Struct)


def readable(event: AnyEvent) -> AnyEvent:
    """The event with a space for each character in its texts that would not be seen but obeyed; places in texts stay
    right."""
    return _cleaned(event)


def _cleaned(part: _Part) -> _Part:
    changed: dict[str, Any] = {}
    for name in _texts(type(part)):
        value = getattr(part, name)
        cleaned = _value(value, "\n" if isinstance(part, NoteChanged) else "")
        if cleaned is not value and cleaned != value:
            changed[name] = cleaned
    return msgspec.structs.replace(part, **changed) if changed else part


def _value(value: object, keep: str) -> object:
    match value:
        case str():
            # Most texts are; this is what all events pay.
            return value if value.isprintable() else visible(value, keep)
        case Dial() | Word() | Token():
            return _cleaned(value)
        case tuple():
            # Words, tokens and tags: all together, as there may be hundreds.
            texts = [each if isinstance(each, str) else each.text for each in value]
            if "".join(texts).isprintable():
                return value
            return tuple(_value(each, keep) for each in value)
        case _:
            return value


@functools.cache
def _texts(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The fields of a kind that may hold texts, or parts that do."""
    return tuple(
        field.name
        for field in msgspec.structs.fields(kind)
        if field.name not in _IDENTITIES and _may_hold_text(field.type)
    )


def _may_hold_text(hint: object) -> bool:
    if hint in (int, float, bool):
        return False
    return any(known in str(hint) for known in ("str", "Dial", "Word", "Token"))
