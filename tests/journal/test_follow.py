"""Following the journal: in order, without hole or double, however slowly one reads."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.events import (
    EPHEMERAL,
    AnyEvent,
    CallStarted,
    CallUpdated,
    Dial,
    PartialTranscript,
    ParticipantJoined,
    Published,
    SpeakerRenamed,
    StoreFailed,
    Track,
)
from callscribe.journal.follow import JournalFollower, Unnumbered
from callscribe.journal.hub import Hub
from tests import said

TRACKS: tuple[Track, Track] = ("inbound", "outbound")


class Record:
    """A store in memory and the hub beside it, step by step."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.stored: list[Published] = []
        self.unstored: list[AnyEvent] = []
        self.shown_unstored: list[AnyEvent] = []
        """Shown without an id, which happens once at most."""
        self.published: list[AnyEvent] = []
        """Everything that lasts, in order."""
        self.committed = 0
        self.failures = 0
        self.reads: list[tuple[int, str]] = []

    def events_after(
        self, cursor: int, *, call: str | None = None, limit: int = 1000
    ) -> list[Published]:
        self.reads.append((cursor, threading.current_thread().name))
        if self.failures:
            self.failures -= 1
            raise OSError("disk gone")
        return [
            published
            for published in self.stored
            if published.id is not None
            and published.id > cursor
            and call in (None, published.event.call)
        ][:limit]

    def commit(self, event: AnyEvent) -> None:
        """In the store; not yet shown."""
        self.stored.append(Published(len(self.stored) + 1, event))

    def show(self) -> None:
        """Pass on what is committed."""
        for published in self.stored[self.committed :]:
            self.hub.publish(published)
        self.committed = len(self.stored)

    def say(self, event: AnyEvent) -> None:
        self.published.append(event)
        self.commit(event)
        self.show()

    def say_unstored(self, event: AnyEvent) -> None:
        """The store does not answer: the event is shown, after those that it may or may not have taken."""
        for published in self.stored[self.committed :]:
            if published.event not in self.shown_unstored:
                self.shown_unstored.append(published.event)
                self.hub.publish(Published(None, published.event), pending=True)
        self.published.append(event)
        self.unstored.append(event)
        self.shown_unstored.append(event)
        self.hub.publish(Published(None, event), pending=True)

    def recover(self) -> None:
        """The store works again: what had gathered is written, and shown with its ids."""
        for event in self.unstored:
            self.commit(event)
        self.unstored.clear()

    def follow(
        self, *, after: int | None = 0, call: str | None = None, capacity: int = 512, page: int = 3
    ) -> JournalFollower:
        return JournalFollower(self, self.hub, after=after, call=call, capacity=capacity, page=page)


def final(number: int, *, call: str = "CA1", track: Track = "inbound") -> AnyEvent:
    return said.final("x", utterance=f"u{number}", call=call, track=track)


def partial(number: int, revision: int = 1, *, track: Track = "inbound") -> Published:
    return Published(
        None, said.partial("x", utterance=f"u{number}", revision=revision, track=track)
    )


async def test_the_past_in_pages_off_the_event_loop_and_then_the_present() -> None:
    record = Record()
    for number in range(7):
        record.say(final(number))
    with record.follow() as follower:
        past = [await anext(follower) for _ in range(7)]
        record.say(final(7))
        assert [*past, await anext(follower)] == record.stored
        assert follower.cursor == 8
    assert [cursor for cursor, _ in record.reads] == [0, 3, 6]
    assert {thread for _, thread in record.reads} == {"journal reader"}
    assert await follower.batch() == []


async def test_what_was_read_ahead_of_its_showing_is_not_given_again_without_an_id() -> None:
    record = Record()
    with record.follow(capacity=1) as follower:
        record.published.append(final(0))
        record.commit(final(0))  # the store has it, but has not said so
        first = await anext(follower)
        assert (first.id, first.event) == (1, final(0))
        other = [Published(None, final(number, call="CA2")) for number in range(17)]
        for published in other:
            record.hub.publish(published, pending=True)
        for published in other:  # too many for this viewer: it reads the store again
            record.hub.forget(published.event)
        record.say_unstored(final(1))
        rest = await follower.batch()
        assert [published.event for published in rest] == [final(1)]
        assert follower.resyncs == 1


async def test_a_viewer_from_now_on_gets_what_is_being_said_first() -> None:
    record = Record()
    record.say(final(0))
    record.hub.publish(partial(1, 4))
    with record.follow(after=None) as follower:
        record.hub.publish(partial(1, 5))
        assert await follower.batch() == [partial(1, 4), partial(1, 5)]
        record.say(final(1))
        assert await follower.batch() == [record.stored[1]]
    assert record.reads == []


async def test_a_late_viewer_gets_the_newest_revision_once_and_no_older_one() -> None:
    record = Record()
    record.say(final(0))
    follower = record.follow()
    record.hub.publish(partial(1, 1))
    record.hub.publish(partial(2, 2, track="outbound"))
    assert await follower.batch() == [
        record.stored[0],
        partial(1, 1),
        partial(2, 2, track="outbound"),
    ]
    record.hub.publish(partial(1, 2))
    assert await follower.batch() == [partial(1, 2)]
    follower.close()


async def test_one_calls_events_and_what_concerns_all() -> None:
    record = Record()
    record.say(final(0, call="CA2"))
    record.say(final(1))
    with record.follow(call="CA1") as follower:
        assert await follower.batch() == [record.stored[1]]
        failed = Published(None, StoreFailed(call="", message="disk full"))
        record.hub.publish(failed)
        record.say(final(2, call="CA2"))
        assert await follower.batch() == [failed]


async def test_what_is_not_in_the_store_yet_comes_to_late_viewers_too_and_once() -> None:
    record = Record()
    record.say(final(0))
    record.say_unstored(final(1))
    with record.follow() as early, record.follow() as late:
        wanted = [record.stored[0], Published(None, record.unstored[0])]
        assert await early.batch() == wanted
        record.recover()
        record.show()
        record.say(final(2))
        assert await early.batch() == [record.stored[2]]
        assert early.cursor == 3
        assert await late.batch() == record.stored


async def test_a_store_that_cannot_be_read_is_asked_again() -> None:
    record = Record()
    record.say(final(0))
    record.failures = 2
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    with JournalFollower(record, record.hub, after=0, wait=wait) as follower:
        assert await follower.batch() == record.stored
    assert waits == [0.5, 1.0]


async def test_cancelling_loses_nothing() -> None:
    record = Record()
    record.say(final(0))
    with record.follow() as follower:
        for number in range(1, 20):
            reading = asyncio.ensure_future(anext(follower))
            await asyncio.sleep(0)
            if not reading.done():
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            else:
                assert reading.result() == record.stored[follower.cursor - 1]
            record.say(final(number))
        while follower.cursor < 20:
            assert (await anext(follower)).id == follower.cursor


def test_events_without_an_id_are_known_again() -> None:
    shown = Unnumbered()
    assert shown.remember(final(1))
    assert not shown.remember(final(1))
    assert shown.forget(final(1))
    assert not shown.forget(final(1))


def test_events_are_known_again_by_whatever_name_they_come() -> None:
    """Somebody saves a contact while the store cannot be written."""
    before: list[AnyEvent] = [
        CallStarted(call="CA1", from_="+15005550010", to="+15005550006"),
        CallUpdated(call="CA1", dial=Dial(status="completed", to="+15005550020")),
        ParticipantJoined(call="CA1", leg="CA1", speaker="+15005550010"),
        final(1),
    ]
    after: list[AnyEvent] = [
        CallStarted(call="CA1", from_="+15005550010", to="+15005550006", from_name="Alice"),
        CallUpdated(call="CA1", dial=Dial(status="completed", to="+15005550020", name="Bob")),
        ParticipantJoined(call="CA1", leg="CA1", speaker="Alice"),
        msgspec.structs.replace(final(1), speaker="Alice"),
    ]
    shown = Unnumbered()
    for event in before:
        assert shown.remember(event)
    for event in after:
        assert shown.forget(event)
    renamed = SpeakerRenamed(call="CA1", leg="CA1", track="inbound", speaker="Alice")
    assert shown.remember(renamed)
    assert not shown.forget(msgspec.structs.replace(renamed, speaker="Bob"))


_step = st.one_of(
    st.tuples(st.sampled_from(["final", "unstored", "commit", "partial"]), st.integers(0, 1)),
    st.tuples(st.sampled_from(["show", "recover"]), st.just(0)),
    st.tuples(st.just("read"), st.integers(1, 6)),
)


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(_step, max_size=60),
    capacity=st.integers(1, 4),
    page=st.integers(1, 4),
    before=st.integers(0, 5),
    batches=st.booleans(),
)
def test_any_pattern_of_overflows_and_outages_gives_the_same_events(
    steps: list[tuple[str, int]], capacity: int, page: int, before: int, batches: bool
) -> None:
    """A follower gives everything that lasts once and in order, and no revision twice or after a newer one."""

    async def scenario() -> None:
        record = Record()
        seen: list[Published] = []
        for number in range(before):
            record.say(final(number))

        async def read(follower: JournalFollower) -> None:
            if batches:
                seen.extend(await follower.batch())
            else:
                seen.append(await anext(follower))

        async def some(follower: JournalFollower, turns: int) -> None:
            """As far as it comes in a few turns of the event loop; then it is interrupted."""
            reading = asyncio.ensure_future(read(follower))
            for _ in range(turns):
                await asyncio.sleep(0)
            if not reading.done():
                reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

        revisions = dict.fromkeys(TRACKS, 0)
        with record.follow(capacity=capacity, page=page) as follower:
            for number, (kind, value) in enumerate(steps, start=before):
                track = TRACKS[value % 2]
                event = final(number, track=track)
                match kind:
                    case "unstored":
                        record.say_unstored(event)
                    case "final" | "commit" if record.unstored:
                        record.say_unstored(event)  # as the journal does in an outage
                    case "final":
                        record.show()
                        record.say(event)
                    case "commit":
                        record.published.append(event)
                        record.commit(event)
                    case "partial":
                        revisions[track] += 1
                        record.hub.publish(partial(1000 + value, revisions[track], track=track))
                    case "show":
                        record.show()
                    case "recover":
                        record.show()
                        record.recover()
                    case _:
                        await some(follower, value)
            record.show()
            record.recover()
            record.show()
            record.say(final(9999))
            async with asyncio.timeout(30):
                while all(p.event != record.published[-1] for p in seen):
                    seen.extend(await follower.batch())
        lasting = [p.event for p in seen if not isinstance(p.event, EPHEMERAL)]
        assert lasting == record.published
        for track in TRACKS:
            given_out = [
                p.event.revision
                for p in seen
                if isinstance(p.event, PartialTranscript) and p.event.track == track
            ]
            assert given_out == sorted(set(given_out))

    asyncio.run(scenario())
