"""What `callscribe serve` runs: model, tunnel, numbers and the server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from callscribe.carriers.twilio.account import Account, Tell
from callscribe.carriers.twilio.client import CarrierClient, PhoneNumber
from callscribe.models.folder import ModelFolder, resolve
from callscribe.recognition import registry as engines
from callscribe.recognition.base import Recognizer
from callscribe.server.decoding import Elsewhere, in_processes
from callscribe.server.policy import calls_can_arrive
from callscribe.server.running import Server, running_server
from callscribe.settings import Settings
from callscribe.tunnel import open_tunnel
from callscribe.web.listening import listen

NOTES = "carrier"
"""Folder in the data folder where it is noted what a number was set to before we changed it."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a command's main coroutine, on uvloop where there is one: a media message costs a third less on it."""
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(main)
    else:
        uvloop.run(main)


@dataclass(frozen=True)
class Product:
    """What `callscribe serve` runs."""

    server: Server
    model: ModelFolder
    numbers: list[PhoneNumber]
    """Those whose calls are to come here."""
    account: Account | None
    """None without credentials."""

    @contextlib.asynccontextmanager
    async def taking_calls(self, tell: Tell) -> AsyncIterator[None]:
        """The numbers point here until the end of the block.

        Raises:
            CarrierError: the API refused.
        """
        if self.account is None:
            yield
            return
        async with self.account.pointed(self.numbers, self.server.address.public_url, tell):
            yield


@contextlib.asynccontextmanager
async def running_product(settings: Settings, tell: Tell) -> AsyncIterator[Product]:
    """The server with its model, its way in from outside and the numbers that are its own. It takes calls from its own
    address at once, from the numbers within `Product.taking_calls`.

    Args:
        tell: is told, one line each, what takes time or was put right.

    Raises:
        CallscribeError: a part cannot be had; says which and what to do.
    """
    async with contextlib.AsyncExitStack() as stack:
        account, own = carrier_account(settings), list[PhoneNumber]()
        if account is not None:
            stack.callback(account.close)
            if calls_can_arrive(settings):
                own = await account.choose(settings.public_url, tell)
        model = resolve(settings.model, language=settings.language)
        recognizer: Recognizer | Elsewhere
        if in_processes(settings) and model.kind != "reader":  # whose threads are not copied
            load = partial(engines.load_recognizer, model.path, model.facts)
            recognizer = Elsewhere(model.title, model.language, load)
        else:
            recognizer = await asyncio.to_thread(model.load_recognizer)
            stack.callback(recognizer.close)
        listener = listen(settings.host, settings.port)
        stack.callback(listener.close)
        server = await stack.enter_async_context(
            running_server(
                settings,
                recognizer,
                listener,
                measure=True,
                public_url=await _public_url(settings, listener, stack, tell),
                own_number=own[0].number if own else settings.number,
                carrier_api=None if account is None else account.client,
            )
        )
        yield Product(server, model, own, account)


async def _public_url(
    settings: Settings, listener: socket.socket, stack: contextlib.AsyncExitStack, tell: Tell
) -> str:
    """The address from the settings, or that of a tunnel, which closes with the stack; empty when there is neither."""
    if settings.tunnel == "none":
        return settings.public_url
    tell("Opening a tunnel ...")
    port = listener.getsockname()[1]
    tunnel = await asyncio.to_thread(open_tunnel, port, settings.ngrok_authtoken.reveal())
    stack.push_async_callback(asyncio.to_thread, tunnel.close)
    return tunnel.public_url


def carrier_account(settings: Settings) -> Account | None:
    """The account at the carrier, when there are credentials for it."""
    if not (settings.account_sid and settings.auth_token):
        return None
    client = CarrierClient(
        settings.account_sid, settings.auth_token.reveal(), base_url=settings.api_url
    )
    return Account(
        client,
        settings.data / NOTES,
        wanted=settings.number,
        configured=list(settings.numbers),
    )
