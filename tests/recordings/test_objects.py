"""Recordings in object storage, against a server that speaks S3."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from callscribe.audio import mulaw
from callscribe.errors import AudioError, SettingsError
from callscribe.recordings import shelf as shelves
from callscribe.recordings.objects import Objects
from callscribe.recordings.shelf import Shelf
from tests.recordings.made import CALL, Key, tone

pytest.importorskip("obstore", reason="obstore is not installed")
pytest.importorskip("moto", reason="moto is not installed")

BUCKET = "s3://calls/our/records"
NAMES = {(CALL, "inbound"): "Alice"}
SIGNED = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None
            with contextlib.suppress(httpx.TransportError):
                httpx.put(f"{url}/calls", headers={"Authorization": SIGNED}).raise_for_status()
                break
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def objects(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Objects]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    found = Objects(BUCKET)
    yield found
    for call in found.newest():
        found.delete(call)


def here(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.rglob("*") if path.is_file())


async def record(shelf: Shelf, key: Key, sound: bytes) -> None:
    recorder = shelf.recorder()
    recorder.opened(key, 0)
    recorder.placed(key, 0, sound)
    recorder.closed(key)
    recorder.close()


def heard(shelf: Shelf, call: str = CALL) -> mulaw.Pcm:
    found = shelf.recording(call, NAMES)  # type: ignore[arg-type]
    return found.read(found.voices, 0, found.end_ms * 8)[:, 0]


async def test_a_recording_is_moved_there_and_heard_from_there(
    objects: Objects, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path / "recordings", objects=objects, keep_raw=True)
    await record(shelf, Key(), tone(300))
    assert here(tmp_path) == []
    assert sorted(name.rpartition(".")[2] for name in objects.names(CALL)) == [
        "flac",
        "peaks",
        "ulaw",
    ]
    assert np.array_equal(heard(shelf), mulaw.decode(tone(300)))
    assert np.array_equal(
        heard(Shelf(tmp_path / "other", objects=objects)), mulaw.decode(tone(300))
    )
    found = shelf.recording(CALL, NAMES)  # type: ignore[arg-type]
    assert max(found.peaks(found.voices[0])) > 50


async def test_seeing_whether_there_is_a_recording_fetches_no_sound(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path / "recordings", objects=objects)
    assert not shelf.has(CALL)
    await record(shelf, Key(), tone(300))
    assert shelf.has(CALL)
    assert here(tmp_path) == []

    def fails(*_: object) -> None:
        raise OSError("no network")

    with monkeypatch.context() as broken:
        broken.setattr(Objects, "names", fails)
        with pytest.raises(AudioError, match="no network"):
            shelf.has(CALL)


async def test_a_deleted_call_is_gone_from_there_too(objects: Objects, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "recordings", objects=objects)
    await record(shelf, Key(), tone(300))
    await record(shelf, Key(call="CAother"), tone(100))
    heard(shelf)
    shelf.forget(CALL)
    assert not shelf.recording(CALL, {})
    assert objects.names(CALL) == []
    assert here(tmp_path) == []
    assert shelf.recording("CAother", {})
    shelf.forget("never there")


async def test_what_could_not_be_moved_is_moved_later(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no network")

    with monkeypatch.context() as broken:
        broken.setattr(Objects, "put", fails)
        shelf = Shelf(tmp_path / "recordings", objects=objects)
        await record(shelf, Key(), tone(300))
    assert ".flac" in here(tmp_path)
    assert np.array_equal(heard(shelf), mulaw.decode(tone(300)))
    later = Shelf(tmp_path / "recordings", objects=objects)
    assert len(list(later.finish_left())) == 1
    assert here(tmp_path / "recordings") == []
    assert np.array_equal(heard(later), mulaw.decode(tone(300)))


async def test_only_some_fetched_calls_are_kept(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "_FETCHED", 2)
    shelf = Shelf(tmp_path / "recordings", objects=objects)
    for n in range(4):
        await record(shelf, Key(call=f"CA{n}"), tone(100))
        assert shelf.recording(f"CA{n}", {})
    assert here(tmp_path).count(".flac") == 2


async def test_age_counts_from_when_it_was_stored(objects: Objects, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "recordings", objects=objects)
    await record(shelf, Key(), tone(100))
    now = dt.datetime.now(dt.UTC)
    assert shelf.expired(now + dt.timedelta(days=1)) == [CALL]
    assert shelf.expired(now - dt.timedelta(days=1)) == []


def test_a_storage_that_does_not_answer_is_explained(tmp_path: Path, objects: Objects) -> None:
    missing = Objects("s3://no-such-bucket")
    with pytest.raises(AudioError, match="cannot be fetched"):
        Shelf(tmp_path, objects=missing).recording(CALL, {})
    with pytest.raises(SettingsError, match="cannot be used"):
        Objects("s3://")
