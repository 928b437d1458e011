"""Pages kept drawn: whatever a viewer has, the steps bring it to what everybody else sees."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.events import (
    AnyEvent,
    GapDetected,
    GapReason,
    RecordSettled,
    SpeakerRenamed,
    StreamStarted,
)
from callscribe.web import board as board_module
from callscribe.web.callboard import CallBoard
from callscribe.web.drawing import Drawing
from tests.transcript.events import CALL, any_events
from tests.web.script import Call, bank

DRAWING = Drawing()


class Shown:
    """What `static/pieces.js` does, on strings."""

    def __init__(self, board: CallBoard) -> None:
        self.rows: dict[str, str] = {}
        self.regions: dict[str, str] = {}
        self.said: list[str] = []
        self.seen = board.version
        self.take(board.everything("written"))

    def follow(self, board: CallBoard) -> list[list[Any]]:
        """Comes up to date; the steps that it took."""
        steps = board.message(self.seen, "written")
        self.seen = board.version
        return self.take(steps) if steps else []

    def take(self, message: bytes) -> list[list[Any]]:
        steps: list[list[Any]] = json.loads(message)
        for step, *values in steps:
            match step:
                case "talk":
                    self.rows = {
                        _id(row): row
                        for row in re.findall(
                            r'<(?:section|p class="note).*?</(?:section|p)>(?=<section|<p class="note|</div>$)',
                            values[0],
                        )
                    }
                case "put" if values[0].startswith("u-"):
                    self.rows = {id: _with_utterance(row, *values) for id, row in self.rows.items()}
                case "put":
                    self.regions[values[0]] = values[1]
                case "row":
                    self.put(*values)
                case "drop":
                    self.rows.pop(values[0], None)
                case "name":
                    who, text = values
                    name = re.compile(rf'(<bdi data-name="{re.escape(who)}">)[^<]*')
                    for each in (self.rows, self.regions):
                        for id, html in each.items():
                            each[id] = name.sub(rf"\g<1>{text}", html)
                case "say":
                    self.said.append(values[0])
        return steps

    def put(self, id: str, html: str, after: str) -> None:
        rest = [(key, row) for key, row in self.rows.items() if key != id]
        keys = [key for key, _ in rest]
        at = keys.index(after) + 1 if after else 0
        self.rows = dict([*rest[:at], (id, html), *rest[at:]])


def _id(html: str) -> str:
    found = re.search(r' id="([^"]*)"', html)
    assert found is not None
    return found[1]


def _with_utterance(row: str, id: str, html: str) -> str:
    begin = re.search(rf'<span class="u[^"]*" id="{re.escape(id)}">', row)
    if begin is None:
        return row
    depth, end = 0, begin.start()
    for tag in re.finditer(r"</?span", row[begin.start() :]):
        depth += 1 if tag[0] == "<span" else -1
        if depth == 0:
            end = begin.start() + tag.end() + 1
            break
    return row[: begin.start()] + html + row[end:]


@settings(deadline=None)
@given(any_events, st.data())
def test_any_viewer_comes_to_show_the_same(events: list[AnyEvent], data: st.DataObject) -> None:
    """One looks at every change, one now and then, one comes at the end; their pages are the same to the letter."""
    board = CallBoard(CALL, DRAWING)
    quick, slow = Shown(board), Shown(board)
    for event in events:
        board.apply([event])
        quick.follow(board)
        if data.draw(st.integers(0, 5)) == 0:
            slow.follow(board)
    slow.follow(board)
    new = Shown(board)
    assert list(quick.rows.items()) == list(new.rows.items())
    assert list(slow.rows.items()) == list(new.rows.items())
    assert quick.regions == slow.regions == new.regions


@settings(deadline=None)
@given(any_events)
def test_a_board_read_anew_is_the_same(events: list[AnyEvent]) -> None:
    one, all_at_once = CallBoard(CALL, DRAWING), CallBoard(CALL, DRAWING)
    for event in events:
        one.apply([event])
    all_at_once.apply(events)
    assert one.everything("written") == all_at_once.everything("written")
    assert one.everything("raw") == all_at_once.everything("raw")


def started() -> tuple[Call, CallBoard]:
    call, events = bank()
    board = CallBoard(call.sid, DRAWING)
    board.apply(events)
    return call, board


def test_a_growing_partial_is_one_small_piece() -> None:
    call, board = started()
    shown = Shown(board)
    *partials, final = call.spoken("Support", "One moment, please.", start_ms=call.ms + 300)
    board.apply(partials[:1])
    shown.follow(board)
    for event in (*partials[1:], final):
        board.apply([event])
        steps = shown.follow(board)
        changed = [step[1] for step in steps if step[0] in ("put", "row", "drop")]
        assert [each[:2] for each in changed if each != "people"] == ["u-"]
    assert shown.said[-1] == "Support: One moment, please."


def test_nothing_is_said_of_what_was_said_before() -> None:
    _, board = started()
    assert not Shown(board).said


def test_bytes_are_made_once_for_all_viewers(monkeypatch: pytest.MonkeyPatch) -> None:
    call, board = started()
    drawn = 0
    draw = DRAWING.utterance

    def counted(*args: Any) -> str:
        nonlocal drawn
        drawn += 1
        return draw(*args)

    monkeypatch.setattr(DRAWING, "utterance", counted)
    at = board.version
    board.talk("written")
    drawn = 0
    board.apply([call.final("Support", "There it is.")])
    messages = [board.message(at, "written") for _ in range(100)]
    assert drawn == 1
    assert all(message is messages[0] for message in messages)


def test_who_is_up_to_date_gets_nothing() -> None:
    call, board = started()
    assert board.message(board.version, "written") == b""
    at = board.version
    leg, track = call.place("Support")
    board.apply([SpeakerRenamed(call=call.sid, leg=leg, track=track, speaker="Support")])
    assert board.version == at


def test_a_stranger_gets_everything() -> None:
    _, board = started()
    assert board.since(board.seen) == board.version
    for seen in ("", "x", "x.1", f"{board.epoch}.", f"{board.epoch}.99999", f"{board.epoch}.²"):
        assert board.since(seen) is None


def test_what_is_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "REMEMBERED", 4)
    call, board = started()
    at = board.version
    for number in range(9):
        board.apply([call.final("Support", f"Sentence {number}.")])
    assert board.since(f"{board.epoch}.{at}") is None
    assert board.since(board.seen) == board.version


@pytest.mark.parametrize("reason", get_args(GapReason))
def test_every_gap_can_be_shown(reason: Any) -> None:
    call, board = started()
    leg, track = call.place("Support")
    gap = GapDetected(call=call.sid, leg=leg, track=track, start_ms=1, end_ms=4001, reason=reason)
    board.apply([gap])
    assert ("4 s" in board.talk("written")) == (reason != "paused")


def test_an_event_that_cannot_be_shown_keeps_no_other_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call, board = started()
    apply = board.transcript.apply

    def failing(event: AnyEvent) -> Any:
        if isinstance(event, GapDetected):
            raise RuntimeError("boom")
        return apply(event)

    monkeypatch.setattr(board.transcript, "apply", failing)
    leg, track = call.place("Support")
    gap = GapDetected(call=call.sid, leg=leg, track=track, start_ms=1, end_ms=2, reason="missing")
    board.apply([gap, call.final("Support", "Still here.")])
    assert "Still" in board.talk("written")


def test_foreign_names_are_isolated_and_escaped() -> None:
    call = Call(1)
    board = CallBoard(call.sid, DRAWING)
    board.apply([call.start(from_name="مريم"), *call.people("<b>x</b>", "مريم")])
    assert "<bdi>&lt;b&gt;x&lt;/b&gt;</bdi>" in board.region("title")
    assert "<bdi>مريم</bdi>" in board.region("title")
    assert f'<bdi data-name="{call.sid}:outbound">مريم</bdi>' in board.region("people")


def test_who_spoke_last_stands_out_while_the_call_lasts() -> None:
    call, events = bank()
    board = CallBoard(call.sid, DRAWING)
    board.apply(events)
    assert " last" in board.region("people")
    board.apply(call.end())
    assert " last" not in board.region("people")


def test_overlaps_are_told() -> None:
    call, events = bank()
    board = CallBoard(call.sid, DRAWING)
    board.apply([*events, *call.end()])
    assert "at the same time" in board.region("talked")


def test_the_recording_is_told_of_when_the_call_is_over() -> None:
    call, events = bank()
    board = CallBoard(call.sid, DRAWING)
    board.apply(events)
    board.tell_recorded(True)
    assert 'data-there="no"' in board.region("recording")
    board.apply(call.end())
    assert 'data-there="yes"' in board.region("recording")


def test_words_carry_their_language_as_soon_as_it_is_known() -> None:
    call, events = bank()
    board = CallBoard(call.sid, DRAWING)
    board.apply(events)
    shown = Shown(board)
    assert 'lang=""' in board.talk("written")
    board.apply(
        [
            StreamStarted(
                call=call.sid, leg=call.sid, stream="MZ9", tracks=("inbound",), language="de"
            )
        ]
    )
    shown.follow(board)
    assert all('lang="de"' in row for row in shown.rows.values())


def test_finals_are_tentative_while_a_second_reading_is_to_come() -> None:
    call, events = bank()
    board = CallBoard(call.sid, DRAWING)
    board.transcript.await_second_reading()
    board.apply(events)
    assert board.talk("written").count('class="u tentative"') == 8
    board.apply([*call.end(), RecordSettled(call=call.sid)])
    assert "tentative" not in board.talk("written")
