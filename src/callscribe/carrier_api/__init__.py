"""The carrier's REST API: numbers, calls, streams, conferences."""

from callscribe.carrier_api.client import ApiError, CarrierClient
from callscribe.carrier_api.control import CarrierApi

__all__ = ["ApiError", "CarrierApi", "CarrierClient"]
