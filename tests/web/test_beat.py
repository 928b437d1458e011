from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable

import pytest

from callscribe.web.beat import Beat

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the beat needs epoll")


class Socket(asyncio.Protocol):
    """One end of a connection; the other is `peer`."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.got = bytearray()
        self.parts = 0
        self.lost = asyncio.Event()
        self.beat: Beat | None = None
        self.on_data: Callable[[bytes], None] = lambda data: None
        self._more = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data
        self.parts += 1
        self._more.set()
        self.on_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.beat is not None:
            self.beat.leave(self)
        self.lost.set()

    async def has(self, size: int) -> bytes:
        """All that has come, as soon as it is so much."""
        async with asyncio.timeout(10):
            while len(self.got) < size:
                self._more.clear()
                await self._more.wait()
        return bytes(self.got)


async def connected(beat: Beat) -> tuple[Socket, socket.socket]:
    ours, peer = socket.socketpair()
    _, protocol = await asyncio.get_running_loop().create_connection(Socket, sock=ours)
    protocol.beat = beat
    beat.join(protocol)
    return protocol, peer


async def test_a_few_sockets_are_read_as_their_bytes_come_and_the_others_on_the_beat() -> None:
    beat = Beat(few=1)
    (first, one), (second, two) = await connected(beat), await connected(beat)
    assert len(beat) == 1
    one.sendall(b"now")
    two.sendall(b"with")
    two.sendall(b" the beat")
    assert await first.has(3) == b"now"
    assert await second.has(13) == b"with the beat"
    assert second.parts == 1
    first.transport.close()
    await first.lost.wait()
    third, three = await connected(beat)
    assert len(beat) == 1, "a place among the few is free again"
    for each in (second, third):
        each.transport.close()
        await each.lost.wait()
    for peer in (one, two, three):
        peer.close()


async def test_everything_a_peer_sent_is_read_before_its_end() -> None:
    beat = Beat(few=0)
    protocol, peer = await connected(beat)
    sent = bytes(range(256)) * 700  # more than is read at one beat
    await asyncio.to_thread(peer.sendall, sent)
    peer.close()
    async with asyncio.timeout(10):
        await protocol.lost.wait()
    assert protocol.got == sent
    assert len(beat) == 0


async def test_a_socket_that_leaves_is_read_by_its_transport() -> None:
    beat = Beat(few=0)
    protocol, peer = await connected(beat)
    protocol.on_data = lambda data: beat.leave(protocol, read_on=True)
    peer.sendall(b"a")
    await protocol.has(1)
    assert len(beat) == 0
    peer.sendall(b"b")
    assert await protocol.has(2) == b"ab"
    protocol.transport.close()
    await protocol.lost.wait()
    peer.close()


async def test_one_may_end_another_on_the_same_beat() -> None:
    beat = Beat(few=0)
    (first, one), (second, two) = await connected(beat), await connected(beat)
    first.on_data = lambda data: second.transport.abort()
    second.on_data = lambda data: first.transport.abort()
    one.sendall(b"x")
    two.sendall(b"x")
    async with asyncio.timeout(10):
        await asyncio.wait(
            {asyncio.ensure_future(each.lost.wait()) for each in (first, second)},
            return_when=asyncio.FIRST_COMPLETED,
        )
    assert len(first.got) + len(second.got) == 1
    for each in (first, second):
        each.transport.abort()
        await each.lost.wait()
    assert len(beat) == 0
    one.close()
    two.close()


async def test_what_comes_for_a_closing_socket_is_dropped() -> None:
    beat = Beat(few=0)
    protocol, peer = await connected(beat)
    peer.sendall(b"late")
    protocol.transport.close()
    async with asyncio.timeout(10):
        await protocol.lost.wait()
    assert protocol.got == b""
    assert len(beat) == 0
    peer.close()


async def test_a_reader_that_fails_ends_alone() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: told.append(context["exception"])
    )
    beat, failure = Beat(few=0), ValueError("boom")
    ends = [await connected(beat) for _ in range(3)]

    def fail(data: bytes) -> None:
        raise failure

    for protocol, _ in ends:
        protocol.on_data = fail
    (last, peer) = ends[-1]
    last.on_data = lambda data: None
    for _, each in ends:
        each.sendall(b"x")
    assert await last.has(1) == b"x"
    for protocol, _ in ends[:-1]:
        async with asyncio.timeout(10):
            await protocol.lost.wait()
    assert told == [failure, failure]
    assert len(beat) == 1
    peer.sendall(b"y")
    assert await last.has(2) == b"xy"
    last.transport.close()
    await last.lost.wait()
    for _, each in ends:
        each.close()
