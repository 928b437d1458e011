from __future__ import annotations

import asyncio

from callscribe.events import AnyEvent, FinalTranscript, LagChanged, PartialTranscript
from callscribe.speech.outbox import Outbox
from tests.said import final, partial


class Journal:
    """Publishes slowly, and refuses what it is told to."""

    def __init__(self, refuse: str = "") -> None:
        self.told: list[AnyEvent] = []
        self.refuse = refuse

    async def publish(self, event: AnyEvent) -> None:
        await asyncio.sleep(0)
        if isinstance(event, PartialTranscript | FinalTranscript) and event.text == self.refuse:
            raise OSError("disk full")
        self.told.append(event)


async def test_a_partial_nobody_has_seen_gives_way_to_what_follows_on_its_track() -> None:
    journal = Journal()
    outbox = Outbox(journal.publish, "MZ1")
    other = partial("other", track="outbound")
    for event in (partial("one"), other, partial("one two"), final("one two three")):
        outbox.post(event)
    outbox.start()
    await outbox.emptied()
    assert journal.told == [other, final("one two three")]
    await outbox.close()


async def test_all_that_was_posted_is_published_in_order_before_it_closes() -> None:
    journal = Journal()
    outbox = Outbox(journal.publish, "MZ1")
    outbox.start()
    posted = [LagChanged(call="CA1", leg="CA1", track="inbound", lag_ms=lag) for lag in range(20)]
    for event in posted:
        outbox.post(event)
    await outbox.close()
    assert journal.told == posted


async def test_never_started_it_still_publishes_what_waits_when_it_closes() -> None:
    journal = Journal()
    outbox = Outbox(journal.publish, "MZ1")
    outbox.post(final("the end"))
    await outbox.close()
    assert journal.told == [final("the end")]


async def test_an_event_that_cannot_be_published_holds_up_no_other() -> None:
    journal = Journal(refuse="bad")
    outbox = Outbox(journal.publish, "MZ1")
    outbox.start()
    outbox.post(final("bad"))
    outbox.post(final("good"))
    await outbox.close()
    assert journal.told == [final("good")]
