"""The recogniser as the rest of callscribe sees it: one shared model, one light session per track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from callscribe.audio.mulaw import Pcm
from callscribe.events import Token, Word


class Hypothesis(msgspec.Struct, frozen=True):
    """What a session believes about the utterance it is in. Times are ms since the session's first sample."""

    words: tuple[Word, ...]
    """Empty when nothing was recognised. Exact times come with finals; in partials they may be estimates."""
    final: bool
    """True: the utterance is over, the next hypothesis belongs to a new one."""
    language: str = ""
    """BCP 47: what it was heard as, by a recogniser that finds that out; else empty."""
    tokens: tuple[Token, ...] = ()
    """The words as the recogniser itself would write them, if it does: for languages callscribe has no rules for."""


class RecognizerSession(Protocol):
    """Per-track state. Used by one thread at a time; calls may block for the length of a decode."""

    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        """Feed audio at the recogniser's sample rate; any number of finals, then at most one partial."""
        ...

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        """Time passes without audio worth decoding; the line goes on by `samples`.

        Only between utterances. Hypotheses as from `accept`, though most recognisers have none to give.
        """
        ...

    def finish(self) -> Sequence[Hypothesis]:
        """Flush: the last final, if there are words in it. The session may be fed again afterwards."""
        ...

    def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
        """End the current utterance (our own endpointing decided so): its final, if there are words in it.

        Args:
            at_ms: end it here instead of now, at most a few seconds back: at the word boundary nearest to this
                point. What was said after it begins the next utterance, and nothing is lost.
            quiet_ms: of what was fed last, so much holds no speech for sure and need not be heard to the end.
        """
        ...

    def close(self) -> None:
        """Free native memory. Idempotent."""
        ...


class Recognizer(Protocol):
    """A loaded model, shared by all sessions of the process. Thread-safe."""

    name: str
    """For people: "phone-en (built in)"."""
    language: str
    """BCP 47, e.g. "en" or "de"; empty when unknown."""
    sample_rate: int
    """Hz that `accept` wants."""
    hears_silence: bool
    """True: must be fed all audio. False: silence between utterances may be passed over with `skip`."""

    def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
        """A new session. `phrases` restricts a model that can be restricted.

        Raises:
            callscribe.errors.ModelError: phrases given to a model that cannot take them.
        """
        ...

    def close(self) -> None: ...


class Excerpt(msgspec.Struct, frozen=True):
    """The sound of one utterance, with a little before and after it."""

    pcm: Pcm
    """At the telephone's 8000 Hz."""
    text: str = ""
    """What a reader made of it before, in the reader's own writing; empty when it was not read yet."""


class Reading(msgspec.Struct, frozen=True):
    """What a reader made of an excerpt."""

    words: tuple[Word, ...] = ()
    """As spoken, lower case, without marks ("four one two"); ms since the excerpt's first sample."""
    text: str = ""
    """In the reader's own writing, with its capitals and marks; what later excerpts are given as context."""
    tokens: tuple[Token, ...] = ()
    """The same, over `words`."""
    score: float = 0.0
    """Mean log probability of the text's tokens, 0 or less; near 0 the reader was sure."""
    no_speech: float = 0.0
    """How likely nobody spoke, 0 to 1, by what the reader says of the whole sound it was given."""
    language: str = ""
    """BCP 47: what it was read as."""
    doubtful: bool = False
    """Whether, by what the reader itself says, there may have been no words at all."""


class Reader(Protocol):
    """A loaded model that reads whole utterances after they were said. Used by one thread at a time.

    It hears a window of some seconds at once, and what was said before makes it surer of what comes.
    """

    name: str
    """For people: "tiny.en"."""
    language: str
    """BCP 47; empty when it reads many."""
    window_ms: int
    """The most sound it hears at once, silence between excerpts included."""

    def read(
        self,
        new: Excerpt,
        before: Sequence[Excerpt] = (),
        *,
        hints: Sequence[str] = (),
        language: str = "",
        brief: bool = False,
    ) -> Reading:
        """Read an utterance.

        Args:
            new: what to read.
            before: what was said before on the call, in order, with its text; as much of its end as fits is heard
                again. Excerpts without text are left out.
            hints: words and names that may come, as they are written.
            language: BCP 47, for a reader of many languages; empty: it finds out.
            brief: others wait: in half of the time, where the reader knows a way, if need be with some more errors.

        Raises:
            callscribe.errors.ModelError: it cannot read `language`.
        """
        ...

    def read_together(
        self, excerpts: Sequence[Excerpt], *, hints: Sequence[str] = (), language: str = ""
    ) -> list[Reading]:
        """Read several utterances in as few windows as hold them: cheaper, and each hears the others.

        Returns:
            One reading for each excerpt; without words where the window brought none for it. By itself it may have
            some.

        Raises:
            callscribe.errors.ModelError: it cannot read `language`.
        """
        ...

    def close(self) -> None: ...
