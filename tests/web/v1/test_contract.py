"""The API keeps what its own description says, whatever is sent: Schemathesis makes the requests up."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from callscribe.web.access import Attempts
from callscribe.web.v1.routes import all_operations
from tests.store.memory import Disk
from tests.web.test_api import store as store  # a fixture
from tests.web.v1.serving import TOKEN, app_over, services_over

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def described(store: Any) -> Any:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app_over(store), headers=BEARER)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemathesis tries a wrong token with every operation, more often than anybody may."""
    monkeypatch.setattr(Attempts, "blocked_for", lambda self, client: 0.0)


NAMES = [operation.name for operation in all_operations(services_over(Disk().open()))]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", NAMES)
def test_an_operation_keeps_its_description(described: Any, name: str, mode: Any) -> None:
    operation = described.find_operation_by_id(name)
    parameters = operation.definition.raw.get("parameters", ())
    lists = {p["name"] for p in parameters if p.get("schema", {}).get("type") == "array"}

    @settings(
        max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        # An empty list in a query is no part of what is sent, so nobody can refuse it.
        assume(
            all(urlencode({key: value}, doseq=True) for key, value in (case.query or {}).items())
        )
        # Nor can anybody tell one value in place of a list from a list of one.
        assume(
            not any(
                key in lists and isinstance(value, str | int | float)
                for key, value in (case.query or {}).items()
            )
        )
        case.call_and_validate(headers=BEARER)

    holds()
