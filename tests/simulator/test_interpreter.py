"""TwiML executed by hand: the steps, and what follows from their outcomes."""

from __future__ import annotations

from callscribe.simulator.interpreter import (
    DialNumbers,
    DialOutcome,
    Fetch,
    HangUp,
    Hold,
    JoinConference,
    Outcome,
    Speak,
    StartStream,
    Step,
    Warn,
    interpret,
)
from callscribe.simulator.twiml import Document, parse

BASE = "https://calls.example.test/voice"


def document(inner: str) -> Document:
    return parse(f"<Response>{inner}</Response>", BASE)


def run(inner: str, *outcomes: Outcome) -> list[Step]:
    """All steps; `outcomes` answer the fetches and dials in turn."""
    waiting = list(outcomes)
    steps: list[Step] = []
    program = interpret(document(inner))
    outcome: Outcome = None
    while True:
        step = program.send(outcome)
        steps.append(step)
        if isinstance(step, HangUp):
            return steps
        asks = isinstance(step, Fetch | DialNumbers | JoinConference)
        outcome = waiting.pop(0) if asks else None


def test_a_greeted_and_held_call() -> None:
    stream, say, pause, end = run(
        "<Start><Stream url='/m'/></Start><Say>Hello.</Say><Pause length='3'/>"
    )
    assert isinstance(stream, StartStream)
    assert isinstance(say, Speak)
    assert 300 < say.duration_ms < 2000
    assert pause == Hold("Pause", 3000)
    assert end == HangUp("the TwiML ended", explicit=False)


def test_the_action_of_a_dial_takes_over() -> None:
    steps = run(
        "<Dial action='/done'>+15005550011</Dial><Say>never</Say>",
        DialOutcome("busy", "CA1"),
        document("<Hangup/>"),
    )
    dial, fetch, end = steps
    assert isinstance(dial, DialNumbers)
    assert isinstance(fetch, Fetch)
    assert fetch.url == "https://calls.example.test/done"
    assert dict(fetch.extra) == {
        "DialCallStatus": "busy",
        "DialCallSid": "CA1",
        "DialCallDuration": "0",
        "DialBridged": "false",
    }
    assert end == HangUp("<Hangup>")


def test_without_an_action_the_next_verb_follows_the_dial() -> None:
    steps = run("<Dial>+15005550011</Dial><Say>bye</Say>", DialOutcome("no-answer"))
    assert [type(s) for s in steps] == [DialNumbers, Speak, HangUp]


def test_after_a_conference_there_is_no_child_call() -> None:
    steps = run(
        "<Dial action='/done'><Conference>room</Conference></Dial>",
        DialOutcome("answered", bridged=True),
        None,
    )
    join, fetch, end = steps
    assert isinstance(join, JoinConference)
    assert isinstance(fetch, Fetch)
    assert dict(fetch.extra) == {"DialCallStatus": "answered", "DialBridged": "true"}
    assert isinstance(end, HangUp)
    assert end.status == "failed"


def test_reject_is_final_and_busy_is_busy() -> None:
    assert run("<Reject reason='busy'/>") == [HangUp("<Reject> (busy)", "busy")]
    assert run("<Reject/>") == [HangUp("<Reject> (rejected)", "failed")]


def test_redirects_that_go_round_end() -> None:
    program = interpret(document("<Redirect>/voice</Redirect>"))
    step = next(program)
    count = 0
    while isinstance(step, Fetch):
        count += 1
        step = program.send(document("<Redirect>/voice</Redirect>"))
    assert isinstance(step, HangUp)
    assert "loop" in step.why
    assert count == 100


def test_a_gather_without_input_falls_through() -> None:
    steps = run("<Gather timeout='2'><Say>Press one</Say></Gather><Say>Nothing</Say>")
    assert [type(s) for s in steps] == [Speak, Hold, Speak, HangUp]
    steps = run("<Gather actionOnEmptyResult='true' action='/g'/>", document("<Hangup/>"))
    assert [type(s) for s in steps] == [Hold, Fetch, HangUp]


def test_schema_warnings_come_first() -> None:
    assert isinstance(run("<Say volume='11'>Hi</Say>")[0], Warn)
