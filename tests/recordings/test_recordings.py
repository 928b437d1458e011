"""What is placed is what is heard: on its line, to the sample, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.audio import mulaw
from callscribe.errors import AudioError
from callscribe.recordings import files, wav
from callscribe.recordings.reading import Frames
from callscribe.recordings.shelf import Shelf
from tests.recordings.made import CALL, Key, record, tone

ALICE, BOB = Key(), Key(track="outbound")
NAMES = {(CALL, "inbound"): "Alice", (CALL, "outbound"): "Bob"}


def kinds(folder: Path) -> list[str]:
    """Endings of the files there are."""
    return sorted(file.suffix for file in folder.rglob("*") if file.is_file())


def on_disk(folder: Path, needle: bytes) -> bool:
    return any(needle in file.read_bytes() for file in folder.rglob("*") if file.is_file())


def all_of(shelf: Shelf) -> Frames:
    found = shelf.recording(CALL, NAMES)  # type: ignore[arg-type]
    return found.read(found.voices, 0, found.end_ms * 8)


async def test_a_track_is_on_the_calls_line(tmp_path: Path) -> None:
    sound = tone(1000)
    shelf = await record(tmp_path, (ALICE, 500, [(500, sound[:4000]), (1500, sound[4000:])]))
    heard = all_of(shelf)[:, 0]
    assert not heard[: 500 * 8].any()
    assert np.array_equal(heard[500 * 8 : 1000 * 8], mulaw.decode(sound[:4000]))
    assert not heard[1000 * 8 : 1500 * 8].any()  # a hole, or a pause
    assert np.array_equal(heard[1500 * 8 :], mulaw.decode(sound[4000:]))
    assert kinds(tmp_path) == [".flac", ".peaks"]


async def test_two_people_and_a_second_stream(tmp_path: Path) -> None:
    again = Key(stream="MZ2")
    shelf = await record(
        tmp_path,
        (ALICE, 0, [(0, tone(100))]),
        (BOB, 0, [(50, tone(100, 300))]),
        (again, 200, [(200, tone(50))]),
        keep_raw=True,
    )
    found = shelf.recording(CALL, NAMES)  # type: ignore[arg-type]
    assert [(v.name, len(v.parts)) for v in found.voices] == [("Alice", 2), ("Bob", 1)]
    assert found.end_ms == 250
    assert kinds(tmp_path).count(".ulaw") == 3
    frames = all_of(shelf)
    assert np.array_equal(frames[200 * 8 :, 0], mulaw.decode(tone(50)))
    assert np.array_equal(frames[50 * 8 : 150 * 8, 1], mulaw.decode(tone(100, 300)))
    peaks = found.peaks(found.voice("bob"))
    assert len(peaks) == 5
    assert (peaks[0], peaks[4]) == (0, 0)
    assert peaks[1] > 50
    with pytest.raises(AudioError, match=r"On this call: Alice, Bob"):
        found.voice("Carol")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), min_size=1, max_size=12))
def test_whatever_is_placed_stands_where_it_belongs(pieces: list[tuple[int, int]]) -> None:
    line = np.full(8 * 6000, 0, np.int16)
    placed, now = [], 100
    for gap, length in pieces:
        now += gap if gap > 2 else 0  # a jitter is none
        payload = tone(length)
        line[now * 8 : (now + length) * 8] = mulaw.decode(payload)
        placed.append((now, payload))
        now += length
    with tempfile.TemporaryDirectory() as folder:
        shelf = asyncio.run(record(Path(folder), (ALICE, 100, placed)))
        assert np.array_equal(all_of(shelf)[:, 0], line[: now * 8])


def test_what_was_written_survives_kill(tmp_path: Path) -> None:
    code = f"""
        import asyncio, os, signal
        from pathlib import Path
        from callscribe.recordings.shelf import Shelf
        from tests.recordings.made import Key, tone

        async def main():
            recorder = Shelf(Path({str(tmp_path)!r})).recorder()
            recorder.opened(Key(), 0)
            for n in range(150):
                recorder.placed(Key(), n * 20, tone(20))
            written = lambda: sum(f.stat().st_size for f in Path({str(tmp_path)!r}).rglob("*.ulaw"))
            while written() < 3000 * 8:
                await asyncio.sleep(0.01)
            recorder.placed(Key(), 3000, tone(400))
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    shelf = Shelf(tmp_path)
    found = shelf.recording(CALL, NAMES)  # type: ignore[arg-type]
    assert found.end_ms >= 3000  # readable before it is finished
    assert found.peaks(found.voices[0])
    before = all_of(shelf)
    assert len(list(shelf.finish_left())) == 1
    assert list(shelf.finish_left()) == list(Shelf(tmp_path).finish_left()) == []
    assert np.array_equal(all_of(shelf), before)
    assert not list(tmp_path.rglob("*.ulaw"))


async def test_nothing_heard_leaves_no_file(tmp_path: Path) -> None:
    shelf = await record(tmp_path, (ALICE, 0, []))
    assert not shelf.recording(CALL, {})
    assert shelf.recording("CAunknown", {}).end_ms == 0


async def test_names_stay_in_the_folder(tmp_path: Path) -> None:
    key = Key(call="../../evil", leg="..", stream="a/b.c")
    shelf = await record(tmp_path / "in", (key, 0, [(0, tone(20))]))
    assert os.listdir(tmp_path) == ["in"]  # noqa: PTH208
    found = shelf.recording("../../evil", {("..", "inbound"): "Eve"})
    assert [voice.name for voice in found.voices] == ["Eve"]
    shelf.forget("../../evil")
    assert os.listdir(tmp_path / "in") == []  # noqa: PTH208
    shelf.forget("never there")


async def test_a_broken_folder_breaks_no_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    shelf = await record(tmp_path / "file", (ALICE, 0, [(0, tone(20))]))
    assert not shelf.recording(CALL, {})


async def test_a_deleted_sound_is_gone_from_the_disk(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, 8000, np.uint8).tobytes()
    shelf = await record(tmp_path, (ALICE, 0, [(0, noise)]), keep_raw=True)
    needle = noise[2000:2100]
    assert on_disk(tmp_path, needle)
    shelf.forget(CALL)
    assert not kinds(tmp_path)


@pytest.fixture
async def shelf(tmp_path: Path) -> Shelf:
    return await record(
        tmp_path / "r",
        (ALICE, 100, [(100, tone(333))]),
        (BOB, 100, [(110, tone(401, 700))]),
    )


async def test_any_bytes_of_the_wav(shelf: Shelf, tmp_path: Path) -> None:
    found = shelf.recording(CALL, NAMES)  # type: ignore[arg-type]
    for mixed in (False, True):
        file = wav.Wav(found, found.voices, 50, 500, mixed=mixed)
        whole = b"".join(file.read(0, file.size))
        assert len(whole) == file.size
        (tmp_path / "a.wav").write_bytes(whole)
        heard, rate = soundfile.read(tmp_path / "a.wav", dtype="int16", always_2d=True)
        assert (rate, heard.shape) == (8000, (450 * 8, 1 if mixed else 2))
        if not mixed:
            assert np.array_equal(heard, found.read(found.voices, 50 * 8, 500 * 8))
        dice = np.random.default_rng(1)
        for _ in range(50):
            start, stop = sorted(dice.integers(0, file.size + 1, 2))
            assert b"".join(file.read(int(start), int(stop))) == whole[start:stop]


async def test_files_to_take_away(shelf: Shelf, tmp_path: Path) -> None:
    found = shelf.recording(CALL, NAMES)  # type: ignore[arg-type]
    for name in ("a.wav", "a.flac"):
        wav.write(tmp_path / name, found, found.voices, 0, found.end_ms)
        heard, rate = soundfile.read(tmp_path / name, dtype="int16", always_2d=True)
        assert rate == 8000
        assert np.array_equal(heard, all_of(shelf))
    wav.write(tmp_path / "alice.wav", found, [found.voice("alice")], 100, 200)
    heard, _ = soundfile.read(tmp_path / "alice.wav", dtype="int16")
    assert np.array_equal(heard, mulaw.decode(tone(100)))
    for bad, stop in (("a.mp3", 100), ("b.wav", 0)):
        with pytest.raises(AudioError):
            wav.write(tmp_path / bad, found, found.voices, 0, stop)
    assert kinds(tmp_path).count(".wav") == 2
    assert kinds(tmp_path).count(".part") == 0


def test_names_of_files() -> None:
    name = files.TrackFile("CA1", "CA2", "MZ3", "outbound", 1200)
    assert name.path(Path("x"), files.FLAC) == Path("x/CA1/CA2.MZ3.outbound.1200.flac")
