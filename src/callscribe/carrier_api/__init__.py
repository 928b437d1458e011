"""The carrier's REST API: numbers, calls, streams."""

from callscribe.carrier_api.client import ApiError, CarrierClient

__all__ = ["ApiError", "CarrierClient"]
