"""Inside a worker process: decoders, told what to do over a socket.

The first process loads the model and is told nothing but to make copies of itself (`Fork`); being copies, they share
the model's memory. It has one thread, so that copying it is safe. Where processes are not copied, it decodes itself.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

import msgspec

from callscribe.events import Track
from callscribe.recognition.base import Recognizer
from callscribe.speech.places import InProcess
from callscribe.speech.recovery import RecogniserFailed
from callscribe.speech.stream import DecodingOptions, Fed, Report
from callscribe.speech.track import Progress, TextWriter


@dataclass(frozen=True)
class Made:
    """What a worker needs, to be made there: both must be picklable."""

    recognizer: Callable[[], Recognizer]
    """Loads the model."""
    write: Callable[[], TextWriter | None]
    """Makes the writer of its language."""


class Open(msgspec.Struct, tag=True):
    """`Place.open`."""

    stream: int
    options: DecodingOptions


class Begin(msgspec.Struct, tag=True):
    """`Place.begin`."""

    stream: int
    track: Track
    progress: Progress


class Decode(msgspec.Struct, tag=True):
    """`Place.decode`."""

    stream: int
    fed: Sequence[Fed]
    partials: bool


class Close(msgspec.Struct, tag=True):
    """`Place.close`."""

    stream: int


class Answer(msgspec.Struct, omit_defaults=True):
    """To each of them, one."""

    failed: str = ""
    """`RecogniserFailed`, and why."""
    report: Report | None = None


Request = Open | Begin | Decode | Close

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_answer = msgspec.msgpack.Decoder(Answer).decode

COPIES, DECODES = b"copies", b"decodes"
"""The first message, when the model is loaded: what the process does. Else why it could not be loaded, pickled."""


def serve(connection: Connection, place: InProcess) -> None:
    """Answer requests until the other side is gone."""
    while True:
        try:
            request = decode_request(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            connection.send_bytes(encode(_answer(place, request)))
        except OSError:
            return


def _answer(place: InProcess, request: Request) -> Answer:
    match request:
        case Open(stream, options):
            place.open(stream, options)
        case Begin(stream, track, progress):
            try:
                place.begin(stream, track, progress)
            except RecogniserFailed as error:
                return Answer(failed=str(error))
        case Decode(stream, fed, partials):
            return Answer(report=place.decode(stream, fed, partials=partials))
        case Close(stream):
            place.close(stream)
    return Answer()


def main(handle: int) -> NoReturn:
    """Load the model and do what is asked, until the other side is gone.

    Args:
        handle: file descriptor of a socket, over which come, pickled, `Made` and whether to make copies.
    """
    # A key pressed in the terminal, and a service manager that ends all processes at once, mean the server: it lets
    # us finish.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):  # not all on Windows
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    control = Connection(handle)
    try:
        made, copies = pickle.loads(control.recv_bytes())  # noqa: S301 - from the server
        place = InProcess(made.recognizer(), made.write())
    except EOFError:
        sys.exit(0)
    except Exception as error:
        control.send_bytes(pickle.dumps(error))
        sys.exit(1)
    copies = copies and _may_be_copied()
    control.send_bytes(COPIES if copies else DECODES)
    if not copies:
        serve(control, place)
        sys.exit(0)
    # What is there now stays: let no collection touch it, or its pages are shared no more.
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(fileno=handle) as asking:
        while True:
            message, handles, _, _ = socket.recv_fds(asking, 16, 1)
            if not message:
                os._exit(0)
            child = os.fork()
            if child:
                os.close(handles[0])
                asking.sendall(child.to_bytes(8, "little"))
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(handle)
            serve(Connection(handles[0]), place)
            os._exit(0)


def _may_be_copied() -> bool:
    """A process with several threads may hold a lock that its copy waits for in vain."""
    return len(list(Path("/proc/self/task").iterdir())) == 1
