"""What can go wrong when a model is adapted."""

from __future__ import annotations

from callscribe.errors import CallscribeError, ModelError


class AdaptError(CallscribeError):
    """The model cannot be adapted with what was given."""


class WordListError(AdaptError):
    """A line of the word list or of the sentences is not what it should be."""


class NotAdaptableError(ModelError, AdaptError):
    """The base model lacks the files that adapting needs."""
