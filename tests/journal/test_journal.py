"""The journal: written down first, then shown; a store that fails takes no call with it."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path

import msgspec
import pytest

from callscribe.errors import RecordLostError, StoreError
from callscribe.events import (
    AnyEvent,
    CallEnded,
    DtmfReceived,
    FinalTranscript,
    PartialTranscript,
    Published,
    StoreFailed,
)
from callscribe.journal.follow import JournalFollower
from callscribe.journal.hub import Hub, Resync, Subscription
from callscribe.journal.journal import Journal
from callscribe.journal.spill import Spill, left_behind, take_in
from callscribe.journal.stages import Stage
from tests.said import final, partial
from tests.store.memory import Disk


class MemoryLog:
    """A store in memory that can be told to wait or to fail."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.transactions: list[int] = []
        self.threads: set[str] = set()
        self.failures = 0
        self.failures_of_index = 0
        self.unindexed = 0
        self.indexed_when: list[int] = []
        """How many events there were each time."""
        self.first = 1
        self.deleted = False
        self.nowhere_to_begin = False
        self.begun_anew = 0
        self.open_gate = threading.Event()
        self.open_gate.set()

    def append(self, events: Sequence[AnyEvent], *, index: bool = True) -> Sequence[int]:
        assert self.open_gate.wait(10)
        self.threads.add(threading.current_thread().name)
        self.check()
        if self.failures:
            self.failures -= 1
            raise OSError("disk full.")
        for event in events:
            if isinstance(event, FinalTranscript) and event.text == "poison":
                raise ValueError("no JSON form")
        first = self.first + len(self.events)
        self.events.extend(events)
        self.transactions.append(len(events))
        if not index:
            self.unindexed += len(events)
        return list(range(first, first + len(events)))

    def prepare(self, events: Sequence[AnyEvent]) -> Callable[[], Sequence[int]]:
        return lambda: self.append(events)

    def index_new(self, limit: int = 50) -> bool:
        self.check()
        if self.failures_of_index:
            self.failures_of_index -= 1
            raise OSError("disk full.")
        self.indexed_when.append(len(self.events))
        self.unindexed = max(0, self.unindexed - limit)
        return self.unindexed > 0

    async def indexed(self) -> None:
        while not self.indexed_when:  # noqa: ASYNC110 - it happens in another thread
            await asyncio.sleep(0.01)

    def check(self) -> None:
        if self.deleted:
            raise RecordLostError("journal.db was deleted while the server was running.")

    def begin_anew(self, kept: Sequence[Published], last_id: int) -> None:
        if self.nowhere_to_begin:
            raise StoreError("there is no folder.")
        self.deleted = False
        self.events = [published.event for published in kept]
        self.first = last_id + 1 - len(kept)
        self.begun_anew += 1

    def events_after(
        self, cursor: int, *, call: str | None = None, limit: int = 1000
    ) -> list[Published]:
        raise AssertionError("no viewer is that slow here")


async def drain(viewer: Subscription) -> list[Published]:
    items = [await anext(viewer) for _ in range(len(viewer))]
    assert not any(isinstance(item, Resync) for item in items)
    return [item for item in items if isinstance(item, Published)]


async def test_a_final_is_in_the_store_before_anyone_sees_it() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    log.open_gate.clear()
    with hub.subscribe() as viewer:
        publishing = asyncio.create_task(journal.publish(final("u1")))
        await asyncio.sleep(0.02)
        assert not publishing.done()
        assert len(viewer) == 0
        log.open_gate.set()
        await publishing
        assert len(log.events) == 1
        (shown,) = await drain(viewer)
        assert shown.id == 1
    await journal.close()


async def test_what_was_shown_is_indexed_a_moment_later() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, index_s=0.05)
    with hub.subscribe() as viewer:
        await journal.publish(final("u1"))
        assert len(viewer) == 1
        assert log.indexed_when == []
        await log.indexed()
    assert log.indexed_when == [1]
    await journal.close()
    assert log.indexed_when == [1]


async def test_all_is_indexed_at_the_end() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, index_s=60)
    for number in range(120):
        await journal.publish(final(f"u{number}"))
    assert log.indexed_when == []
    await journal.close()
    assert log.indexed_when == [120, 120, 120]
    assert log.unindexed == 0


async def test_a_store_that_cannot_index_is_an_outage_like_any_other() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, index_s=0.02, retry_s=0.02)
    log.failures_of_index = 1
    await journal.publish(final("u1"))
    await log.indexed()
    assert log.unindexed == 0
    assert journal.failure is None
    await journal.publish(final("u2"))
    await journal.close()
    assert [e.utterance for e in log.events if isinstance(e, FinalTranscript)] == ["u1", "u2"]


async def test_partials_do_not_wait_for_the_store() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    log.open_gate.clear()
    with hub.subscribe() as viewer:
        waiting = asyncio.create_task(journal.publish(final("u1")))
        await journal.publish(partial("u2"))
        (shown,) = await drain(viewer)
        assert shown.id is None
        assert isinstance(shown.event, PartialTranscript)
        log.open_gate.set()
        await waiting
    await journal.close()
    assert len(log.events) == 1


async def test_an_empty_time_is_filled_and_a_given_one_kept() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    with hub.subscribe() as viewer:
        await journal.publish(final("u1"))
        await journal.publish(
            FinalTranscript(
                **{
                    f: getattr(final("u2"), f)
                    for f in FinalTranscript.__struct_fields__
                    if f != "at"
                },
                at="2026-01-15T10:00:50.123Z",
            )
        )
        first, second = await drain(viewer)
    await journal.close()
    assert first.event.at.endswith("Z")
    assert len(first.event.at) == len("2026-01-15T10:00:50.123Z")
    assert second.event.at == "2026-01-15T10:00:50.123Z"
    assert log.events[0].at == first.event.at


async def test_what_has_gathered_is_one_transaction() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    log.open_gate.clear()
    first = asyncio.create_task(journal.publish(final("first")))
    await asyncio.sleep(0.02)  # the writer holds the first one
    rest = [asyncio.create_task(journal.publish(final(f"u{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    log.open_gate.set()
    await asyncio.gather(first, *rest)
    await journal.close()
    assert log.transactions == [1, 50]
    assert len(log.threads) == 1


async def test_many_publishers_one_strictly_increasing_order() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    dice = random.Random(7)
    with hub.subscribe(capacity=10_000) as viewer:

        async def publisher(call: str) -> None:
            for number in range(20):
                await journal.publish(final(f"u{number}", call=call))
                if dice.random() < 0.5:
                    await asyncio.sleep(0)

        await asyncio.gather(*(publisher(f"CA{n}") for n in range(30)))
        shown = await drain(viewer)
    await journal.close()
    ids = [published.id for published in shown]
    assert ids == list(range(1, 601))
    assert [published.event for published in shown] == log.events
    for call in range(30):
        said = [
            e.text for e in log.events if isinstance(e, FinalTranscript) and e.call == f"CA{call}"
        ]
        assert said == [f"u{number}" for number in range(20)]


async def test_a_cancelled_publisher_has_published() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    log.open_gate.clear()
    publishing = asyncio.create_task(journal.publish(final("u1")))
    await asyncio.sleep(0.02)
    publishing.cancel()
    log.open_gate.set()
    await journal.close()
    assert len(log.events) == 1
    assert publishing.cancelled()


async def test_a_failing_store_is_told_once_and_written_later() -> None:
    log, hub = MemoryLog(), Hub()
    told: list[str] = []
    journal = Journal(log, hub, on_store_failure=told.append, retry_s=0.01)
    log.failures = 3
    shown: list[Published] = []
    with JournalFollower(log, hub, after=None) as viewer:
        for number in count(1):
            await journal.publish(final(f"u{number}"))
            shown += await viewer.batch()
            if journal.failure is None and number > 3:
                break
            await asyncio.sleep(0.005)
    await journal.close()
    assert told == ["disk full."]
    failures = [p.event for p in shown if isinstance(p.event, StoreFailed)]
    assert [failure.resolved for failure in failures] == [False, True]
    assert "disk full" in failures[0].message
    said = [p.event for p in shown if isinstance(p.event, FinalTranscript)]
    assert log.events == said  # all of them, in order, each shown once
    ids = [p.id for p in shown if p.id is not None]
    assert ids == sorted(set(ids))
    assert hub.unstored() == []
    assert hub.last_id == len(log.events)


async def test_closing_tries_a_failed_store_once_more() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, retry_s=3600)
    log.failures = 1
    await journal.publish(final("u1"))
    assert journal.failure == "disk full."
    await journal.publish(final("u2"))
    await journal.close()
    assert [e.text for e in log.events if isinstance(e, FinalTranscript)] == ["u1", "u2"]


async def test_a_store_that_fails_to_the_end_hinders_no_close() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, retry_s=0.01)
    log.failures = 1_000_000
    with hub.subscribe() as viewer:
        await journal.publish(final("u1"))
        await journal.close()
        assert any(isinstance(p.event, FinalTranscript) for p in await drain(viewer))


async def test_memory_during_an_outage_is_bounded_and_the_loss_is_said() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, retry_s=0.01, keep=5)
    log.failures = 1
    with JournalFollower(log, hub, after=None) as viewer:
        for number in range(8):
            await journal.publish(final(f"u{number}"))
        shown: list[Published] = []
        while not shown or shown[-1].event != StoreFailed(
            call="",
            at=shown[-1].event.at,
            message="The record is being written again. 3 events were lost.",
            resolved=True,
        ):
            shown.append(await anext(viewer))
    await journal.close()
    assert len([p for p in shown if isinstance(p.event, FinalTranscript)]) == 8
    assert len(log.events) == 5


async def test_publishing_after_close_still_shows() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    await journal.close()
    await journal.close()
    with hub.subscribe() as viewer:
        await journal.publish(final("u1"))
        assert [p.id for p in await drain(viewer)] == [None]


@pytest.mark.parametrize("outage", [False, True])
async def test_an_event_that_can_never_be_stored_holds_up_no_other(outage: bool) -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, retry_s=0.01)
    with JournalFollower(log, hub, after=None) as viewer:
        if outage:
            log.failures = 1
            for text in ("a", "poison", "b"):
                await journal.publish(final(text))
        else:
            log.open_gate.clear()
            first = asyncio.create_task(journal.publish(final("a")))
            await asyncio.sleep(0.02)
            rest = [asyncio.create_task(journal.publish(final(t))) for t in ("poison", "b", "c")]
            await asyncio.sleep(0)
            log.open_gate.set()
            await asyncio.gather(first, *rest)
        await journal.close()
        shown = await viewer.batch()
    assert journal.failure is None
    kept = [event.text for event in log.events if isinstance(event, FinalTranscript)]
    assert kept == (["a", "b"] if outage else ["a", "b", "c"])
    said = [p.event.text for p in shown if isinstance(p.event, FinalTranscript)]
    assert said == (["a", "poison", "b"] if outage else ["a", "poison", "b", "c"])
    assert any(isinstance(p.event, StoreFailed) for p in shown)


async def test_a_store_that_does_not_answer_holds_up_nobody() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, patience_s=0.01, stalled_s=0.05)
    log.open_gate.clear()
    with JournalFollower(log, hub, after=None) as viewer:
        await journal.publish(final("u1"))
        await journal.publish(final("u2"))
        shown = [await anext(viewer) for _ in range(3)]
        assert [(p.id, p.event) for p in shown[:2]] == [(None, event) for event in hub_events(hub)]
        failed = shown[2]
        assert isinstance(failed.event, StoreFailed)
        assert "has not answered for 0.05 s" in failed.event.message
        assert journal.failure is not None
        log.open_gate.set()
        works = await anext(viewer)
        assert works.event == StoreFailed(
            call="",
            at=works.event.at,
            message="The record is being written again.",
            resolved=True,
        )
        assert journal.failure is None
        await journal.publish(final("u3"))
        assert [p.id for p in await viewer.batch()] == [3]
    await journal.close()
    said = [event.text for event in log.events if isinstance(event, FinalTranscript)]
    assert said == ["u1", "u2", "u3"], "each is written once"


def hub_events(hub: Hub) -> list[AnyEvent]:
    return [published.event for published in hub.unstored()]


async def test_a_store_that_is_only_late_is_no_news() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, patience_s=0.01, stalled_s=3600)
    log.open_gate.clear()
    with hub.subscribe() as viewer:
        await journal.publish(final("u1"))
        await journal.publish(final("u2"))
        assert len(viewer) == 0, "nobody sees what a crash could take back"
        log.open_gate.set()
        await journal.close()
        assert [p.id for p in await drain(viewer)] == [1, 2]


async def test_closing_waits_for_a_silent_store_only_so_long(tmp_path: Path) -> None:
    log, hub = MemoryLog(), Hub()
    spill = Spill([tmp_path], "key")
    journal = Journal(
        log, hub, spill=spill, patience_s=0.01, stalled_s=0.01, retry_s=0.01, closing_s=0.01
    )
    log.open_gate.clear()
    await journal.publish(final("u1"))
    await journal.publish(final("u2"))
    await journal.close()
    ((file, events),) = left_behind([tmp_path], "key")
    assert [event.text for event in events if isinstance(event, FinalTranscript)] == ["u1", "u2"]
    log.open_gate.set()
    while len(log.events) < 1:  # noqa: ASYNC110 - another thread changes it
        await asyncio.sleep(0.001)
    store = Disk().open()
    store.append(log.events)  # it took the first one after all
    assert take_in(store, [tmp_path], "key") == 1
    assert [p.event for p in store.events_after(0)] == events
    assert not file.exists()
    assert take_in(store, [tmp_path], "key") == 0


async def test_what_a_failed_store_did_not_take_is_on_a_disk_until_it_does(tmp_path: Path) -> None:
    log, hub = MemoryLog(), Hub()
    spill = Spill([tmp_path / "file" / "no-folder", tmp_path / "other"], "key")
    (tmp_path / "file").write_bytes(b"")
    journal = Journal(log, hub, spill=spill, retry_s=0.05)
    log.failures = 1
    await journal.publish(final("u1"))
    await journal.publish(final("u2"))
    assert await spill.settled()
    assert spill.place is not None
    assert spill.place.parent == tmp_path / "other"
    assert spill.place.stat().st_mode & 0o777 == 0o600
    assert len(spill.place.read_bytes().splitlines()) == 2
    await journal.close()
    assert len(log.events) == 2
    assert await spill.settled()
    assert left_behind([tmp_path / "other"], "key") == []


async def test_a_lost_record_is_noticed_told_and_begun_anew() -> None:
    log, hub = MemoryLog(), Hub()
    told: list[str] = []
    journal = Journal(log, hub, on_store_failure=told.append, check_s=0.01, retry_s=0.01)
    journal.start()
    with JournalFollower(log, hub, after=None) as viewer:
        await journal.publish(final("u1"))
        await journal.publish(final("u2"))
        assert [p.id for p in await viewer.batch()] == [1, 2]
        log.deleted = True
        log.events = []
        said = [(await anext(viewer)).event for _ in range(2)]
        assert [event.resolved for event in said if isinstance(event, StoreFailed)] == [False, True]
        assert told == ["journal.db was deleted while the server was running."]
        assert journal.failure is None
        await journal.publish(final("u3"))
        assert [p.id for p in await viewer.batch()] == [3]
    await journal.close()
    assert [e.text for e in log.events if isinstance(e, FinalTranscript)] == ["u1", "u2", "u3"]
    assert log.begun_anew == 1


async def test_what_is_remembered_of_a_lost_record_outlives_the_process_too(
    tmp_path: Path,
) -> None:
    log, hub = MemoryLog(), Hub()
    spill = Spill([tmp_path], "key")
    journal = Journal(log, hub, spill=spill, check_s=0.01, retry_s=0.01)
    await journal.publish(final("u1"))
    await journal.publish(final("u2"))
    log.deleted = log.nowhere_to_begin = True
    log.events = []
    while journal.failure is None:  # noqa: ASYNC110 - noticed by the journal's own clock
        await asyncio.sleep(0.01)
    await journal.publish(final("u3"))
    await journal.close()
    ((_, left),) = left_behind([tmp_path], "key")
    assert [event.text for event in left if isinstance(event, FinalTranscript)] == [
        "u1",
        "u2",
        "u3",
    ]


class Redact(Stage):
    """Changes finals, drops partials, holds a digit back until the call ends, fails on a name."""

    name = "redact"

    def __init__(self) -> None:
        self.held: list[AnyEvent] = []

    def take(self, event: AnyEvent) -> Iterable[AnyEvent]:
        match event:
            case FinalTranscript(text="fail"):
                raise ValueError(f"what was said: {event.text}")
            case FinalTranscript():
                return (msgspec.structs.replace(event, text="***"),)
            case PartialTranscript():
                return ()
            case DtmfReceived():
                self.held.append(event)
                return ()
            case CallEnded():
                held, self.held = self.held, []
                return (*held, event)
        return (event,)

    def close(self) -> Iterable[AnyEvent]:
        return self.held


async def test_every_event_passes_the_stages_first() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, stages=[Redact()])
    digit = DtmfReceived(call="CA1", at="x", leg="CA1", track="inbound", digit="1", at_ms=0)
    end = CallEnded(call="CA1", at="y")
    with hub.subscribe() as viewer:
        for event in (partial("secret"), final("secret"), digit, end, digit):
            await journal.publish(event)
        assert hub.current() == []
        shown = [p.event for p in await drain(viewer)]
        await journal.close()
        shown += [p.event for p in await drain(viewer)]
    assert shown == log.events
    assert isinstance(shown[0], FinalTranscript)
    assert shown[0].text == "***"
    assert shown[1:] == [digit, end, digit]
    assert journal.withheld == 0


async def test_a_failing_stage_lets_nothing_through_and_says_so() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, stages=[Redact()])
    with hub.subscribe() as viewer:
        for _ in range(5):
            await journal.publish(final("fail"))
        await journal.publish(final("well"))
        shown = [p.event for p in await drain(viewer)]
    await journal.close()
    notices = [event.message for event in shown if isinstance(event, StoreFailed)]
    assert (
        notices[-1]
        == "4 events withheld so far: the stage redact fails (FinalTranscript: ValueError)."
    )
    assert len(log.events) == 1
    assert journal.withheld == 5
    assert "what was said" not in str(shown)


async def test_a_whole_call_is_one_transaction_and_then_known() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, stages=[Redact()])
    with hub.subscribe() as viewer:
        await journal.publish(final("live"))
        await journal.bring_in([final("secret"), *(final(str(n)) for n in range(200))])
        await journal.publish(final("live"))
        shown = await drain(viewer)
    assert log.transactions == [1, 201, 1]
    assert [published.id for published in shown] == list(range(1, 204))
    assert [published.event for published in shown] == log.events
    assert log.events[1].text == "***"  # type: ignore[union-attr]
    await journal.close()
    assert not log.unindexed


async def test_a_whole_call_that_cannot_be_written_is_nobodys_affair_but_its_senders() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub)
    with hub.subscribe() as viewer:
        log.failures = 1
        with pytest.raises(OSError, match="disk full"):
            await journal.bring_in([final("a"), final("b")])
        assert journal.failure is None
        await journal.publish(final("live"))
        assert [published.event for published in await drain(viewer)] == log.events
        await journal.bring_in([final("a"), final("b")])
    assert len(log.events) == 3
    await journal.close()
    with pytest.raises(StoreError, match="closing"):
        await journal.bring_in([final("c")])


async def test_no_whole_call_is_taken_while_the_store_does_not_answer() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, patience_s=0.01, stalled_s=0.05, retry_s=0.01, closing_s=0.05)
    log.open_gate.clear()
    failed = asyncio.Event()
    journal._on_store_failure = lambda _: failed.set()
    await journal.publish(final("live"))
    bringing = asyncio.create_task(journal.bring_in([final("a"), final("b")]))
    await failed.wait()
    with pytest.raises(StoreError, match="has not answered"):
        await journal.bring_in([final("c")])
    log.open_gate.set()
    with pytest.raises(StoreError, match="has not answered"):
        await bringing
    await journal.close()
    assert [event.text for event in log.events] == ["live"]  # type: ignore[union-attr]


async def test_a_whole_call_that_is_not_ready_when_the_store_fails_is_refused_at_once() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, retry_s=60)
    ready, asked = threading.Event(), threading.Event()

    def prepare(events: Sequence[AnyEvent]) -> Callable[[], Sequence[int]]:
        asked.set()
        assert ready.wait(10)
        return lambda: log.append(events)

    log.prepare = prepare  # type: ignore[method-assign]
    bringing = asyncio.create_task(journal.bring_in([final("a"), final("b")]))
    await asyncio.to_thread(asked.wait, 10)
    log.failures = 1
    await journal.publish(final("live"))
    assert journal.failure == "disk full."
    ready.set()
    with pytest.raises(StoreError, match="disk full"):
        async with asyncio.timeout(5):
            await bringing
    await journal.close()
    assert [event.text for event in log.events] == ["live"]  # type: ignore[union-attr]


async def test_a_whole_call_that_waits_behind_a_store_that_stalls_is_refused_at_once() -> None:
    log, hub = MemoryLog(), Hub()
    journal = Journal(log, hub, patience_s=0.01, stalled_s=0.05, retry_s=0.01)
    log.open_gate.clear()
    await journal.publish(final("live"))
    with pytest.raises(StoreError, match="has not answered"):
        async with asyncio.timeout(5):
            await journal.bring_in([final("a"), final("b")])
    log.open_gate.set()
    await journal.close()
    assert [event.text for event in log.events] == ["live"]  # type: ignore[union-attr]
