"""Where speech is decoded: worker processes, or threads of this one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from callscribe.calls.plans import Flows
from callscribe.errors import ModelError
from callscribe.models.folder import ModelFolder, resolve
from callscribe.recognition.base import Recognizer
from callscribe.server.policy import text_writer, writer_options
from callscribe.settings import Settings
from callscribe.speech import capacity
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool, usable_cores
from callscribe.speech.recovery import Place, RecogniserFailed
from callscribe.speech.stream import DecodingOptions
from callscribe.speech.track import Progress
from callscribe.speech.worker import Made
from callscribe.speech.workers import Workers
from callscribe.text.writer import Writer

_log = structlog.get_logger(__name__)
_TRIAL = -1
"""Number of a stream that is only tried."""


@dataclass(frozen=True)
class Elsewhere:
    """A recogniser that is loaded in worker processes and not in this one."""

    name: str
    language: str
    """BCP 47; empty: unknown."""
    load: Callable[[], Recognizer]
    """Picklable."""


def in_processes(settings: Settings) -> bool:
    """Whether speech is decoded in processes of its own."""
    return settings.workers == "processes" and sys.platform != "win32"


def load_recognizer(settings: Settings) -> tuple[Recognizer, ModelFolder]:
    """The model that the settings name, loaded. Takes a tenth of a second for a small one, many for a large one.

    Raises:
        ModelError: it is not there, broken, or of another language.
    """
    model = resolve(settings.model, language=settings.language)
    return model.load_recognizer(), model


@contextlib.asynccontextmanager
async def decoding(
    settings: Settings, recognizer: Recognizer | Elsewhere, flows: Flows, *, measure: bool = False
) -> AsyncIterator[DecodePool]:
    """Where speech is decoded; on leaving, everything that was heard is decoded.

    Raises:
        ModelError: a worker process cannot load the model, or it cannot be restricted to a number's phrases.
    """
    count = settings.threads or usable_cores()
    async with contextlib.AsyncExitStack() as stack:
        places: Sequence[capacity.MeasuredPlace]
        if isinstance(recognizer, Elsewhere):
            write = partial(Writer.for_language, recognizer.language, writer_options(settings))
            workers = Workers(Made(recognizer.load, write), count)
            stack.callback(workers.close)
            await asyncio.to_thread(workers.start)
            places, threads = workers.places, 1
        else:
            places = [InProcess(recognizer, text_writer(settings, recognizer.language))]
            threads = count
        await asyncio.to_thread(check_phrases, flows, places[0])
        tracks = 0
        if measure or settings.capacity != "auto":
            tracks = await asyncio.to_thread(
                capacity_of, settings, recognizer.name, places, threads
            )
        pool = DecodePool(places, threads=threads, capacity=tracks)
        stack.push_async_callback(pool.close)
        yield pool


def capacity_of(
    settings: Settings, model: str, places: Sequence[capacity.MeasuredPlace], threads: int
) -> int:
    """How many tracks are followed live: as set, as an earlier start measured, or measured now; 0: not known."""
    if settings.capacity != "auto":
        return int(settings.capacity)
    workers = len(places) * threads
    kind = "threads" if any(isinstance(place, InProcess) for place in places) else "processes"
    known = capacity.kept(settings.data, model, workers, kind)
    if known is not None and not known.busy:
        return known.tracks
    cores = capacity.cores_granted()
    found = capacity.measure(places, capacity.packaged_call(), threads=threads, cores=cores)
    tracks = max(found.tracks, known.tracks if known is not None else 0)
    if not tracks:
        _log.warning("the capacity could not be measured: calls are taken without a bound")
    elif found.tracks:
        measured = capacity.Measured(
            tracks=tracks,
            model=model,
            workers=workers,
            kind=kind,
            by="processor time",
            busy=found.busy,
        )
        capacity.keep(settings.data, measured)
    if found.busy:
        _log.info(
            "the capacity may be more: the machine was busy while it was measured", tracks=tracks
        )
    return tracks


def check_phrases(flows: Flows, place: Place) -> None:
    """Find out before the first call whether the model can be restricted to the numbers' phrases.

    Args:
        place: where it is loaded.

    Raises:
        ModelError: it cannot; names the number and the model.
    """
    for number, flow in flows.numbers.items():
        if flow.phrases:
            place.open(_TRIAL, DecodingOptions(phrases=flow.phrases))
            try:
                place.begin(_TRIAL, "inbound", Progress())
            except RecogniserFailed as error:
                raise ModelError(f'[numbers."{number}"], phrases: {error}') from None
            finally:
                place.close(_TRIAL)
