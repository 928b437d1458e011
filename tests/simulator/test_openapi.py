"""The checker that the REST tests lean on must itself find what is wrong."""

from __future__ import annotations

import pytest

from tests.simulator import openapi

pytestmark = pytest.mark.skipif(
    not openapi.DESCRIPTION.exists(), reason="needs ../shared/data/twilio-openapi"
)

STREAM = "/2010-04-01/Accounts/AC1/Calls/CA1/Streams.json"
GOOD = {
    "sid": "MZ" + "0" * 32,
    "account_sid": "AC" + "0" * 32,
    "call_sid": "CA" + "0" * 32,
    "name": None,
    "status": "in-progress",
    "date_updated": "Thu, 15 Jan 2026 10:00:01 +0000",
    "uri": "/x",
}


def test_a_good_answer_has_no_problems() -> None:
    schema = openapi.answer_schema("POST", STREAM, 200)
    assert schema is not None
    assert openapi.problems(schema, GOOD) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sid": "CA" + "0" * 32}, "does not match"),
        ({"status": "running"}, "not one of"),
        ({"name": 5}, "not string"),
        ({"extra": 1}, "not described"),
    ],
)
def test_what_is_wrong_is_found(change: dict[str, object], says: str) -> None:
    schema = openapi.answer_schema("POST", STREAM, 200)
    assert schema is not None
    (problem,) = openapi.problems(schema, GOOD | change)
    assert says in problem


def test_missing_fields_unknown_paths_and_statuses_are_found() -> None:
    schema = openapi.answer_schema("POST", STREAM, 200)
    assert schema is not None
    assert openapi.problems(schema, {}) == [f".{name} is missing" for name in GOOD]
    with pytest.raises(LookupError):
        openapi.answer_schema("POST", STREAM, 201)
    with pytest.raises(LookupError):
        openapi.answer_schema("GET", "/nowhere", 200)
