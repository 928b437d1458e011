"""CSV (RFC 4180): an utterance a line.

What people are called and what they say may look like a formula, which a spreadsheet would work out: such a cell gets
an apostrophe in front, as spreadsheets have it themselves (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io
import re

from callscribe.exports.source import Source

COLUMNS = (
    "call", "started_at", "start_s", "end_s", "speaker", "number", "text", "raw_text", "confidence", "reading",
    "first_text", "recognised_text", "corrected_by",
)  # fmt: skip


_FORMULA = re.compile(r"\s*[=+\-@]|[\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def table(source: Source) -> str:
    """All utterances, with a heading."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    call = source.transcript.call
    for said in source.transcript.utterances:
        writer.writerow(
            _harmless(cell)
            for cell in (
                call.sid,
                call.started_at,
                f"{said.start_ms / 1000:.3f}",
                f"{said.end_ms / 1000:.3f}",
                said.person.name,
                said.person.number,
                said.text,
                said.raw_text,
                f"{said.confidence:.3f}",
                said.reading,
                said.first_text,
                said.recognised_text,
                said.corrected_by,
            )
        )
    return out.getvalue()


def _harmless(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
