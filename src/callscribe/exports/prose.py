"""A call to read: plain text and Markdown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

from callscribe.records import CallSummary
from callscribe.transcript import numbers, wording
from callscribe.transcript.fold import Transcript
from callscribe.transcript.parts import Note, Person, Turn


def text(transcript: Transcript) -> str:
    """Plain text: a heading, then who said what and what happened, with times."""
    heading = wording.title(transcript.call)
    lines = [heading, "=" * len(heading), *_facts(transcript), ""]
    for block in transcript.blocks:
        match block:
            case Note():
                lines += [f"[{wording.clock(block.ms)}] ({block.sentence})", ""]
            case Turn():
                lines.append(f"[{wording.clock(block.start_ms)}] {_name(block.person)}:")
                lines += [*_paragraphs(block, str), ""]
    return "\n".join([*lines, transcript.ending]).rstrip() + "\n"


def markdown(transcript: Transcript) -> str:
    """CommonMark."""
    lines = [f"# {_md(wording.title(transcript.call))}", ""]
    lines += [f"- {_md(fact)}" for fact in _facts(transcript)]
    for block in transcript.blocks:
        match block:
            case Note():
                lines += ["", f"*{wording.clock(block.ms)} · {_md(block.sentence)}*"]
            case Turn():
                paragraphs = list(_paragraphs(block, _md))
                name, clock = _md(_name(block.person)), wording.clock(block.start_ms)
                lines += ["", f"**{name}** ({clock}): {paragraphs[0]}"]
                for paragraph in paragraphs[1:]:
                    lines += ["", paragraph]
    if transcript.ending:
        lines += ["", f"*{_md(transcript.ending)}*"]
    return "\n".join(lines) + "\n"


def facts(call: CallSummary) -> Iterator[tuple[str, str]]:
    """What is known about a call beside its words: a name and a value each."""
    if moment := date(call.started_at):
        yield "Date", moment
    if call.duration_ms is not None:
        yield "Length", wording.clock(call.duration_ms)
    for name, who, number in (("From", call.from_name, call.from_), ("To", call.to_name, call.to)):
        if who or number:
            yield name, _who(who, number)
    if call.room:
        yield "Room", call.room
    if call.tags:
        yield "Tags", ", ".join(call.tags)
    if call.note:
        yield "Note", " ".join(call.note.split())
    yield "Call", call.sid


def _who(name: str, number: str) -> str:
    known, address = wording.isolated(wording.shown(name)), numbers.written(number)
    if known and address and known != address:
        return f"{known} ({address})"
    return wording.isolated(wording.somebody(name, number))


def _name(person: Person) -> str:
    return wording.isolated(wording.shown(person.name))


def date(at: str) -> str:
    """`2026-01-15 10:00:50 UTC`; empty when it is no time."""
    try:
        moment = dt.datetime.fromisoformat(at).astimezone(dt.UTC)
    except ValueError:
        return ""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _facts(transcript: Transcript) -> Iterator[str]:
    for name, value in facts(transcript.call):
        yield f"{name}: {value}"
    if names := [_name(person) for person in transcript.people]:
        yield f"People: {', '.join(dict.fromkeys(names))}"


def _paragraphs(turn: Turn, written: Callable[[str], str]) -> Iterator[str]:
    for paragraph in turn.paragraphs:
        yield written(" ".join(said.text for said in paragraph.utterances))


_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def _md(said: str) -> str:
    """Text that Markdown takes for nothing else."""
    return _SPECIAL.sub(r"\\\1", said)
