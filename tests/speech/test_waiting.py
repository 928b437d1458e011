"""More calls than there is room for: nothing of them is lost, and nobody else is delayed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from callscribe.audio.timeline import Piece
from callscribe.events import (
    AnyEvent,
    FinalTranscript,
    GapDetected,
    LagChanged,
    PartialTranscript,
    StreamEnded,
    TranscriptionWaits,
)
from callscribe.recognition.scripted import ScriptedRecognizer, ScriptedWord, spoken
from callscribe.sealing import Seal, SealError
from callscribe.speech.backlog import Backlog, records
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool
from callscribe.speech.session import SessionOptions, StreamSession
from callscribe.speech.stream import DecodingOptions, Fed
from callscribe.speech.tap import TrackKey
from callscribe.speech.track import Progress
from callscribe.speech.waiting import KeptStream, Rereading, Waiting
from tests.speech.conftest import OpenSession, Recorded

PLAIN = SessionOptions(DecodingOptions(skip_silence=False, follow_level=False))
MANY = [ScriptedWord(f"word{i}", 10_000 * i, 10_000 * i + 300) for i in range(12)]


class Heard:
    """A listener that notes how much it was given."""

    def __init__(self) -> None:
        self.samples = 0
        self.closed_tracks = 0

    def opened(self, key: TrackKey, offset_ms: int) -> None: ...

    def placed(self, key: TrackKey, at_ms: int, payload: bytes) -> None:
        self.samples += len(payload)

    def closed(self, key: TrackKey) -> None:
        self.closed_tracks += 1


async def two(
    open_session: OpenSession, tmp_path: Path, **more: object
) -> tuple[Recorded, Recorded]:
    """A call that has the only place, and one that waits."""
    recognizer = ScriptedRecognizer(spoken("first"), MANY, MANY)
    first, second = [
        await open_session(
            recognizer,
            tracks=("inbound",),
            stream=stream,
            capacity=1,
            options=PLAIN,
            waiting=Waiting(tmp_path),
            **more,
        )
        for stream in ("MZ1", "MZ2")
    ]
    first.silence(400)
    await first.caught_up()
    return first, second


async def test_a_call_past_the_capacity_says_so_and_is_caught_up_when_a_place_is_free(
    open_session: OpenSession, tmp_path: Path
) -> None:
    reader = Heard()
    first, second = await two(open_session, tmp_path, readers=[reader])
    first.silence(2000)
    second.silence(120_000)
    await first.caught_up()
    await asyncio.sleep(0.3)
    (waits,) = second.of(TranscriptionWaits)
    assert (waits.stream, waits.tracks, waits.over) == ("MZ2", ("inbound",), False)
    assert not second.of(FinalTranscript)
    assert not second.of(LagChanged)
    assert list((tmp_path / "waiting").glob("*/MZ2.fed"))

    await first.session.close("stop")
    async with asyncio.timeout(20):
        while len(second.of(TranscriptionWaits)) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert second.of(TranscriptionWaits)[1].over
    async with asyncio.timeout(20):
        while (tmp_path / "waiting").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    second.silence(1000)
    await second.session.close("stop")

    assert [final.text for final in second.of(FinalTranscript)] == [word.text for word in MANY]
    assert second.of(StreamEnded)[0].counters.dropped_ms == 0
    assert not first.of(TranscriptionWaits)
    # Whoever reads again hears what is decoded when it is decoded.
    assert reader.samples == 8 * 123_400
    assert reader.closed_tracks == 2


async def test_a_call_that_ends_before_there_was_room_is_over_at_once_and_transcribed_later(
    open_session: OpenSession, tmp_path: Path
) -> None:
    first, second = await two(open_session, tmp_path)
    gate = threading.Event()
    second.silence(120_000)
    # The only threads are kept busy, so that nothing of it is decoded before it is over.
    pool = second.session._lane._pool
    blocking = [pool._desks[0].turns.put(Blocked(gate), 0) for _ in range(2)]  # type: ignore[arg-type,func-returns-value]
    assert len(blocking) == 2
    counters = await second.session.close("stop")
    assert counters.frames == 6000
    assert second.session.rests
    assert not second.of(StreamEnded)
    assert pool.admission.unfinished == 1

    gate.set()
    await second.session.finished()
    assert [final.text for final in second.of(FinalTranscript)] == [word.text for word in MANY]
    assert not second.of(PartialTranscript)
    assert isinstance(second.events[-1], StreamEnded)
    assert not second.session.rests
    assert not (tmp_path / "waiting").exists()
    assert first.session.lag_ms("inbound") == 0


class Blocked:
    """Has a turn that lasts until the gate opens."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate

    def turn(self) -> None:
        self._gate.wait(20)


async def test_pausing_a_call_that_waits_holds_nobody_up(
    open_session: OpenSession, tmp_path: Path
) -> None:
    _, second = await two(open_session, tmp_path)
    second.silence(20_000)
    async with asyncio.timeout(5):
        await second.session.pause()
        second.silence(5_000)
        await second.session.resume()
    second.silence(30_000)
    await second.session.close("stop")
    await second.session.finished()
    said = [final.text for final in second.of(FinalTranscript)]
    assert (said[0], said[-1]) == ("word0", "word5")
    (gap,) = second.of(GapDetected)
    assert (gap.start_ms, gap.end_ms, gap.reason) == (20_155, 25_155, "paused")


async def test_what_waits_survives_a_restart(open_session: OpenSession, tmp_path: Path) -> None:
    first, second = await two(open_session, tmp_path)
    gate = threading.Event()
    second.silence(120_000)
    turns = second.session._lane._pool._desks[0].turns
    turns.put(Blocked(gate), 0)  # type: ignore[arg-type]
    turns.put(Blocked(gate), 0)  # type: ignore[arg-type]
    await second.session.close("stop")
    leaving = asyncio.create_task(second.session.leave())
    gate.set()
    await leaving
    before = [final.text for final in second.of(FinalTranscript)]
    assert not second.of(StreamEnded)

    events = await taken_up(Waiting(tmp_path), ScriptedRecognizer(MANY[len(before) :]))
    after = [event.text for event in events if isinstance(event, FinalTranscript)]
    assert before + after == [word.text for word in MANY]
    ended = events[-1]
    assert isinstance(ended, StreamEnded)
    assert (ended.stream, ended.reason, ended.counters.frames) == ("MZ2", "stop", 6000)
    assert not (tmp_path / "waiting").exists()
    assert not first.of(TranscriptionWaits)


async def test_what_waits_survives_a_crash(open_session: OpenSession, tmp_path: Path) -> None:
    _, second = await two(open_session, tmp_path)
    second.silence(50_000)
    for path in (tmp_path / "waiting").glob("*/*.fed"):
        with path.open("ab") as file:
            file.write(b"\x40\0\0\0torn")  # the last record was not written to its end
    events = await taken_up(Waiting(tmp_path), ScriptedRecognizer(MANY))
    finals = [event for event in events if isinstance(event, FinalTranscript)]
    assert [final.text for final in finals] == [f"word{i}" for i in range(5)]
    assert finals[0].speaker == "Caller"
    assert finals[0].start_ms == 155


async def test_what_a_version_that_knew_less_of_a_line_left_is_taken_up(
    open_session: OpenSession, tmp_path: Path
) -> None:
    _, second = await two(open_session, tmp_path)
    second.silence(50_000)
    (file,) = (tmp_path / "waiting").glob("*/MZ2.stream")
    head = msgspec.msgpack.decode(file.read_bytes())
    activity, tones, level = [0.0] * 4, [0, 0.0], [0.0] * 4
    head["progress"] = {
        "inbound": {
            "position": 12 * 8000,
            "number": 3,
            "line": [12 * 8000, 0, 0, activity, tones, None, level, None],
        }
    }
    file.write_bytes(msgspec.msgpack.encode(head))
    (left,) = Waiting(tmp_path).left()
    assert left.head.progress == {"inbound": Progress(position=12 * 8000, number=3)}
    events = await taken_up(Waiting(tmp_path), ScriptedRecognizer(MANY[2:]))
    finals = [event for event in events if isinstance(event, FinalTranscript)]
    assert [final.text for final in finals] == [f"word{i}" for i in range(2, 5)]
    assert finals[0].utterance == "MZ2-in-3"


async def test_what_cannot_be_read_back_at_the_end_costs_nothing_that_can(
    open_session: OpenSession, tmp_path: Path
) -> None:
    long = await open_session(
        ScriptedRecognizer([]), tracks=("inbound",), options=PLAIN, waiting=Waiting(tmp_path)
    )
    gate = threading.Event()
    pool = long.session._lane._pool
    for _ in pool._threads:
        pool._desks[0].turns.put(Blocked(gate), 0)  # type: ignore[arg-type]
    long.silence(120_000)
    await long.session.close("stop")
    file = long.session._lane._fed._file
    assert file is not None
    file.truncate(100_000)
    leaving = asyncio.create_task(long.session.leave())
    await asyncio.sleep(0)  # it has asked that nothing more be decoded
    gate.set()
    with capture_logs() as logs:
        await leaving
    assert [log["event"] for log in logs if log["log_level"] == "error"] == [
        "audio that waits is lost"
    ]
    (kept,) = Waiting(tmp_path).left()
    left = kept.left()
    left.fed.close()
    assert 60_000 * 8 <= left.amounts["inbound"].samples < 120_000 * 8


async def test_what_waits_is_sealed_and_read_again_only_with_the_key(
    open_session: OpenSession, tmp_path: Path
) -> None:
    seal = Seal.fresh()
    recognizer = ScriptedRecognizer(spoken("first"), MANY, MANY)
    for stream in ("MZ1", "MZ2"):
        options = SessionOptions(
            PLAIN.decoding, rereading=Rereading(reader="large", words=("Zoë",))
        )
        kept = await open_session(
            recognizer,
            tracks=("inbound",),
            stream=stream,
            capacity=1,
            options=options,
            waiting=Waiting(tmp_path, seal),
        )
    payload = bytes(range(160)) * 300
    for number in range(300):
        kept.session.receive("inbound", number * 160, payload[:1280], number + 1)
    files = [path for path in (tmp_path / "waiting").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".fed", ".stream"}
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        data = path.read_bytes()
        assert payload[:40] not in data
        assert b"Caller" not in data

    with capture_logs() as logs:
        assert Waiting(tmp_path).left() == Waiting(tmp_path, Seal.fresh()).left() == []
    assert len(logs) == 2
    (left,) = Waiting(tmp_path, seal).left()
    assert left.head.rereading == Rereading(reader="large", words=("Zoë",))
    other = KeptStream(tmp_path / "waiting" / "CA1", left.head, Seal.fresh())
    with pytest.raises(SealError):
        other.left()
    torn = next(path for path in files if path.suffix == ".fed")
    with torn.open("ab") as file:
        file.write(b"\x40\0\0\0torn")
    rest = left.left()
    assert rest.amounts["inbound"].samples == 300 * 1280
    assert b"".join(fed.piece.payload for fed in drained(rest.fed) if fed.piece) == (
        payload[:1280] * 300
    )


def drained(fed: Backlog) -> Iterator[Fed]:
    while fed:
        yield fed.popleft()
    fed.close()


def nine_wait(path: Path, seal: Seal | None = None, about: str = "") -> list[Fed]:
    """Nine records of the same length, in a file."""
    waits = Backlog(path.open("w+b", buffering=0), seal=seal, about=about)
    pieces = [Fed("inbound", Piece(n, n / 8, bytes([n]) * 160)) for n in range(9)]
    for fed in pieces:
        waits.append(fed)
    waits.close()
    return pieces


@pytest.mark.parametrize("seal", [None, Seal.fresh()])
def test_a_damaged_record_costs_no_other(tmp_path: Path, seal: Seal | None) -> None:
    path = tmp_path / "audio"
    pieces = nine_wait(path, seal, "whose")
    content = bytearray(path.read_bytes())
    size = len(content) // 9
    content[4 * size + 4 : 5 * size] = bytes(size - 4)
    path.write_bytes(content)
    with path.open("r+b", buffering=0) as file:
        assert list(records(file, seal, "whose")) == pieces[:4] + pieces[5:]
    waits = Backlog(path.open("r+b", buffering=0), records=8, seal=seal, about="whose")
    assert list(drained(waits)) == pieces[:4] + pieces[5:]


def test_a_damaged_length_takes_no_memory(tmp_path: Path) -> None:
    class Watched(FileIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, size or 0)
            return super().read(size)

    path = tmp_path / "audio"
    pieces = nine_wait(path)
    content = bytearray(path.read_bytes())
    size = len(content) // 9
    content[4 * size : 4 * size + 4] = b"\xff" * 4
    path.write_bytes(content)
    with Watched(path, "r+") as file:
        assert list(records(file)) == pieces[:4]
        assert file.most < 1000
    assert path.stat().st_size == 4 * size


def test_what_an_older_version_left_unsealed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    plain = Backlog(path.open("w+b"))
    pieces = [Fed("inbound", Piece(n, n / 8, bytes([n]) * 160)) for n in range(9)]
    for fed in pieces[:5]:
        plain.append(fed)
    plain.close()
    seal = Seal.fresh()
    with path.open("r+b") as file:
        assert list(records(file, seal, "whose")) == pieces[:5]
    mixed = Backlog(path.open("r+b"), records=5, seal=seal, about="whose")
    for fed in pieces[5:]:
        mixed.append(fed)
    assert list(drained(mixed)) == pieces
    with path.open("r+b") as file:
        assert list(records(file, seal, "another's")) == pieces[:5]


async def taken_up(waiting: Waiting, recognizer: ScriptedRecognizer) -> list[AnyEvent]:
    """What another process says of what waits."""
    (kept,) = waiting.left()
    events: list[AnyEvent] = []

    async def publish(event: AnyEvent) -> None:
        events.append(event)

    head = kept.head
    pool = DecodePool([InProcess(recognizer)], threads=1, capacity=1)
    session = StreamSession(
        call=head.call,
        leg=head.leg,
        stream=head.stream,
        tracks=head.tracks,
        speakers=head.speakers.__getitem__,
        offset_ms=head.offset_ms,
        pool=pool,
        publish=publish,
        options=SessionOptions(head.options),
        waiting=waiting,
        left=kept.left(),
    )
    await session.finished()
    await pool.close()
    return events


async def test_a_deleted_call_is_not_decoded_any_more(
    open_session: OpenSession, tmp_path: Path
) -> None:
    _, second = await two(open_session, tmp_path)
    gate = threading.Event()
    second.silence(120_000)
    turns = second.session._lane._pool._desks[0].turns
    turns.put(Blocked(gate), 0)  # type: ignore[arg-type]
    turns.put(Blocked(gate), 0)  # type: ignore[arg-type]
    await second.session.close("stop")
    dropping = asyncio.create_task(second.session.drop())
    await asyncio.sleep(0)
    gate.set()
    await dropping
    assert not second.of(FinalTranscript)
    assert not (tmp_path / "waiting").exists()
    assert second.session._lane._pool.admission.unfinished == 0


def test_everything_waits_in_the_file_that_was_named(tmp_path: Path) -> None:
    path = tmp_path / "audio"
    waiting = Backlog(path.open("w+b"))
    pieces = [Fed("inbound", Piece(n, n / 8, bytes([n]) * 160)) for n in range(50)]
    for fed in pieces:
        waiting.append(fed)
    assert waiting.on_disk > 50 * 160
    assert not waiting.in_memory_only()
    assert [waiting.popleft() for _ in pieces] == pieces
    assert waiting.in_memory_only()
    waiting.append(pieces[0])
    assert waiting.on_disk == 0
    waiting.close()
    assert path.stat().st_size > 50 * 160
