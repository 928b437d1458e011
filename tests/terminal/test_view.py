from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.events import (
    CallEnded,
    CallUpdated,
    GapDetected,
    StreamCounters,
    StreamEnded,
)
from tests.terminal.made import A, B, final, partial, started
from tests.terminal.screen import Stage


class TestOneCall:
    def test_heading_says_when_which_way_who_and_the_flow(self) -> None:
        stage = Stage()
        stage.play(started(flow="forward"))
        (heading, _status) = stage.lines()
        assert "10:00:00  Incoming  Alice Adams → +1 (500) 555-0006  forwarded" in heading
        assert heading.startswith("── ")
        assert heading.endswith("──")
        assert len(heading) == 80

    def test_partial_is_rewritten_in_place_and_the_final_takes_its_place(self) -> None:
        stage = Stage()
        stage.play(started(), partial("I'd"), partial("I'd like to", revision=2))
        spoken = [line for line in stage.lines() if "I'd" in line]
        assert spoken == [" 0:01  Caller       I'd like to"]
        stage.play(final("I'd like to check my balance."))
        spoken = [line for line in stage.lines() if "I'd" in line]
        assert spoken == [" 0:01  Caller       I'd like to check my balance."]

    def test_words_wrap_under_themselves(self) -> None:
        stage = Stage(60)
        text = "the quick brown fox jumps over the lazy dog and then some more of it"
        stage.play(started(), final(text))
        lines = [
            line for line in stage.lines() if line.startswith(" 0:01") or line[:20] == " " * 20
        ]
        assert len(lines) >= 2
        column = lines[0].index("the quick")
        assert all(line[column] != " " and not line[:column].strip() for line in lines[1:])
        assert " ".join(line[column:].strip() for line in lines) == text

    def test_narrow_terminals_get_the_words_on_lines_of_their_own(self) -> None:
        stage = Stage(32)
        stage.play(started(), final("the quick brown fox jumps over the lazy dog"))
        lines = stage.lines()
        at = lines.index(" 0:01  Caller")
        assert lines[at + 1].startswith("  the quick")
        assert all(len(line) <= 32 for line in lines)

    def test_closing_line_says_what_is_kept_and_where(self) -> None:
        stage = Stage(120)
        stage.play(
            started(),
            final("one"),
            StreamEnded(
                call=A,
                leg=A,
                stream="MZ1",
                reason="stop",
                counters=StreamCounters(missing_ms=2_400),
            ),
            CallEnded(call=A, duration_ms=192_000, ended_by="Caller"),
        )
        assert stage.lines()[-1] == (
            " 3:12  · Ended after 3:12. Caller hung up. 2 s of audio missing. "
            f"Saved: callscribe show {A[:12]}"
        )

    def test_the_command_in_the_closing_line_is_never_broken(self) -> None:
        stage = Stage(64)
        stage.play(started(), CallEnded(call=A, duration_ms=192_000, ended_by="Alice Adams"))
        assert any(line.endswith(f"Saved: callscribe show {A[:12]}") for line in stage.lines())

    def test_the_running_duration_ticks(self) -> None:
        stage = Stage()
        stage.play(started())
        stage.clock.move(75)
        stage.view.flush()
        assert stage.lines()[-1] == "● 1:15 Alice Adams"
        writes = stage.terminal.writes
        stage.view.flush()
        assert stage.terminal.writes == writes, "nothing changed, nothing written"

    def test_a_call_whose_beginning_was_not_seen(self) -> None:
        stage = Stage()
        stage.play(final("hello"))
        assert "already under way" in stage.lines()[0]
        stage.play(CallUpdated(call="CAother", on_hold=True))
        assert not any("hold" in line for line in stage.lines())

    def test_late_partials_do_not_bring_an_utterance_back(self) -> None:
        stage = Stage()
        stage.play(started(), final("Done."), partial("don", revision=3))
        assert sum("on" in line and "0:01" in line for line in stage.lines()) == 1

    def test_a_final_that_waited_for_the_disk_leaves_the_next_partial_alone(self) -> None:
        stage = Stage()
        stage.play(
            started(),
            partial("first"),
            partial("second", utterance="u2", start_ms=3_000),
            final("First."),
        )
        assert any("First." in line for line in stage.lines())
        assert any("second" in line for line in stage.lines())

    def test_catch_up_opens_a_live_call_from_its_events(self) -> None:
        stage = Stage()
        gap = GapDetected(
            call=A, leg=A, track="inbound", start_ms=2_000, end_ms=3_500, reason="missing"
        )
        begin = started(at="2026-01-15T09:59:00Z", from_name="")
        stage.view.catch_up(A, [begin, final("hello"), gap])
        stage.play(final("and on", utterance="u2", start_ms=5_000))
        text = "\n".join(stage.lines())
        assert "hello" in text
        assert "Caller: 2 s missing." in text
        assert "and on" in text
        assert "● 1:00 +1 (500) 555-0010" in text

    def test_catch_up_with_a_long_call_shows_its_end(self) -> None:
        stage = Stage()
        said = [final(f"<{n}>", utterance=f"u{n}", start_ms=n * 1000) for n in range(30)]
        stage.view.catch_up(A, [started(), *said], last=5)
        stage.play(CallEnded(call=A))
        text = "\n".join(stage.lines())
        assert "25 earlier lines are not shown." in text
        assert "<24>" not in text
        assert "<25>" in text

    def test_a_number_that_stands_for_a_name_is_written_as_people_write_it(self) -> None:
        stage = Stage(100)
        stage.play(started(), final("hello", speaker="+15005550012"))
        assert " 0:01  +1 (500) 555-0012  hello" in stage.lines()


class TestSeveralCalls:
    def test_tags_from_the_second_call_on(self) -> None:
        stage = Stage(100)
        stage.play(started(), final("alone"))
        assert any(line == " 0:01  Caller       alone" for line in stage.lines())
        stage.play(
            started(B, from_="+15005550099", from_name=""),
            final("hi", call=B),
            final("both", utterance="u2"),
        )
        text = stage.lines()
        assert any("· A is Alice Adams, B is +1 (500) 555-0099" in line for line in text)
        assert any(line == " 0:01  B Caller       hi" for line in text)
        assert any(line == " 0:01  A Caller       both" for line in text)
        stage.play(CallEnded(call=A), final("again alone", call=B, utterance="u2"))
        assert any(line == " 0:01  B Caller       again alone" for line in stage.lines())

    def test_each_track_speaking_has_its_line(self) -> None:
        stage = Stage()
        stage.play(started(), started(B))
        stage.play(
            partial("one"),
            partial("two", track="outbound", speaker="Bob", utterance="u2", start_ms=1_200),
            partial("three", call=B),
        )
        assert [line.split()[-1] for line in stage.lines()[-4:-1]] == ["one", "two", "three"]

    def test_speakers_differ_in_colour(self) -> None:
        stage = Stage()
        stage.play(started(), final("a"))
        stage.play(final("b", track="outbound", speaker="Bob", utterance="u2"))
        stage.play(started(B), final("c", call=B, speaker="Carol"))
        screen = stage.terminal.history
        colours = {
            screen.buffer[row][line.index(name)].fg
            for row, line in enumerate(screen.display)
            for name in ("Caller", "Bob", "Carol")
            if name in line
        }
        assert len(colours) == 3
        assert "default" not in colours

    def test_the_live_region_leaves_room_for_what_was_said(self) -> None:
        stage = Stage(80, 10)
        for number in range(12):
            sid = f"CA{number:032}"
            stage.play(started(sid), partial("word " * 60, call=sid))
        live = stage.printer.painted
        assert len(live) <= 10 // 2 + 2
        assert "more speaking" in "\n".join(line.ansi for line in live)
        assert not any("word" in line for line in stage.terminal.scrollback())


class TestTheTerminal:
    def test_finals_scroll_into_the_scrollback_in_order(self) -> None:
        stage = Stage(80, 8)
        stage.play(started())
        for number in range(40):
            stage.play(partial(f"p{number}", utterance=f"u{number}"))
            stage.play(final(f"final {number}.", utterance=f"u{number}"))
        stage.play(CallEnded(call=A))
        shown = [line for line in stage.terminal.everything() if "final" in line]
        assert [line.split("final ")[1] for line in shown] == [f"{n}." for n in range(40)]
        assert not any("● " in line or "p3" in line for line in stage.terminal.everything())

    def test_names_from_the_network_cannot_steer_the_terminal(self) -> None:
        stage = Stage()
        stage.play(
            started(from_name="\x1b[2JEve\x9b31m\r\n\u202eevil"),
            final("x\x1b]0;title\x07y\x1b[1A", speaker="\x1b[31mEve"),
        )
        assert "[2JEve" in stage.lines()[0]
        assert "\x1b]0" not in stage.terminal.raw
        assert "\x1b[2J" not in stage.terminal.raw
        assert len(stage.lines()) == 3

    def test_what_the_program_says_wraps_under_its_second_column(self) -> None:
        stage = Stage(40)
        stage.view.say("Page     http://127.0.0.1:8080")
        stage.view.say("         small model: three to six words in ten are wrong")
        stage.view.say("a sentence without columns that is far too long")
        stage.view.flush()
        assert stage.lines() == [
            "Page     http://127.0.0.1:8080",
            "         small model: three to six",
            "         words in ten are wrong",
            "a sentence without columns that is far",
            "too long",
        ]

    def test_quiet_status_is_in_the_live_region_only(self) -> None:
        stage = Stage()
        stage.view.status("reconnecting")
        stage.view.flush()
        assert stage.lines() == ["reconnecting"]
        stage.view.status("")
        stage.view.flush()
        assert stage.lines() == []


@settings(max_examples=60, deadline=None)
@given(data=st.data(), columns=st.integers(12, 130), rows=st.integers(4, 40))
def test_whatever_happens_every_final_is_kept_once_and_nothing_is_torn(
    data: st.DataObject, columns: int, rows: int
) -> None:
    """Random partials, finals, resizes and logs on a random terminal."""
    stage = Stage(columns, rows)
    stage.play(started(), started(B, from_name=""))
    finals = []
    for number in range(data.draw(st.integers(1, 12))):
        call = data.draw(st.sampled_from([A, B]))
        text = " ".join(
            data.draw(st.lists(st.sampled_from(["so", "well", "銀行", "café"]), max_size=30))
        )
        utterance = f"u{number}"
        for revision in range(data.draw(st.integers(0, 3))):
            stage.play(partial(f"~{text}", call=call, utterance=utterance, revision=revision + 1))
        what = data.draw(st.sampled_from(["final", "log", "resize"]))
        if what == "final":
            finals.append(f"#{number:03}#")
            stage.play(final(f"{finals[-1]} {text}", call=call, utterance=utterance))
        elif what == "log":
            stage.printer.write_above("LOG\n")
        else:
            # Growing only: what a shrinking terminal cuts off is not the view's doing.
            rows += data.draw(st.integers(0, 5))
            stage.resize(columns, rows)
    stage.play(CallEnded(call=A), CallEnded(call=B))
    shown = "\n".join(stage.terminal.everything())
    assert [shown.count(mark) for mark in finals] == [1] * len(finals)
    assert "~" not in shown
    assert "●" not in shown
