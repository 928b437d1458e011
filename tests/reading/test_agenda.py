from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.reading.agenda import BEHIND_WINDOWS, Agenda, Task


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


def test_calls_have_turns() -> None:
    agenda = Agenda(10_000)
    for i in range(4):
        agenda.add("A", f"a{i}", 8000)
    agenda.add("B", "b1", 3000)
    assert [task.call for task in everything(agenda)] == ["A", "B", "A"]


def test_far_behind_the_oldest_of_a_live_call_are_left_for_the_last_reading() -> None:
    agenda = Agenda(10_000)
    for i in range(6):
        agenda.add("A", f"a{i}", 9000)
    live = everything(agenda)
    assert [u for task in live for u in task.utterances] == ["a4", "a5"]
    assert len(live) == BEHIND_WINDOWS
    agenda.end("A")
    last = everything(agenda)
    assert {task.kind for task in last} == {"last"}
    assert [u for task in last for u in task.utterances] == [f"a{i}" for i in range(6)]


def test_live_words_go_before_the_last_reading() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 9000)
    agenda.add("A", "a2", 9000)
    everything(agenda)
    agenda.end("A")
    assert agenda.next() == Task("last", "A", ("a1",))
    agenda.add("B", "b1", 1000)
    assert agenda.next() == Task("live", "B", ("b1",))
    assert agenda.next() == Task("last", "A", ("a2",))


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
    assert everything(agenda) == [
        Task("live", "A", ("a2",)),
        Task("last", "A", ("a1",)),
        Task("last", "A", ("a2",)),
    ]


def test_a_call_that_goes_on_is_not_settled() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 1000)
    everything(agenda)
    agenda.end("A")
    agenda.resume("A")
    assert everything(agenda) == []
    assert agenda.settled() == []


def test_what_was_read_by_itself_is_not_read_again() -> None:
    agenda = Agenda(10_000)
    agenda.add("A", "a1", 1000)
    agenda.add("A", "a2", 1000)
    everything(agenda)
    agenda.done("A", "a1")
    agenda.end("A")
    assert everything(agenda) == [Task("last", "A", ("a2",))]


def test_a_call_without_words_is_settled_at_once() -> None:
    agenda = Agenda(10_000)
    agenda.end("A")
    assert agenda.next() is None
    assert agenda.settled() == ["A"]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("ABC"), st.integers(1, 12_000)),
        st.tuples(st.sampled_from(["end", "next"]), st.sampled_from("ABC"), st.just(0)),
    ),
    max_size=60,
)


@given(steps)
def test_in_the_end_everything_of_every_call_was_read_and_all_are_settled(
    steps: list[tuple[str, str, int]],
) -> None:
    agenda = Agenda(10_000)
    added: set[str] = set()
    read: set[str] = set()
    for number, (what, call, length) in enumerate(steps):
        if what == "add":
            agenda.add(call, f"{call}{number}", length)
            added.add(f"{call}{number}")
        elif what == "end":
            agenda.end(call)
        elif task := agenda.next():
            read.update(task.utterances)
    for call in agenda.calls:
        agenda.end(call)
    for task in everything(agenda):
        read.update(task.utterances)
    assert read == added
    assert sorted(agenda.settled()) == sorted(agenda.calls)
