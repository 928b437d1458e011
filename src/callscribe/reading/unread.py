"""Sound that is still to be read, kept so that neither a crash nor a restart loses it.

One small file an utterance in `unread/<call>/` of the data folder, readable by its owner only; deleted as soon as the
call is read. With `memory=True` nothing is written: what is unread when the process dies keeps its first reading.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from callscribe.events import FinalTranscript
from callscribe.recognition.base import Reading

FOLDER: Final = "unread"
_SUFFIX: Final = ".utt"
_log = structlog.get_logger(__name__)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance as it is kept."""

    final: FinalTranscript
    """The first reading."""
    at_ms: int
    """Where the sound begins on the record's line."""
    sound: bytes
    """mu-law, 8000 Hz."""
    reading: Reading | None = None
    """The second reading, once there is one."""
    alone: bool = False
    """Whether that reading was of this utterance alone, with what was said before it."""
    revision: int = 0
    """Of what was published last."""
    hints: tuple[str, ...] = ()
    """Words and names that the call's number expects."""
    language: str = ""
    """What the call is to be read as; empty: the reader's own."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Kept)


class Unread:
    """What is kept of calls that are not read to the end. Blocks; used by one thread at a time."""

    def __init__(self, data: Path, *, memory: bool = False) -> None:
        """
        Args:
            data: the data folder; `unread` is made in it when needed.
            memory: keep it in this process only.
        """
        self._folder = data / FOLDER
        self._memory: dict[str, dict[str, Kept]] | None = {} if memory else None

    def keep(self, kept: Kept) -> None:
        """Keep an utterance, or what is newly known of it. On return it survives the death of this process.

        Raises:
            OSError: it cannot be written.
        """
        call, utterance = kept.final.call, kept.final.utterance
        if self._memory is not None:
            self._memory.setdefault(call, {})[utterance] = kept
            return
        folder = self._folder / _file_name(call)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_encoder.encode(kept))
            Path(name).replace(folder / (_file_name(utterance) + _SUFFIX))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def of(self, call: str) -> list[Kept]:
        """Everything kept of a call, by when it was said. What cannot be read is left out and logged."""
        if self._memory is not None:
            found = list(self._memory.get(call, {}).values())
        else:
            found = []
            for path in (self._folder / _file_name(call)).glob(f"*{_SUFFIX}"):
                try:
                    found.append(_decoder.decode(path.read_bytes()))
                except (OSError, msgspec.DecodeError) as error:
                    _log.warning("unread sound cannot be used", file=str(path), error=str(error))
        return sorted(found, key=lambda kept: (kept.final.start_ms, kept.final.end_ms))

    def drop(self, call: str, utterance: str) -> None:
        """Forget one utterance."""
        if self._memory is not None:
            self._memory.get(call, {}).pop(utterance, None)
            return
        path = self._folder / _file_name(call) / (_file_name(utterance) + _SUFFIX)
        path.unlink(missing_ok=True)

    def forget(self, call: str, what: Literal["call", "text"] = "call") -> None:
        """As `drop_call` (`callscribe.erasure.Keeper`), also when only the text goes: this is read into text."""
        self.drop_call(call)

    def drop_call(self, call: str) -> None:
        """Forget a call: it is read, or was deleted."""
        if self._memory is not None:
            self._memory.pop(call, None)
        else:
            shutil.rmtree(self._folder / _file_name(call), ignore_errors=True)
            with contextlib.suppress(OSError):
                self._folder.rmdir()  # when it was the last

    def calls(self) -> list[str]:
        """The calls of which something is kept."""
        if self._memory is not None:
            return list(self._memory)
        if not self._folder.is_dir():
            return []
        found = []
        for folder in sorted(path for path in self._folder.iterdir() if path.is_dir()):
            for path in folder.glob(f"*{_SUFFIX}"):
                with contextlib.suppress(OSError, msgspec.DecodeError):
                    found.append(_decoder.decode(path.read_bytes()).final.call)
                    break
            else:
                shutil.rmtree(folder, ignore_errors=True)
        return found


def _file_name(identity: str) -> str:
    """An id as a file name: ours are letters, digits, `-` and `_` already."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in identity).lstrip(".") or "_"
