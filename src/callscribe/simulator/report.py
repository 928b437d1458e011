"""What a simulated call did and what came of it: the facts, for people and for tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from callscribe.simulator.frames import FrameCounters, TrackName

LATE_MS = 100
"""Above this the simulator admits that it could not keep real time."""


@dataclass(frozen=True)
class Notification:
    """What the carrier would have written to its debugger."""

    code: int
    """The carrier's error number."""
    message: str
    url: str = ""
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.code} {self.message}" + (f" [{self.url}]" if self.url else "")


@dataclass(frozen=True)
class RequestReport:
    """One HTTP request to the server."""

    what: str
    """`voice`, `call status completed`, `stream-started`, `dial action`, ..."""
    method: str
    url: str
    status: int | None
    """None when no answer came."""
    seconds: float
    """Real time until the answer."""
    form: tuple[tuple[str, str], ...] = ()


@dataclass
class StreamReport:
    """One media stream."""

    sid: str
    call_sid: str
    url: str
    name: str = ""
    connected: bool = False
    http_status: int | None = None
    """The answer to the upgrade request."""
    first_timestamp_ms: int = 0
    tracks: dict[TrackName, FrameCounters] = field(default_factory=dict)
    conversation_ms: int | None = None
    """Where on the stream's own line (its `timestamp`) the parties' recordings begin."""
    overflow: int = 0
    """Media messages thrown away because the server did not read."""
    late_ms: int = 0
    """The most, in real milliseconds, that the simulator itself was behind: this machine's doing, not a fault."""
    ended: str = ""
    """`stop`, `no stop`, `cut off`, `closed by the server`, ..."""
    close_code: int | None = None
    close_reason: str = ""

    @property
    def frames(self) -> int:
        return sum(t.frames for t in self.tracks.values())

    @property
    def bytes(self) -> int:
        return sum(t.bytes for t in self.tracks.values())


@dataclass
class CallReport:
    """One call leg that executed TwiML, or was dialled by one that did."""

    sid: str
    from_: str
    to: str
    direction: str
    parent: str = ""
    status: str = "queued"
    duration_s: int = 0
    ended_by: str = ""
    dial_status: str = ""
    verbs: list[str] = field(default_factory=list)
    """The TwiML executed, in order."""
    requests: list[RequestReport] = field(default_factory=list)
    streams: list[StreamReport] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    legs: list[CallReport] = field(default_factory=list)
    """Legs that belong to this call: dialled ones, other participants of its conference."""

    @property
    def errors(self) -> list[Notification]:
        """What the carrier would have logged as errors, on this leg and those that belong to it."""
        own = [n for n in self.notifications if n.level == "error"]
        return own + [n for leg in self.legs for n in leg.errors]

    def all_streams(self) -> list[StreamReport]:
        """The streams of this leg and of those that belong to it."""
        return self.streams + [s for leg in self.legs for s in leg.all_streams()]

    def notify(
        self, code: int, message: str, url: str = "", level: Literal["error", "warning"] = "error"
    ) -> None:
        self.notifications.append(Notification(code, message, url, level))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `from` without the underscore, request bodies left out."""
        plain = asdict(self)
        plain["from"] = plain.pop("from_")
        for request in plain["requests"]:
            request.pop("form")
            request["seconds"] = round(request["seconds"], 4)
        plain["legs"] = [leg.to_dict() for leg in self.legs]
        return plain


def describe(report: CallReport) -> Iterable[str]:
    """A call in plain words, line by line."""
    head = f"{report.sid}  {report.from_ or 'withheld'} -> {report.to}  {report.status}"
    if report.duration_s:
        head += f" after {report.duration_s} s"
    if report.ended_by:
        head += f", ended by the {report.ended_by}"
    yield head
    if report.parent:
        yield f"  dialled by {report.parent}"
    if report.verbs:
        yield "  TwiML     " + " > ".join(report.verbs)
    if report.dial_status:
        yield f"  dial      {report.dial_status}"
    for stream in report.streams:
        yield f"  stream    {stream.sid}  {stream.url}"
        if not stream.connected:
            yield f"            not opened (HTTP status {stream.http_status or 'none'})"
            continue
        for track, sent in stream.tracks.items():
            extra = [
                f"{count} {word}"
                for count, word in (
                    (sent.lost, "lost on purpose"),
                    (sent.reordered, "reordered"),
                    (sent.duplicated, "sent twice"),
                )
                if count
            ]
            yield (
                f"            {track:<8} {sent.frames} messages, {sent.bytes} bytes, {sent.seconds:.1f} s"
                + (", " + ", ".join(extra) if extra else "")
            )
        if stream.late_ms > LATE_MS:
            yield (
                f"            the simulator was up to {stream.late_ms} ms late: too much for this machine"
            )
        ending = f"            ended by {stream.ended or 'nothing'}"
        if stream.close_code is not None:
            ending += f", close code {stream.close_code}"
            ending += f" ({stream.close_reason})" if stream.close_reason else ""
        yield ending
    for request in report.requests:
        status = request.status if request.status is not None else "no answer"
        yield f"  request   {request.what}: {request.method} {request.url} -> {status}"
    for notification in report.notifications:
        yield f"  {notification.level:<9} {notification}"
    for leg in report.legs:
        yield from describe(leg)
