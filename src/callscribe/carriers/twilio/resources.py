"""What the carrier's REST API tells about things, as small facts. Pure.

Source: Twilio docs, "Call resource".
"""

from __future__ import annotations

import msgspec


class CallInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A call as the carrier's REST API knows it."""

    call_sid: str
    from_: str = ""
    to: str = ""
    direction: str = ""
    """inbound, outbound-api or outbound-dial."""
    status: str = ""
    caller_name: str = ""
