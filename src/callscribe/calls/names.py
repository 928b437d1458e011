"""Other names for the speakers of a record that is over. Pure."""

from __future__ import annotations

from typing import NamedTuple

from callscribe.calls.speakers import name_for
from callscribe.errors import CallscribeError, NoSpeakerError
from callscribe.events import SpeakerRenamed, Track
from callscribe.records import CallRecord


class Speaker(NamedTuple):
    """Who is heard on one track of a leg."""

    leg: str
    track: Track
    name: str
    number: str


def speakers(record: CallRecord) -> list[Speaker]:
    """Everybody who is heard on a record, as they are called now."""
    found: dict[tuple[str, Track], Speaker] = {}
    numbers = {(p.leg, p.track): p.number for p in record.participants}
    heard = [(p.leg, p.track, p.speaker) for p in record.participants]
    heard += [(t.leg, t.track, t.speaker) for t in record.tracks]
    for leg, track, name in heard:
        if name and (leg, track) not in found:
            found[leg, track] = Speaker(leg, track, name, numbers.get((leg, track), ""))
    return list(found.values())


def renamed(record: CallRecord, leg: str, track: Track, name: str) -> SpeakerRenamed:
    """A speaker gets another name.

    Raises:
        CallscribeError: no such speaker, no name, or somebody else's.
    """
    everybody = speakers(record)
    if (leg, track) not in {(s.leg, s.track) for s in everybody}:
        raise NoSpeakerError(f"The call has no speaker on leg {leg}, track {track}.")
    number = next(s.number for s in everybody if (s.leg, s.track) == (leg, track))
    others = [(s.name, s.number) for s in everybody if (s.leg, s.track) != (leg, track)]
    new = name_for(name, number, others)
    return SpeakerRenamed(call=record.call.id, leg=leg, track=track, speaker=new)


def swapped(record: CallRecord) -> tuple[SpeakerRenamed, SpeakerRenamed]:
    """Two speakers get each other's names.

    Raises:
        CallscribeError: there are not exactly two.
    """
    everybody = speakers(record)
    if len(everybody) != 2:
        raise CallscribeError(
            "Names can be swapped only on a call with exactly two people. Rename them instead."
        )
    one, two = everybody
    return (
        SpeakerRenamed(call=record.call.id, leg=one.leg, track=one.track, speaker=two.name),
        SpeakerRenamed(call=record.call.id, leg=two.leg, track=two.track, speaker=one.name),
    )
