"""callscribe's own exceptions.

    CallscribeError              anything we can explain to a person; str() is the explanation and the way out
      SettingsError              a setting is unknown, of the wrong kind, or missing
      ProtocolError              a peer broke the media protocol; closes that one socket
      SignatureError             a request that the carrier did not sign
      AudioError                 audio that cannot be used
      ModelError                 a recognition model is missing, broken or unfit
      StoreError                 the record cannot be read or written
        RecordLostError          it was deleted, replaced or damaged
      NotLiveError               no live call has this identity
      NoSpeakerError             nobody is heard on this leg and track
      CarrierError               the carrier's REST API refused or cannot be reached
      TunnelError                no tunnel
      SimulationError            the simulated carrier met something the real one would refuse

Packages may subclass these; the command line prints str(error) and exits with 1, never a traceback.
"""

from __future__ import annotations


class CallscribeError(Exception):
    """Anything we can explain to a person."""


class SettingsError(CallscribeError):
    """A setting is unknown, of the wrong kind, or missing."""


class ProtocolError(CallscribeError):
    """A peer broke the media protocol.

    Attributes:
        close_code: the WebSocket close code that fits (RFC 6455, 7.4.1), e.g. 1002, 1003, 1008, 1009.
    """

    def __init__(self, reason: str, *, close_code: int = 1002) -> None:
        super().__init__(reason)
        self.close_code = close_code


class SignatureError(CallscribeError):
    """A request that the carrier did not sign."""


class AudioError(CallscribeError):
    """Audio that cannot be used."""


class ModelError(CallscribeError):
    """A recognition model is missing, broken or unfit."""


class StoreError(CallscribeError):
    """The record cannot be read or written."""


class RecordLostError(StoreError):
    """The record is not the one that was opened: it was deleted, replaced or damaged while the server was running.

    What was written to it may be gone; `begin_anew` goes on with what is in its place.
    """


class NotLiveError(CallscribeError):
    """No live call has this identity."""


class NoSpeakerError(CallscribeError):
    """Nobody is heard on this leg and track."""


class CarrierError(CallscribeError):
    """The carrier's REST API refused or cannot be reached."""


class TunnelError(CallscribeError):
    """No tunnel."""


class SimulationError(CallscribeError):
    """The simulated carrier met something the real one would refuse."""
