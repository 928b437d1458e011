"""What a word takes from spoken to shown when decoding takes no time: the recogniser alone, and the product's decoder.

The clock is that of the audio, so the machine does not matter. The recogniser gets every 20 ms frame as soon as it is
spoken: sooner a word can't be shown with it, and what any system takes longer is its own doing. What both heard is
compared with what people said, too, so that nobody gains by hearing less.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import vosk

from benchmarks import sets
from benchmarks.baselines.every_frame import EveryFrame
from benchmarks.capacity.alone import folder, recognizer
from benchmarks.capacity.stairs import percentiles
from benchmarks.capacity.tape import FRAME, FRAME_S, Said, right
from benchmarks.capacity.words import Shown, Update, match
from benchmarks.scoring import Errors, normalise, word_errors
from callscribe.audio import mulaw
from callscribe.audio.timeline import Piece
from callscribe.recognition.base import Recognizer
from callscribe.speech.track import TrackDecoder


@dataclass
class _Side:
    """The recogniser alone or the product."""

    lags: list[float] = field(default_factory=list)
    errors: Errors = field(default_factory=Errors)

    def take(self, text: str, said: Sequence[Said], shown: Shown) -> None:
        self.lags += [
            lag.shown_s for lag in match([(word.text, word.end_s) for word in said], shown)
        ]
        heard = " ".join(word.text for word in shown.words)
        self.errors += word_errors(normalise(text), normalise(heard))


@dataclass(frozen=True)
class Unloaded:
    """Both, on whole channels."""

    channels: int
    words: int
    """That people said."""
    right: int
    """Of those, what the recogniser alone hears right: the words that are timed."""
    alone_s: tuple[float, float, float]
    """Spoken -> shown by the recogniser alone: median, 95th and 99th percentile."""
    product_s: tuple[float, float, float]
    alone_shown: int
    """Timed words that were shown..."""
    product_shown: int
    alone_errors: float
    """Word errors for each word that was said, everything decoded..."""
    product_errors: float
    """...and by the product."""


def measure(model: str, most: int | None, tell: Callable[[str], None]) -> Unloaded:
    """Hear every channel that has a whole transcript in both ways.

    Args:
        most: so many of the real calls at most; with none of them the demo call is heard.
    """
    loaded, bare = recognizer(model), vosk.Model(str(folder(model)))
    alone, product = _Side(), _Side()
    channels = words = timed = 0
    for channel in _channels(most):
        payload = mulaw.encode(channel.pcm[: len(channel.pcm) // FRAME * FRAME])
        by_itself, times = _every_frame(payload, EveryFrame(bare, loaded.sample_rate, times=True))
        said = right(times, channel.text)
        alone.take(channel.text, said, by_itself)
        product.take(channel.text, said, _decoder(payload, loaded))
        channels, words, timed = (
            channels + 1,
            words + len(normalise(channel.text)),
            timed + len(said),
        )
    found = Unloaded(
        channels, words, timed, percentiles(alone.lags), percentiles(product.lags),
        len(alone.lags), len(product.lags), alone.errors.rate, product.errors.rate,
    )  # fmt: skip
    tell(
        f"decoding free of cost: shown after {found.alone_s[1]:.2f} s by the recogniser alone, "
        f"{found.product_s[1]:.2f} s by callscribe (95 %); word errors "
        f"{found.alone_errors:.1%} and {found.product_errors:.1%}"
    )
    return found


def _channels(most: int | None) -> Iterator[sets.Utterance]:
    found = [call for side in ("caller", "agent") for call in sets.calls(side, segments=False)]
    calls = sorted({call.id.split("/")[0] for call in found})[:most]
    found = [call for call in found if call.id.split("/")[0] in calls]
    yield from found or sets.demo()


def _every_frame(payload: bytes, ear: EveryFrame) -> tuple[Shown, list[Said]]:
    """What the recogniser showed when, and its words with their ends."""
    shown, times, last = Shown(), list[Said](), ""
    for start in range(0, len(payload), FRAME):
        heard, final = ear.accept(base64.b64encode(payload[start : start + FRAME]).decode())
        text = heard["text" if final else "partial"]
        if final or text != last:
            shown.take(Update(start / sets.RATE + FRAME_S, text, final))
        times += [Said(word["word"], word["end"]) for word in heard.get("result", ())]
        last = "" if final else text
    heard = ear.finish()
    shown.take(Update(len(payload) / sets.RATE, heard["text"], True))
    times += [Said(word["word"], word["end"]) for word in heard.get("result", ())]
    return shown, times


def _decoder(payload: bytes, loaded: Recognizer) -> Shown:
    """What the product's decoder of a track showed when."""
    decoder, shown = TrackDecoder(loaded), Shown()
    for start in range(0, len(payload), FRAME):
        piece = Piece(start, 1000 * start / sets.RATE, payload[start : start + FRAME])
        for said in decoder.accept(piece):
            shown.take(Update(start / sets.RATE + FRAME_S, said.raw_text, said.final))
    for said in decoder.flush():
        shown.take(Update(len(payload) / sets.RATE, said.raw_text, said.final))
    decoder.close()
    return shown
