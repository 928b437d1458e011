from __future__ import annotations

import pytest

from callscribe.carriers.twilio.explain import explain, known_codes

MEDIA_SOCKET = [31901, 31902, 31903, 31910, 31920, 31921, 31922, 31924, 31930, 31941, 31951]


@pytest.mark.parametrize("code", [*MEDIA_SOCKET, 11200, 11205, 16025, 20003, 20404, 20429, 21220])
def test_errors_a_user_meets_are_known(code: int) -> None:
    assert explain(code) is not None


def test_every_entry_says_what_happened_and_what_to_do() -> None:
    for code in known_codes():
        entry = explain(code)
        assert entry is not None
        assert entry.code == code
        assert entry.meaning.endswith((".", "?"))
        assert entry.cure.endswith(".")
        assert not entry.title.endswith(".")
        assert str(code) in entry.more_info


def test_an_unknown_number_is_not_invented() -> None:
    assert explain(12345) is None
