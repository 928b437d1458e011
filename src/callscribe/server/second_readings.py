"""What reads utterances a second time, for all numbers and for those with a reader of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from callscribe.calls.plans import Flows, NumberFlow
from callscribe.errors import ModelError, SettingsError
from callscribe.journal.follow import JournalFollower
from callscribe.models.choice import AUTO, OFF, second_reader
from callscribe.models.folder import ModelFolder
from callscribe.reading.agenda import Agenda
from callscribe.reading.ears import Ears
from callscribe.reading.process import ReaderProcess
from callscribe.reading.service import ReadingService
from callscribe.reading.unread import FOLDER as UNREAD
from callscribe.reading.unread import KEY_FILE, Unread, seal_of
from callscribe.recognition.windows import SHORT_MS
from callscribe.sealing import Seal
from callscribe.server.policy import text_writer
from callscribe.server.record import Record
from callscribe.settings import Settings
from callscribe.speech.pool import DecodePool
from callscribe.speech.waiting import FOLDER as WAITING
from callscribe.speech.waiting import KeptStream, Rereading

_Reader = TypeVar("_Reader")


@dataclass(frozen=True)
class SecondReading:
    """The second reader at work."""

    model: ModelFolder
    ears: Ears
    service: ReadingService
    language: str
    """Of the first reader, BCP 47; empty: unknown, and the second finds out."""


@dataclass(frozen=True)
class SecondReadings:
    """All second readers at work."""

    general: SecondReading | None = None
    """None: the calls of numbers that say nothing else are not read again."""
    named: Mapping[str, SecondReading] = field(default_factory=dict)
    """By what numbers say."""

    def of(self, plan: NumberFlow) -> SecondReading | None:
        """Who reads the calls of a number; None: nobody."""
        if plan.second_reader is None:
            return self.general
        return self.named.get(plan.second_reader)

    def of_left(self, rereading: Rereading) -> SecondReading | None:
        """Who reads what an earlier process left of a call; where its number's reader is gone, the general one."""
        return _left_to(rereading, self.general, self.named)

    @property
    def all(self) -> tuple[SecondReading, ...]:
        found = [self.general, *self.named.values()]
        return tuple({id(reading): reading for reading in found if reading is not None}.values())

    def rereads(self, call: str) -> bool:
        """Whether more of this call is going to be read again."""
        return any(reading.service.rereads(call) for reading in self.all)


@contextlib.asynccontextmanager
async def second_readings(
    settings: Settings,
    flows: Flows,
    language: str,
    record: Record,
    pool: DecodePool,
    left: Sequence[KeptStream] = (),
    seal: Seal | None = None,
    *,
    alone: bool = False,
) -> AsyncIterator[SecondReadings]:
    """What reads utterances again, each model once, for whatever numbers.

    Args:
        pool: while it is behind, nothing is read again.
        left: streams that will be decoded though their calls are over.
        seal: for unread sound, where that is kept.
        alone: the recogniser is a reader itself: another is at work only where one is named.

    Raises:
        ModelError: a reader that is named is not there, or of another kind or language; says for which number.
    """
    general = None
    if not (alone and settings.second_reader == AUTO):
        general = second_reader(settings.second_reader, language=language)
    wanted = readers_of_numbers(flows, language)
    others = {
        model.path: model for model in wanted.values() if not general or model.path != general.path
    }
    if settings.keep_unread and (general or others):
        Unread(settings.data).adopt([model.name for model in others.values()])
    async with contextlib.AsyncExitStack() as stack:
        at_work: dict[Path, SecondReading] = {}
        for model in [*([general] if general else []), *others.values()]:
            unread = Unread(
                settings.data,
                memory=not settings.keep_unread,
                seal=seal,
                reader="" if model is general else model.name,
            )
            theirs = [
                kept
                for kept in left
                if (reader := _left_to(kept.head.rereading, general, wanted))
                and reader.path == model.path
            ]
            at_work[model.path] = await stack.enter_async_context(
                second_reading(
                    settings,
                    model,
                    language,
                    record,
                    unread,
                    pool,
                    theirs,
                )
            )
        yield SecondReadings(
            general=at_work[general.path] if general else None,
            named={name: at_work[model.path] for name, model in wanted.items()},
        )


@contextlib.asynccontextmanager
async def second_reading(
    settings: Settings,
    model: ModelFolder,
    language: str,
    record: Record,
    unread: Unread,
    pool: DecodePool,
    left: Sequence[KeptStream],
) -> AsyncIterator[SecondReading]:
    """One model that reads utterances again. What is unread when it closes is read when it starts again."""
    ears = Ears()
    with JournalFollower(record.store, record.hub, after=None) as follower:
        service = ReadingService(
            ReaderProcess(model.path),
            follower,
            publish=record.journal.publish,
            ears=ears,
            unread=unread,
            write=text_writer(settings, language),
            agenda=Agenda(SHORT_MS),
            hurried=lambda: pool.strain.hurried,
            put_off=lambda: pool.strain.put_off,
        )
        for kept in left:
            service.expect_rest(kept.head.call, kept.head.stream)
        running = asyncio.create_task(service.run(), name="second reading")
        try:
            yield SecondReading(model, ears, service, language)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def _left_to(
    rereading: Rereading, general: _Reader | None, named: Mapping[str, _Reader]
) -> _Reader | None:
    """Who reads what an earlier process left of a call; where its number's reader is gone, the general one."""
    if rereading.reader is None:
        return general
    return None if rereading.reader == OFF else named.get(rereading.reader, general)


def seal_of_waiting(settings: Settings) -> Seal | None:
    """What sound that waits in the data folder is sealed with; None: none waits there.

    Raises:
        SettingsError: the key can be neither read nor written.
    """
    if not settings.keep_unread:
        return None
    folders = (UNREAD, WAITING)
    try:
        return seal_of(settings.data, settings.unread_key.reveal(), folders=folders)
    except OSError as error:
        raise SettingsError(
            f"The key file {settings.data / KEY_FILE} can be neither read nor replaced ({error.strerror}). Make it "
            "readable for this user, or move it away: a new key is made, and audio sealed with the old one is lost."
        ) from None


def readers_of_numbers(flows: Flows, language: str) -> dict[str, ModelFolder]:
    """The second readers that numbers have of their own, by what the numbers say.

    Raises:
        ModelError: one is not there, or of another kind or language; names the number.
    """
    found: dict[str, ModelFolder] = {}
    for number, flow in flows.numbers.items():
        if flow.second_reader is not None:
            try:
                model = second_reader(flow.second_reader, language=language)
            except ModelError as error:
                raise ModelError(f'[numbers."{number}"], second_reader: {error}') from None
            if model is not None:
                found[flow.second_reader] = model
    return found
