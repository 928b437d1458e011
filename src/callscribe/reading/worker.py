"""The reader in a process of its own: `python -m callscribe.reading.worker FOLDER NAME LANGUAGE`.

Native code that crashes, a model too large for the memory, a reading that takes for ever: none of it is the server's
business then. It runs at the lowest priority, so that decoding and sockets always go first. It ends when its standard
input does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from callscribe.audio import mulaw
from callscribe.errors import ModelError
from callscribe.models.folder import locate
from callscribe.reading.protocol import (
    LENGTH_BYTES,
    Answer,
    Failed,
    Read,
    Readings,
    Ready,
    Request,
    Sound,
    frame,
    request_decoder,
)
from callscribe.recognition.base import Excerpt, Reader, Reading

_NICE = 15


def main(folder: str, *, load: Callable[[Path], Reader] | None = None) -> int:
    """Load the model, then answer requests until there are no more."""
    with contextlib.suppress(AttributeError, OSError):  # not on Windows
        os.nice(_NICE)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):  # they mean the server, which lets us finish
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever native code prints is no answer
    try:
        reader = (load or (lambda path: locate(str(path)).load_reader()))(Path(folder))
        ready = measure(reader)
    except Exception as error:
        send(answers, Failed(message=str(error) or type(error).__name__))
        return 1
    send(answers, ready)
    requests = os.fdopen(0, "rb")
    while (request := receive(requests)) is not None:
        send(answers, answer(reader, request))
    return 0


def measure(reader: Reader) -> Ready:
    """Read a window of noise, which also brings the model's memory in."""
    noise = np.random.default_rng(1).normal(0, 100, reader.window_ms * 8).astype(np.int16)
    began = time.process_time()
    reader.read(Excerpt(noise), language=reader.language or "en")
    return Ready(
        name=reader.name,
        language=reader.language,
        window_ms=reader.window_ms,
        window_s=round(time.process_time() - began, 2),
    )


def answer(reader: Reader, request: Request) -> Answer:
    """One request carried out."""
    began = time.process_time()
    try:
        readings: list[Reading]
        if isinstance(request, Read):
            before = [_excerpt(sound) for sound in request.before]
            readings = [
                reader.read(
                    _excerpt(request.new),
                    before,
                    hints=request.hints,
                    language=request.language,
                    brief=request.brief,
                )
            ]
        else:
            readings = reader.read_together(
                [_excerpt(sound) for sound in request.excerpts],
                hints=request.hints,
                language=request.language,
            )
    except ModelError as error:
        return Failed(message=str(error))
    except (
        Exception
    ) as error:  # a fault of ours or of the library's: this request fails, the next may not
        return Failed(message=f"{type(error).__name__}: {error}")
    return Readings(readings=tuple(readings), cpu_s=round(time.process_time() - began, 3))


def _excerpt(sound: Sound) -> Excerpt:
    return Excerpt(mulaw.decode(sound.mulaw), sound.text)


def send(out: BinaryIO, message: Answer) -> None:
    """Write one message; a server that is gone is none of our business."""
    with contextlib.suppress(BrokenPipeError):
        out.write(frame(message))
        out.flush()


def receive(source: BinaryIO) -> Request | None:
    """The next request; None at the end."""
    head = source.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    body = source.read(int.from_bytes(head, "big"))
    return request_decoder.decode(body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
