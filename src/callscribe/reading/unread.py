"""Sound that is still to be read, kept so that neither a crash nor a restart loses it.

One small file an utterance in `unread/<call>/` of the data folder, sealed and readable by its owner only; deleted as
soon as the call is read. With `memory=True` nothing is written: what is unread when the process dies keeps its first
reading.

The key is the user's own, or stands beside in `unread.key`; that one is replaced whenever nothing is sealed with it, so
that what the disk still has of deleted files stays unreadable for good.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from callscribe import files
from callscribe.events import FinalTranscript
from callscribe.recognition.base import Reading
from callscribe.sealing import KEY_BYTES, Seal, SealError, opened

FOLDER: Final = "unread"
KEY_FILE: Final = "unread.key"
_SUFFIX: Final = ".utt"
_LARGEST: Final = 1 << 26
"""Bytes of such a file."""
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
    """Whether it was read apart, with what was said before it."""
    together: bool = False
    """Whether it was read in a window."""
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

    def __init__(
        self, data: Path, *, memory: bool = False, seal: Seal | None = None, reader: str = ""
    ) -> None:
        """
        Args:
            data: the data folder; `unread` is made in it when needed.
            memory: keep it in this process only.
            seal: makes it unreadable for others; from `seal_of`. Without one nothing that is sealed can be read.
            reader: whose it is, where there are several; empty: the general one's.
        """
        self._folder = data / FOLDER
        self._memory: dict[str, dict[str, Kept]] | None = {} if memory else None
        self._seal = seal
        self._suffix = f"{_SUFFIX}-{_file_name(reader)}" if reader else _SUFFIX

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
        data = self._sealed(_encoder.encode(kept), folder.name)
        files.write(folder / (_file_name(utterance) + self._suffix), data)

    def of(self, call: str, utterances: Collection[str] | None = None) -> list[Kept]:
        """What is kept of a call, by when it was said. What cannot be read is left out and logged.

        Args:
            utterances: only these; by default all.
        """
        if self._memory is not None:
            kept = self._memory.get(call, {})
            found = [kept[each] for each in kept if utterances is None or each in utterances]
        else:
            found = []
            names = None if utterances is None else {_file_name(each) for each in utterances}
            for path in self._kept_in(self._folder / _file_name(call)):
                if names is not None and path.name.removesuffix(self._suffix) not in names:
                    continue
                try:
                    found.append(self._read(path))
                except (OSError, ValueError, RecursionError) as error:
                    _log.warning("unread audio cannot be used", file=str(path), error=str(error))
        return sorted(found, key=lambda kept: (kept.final.start_ms, kept.final.end_ms))

    def drop(self, call: str, utterance: str) -> None:
        """Forget one utterance."""
        if self._memory is not None:
            self._memory.get(call, {}).pop(utterance, None)
            return
        path = self._folder / _file_name(call) / (_file_name(utterance) + self._suffix)
        path.unlink(missing_ok=True)

    def forget(self, call: str, what: Literal["call", "text"] = "call") -> None:
        """The call or its text is deleted (`callscribe.erasure.Keeper`): nothing stays, whoever was to read it."""
        if self._memory is not None:
            self._memory.pop(call, None)
        else:
            shutil.rmtree(self._folder / _file_name(call), ignore_errors=True)
            self._tidy()

    def drop_call(self, call: str) -> None:
        """Forget a call: it is read."""
        if self._memory is not None:
            self._memory.pop(call, None)
            return
        folder = self._folder / _file_name(call)
        for path in self._kept_in(folder):
            path.unlink(missing_ok=True)
        self._tidy(folder)

    def adopt(self, readers: Collection[str]) -> None:
        """Take over what belongs to a reader that there is no more, and clear away what a process that was killed had
        begun to write. Before anything is kept.

        Args:
            readers: those that there are, beside the general one.
        """
        files.clear_drafts(self._folder)
        theirs = {f"{_SUFFIX}-{_file_name(reader)}" for reader in readers}
        for path in self._folder.glob(f"*/*{_SUFFIX}-*"):
            name, found, reader = path.name.rpartition(f"{_SUFFIX}-")
            if found + reader not in theirs:
                with contextlib.suppress(OSError):
                    path.rename(path.with_name(name + self._suffix))

    def calls(self) -> list[str]:
        """The calls of which something is kept."""
        if self._memory is not None:
            return list(self._memory)
        try:
            folders = sorted(path for path in self._folder.iterdir() if path.is_dir())
        except (FileNotFoundError, NotADirectoryError):  # it goes with the last that is in it
            return []
        found: list[str] = []
        closed = 0
        for folder in folders:
            for path in self._kept_in(folder):
                try:
                    found.append(self._read(path).final.call)
                    break
                except SealError:
                    closed += 1
                    break
                except OSError as error:  # it may be readable later
                    _log.warning("unread audio cannot be used", file=str(path), error=str(error))
                except (ValueError, RecursionError):
                    path.unlink(missing_ok=True)  # damaged
            self._tidy(folder)
        if closed:
            _log.warning(
                "unread audio was sealed with another key; it is read once that key is back",
                calls=closed,
            )
        return found

    def _kept_in(self, folder: Path) -> list[Path]:
        """The utterances of a call's folder, which goes with the last of them."""
        try:
            return list(folder.glob(f"*{self._suffix}"))
        except FileNotFoundError:
            return []

    def _tidy(self, *folders: Path) -> None:
        """Folders go with the last that is in them."""
        for folder in (*folders, self._folder):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _sealed(self, data: bytes, folder: str) -> bytes:
        return data if self._seal is None else self._seal.seal(data, folder)

    def _read(self, path: Path) -> Kept:
        # The folder is named by the call: nothing passes for another call's.
        return _decoder.decode(opened(files.read(path, _LARGEST), self._seal, path.parent.name))


def seal_of(data: Path, secret: str = "", *, folders: Sequence[str] = (FOLDER,)) -> Seal:
    """What sound that waits in a data folder is sealed with.

    Args:
        data: the data folder; without a secret the key is kept in it.
        secret: the user's own.
        folders: of it, in which there may be something that was sealed with the key.

    Raises:
        OSError: the key can be neither read nor written.
    """
    if secret:
        return Seal.of(secret)
    file, key = data / KEY_FILE, b""
    with contextlib.suppress(FileNotFoundError):
        key = files.read(file)
        files.keep_others_out(file)
    if len(key) == KEY_BYTES and any(any((data / folder).glob("*/*")) for folder in folders):
        return Seal(key)
    key = secrets.token_bytes(KEY_BYTES)
    data.mkdir(parents=True, exist_ok=True)
    files.write(file, key, synced=True)
    return Seal(key)


def _file_name(identity: str) -> str:
    """An id as a file name: ours are letters, digits, `-` and `_` already."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in identity).lstrip(".") or "_"
