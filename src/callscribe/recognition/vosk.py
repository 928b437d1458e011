"""Vosk (vosk 0.3.45), the only module that knows the library; `vosk_layout` knows its model folders.

Facts about the library that shape this adapter (alphacep/vosk-api, src/recognizer.cc and src/model.cc, and measured):

* Its network computes a chunk of frames at a time, and most of that is going through the weights (two thirds of all
  decoding; they are copied for every product), however few the frames are. Chunks of 0.36 s instead of Vosk's 0.24 s
  take a fifth of the time less. Words come as soon all the same, because audio is fed so that each piece completes a
  chunk: none waits for the next piece.
* It looks for the end of an utterance once per call, so how it is fed changes what it returns: always alike, counted
  from the utterance's beginning.
* `FinalResult` has the network compute its whole look-ahead, padded: one or two chunks more. `Result` does not, and is
  as good where that audio holds no speech.
* A new `KaldiRecognizer` on a loaded model costs a twentieth of a millisecond, while one that lives on counts time in
  single precision and grows. So every utterance gets its own, and the line of samples is ours. With a dynamic graph
  it costs some milliseconds: 6 for a language model of 290,000 n-grams, all of which it adds up.
* `SetPartialWords` delays partials by a second and more (words appear when the lattice has settled). Partials are
  asked for as text, and their word times are estimates.
* Its errors are a line on stderr from C++ and a bare `Exception`; a model's files are checked here first.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from callscribe.audio.mulaw import Pcm
from callscribe.errors import ModelError
from callscribe.events import Word
from callscribe.recognition import vosk_layout
from callscribe.recognition.base import Hypothesis, Recognizer, RecognizerSession
from callscribe.recognition.calibration import Calibration
from callscribe.recognition.engine import Engine, Facts

_REPLAY_S = 22
"""Audio kept so that an utterance can be ended in the past."""
_CHUNK_FRAMES = 36
"""Frames of 10 ms that the network computes at a time. Three times a step of the track (`speech.segmenter`), so that
chunks end where steps do; a multiple of what networks leave out."""
_WINDOW_MS = 15
"""By so much a frame's window is longer than what comes between frames."""
_LOOK_AHEAD_FRAMES = 22
"""Taken where a model's files do not tell."""


class VoskRecognizer:
    """A loaded model, shared by all sessions."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        language: str = "",
        calibration: Calibration | None = None,
    ) -> None:
        """Load the model in `folder` (a tenth of a second for a small one, many seconds for a large one).

        Args:
            folder: an unpacked Vosk model.
            name: for people; the folder's name when empty.
            language: BCP 47, when known.
            calibration: what its confidence is worth; without it words keep Vosk's own, which is too high.

        Raises:
            ModelError: no such folder, files missing, or the library cannot load it; the message says what to do.
        """
        layout = vosk_layout.look(folder)
        if layout is None:
            raise ModelError(
                f"{folder} is not a Vosk model. See what can be downloaded: callscribe models list"
            )
        try:
            import vosk
        except (ImportError, OSError) as error:
            raise ModelError(
                f"The speech recogniser cannot be loaded: {error}\n"
                "Install it with: pip install vosk==0.3.45 (Linux, macOS and Windows on common processors)."
            ) from error
        self.name = name or folder.resolve().name
        self.language = language
        self.sample_rate = layout.sample_rate
        self.hears_silence = False
        self.folder = folder
        self._calibration = calibration
        self._vosk: Any = vosk
        vosk.SetLogLevel(-2)  # errors only
        self._takes_phrases = vosk_layout.takes_phrases(folder)
        said: list[str] = []
        try:
            frames = vosk_layout.look_ahead_frames(folder) or _LOOK_AHEAD_FRAMES
            self._look_ahead_ms = _WINDOW_MS + 10 * frames
            with _quiet_stderr() as said:
                with _chunks_of(folder) as prepared:
                    self._model: Any = vosk.Model(str(prepared))
                # Find out now, not in the first call, whether it recognises anything.
                self.start_session().accept(np.zeros(self.sample_rate, np.int16))
        except Exception as error:
            reason = (
                re.sub(r"^\w+ \(VoskAPI:[^)]*\)+:?[^ ]*\)? ", "", said[-1]) if said else str(error)
            )
            raise ModelError(
                f"The model in {folder} cannot be loaded: {reason[:200]}\n"
                "Its files may be damaged or of another kind. Unpack it again, or fetch one with: "
                "callscribe models get NAME"
            ) from error

    def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
        if phrases and not self._takes_phrases:
            raise ModelError(
                f"The model {self.name} cannot be restricted to phrases: it has a fixed graph (HCLG.fst).\n"
                "Use a model with a dynamic graph: most of the small public ones, or your own made with "
                "`callscribe models adapt --dynamic`. Or leave the phrases out."
            )
        self._check_words(phrases)
        # Among a few phrases a confidence means something else; that was not measured.
        calibration = None if phrases else self._calibration
        return VoskSession(
            self._make_factory(phrases), self.sample_rate, calibration, self._look_ahead_ms
        )

    def _check_words(self, phrases: Sequence[str]) -> None:
        """Vosk leaves words out that it does not know, and recognises what remains of the phrase."""
        words = dict.fromkeys(word for phrase in phrases for word in phrase.lower().split())
        unknown = [word for word in words if self._model.vosk_model_find_word(word) < 0]
        if unknown:
            raise ModelError(
                f"The model {self.name} does not know {', '.join(f'`{word}`' for word in unknown)}.\n"
                "Write phrases in words as they are said, numbers too, or teach a model the words: "
                "callscribe models adapt --dynamic"
            )

    def _make_factory(self, phrases: Sequence[str]) -> _Factory:
        grammar = json.dumps([" ".join(p.lower().split()) for p in phrases]) if phrases else None
        return _Factory(self._vosk, self._model, self.sample_rate, grammar)

    def close(self) -> None:
        """The native model goes with the last session that uses it."""
        self._model = None


class _Factory:
    """Makes native recognisers of one model."""

    def __init__(self, vosk: Any, model: Any, rate: int, grammar: str | None) -> None:
        self._vosk, self._model, self._rate, self._grammar = vosk, model, rate, grammar

    def __call__(self) -> Any:
        try:
            arguments = (self._model, self._rate) + ((self._grammar,) if self._grammar else ())
            native = self._vosk.KaldiRecognizer(*arguments)
        except Exception as error:
            raise ModelError(f"The recogniser cannot be started: {error}") from error
        native.SetWords(True)
        return native


class VoskSession:
    """One track. Each utterance is decoded by a native recogniser of its own."""

    def __init__(
        self,
        make: _Factory,
        sample_rate: int,
        calibration: Calibration | None = None,
        look_ahead_ms: int = _WINDOW_MS + 10 * _LOOK_AHEAD_FRAMES,
    ) -> None:
        """
        Args:
            look_ahead_ms: sound after a moment that the network hears before it says what that moment was.
        """
        self._make = make
        self._calibration = calibration
        self._rate = sample_rate
        self._chunk = sample_rate * _CHUNK_FRAMES // 100
        self._look_ahead = sample_rate * look_ahead_ms // 1000
        self._native: Any = None
        self._begin = 0
        """Where the native recogniser's zero lies, in samples of the session."""
        self._decoded = 0
        """Samples of the session that the native recogniser was given, or that were skipped."""
        self._rest: Pcm = np.zeros(0, np.int16)
        """Accepted, but with it no chunk can be computed yet."""
        self._fed: deque[Pcm] = deque(maxlen=_REPLAY_S * 100 // _CHUNK_FRAMES)
        self._partial = ""

    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        audio = np.concatenate((self._rest, pcm)) if len(self._rest) else pcm
        found: list[Hypothesis] = []
        partial: Hypothesis | None = None
        while len(audio) >= (piece := self._wanted()):
            fed, audio = audio[:piece], audio[piece:]
            if self._feed(fed):
                words = self._words("Result")
                self._partial, partial = "", None
                if words:
                    found.append(Hypothesis(words=words, final=True))
            else:
                partial = self._hear_partial() or partial
        self._rest = audio
        if partial is not None:
            found.append(partial)
        return found

    def _wanted(self) -> int:
        """How many samples more complete a chunk."""
        return self._chunk if self._native is not None else self._look_ahead + self._chunk

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        found = self.endpoint()
        self._decoded += samples
        return found

    def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
        rest, self._rest = self._rest, self._rest[:0]
        unheard = self._look_ahead + len(rest)
        if self._native is not None and at_ms is None and unheard * 1000 <= quiet_ms * self._rate:
            self._decoded += len(rest)
            words = self._words("Result")
        else:
            if len(rest):
                self._feed(rest)
            if self._native is None:
                return ()
            words = self._words("FinalResult")
        fed = list(self._fed)
        self._forget()
        cut = None if at_ms is None else _word_boundary(words, at_ms)
        if cut is not None:
            words = tuple(word for word in words if word.end_ms <= cut)
            self._replay(fed, cut * self._rate // 1000)
        return (Hypothesis(words=words, final=True),) if words else ()

    def finish(self) -> Sequence[Hypothesis]:
        return self.endpoint()

    def close(self) -> None:
        self._forget()
        self._rest = self._rest[:0]

    def _feed(self, step: Pcm) -> bool:
        """Give audio to the native recogniser; true when the model's own rules end the utterance."""
        if self._native is None:
            self._native = self._make()
            self._begin = self._decoded
        self._fed.append(step)
        self._decoded += len(step)
        try:
            return bool(self._native.AcceptWaveform(step.tobytes()))
        except Exception as error:
            raise ModelError(f"The recogniser cannot use this audio: {error}") from error

    def _replay(self, fed: Sequence[Pcm], start: int) -> None:
        """Decode again what was fed from the session's sample `start` on."""
        audio = np.concatenate(fed)
        audio = audio[max(0, len(audio) - (self._decoded - start)) :]
        self._decoded -= len(audio)
        while len(audio) >= (piece := self._wanted()):
            self._feed(audio[:piece])
            audio = audio[piece:]
        self._rest = audio

    def _forget(self) -> None:
        self._native = None
        self._fed.clear()
        self._partial = ""

    def _words(self, result: str) -> tuple[Word, ...]:
        begin_ms = self._begin * 1000 / self._rate
        return tuple(
            Word(
                text=word["word"],
                start_ms=round(begin_ms + word["start"] * 1000),
                end_ms=round(begin_ms + word["end"] * 1000),
                confidence=self._confidence(float(word["conf"])),
            )
            for word in json.loads(getattr(self._native, result)()).get("result", ())
        )

    def _confidence(self, posterior: float) -> float:
        raw = min(1.0, max(0.0, posterior))
        return raw if self._calibration is None else round(self._calibration(raw), 3)

    def _hear_partial(self) -> Hypothesis | None:
        text = json.loads(self._native.PartialResult()).get("partial", "")
        if text == self._partial:
            return None
        self._partial = text
        words = text.split()
        begin_ms, end_ms = (at * 1000 // self._rate for at in (self._begin, self._decoded))
        length = (end_ms - begin_ms) // max(1, len(words))
        return Hypothesis(
            words=tuple(
                Word(
                    text=word,
                    start_ms=begin_ms + i * length,
                    end_ms=begin_ms + (i + 1) * length,
                    confidence=0.0,
                )
                for i, word in enumerate(words)
            ),
            final=False,
        )


@contextlib.contextmanager
def _chunks_of(folder: Path) -> Iterator[Path]:
    """The model's folder as Vosk is to read it: with chunks of our own size, where that can be set and linked to."""
    configuration = folder / "conf" / "model.conf"
    with tempfile.TemporaryDirectory(prefix="callscribe-model-") as made:
        prepared = Path(made)
        try:
            own = configuration.read_text(encoding="utf-8")
            for each in folder.iterdir():
                if each.name != "conf":
                    (prepared / each.name).symlink_to(each.resolve())
            shutil.copytree(folder / "conf", prepared / "conf", copy_function=shutil.copyfile)
            (prepared / "conf" / "model.conf").write_text(
                f"{own.rstrip()}\n--frames-per-chunk={_CHUNK_FRAMES}\n", encoding="utf-8"
            )
        except (OSError, UnicodeError):
            # Of the older layout, or no links may be made here.
            prepared = folder
        yield prepared


def _word_boundary(words: Sequence[Word], at_ms: int) -> int | None:
    """The boundary between two words nearest to `at_ms`; None when there is nothing to divide."""
    boundaries = [
        (before.end_ms + after.start_ms) // 2 for before, after in itertools.pairwise(words)
    ]
    return min(boundaries, key=lambda boundary: abs(boundary - at_ms), default=None)


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[list[str]]:
    """Keep what native code writes to stderr from the terminal; the list holds its lines afterwards."""
    said: list[str] = []
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        try:
            os.dup2(file.fileno(), 2)
            yield said
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            file.seek(0)
            said.extend(file.read().decode("utf-8", "replace").splitlines())


def _load(folder: Path, facts: Facts) -> Recognizer:
    return VoskRecognizer(
        folder, name=facts.name, language=facts.language, calibration=facts.calibration
    )


ENGINE: Engine[Recognizer] = Engine(
    name="Vosk",
    files=vosk_layout.FILES,
    look=vosk_layout.look,
    load=_load,
    language_of=vosk_layout.language_of,
    places=vosk_layout.places,
    near_miss=vosk_layout.near_miss,
)
