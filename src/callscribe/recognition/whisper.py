"""Whisper models by CTranslate2, the only module that knows it: the second reader.

`whisper_layout` knows the folders, `whisper_tokens` the tokens.

Facts that shape it (openai/whisper; OpenNMT/CTranslate2, whisper.cc; and measured on telephone calls):

* The encoder hears 30 s whatever it is given. What was said before halves the errors: it is heard again, and its text
  is forced as the beginning of the answer, so that only new words count. A text without its sound helps little.
* A forced beginning is decoded token by token and may take longer than the encoder. So there is a brief way, for when
  others wait: what was said before stands behind the new utterance, in a window of 20 s, which is encoded in a third of
  the time, and nothing is forced. On a clean line that is as good; in noise words of before are taken for new ones.
* The decoder waits for memory: of four windows in one batch each takes a third less time than by itself.
* Figures are forbidden, so it writes numbers as words, as they were spoken.
* On noise it may fall into a loop. An answer is bounded by the length of the sound, and a loop is read again.
* Word times are where the decoder looked while it wrote a word (cross-attention of chosen heads, aligned).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from callscribe.audio.mulaw import SAMPLE_RATE, Pcm
from callscribe.audio.resampling import resample
from callscribe.errors import ModelError
from callscribe.events import Token, Word
from callscribe.recognition import mel, whisper_layout, windows
from callscribe.recognition.base import Excerpt, Reader, Reading
from callscribe.recognition.calibration import Calibration
from callscribe.recognition.engine import Engine, Facts
from callscribe.recognition.languages import same_language
from callscribe.recognition.spoken import spoken_words
from callscribe.recognition.whisper_tokens import Vocabulary, has_spaces, loops

NO_SPEECH: Final = 0.6
POOR_SCORE: Final = -1.0
"""Likelier than the one that nobody spoke, or poorer than the other: there were no words (openai/whisper's limits)."""
_SHORT_FRAMES: Final = 2000
"""20 s, for windows of up to `windows.SHORT_MS`: encoded in a third of a whole window's time. Attention grows with the
square of the frames, and for more of them it does not fit into a processor's cache."""
_SHORTEST_MS: Final = 100
"""No word is shorter."""
_MAX_LENGTH: Final = 448
"""Tokens; of a limit of n CTranslate2 lets the decoder write n / 2, the forced beginning among them (whisper.cc)."""
_BATCH: Final = 4
"""Windows that are decoded together; more gain nothing."""
_HINT_TOKENS: Final = 120
_TOKENS_A_SECOND: Final = 8
_TOKENS_AT_LEAST: Final = 12
_CALIBRATION: Final = Calibration(
    ((0.0, 0.25), (0.35, 0.55), (0.6, 0.75), (0.75, 0.87), (0.9, 0.96), (1.0, 0.99))
)
"""From the mean probability of a word's tokens to the share of such words that are right: tiny.en on 1400 words of
held-out people, over the telephone and read aloud. With figures forbidden it is surer than it knows."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the decoder wrote for a window."""

    tokens: tuple[int, ...]
    """Text only."""
    score: float
    no_speech: float
    looped: bool
    """It goes round in circles, or had not come to an end when it was long enough for one..."""
    cut: bool = False
    """...the latter."""
    stretches: tuple[windows.Stretch, ...] = ()
    """What stands between its time stamps, words counted in tokens; none without time stamps."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """One written word with its place in the window."""

    text: str
    """With the space before it, if there was one."""
    start_ms: int
    end_ms: int
    probability: float


class WhisperReader:
    """A loaded model. Used by one thread at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "",
        language: str = "",
        threads: int = 1,
        beam: int = 5,
        calibration: Calibration | None = None,
    ) -> None:
        """Load the model in `folder` (under a second for the smallest, ten for the largest).

        Args:
            folder: a Whisper model in CTranslate2's form.
            name: for people; the folder's name when empty.
            language: BCP 47, of a model that could read many but is good at one.
            threads: processor threads of one reading.
            beam: how many hypotheses are followed; 1 saves a little time and costs many words.
            calibration: what its probabilities are worth; by default as measured for tiny.en.

        Raises:
            ModelError: files missing, damaged or of another kind, or too little memory; says what to do.
        """
        if whisper_layout.look(folder) is None:
            raise ModelError(
                f"{folder} is {whisper_layout.near_miss(folder) or 'no Whisper model in the form of CTranslate2'}."
            )
        try:
            import ctranslate2
            import tokenizers
        except (ImportError, OSError) as error:
            raise ModelError(
                f"The second reader cannot be loaded: {error}\n"
                "Install it with: pip install ctranslate2 tokenizers. Or do without it: --second-reader off"
            ) from error
        self.name = name or folder.resolve().name
        self.window_ms = windows.WINDOW_MS
        self._ct2: Any = ctranslate2
        self._beam = beam
        self._calibration = calibration or _CALIBRATION
        try:
            self._model: Any = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="int8", intra_threads=threads
            )
            tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # both raise what they like, a bare Exception among it
            raise ModelError(
                f"The model in {folder} cannot be loaded: {str(error)[:200]}\n"
                "Its files may be damaged, of another kind, or larger than this machine's memory. Fetch it again with: "
                "callscribe models get --again NAME, or choose a smaller one."
            ) from error
        self._many_languages = bool(self._model.is_multilingual)
        self.language = language if self._many_languages else "en"
        self._mel = mel.LogMel(int(self._model.n_mels))
        self._vocabulary = Vocabulary(tokenizer)

    def close(self) -> None:
        """Free the model."""
        self._model = None

    # -- reading

    def read(
        self,
        new: Excerpt,
        before: Sequence[Excerpt] = (),
        *,
        hints: Sequence[str] = (),
        language: str = "",
        brief: bool = False,
    ) -> Reading:
        language = self._chosen(language)
        known = [excerpt for excerpt in before if excerpt.text]
        pieces = windows.divide(new.pcm, windows.WINDOW_MS)
        readings: list[Reading] = []
        offset = 0
        for pcm in pieces:
            reading = self._read_briefly(pcm, known, hints, language) if brief else None
            reading = reading or self._read_one(pcm, known, hints, language)
            readings.append(_moved(reading, offset * 1000 // SAMPLE_RATE))
            offset += len(pcm)
            if reading.text:
                known.append(Excerpt(pcm, reading.text))
        return readings[0] if len(readings) == 1 else _joined(readings)

    def read_together(
        self, excerpts: Sequence[Excerpt], *, hints: Sequence[str] = (), language: str = ""
    ) -> list[Reading]:
        language = self._chosen(language)
        lengths = [_ms(excerpt.pcm) for excerpt in excerpts]
        readings: list[Reading] = [Reading()] * len(excerpts)
        several: list[range] = []
        for window in windows.pack(lengths, windows.SHORT_MS):
            if len(window) == 1:
                alone = self.read(excerpts[window.start], hints=hints, language=language)
                readings[window.start] = alone
            else:
                several.append(window)
        for batch in _batches(several):
            groups = [excerpts[window.start : window.stop] for window in batch]
            for window, found in zip(
                batch, self._read_windows(groups, hints, language), strict=True
            ):
                readings[window.start : window.stop] = found
        return readings

    def _read_one(
        self, pcm: Pcm, known: Sequence[Excerpt], hints: Sequence[str], language: str
    ) -> Reading:
        if _ms(pcm) < _SHORTEST_MS:
            return Reading(language=language, doubtful=True)
        room = min(windows.CONTEXT_MS, windows.WINDOW_MS - _ms(pcm))
        count = windows.most_recent([_ms(excerpt.pcm) for excerpt in known], room)
        context = list(known[len(known) - count :])
        window = windows.lay_out([*(excerpt.pcm for excerpt in context), pcm])
        encoded = self._encode(window.pcm)
        language = language or self._language_of(encoded)
        forced = [token for excerpt in context for token in self._vocabulary.encode(excerpt.text)]
        answer = self._answer(encoded, _ms(pcm), forced, hints, language)
        if answer.looped and context:
            return self._read_one(pcm, (), hints, language)
        # Of a window with context it says that somebody spoke, whoever it was.
        silent = not context and answer.no_speech > NO_SPEECH
        pieces = (
            self._placed(encoded, window, forced, answer.tokens, language) if answer.tokens else []
        )
        reading = self._reading(pieces, window.places[-1], answer, language)
        return msgspec.structs.replace(reading, doubtful=silent or answer.score < POOR_SCORE)

    def _read_briefly(
        self, pcm: Pcm, known: Sequence[Excerpt], hints: Sequence[str], language: str
    ) -> Reading | None:
        """An utterance with what was said before behind it in a shorter window; None where that is of no use."""
        room = windows.SHORT_MS - _ms(pcm)
        count = windows.most_recent([_ms(excerpt.pcm) for excerpt in known], room)
        if not count or 2 * _ms(pcm) > windows.SHORT_MS:
            return None
        context = known[len(known) - count :]
        window = windows.lay_out([pcm, *(excerpt.pcm for excerpt in context)])
        encoded = self._encode(window.pcm, _SHORT_FRAMES)
        language = language or self._language_of(encoded)
        answer = self._answer(encoded, _ms(pcm), None, hints, language)
        if not answer.tokens:
            return None
        pieces, owners = self._owned(encoded, window, answer, language)
        texts = [piece.text for piece in pieces]
        count = min(owners.count(0), _known_from(texts, [old.text for old in context]))
        # It may be cut off in what was said before, but not in the new utterance: that would be a loop.
        if not count or (answer.looped and not (answer.cut and count < len(pieces))):
            return None
        reading = self._reading(pieces[:count], window.places[0], answer, language)
        return msgspec.structs.replace(reading, doubtful=answer.score < POOR_SCORE)

    def _read_windows(
        self, groups: Sequence[Sequence[Excerpt]], hints: Sequence[str], language: str
    ) -> list[list[Reading]]:
        """The readings of each group of utterances, which is heard as one window."""
        laid = [windows.lay_out([excerpt.pcm for excerpt in group]) for group in groups]
        encoded = [self._encode(window.pcm, _SHORT_FRAMES) for window in laid]
        tongues = [language or self._language_of(sound) for sound in encoded]
        lengths = [_ms(window.pcm) for window in laid]
        answers = self._answers(encoded, lengths, hints, tongues)
        return [
            self._shared_out(*each) for each in zip(laid, encoded, answers, tongues, strict=True)
        ]

    def _shared_out(
        self, window: windows.Window, encoded: Any, answer: _Answer, language: str
    ) -> list[Reading]:
        """What was written for a window, by whose words they are."""
        shares: list[list[_Piece]] = [[] for _ in window.places]
        if answer.tokens and not answer.looped and answer.score >= POOR_SCORE:
            for piece, own in zip(*self._owned(encoded, window, answer, language), strict=True):
                if own is not None:
                    shares[own].append(piece)
        readings: list[Reading] = []
        for place, share in zip(window.places, shares, strict=True):
            letters = sum(len(piece.text.strip()) for piece in share)
            if windows.hurried(letters, place.end_ms - place.start_ms):
                share = []  # said twice, or somebody else's
            reading = self._reading(share, place, answer, language)
            readings.append(msgspec.structs.replace(reading, doubtful=not share))
        return readings

    def _owned(
        self, encoded: Any, window: windows.Window, answer: _Answer, language: str
    ) -> tuple[list[_Piece], list[int | None]]:
        """The written words of a window, and the utterance of each."""
        pieces = self._placed(encoded, window, (), answer.tokens, language)
        stretches: list[windows.Stretch] = []
        at = 0
        for stretch in answer.stretches:
            tokens = answer.tokens[at : at + stretch.words]
            at += stretch.words
            stretches.append(stretch._replace(words=len(self._vocabulary.words(tokens, language))))
        starts_ms = [piece.start_ms for piece in pieces]
        return pieces, windows.owners(window.places, starts_ms, stretches)

    def _chosen(self, language: str) -> str:
        if language and self.language and not same_language(language, self.language):
            raise ModelError(
                f"The second reader {self.name} reads `{self.language}`, not `{language}`. "
                "Choose a multilingual one, e.g. whisper-tiny or whisper-base: callscribe models list"
            )
        return language or self.language

    def _language_of(self, encoded: Any) -> str:
        return str(self._model.detect_language(encoded)[0][0][0]).strip("<|>")

    # -- the model

    def _encode(self, pcm: Pcm, frames: int = mel.FRAMES) -> Any:
        features = self._mel(resample(pcm, SAMPLE_RATE, mel.RATE), frames)
        return self._model.encode(self._ct2.StorageView.from_array(features[None]))

    def _answer(
        self,
        encoded: Any,
        length_ms: int,
        forced: Sequence[int] | None,
        hints: Sequence[str],
        language: str,
    ) -> _Answer:
        """Decode as much as sound of `length_ms` may hold.

        Args:
            forced: what the answer must begin with; None: it has time stamps, which are taken out again, and may be cut
                off, for more was said than is wanted.
        """
        start = [*self._hinted(hints), *self._start(language, timed=forced is None)]
        prompt = [*start, *(forced or ())]
        limit = _limit(length_ms, prompt)
        if limit < _TOKENS_AT_LEAST:
            return _Answer((), 0.0, 0.0, looped=True)
        (written,) = self._generate([encoded], [prompt], len(forced or ()), [limit])
        if written.looped and not forced and not (forced is None and written.cut):
            (written,) = self._generate([encoded], [prompt], 0, [limit], no_repeat=3)
        return written

    def _answers(
        self,
        encoded: Sequence[Any],
        lengths_ms: Sequence[int],
        hints: Sequence[str],
        languages: Sequence[str],
    ) -> list[_Answer]:
        """Decode several windows at once, with time stamps, which are taken out again."""
        hinted = self._hinted(hints)
        prompts = [[*hinted, *self._start(language, timed=True)] for language in languages]
        limits = [_limit(length_ms, prompts[0]) for length_ms in lengths_ms]
        answers = self._generate(encoded, prompts, 0, limits)
        for i, answer in enumerate(answers):
            if answer.looped:
                alone = self._generate([encoded[i]], [prompts[i]], 0, [limits[i]], no_repeat=3)
                answers[i] = alone[0]
        return answers

    def _generate(
        self,
        encoded: Sequence[Any],
        prompts: Sequence[list[int]],
        forced: int,
        limits: Sequence[int],
        *,
        no_repeat: int = 0,
    ) -> list[_Answer]:
        """One answer for each encoded sound, of at most so many new tokens."""
        results = self._model.generate(
            self._together(encoded),
            list(prompts),
            beam_size=self._beam,
            max_length=min(_MAX_LENGTH, 2 * (len(prompts[0]) + max(limits))),
            no_repeat_ngram_size=no_repeat,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=[-1, *self._vocabulary.forbidden],
        )
        return [
            self._written(result, forced, limit)
            for result, limit in zip(results, limits, strict=True)
        ]

    def _together(self, encoded: Sequence[Any]) -> Any:
        if len(encoded) == 1:
            return encoded[0]
        joined = np.concatenate([np.asarray(sound) for sound in encoded])
        return self._ct2.StorageView.from_array(joined)

    def _written(self, result: Any, forced: int, limit: int) -> _Answer:
        tokens: list[int] = result.sequences_ids[0]
        # The forced beginning comes back with the answer, and counts in the mean although it was sure.
        total = float(result.scores[0]) * max(1, len(tokens))
        tokens = tokens[forced:]
        text = tuple(token for token in tokens if token < self._vocabulary.end)
        stretches = self._vocabulary.stretches(tokens)
        score = total / (len(tokens) + 1)  # the end, which is not returned, was chosen too
        circles, full = loops(text), len(tokens) >= limit
        return _Answer(
            text,
            score,
            float(result.no_speech_prob),
            circles or full,
            full and not circles,
            stretches,
        )

    def _start(self, language: str, *, timed: bool) -> list[int]:
        known = self._vocabulary
        start = [known.start]
        if self._many_languages:
            start += [known.language(language), known.transcribe]
        return start if timed else [*start, known.no_times]

    def _hinted(self, hints: Sequence[str]) -> list[int]:
        if not hints:
            return []
        tokens = self._vocabulary.encode(", ".join(hints) + ".")
        return [self._vocabulary.before, *tokens[:_HINT_TOKENS]]

    def _placed(
        self,
        encoded: Any,
        window: windows.Window,
        forced: Sequence[int],
        tokens: Sequence[int],
        language: str,
    ) -> list[_Piece]:
        """The written words of `tokens` with their times in the window."""
        (found,) = self._model.align(
            encoded,
            self._start(language, timed=False),
            [[*forced, *tokens]],
            [_ms(window.pcm) // 10],
        )
        indices = np.array([pair[0] for pair in found.alignments])
        moments = np.array([pair[1] for pair in found.alignments])
        firsts = np.flatnonzero(np.diff(indices, prepend=-1))
        starts_ms = moments[firsts] * 20
        probabilities = found.text_token_probs
        pieces: list[_Piece] = []
        at = len(forced)
        for group in self._vocabulary.words(tokens, language):
            stop = at + len(group)
            pieces.append(
                _Piece(
                    text=self._vocabulary.decode(group),
                    start_ms=int(starts_ms[min(at, len(starts_ms) - 1)]),
                    end_ms=int(starts_ms[min(stop, len(starts_ms) - 1)]),
                    probability=float(np.mean(probabilities[at:stop])),
                )
            )
            at = stop
        return pieces

    def _reading(
        self, pieces: Sequence[_Piece], place: windows.Place, answer: _Answer, language: str
    ) -> Reading:
        words: list[Word] = []
        tokens: list[Token] = []
        longest = place.end_ms - place.start_ms
        for piece in pieces:
            spoken = spoken_words(piece.text, language)
            start = min(longest, max(0, piece.start_ms - place.start_ms))
            end = min(longest, max(start, piece.end_ms - place.start_ms))
            letters = sum(len(word) for word in spoken)
            if spoken:
                tokens.append(Token(piece.text.strip(), len(words), len(words) + len(spoken)))
            elif tokens:  # a mark that stands by itself
                last = tokens.pop()
                tokens.append(Token(f"{last.text} {piece.text.strip()}", last.start, last.stop))
            for word in spoken:
                share = (end - start) * len(word) // max(1, letters)
                words.append(
                    Word(
                        text=word,
                        start_ms=start,
                        end_ms=min(end, start + share),
                        confidence=self._confidence(piece.probability),
                    )
                )
                start += share
        text = "".join(piece.text for piece in pieces).strip() if words else ""
        if words and not has_spaces(language):
            tokens = [Token(text, 0, len(words))]
        return Reading(
            words=tuple(words),
            text=text,
            tokens=tuple(tokens),
            score=answer.score,
            no_speech=answer.no_speech,
            language=language,
        )

    def _confidence(self, probability: float) -> float:
        return round(self._calibration(min(1.0, max(0.0, probability))), 3)


def _load(folder: Path, facts: Facts) -> Reader:
    return WhisperReader(
        folder, name=facts.name, language=facts.language, calibration=facts.calibration
    )


ENGINE: Engine[Reader] = Engine(
    name="Whisper",
    files=f"{', '.join(whisper_layout.FILES)} in CTranslate2's form",
    look=whisper_layout.look,
    load=_load,
    language_of=whisper_layout.language_of,
    near_miss=whisper_layout.near_miss,
)


def _limit(length_ms: int, prompt: Sequence[int]) -> int:
    """The most new tokens for a sound of this length after `prompt`."""
    limit = _TOKENS_AT_LEAST + _TOKENS_A_SECOND * length_ms // 1000
    return min(limit, _MAX_LENGTH // 2 - len(prompt))


def _batches(several: Sequence[range]) -> list[Sequence[range]]:
    return [several[i : i + _BATCH] for i in range(0, len(several), _BATCH)]


def _known_from(answer: Sequence[str], said: Sequence[str]) -> int:
    """Where the words of an answer begin that repeat what was said; at its end where none do.

    Args:
        answer: its words.
        said: texts, of which it may come to any after what is new.
    """
    words = _plain(" ".join(answer))
    best, found = 0, len(answer)
    if len(words) != len(answer):
        return found
    for text in (" ".join(said[at:]) for at in range(len(said))):
        known = _plain(text)
        for begin in range(len(words)):
            rest = words[begin:]
            if rest[:1] != known[:1]:
                continue
            again = sum(
                block.size
                for block in difflib.SequenceMatcher(
                    a=rest, b=known[: len(rest) + 1], autojunk=False
                ).get_matching_blocks()
            )
            gain = 2 * again - len(rest)
            if gain > best:
                best, found = gain, begin
    return found


def _plain(text: str) -> list[str]:
    return [plain for word in text.split() if (plain := word.strip(".,?!-").lower())]


def _moved(reading: Reading, by_ms: int) -> Reading:
    if not by_ms:
        return reading
    words = tuple(
        Word(w.text, w.start_ms + by_ms, w.end_ms + by_ms, w.confidence) for w in reading.words
    )
    return msgspec.structs.replace(reading, words=words)


def _joined(readings: Sequence[Reading]) -> Reading:
    """The readings of the pieces of one long utterance as one."""
    worded = [reading for reading in readings if reading.words] or list(readings[:1])
    tokens: list[Token] = []
    before = 0
    for reading in worded:
        tokens += [Token(t.text, t.start + before, t.stop + before) for t in reading.tokens]
        before += len(reading.words)
    return Reading(
        words=tuple(word for reading in worded for word in reading.words),
        text=" ".join(reading.text for reading in worded),
        tokens=tuple(tokens),
        score=min(reading.score for reading in worded),
        no_speech=max(reading.no_speech for reading in worded),
        language=worded[0].language,
        doubtful=all(reading.doubtful for reading in worded),
    )


def _ms(pcm: Pcm) -> int:
    return len(pcm) * 1000 // SAMPLE_RATE
