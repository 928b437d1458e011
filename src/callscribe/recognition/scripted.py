"""A recogniser that says what it was told to: for unit tests, and for load tests in which recognition costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from callscribe.audio.mulaw import Pcm
from callscribe.errors import ModelError
from callscribe.events import Word
from callscribe.recognition.base import Hypothesis, RecognizerSession


@dataclass(frozen=True, slots=True)
class ScriptedWord:
    """Heard as soon as the session has been fed `end_ms` of audio, whatever the audio is."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0


Script = Sequence[ScriptedWord]


def spoken(text: str, start_ms: int = 0, word_ms: int = 300) -> list[ScriptedWord]:
    """A script that says `text` evenly, one word after the other."""
    return [
        ScriptedWord(word, start_ms + i * word_ms, start_ms + (i + 1) * word_ms)
        for i, word in enumerate(text.split())
    ]


@dataclass(slots=True)
class ScriptedSession:
    """One track's session. `on_audio` is called with each chunk before it counts (to check it, wait, or fail)."""

    script: Script
    sample_rate: int
    on_audio: Callable[[Pcm], None] | None = None
    closed: bool = False
    _samples: int = 0
    _said: int = 0
    _begun: int = 0
    _words: list[Word] = field(default_factory=list)

    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        if self.on_audio is not None:
            self.on_audio(pcm)
        return self.skip(len(pcm))

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        self._samples += samples
        now_ms = self._samples * 1000 // self.sample_rate
        before = self._said
        while self._said < len(self.script) and self.script[self._said].end_ms <= now_ms:
            self._said += 1
        if self._said == before:
            return ()
        return (Hypothesis(words=self._heard(), final=False),)

    def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
        words = tuple(
            word
            for word in self._heard()
            if at_ms is None or word.start_ms + word.end_ms < 2 * at_ms
        )
        self._begun += len(words)
        return (Hypothesis(words=words, final=True),) if words else ()

    def finish(self) -> Sequence[Hypothesis]:
        return self.endpoint()

    def close(self) -> None:
        self.closed = True

    def _heard(self) -> tuple[Word, ...]:
        return tuple(
            Word(text=w.text, start_ms=w.start_ms, end_ms=w.end_ms, confidence=w.confidence)
            for w in self.script[self._begun : self._said]
        )


class ScriptedRecognizer:
    """Gives each new session the next script; the last one is used again for those that come after."""

    def __init__(
        self,
        *scripts: Script,
        sample_rate: int = 8000,
        on_audio: Callable[[Pcm], None] | None = None,
        name: str = "scripted",
        language: str = "en",
    ) -> None:
        self.name = name
        self.language = language
        self.sample_rate = sample_rate
        self.hears_silence = True
        self.sessions: list[ScriptedSession] = []
        self._scripts = scripts or ((),)
        self._on_audio = on_audio

    def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
        if phrases:
            raise ModelError("The scripted recogniser takes no phrases.")
        script = self._scripts[min(len(self.sessions), len(self._scripts) - 1)]
        session = ScriptedSession(script, self.sample_rate, self._on_audio)
        self.sessions.append(session)
        return session

    def close(self) -> None:
        for session in self.sessions:
            session.close()
