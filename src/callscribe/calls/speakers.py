"""Who is speaking: names from the flow, the direction and the leg, never from who spoke first. Pure.

On a leg, the inbound track is what its party says and the outbound track what that party hears. So on a call that
came in the inbound track is the caller; on a call that we placed it is the callee. The contact book turns numbers into
names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from callscribe.errors import CallscribeError, SettingsError
from callscribe.events import Direction, Track
from callscribe.names import fit, unique
from callscribe.phone import is_withheld, normal

CALLER = "Caller"
CALLEE = "Callee"
MAX_NAME_CHARS = 80


class Contacts:
    """The contact book: numbers to names. Numbers are compared without spaces, dots, dashes and brackets."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names: dict[str, str] = {}
        self._given: dict[str, str] = {}
        for number, name in (names or {}).items():
            if not name.strip():
                raise SettingsError(f"[contacts] {number} has no name.")
            if is_withheld(number):
                raise SettingsError(f"[contacts] {number!r} is not a number.")
            if not clean_name(name):
                raise SettingsError(f"[contacts] {number}: its name has no visible characters.")
            self._names[normal(number)] = clean_name(name)

    def name(self, number: str) -> str:
        """The name of a number, or empty."""
        known = normal(number)
        return self._given.get(known) or self._names.get(known, "")

    def give(self, number: str, name: str) -> None:
        """Name a number from now on, whatever it was called before; empty: as before."""
        self._given[normal(number)] = clean_name(name)


def clean_name(name: str) -> str:
    """A name on one line, of bearable length, of characters that show something."""
    return fit(fit(name)[:MAX_NAME_CHARS])


def heard_name(caller_name: str) -> str:
    """The name that the telephone network gives a caller; empty when it only says that there is none ("ANONYMOUS")."""
    name = clean_name(caller_name)
    return "" if is_withheld(name) else name


def party_names(*, direction: Direction, from_name: str, to_name: str) -> dict[Track, str]:
    """The two tracks of a leg that two people talk on.

    Args:
        from_name: of who placed the call, empty when unknown; `to_name`: of who was called.
    """
    caller, callee = from_name or CALLER, to_name or CALLEE
    if caller == callee:
        callee = unique(callee, {caller})
    if direction == "inbound":
        return {"inbound": caller, "outbound": callee}
    return {"inbound": callee, "outbound": caller}


def participant_name(candidates: Iterable[str], number: str, taken: Collection[str]) -> str:
    """A conference participant's name: the first candidate that says something, else the number, else "Participant";
    with a number behind when somebody else has that name already."""
    name = next(filter(None, map(heard_name, candidates)), "")
    if not name:
        name = "Participant" if is_withheld(number) else number
    return unique(name, taken)


def name_for(wanted: str, number: str, others: Iterable[tuple[str, str]]) -> str:
    """The name that people want to give a speaker, made fit.

    Args:
        number: the speaker's; empty when unknown.
        others: names and numbers of the record's other speakers. Somebody who came back has two entries and one name.

    Raises:
        CallscribeError: no name, or it is somebody else's.
    """
    name = clean_name(wanted)
    if not name:
        raise CallscribeError("A person needs a name.")
    own = normal(number)
    everybody = list(others)
    for other, others_number in everybody:
        same_person = not is_withheld(number) and normal(others_number) == own
        if other.casefold() == name.casefold() and not same_person:
            free = unique(name, [known for known, _ in everybody])
            raise CallscribeError(
                f"Someone else on this call is already called {name}. Choose another name, for example {free}."
            )
    return name
