from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.sealing import Seal, SealError, is_sealed

SEAL = Seal.fresh()


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_is_sealed_comes_back_for_the_same_thing_alone(data: bytes, about: str) -> None:
    sealed = SEAL.seal(data, about)
    assert is_sealed(sealed)
    assert SEAL.unseal(sealed, about) == data
    with pytest.raises(SealError):
        SEAL.unseal(sealed, about + "!")
    with pytest.raises(SealError):
        Seal.fresh().unseal(sealed, about)


@given(st.binary(max_size=80))
def test_nothing_else_opens(data: bytes) -> None:
    with pytest.raises(SealError):
        SEAL.unseal(data)


def test_it_is_never_sealed_the_same_way_twice() -> None:
    assert SEAL.seal(b"yes") != SEAL.seal(b"yes")


def test_the_same_secret_makes_the_same_key() -> None:
    assert Seal.of("correct horse").unseal(Seal.of("correct horse").seal(b"yes")) == b"yes"
