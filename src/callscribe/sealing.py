"""Sealed bytes: without the key nobody reads them, nobody changes them unnoticed, and none passes for another.

ChaCha20-Poly1305 with a random nonce for every piece; what a piece is about is authenticated with it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_MARK: Final = b"CSseal1:"
"""What sealed bytes begin with."""
_SALT: Final = b"callscribe sealing 1"


class SealError(ValueError):
    """These bytes were not sealed with this key, or not as this."""


class Seal:
    """Seals with one key. Thread-safe."""

    def __init__(self, key: bytes) -> None:
        """
        Args:
            key: `KEY_BYTES` of it.
        """
        self._cipher = ChaCha20Poly1305(key)

    @classmethod
    def fresh(cls) -> Seal:
        """With a key that nobody else ever knows: for files that do not outlive the process."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def of(cls, secret: str) -> Seal:
        """With the key that a secret of a person's own makes. Takes a twentieth of a second."""
        return cls(hashlib.scrypt(secret.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=KEY_BYTES))

    def seal(self, data: bytes, about: str = "") -> bytes:
        """Sealed bytes, 36 longer.

        Args:
            about: what they are; must be the same at `unseal`.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _MARK + nonce + self._cipher.encrypt(nonce, data, about.encode())

    def unseal(self, sealed: bytes, about: str = "") -> bytes:
        """What was sealed.

        Raises:
            SealError: by another key, as something else, or it was changed.
        """
        body = sealed[len(_MARK) :]
        if not is_sealed(sealed) or len(body) < _NONCE_BYTES:
            raise SealError("not sealed")
        try:
            return self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], about.encode())
        except InvalidTag:
            raise SealError("sealed with another key, or changed") from None


def opened(data: bytes, seal: Seal | None, about: str = "") -> bytes:
    """What was written with a seal or, as older versions did, without one.

    Args:
        seal: with its key; without one nothing that is sealed can be read.

    Raises:
        SealError: as `Seal.unseal`, or there is no seal for it.
    """
    if not is_sealed(data):
        return data
    if seal is None:
        raise SealError("sealed")
    return seal.unseal(data, about)


def is_sealed(data: bytes) -> bool:
    """Whether bytes look sealed, with whatever key."""
    return data.startswith(_MARK)
