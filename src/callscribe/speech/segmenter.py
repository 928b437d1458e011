"""What of a track is speech, and what the recogniser gets to hear of it.

Sound is speech where it is louder than the line's noise and a voice is near; tones are made silent. Loudness alone is
exact to 20 ms, but knows no voice from a door; the voice activity network knows it, but not where exactly it begins.
Between utterances the newest blocks are kept, so that the recogniser hears the soft beginning too when speech is
noticed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from callscribe.audio.activity import (
    FRAME,
    ActivityDetector,
    ActivityState,
    Flags,
    Levels,
    frame_powers,
)
from callscribe.audio.level import LevelFollower
from callscribe.audio.mulaw import SAMPLE_RATE, Pcm
from callscribe.audio.silero import WINDOW, VoiceDetector, VoiceNetwork
from callscribe.audio.tones import BLOCK, ToneDetector

STEP: Final = SAMPLE_RATE * 12 // 100
"""Samples judged at a time: 0.12 s, of which the recogniser's chunks are a multiple."""
_LEAD_BLOCKS: Final = 6
"""Blocks that the recogniser hears up to the one in which speech begins, that one included."""
_BEGINS: Final = 0.5
"""An utterance begins with a window that holds a voice with at least this probability..."""
_GOES_ON: Final = 0.3
"""...and what is near windows with this one belongs to it."""
_NEAR: Final = SAMPLE_RATE // 4
"""Sound so near to a voice belongs to it: soft beginnings, voiceless ends."""
_AUDIBLE_DB: Final = 4.0
"""Above the line's noise. Below it there is nothing that the network would call a voice: of 3,900 blocks with one, in
development speech with noise, none is missed for good; with 9 dB, which is loud, 51."""
_LISTENS_ON: Final = SAMPLE_RATE // 2
"""The network hears what is audible, what is near it, and so much after it: then it has seen the voice end. On calls
that is two thirds of the time."""
_BLOCKS_NEAR: Final = -(-_NEAR // STEP)
"""Blocks before the newest one that a voice in it can be near; so many that the network is spared are kept for it."""


@dataclass(frozen=True, slots=True)
class Block:
    """A step of the line, judged."""

    begin: int
    """Samples of the line before it."""
    pcm: Pcm
    """With tones and echoes made silent."""
    loud: Flags
    """Which of its frames are louder than the line's noise."""
    near: Flags
    """Which are near a voice. Grows while what follows within a quarter of a second is judged."""
    above_db: Levels
    """How far its frames are above the line's noise."""

    @property
    def end(self) -> int:
        """Samples of the line up to its end."""
        return self.begin + len(self.pcm)

    @property
    def flags(self) -> Flags:
        """Which of its frames are speech."""
        return self.loud & self.near


class LineState(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a line between utterances (`Segmenter.state`)."""

    position: int
    unheard: bytes
    judged: int
    sounds_until: int
    voiced_until: int
    activity: ActivityState
    tones: tuple[int, float]
    voice: bytes | None
    sound_level: tuple[float, float, float, float]
    speech_level: tuple[float, float, float, float] | None


class Segmenter:
    """One track's. Feed it every step, in order."""

    def __init__(self, network: VoiceNetwork | None, *, follow_level: bool = True) -> None:
        """
        Args:
            network: tells voices from other sounds; None takes all sound for speech.
            follow_level: raise quiet lines to a level that models know.
        """
        self.position = 0
        """Samples of the line taken in."""
        self._activity = ActivityDetector()
        self._tones = ToneDetector()
        self._voice = None if network is None else VoiceDetector(network)
        self._judged = 0
        """Samples of the line that the network has judged, or was spared."""
        self._unheard: deque[Pcm] = deque()
        """The newest blocks, as the network would hear them, which it was spared because nothing is audible in them."""
        self._sounds_until = 0
        """Samples of the line up to the end of the newest block with something audible, and half a second more."""
        self._voiced_until = -_NEAR
        """Samples of the line up to the end of its newest window with a voice."""
        # The network hears all sound at one level; the recogniser's level is that of speech.
        self._sound_level = LevelFollower()
        self._speech_level = LevelFollower() if follow_level else None
        self.begins = False
        """There was surely a voice in the newest block: an utterance begins, if none is under way."""
        self._newest: deque[Block] = deque(maxlen=1 + _BLOCKS_NEAR)
        self._lead: deque[Block] = deque(maxlen=_LEAD_BLOCKS)

    @property
    def voiced_until(self) -> int:
        """Samples of the line up to the end of its newest window with a voice."""
        return self._voiced_until

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
        powers = frame_powers(pcm)
        tones = self._tones.accept(pcm, powers)
        # The noise floor is that of the line as it is, not of the silence put in place of a tone.
        loud = self._activity.accept(pcm)
        above_db = self._activity.above_db
        if tones.any():
            pcm = np.where(np.repeat(tones, BLOCK), 0, pcm).astype(np.int16)
            powers = frame_powers(pcm)
            loud &= ~np.repeat(tones, BLOCK // FRAME)
        frames = -(-length // FRAME)
        near = np.full(frames, self._voice is None)
        block = Block(self.position, pcm[:length].copy(), loud[:frames], near, above_db[:frames])
        self.position = block.end
        self._newest.append(block)
        self._find_voice(self._sound_level.accept(pcm, loud, powers)[:length])
        return block

    def level(self, block: Block) -> Pcm:
        """A block's audio as the recogniser is to hear it. Once for each block of an utterance, in order."""
        if self._speech_level is None:
            return block.pcm
        whole = -len(block.pcm) % FRAME
        if whole:
            padded = np.concatenate((block.pcm, np.zeros(whole, np.int16)))
            return self._speech_level.accept(padded, block.flags)[: len(block.pcm)]
        return self._speech_level.accept(block.pcm, block.flags)

    @property
    def state(self) -> LineState:
        """What it knows of the line between utterances, for another one that is to go on exactly as this would."""
        return LineState(
            position=self.position,
            unheard=b"".join(each.tobytes() for each in self._unheard),
            judged=self._judged,
            sounds_until=self._sounds_until,
            voiced_until=self._voiced_until,
            activity=self._activity.state,
            tones=self._tones.state,
            voice=None if self._voice is None else self._voice.state,
            sound_level=self._sound_level.state,
            speech_level=None if self._speech_level is None else self._speech_level.state,
        )

    @state.setter
    def state(self, state: LineState) -> None:
        self.position, self._judged = state.position, state.judged
        unheard = np.frombuffer(state.unheard, np.int16)
        self._unheard = deque(unheard[at : at + STEP] for at in range(0, len(unheard), STEP))
        self._sounds_until = state.sounds_until
        self._voiced_until = state.voiced_until
        self._activity.state = state.activity
        self._tones.state = state.tones
        self._sound_level.state = state.sound_level
        if self._voice is not None and state.voice is not None:
            self._voice.state = state.voice
        if self._speech_level is not None and state.speech_level is not None:
            self._speech_level.state = state.speech_level

    def jump(self, position: int) -> None:
        """Go on at `position`; what lies before it was nothing."""
        self._lead.clear()
        self._newest.clear()
        if position > self.position and self._unheard and self._voice is not None:
            self._spare()
        self._judged += position - self.position
        self.position = position

    def wait(self, block: Block) -> int:
        """No utterance is under way: keep the block for the beginning of one.

        Returns:
            Where the audio begins that is kept.
        """
        self._lead.append(block)
        return self.kept_from

    @property
    def kept_from(self) -> int:
        """Where the audio begins that is kept, or will be."""
        return self._lead[0].begin if self._lead else self.position

    def disown(self, block: Block) -> None:
        """What was taken for speech in the newest block is not this track's."""
        block.near[:] = False
        block.pcm[:] = 0
        self.begins = False
        self._voiced_until = min(self._voiced_until, block.begin - _NEAR)

    def take(self) -> list[Block]:
        """An utterance begins: the blocks that belong to it so far."""
        blocks = list(self._lead)
        self._lead.clear()
        whole = [each for each in blocks if not len(each.pcm) % FRAME]
        if self._speech_level is not None and whole:
            self._speech_level.foresee(
                np.concatenate([each.pcm for each in whole]),
                np.concatenate([each.flags for each in whole]),
            )
        return blocks

    def _find_voice(self, pcm: Pcm) -> None:
        """Mark what is near the windows with a voice that are complete now."""
        block = self._newest[-1]
        if self._voice is None:
            self.begins = bool(block.loud.any())
            return
        self.begins = False
        self._mark(self._voiced_until, self._voiced_until + _NEAR)
        if (block.above_db >= _AUDIBLE_DB).any():
            self._sounds_until = block.end + _LISTENS_ON
        self._unheard.append(pcm)
        if block.begin >= self._sounds_until:
            if len(self._unheard) > _BLOCKS_NEAR:
                self._spare(1)
            return
        unheard = np.concatenate(self._unheard)
        self._unheard.clear()
        for likely in self._voice.accept(unheard):
            if likely >= _GOES_ON:
                self._voiced_until = self._judged + WINDOW
                self._mark(self._judged - _NEAR, self._voiced_until + _NEAR)
                self.begins |= bool(likely >= _BEGINS)
            self._judged += WINDOW

    def _spare(self, blocks: int | None = None) -> None:
        """The network need not hear the oldest blocks that it was spared so far."""
        assert self._voice is not None
        for _ in range(len(self._unheard) if blocks is None else blocks):
            spared = self._unheard.popleft()
            self._voice.pass_over(spared)
        self._judged = self.position - sum(map(len, self._unheard))

    def _mark(self, begin: int, end: int) -> None:
        for block in self._newest:
            first = max(0, (begin - block.begin) // FRAME)
            last = -((block.begin - end) // FRAME)
            if last > 0:
                block.near[first:last] = True
