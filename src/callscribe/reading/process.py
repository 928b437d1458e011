"""The reader's process as the server sees it: asked one thing at a time, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.errors import ModelError
from callscribe.reading.protocol import (
    LENGTH_BYTES,
    LONGEST,
    Answer,
    Failed,
    Read,
    Readings,
    Ready,
    Request,
    answer_decoder,
    frame,
)
from callscribe.recognition.windows import SHORT_MS

_START_LIMIT_S: Final = 180.0
"""A large model on a slow disk."""
_READ_LIMIT_S: Final = 120.0
"""A reading that takes longer is not coming: the process is ended and started again."""
_log = structlog.get_logger(__name__)


class ReaderDiedError(Exception):
    """The process ended, or took too long, instead of answering."""


class ReaderFailedError(Exception):
    """The process could not do what it was asked; it goes on."""


class ReaderProcess:
    """One reader. Event loop only; one request at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        command: Sequence[str] = (sys.executable, "-P", "-m", "callscribe.reading.worker"),
        read_limit_s: float = _READ_LIMIT_S,
    ) -> None:
        """
        Args:
            folder: the model's.
            command: what is started, with the folder as its argument. `-P`: no module of the same name that lies in the
                working folder is taken for one of ours.
            read_limit_s: how long an answer may take for a window of sound, seconds.
        """
        self._folder = folder
        self._command = tuple(command)
        self._read_limit_s = read_limit_s
        self._process: asyncio.subprocess.Process | None = None
        self._complaints: asyncio.Task[None] | None = None
        self.pid: int | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> Ready:
        """Start the process and load the model.

        Raises:
            ModelError: the model cannot be loaded; says why and what to do.
        """
        await self.stop()
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            str(self._folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environ,
            start_new_session=True,  # Ctrl-C is for the server, which then decides
        )
        self.pid = self._process.pid
        self._complaints = asyncio.create_task(self._log_complaints(self._process))
        try:
            answer = await asyncio.wait_for(self._answer(), _START_LIMIT_S)
        except (ReaderDiedError, TimeoutError) as error:
            await self.stop()
            raise ModelError(
                f"The second reader's process ended while it loaded the model in {self._folder} ({error}). "
                "It may need more memory than this machine has; choose a smaller one, or --second-reader off."
            ) from None
        if isinstance(answer, Failed):
            await self.stop()
            raise ModelError(answer.message)
        if not isinstance(answer, Ready):
            await self.stop()
            raise ModelError("The second reader's process answered before it was asked.")
        return answer

    async def ask(self, request: Request) -> Readings:
        """Have something read.

        Raises:
            ReaderDiedError: the process is gone; start it again.
            ReaderFailedError: this request cannot be carried out.
        """
        if self._process is None or self._process.stdin is None:
            raise ReaderDiedError("not started")
        try:
            self._process.stdin.write(frame(request))
            await self._process.stdin.drain()
            limit_s = self._read_limit_s * _windows(request)
            answer = await asyncio.wait_for(self._answer(), limit_s)
        except (ConnectionError, TimeoutError) as error:
            await self.stop()
            raise ReaderDiedError(str(error) or type(error).__name__) from None
        except asyncio.CancelledError:
            await self.stop()  # its answer would be taken for that of the next request
            raise
        if isinstance(answer, Failed):
            raise ReaderFailedError(answer.message)
        if not isinstance(answer, Readings):
            await self.stop()
            raise ReaderDiedError("answered something else")
        return answer

    async def stop(self) -> None:
        """End the process. Idempotent."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._complaints is not None:
            await self._complaints
            self._complaints = None

    async def _answer(self) -> Answer:
        process = self._process
        if process is None or process.stdout is None:
            raise ReaderDiedError("not started")
        try:
            head = await process.stdout.readexactly(LENGTH_BYTES)
            length = int.from_bytes(head, "big")
            if length > LONGEST:
                raise ReaderDiedError("answered nonsense")
            return answer_decoder.decode(await process.stdout.readexactly(length))
        except asyncio.IncompleteReadError:
            status = await process.wait()
            raise ReaderDiedError(
                f"signal {-status}" if status < 0 else f"exit status {status}"
            ) from None
        except msgspec.DecodeError as error:
            raise ReaderDiedError(str(error)) from None

    async def _log_complaints(self, process: asyncio.subprocess.Process) -> None:
        if process.stderr is None:
            return
        async for line in process.stderr:
            _log.debug(
                "the second reader's process says", line=line.decode("utf-8", "replace").rstrip()
            )


def _windows(request: Request) -> int:
    """How many windows of sound are to be read, at most."""
    if isinstance(request, Read):
        return 1
    return 1 + sum(len(sound.mulaw) for sound in request.excerpts) // SAMPLES_PER_MS // SHORT_MS
