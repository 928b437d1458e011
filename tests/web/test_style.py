"""The style sheet's promises: contrast, own assets, nothing that the policy forbids."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest

from callscribe.events import AnyEvent, CallStatus
from callscribe.records import CallSummary
from callscribe.transcript import wording

STATUSES = typing.get_args(CallStatus)
EVENTS = [event.__struct_config__.tag for event in typing.get_args(AnyEvent)]
WEB = Path(__file__).parents[2] / "src" / "callscribe" / "web"
STYLE = (WEB / "static" / "style.css").read_text(encoding="utf-8")
SCRIPTS = sorted((WEB / "static").glob("*.js"))
TEMPLATES = sorted((WEB / "templates").iterdir())

TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", STYLE
    )
}
SPEAKERS = [f"s{slot}" for slot in range(8)]
SURFACES = ["page", "side", "raised"]


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_the_standard_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "surface"),
    [
        *((speaker, "page") for speaker in SPEAKERS),
        *((text, surface) for text in ("text", "quiet", "accent") for surface in SURFACES),
        *((text, "mark") for text in ("text", "quiet", "accent", "undecided", "warn")),
        ("undecided", "page"),
        ("warn", "page"),
        ("warn", "side"),
        ("warn", "warn-page"),
        ("on-accent", "accent"),
        ("text", "found"),
        ("text", "found-now"),
    ],
)
def test_text_can_be_read(text: str, surface: str, theme: int) -> None:
    assert contrast(TOKENS[text][theme], TOKENS[surface][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_edges_of_controls_can_be_seen(theme: int) -> None:
    for surface in SURFACES:
        assert contrast(TOKENS["edge"][theme], TOKENS[surface][theme]) >= 3


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_speakers_differ_from_each_other(theme: int) -> None:
    colours = [TOKENS[speaker][theme] for speaker in SPEAKERS]
    assert len(set(colours)) == len(SPEAKERS)


def test_colours_are_tokens() -> None:
    rules = STYLE[STYLE.index("[data-theme") :]
    loose = re.findall(r"(?<![\w-])#[0-9a-fA-F]{3,8}\b", re.sub(r"light-dark\([^)]*\)", "", rules))
    assert loose == []


@pytest.mark.parametrize("path", [*SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_nothing_inline_and_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=\"/static/)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)
    addresses = re.findall(r"https?://[^\s\"'`<>)]+", text)
    assert [a for a in addresses if not a.startswith("http://www.w3.org/")] == []


def test_the_style_sheet_asks_for_nothing() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_word_no_state_and_know_no_event(path: Path) -> None:
    """The server folds events and words them; what a script would say of a call could only differ."""
    text = path.read_text(encoding="utf-8")
    words = {wording.state(CallSummary(id="", sid="", status=status)).word for status in STATUSES}
    assert not [word for word in words if f'"{word}"' in text]
    assert not [tag for tag in EVENTS if f'"{tag}"' in text]
