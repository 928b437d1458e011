"""SIDs and tokens, never the same twice; random sources for faults, the same again from a seed."""

from __future__ import annotations

import random
import uuid
from typing import Literal

Prefix = Literal["AC", "CA", "MZ", "CF", "PN", "SK"]


class Ids:
    """Names things and seeds their faults.

    SIDs do not depend on the seed: a server rightly takes a call SID that it has seen for the same call.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - faults, not secrets

    def sid(self, prefix: Prefix) -> str:
        """A two-letter prefix and 32 hex digits (Twilio docs, "What is a SID?")."""
        return prefix + uuid.uuid4().hex

    def idempotency_token(self) -> str:
        """What `I-Twilio-Idempotency-Token` carries: the same on every try of one request."""
        return str(uuid.uuid4())

    def child(self) -> random.Random:
        """An independent random source, for one stream's faults."""
        return random.Random(self._random.getrandbits(64))  # noqa: S311
