"""What a search found, on the terminal."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, tzinfo

from rich.console import Console
from rich.text import Text

from callscribe.outlet import clean
from callscribe.records import SearchHit, SearchPage
from callscribe.terminal.layout import isolated
from callscribe.terminal.transcript import when
from callscribe.transcript import wording


def print_found(
    console: Console,
    page: SearchPage,
    *,
    show: str,
    now: datetime | None = None,
    timezone: tzinfo | None = None,
) -> None:
    """Print hits by call, with what was looked for marked.

    Elsewhere than on a terminal: tab-separated, one hit a line: record, start of the call (ISO 8601, UTC), second,
    speaker, text.

    Args:
        show: the command that shows a call, with `{sid}` in it.
    """
    if not console.is_terminal:
        for hit in page.hits:
            values = (
                hit.call,
                hit.started_at,
                f"{hit.at_ms / 1000:.1f}",
                hit.speaker,
                hit.text,
            )
            console.file.write("\t".join(clean(value) for value in values) + "\n")
        console.file.flush()
        return
    moment = now or datetime.now(UTC)
    for call, hits in itertools.groupby(page.hits, key=lambda hit: hit.call):
        found = list(hits)
        console.print(_heading(found[0], moment, timezone), Text(show.format(sid=call[:12]), "dim"))
        for hit in found:
            console.print(_line(hit), soft_wrap=False)


def _heading(hit: SearchHit, now: datetime, timezone: tzinfo | None) -> Text:
    caller, callee = wording.somebody(hit.from_name, hit.from_), wording.party(hit.to_name, hit.to)
    who = " to ".join(isolated(name) for name in (caller, callee) if name)
    return Text.assemble((when(hit.started_at, now, timezone), "bold"), f"  {who}  ")


def _line(hit: SearchHit) -> Text:
    seconds = hit.at_ms // 1000
    line = Text.assemble(
        (f"  {seconds // 60:>2}:{seconds % 60:02d}  ", "dim"),
        f"{isolated(wording.shown(hit.speaker))}: ",
    )
    for part in hit.snippet:
        line.append(clean(part.text), "bold reverse" if part.marked else "")
    return line
