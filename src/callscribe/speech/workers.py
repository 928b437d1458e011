"""Worker processes, in which native code may crash or hang without harm to the server.

Each has decoders of its own (`worker`). On Linux they are copies of one process that has loaded the model, and share
its memory; elsewhere each loads it. A worker that has died or hangs is replaced by the next request, which raises
`PlaceLost`; `recovery` does the rest.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Final

import structlog

from callscribe.errors import CallscribeError, ModelError
from callscribe.events import Track
from callscribe.speech.recovery import PlaceLost, RecogniserFailed
from callscribe.speech.stream import DecodingOptions, Fed, Report
from callscribe.speech.track import Progress
from callscribe.speech.worker import (
    COPIES,
    DECODES,
    Answer,
    Begin,
    Close,
    Decode,
    Made,
    Open,
    Request,
    decode_answer,
    encode,
)

_log = structlog.get_logger(__name__)

_COPIES: Final = sys.platform == "linux"
_LOOK_S: Final = 0.25
"""So often is a worker looked at that has not answered yet."""
_PATIENCE_S: Final = 0.75
"""A worker may take so long before it is suspected; a bite takes some hundredths of a second of the processor."""
_MOST_CPU_S: Final = 10.0
"""Who has used the processor for so long on one bite runs in a circle."""
_LONGEST_S: Final = 60.0
"""Where nothing can be known of a process, it hangs after this long."""
_START_S: Final = 300.0
"""For the largest models from a slow disk."""

_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Of workers there are as many as there are processors."""
_ALLOCATION: Final = {
    "GLIBC_TUNABLES": "glibc.malloc.mxfast=0:glibc.malloc.trim_threshold=16777216:glibc.malloc.hugetlb=1"
}
"""A Kaldi decoder goes through the model many times a second, and takes and gives back memory in many small pieces
and some large ones. With huge pages for it, without giving memory back to the system each time, and without going
through all small pieces with each large one, decoding takes 6 to 10 % less time; memory stays the same. Without glibc
this means nothing."""

_MAIN: Final = "import sys; from callscribe.speech.worker import main; main(int(sys.argv[1]))"


class Workers:
    """All worker processes of the server."""

    def __init__(self, made: Made, count: int) -> None:
        """
        Args:
            count: how many.
        """
        self._made = made
        self._lock = threading.Lock()
        # Appended to by them all, so read at places of our own.
        self._said: IO[bytes] = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - closed by `close`
        self._told = 0
        self._loaded: list[subprocess.Popen[bytes]] = []
        """Processes that have loaded the model: one that makes copies of itself, or every worker."""
        self._asking: socket.socket | None = None
        """To the process that makes copies."""
        self.places = [WorkerPlace(self) for _ in range(count)]

    def start(self) -> None:
        """Start them all. Takes as long as loading the model.

        Raises:
            ModelError: it cannot be loaded, or no process can be had.
        """
        for place in self.places:
            place.start()

    def close(self) -> None:
        """End them all. Close the pool first."""
        for place in self.places:
            place.stop()
        with self._lock:
            if self._asking is not None:
                self._asking.close()
                self._asking = None
            for process in self._loaded:
                process.kill()
                process.wait()
            self._loaded.clear()
        self._said.close()

    def new(self) -> tuple[Connection, int]:
        """A connection to a new worker, and its process id.

        Raises:
            ModelError: the model cannot be loaded, or no process can be had.
        """
        with self._lock:
            try:
                if self._asking is not None:
                    with contextlib.suppress(OSError):
                        return self._copy(self._asking)
                    # The process that made them has died itself.
                    self._asking.close()
                    self._asking = None
                return self._load()
            except OSError as error:
                raise ModelError(f"No process for the recogniser: {error}") from error

    def last_words(self) -> str:
        """The end of what processes have written to stderr since this was last asked for."""
        size = os.fstat(self._said.fileno()).st_size
        begin, self._told = max(self._told, size - 300), size
        return os.pread(self._said.fileno(), size - begin, begin).decode("utf-8", "replace").strip()

    def _copy(self, asking: socket.socket) -> tuple[Connection, int]:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(asking, [b"copy"], [theirs.fileno()])
            answer = asking.recv(8)
            if len(answer) < 8:
                raise OSError("the process that makes workers is gone")
        except OSError:
            ours.close()
            raise
        return Connection(ours.detach()), int.from_bytes(answer, "little")

    def _load(self) -> tuple[Connection, int]:
        """A worker from a process that has to load the model first."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-P", "-c", _MAIN, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                start_new_session=True,  # Ctrl-C is for the server, which then decides
                env=_ALLOCATION | os.environ | _ONE_THREAD,
            )
        for ended in [each for each in self._loaded if each.poll() is not None]:
            self._loaded.remove(ended)
        self._loaded.append(process)
        connection = Connection(ours.detach())
        try:
            connection.send_bytes(pickle.dumps((self._made, _COPIES)))
            if not connection.poll(_START_S):
                raise ModelError("The recogniser takes too long to start.")
            answer = connection.recv_bytes()
        except (EOFError, OSError):
            raise ModelError(f"The recogniser died at its start. {self.last_words()}") from None
        if answer == DECODES:
            return connection, process.pid
        if answer == COPIES:
            self._asking = socket.socket(fileno=os.dup(connection.fileno()))
            connection.close()
            self._asking.settimeout(10)
            return self._copy(self._asking)
        error = pickle.loads(answer)  # noqa: S301 - from a process of our own
        raise error if isinstance(error, CallscribeError) else ModelError(str(error))


class WorkerPlace:
    """One worker process after the other. Used by one thread at a time."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._connection: Connection | None = None
        self.pid = 0
        """Of the process now."""
        self.life = 0

    def start(self) -> None:
        """Have a process.

        Raises:
            ModelError: the model cannot be loaded, or no process can be had.
        """
        self._connection, self.pid = self._workers.new()
        self.life += 1

    def stop(self) -> None:
        """End it; it may be doing nothing now."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def open(self, stream: int, options: DecodingOptions) -> None:
        self._ask(Open(stream, options))

    def begin(self, stream: int, track: Track, progress: Progress) -> None:
        answer = self._ask(Begin(stream, track, progress))
        if answer.failed:
            raise RecogniserFailed(answer.failed)

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        report = self._ask(Decode(stream, fed, partials)).report
        assert report is not None
        return report

    def cpu_s(self) -> float:
        """Processor time of the process so far, seconds; 0 where that cannot be known."""
        return _process(self.pid)[1]

    def close(self, stream: int) -> None:
        with contextlib.suppress(PlaceLost):
            self._ask(Close(stream))

    def _ask(self, request: Request) -> Answer:
        if self._connection is None:
            self._replace("there was no process")
        connection = self._connection
        assert connection is not None
        try:
            connection.send_bytes(encode(request))
            hangs = self._wait(connection)
            if not hangs:
                return decode_answer(connection.recv_bytes())
        except (EOFError, OSError):
            hangs = ""
        self._replace(hangs or "it died")
        raise PlaceLost(hangs or "the process died")

    def _replace(self, why: str) -> None:
        """Another process instead."""
        self.stop()
        if self.pid:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        _log.error(
            "a recogniser's process is replaced",
            pid=self.pid,
            reason=why,
            said=self._workers.last_words(),
        )
        self.pid = 0
        self.life += 1
        try:
            self._connection, self.pid = self._workers.new()
        except CallscribeError as error:
            raise PlaceLost(f"no process could be started: {error}") from None

    def _wait(self, connection: Connection) -> str:
        """Wait for the answer; returns why none is to be expected, or nothing."""
        started = time.monotonic()
        state, used_before = _process(self.pid)
        used_at = used_before
        while not connection.poll(_LOOK_S):
            waited = time.monotonic() - started
            if waited < _PATIENCE_S:
                continue
            state, used = _process(self.pid)
            if state in "TtZX":
                return "the process was stopped"
            if used - used_before > _MOST_CPU_S:
                return "the process is stuck in a loop"
            if state == "S" and used == used_at:
                return "the process waits for something that does not come"
            if waited > _LONGEST_S:
                return "the process does not answer"
            used_at = used
        return ""


def _process(pid: int) -> tuple[str, float]:
    """The state of a process (man 5 proc, `/proc/pid/stat`) and the processor time it has used, in seconds; `?` and 0
    where they cannot be known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "?", 0.0
    return fields[0], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
