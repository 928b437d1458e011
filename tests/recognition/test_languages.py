"""Codes of languages."""

from __future__ import annotations

from callscribe.recognition.languages import bcp47, same_language


def test_publishers_codes_become_bcp_47() -> None:
    codes = {"cn": "zh", "en-us": "en-US", "DE": "de", "tl-ph": "fil", "ua": "uk", "pt": "pt"}
    assert {code: bcp47(code) for code in codes} == codes


def test_languages_agree_as_far_as_both_say() -> None:
    assert same_language("en", "en-US")
    assert same_language("en-GB", "EN-us")
    assert not same_language("en", "es")
