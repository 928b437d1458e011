"""The hub: nobody waits for a slow viewer, and a slow viewer loses nothing that lasts."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.events import (
    AnyEvent,
    CallEnded,
    FinalTranscript,
    LagChanged,
    Published,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    Track,
)
from callscribe.journal.hub import Hub, Resync, Subscription
from tests import said


def partial(
    utterance: str, revision: int, *, call: str = "CA1", track: Track = "inbound", text: str = "x"
) -> Published:
    event = said.partial(text, utterance=utterance, revision=revision, call=call, track=track)
    return Published(id=None, event=event)


def final(
    id_: int | None, utterance: str, *, call: str = "CA1", track: Track = "inbound"
) -> Published:
    return Published(id=id_, event=said.final("x", utterance=utterance, call=call, track=track))


async def drain(subscription: Subscription) -> list[Published | Resync]:
    return [await anext(subscription) for _ in range(len(subscription))]


def events_of(items: list[Published | Resync]) -> list[AnyEvent]:
    return [item.event for item in items if isinstance(item, Published)]


async def test_viewers_get_events_in_order() -> None:
    hub = Hub()
    with hub.subscribe() as first, hub.subscribe() as second:
        sent = [final(number, f"u{number}") for number in range(1, 6)]
        for published in sent:
            hub.publish(published)
        assert await drain(first) == sent
        assert await drain(second) == sent


async def test_a_partial_replaces_the_waiting_one_of_its_track_only() -> None:
    hub = Hub()
    with hub.subscribe() as viewer:
        hub.publish(partial("u1", 1))
        hub.publish(partial("u2", 1, track="outbound"))
        hub.publish(partial("u1", 2))
        items = await drain(viewer)
    assert items == [partial("u2", 1, track="outbound"), partial("u1", 2)]


async def test_a_final_takes_its_own_waiting_partial_with_it() -> None:
    hub = Hub()
    with hub.subscribe() as viewer:
        hub.publish(partial("u1", 1))
        hub.publish(final(1, "u1"))
        hub.publish(partial("u2", 1))
        assert await drain(viewer) == [final(1, "u1"), partial("u2", 1)]


async def test_a_final_leaves_the_next_utterances_partial_alone() -> None:
    hub = Hub()
    with hub.subscribe() as viewer:
        hub.publish(partial("u2", 1))
        hub.publish(final(1, "u1"))
        assert await drain(viewer) == [partial("u2", 1), final(1, "u1")]
    assert hub.current() == [partial("u2", 1)]


async def test_overflow_is_one_resync_and_then_only_what_is_not_in_the_store() -> None:
    hub = Hub()
    with hub.subscribe(capacity=3) as viewer:
        hub.publish(final(1, "u1"))
        hub.publish(final(2, "u2"))
        assert await anext(viewer) == final(1, "u1")
        for number in range(3, 20):
            hub.publish(final(number, f"u{number}"))
        hub.publish(final(None, "unstored"))
        hub.publish(partial("u20", 1))
        assert await drain(viewer) == [
            Resync(after_id=1),
            final(None, "unstored"),
            partial("u20", 1),
        ]
        hub.publish(final(20, "u20"))
        assert await drain(viewer) == [final(20, "u20")]


async def test_the_first_resync_does_not_start_from_zero() -> None:
    hub = Hub(last_id=500)
    with hub.subscribe(capacity=1) as viewer:
        hub.publish(final(501, "a"))
        hub.publish(final(502, "b"))
        assert await drain(viewer) == [Resync(after_id=500)]


async def test_a_slow_viewer_never_delays_another() -> None:
    hub = Hub()
    with hub.subscribe(capacity=2) as slow, hub.subscribe(capacity=2) as fast:
        for number in range(1, 1001):
            hub.publish(partial(f"u{number}", 1))
            hub.publish(final(number, f"u{number}"))
            assert await anext(fast) == final(number, f"u{number}")
        assert len(slow) <= 3
        assert await drain(slow) == [Resync(after_id=0)]


async def test_a_viewer_of_one_call_sees_that_call_and_store_failures() -> None:
    hub = Hub()
    failed = Published(id=None, event=StoreFailed(call="", message="disk full"))
    with hub.subscribe(call="CA1") as viewer:
        hub.publish(final(1, "u1", call="CA2"))
        hub.publish(final(2, "u1"))
        hub.publish(failed)
        assert await drain(viewer) == [final(2, "u1"), failed]


async def test_lag_is_replaced_per_track() -> None:
    hub = Hub()

    def lag(ms: int, track: Track) -> Published:
        return Published(id=None, event=LagChanged(call="CA1", leg="CA1", track=track, lag_ms=ms))

    with hub.subscribe() as viewer:
        hub.publish(lag(1000, "inbound"))
        hub.publish(lag(1500, "outbound"))
        hub.publish(lag(2000, "inbound"))
        assert await drain(viewer) == [lag(1500, "outbound"), lag(2000, "inbound")]


async def test_current_has_the_newest_unfinished_partial_per_track() -> None:
    hub = Hub()
    hub.publish(partial("u1", 1))
    hub.publish(partial("u1", 2))
    hub.publish(partial("u2", 1, track="outbound"))
    hub.publish(partial("u9", 1, call="CA9"))
    assert hub.current("CA1") == [partial("u1", 2), partial("u2", 1, track="outbound")]
    hub.publish(final(1, "u1"))
    assert hub.current("CA1") == [partial("u2", 1, track="outbound")]
    hub.publish(
        Published(
            id=2,
            event=StreamEnded(
                call="CA1", leg="CA1", stream="MZ1", reason="stop", counters=StreamCounters()
            ),
        )
    )
    assert hub.current("CA1") == []
    hub.publish(Published(id=3, event=CallEnded(call="CA9")))
    assert hub.current() == []


async def test_an_outage_is_current_until_it_is_over() -> None:
    hub = Hub()
    failed = Published(id=None, event=StoreFailed(call="", message="disk full"))
    hub.publish(partial("u1", 1))
    hub.publish(failed)
    assert hub.current("CA1") == [failed, partial("u1", 1)]
    hub.publish(Published(id=None, event=StoreFailed(call="", message="fine", resolved=True)))
    assert hub.current("CA1") == [partial("u1", 1)]


async def test_a_withdrawn_partial_is_not_current() -> None:
    hub = Hub()
    hub.publish(partial("u1", 1))
    hub.publish(partial("u1", 2, text=""))
    assert hub.current() == []


async def test_closing_lets_a_viewer_finish_reading() -> None:
    hub = Hub()
    viewer = hub.subscribe()
    hub.publish(final(1, "u1"))
    hub.close()
    hub.publish(final(2, "u2"))
    assert [item async for item in viewer] == [final(1, "u1")]
    assert hub.viewers == 0


async def test_closing_wakes_a_waiting_viewer() -> None:
    hub = Hub()
    viewer = hub.subscribe()
    reading = asyncio.create_task(anext(viewer, None))
    await asyncio.sleep(0)
    viewer.close()
    viewer.close()
    assert await reading is None


async def test_a_viewer_that_hoards_what_is_not_stored_yet_reads_it_again() -> None:
    hub = Hub()
    viewer = hub.subscribe(capacity=1)
    waiting = [final(None, f"u{number}") for number in range(100)]
    for published in waiting:
        hub.publish(published, pending=True)
    assert await drain(viewer) == [Resync(after_id=0)]
    assert hub.unstored() == waiting
    assert hub.unstored("CA9") == []
    stored = Published(id=1, event=waiting[0].event)
    hub.publish(stored)
    assert hub.unstored() == waiting[1:]
    hub.forget(waiting[1].event)
    assert hub.unstored() == waiting[2:]
    assert await drain(viewer) == [stored]


async def test_a_viewer_that_hoards_what_no_store_takes_is_let_go() -> None:
    hub = Hub()
    viewer = hub.subscribe(capacity=1)
    for number in range(100):
        hub.publish(final(None, f"u{number}"))
    assert hub.viewers == 0
    assert len(viewer) <= 17


async def test_a_fault_in_one_viewer_reaches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    with hub.subscribe() as broken, hub.subscribe() as whole:
        monkeypatch.setattr(broken, "_offer", None)
        hub.publish(final(1, "u1"))
        assert await drain(whole) == [final(1, "u1")]
        assert hub.viewers == 1


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Hub().subscribe(capacity=0)


_step = st.one_of(
    st.tuples(st.just("final"), st.integers(0, 1)),
    st.tuples(st.just("partial"), st.integers(0, 1)),
    st.tuples(st.just("unstored"), st.integers(0, 1)),
    st.tuples(st.just("read"), st.integers(1, 4)),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(_step, max_size=80), capacity=st.integers(1, 5))
def test_no_viewer_loses_a_final_and_ids_increase(
    steps: list[tuple[str, int]], capacity: int
) -> None:
    """A viewer that follows the rules sees every stored final once, in order, however slowly it reads."""

    async def scenario() -> None:
        hub = Hub()
        store: list[Published] = []
        unstored: list[Published] = []
        seen: list[int] = []
        seen_unstored: list[Published] = []
        tracks: tuple[Track, Track] = ("inbound", "outbound")

        async def read(viewer: Subscription, count: int) -> None:
            for _ in range(min(count, len(viewer))):
                item = await anext(viewer)
                if isinstance(item, Resync):
                    newest = max([item.after_id, *seen])
                    seen.extend(p.id for p in store if p.id is not None and p.id > newest)
                elif item.id is not None and item.id > max([0, *seen]):
                    seen.append(item.id)
                elif item.id is None and isinstance(item.event, FinalTranscript):
                    seen_unstored.append(item)

        with hub.subscribe(capacity=capacity) as viewer:
            for number, (kind, value) in enumerate(steps, start=1):
                if kind == "final":
                    published = final(number, f"u{number}", track=tracks[value])
                    store.append(published)
                    hub.publish(published)
                elif kind == "unstored":
                    published = final(None, f"u{number}", track=tracks[value])
                    unstored.append(published)
                    hub.publish(published)
                elif kind == "partial":
                    hub.publish(partial(f"u{number}", 1, track=tracks[value]))
                else:
                    await read(viewer, value)
                stored_waiting = len(viewer) - (len(unstored) - len(seen_unstored))
                assert stored_waiting <= capacity + len(tracks)
            if viewer in hub._subscriptions:
                await read(viewer, len(viewer))
                assert seen == [p.id for p in store]
                assert seen_unstored == unstored

    asyncio.run(scenario())
