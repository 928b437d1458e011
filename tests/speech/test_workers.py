"""Real worker processes, killed and stopped in the middle of words."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

import callscribe
from callscribe.audio.timeline import Piece
from callscribe.errors import ModelError
from callscribe.events import AnyEvent, FinalTranscript, GapDetected, PartialTranscript
from callscribe.recognition import registry
from callscribe.recognition.scripted import ScriptedRecognizer, spoken
from callscribe.speech.pool import DecodePool
from callscribe.speech.recovery import PlaceLost, RecogniserFailed
from callscribe.speech.session import SessionOptions, StreamSession
from callscribe.speech.stream import DecodingOptions, Fed
from callscribe.speech.track import Progress
from callscribe.speech.worker import Made
from callscribe.speech.workers import Workers
from tests.speech.audio import SAID, scene

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="worker processes need POSIX")

BUILT_IN = Path(callscribe.__file__).parent / "models" / "phone-en"
NAMES = ("hello", "balance", "card", "yes", "number", "calling", "card", "balance", "yes", "hello")
PLAYED = scene(0.6, *(part for name in NAMES for part in (name, 1.1)))


def no_writer() -> None:
    return None


def scripted(on_audio: object = None) -> ScriptedRecognizer:
    return ScriptedRecognizer(spoken("one two three"), on_audio=on_audio)  # type: ignore[arg-type]


def die(_: object) -> None:
    os.abort()


def spin(_: object) -> None:
    while True:
        pass


def sleep(_: object) -> None:
    time.sleep(3600)


@pytest.fixture(scope="module", autouse=True)
def workers_find_this_module() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        yield


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers(Made(partial(registry.load_recognizer, BUILT_IN), no_writer), 2)
    workers.start()
    yield workers
    workers.close()


@pytest.fixture
async def pool(workers: Workers) -> AsyncIterator[DecodePool]:
    pool = DecodePool(workers.places, threads=1)
    yield pool
    await pool.close()


class Call:
    """A caller who says all the sentences, as fast as they are decoded."""

    def __init__(self, pool: DecodePool, name: str) -> None:
        self.events: list[AnyEvent] = []
        self.session = StreamSession(
            call=name,
            leg=name,
            stream=f"MZ{name}",
            tracks=("inbound",),
            speakers=lambda track: track,
            offset_ms=0,
            pool=pool,
            publish=self._keep,
            options=SessionOptions(stall_ms=60_000),
        )

    async def _keep(self, event: AnyEvent) -> None:
        self.events.append(event)

    async def run(self) -> None:
        await self.session.start()
        payload = PLAYED.payload
        for number, at in enumerate(range(0, len(payload), 160)):
            self.session.receive("inbound", number * 20, payload[at : at + 160], number + 1)
            if number % 10 == 0:
                await asyncio.sleep(0)
                while self.session.lag_ms("inbound") > 500:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
        await self.session.close("stop")

    @property
    def finals(self) -> list[str]:
        return [e.raw_text for e in self.events if isinstance(e, FinalTranscript)]

    def check(self) -> None:
        """Nothing lost, nothing twice, revisions in order."""
        assert self.finals == [SAID[name] for name in NAMES]
        assert not [e for e in self.events if isinstance(e, GapDetected)]
        newest: dict[str, int] = {}
        for event in self.events:
            if isinstance(event, FinalTranscript | PartialTranscript):
                assert event.revision > newest.get(event.utterance, 0)
                newest[event.utterance] = event.revision


def test_phrases_that_a_model_does_not_take_are_told(workers: Workers) -> None:
    place = workers.places[0]
    place.open(77, DecodingOptions(phrases=("yes",)))
    with pytest.raises(RecogniserFailed, match="cannot be restricted to phrases"):
        place.begin(77, "inbound", Progress())
    place.close(77)


async def test_two_workers_share_calls_and_write_the_same(pool: DecodePool) -> None:
    calls = [Call(pool, f"CA{i}") for i in range(3)]
    await asyncio.gather(*(call.run() for call in calls))

    for call in calls:
        call.check()


async def test_a_service_manager_that_ends_all_processes_at_once_ends_no_worker(
    pool: DecodePool, workers: Workers
) -> None:
    call = Call(pool, "CA1")
    running = asyncio.create_task(call.run())
    while not call.finals:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    pids = [place.pid for place in workers.places]
    for pid in pids:
        for how in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            os.kill(pid, how)
    await running

    call.check()
    assert [place.pid for place in workers.places] == pids


@pytest.mark.parametrize(
    ("how", "times"),
    [(signal.SIGKILL, 10), (signal.SIGSTOP, 3)],
    ids=lambda how: getattr(how, "name", ""),
)
async def test_workers_ended_in_the_middle_of_words_cost_none(
    pool: DecodePool, workers: Workers, how: signal.Signals, times: int
) -> None:
    calls = [Call(pool, f"CA{i}") for i in range(2)]
    running = [asyncio.create_task(call.run()) for call in calls]
    ended = 0
    finals = [0, 0]
    while not all(task.done() for task in running):
        await asyncio.sleep(0.001)
        # In the middle of the next sentence of both, but never thrice in the same one.
        speaking = all(
            task.done() or (len(call.finals) > n and isinstance(call.events[-1], PartialTranscript))
            for call, task, n in zip(calls, running, finals, strict=True)
        )
        if speaking and ended < times:
            finals = [len(call.finals) for call in calls]
            ended += 1
            for place in workers.places:
                with contextlib.suppress(ProcessLookupError):  # it has no call any more
                    os.kill(place.pid, how)
    await asyncio.gather(*running)

    assert ended >= 3
    for call in calls:
        call.check()


def ends(pid: int) -> bool:
    """Wait until a process is gone."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def feed(workers: Workers) -> None:
    place = workers.places[0]
    place.open(1, DecodingOptions())
    place.begin(1, "inbound", Progress())
    place.decode(1, [Fed("inbound", Piece(0, 0, b"\xff" * 3200))], partials=True)


@pytest.mark.parametrize(
    ("does", "reason"), [(die, "died"), (sleep, "waits for something"), (spin, "stuck in a loop")]
)
def test_a_worker_that_dies_or_hangs_is_replaced(
    does: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callscribe.speech.workers._MOST_CPU_S", 0.3)
    workers = Workers(Made(partial(scripted, does), no_writer), 1)
    workers.start()
    before = workers.places[0].pid
    try:
        with pytest.raises(PlaceLost, match=reason):
            feed(workers)
        assert workers.places[0].pid not in (0, before)
        assert workers.places[0].life == 2
        assert ends(before)
    finally:
        workers.close()


def test_ctrl_c_in_the_terminal_does_not_reach_a_worker_that_is_just_starting() -> None:
    workers = Workers(Made(scripted, no_writer), 1)
    workers.start()
    try:
        assert {os.getsid(process.pid) for process in workers._loaded}.isdisjoint({os.getsid(0)})
        assert os.getsid(workers.places[0].pid) != os.getsid(0)
    finally:
        workers.close()


def test_the_process_that_makes_workers_may_die_too() -> None:
    workers = Workers(Made(scripted, no_writer), 1)
    workers.start()
    try:
        for process in workers._loaded:
            process.kill()
            process.wait()
        feed(workers)  # goes on without it
        os.kill(workers.places[0].pid, signal.SIGKILL)
        with pytest.raises(PlaceLost):
            feed(workers)
        feed(workers)
    finally:
        workers.close()


def test_a_model_that_cannot_be_loaded_is_an_error_at_start(tmp_path: Path) -> None:
    workers = Workers(Made(partial(registry.load_recognizer, tmp_path / "none"), no_writer), 1)
    try:
        with pytest.raises(ModelError, match="There is no folder"):
            workers.start()
    finally:
        workers.close()


def test_nothing_in_the_working_folder_stands_in_for_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('not this one')", encoding="utf-8")
    (tmp_path / "callscribe.py").write_text("raise SystemExit('nor this')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    workers = Workers(Made(partial(registry.load_recognizer, BUILT_IN), no_writer), 1)
    try:
        workers.start()
        feed(workers)
    finally:
        workers.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("own", [None, "glibc.malloc.tcache_count=7"])
def test_memory_is_taken_as_suits_a_decoder_unless_the_user_says_how(
    own: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if own is not None:
        monkeypatch.setenv("GLIBC_TUNABLES", own)
    workers = Workers(Made(scripted, no_writer), 1)
    try:
        workers.start()
        environment = Path(f"/proc/{workers.places[0].pid}/environ").read_bytes().split(b"\0")
    finally:
        workers.close()
    # glibc itself cuts the value at its colons where it stands.
    assert f"GLIBC_TUNABLES={own or 'glibc.malloc.mxfast=0'}".encode() in environment
    assert b"OPENBLAS_NUM_THREADS=1" in environment


def test_all_processes_end_with_the_server() -> None:
    workers = Workers(Made(scripted, no_writer), 2)
    workers.start()
    pids = [place.pid for place in workers.places] + [p.pid for p in workers._loaded]
    workers.close()

    assert all(ends(pid) for pid in pids)
