"""SIDs, tokens and the small facts of a telephone number, reproducible from a seed."""

from __future__ import annotations

import random
import uuid
from typing import Literal

Prefix = Literal["AC", "CA", "MZ", "CF", "PN", "SK"]


class Ids:
    """Hands out SIDs: a two-letter prefix and 32 hex digits (Twilio docs, "What is a SID?")."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets

    def sid(self, prefix: Prefix) -> str:
        return f"{prefix}{self._random.getrandbits(128):032x}"

    def idempotency_token(self) -> str:
        """What `I-Twilio-Idempotency-Token` carries: the same on every try of one request."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def child(self) -> random.Random:
        """An independent random source, for one stream's faults."""
        return random.Random(self._random.getrandbits(64))  # noqa: S311
