"""Tokens for programs: made, listed, revoked."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.concurrency import run_in_threadpool

from callscribe.records import TokenRecord
from callscribe.store.base import TokenBook
from callscribe.web.grants import Scope
from callscribe.web.tokens import digest, new_token, now
from callscribe.web.v1.operations import Asked, Nothing, Operation
from callscribe.web.v1.problems import Problem

TOKEN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$"  # noqa: S105 - a pattern


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token that is wanted."""

    name: Annotated[str, Meta(pattern=TOKEN_NAME)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)] = ("read",)


class MadeToken(msgspec.Struct, frozen=True):
    """A token that was made. It is shown this once; only a digest is kept."""

    name: str
    token: str
    scopes: tuple[Scope, ...]


class TokenList(msgspec.Struct, frozen=True):
    """All tokens, oldest first, revoked ones too."""

    items: list[TokenRecord]


def operations(book: TokenBook) -> list[Operation[Any, Any]]:
    """Those of tokens."""

    async def list_tokens(asked: Asked[Nothing, None]) -> TokenList:
        return TokenList(await run_in_threadpool(book.all))

    async def add_token(asked: Asked[Nothing, NewToken]) -> MadeToken:
        wanted = asked.body
        if wanted.name in {kept.name for kept in await run_in_threadpool(book.all)}:
            raise Problem(409, "name-taken", f"There is or was a token called {wanted.name}.")
        token, scopes = new_token(), tuple(dict.fromkeys(wanted.scopes))
        await run_in_threadpool(book.add, wanted.name, digest(token), scopes, now())
        return MadeToken(wanted.name, token, scopes)

    async def revoke_token(asked: Asked[Nothing, None]) -> None:
        name = asked.path["token"]
        if not await run_in_threadpool(book.revoke, name, now()):
            raise Problem(404, "not-found", f"There is no token called {name}.")

    return [
        Operation(
            "list_tokens", "GET", "/tokens", "All named tokens, without the tokens themselves.",
            "admin", list_tokens, TokenList,
        ),
        Operation(
            "add_token", "POST", "/tokens", "Create a token. It is shown only once.", "admin",
            add_token, MadeToken, body=NewToken, status=201, problems=(409,),
        ),
        Operation(
            "revoke_token", "DELETE", "/tokens/{token}",
            "Revoke a token; it stops working at once.", "admin", revoke_token,
        ),
    ]  # fmt: skip
