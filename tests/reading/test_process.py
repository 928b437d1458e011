"""The reader's process, played by a few lines of Python."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from callscribe.errors import ModelError
from callscribe.reading.process import ReaderDiedError, ReaderFailedError, ReaderProcess
from callscribe.reading.protocol import Read, Sound

PLAYED = """
import os, sys, time
from callscribe.reading.protocol import Failed, Readings, Ready, frame
from callscribe.reading.worker import receive
from callscribe.recognition.base import Reading
how = sys.argv[-1]
def say(message):
    sys.stdout.buffer.write(frame(message)); sys.stdout.buffer.flush()
if how == "dies": os.kill(os.getpid(), 9)
if how == "refuses": say(Failed(message="no model there")); sys.exit(1)
if how == "nonsense": sys.stdout.buffer.write(b"\\xff\\xff\\xff\\xff hello"); sys.stdout.buffer.flush()
print("a complaint", file=sys.stderr, flush=True)
say(Ready(name="played", language="en", window_ms=28000, window_s=0.5))
while (request := receive(sys.stdin.buffer)) is not None:
    word = request.new.mulaw.decode()
    if word == "die": os.kill(os.getpid(), 11)
    if word == "hang": time.sleep(600)
    say(Failed(message="cannot") if word == "fail" else Readings(readings=(Reading(text=word),), cpu_s=0.1))
"""


def process(how: str = "", read_limit_s: float = 60) -> ReaderProcess:
    return ReaderProcess(
        Path(how), command=(sys.executable, "-c", PLAYED), read_limit_s=read_limit_s
    )


def said(word: str) -> Read:
    return Read(new=Sound(word.encode()))


async def test_it_is_started_asked_and_stopped() -> None:
    reader = process()
    ready = await reader.start()
    assert (ready.name, ready.window_ms) == ("played", 28000)
    assert [(await reader.ask(said(w))).readings[0].text for w in ("one", "two")] == ["one", "two"]
    assert reader.running
    await reader.stop()
    await reader.stop()
    assert not reader.running


async def test_what_it_cannot_do_is_told_and_it_goes_on() -> None:
    reader = process()
    await reader.start()
    with pytest.raises(ReaderFailedError, match="cannot"):
        await reader.ask(said("fail"))
    assert (await reader.ask(said("one"))).readings[0].text == "one"
    await reader.stop()


@pytest.mark.parametrize(("word", "why"), [("die", "signal 11"), ("hang", "TimeoutError")])
async def test_when_it_dies_or_hangs_it_can_be_started_again(word: str, why: str) -> None:
    reader = process(read_limit_s=60 if word == "die" else 0.2)
    await reader.start()
    with pytest.raises(ReaderDiedError, match=why):
        await reader.ask(said(word))
    with pytest.raises(ReaderDiedError):
        await reader.ask(said("one"))
    await reader.start()
    reader._read_limit_s = 60
    assert (await reader.ask(said("one"))).readings[0].text == "one"
    await reader.stop()


async def test_what_ends_the_server_in_order_leaves_it_to_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    real = (
        "from callscribe.reading.worker import main\n"
        "from tests.reading.test_worker import Parrot\n"
        "main('', load=lambda path: Parrot())"
    )
    reader = ReaderProcess(Path(), command=(sys.executable, "-c", real))
    await reader.start()
    assert reader.pid is not None
    for how in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        os.kill(reader.pid, how)
    assert (await reader.ask(said("one"))).readings[0].text.startswith("3 after")
    await reader.stop()


async def test_one_that_is_killed_from_outside_is_noticed() -> None:
    reader = process()
    await reader.start()
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)
    with pytest.raises(ReaderDiedError):
        await reader.ask(said("one"))
    await reader.stop()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("dies", r"ended while it loaded.*signal 9.*more memory"),
        ("refuses", "no model there"),
        ("nonsense", "answered nonsense"),
    ],
)
async def test_one_that_cannot_start_says_why(how: str, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        await process(how).start()


async def test_the_real_one_refuses_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model"):
        await ReaderProcess(tmp_path).start()


async def test_what_lies_in_the_working_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgspec.py").write_text("print('not ours')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="is not a model"):
        await ReaderProcess(tmp_path).start()
