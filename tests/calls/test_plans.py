from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from callscribe.calls.plans import FlowDefaults, NumberFlow, read_flow, read_flows
from callscribe.errors import SettingsError

EXAMPLE = """
[numbers."+15005550006"]
flow = "forward"            # answer | forward | conference
to = ["+15005550020"]
[numbers."+15005550007"]
flow = "conference"
room = "support"
"""


def test_the_example_reads() -> None:
    flows = read_flows(tomllib.loads(EXAMPLE)["numbers"])
    assert flows.of("+15005550006") == NumberFlow(flow="forward", to=("+15005550020",))
    assert flows.of("+1 500 555 0007").room == "support"
    assert flows.of("+15005550099") == NumberFlow()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"flow": "forwrd"}, "Did you mean forward?"),
        ({"flow": 5}, "must be answer, forward or conference"),
        ({"flow": "forward"}, "forward needs a number"),
        ({"flow": "forward", "to": ["5550020"]}, "with \\+ and the country code"),
        ({"flow": "forward", "to": ["+1500555002x"]}, "is not a number"),
        ({"flow": "forward", "to": ["+15005550020"], "caller_id": "me"}, "caller_id"),
        ({"flow": "forward", "to": ["+15005550020"], "timeout": 2}, "between 5 and 600"),
        (
            {"flow": "forward", "to": ["+15005550020"], "timeout": "x"},
            "timeout must be a whole number",
        ),
        ({"flow": "forward", "to": [15005550020]}, "to must be a text"),
        ({"flow": "forward", "to": ["+15005550020"], "no_answer": "voicemail"}, "no_answer"),
        ({"flow": "forward", "to": ["+15005550020"], "greting": ""}, "Did you mean greeting?"),
        ({"flow": "conference"}, "needs a room"),
        ({"flow": "conference", "room": "r", "max_participants": 300}, "between 2 and 250"),
        ({"flow": "conference", "room": "r", "beep": "loud"}, "beep"),
        (
            {"flow": "conference", "room": "r", "to": ["+15005550020"]},
            "belongs to the flow forward",
        ),
        ({"room": "r"}, "belongs to the flow conference"),
        ({"hold_seconds": 0}, "between 1 and 14400"),
        ({"phrases": ["yes", " "]}, "phrases has an empty one"),
        ({"phrases": [1]}, "phrases must be a text"),
        ({"endpoint_silence_ms": 10}, "endpoint_silence_ms must be between 200 and 5000"),
        ({"endpoint_max_ms": 1_000_000}, "endpoint_max_ms must be between 2000 and 120000"),
    ],
)
def test_mistakes_are_named(table: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        read_flow(table, where='[numbers."+15005550006"]')
    assert str(raised.value).startswith('[numbers."+15005550006"]')


@pytest.mark.parametrize("kind", ["answer", "forward", "conference"])
def test_every_flow_has_recognition_settings(kind: str) -> None:
    needed = {"forward": {"to": "+15005550020"}, "conference": {"room": "r"}}.get(kind, {})
    asked = {"phrases": ["yes", "no"], "endpoint_silence_ms": 700, "endpoint_max_ms": 9000}
    flow = read_flow({"flow": kind, **needed, **asked}, where="here")
    assert flow.phrases == ("yes", "no")
    assert (flow.endpoint_silence_ms, flow.endpoint_max_ms) == (700, 9000)


@pytest.mark.parametrize("number", ["5550006", "+0123456789", "anonymous", ""])
def test_a_wrong_number_in_the_table_is_refused(number: str) -> None:
    with pytest.raises(SettingsError, match="is not a number like"):
        read_flows({number: {}})


def forward(*to: str) -> dict[str, object]:
    return {"flow": "forward", "to": list(to)}


def test_the_same_number_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match="two tables"):
        read_flows({"+15005550006": {}, "+1 500 555 0006": {}})


@pytest.mark.parametrize(
    "numbers",
    [
        {"+15005550006": forward("+15005550006")},
        {"+15005550006": forward("+15005550020", "+1 500 555 0006")},
        {"+15005550006": forward("+15005550007"), "+15005550007": forward("+15005550006")},
        {
            "+15005550006": forward("+15005550007"),
            "+15005550007": forward("+15005550008"),
            "+15005550008": forward("+15005550007"),
        },
    ],
)
def test_a_loop_is_refused(numbers: dict[str, dict[str, object]]) -> None:
    with pytest.raises(SettingsError, match="forwarded to itself"):
        read_flows(numbers)


def test_the_general_flow_counts_for_our_own_number() -> None:
    with pytest.raises(SettingsError, match="forwarded to itself"):
        read_flows({}, default=forward("+15005550006"), own_number="+15005550006")
    both = {"+15005550007": forward("+15005550006")}
    with pytest.raises(SettingsError, match="forwarded to itself"):
        read_flows(both, default=forward("+15005550007"), own_number="+15005550006")


def test_a_chain_or_a_diamond_is_no_loop() -> None:
    flows = read_flows(
        {
            "+15005550006": forward("+15005550007", "+15005550008"),
            "+15005550007": forward("+15005550009"),
            "+15005550008": forward("+15005550009"),
        }
    )
    assert len(flows.numbers) == 3


def test_texts_come_from_the_general_settings_unless_the_number_has_its_own() -> None:
    defaults = FlowDefaults(
        consent="Recorded.",
        greeting="Hello.",
        greeting_voice="Polly.Amy",
        greeting_language="en-GB",
    )
    flows = read_flows(
        {
            "+15005550006": forward("+15005550020"),
            "+15005550007": {"greeting": "Hi.", "consent": "", "greeting_language": "en-US"},
        },
        defaults=defaults,
    )

    def said(number: str) -> list[tuple[str, str, str]]:
        every = flows.announcements(flows.of(number))
        return [(each.text, each.voice, each.language) for each in every]

    assert said("+15005550099") == [
        ("Recorded.", "Polly.Amy", "en-GB"),
        ("Hello.", "Polly.Amy", "en-GB"),
    ]
    # A greeting would answer the call, and the caller would not hear it ring.
    assert said("+15005550006") == [("Recorded.", "Polly.Amy", "en-GB")]
    assert said("+15005550007") == [("Hi.", "Polly.Amy", "en-US")]


def test_every_key_is_explained_and_the_page_s_settings_read() -> None:
    page = (Path(__file__).parents[2] / "docs" / "flows.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.MULTILINE)
    named = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert named == set(NumberFlow.__struct_fields__)
    examples = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        assert read_flows(tomllib.loads(example)["numbers"]).numbers


@pytest.mark.parametrize(
    ("written", "meant"), [(True, "true"), (False, "false"), ("onExit", "onExit")]
)
def test_a_beep_may_be_a_toml_boolean(written: object, meant: str) -> None:
    table = {"flow": "conference", "room": "x", "beep": written}
    assert read_flow(table, where="here").beep == meant
