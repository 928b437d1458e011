"""What can be done to a running server's calls from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from callscribe.cli import main
from callscribe.records import CallRecord
from tests.web.script import Call
from tests.web.serving import Serving

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path) as serving:
        yield serving


@pytest.fixture
def run(
    server: Serving, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["callscribe", *arguments, "--server", server.url])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run_


def live(server: Serving, number: int = 1) -> Call:
    call = Call(number)
    server.publish(call.start(), *call.people("Alice Adams", "Support"))
    return call


def record(server: Serving, call: Call) -> CallRecord:
    found = server.store.call(call.sid)
    assert found is not None
    return found


def test_pause_and_resume_the_only_live_call(server: Serving, run: Run) -> None:
    call = live(server)
    status, out, _ = run("pause")
    assert status == 0
    assert (
        out
        == f"Paused: Alice Adams to Support. Resume it with: callscribe resume {call.sid[:12]}\n"
    )
    assert record(server, call).call.paused
    assert run("resume", call.sid[:20])[1] == "Transcribing again: Alice Adams to Support.\n"
    assert not record(server, call).call.paused


def test_which_call_must_be_said_when_there_are_several(server: Serving, run: Run) -> None:
    assert run("pause")[2] == "callscribe: No call is live now.\n"
    first, second = live(server, 1), live(server, 2)
    status, _, err = run("pause")
    assert status == 1
    assert "2 calls are live" in err
    assert first.sid in err
    assert second.sid in err
    assert run("pause", second.sid)[0] == 0


def test_rename_and_swap(server: Serving, run: Run) -> None:
    call = live(server)
    server.publish(call.final("Alice Adams", "Hello."))
    assert run("rename", "alice adams", "Alice B.")[1] == "alice adams is now called Alice B.\n"
    assert record(server, call).utterances[0].speaker == "Alice B."
    status, out, _ = run("swap")
    assert status == 0
    assert out.startswith("Swapped: ")
    status, _, err = run("rename", "Nobody", "Somebody")
    assert status == 1
    assert "Nobody on this call is called Nobody. The people on it: " in err


def test_names_are_not_obeyed_by_the_terminal(server: Serving, run: Run) -> None:
    hostile = "Eve\x1b]0;title\x07\x9b31m\nx"
    first, second = Call(1), Call(2)
    for call in (first, second):
        began = msgspec.structs.replace(call.start(), from_name=hostile)
        server.publish(began, *call.people(hostile, "Support"))
    several = run("pause")[2]
    said = [run(*words)[1] for words in (("pause", first.sid), ("resume", first.sid))]
    said.append(run("swap", first.sid)[1])
    nobody = run("rename", hostile, "Bob", second.sid)
    said += [nobody[1], nobody[2]]
    for text in (several, *said):
        assert not {"\x1b", "\x07", "\x9b"} & set(text)
        assert "\nx" not in text
    assert "Eve ]0;title 31m x" in several


def test_the_people_of_a_call_that_is_over_can_be_renamed_and_swapped(
    server: Serving, run: Run
) -> None:
    call = live(server)
    server.publish(call.final("Alice Adams", "Hello."), *call.end())
    assert run("rename", "alice adams", "Alice B.", call.sid)[0] == 0
    assert record(server, call).utterances[0].speaker == "Alice B."
    assert run("swap", call.sid)[0] == 0
    assert record(server, call).utterances[0].speaker == "Support"


def test_two_people_cannot_be_given_the_same_name(server: Serving, run: Run) -> None:
    live(server)
    status, _, err = run("rename", "Alice Adams", "Support")
    assert (status, err) == (
        1,
        "callscribe: Someone else on this call is already called Support. "
        "Choose another name, for example Support 2.\n",
    )


def test_dial(server: Serving, run: Run) -> None:
    status, out, _ = run("dial", "+15005550010", "--connect", "+15005550020")
    assert status == 0
    assert out.startswith("Calling +15005550010, then +15005550020. Follow it: callscribe watch ")
    assert server.calls.api.placed == [("+15005550010", "+15005550020")]
    status, _, err = run("dial", "5005550010")
    assert (status, "with + and country code" in err) == (1, True)
    server.calls.api.refuse = "Could not call: Twilio refused."
    status, _, err = run("dial", "+15005550010")
    assert (status, err) == (1, f"callscribe: {server.calls.api.refuse}\n")


def test_attach_and_detach(server: Serving, run: Run) -> None:
    sid = "CA" + "e" * 32
    up = "CA" + "e" * 32
    listed = f"{up}  Zoë +1 (500) 555-0010 to +1 (500) 555-0006\n"
    assert run("attach") == (0, listed, "")
    assert f"Transcribing {sid}." in run("attach", sid)[1]
    server.open_asked()
    assert run("detach", sid)[1] == f"No longer transcribing {sid}. The call continues.\n"
    assert server.calls.api.placed == [("attach", sid), ("detach", sid)]
    assert "32 hexadecimal digits" in run("attach", "../../calls")[2]


def test_hang_up(server: Serving, run: Run) -> None:
    call = live(server)
    assert run("hangup") == (0, "Hung up: Alice Adams to Support.\n", "")
    assert server.calls.api.placed == [("hangup", call.sid)]
