"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is slow, and that is no failure.
settings.register_profile("callscribe", deadline=None)
settings.load_profile("callscribe")


@pytest.fixture(scope="session", autouse=True)
def no_measuring() -> Iterator[None]:
    """Servers that tests start measure nothing first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLSCRIBE_CAPACITY", "1000")
        yield


@pytest.fixture(scope="session", autouse=True)
def no_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Whatever models this user has: tests see none, in processes they start too, unless they ask for one."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("models")
        patch.setenv("CALLSCRIBE_MODELS", str(folder))
        yield folder
