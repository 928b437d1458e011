"""What `callscribe doctor` looks at on this machine and in the account. Each check gives findings and never raises."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from callscribe.audio.mulaw import Pcm, decode
from callscribe.carriers.twilio import number as numbers
from callscribe.carriers.twilio.client import CarrierClient, PhoneNumber
from callscribe.errors import CallscribeError, CarrierError
from callscribe.metrics import Figures
from callscribe.models.folder import ModelFolder, resolve
from callscribe.recognition.base import Recognizer
from callscribe.server import call_flows, check_token
from callscribe.settings import Settings
from callscribe.simulator import demos
from callscribe.web.front import connections_allowed, raise_file_limit

State = Literal["ok", "warning", "failed", "skipped"]

LITTLE_DISK, NO_DISK = 1_000_000_000, 100_000_000
"""Bytes."""
ENOUGH_CONNECTIONS = 500
SKEW_WARNING_S = 30.0
LATE_S = 2.0
"""Words that come so late are worth a warning."""
SAMPLE_MS = 4_000
"""Speech that is decoded to see how fast this machine is."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    state: State
    detail: str
    cure: str = ""
    """What to do; empty when there is nothing to do."""


def failed(check: str, error: Exception, cure: str = "") -> Finding:
    return Finding(check, "failed", str(error), cure)


def data_folder(settings: Settings) -> Iterator[Finding]:
    """Can be written, and has room."""
    folder = settings.data
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
        free = shutil.disk_usage(existing).free
    except OSError as error:
        yield Finding(
            "Data folder",
            "failed",
            f"{folder} cannot be written: {error.strerror}.",
            "Make it writable for this user, or choose another folder with --data.",
        )
        return
    room = f"{folder}, {free / 1e9:.1f} GB free"
    # A call's text takes about 100 kB an hour.
    if free < NO_DISK:
        yield Finding(
            "Data folder", "failed", room, "Free some space: the record is about to fail."
        )
    elif free < LITTLE_DISK:
        yield Finding("Data folder", "warning", room, "Free some space before it runs out.")
    else:
        yield Finding("Data folder", "ok", room)


def open_files() -> Finding:
    """There is room for connections: the system's limit to open files."""
    files = raise_file_limit()
    connections = connections_allowed(files)
    detail = f"{files} allowed, so {connections} connections at once"
    if connections < ENOUGH_CONNECTIONS:
        return Finding(
            "Open files",
            "warning",
            detail,
            "Allow more: `LimitNOFILE=4096` in the systemd service, or `ulimit -n 4096` before the start.",
        )
    return Finding("Open files", "ok", detail)


def running(now: Figures) -> Iterator[Finding]:
    """How a running server does, by its own figures (`/api/operations`)."""
    more = now.more
    capacity, waits = more.get("capacity_tracks", 0), more.get("waiting_tracks", 0)
    places = (
        f"{more.get('live_tracks', 0):.0f} of {capacity:.0f}" if capacity else f"{now.tracks_now}"
    )
    load = (
        f"{now.calls_now} calls, {places} tracks followed, {now.lag_s:.1f} s behind, "
        f"real-time factor {more.get('real_time_factor', 0):.3f}, {more.get('decode_queue', 0):.0f} in the queue"
    )
    if now.lag_s >= LATE_S:
        cure = "Set `capacity` lower, so that further calls wait, or give it more processor cores."
        yield Finding("Load", "warning", load, cure)
    else:
        yield Finding("Load", "ok", load)
    way = [step for step, at_work in now.gives_way.items() if at_work]
    left, audio_s = more.get("left_tracks", 0), more.get("waiting_audio_seconds", 0)
    waiting = (
        f"{waits:.0f} tracks of live calls and {left:.0f} of ended ones wait to be transcribed, "
        f"{audio_s:.0f} s of audio"
        if waits or left
        else "no call waits to be transcribed"
    )
    yield Finding("Waiting", "warning" if waits else "ok", "; ".join([waiting, *way]))
    lost = (
        f"{now.late_frames} frames arrived too late, {now.missing_s:.1f} s of audio never arrived, "
        f"{now.dropped_s:.1f} s were dropped here"
    )
    cure = "See docs/operations.md: a full disk, or hours of audio behind." if now.dropped_s else ""
    yield Finding("Losses", "failed" if now.dropped_s else "ok", lost, cure)
    if now.store_failing:
        yield Finding("Record", "failed", "the running server cannot write it", "See its log.")
    files, most = more.get("open_files", 0), more.get("open_files_allowed", 0)
    if most:
        state: State = "warning" if files > 0.8 * most else "ok"
        yield Finding("Server's files", state, f"{files:.0f} of {most:.0f} open")


def model(settings: Settings) -> Iterator[Finding]:
    """The model loads, and this machine decodes faster than people speak."""
    try:
        folder = resolve(settings.model, language=settings.language)
        recognizer = folder.load_recognizer()
    except CallscribeError as error:
        yield failed("Model", error, "See what is available: callscribe models list")
        return
    try:
        yield _model(folder)
        yield speed(recognizer, cores=os.cpu_count() or 1, busy=_busy())
    finally:
        recognizer.close()


def _model(folder: ModelFolder) -> Finding:
    detail = f"{folder.title}, {folder.language or 'language unknown'}, {folder.sample_rate} Hz"
    if folder.built_in:
        return Finding(
            "Model",
            "warning",
            f"{detail}; {folder.worth}".rstrip("; "),
            "For better text, get a larger model: callscribe models list",
        )
    if folder.sample_rate != 8000:
        return Finding("Model", "ok", f"{detail}; telephone audio is resampled for it")
    return Finding("Model", "ok", detail)


def speed(
    recognizer: Recognizer,
    *,
    cores: int,
    busy: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Finding:
    """Decode some speech and say how many calls that leaves room for.

    Args:
        busy: processes that want to run, on average, besides this one.
    """
    speech = _speech()
    if recognizer.sample_rate != 8000:
        # As many samples as the model would get; the content does not matter for the time it takes.
        speech = np.repeat(speech, math.ceil(recognizer.sample_rate / 8000))
    session = recognizer.start_session()
    began = clock()
    step = recognizer.sample_rate // 5
    for start in range(0, len(speech), step):
        session.accept(speech[start : start + step])
    session.finish()
    factor = max(1e-6, (clock() - began) * 1000 / SAMPLE_MS)
    session.close()
    free = max(0.0, cores - busy)
    tracks = int(free / factor * 0.8)
    if tracks < 1:
        room = "no room for a live call right now"
    elif tracks < 2:
        room = "room for one track right now, half of a two-way call"
    else:
        calls = "one two-way call" if tracks < 4 else f"{tracks // 2} two-way calls"
        room = f"room for about {tracks} tracks at once, or {calls}"
    detail = f"a second of speech takes {factor:.2f} s on one core; {cores} cores, load {busy:.1f}: {room}"
    if factor >= 1:
        return Finding(
            "Speed",
            "failed",
            detail,
            "Choose a smaller model: text would fall further and further behind.",
        )
    if tracks < 2:
        return Finding(
            "Speed",
            "warning",
            detail,
            "Stop other programs, or choose a smaller model or a larger machine.",
        )
    return Finding("Speed", "ok", detail)


def _speech() -> Pcm:
    """`SAMPLE_MS` of people talking without a pause, 8 kHz: silence would be decoded faster."""
    demo = demos.demo("bank")
    tracks = dict(zip(demo.speakers, demo.audio().parties, strict=True))
    said = b"".join(
        tracks[line.speaker][line.start_ms * 8 : line.end_ms * 8] for line in demo.lines
    )
    return decode(said[: SAMPLE_MS * 8])


def _busy() -> float:
    try:
        return os.getloadavg()[0]
    except OSError:  # not on this system
        return 0.0


def credentials(client: CarrierClient) -> Iterator[Finding]:
    """The account answers to them; the clocks agree."""
    asked = datetime.now(UTC)
    try:
        account = client.account()
    except CarrierError as error:
        yield failed("Credentials", error)
        return
    answered = datetime.now(UTC)
    detail = (
        f"account {account.name or account.sid}, {account.status}, {account.kind or 'kind unknown'}"
    )
    if account.status != "active":
        yield Finding("Credentials", "failed", detail, "See https://console.twilio.com.")
    elif account.kind == "Trial":
        yield Finding(
            "Credentials",
            "warning",
            detail,
            "A trial account plays a notice before each call and reaches verified numbers only.",
        )
    else:
        yield Finding("Credentials", "ok", detail)
    if account.carrier_time is not None:
        yield clock_skew(account.carrier_time, asked, answered)


def clock_skew(carrier: datetime, asked: datetime, answered: datetime) -> Finding:
    """How far this machine's clock is from the carrier's, whose header has whole seconds."""
    middle = asked + (answered - asked) / 2
    skew = (middle - carrier).total_seconds() - 0.5
    slack = (answered - asked).total_seconds() / 2 + 0.5
    off = max(0.0, abs(skew) - slack)
    if off < SKEW_WARNING_S:
        return Finding("Clock", "ok", f"within {off + slack:.0f} s of Twilio's")
    which = "ahead of" if skew > 0 else "behind"
    return Finding(
        "Clock",
        "warning",
        f"{abs(skew):.0f} s {which} Twilio's",
        "Turn on time synchronisation (timedatectl set-ntp true): times in the record would be wrong, "
        "and certificates may be refused.",
    )


def own_numbers(
    client: CarrierClient, settings: Settings, voice_url: str, running: bool
) -> tuple[list[PhoneNumber], list[Finding]]:
    """The numbers are ours, their calls come here, nothing is left over from a killed server.

    Args:
        voice_url: where calls should go; empty when that is not known yet.
        running: whether a server is up, which would have set it.
    """
    try:
        found = numbers.choose_all(client, settings.number, list(settings.numbers))
    except CarrierError as error:
        return [], [failed("Number", error)]
    findings = [_number(number, voice_url, running) for number in found]
    left = sorted(path.name for path in (settings.data / "carrier").glob("PN*.json"))
    if left and not running:
        findings.append(
            Finding(
                "Number",
                "warning",
                f"a server that was killed left {len(left)} number{'s' * (len(left) > 1)} pointing at itself",
                "The next `callscribe serve` with the same data folder puts that right.",
            )
        )
    return found, findings


def _number(number: PhoneNumber, voice_url: str, running: bool) -> Finding:
    if ignored := numbers.ignored_because(number):
        return Finding("Number", "failed", number.number, ignored)
    detail = f"{number.number}, calls go to {number.voice_url or 'nothing'}"
    if voice_url and number.voice_url == voice_url:
        return Finding("Number", "ok", detail)
    if running and voice_url:
        return Finding(
            "Number",
            "failed",
            f"{detail}, not to {voice_url}",
            "Start `callscribe serve` with the credentials set, and it points the number here.",
        )
    return Finding("Number", "ok", f"{detail}; serve changes that")


def rules(settings: Settings) -> Iterator[Finding]:
    """What decides who may do what, and what happens to calls."""
    if settings.auth_token:
        yield Finding("Settings", "ok", "Twilio's signature is checked")
    elif settings.allow_unsigned:
        yield Finding(
            "Settings",
            "warning",
            "signatures are not checked",
            "Set TWILIO_AUTH_TOKEN and turn allow_unsigned off before anyone else can reach this server.",
        )
    else:
        yield Finding(
            "Settings",
            "failed",
            "there is no auth token, so the server will not start",
            "Set TWILIO_AUTH_TOKEN: it is on the first page of https://console.twilio.com. "
            "To try things out without an account: --allow-unsigned.",
        )
    try:
        check_token(settings)
    except CallscribeError as error:
        yield failed("Token", error)
    try:
        call_flows(settings)
    except CallscribeError as error:
        yield failed("Calls", error, "docs/configuration.md has examples.")
        return
    numbers_said = ", ".join(f"{n}: {f.get('flow', 'answer')}" for n, f in settings.numbers.items())
    yield Finding("Calls", "ok", numbers_said or f"flow {settings.flow}")
