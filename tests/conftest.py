"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is slow, and that is no failure.
settings.register_profile("callscribe", deadline=None)
settings.load_profile("callscribe")
