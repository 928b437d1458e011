"""A model of the user's own: more words, and sentences mixed into its language model.

A fixed graph needs the optional package pynini (`callscribe[adapt]`), a dynamic one nothing more. The recipe
in `training/` builds the built-in model's graph with the same code.
"""

from __future__ import annotations

from callscribe.models.adapt.adaptation import WEIGHT, AdaptReport, AddedWord, adapt
from callscribe.models.adapt.errors import AdaptError, NotAdaptableError, WordListError

__all__ = [
    "WEIGHT",
    "AdaptError",
    "AdaptReport",
    "AddedWord",
    "NotAdaptableError",
    "WordListError",
    "adapt",
]
