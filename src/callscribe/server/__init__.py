"""The joiner: every part built from the settings, put together, and taken down again in the right order.

    running_product      what `callscribe serve` runs: model, tunnel, numbers, server   product.py
      running_server     the server alone: record, speech, calls, pages                 running.py
        open_record      store, hub, journal, recordings                                record.py
        decoding         where speech is decoded: worker processes, or threads          decoding.py
        second_readings  what reads it again                                            second_readings.py
        Sessions         a stream's audio to text                                       sessions.py
        call_registry    which calls are live                                           running.py
        web_services     what pages and API may use                                     running.py

What the settings say is worked out in `policy.py` and found wrong in `checks.py`; neither opens or builds anything.
Parts that a new capability brings are made and joined here, in the function whose part they belong to.
"""

from __future__ import annotations

from callscribe.server.checks import check, check_token
from callscribe.server.decoding import load_recognizer
from callscribe.server.policy import call_flows, calls_can_arrive, recording_advice
from callscribe.server.product import Product, carrier_account, run, running_product
from callscribe.server.record import open_shelf
from callscribe.server.running import ADDRESS_FILE, Server, running_server

__all__ = [
    "ADDRESS_FILE",
    "Product",
    "Server",
    "call_flows",
    "calls_can_arrive",
    "carrier_account",
    "check",
    "check_token",
    "load_recognizer",
    "open_shelf",
    "recording_advice",
    "run",
    "running_product",
    "running_server",
]
