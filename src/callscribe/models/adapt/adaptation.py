"""`adapt`: a model of the user's own from a base model, a word list and sentences."""

from __future__ import annotations

import datetime
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from callscribe.errors import ModelError
from callscribe.models.adapt import dynamic_graph, mixing, pronunciations, wordlist, worker
from callscribe.models.adapt.errors import AdaptError, NotAdaptableError
from callscribe.models.adapt.g2p import G2p
from callscribe.models.adapt.language_model import Backoff
from callscribe.models.adapt.pronunciations import Pronunciation
from callscribe.models.folder import ABOUT_FILE, BUILT_IN, read_about

WEIGHT = 0.3
"""Weight of the user's sentences where they speak, unless said otherwise."""
NEEDED = (
    "am/final.mdl",
    "conf/model.conf",
    "conf/mfcc.conf",
    "graph/phones/word_boundary.int",
    worker.LANGUAGE_MODEL,
    worker.PRONUNCIATIONS,
    worker.G2P,
)
_GRAPHS = tuple(f"graph/{name}" for name in ("HCLG.fst", "words.txt", *dynamic_graph.FILES))
_REBUILT = (*_GRAPHS, "MODEL_CARD.md", ABOUT_FILE)

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class AddedWord:
    """A word that the base model did not know.

    Attributes:
        pronunciations: phones, separated by spaces.
        source: "given" in the word list, from the "dictionary", or "guessed" from the letters.
    """

    word: str
    pronunciations: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class AdaptReport:
    """What was done.

    Attributes:
        out: folder of the new model.
        name: of the new model.
        dynamic: whether it takes phrases.
        added: words that are new; those with the source "guessed" are worth a look.
        changed: words that were known and have given pronunciations now.
        known: words of the list that the base model knew already.
        sentences: how many were mixed in.
        bytes: size of the new model.
    """

    out: Path
    name: str
    dynamic: bool
    added: tuple[AddedWord, ...]
    changed: tuple[str, ...]
    known: tuple[str, ...]
    sentences: int
    bytes: int


def adapt(
    base: Path,
    words: Path | None,
    text: Path | None,
    out: Path,
    *,
    name: str = "",
    weight: float = WEIGHT,
    dynamic: bool = False,
    progress: Progress = lambda stage, fraction: None,
) -> AdaptReport:
    """Make the model folder `out` from `base` with more words and sentences; about a minute.

    No training: the acoustic model stays, the language model and the graph are made anew. `out`
    appears when it is complete, or not at all.

    Args:
        base: model folder with its `adapt/` files, as the built-in model has them.
        words: word list, `word` or `word  P R O N` a line (`wordlist.read_words`).
        text: sentences as people say them, one a line.
        out: folder to make; it must not exist, or be empty.
        name: of the new model; by default what `out` is called.
        dynamic: make a dynamic graph, which takes phrases at run time, is smaller, takes seconds to make and
            needs no pynini, and takes about three times the processor time; always so when `base` has one.
        weight: of the sentences against the base model, above 0 and below 1.
        progress: called with what is being done and the fraction done before it, and last with 1.

    Raises:
        AdaptError: and its kinds; the message says what to do.
    """
    name = name.strip() or out.resolve().name
    _check(base, words, text, out, weight, name)
    dynamic = dynamic or not (base / "graph/HCLG.fst").is_file()
    if not dynamic:
        worker.require_pynini()
    progress("reading the word list and the sentences", 0.0)
    listed = wordlist.read_words(words) if words else {}
    sentences = wordlist.read_sentences(text) if text else []
    progress("reading the base model", 0.02)
    model, lexicon = _load(base)
    known = set(model.words)
    spoken = {word for sentence in sentences for word in sentence.split()}
    new = sorted((spoken | listed.keys()) - known)
    added = _pronounce(new, listed, lexicon, base, progress)
    changed = tuple(sorted(w for w, given in listed.items() if w in known and given))
    lexicon.update({word: given for word, given in listed.items() if given})
    progress("mixing the language model", 0.08)
    mixed = mixing.mix(model, sentences, new, weight)
    with _Partial(out) as folder:
        _copy(base, folder)
        mixed.save(folder / worker.LANGUAGE_MODEL)
        pronunciations.save(lexicon, folder / worker.PRONUNCIATIONS)
        report = AdaptReport(
            out=out,
            name=name,
            dynamic=dynamic,
            added=added,
            changed=changed,
            known=tuple(sorted(listed.keys() & known - set(changed))),
            sentences=len(sentences),
            bytes=0,
        )
        _describe(base, folder, report)

        def building(stage: str, done: float) -> None:
            progress(stage, 0.15 + 0.85 * done)

        if dynamic:
            _build_dynamic(mixed, lexicon, folder, building)
        else:
            worker.build_graph(folder, building)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    progress("done", 1.0)
    return replace(report, bytes=size)


def _check(
    base: Path, words: Path | None, text: Path | None, out: Path, weight: float, name: str
) -> None:
    if words is None and text is None:
        raise AdaptError("Nothing to adapt with: give a word list, sentences, or both.")
    if not 0 < weight < 1:
        raise AdaptError(f"The weight is {weight}; it must be between 0 and 1, e.g. 0.3.")
    if not base.is_dir():
        raise NotAdaptableError(f"There is no model folder {base}.")
    missing = [name for name in NEEDED if not (base / name).is_file()]
    if missing:
        raise NotAdaptableError(
            f"The model {base} cannot be adapted: it has no {missing[0]}. The built-in phone-en and"
            " models adapted from it can be; downloaded Vosk models cannot."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AdaptError(f"{out} exists already. Name another folder, or remove it first.")
    if name == BUILT_IN or not name.isprintable():
        raise AdaptError(f"A model of yours cannot be called {name!r}. Give another --name.")


def _describe(base: Path, folder: Path, report: AdaptReport) -> None:
    """Write what the new model says about itself: the base's note with a name of its own."""
    try:
        about = read_about(base)
    except ModelError as error:
        raise NotAdaptableError(str(error)) from error
    about = msgspec.structs.replace(
        about,
        name=report.name,
        base=about.name or base.resolve().name,
        added_words=len(report.added),
        sentences=report.sentences,
        made=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    (folder / ABOUT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(about)) + b"\n")


def _build_dynamic(
    model: Backoff,
    lexicon: Mapping[str, Sequence[Pronunciation]],
    folder: Path,
    progress: Progress,
) -> None:
    stages = iter(dynamic_graph.STAGES)
    dynamic_graph.build(model, lexicon, folder / "graph", lambda: progress(*next(stages)))


def _load(base: Path) -> tuple[Backoff, dict[str, list[Pronunciation]]]:
    try:
        model = Backoff.load(base / worker.LANGUAGE_MODEL)
        lexicon = pronunciations.load(base / worker.PRONUNCIATIONS)
    except (OSError, ValueError, KeyError) as error:
        raise NotAdaptableError(
            f"The model {base} cannot be adapted: its adapt files are damaged ({error})."
        ) from error
    return model, lexicon


def _pronounce(
    new: Sequence[str],
    listed: Mapping[str, list[Pronunciation]],
    lexicon: dict[str, list[Pronunciation]],
    base: Path,
    progress: Progress,
) -> tuple[AddedWord, ...]:
    """Find pronunciations for new words, and put guessed ones into `lexicon`."""
    added, guess = [], None
    for place, word in enumerate(new):
        if place % 100 == 0:
            progress("finding pronunciations", 0.04 + 0.04 * place / len(new))
        given = listed.get(word)
        if given:
            source, phones = "given", given
        elif word in lexicon:
            source, phones = "dictionary", lexicon[word]
        else:
            guess = guess or _load_g2p(base)
            source, phones = "guessed", [_guess(word, lexicon, guess)]
            lexicon[word] = phones
        added.append(AddedWord(word, tuple(" ".join(p) for p in phones), source))
    return tuple(added)


def _load_g2p(base: Path) -> G2p:
    try:
        return G2p.load(base / worker.G2P)
    except (OSError, ValueError, KeyError) as error:
        raise NotAdaptableError(
            f"The model {base} cannot be adapted: {worker.G2P} is damaged ({error})."
        ) from error


def _guess(word: str, lexicon: Mapping[str, list[Pronunciation]], g2p: G2p) -> Pronunciation:
    stem, mark, ending = word.partition("'s")
    if mark and not ending:
        return possessive(lexicon[stem][0] if stem in lexicon else g2p(stem))
    phones = g2p(word)
    if not phones:
        raise AdaptError(f"'{word}' has no letters to guess a pronunciation from. Give one.")
    return phones


def possessive(stem: Pronunciation) -> Pronunciation:
    """The pronunciation of a word with 's."""
    if stem[-1] in ("S", "Z", "SH", "CH", "ZH", "JH"):
        return (*stem, "AH", "Z")
    return (*stem, "S" if stem[-1] in ("P", "T", "K", "F", "TH") else "Z")


def _copy(base: Path, folder: Path) -> None:
    """Everything of the base model that stays as it is."""
    for source in sorted(base.rglob("*")):
        name = source.relative_to(base)
        if source.is_file() and name.as_posix() not in _REBUILT:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


class _Partial:
    """A hidden folder beside `out` that takes its name when all went well, and else is removed."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def __enter__(self) -> Path:
        try:
            self._out.parent.mkdir(parents=True, exist_ok=True)
            hidden = tempfile.mkdtemp(prefix=f".{self._out.name}.", dir=self._out.parent)
        except OSError as error:
            raise AdaptError(
                f"{self._out} cannot be created: {error.strerror or error}. Name a folder that you may"
                " write to."
            ) from error
        self._folder = Path(hidden)
        return self._folder

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, _: object
    ) -> None:
        try:
            if kind is None:
                self._folder.chmod(0o755)
                if self._out.exists():
                    self._out.rmdir()
                self._folder.replace(self._out)
        except OSError as error:
            raise AdaptError(
                f"{self._out} cannot be written: {error.strerror or error}."
            ) from error
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        if isinstance(value, OSError):
            raise AdaptError(
                f"{self._out} cannot be written: {value.strerror or value}."
            ) from value
