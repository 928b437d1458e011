"""The one way out for everything that a person sees on standard output and standard error, and for JSON beside it.

What is printed carries what others chose: names from the telephone network, rooms, texts. Nothing of it may be obeyed
by the terminal, and nothing of it may end the program because the terminal's encoding does not know a letter.

* `say` and `tell` print text for people, to standard output and standard error.
* `data` prints JSON. What a terminal would obey is escaped in it as JSON escapes it, so it stays the same JSON.
* `raw` writes bytes to standard output as they are.
* `prepare` is called once, at start: letters that the encoding does not know become "?" wherever they are printed, and
  a stream that the process was started without gets its place back, which else the next file or connection would take.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, cast

from callscribe.errors import CallscribeError

# Everything that could move the cursor, change the terminal's state or reorder text: C0 and C1
# controls (ESC and CSI among them), line separators, all that turns text round (Unicode's Bidi_Control, and the
# deprecated formats beside it), and marks of annotations.
_OBEYED = "\u061c\u200e\u200f\u2028-\u202e\u2066\u2067\u206a-\u206f\ufeff\ufff9-\ufffb"
_CONTROL = re.compile(f"[\x00-\x1f\x7f-\x9f{_OBEYED}]+")
_BUT_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_OBEYED}]+")
_ISOLATES = re.compile("[\u2068\u2069]")
_BYTES = re.compile(
    b"\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xaf]"
    b"|\xef\xbb\xbf|\xef\xbf[\xb9-\xbb]"
)
"""In UTF-8: DEL, the C1 controls, line separators and what reorders text. JSON itself escapes C0."""


class OutletError(CallscribeError):
    """Standard output cannot be written, and not because its reader has gone."""


_commands: re.Pattern[str] | None = None
_program = "callscribe"


def prepare(commands: Iterable[str] = (), program: str = "callscribe") -> None:
    """Make standard output and standard error fit for anything that may be printed.

    Args:
        commands: this program's. From now on a hint such as `callscribe calls` is printed as it runs here.
        program: how to call it from here.
    """
    global _commands, _program
    _program = program
    _commands = (
        re.compile(rf"(?<![\w./-])(?<!-m )callscribe (?=(?:{'|'.join(commands)})\b)")
        if commands
        else None
    )
    _fill_gaps()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _fill_gaps() -> None:
    """Open what this was started without (`<&-`, `>&-`). Standard output is opened so that writing to it fails: who
    asked for something is told that it went nowhere."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        null = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
        if null != number:
            os.dup2(null, number)
            os.close(null)
        mode = "r" if name == "stdin" else "w"
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def as_run_here(text: str) -> str:
    """`text` with the commands in it as they run here, e.g. `.venv/bin/callscribe calls`."""
    if _commands is None or _program == "callscribe":
        return text
    return _commands.sub(lambda _: f"{_program} ", text)


def clean(text: str) -> str:
    """`text` without anything that a terminal would obey; runs of it become one space.

    The isolation of names that are written from right to left (U+2068, U+2069) stays, where it is whole.
    """
    text = _CONTROL.sub(" ", text)
    opened = 0
    for mark in _ISOLATES.findall(text):
        opened += 1 if mark == "\u2068" else -1
        if opened not in (0, 1):
            break
    return text if opened == 0 else _ISOLATES.sub(" ", text)


def safe(text: str) -> str:
    """`text` without anything that a terminal would obey; its line ends and tabs are kept."""
    return re.sub(r"[^\n\t]+", lambda part: clean(part[0]), text)


def safe_json(encoded: bytes) -> bytes:
    """The same JSON with what a terminal would obey written as `\\uXXXX`."""
    return _BYTES.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), encoded)


def say(text: object = "", *, end: str = "\n") -> None:
    """Print to standard output.

    Raises:
        OutletError: it cannot be written, e.g. because the disk is full.
        BrokenPipeError: its reader has gone.
    """
    _write(sys.stdout, safe(as_run_here(str(text))) + end)


def tell(text: object = "", *, end: str = "\n") -> None:
    """Print to standard error; when that cannot be written there is nobody left to tell."""
    try:
        _write(sys.stderr, safe(as_run_here(str(text))) + end)
    except (OutletError, OSError):
        return


def warn_visible(what: str, instead: str) -> None:
    """Say that a secret stands on the command line, which every user of this machine can read while this runs.

    Args:
        what: e.g. `--token`.
        instead: where it is better put.
    """
    tell(f"Note: {what} can be seen by every user of this machine (ps). {instead}")


def data(encoded: bytes) -> None:
    """Print JSON to standard output.

    Raises:
        OutletError: it cannot be written.
        BrokenPipeError: its reader has gone.
    """
    text = safe_json(encoded).decode()
    if not _speaks_utf8(sys.stdout):
        text = "".join(one if one.isascii() else _escaped(one) for one in text)
    _write(sys.stdout, text + "\n")


def raw(piece: bytes) -> None:
    """Write bytes to standard output as they are: a file, or lines for a program.

    Raises:
        OutletError: it cannot be written.
        BrokenPipeError: its reader has gone.
    """
    with _explained(sys.stdout):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def unwritable(error: OSError, stream: TextIO | None = None) -> OutletError:
    """Why an output, standard output by default, could not be written. What is still buffered is not tried again when
    the interpreter ends."""
    _lead_nowhere(stream or sys.stdout)
    why = "it is closed" if error.errno == errno.EBADF else error.strerror
    return OutletError(f"The output cannot be written: {why}.")


def harmless(piece: str) -> str:
    """A piece of text on its way to the terminal, without anything that would be obeyed. Isolation is left as it is:
    where it begins and ends may be in different pieces."""
    return _BUT_LINES.sub(" ", piece)


class StandIn(io.TextIOBase):
    """Stands in for an output, like it in all but how it is written.

    Args:
        stream: the output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return _encoding(self._stream)


class Unhurried(StandIn):
    """An output that is written by a thread of its own, so that nobody waits for whoever reads it. When that stands
    still, `most` pieces wait; later ones are dropped, and how many is written when it goes on.

    Args:
        stream: where it all goes.
    """

    def __init__(self, stream: TextIO, *, most: int = 1000) -> None:
        super().__init__(stream)
        self._waiting: queue.Queue[str] = queue.Queue(most)
        self._dropped = 0
        threading.Thread(target=self._run, name="standard error", daemon=True).start()

    def write(self, text: str) -> int:
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        return len(text)

    def settle(self, within_s: float) -> None:
        """Wait until everything is written, or for so long."""
        until = time.monotonic() + within_s
        with self._waiting.all_tasks_done:
            while self._waiting.unfinished_tasks and (left := until - time.monotonic()) > 0:
                self._waiting.all_tasks_done.wait(left)

    def _run(self) -> None:
        while True:
            text = self._waiting.get()
            dropped, self._dropped = self._dropped, 0
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
                if dropped:
                    self._stream.write(
                        f"\n{dropped} pieces of output were dropped: nobody read it for a while.\n"
                    )
                self._stream.flush()
            self._waiting.task_done()


def never_wait_for_stderr() -> None:
    """Let no reader of standard error hold up the program from now on; a terminal is left as it is."""
    if not (sys.stderr.isatty() or isinstance(sys.stderr, Unhurried)):
        sys.stderr = output = Unhurried(sys.stderr)
        atexit.register(output.settle, 3.0)  # what was said last, an error perhaps


def drawing() -> TextIO:
    """Standard output for what draws by itself; see `Checked`. Flush it at the end."""
    return cast(TextIO, Checked())


class Checked(StandIn):
    """Standard output for what draws by itself, such as a Rich console: what cannot be written is an `OutletError`."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def write(self, text: str) -> int:
        with _explained(self._stream):
            return self._stream.write(text)

    def flush(self) -> None:
        with _explained(self._stream):
            self._stream.flush()


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _write(stream: TextIO, text: str) -> None:
    encoding = _encoding(stream)
    text = text.encode(encoding, "replace").decode(encoding)
    with _explained(stream):
        stream.write(text)
        stream.flush()


@contextlib.contextmanager
def _explained(stream: TextIO) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error, stream) from None
    except ValueError:
        raise OutletError("The output cannot be written: it is closed.") from None


def _lead_nowhere(stream: TextIO) -> None:
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


def _speaks_utf8(stream: TextIO) -> bool:
    return _encoding(stream).lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig", "cp65001")
