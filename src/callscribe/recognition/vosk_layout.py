"""Folders of Vosk models: which files make one, and what they and their names tell.

Two layouts exist, told apart by the files that are there (alphacep/vosk-api, src/model.cc): V2 has `am/final.mdl` and
`conf/model.conf`, V1 has `final.mdl` and `mfcc.conf` side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from callscribe.errors import ModelError
from callscribe.recognition.engine import Layout
from callscribe.recognition.languages import bcp47

FILES = "am/final.mdl and conf/model.conf, or final.mdl and mfcc.conf"

_DYNAMIC = ("HCLr.fst", "Gr.fst", "disambig_tid.int")
"""A graph in parts that are put together while decoding; a fixed one is HCLG.fst alone."""
_DEFAULT_RATE = 16_000
"""What Kaldi takes when the feature configuration does not say."""
_RATE = re.compile(r"^\s*--sample-frequency\s*=\s*([0-9.]+)", re.MULTILINE)
_LOOK_AHEAD = re.compile(rb"<RightContext> \x04(.{4})", re.DOTALL)
"""Of the network: a Kaldi integer has its size before it (nnet3/am-nnet-simple.cc)."""
_NAME = re.compile(r"vosk-model-(?:small-)?([a-z]{2,3}(?:-[a-z]{2})?)(?=-|$)")


def look(folder: Path) -> Layout | None:
    """What a Vosk model's folder says; None when it is none.

    Raises:
        ModelError: files are missing, or the sample rate cannot be.
    """

    def there(name: str) -> bool:
        return (folder / name).is_file()

    missing: list[str] = []
    if there("am/final.mdl") or there("conf/model.conf"):
        missing += [name for name in ("am/final.mdl", "conf/model.conf") if not there(name)]
        features, graph = "conf/", "graph/"
    elif there("final.mdl"):
        features, graph = "", ""
    else:
        return None
    configurations = [name for kind in ("mfcc", "fbank") if there(name := f"{features}{kind}.conf")]
    if not configurations:
        missing.append(f"{features}mfcc.conf")
    if not there(f"{graph}HCLG.fst"):
        missing += [name for part in _DYNAMIC if not there(name := f"{graph}{part}")]
    if missing:
        raise ModelError(
            f"The model in {folder} is incomplete: {', '.join(missing)} missing. "
            "Get it again with: callscribe models get NAME"
        )
    return Layout(sample_rate=_sample_rate(folder / configurations[0]))


def takes_phrases(folder: Path) -> bool:
    """Whether the model's graph is put together while decoding, so that it can be restricted to phrases."""
    # With a fixed graph there, Vosk reads no other (src/model.cc, ReadDataFiles).
    return not any((folder / at / "HCLG.fst").is_file() for at in ("graph", "."))


def language_of(name: str) -> str:
    """The language in a published model's name, as BCP 47; empty when it does not tell."""
    match = _NAME.match(name)
    return "" if match is None or match[1] == "spk" else bcp47(match[1])


def places(environ: Mapping[str, str]) -> Iterable[Path]:
    """Where the vosk package itself looks and downloads to (vosk 0.3.45, `MODEL_DIRS`)."""
    if environ.get("VOSK_MODEL_PATH"):
        yield Path(environ["VOSK_MODEL_PATH"])
    yield Path("/usr/share/vosk")
    yield Path.home() / ".cache" / "vosk"


def near_miss(folder: Path) -> str:
    """What a folder of the same publisher is that is no model for recognition."""
    if (folder / "final.ext.raw").is_file():
        return "a model for telling speakers apart; it does not recognise words"
    return ""


def look_ahead_frames(folder: Path) -> int | None:
    """How many frames after a moment the network hears before it says what that was; None: the files don't tell."""
    for name in ("am/final.mdl", "final.mdl"):
        path = folder / name
        if path.is_file():
            found = _LOOK_AHEAD.search(path.read_bytes())
            return int.from_bytes(found[1], "little", signed=True) if found else None
    return None


def _sample_rate(configuration: Path) -> int:
    match = _RATE.search(configuration.read_text(encoding="utf-8", errors="replace"))
    if match is None:
        return _DEFAULT_RATE
    rate = int(float(match[1])) if match[1].strip(".") else 0
    if not 4_000 <= rate <= 192_000:
        raise ModelError(
            f"{configuration} names a sample rate of {match[1]} Hz, which is impossible."
        )
    return rate
