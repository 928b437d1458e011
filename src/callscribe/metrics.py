"""The server's figures, in Prometheus form: what is on, how far behind it is, what came and what was lost.

`Meter` counts what the journal tells and asks the parts for the rest when somebody looks. Names and units keep to
Prometheus' conventions: seconds, `_total` for what only grows. Figures of calls begin when the server starts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    FinalTranscript,
    GapDetected,
    LagChanged,
    PartialTranscript,
    Published,
    RecordSettled,
    RevisedTranscript,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_DELAYS_S = (0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


@dataclass(frozen=True)
class Source:
    """A figure that a part of the server knows and is asked for."""

    name: str
    """Without the prefix, with its unit."""
    about: str
    """What it is, for the operator's page and for Prometheus."""
    ask: Callable[[], float]


@dataclass(frozen=True)
class Figures:
    """The same for people: the operator's page and `callscribe doctor`. Since the server's start, except `now`."""

    calls_now: int
    tracks_now: int
    calls: int
    utterances: int
    lag_s: float
    """Audio that waits to be decoded, on the track that is furthest behind."""
    missing_s: float
    """Audio that Twilio's network lost."""
    dropped_s: float
    """Audio given up because decoding was too far behind."""
    late_frames: int
    gaps: int
    withdrawn: int
    unsettled: int
    """Calls that are over and not read a second time yet."""
    store_failing: bool
    more: dict[str, float] = field(default_factory=dict)
    """What the parts tell, by the names of their sources."""
    gives_way: dict[str, bool] = field(default_factory=dict)
    """What gives way under load, in this order, and whether it does now."""


class Meter:
    """Counts one server's events.

    Args:
        sources: asked when somebody looks; must not block.
        live: what has arrived on the streams that are open, by stream SID.
        gives_way: what gives way under load, in this order, and whether it does now.
        rereads: whether more of a call is going to be read a second time, so that it has something to wait for when it
            is over.
    """

    def __init__(
        self,
        sources: tuple[Source, ...] = (),
        *,
        live: Callable[[], dict[str, StreamCounters]] = dict,
        rereads: Callable[[str], bool] = lambda _: False,
        gives_way: Callable[[], dict[str, bool]] = dict,
    ) -> None:
        self._gives_way = gives_way
        self._sources = sources
        self.names = {source.name: source.about for source in sources}
        """What the sources' figures are called."""
        self._live = live
        self._rereads = rereads
        self._calls: set[str] = set()
        self._elsewhere: dict[str, int] = {}
        """Calls that are taken in, and how many of their events are still to come."""
        self._streams: dict[str, int] = {}
        self._unsettled: set[str] = set()
        self._lags: dict[tuple[str, str, str], int] = {}
        self._ended = StreamCounters()
        self._store_failing = False
        self.registry = CollectorRegistry()
        r = self.registry
        self._started = Counter(
            "callscribe_calls_started",
            "Calls received, placed or attached to.",
            ["flow"],
            registry=r,
        )
        self._over = Counter(
            "callscribe_calls_ended", "Calls by how they ended.", ["status"], registry=r
        )
        self._utterances = Counter(
            "callscribe_utterances", "Utterances with words.", ["track"], registry=r
        )
        self._revised = Counter(
            "callscribe_revised_utterances",
            "Second readings, by what they did.",
            ["outcome"],
            registry=r,
        )
        self._gaps = Counter(
            "callscribe_gaps", "Stretches without usable audio.", ["reason"], registry=r
        )
        self._gap_s = Counter(
            "callscribe_gap_seconds",
            "Length of the stretches without usable audio.",
            ["reason"],
            registry=r,
        )
        self._final_delay = Histogram(
            "callscribe_final_lag_seconds",
            "Audio that waited to be decoded when an utterance became final.",
            buckets=_DELAYS_S,
            registry=r,
        )
        self._revised_delay = Histogram(
            "callscribe_revised_delay_seconds",
            "From the end of an utterance to its second reading.",
            buckets=_DELAYS_S,
            registry=r,
        )
        self._partials = Counter("callscribe_partials", "Partial transcripts shown.", registry=r)
        self._store_up = Gauge(
            "callscribe_store_writable", "1 while the record can be written.", registry=r
        )
        self._store_up.set(1)
        r.register(_Asked(self))
        ProcessCollector(registry=r)

    async def follow(self, follower: AsyncIterable[Published]) -> None:
        """Count until the follower ends."""
        async for published in follower:
            self.count(published.event)

    @contextlib.asynccontextmanager
    async def following(self, follower: AsyncIterable[Published]) -> AsyncIterator[None]:
        """Count in the background for the length of the block."""
        task = asyncio.create_task(self.follow(follower), name="metrics")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def leave_out(self, events: Sequence[AnyEvent]) -> None:
        """A call that is taken in from elsewhere: this server did not handle it. One that is here will be refused.

        Args:
            events: all of it, before the first is counted.
        """
        call = events[0].call
        if call not in self._calls and call not in self._unsettled:
            self._elsewhere[call] = len(events)

    def leave_in(self, call: str) -> None:
        """It was not taken in after all."""
        self._elsewhere.pop(call, None)

    def count(self, event: AnyEvent) -> None:
        """One event. What it does not count, it leaves."""
        if event.call in self._elsewhere:
            self._elsewhere[event.call] -= 1
            if not self._elsewhere[event.call]:
                del self._elsewhere[event.call]
            return
        if isinstance(event, PartialTranscript):
            self._partials.inc()
        elif isinstance(event, FinalTranscript):
            self._utterances.labels(event.track).inc()
            self._final_delay.observe(event.lag_ms / 1000)
        elif isinstance(event, RevisedTranscript):
            self._revised.labels("read" if event.text else "withdrawn").inc()
            if event.reading == 2:
                self._revised_delay.observe(event.lag_ms / 1000)
        elif isinstance(event, GapDetected):
            self._gaps.labels(event.reason).inc()
            self._gap_s.labels(event.reason).inc(max(0, event.end_ms - event.start_ms) / 1000)
        elif isinstance(event, LagChanged):
            self._lags[event.call, event.leg, event.track] = event.lag_ms
        elif isinstance(event, CallStarted):
            self._started.labels(event.flow).inc()
            self._calls.add(event.call)
        elif isinstance(event, CallEnded):
            self._over.labels(event.status).inc()
            self._calls.discard(event.call)
            self._lags = {key: lag for key, lag in self._lags.items() if key[0] != event.call}
            if self._rereads(event.call):
                self._unsettled.add(event.call)
        elif isinstance(event, RecordSettled):
            self._unsettled.discard(event.call)
        elif isinstance(event, StreamStarted):
            self._streams[event.stream] = len(event.tracks)
        elif isinstance(event, StreamEnded):
            self._streams.pop(event.stream, None)
            self._ended = self._ended + event.counters
        elif isinstance(event, StoreFailed):
            self._store_failing = not event.resolved
            self._store_up.set(event.resolved)

    def figures(self) -> Figures:
        """As they are now."""
        arrived = self._arrived()
        return Figures(
            calls_now=len(self._calls),
            tracks_now=sum(self._streams.values()),
            calls=round(_total(self._started)),
            utterances=round(_total(self._utterances)),
            lag_s=max(self._lags.values(), default=0) / 1000,
            missing_s=arrived.missing_ms / 1000,
            dropped_s=arrived.dropped_ms / 1000,
            late_frames=arrived.late,
            gaps=round(_total(self._gaps)),
            withdrawn=round(_total(self._revised, outcome="withdrawn")),
            unsettled=len(self._unsettled),
            store_failing=self._store_failing,
            more={source.name: source.ask() for source in self._sources},
            gives_way=self._gives_way(),
        )

    def text(self) -> bytes:
        """Everything in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def _arrived(self) -> StreamCounters:
        total = self._ended
        for stream, counters in self._live().items():
            if stream in self._streams:  # the others are among those that ended
                total += counters
        return total


def _total(counter: Counter, **labels: str) -> float:
    """What it has counted, of one outcome where `labels` say so."""
    return sum(
        sample.value
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
    )


class _Asked(Collector):
    """The figures that are asked for when somebody looks."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def collect(self) -> Iterator[Metric]:
        meter = self._meter
        arrived = meter._arrived()
        rows = [
            ("calls", "Calls in progress.", len(meter._calls)),
            ("tracks", "Tracks being heard now.", sum(meter._streams.values())),
            ("decode_lag_seconds", "Audio waiting to be decoded on the track furthest behind.",
             max(meter._lags.values(), default=0) / 1000),
            ("unsettled_calls", "Calls over and not yet read a second time.", len(meter._unsettled)),
        ]  # fmt: skip
        rows += [(s.name, f"{s.about}.", s.ask()) for s in meter._sources]
        steps = GaugeMetricFamily(
            "callscribe_gives_way", "What gives way under load: 1 while it does.", labels=["step"]
        )
        for step, now in meter._gives_way().items():
            steps.add_metric([step], now)
        yield steps
        for name, about, value in rows:
            yield GaugeMetricFamily(f"callscribe_{name}", about, value=value)
        grown = [
            ("media_messages", "Media messages accepted.", arrived.frames),
            ("late_media_messages", "Media messages that arrived too late to be used.", arrived.late),
            ("reordered_media_messages", "Media messages put back in order.", arrived.reordered),
            ("duplicate_media_messages", "Media messages that arrived twice.", arrived.duplicates),
            ("missing_audio_seconds", "Audio that never arrived.", arrived.missing_ms / 1000),
            ("dropped_audio_seconds", "Audio given up because decoding was too far behind.", arrived.dropped_ms / 1000),
        ]  # fmt: skip
        for name, about, value in grown:
            family = Metric(f"callscribe_{name}", about, "counter")
            family.add_sample(f"callscribe_{name}_total", {}, value)
            yield family
