"""How the answer flow ends."""

from __future__ import annotations

import pytest

from callscribe.calls.book import RegistryOptions
from callscribe.events import (
    CallEnded,
)
from tests.calls.fakes import World, completed


async def test_without_a_callback_the_call_ends_after_stop() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.registry.stream_closed(stream, "stop")
    assert (await world.ended()).status == "completed"


async def test_the_callback_may_come_before_stop() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    await world.registry.call_status(completed())
    assert not world.of(CallEnded)
    await world.registry.stream_closed(stream, "stop")
    assert (await world.ended()).status == "completed"
    assert world.sessions[0].closed == "stop"


async def test_the_callback_ends_the_call_when_stop_never_comes() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    await world.registry.call_status(completed())
    assert (await world.ended()).status == "completed"
    assert world.sessions[0].closed
    assert stream.superseded.is_set(), "the socket is told to close"
    await world.registry.stream_closed(stream, "socket-lost")


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "completed"])
async def test_a_call_that_ends_before_any_socket(status: str) -> None:
    world = World()
    await world.call()
    await world.registry.call_status(completed(status=status))
    assert (await world.ended()).status == status


async def test_a_call_whose_socket_never_opens_ends() -> None:
    world = World(options=RegistryOptions(no_stream_s=0.02))
    await world.call()
    end = await world.ended()
    assert (end.status, end.reason) == ("failed", "the carrier opened no media socket")
