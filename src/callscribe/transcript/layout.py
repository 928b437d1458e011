"""Lays out what was said and what happened as turns, paragraphs and notes, and keeps that up to date.

A change is laid out again only around where it is: a partial at the end of a three-hour call costs as much as at its
beginning. Blocks that come out the same stay the same objects, so that a view sees at once what changed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from callscribe.transcript.parts import Block, Note, Order, Paragraph, Turn, Utterance

PARAGRAPH_PAUSE_MS = 2000
"""A longer silence of the same person begins a new paragraph."""
PARAGRAPH_MS = 45_000
"""So does the first utterance that starts this long after the paragraph did."""
OVERLAP_MS = 200
"""Two people talking at once for longer than this are shown as overlapping."""

Item = Utterance | Note


class Layout:
    """The items of a transcript in their order, and the blocks made of them."""

    def __init__(self) -> None:
        self._orders: list[Order] = []
        self._items: list[Item] = []
        self._blocks: list[Block] = []
        self._firsts: list[Order] = []
        """Where each block's first item stands."""
        self._dirty: tuple[Order, Order] | None = None

    def put(self, item: Item, before: Item | None = None) -> None:
        """Adds an item, in place of an earlier form of it."""
        if before is not None:
            self.remove(before)
        at = bisect_left(self._orders, item.order)
        self._orders.insert(at, item.order)
        self._items.insert(at, item)
        self._touch(item.order)

    def remove(self, item: Item) -> None:
        """Takes an item away."""
        at = bisect_left(self._orders, item.order)
        del self._orders[at], self._items[at]
        self._touch(item.order)

    @property
    def blocks(self) -> list[Block]:
        """Turns and notes in the order to read them. The list is the layout's own: copy it to keep it."""
        if self._dirty is not None:
            self._lay_out(*self._dirty)
            self._dirty = None
        return self._blocks

    def _touch(self, order: Order) -> None:
        low, high = self._dirty or (order, order)
        self._dirty = min(low, order), max(high, order)

    def _lay_out(self, low: Order, high: Order) -> None:
        blocks, firsts = self._blocks, self._firsts
        # From the turn before the change on, for it may now reach further or overlap differently.
        start = max(0, bisect_right(firsts, low) - 1)
        for _ in range(2):
            start = max(0, start - 1)
            while start > 0 and isinstance(blocks[start], Note):
                start -= 1
        before = _last_turn(blocks, start)
        previous: Block | None = None if before is None else blocks[before]
        position = bisect_left(self._orders, firsts[start]) if start else 0
        made: list[Block] = []
        made_firsts: list[Order] = []
        stop = len(blocks)
        while position < len(self._items):
            item, order = self._items[position], self._orders[position]
            if order > high:
                known = bisect_left(firsts, order)
                if (
                    known < len(firsts)
                    and firsts[known] == order
                    and _still_follows(blocks, known, previous)
                ):
                    stop = known
                    break
            if isinstance(item, Note):
                made.append(item)
                position += 1
            else:
                turn, position = self._turn(position, previous)
                made.append(turn)
                previous = turn
            made_firsts.append(order)
        # Whether a turn is overlapped at its end is known from the one after it.
        after = _next_turn(blocks, stop)
        overlapped = after is not None and after.overlaps_before
        same = {firsts[index]: blocks[index] for index in range(start, stop)}
        for index in range(len(made) - 1, -1, -1):
            block = made[index]
            if isinstance(block, Turn):
                block = Turn(block.paragraphs, block.overlaps_before, overlapped)
                overlapped = block.overlaps_before
            known_block = same.get(made_firsts[index])
            made[index] = known_block if known_block is not None and known_block == block else block
        if before is not None:
            last = blocks[before]
            assert isinstance(last, Turn)
            if last.overlaps_after != overlapped:
                blocks[before] = Turn(last.paragraphs, last.overlaps_before, overlapped)
        blocks[start:stop] = made
        firsts[start:stop] = made_firsts

    def _turn(self, position: int, previous: Block | None) -> tuple[Turn, int]:
        """The turn that begins at `position`, and where it stops."""
        first = self._items[position]
        assert isinstance(first, Utterance)
        paragraphs: list[list[Utterance]] = []
        while position < len(self._items):
            item = self._items[position]
            if isinstance(item, Note) or item.person is not first.person:
                break
            current = paragraphs[-1] if paragraphs else None
            if (
                current is None
                or item.start_ms - current[-1].end_ms > PARAGRAPH_PAUSE_MS
                or item.start_ms - current[0].start_ms > PARAGRAPH_MS
            ):
                paragraphs.append([item])
            else:
                current.append(item)
            position += 1
        made = tuple(Paragraph(tuple(each)) for each in paragraphs)
        return Turn(made, overlaps_before=_overlap(previous, first)), position


def _last_turn(blocks: list[Block], before: int) -> int | None:
    """Where the last turn before this block is."""
    return next((i for i in range(before - 1, -1, -1) if isinstance(blocks[i], Turn)), None)


def _next_turn(blocks: list[Block], at: int) -> Turn | None:
    """The first turn from this block on."""
    for index in range(at, len(blocks)):
        block = blocks[index]
        if isinstance(block, Turn):
            return block
    return None


def _still_follows(blocks: list[Block], at: int, previous: Block | None) -> bool:
    """Whether the blocks from `at` on stay as they are when `previous` is the last turn before them."""
    turn = _next_turn(blocks, at)
    return turn is None or turn.overlaps_before == _overlap(
        previous, turn.paragraphs[0].utterances[0]
    )


def _overlap(previous: Block | None, said: Utterance) -> bool:
    return (
        isinstance(previous, Turn)
        and previous.person is not said.person
        and previous.end_ms - said.start_ms > OVERLAP_MS
    )
