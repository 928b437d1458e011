"""Pointing a phone number at this server, and putting back exactly what was there.

What was there is written to a file in the data folder, and is on the disk, before anything is changed. The file goes
when the number has been put back. A file that is found at start belongs to a server that was killed: the number is put
back first. What somebody else has changed meanwhile (in the console, or another server) is left alone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from callscribe import files
from callscribe.addresses import masked
from callscribe.carriers.twilio.client import ApiError, CarrierClient, PhoneNumber
from callscribe.errors import CarrierError
from callscribe.phone import is_number, normal

_LISTED = 20


class Routing(msgspec.Struct, frozen=True):
    """Where a number's calls, and the news of their status, go."""

    voice_url: str
    voice_method: str
    status_callback: str
    status_callback_method: str

    @classmethod
    def of(cls, number: PhoneNumber) -> Routing:
        """As the number has it now."""
        return cls(
            number.voice_url,
            number.voice_method,
            number.status_callback,
            number.status_callback_method,
        )

    @classmethod
    def to(cls, voice_url: str, status_callback: str) -> Routing:
        """Ours: everything by POST."""
        return cls(voice_url, "POST", status_callback, "POST")

    def changes(self, wanted: Routing) -> list[str]:
        """What would have to change to become `wanted`, for people."""
        labels = {
            "voice_url": "voice URL",
            "voice_method": "voice method",
            "status_callback": "status callback",
            "status_callback_method": "status callback method",
        }
        lines = []
        for name, label in labels.items():
            before, after = getattr(self, name), getattr(wanted, name)
            if before != after:
                before, after = (masked(value) or "(none)" for value in (before, after))
                lines.append(f"{label}: {before} -> {after}")
        return lines


class _Note(msgspec.Struct, frozen=True):
    """The file: enough to put a number back without knowing anything else."""

    account_sid: str
    number_sid: str
    number: str
    before: Routing
    ours: Routing


def choose(client: CarrierClient, wanted: str = "") -> PhoneNumber:
    """The number to use: the one asked for, or the account's only one that takes calls.

    Raises:
        CarrierError: none, several, or not the account's; says which there are.
        ApiError: the API refused or cannot be reached.
    """
    if wanted:
        return _wanted(client, wanted)
    numbers = client.numbers()
    able = [number for number in numbers if number.voice]
    if len(able) == 1:
        return able[0]
    if able:
        raise CarrierError(
            f"The account has {len(able)} numbers that take calls. Say which with --number:\n{_list(able)}"
        )
    if numbers:
        raise CarrierError(f"None of the account's numbers takes calls:\n{_list(numbers)}")
    raise CarrierError(
        "The account has no phone number. Get one in the console: Phone Numbers, Buy a number."
    )


def choose_all(
    client: CarrierClient, wanted: str = "", configured: Sequence[str] = ()
) -> list[PhoneNumber]:
    """The numbers whose calls are to come here: the one asked for, else those that have a flow of their own in the
    settings, else the account's only one.

    Raises:
        CarrierError: as for `choose`.
    """
    if wanted or not configured:
        return [choose(client, wanted)]
    return [choose(client, number) for number in configured]


def ignored_because(number: PhoneNumber) -> str:
    """Why the carrier would not ask our webhook for this number's calls; empty when it will."""
    if number.trunk_sid:
        what = f"the SIP trunk {number.trunk_sid}"
    elif number.voice_application_sid:
        what = f"the TwiML app {number.voice_application_sid}"
    else:
        return ""
    return (
        f"{number.number} is tied to {what}, so Twilio ignores the number's voice URL and calls will not arrive "
        "here. In the console, set the number's voice configuration to Webhook."
    )


class ConnectedNumber:
    """A number whose calls come to this server until `restore`."""

    def __init__(self, client: CarrierClient, note: _Note, file: Path) -> None:
        self._client = client
        self._note = note
        self._file = file
        self._restored = False

    @property
    def number(self) -> str:
        """E.164."""
        return self._note.number

    @property
    def before(self) -> Routing:
        """What `restore` puts back."""
        return self._note.before

    def restore(self) -> str:
        """Put back what was there. Idempotent. Returns a sentence for people if something was left alone.

        Raises:
            ApiError: not possible now. The file stays, so that the next start can do it; the message says so.
        """
        if self._restored:
            return ""
        try:
            said = _put_back(self._client, self._note)
        except ApiError as error:
            raise ApiError(
                f"{self.number} still points at {masked(self._note.ours.voice_url)}, which no longer answers. {error} "
                "The next start with the same data folder puts it back.",
                status=error.status,
                code=error.code,
            ) from error
        _remove(self._file)
        self._restored = True
        return said


def connect(
    client: CarrierClient, folder: Path, number: PhoneNumber, voice_url: str, status_callback: str
) -> ConnectedNumber:
    """Point `number` at this server.

    Args:
        folder: where the note of what was there is kept; made if missing.

    Raises:
        ApiError: the API refused; nothing has changed.
        CarrierError: the note cannot be written; nothing has changed.
    """
    ours = Routing.to(voice_url, status_callback)
    note = _Note(client.account_sid, number.sid, number.number, Routing.of(number), ours)
    file = folder / f"{number.sid}.json"
    try:
        _write(file, msgspec.json.encode(note))
    except OSError as error:
        raise CarrierError(
            f"Could not note what {number.number} is set to ({error}), so nothing was changed. "
            f"Make {folder} writable."
        ) from error
    connected = ConnectedNumber(client, note, file)
    try:
        _apply(client, number.sid, ours)
    except ApiError as error:
        if 400 <= error.status < 500:
            _remove(file)
        else:  # it may have been done all the same
            with contextlib.suppress(CarrierError):
                connected.restore()
        raise
    return connected


def repair(client: CarrierClient, folder: Path) -> list[str]:
    """Put back the numbers that a killed server has left pointing at itself. Returns what was done, for people.

    Raises:
        ApiError: the API refused or cannot be reached; the notes stay.
    """
    said = []
    for file in sorted(folder.glob("PN*.json")):
        try:
            note = msgspec.json.decode(files.read(file), type=_Note)
        except (OSError, ValueError, RecursionError) as error:
            said.append(f"{file} cannot be read ({error}); it was left as it is.")
            continue
        if note.account_sid != client.account_sid:
            said.append(
                f"{note.number} was left pointing at {masked(note.ours.voice_url)} by a server that was killed, but "
                f"belongs to the account {note.account_sid}: start once with that account to put it back."
            )
            continue
        try:
            left = _put_back(client, note)
        except ApiError as error:
            if error.status != 404:
                raise
            left = f"{note.number} is no longer one of the account's numbers."
        _remove(file)
        said.append(left or f"{note.number}: restored to what it was before a server was killed.")
    return said


def _put_back(client: CarrierClient, note: _Note) -> str:
    now = Routing.of(client.number(note.number_sid))
    if now == note.before:
        return ""
    ours, before = note.ours, note.before
    voice_is_ours = now.voice_url == ours.voice_url
    status_is_ours = now.status_callback == ours.status_callback
    wanted = Routing(
        before.voice_url if voice_is_ours else now.voice_url,
        before.voice_method if voice_is_ours else now.voice_method,
        before.status_callback if status_is_ours else now.status_callback,
        before.status_callback_method if status_is_ours else now.status_callback_method,
    )
    if wanted != now:
        _apply(client, note.number_sid, wanted)
    if voice_is_ours:
        return ""
    return (
        f"{note.number} was changed by somebody else in the meantime "
        f"(voice URL: {masked(now.voice_url) or 'none'}); left as it is."
    )


def _apply(client: CarrierClient, sid: str, routing: Routing) -> None:
    client.update_number(
        sid,
        voice_url=routing.voice_url,
        voice_method=routing.voice_method,
        status_callback=routing.status_callback,
        status_callback_method=routing.status_callback_method,
    )


def _wanted(client: CarrierClient, wanted: str) -> PhoneNumber:
    plain = normal(wanted)
    if not is_number(plain):
        raise CarrierError(
            f"number: {wanted!r} is not in the international form, e.g. +15005550006: a plus sign, the country code, "
            "the number, no leading zero."
        )
    found = [number for number in client.numbers(plain) if number.number == plain]
    if not found:
        others = client.numbers()
        raise CarrierError(
            f"{plain} is not one of the account's numbers. "
            + (f"They are:\n{_list(others)}" if others else "The account has none.")
        )
    if not found[0].voice:
        raise CarrierError(f"{plain} cannot take voice calls. Choose another number.")
    return found[0]


def _list(numbers: Sequence[PhoneNumber]) -> str:
    lines = [
        f"  {number.number}"
        + (f"  {number.name}" if number.name and number.name != number.number else "")
        + ("" if number.voice else "  (no voice)")
        for number in numbers[:_LISTED]
    ]
    if len(numbers) > _LISTED:
        lines.append(f"  ... and {len(numbers) - _LISTED} more")
    return "\n".join(lines)


def _write(file: Path, data: bytes) -> None:
    """All of it or nothing, and on the disk when this returns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    with draft.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
    _sync_folder(file.parent)


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()
        _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
