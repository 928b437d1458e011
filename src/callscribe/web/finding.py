"""What the page's search field finds: calls, a block each, with the lines in which the words were said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from callscribe.records import CallPage, CallSummary, SearchHit, SearchPage
from callscribe.search.query import QueryError
from callscribe.store.base import Searcher
from callscribe.web.api import ApiError
from callscribe.web.search import filter_from

NAMES = ("q", "person", "from", "to", "longer", "tag", "missed")
"""What the form asks for; an address with one of them shows what is found."""
LINES = 3
"""Lines shown of a call."""
HITS = 100
"""Lines found at a time."""
CALLS = 20
"""Calls shown at a time that only their names, numbers or tags match."""
BETWEEN = "~"
"""Between the two places that a page ends at: among the lines, and among the calls."""


@dataclass
class Block:
    """A call that was found."""

    call: CallSummary
    lines: list[SearchHit] = field(default_factory=list)
    more: int = 0
    """Lines that are found and not shown."""


@dataclass
class Finds:
    """What was found, and what is said about it."""

    said: str
    """A sentence: how much, or why nothing."""
    blocks: Sequence[Block] = ()
    chips: Sequence[tuple[str, str]] = ()
    """The filters: name of the field, and in words."""
    suggestion: str = ""
    """The query that was perhaps meant."""
    address: str = ""
    """The query part of an address that finds the same."""
    cursor: str = ""
    """Where the next page begins; empty: this is the last."""


def is_asked(asked: QueryParams) -> bool:
    """Whether an address asks for anything."""
    return any(asked.get(name, "").strip() for name in NAMES)


def find(searcher: Searcher, asked: QueryParams) -> Finds:
    """Finds calls and lines. Blocks. What is wrong with a query is said, not raised."""
    given = [(name, asked[name].strip()) for name in NAMES if asked.get(name, "").strip()]
    query = asked.get("q", "").strip()
    chips = [(name, _filter_words(name, value)) for name, value in given if name != "q"]
    by_rank = asked.get("by") == "rank"
    address = [*given, ("by", "rank")] if by_rank else given
    finds = Finds("", chips=chips, address=f"?{urlencode(address)}" if given else "")
    lines_from, _, calls_from = asked.get("cursor", "").partition(BETWEEN)
    first = not lines_from and not calls_from
    try:
        wanted = filter_from(asked)
        lines, calls = SearchPage(hits=()), CallPage(calls=())
        if query and (first or lines_from):
            lines = searcher.search(query, wanted, limit=HITS, by_rank=by_rank, cursor=lines_from)
        if first or calls_from:
            calls = searcher.list_calls(wanted, words=query, limit=CALLS, cursor=calls_from)
    except (QueryError, ApiError) as error:
        finds.said = str(error)
        return finds
    blocks = _said(lines)
    named = [Block(call) for call in calls.calls if call.id not in blocks]
    finds.blocks = [*named, *blocks.values()]
    finds.suggestion = lines.did_you_mean
    if lines.cursor or calls.cursor:
        finds.cursor = f"{lines.cursor}{BETWEEN}{calls.cursor}"
    count = len(finds.blocks)
    if not count:
        looked = f"Nothing found for “{query}”" if query else "No call found"
        finds.said = f"{looked}{_among(chips)}."
    else:
        more = "More than " if finds.cursor else ""
        finds.said = f"{more}{count} {'call' if count == 1 else 'calls'}"
    return finds


def _said(page: SearchPage) -> dict[str, Block]:
    """The calls on which it was said."""
    blocks: dict[str, Block] = {}
    for hit in page.hits:
        block = blocks.setdefault(hit.call, Block(_call(hit)))
        if len(block.lines) < LINES:
            block.lines.append(hit)
        else:
            block.more += 1
    for block in blocks.values():
        block.lines.sort(key=lambda hit: hit.start_ms)
    return blocks


def _call(hit: SearchHit) -> CallSummary:
    return CallSummary(
        id=hit.call, sid=hit.call, status="completed", started_at=hit.started_at, from_=hit.from_,
        to=hit.to, from_name=hit.from_name, to_name=hit.to_name, direction=hit.direction,
        flow=hit.flow, duration_ms=hit.duration_ms,
    )  # fmt: skip


def _filter_words(name: str, value: str) -> str:
    match name:
        case "person":
            return f"with {value}"
        case "from":
            return f"since {value[:10]}"
        case "to":
            return f"until {value[:10]}"
        case "longer":
            minutes = int(value) // 60 if value.isdecimal() and len(value) < 8 else 0
            return f"longer than {minutes} min" if minutes else f"longer than {value} s"
        case "tag":
            return f"tagged {value}"
        case _:
            return "missed" if value == "true" else "answered"


def _among(chips: Sequence[tuple[str, str]]) -> str:
    return f" among calls {', '.join(words for _, words in chips)}" if chips else ""
