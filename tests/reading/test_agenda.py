from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.reading.agenda import BEHIND_WINDOWS, Agenda, Doubt, Kind, Task

SAME_WAY: dict[Kind, str] = {
    "live": "apart", "last": "apart", "packed": "window", "whole": "window", "again": "again"
}  # fmt: skip
"""Nothing is read twice in the same way."""


def everything(agenda: Agenda) -> list[Task]:
    tasks = []
    while task := agenda.next():
        tasks.append(task)
    return tasks


def test_one_utterance_is_read_by_itself_several_are_packed() -> None:
    agenda = Agenda(28_000)
    agenda.add("A", "a1", 3000)
    assert agenda.next() == Task("live", "A", ("a1",))
    assert agenda.next() is None
    agenda.add("A", "a2", 3000)
    agenda.add("A", "a3", 3000)
    assert agenda.next() == Task("packed", "A", ("a2", "a3"))


def test_what_was_read_before_it_was_over_waits_no_more() -> None:
    agenda = Agenda(28_000)
    for name in ("a1", "a2"):
        agenda.add("A", name, 3000)
    assert agenda.read("A", "a1")
    assert not agenda.read("A", "a1")
    assert not agenda.read("B", "b1")
    assert agenda.next() == Task("live", "A", ("a2",))
    assert not agenda.read("A", "a2")
    agenda.end("A")
    assert everything(agenda) == [Task("whole", "A", ("a1", "a2"))]


def test_calls_have_turns() -> None:
    agenda = Agenda(10_000)
    for i in range(4):
        agenda.add("A", f"a{i}", 8000)
    agenda.add("B", "b1", 3000)
    assert [task.call for task in everything(agenda)] == ["A", "B", "A"]


def test_far_behind_the_oldest_of_a_live_call_are_left_until_it_is_over() -> None:
    agenda = Agenda(20_000)
    for i in range(10):
        agenda.add("A", f"a{i}", 9000)
    live = everything(agenda)
    assert [task.utterances for task in live] == [("a6", "a7"), ("a8", "a9")]
    assert len(live) == BEHIND_WINDOWS
    agenda.end("A")
    assert everything(agenda) == [Task("whole", "A", ("a0", "a1", "a2", "a3", "a4", "a5"))]


def test_while_a_call_goes_on_windows_of_others_are_read_one_by_one() -> None:
    agenda = Agenda(10_000)
    for i in range(6):
        agenda.remember("A", f"a{i}", 4000, apart=False, together=False)
    agenda.end("A")
    agenda.add("B", "b1", 1000)
    assert agenda.next() == Task("live", "B", ("b1",))
    assert agenda.next() == Task("whole", "A", ("a0", "a1"))
    agenda.end("B")
    assert agenda.next() == Task("whole", "A", ("a2", "a3", "a4", "a5"))


def test_several_that_wait_when_their_call_ends_are_read_with_the_rest_of_it() -> None:
    agenda = Agenda(28_000)
    agenda.add("A", "a1", 3000)
    everything(agenda)
    agenda.add("A", "a2", 3000)
    agenda.add("A", "a3", 3000)
    agenda.end("A")
    assert everything(agenda) == [Task("whole", "A", ("a1", "a2", "a3"))]


def test_a_call_that_is_over_is_read_once_more_in_windows() -> None:
    agenda = Agenda(10_000)
    for name in ("a1", "a2", "a3"):
        agenda.add("A", name, 4000)
        assert agenda.next() == Task("live", "A", (name,))
    agenda.end("A")
    # The third, alone in a window, would be read as it was before.
    assert everything(agenda) == [Task("whole", "A", ("a1", "a2"))]
    assert agenda.settled() == ["A"]


def packed(agenda: Agenda, *names: str) -> None:
    """Utterances of a call that were read together while it went on; it is over now."""
    for name in names:
        agenda.add("A", name, 3000)
    assert everything(agenda) == [Task("packed", "A", names)]
    agenda.end("A")


def test_what_is_doubtful_is_read_in_windows_of_its_own() -> None:
    agenda = Agenda(28_000)
    packed(agenda, "a1", "a2", "a3")
    agenda.doubt("A", "a1", "unsure")
    agenda.doubt("A", "a2", "none")
    agenda.doubt("A", "a3", "unsure")
    assert everything(agenda) == [Task("again", "A", ("a1", "a3"))]
    assert agenda.settled() == ["A"]


def test_what_two_windows_brought_nothing_of_is_read_apart() -> None:
    agenda = Agenda(28_000)
    packed(agenda, "a1", "a2", "a3")
    for name in ("a1", "a3"):
        agenda.doubt("A", name, "unheard")
    assert agenda.next() == Task("again", "A", ("a1", "a3"))
    agenda.doubt("A", "a1", "unheard")
    agenda.doubt("A", "a3", "unsure")
    assert everything(agenda) == [Task("last", "A", ("a1",))]


def test_one_that_is_doubtful_is_read_apart_if_it_never_was() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 3000)
    everything(agenda)
    packed(agenda, "a2", "a3")
    for name in ("a1", "a2"):
        agenda.doubt("A", name, "unsure")
    assert everything(agenda) == [Task("last", "A", ("a2",))]


def test_doubts_that_come_when_all_was_read_keep_a_call_from_being_settled() -> None:
    agenda = Agenda(10_000)
    packed(agenda, "a1", "a2")
    assert everything(agenda) == []
    agenda.doubt("A", "a2", "unsure")
    assert agenda.settled() == []
    assert everything(agenda) == [Task("last", "A", ("a2",))]
    assert agenda.settled() == ["A"]


def test_live_words_go_before_calls_that_are_over() -> None:
    agenda = Agenda(10_000)
    for i in range(10):
        agenda.remember("A", f"a{i}", 4000, apart=False, together=False)
    agenda.end("A")
    assert agenda.next() == Task("whole", "A", tuple(f"a{i}" for i in range(8)))
    agenda.add("B", "b1", 1000)
    assert agenda.next() == Task("live", "B", ("b1",))
    assert agenda.next() == Task("whole", "A", ("a8", "a9"))


def test_a_call_is_settled_when_it_is_over_and_read_to_the_end() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 1000)
    agenda.end("A")
    assert agenda.settled() == []
    everything(agenda)
    assert agenda.settled() == ["A"]
    agenda.forget("A")
    assert (agenda.settled(), agenda.calls) == ([], [])


def test_words_that_come_after_the_end_are_read_too() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 1000)
    agenda.end("A")
    everything(agenda)
    agenda.add("A", "a2", 1000)
    assert agenda.settled() == []
    assert everything(agenda) == [Task("live", "A", ("a2",))]
    assert agenda.settled() == ["A"]


def test_a_call_that_goes_on_is_not_settled() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 1000)
    everything(agenda)
    agenda.end("A")
    agenda.resume("A")
    assert everything(agenda) == []
    assert agenda.settled() == []


def test_after_a_restart_only_what_is_missing_is_read() -> None:
    agenda = Agenda(10_000)
    agenda.remember("A", "a1", 4000, apart=True, together=True)
    agenda.remember("A", "a2", 4000, apart=False, together=True)
    agenda.remember("A", "a3", 4000, apart=False, together=False)
    agenda.doubt("A", "a2", "unsure")
    agenda.end("A")
    assert everything(agenda) == [Task("last", "A", ("a3",)), Task("last", "A", ("a2",))]


def test_what_has_no_words_is_not_read_again() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 1000)
    agenda.add("A", "a2", 1000)
    everything(agenda)
    agenda.doubt("A", "a1", "unheard")
    agenda.drop("A", "a1")
    agenda.end("A")
    assert everything(agenda) == []


def test_a_call_without_words_is_settled_at_once() -> None:
    agenda = Agenda(10_000)
    agenda.end("A")
    assert agenda.next() is None
    assert agenda.settled() == ["A"]


DOUBTS: list[Doubt] = ["none", "unsure", "unheard"]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("ABC"), st.integers(1, 12_000)),
        st.tuples(st.sampled_from(["end", "next"]), st.sampled_from("ABC"), st.just(0)),
        st.tuples(st.sampled_from(DOUBTS), st.sampled_from("ABC"), st.just(0)),
    ),
    max_size=60,
)


@given(steps)
def test_in_the_end_everything_of_every_call_was_read_and_all_are_settled(
    steps: list[tuple[str | Doubt, str, int]],
) -> None:
    agenda = Agenda(10_000)
    added: set[str] = set()
    read: list[tuple[str, Kind]] = []
    for number, (what, call, length) in enumerate(steps):
        if what == "add":
            agenda.add(call, f"{call}{number}", length)
            added.add(f"{call}{number}")
        elif what == "end":
            agenda.end(call)
        elif what in DOUBTS:
            for utterance, _ in read:
                agenda.doubt(utterance[0], utterance, what)
        elif task := agenda.next():
            read += [(utterance, task.kind) for utterance in task.utterances]
    for call in agenda.calls:
        agenda.end(call)
    for task in everything(agenda):
        read += [(utterance, task.kind) for utterance in task.utterances]
    assert {utterance for utterance, _ in read} == added
    ways = [(utterance, SAME_WAY[kind]) for utterance, kind in read]
    assert len(ways) == len(set(ways))
    assert sorted(agenda.settled()) == sorted(agenda.calls)
