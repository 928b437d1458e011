from __future__ import annotations

import pytest

from callscribe.calls.speakers import (
    Contacts,
    clean_name,
    heard_name,
    name_for,
    participant_name,
    party_names,
)
from callscribe.errors import CallscribeError, SettingsError
from callscribe.names import unique


def test_the_contact_book_knows_a_number_however_it_is_written() -> None:
    contacts = Contacts({"+1 (500) 555-0010": " Alice  Adams "})
    assert contacts.name("+15005550010") == "Alice Adams"
    assert contacts.name("+1 500.555.0010") == "Alice Adams"
    assert contacts.name("+15005550011") == ""


@pytest.mark.parametrize("entry", [{"+15005550010": " "}, {"anonymous": "A"}])
def test_useless_entries_are_refused(entry: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="contacts"):
        Contacts(entry)


def test_names_follow_direction_and_leg() -> None:
    assert party_names(direction="inbound", from_name="Ann", to_name="") == {
        "inbound": "Ann",
        "outbound": "Callee",
    }
    assert party_names(direction="outbound", from_name="", to_name="Bob") == {
        "inbound": "Bob",
        "outbound": "Caller",
    }


def test_two_speakers_never_have_the_same_name() -> None:
    names = party_names(direction="inbound", from_name="Ann", to_name="Ann")
    assert names == {"inbound": "Ann", "outbound": "Ann 2"}


def test_participants() -> None:
    assert participant_name(["", "Ann"], "+1", ()) == "Ann"
    assert participant_name([""], "+15005550010", ()) == "+15005550010"
    assert participant_name([""], "anonymous", ()) == "Participant"
    assert participant_name(["Ann"], "", {"Ann", "Ann 2"}) == "Ann 3"


def test_names_are_one_bearable_line() -> None:
    assert clean_name(" a\n b\t" + "c" * 200) == "a b " + "c" * 76


def test_a_given_name_stands_before_the_settings_until_it_is_taken_back() -> None:
    contacts = Contacts({"+15005550010": "Alice"})
    contacts.give("+1 500 555 0010", "Zoe")
    assert contacts.name("+15005550010") == "Zoe"
    contacts.give("+15005550010", "")
    assert contacts.name("+15005550010") == "Alice"


def test_two_people_cannot_have_one_name_in_other_letters() -> None:
    with pytest.raises(CallscribeError, match="Choose another name, for example callee 2"):
        name_for("callee", "", [("Callee", "+15005550006")])
    assert unique("ALICE", {"Alice"}) == "ALICE 2"


@pytest.mark.parametrize("said", ["ANONYMOUS", "Unavailable", "+266696687", " restricted "])
def test_the_networks_word_for_no_name_is_no_name(said: str) -> None:
    assert heard_name(said) == ""
    assert participant_name([said], "+7378742833", ()) == "Participant"


def test_a_name_that_shows_nothing_is_no_contact() -> None:
    with pytest.raises(SettingsError, match="its name has no visible characters"):
        Contacts({"+15005550010": "\u200d"})
    assert Contacts({"+15005550010": "A\x1b[31mb"}).name("+15005550010") == "A [31mb"
