from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from callscribe.audio import mulaw
from callscribe.errors import ModelError
from callscribe.reading.protocol import (
    Failed,
    Read,
    Readings,
    ReadTogether,
    Sound,
    answer_decoder,
    frame,
    request_decoder,
)
from callscribe.reading.worker import answer, measure, receive, send
from callscribe.recognition.base import Excerpt, Reading


class Parrot:
    """A reader that says how much it was given."""

    name, language, window_ms = "parrot", "en", 1000

    def read(
        self,
        new: Excerpt,
        before: Sequence[Excerpt] = (),
        *,
        hints: Sequence[str] = (),
        language: str = "",
        brief: bool = False,
    ) -> Reading:
        if language == "xx":
            raise ModelError("not xx")
        if not len(new.pcm):
            raise ZeroDivisionError("nothing")
        return Reading(
            text=f"{len(new.pcm)} after {[e.text for e in before]} {list(hints)}{' briefly' * brief}"
        )

    def read_together(
        self, excerpts: Sequence[Excerpt], *, hints: Sequence[str] = (), language: str = ""
    ) -> list[Reading]:
        return [self.read(excerpt, hints=hints, language=language) for excerpt in excerpts]

    def close(self) -> None:
        pass


SOUND = Sound(mulaw.encode(np.zeros(80, np.int16)))


def texts(found: object) -> list[str]:
    assert isinstance(found, Readings)
    return [reading.text for reading in found.readings]


def test_requests_reach_the_reader() -> None:
    one = Read(new=SOUND, before=(Sound(SOUND.mulaw, "Hello."),), hints=("Ann",))
    assert texts(answer(Parrot(), one)) == ["80 after ['Hello.'] ['Ann']"]
    assert texts(answer(Parrot(), Read(new=SOUND, brief=True))) == ["80 after [] [] briefly"]
    both = ReadTogether(excerpts=(SOUND, SOUND))
    assert texts(answer(Parrot(), both)) == ["80 after [] []"] * 2


def test_what_cannot_be_read_is_told() -> None:
    assert answer(Parrot(), Read(new=SOUND, language="xx")) == Failed(message="not xx")
    assert answer(Parrot(), Read(new=Sound(b""))) == Failed(message="ZeroDivisionError: nothing")


def test_it_measures_itself() -> None:
    ready = measure(Parrot())
    assert (ready.name, ready.language, ready.window_ms) == ("parrot", "en", 1000)


def test_messages_survive_the_way() -> None:
    pipe = io.BytesIO()
    done = Readings(readings=(Reading(text="ä"),), cpu_s=0.5)
    send(pipe, done)
    request = Read(new=SOUND, hints=("Ann",))
    assert answer_decoder.decode(pipe.getvalue()[4:]) == done
    source = io.BytesIO(frame(request) * 2)
    assert [receive(source), receive(source), receive(source)] == [request, request, None]
    assert request_decoder.decode(frame(request)[4:]) == request
