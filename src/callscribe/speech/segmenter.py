"""What of a track is speech, and what the recogniser gets to hear of it.

Tones are made silent, voice activity is found, the level is evened. Between utterances the newest blocks are kept, so
that the recogniser hears the soft beginning too when speech is noticed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from callscribe.audio.activity import FRAME, ActivityDetector, Flags, Levels
from callscribe.audio.level import LevelFollower
from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS, Pcm
from callscribe.audio.tones import BLOCK, ToneDetector

STEP: Final = SAMPLE_RATE // 5
"""Samples judged and decoded at a time: 0.2 s, the recogniser's own step."""
STEP_MS: Final = STEP // SAMPLES_PER_MS
_LEAD_BLOCKS: Final = 4
"""Blocks that the recogniser hears up to the one in which speech begins, that one included."""


@dataclass(frozen=True, slots=True)
class Block:
    """A step of the line, judged."""

    begin: int
    """Samples of the line before it."""
    pcm: Pcm
    """As the recogniser is to hear it."""
    flags: Flags
    """Which of its frames are speech."""
    above_db: Levels
    """How far its frames are above the line's noise."""

    @property
    def end(self) -> int:
        """Samples of the line up to its end."""
        return self.begin + len(self.pcm)


class Segmenter:
    """One track's. Feed it every step, in order."""

    def __init__(self, *, follow_level: bool = True) -> None:
        """
        Args:
            follow_level: raise quiet lines to a level that models know.
        """
        self.position = 0
        """Samples of the line taken in."""
        self._activity = ActivityDetector()
        self._tones = ToneDetector()
        self._level = LevelFollower() if follow_level else None
        self._lead: deque[Block] = deque(maxlen=_LEAD_BLOCKS)

    @property
    def hangover_ms(self) -> int:
        """Over dips as short as this, speech goes on."""
        return self._activity.options.hangover_ms

    def accept(self, pcm: Pcm, length: int = STEP) -> Block:
        """Judge the next step.

        Args:
            pcm: a whole step.
            length: how much of it is audio of the line; the rest fills it up.
        """
        tones = self._tones.accept(pcm)
        # The noise floor is that of the line as it is, not of the silence put in place of a tone.
        flags = self._activity.accept(pcm)
        above_db = self._activity.above_db
        if tones.any():
            pcm = np.where(np.repeat(tones, BLOCK), 0, pcm).astype(np.int16)
            flags &= ~np.repeat(tones, BLOCK // FRAME)
        if self._level is not None:
            pcm = self._level.accept(pcm, flags)
        frames = -(-length // FRAME)
        block = Block(self.position, pcm[:length], flags[:frames], above_db[:frames])
        self.position = block.end
        return block

    def jump(self, position: int) -> None:
        """Go on at `position`; what lies before it was nothing."""
        self._lead.clear()
        self.position = position

    def wait(self, block: Block) -> int:
        """No utterance is under way: keep the block for the beginning of one.

        Returns:
            Where the audio begins that is kept.
        """
        self._lead.append(block)
        return self._lead[0].begin

    def take(self) -> list[Block]:
        """An utterance begins: the blocks that belong to it so far."""
        blocks = list(self._lead)
        self._lead.clear()
        return blocks
