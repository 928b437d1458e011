"""Written dialogue as labelled units: what the punctuation model sees, and what it should answer.

Used for training (`training/punctuation.py`) and for measuring (`benchmarks/readable_text.py`), so that both
read the same text in the same way and keep to the same split.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from callscribe.text.lexicon import ACRONYMS, MONTHS, NUMBER_WORDS, UNITS

Part = Literal["train", "dev", "test", "edge"]

TRANSCRIBED = ("earnings21_22", "ami_meetings", "primock57")
"""Transcripts of speech; the other sources were typed."""

CASE_UNRELIABLE = frozenset({"camrest", "star", "taskmaster_3_4"})
"""Typed quickly, names often in lower case: used for punctuation only."""

_BLOCKS = {"earnings21_22": (1000, 270), "ami_meetings": (600, 190), "primock57": (300, 70)}
"""Lines a block and lines at its edges that may belong to the neighbour's call (mean length of a call)."""

_TRAIL = re.compile(r"[\"'”’)\]]*([.,?!;:…]+)[\"'”’)\]]*$")
_ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "ms",
    "dr": "doctor",
    "st": "saint",
    "vs": "versus",
}
_KEEP_DOT = frozenset({"mr", "mrs", "ms", "dr", "st", "vs", "inc", "jr", "sr", "no"})
_DROPPED = re.compile(r"\[[^\]]*\]|<[^>]*>|\{[^}]*\}")
_HALVES = frozenset({"am", "pm"})
_SPOKEN_BIG = NUMBER_WORDS - {"oh", "o"}


class Unit(NamedTuple):
    """One written token."""

    key: str
    """Lower-case word, or a class such as "<money>"."""
    written: str
    """As in the text, without marks."""
    mark: str
    """The mark after it: "", ",", "." or "?"."""
    starts: bool
    """First of a sentence, so its capital says nothing about the word."""


def blocks(name: str) -> tuple[int, int]:
    return _BLOCKS.get(name, (200, 20))


def part_of(name: str, line: int) -> Part:
    """Which part a line belongs to: by hash of its block, one block in ten each for test and development."""
    size, edge = blocks(name)
    block, offset = divmod(line, size)
    draw = zlib.crc32(f"{name}:{block}".encode()) % 10
    if draw == 0:
        return "test" if edge <= offset < size - edge else "edge"
    return "dev" if draw == 1 else "train"


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a packed file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            yield number, line.strip()


def sources(folder: Path) -> list[str]:
    return sorted(p.name.removesuffix(".txt.gz") for p in folder.glob("*.txt.gz"))


def _mark(trail: str, following: str) -> str:
    if "?" in trail:
        return "?"
    if "!" in trail:
        return "."
    if "…" in trail or trail.endswith(".."):
        return "." if not following or following[:1].isupper() else ","
    if "." in trail:
        return "."
    return ","


def _class(token: str) -> str:
    if "$" in token or "£" in token or "€" in token:
        return "<money>"
    if "%" in token:
        return "<percent>"
    if re.search(r"\d:\d\d", token) or re.fullmatch(r"\d+(am|pm)", token):
        return "<time>"
    if re.fullmatch(r"\d+(st|nd|rd|th)", token):
        return "<ordinal>"
    if re.fullmatch(r"\d+/\d+(/\d+)?", token):
        return "<date>"
    if re.fullmatch(r"[\d,]+(\.\d+)?", token):
        return "<number>"
    if sum(c.isdigit() for c in token) >= 7:
        return "<phone>"
    return "<code>"


def units(line: str, *, merge: bool = True) -> list[Unit]:
    """The labelled units of one written line; `merge` joins numbers in words as the rules would write them."""
    line = _DROPPED.sub(
        " ", line.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    )
    line = line.replace("—", " -- ").replace("–", " -- ").replace("&amp;", "&")
    found: list[Unit] = []
    starts = True
    tokens = line.split()
    for place, raw in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else ""
        token = raw.lstrip("\"'([*").rstrip("*")
        mark = ""
        trail = _TRAIL.search(token)
        body = token
        if trail is not None and trail.start() >= 0:
            body = token[: trail.start()]
            mark = _mark(trail[1], following)
        body = body.strip("\"'()[]*")
        lower = body.lower()
        if not body or set(body) <= set("-"):
            if found and found[-1].mark == "" and (mark or (len(raw) >= 1 and following)):
                found[-1] = found[-1]._replace(mark=mark or ",")
            continue
        if lower in _KEEP_DOT and mark == "." and following:
            mark = ""
        if re.fullmatch(r"([a-z]\.)+[a-z]?", lower) and following[:1].islower():
            mark = ""
        flat = lower.replace(".", "") if re.fullmatch(r"([a-z]\.)+[a-z]?", lower) else lower
        for unit in _split(body, lower, flat):
            found.append(Unit(*unit, "", starts))
            starts = False
        if found and mark:
            found[-1] = found[-1]._replace(mark=mark)
            starts = mark in ".?"
    return _merged(found) if merge else found


def _split(body: str, lower: str, flat: str) -> Iterator[tuple[str, str]]:
    if any(c.isdigit() for c in body):
        yield _class(lower), body
        return
    if "@" in body or re.search(r"[a-z]\.(com|org|net|gov|edu)", lower):
        yield "<web>", body
        return
    letters = body.replace(".", "")
    if (letters.isupper() and len(letters) > 1 and letters.isalpha() and letters != "OK") or (
        flat in ACRONYMS and letters.isupper() and len(letters) > 1
    ):
        yield "<acronym>", letters
        return
    for piece in re.split(r"[-/&+]", body):
        key = re.sub(r"[^a-z']", "", piece.lower()).strip("'")
        key = {"ok": "okay", "o.k": "okay", "ohh": "oh"}.get(key, _ABBREVIATIONS.get(key, key))
        if key:
            yield key, piece


def _merged(found: list[Unit]) -> list[Unit]:
    """Joins what the rules write as one token: "8 pm", "March 8th, 2019", "twenty five percent"."""
    result: list[Unit] = []
    for unit in found:
        last = result[-1] if result else None
        if last is not None and last.mark in {"", ","}:
            key = unit.key
            joined = ""
            if last.mark == "":
                if last.key in {"<number>", "<time>"} and key in _HALVES:
                    joined = "<time>"
                elif last.key in MONTHS and key in {"<number>", "<ordinal>"}:
                    joined = "<date>"
                elif last.key == "<number>" and key in {
                    "percent",
                    "million",
                    "billion",
                    "thousand",
                }:
                    joined = "<percent>" if key == "percent" else "<number>"
                elif last.key == "<money>" and key in {
                    "<number>",
                    "million",
                    "billion",
                    "thousand",
                }:
                    joined = "<money>"
                elif last.key in {"<number>", "<ordinal>"} and key == "<number>":
                    joined = "<number>"
                elif last.key == "<number>" and key in {"dollars", "dollar"}:
                    joined = "<money>"
                elif key in _SPOKEN_BIG and (last.key in _SPOKEN_BIG or last.key == "<number>"):
                    joined = "<number>"
                elif last.key in UNITS and key == "percent":
                    joined = "<percent>"
            elif last.key == "<date>" and key == "<number>" and len(unit.written) == 4:
                joined = "<date>"
            if joined:
                result[-1] = Unit(joined, f"{last.written} {unit.written}", unit.mark, last.starts)
                continue
        if unit.key in _SPOKEN_BIG and unit.key not in UNITS and unit.key != "zero":
            unit = unit._replace(key="<number>")
        result.append(unit)
    return result
