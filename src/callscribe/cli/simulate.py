"""`callscribe simulate`: call a running server as Twilio would, with recordings for voices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar, Unpack, cast, get_args

import typer

from callscribe.addresses import check_public_url, parse
from callscribe.errors import SettingsError
from callscribe.outlet import data, say, tell, warn_visible
from callscribe.settings import load
from callscribe.simulator import audio, demos
from callscribe.simulator.frames import Faults
from callscribe.simulator.report import CallReport, describe
from callscribe.simulator.run import CarrierOptions, RestOn, Server, simulate_calls
from callscribe.simulator.script import (
    CallbackFaults,
    CallScript,
    DialResult,
    Move,
    MoveWhat,
    Party,
)
from callscribe.simulator.world import ACCOUNT_SID

T = TypeVar("T", bound=str)

DEFAULT_URL = "http://127.0.0.1:8080"


def register(app: typer.Typer) -> None:
    @app.command("simulate")
    def simulate_command(
        url_and_files: Annotated[
            list[str] | None,
            typer.Argument(
                metavar="URL FILE",
                help=f"The server (default {DEFAULT_URL}) and what is said: WAV or FLAC, one file with the caller "
                "left and the callee right, or one file per person. Without files: the packaged demo call.",
            ),
        ] = None,
        public_url: Annotated[
            str, typer.Option(help="The server's public address, over which requests are signed.")
        ] = "",
        from_: Annotated[str, typer.Option("--from", help="The caller's number.")] = "+15005550010",
        to: Annotated[str, typer.Option("--to", help="Your number, the one called.")] = (
            "+15005550006"
        ),
        callee: Annotated[
            str, typer.Option(help="The number of the second person, when the server dials.")
        ] = "+15005550020",
        auth_token: Annotated[
            str,
            typer.Option(help="Signs the requests. Default: TWILIO_AUTH_TOKEN, also from .env."),
        ] = "",
        unsigned: Annotated[bool, typer.Option("--unsigned", help="Sign nothing.")] = False,
        calls: Annotated[
            int, typer.Option(min=0, help="Calls at the same time. 0 makes sense with --rest.")
        ] = 1,
        spread: Annotated[
            float, typer.Option(min=0, help="Seconds between the beginnings of two calls.")
        ] = 0.25,
        speed: Annotated[
            float, typer.Option(min=0.01, help="2 plays twice as fast as people speak.")
        ] = 1.0,
        conference: Annotated[
            int, typer.Option(min=0, help="This many people phone in and meet in one room.")
        ] = 0,
        move: Annotated[
            list[str] | None,
            typer.Option(
                metavar="PERSON:WHAT@SECONDS",
                help="A person of the conference (1 is the first) will leave, return, mute, unmute, hold or unhold, "
                "e.g. 2:leave@10. Repeatable.",
            ),
        ] = None,
        dial: Annotated[
            str,
            typer.Option(help="How a dialled call ends: answered, busy, no-answer, failed."),
        ] = "answered",
        hangup_by: Annotated[str, typer.Option(help="Who hangs up: caller or callee.")] = "caller",
        jitter: Annotated[
            float, typer.Option(min=0, help="Messages arrive up to this many milliseconds late.")
        ] = 0.0,
        reorder: Annotated[
            float, typer.Option(min=0, max=1, help="Share of messages overtaken by later ones.")
        ] = 0.0,
        loss: Annotated[
            float, typer.Option(min=0, max=1, help="Share of messages that never arrive.")
        ] = 0.0,
        duplicate: Annotated[
            float, typer.Option(min=0, max=1, help="Share of messages that arrive twice.")
        ] = 0.0,
        stall: Annotated[
            str,
            typer.Option(
                metavar="AT:SECONDS", help="Audio stops for a while, then arrives all at once."
            ),
        ] = "",
        abrupt_close: Annotated[
            bool, typer.Option("--abrupt-close", help="The socket breaks off at the end.")
        ] = False,
        abrupt_close_at: Annotated[
            float | None, typer.Option(metavar="SECONDS", help="The socket breaks off then.")
        ] = None,
        no_stop: Annotated[
            bool, typer.Option("--no-stop", help="The socket closes without a stop message.")
        ] = False,
        bad_signature: Annotated[
            bool, typer.Option("--bad-signature", help="Sign wrongly; the server must refuse.")
        ] = False,
        slash_signature: Annotated[
            bool,
            typer.Option("--slash-signature", help="Sign the socket's address with a / added."),
        ] = False,
        big_frames: Annotated[
            int, typer.Option(metavar="MS", help="Audio per message, a multiple of 20 ms.")
        ] = 20,
        repeat_webhook: Annotated[
            bool, typer.Option("--repeat-webhook", help="The voice webhook is sent twice.")
        ] = False,
        late_callbacks: Annotated[
            float, typer.Option(min=0, help="Status callbacks arrive up to this many seconds late.")
        ] = 0.0,
        repeat_callbacks: Annotated[
            float, typer.Option(min=0, max=1, help="Share of status callbacks that arrive twice.")
        ] = 0.0,
        drop_callbacks: Annotated[
            float, typer.Option(min=0, max=1, help="Share of status callbacks that never arrive.")
        ] = 0.0,
        continuous: Annotated[
            bool,
            typer.Option("--continuous", help="Send silence on the outbound track, not nothing."),
        ] = False,
        voice: Annotated[
            bool, typer.Option("--voice", help="Prompts are heard as speech instead of silence.")
        ] = False,
        wait: Annotated[
            float, typer.Option(min=0, help="Seconds to wait for a server that is not up yet.")
        ] = 0.0,
        rest: Annotated[
            int | None,
            typer.Option(
                metavar="PORT", help="Offer Twilio's REST API on this port, for --api-url."
            ),
        ] = None,
        seed: Annotated[
            int | None, typer.Option(help="The same number repeats the same jitter and faults.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    ) -> None:
        """Call a server as Twilio would, and report what was sent and what came back.

        The exit status is 1 when Twilio would have logged an error.
        """
        url, files = split_arguments(url_and_files or [])
        at, length = parse_stall(stall)
        try:
            faults = Faults(
                jitter_ms=jitter,
                reorder=reorder,
                loss=loss,
                duplicate=duplicate,
                stall_at_s=at,
                stall_s=length,
                frame_ms=big_frames,
                no_stop=no_stop,
                abrupt_close=abrupt_close or abrupt_close_at is not None,
                abrupt_close_at_s=abrupt_close_at,
            )
        except ValueError as error:
            raise SettingsError(f"These faults are impossible: {error}.") from error
        if conference:
            people = conference_voices(files, conference)
        else:
            people = (audio.load(files) if files else demos.demo("bank").audio()).parties
        moves = parse_moves(move or [], conference)
        scripts = [
            make_script(
                people,
                index,
                moves=moves,
                from_=from_,
                to=to,
                callee=callee,
                conference=bool(conference),
                result=_choice(dial, ("answered", "busy", "no-answer", "failed"), "--dial"),
                hangup_by=_choice(hangup_by, ("caller", "callee"), "--hangup-by"),
                faults=faults,
                webhook_times=2 if repeat_webhook else 1,
            )
            for index in range(calls)
        ]
        settings = load({})
        public_url = public_url and check_public_url(public_url)
        if auth_token:
            warn_visible(
                "--auth-token", "Set TWILIO_AUTH_TOKEN, in the environment or in .env, instead."
            )
        token = "" if unsigned else auth_token or settings.auth_token.reveal()
        if not token and not unsigned:
            tell(
                "callscribe: no auth token (TWILIO_AUTH_TOKEN), so nothing is signed. The server accepts that only "
                "with --allow-unsigned."
            )
        if not calls and rest is None:
            raise SettingsError("--calls 0 makes sense with --rest only.")
        if calls and not as_json:
            tell(_what_happens(scripts, url, speed))
        answering = (Party(from_, people[0]), Party(callee, people[-1]))
        reports = asyncio.run(
            _until_interrupted(
                scripts,
                Server(url, public_url or settings.public_url),
                parties=answering,
                rest=None if rest is None else RestOn(rest, _tell_rest),
                wait_s=wait,
                auth_token=token,
                account_sid=settings.account_sid or ACCOUNT_SID,
                speed=speed,
                seed=seed,
                spread_s=spread,
                bad_signature=bad_signature,
                slash_signature=slash_signature,
                continuous=continuous,
                callback_faults=CallbackFaults(late_callbacks, repeat_callbacks, drop_callbacks),
                prompt=demos.spoken_prompt() if voice else None,
            )
        )
        show(reports, as_json=as_json)
        if any(report.errors for report in reports):
            raise typer.Exit(1)


def _what_happens(scripts: Sequence[CallScript], url: str, speed: float) -> str:
    """Said before the calls, which take as long as real ones."""
    longest = max((script.length_ms for script in scripts), default=0)
    seconds = max(1, round(longest / 1000 / speed))
    many = f"{len(scripts)} calls" if len(scripts) > 1 else "a call"
    return (
        f"Placing {many} to {url}, about {seconds} seconds long. The text appears where the server runs; a report "
        "follows here at the end. Ctrl-C hangs up."
    )


async def _until_interrupted(
    scripts: Sequence[CallScript],
    server: Server,
    *,
    spread_s: float,
    parties: Sequence[Party],
    rest: RestOn | None,
    wait_s: float,
    **options: Unpack[CarrierOptions],
) -> list[CallReport]:
    """The first Ctrl-C makes all callers hang up, so that there is a report; the second one ends at once."""
    stop, loop, main = asyncio.Event(), asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if stop.is_set() and main is not None:
            main.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows; not the main thread
            loop.add_signal_handler(number, interrupted)
    try:
        return await simulate_calls(
            scripts,
            server,
            spread_s=spread_s,
            parties=parties,
            rest=rest,
            wait_s=wait_s,
            stop=stop,
            **options,
        )
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def split_arguments(arguments: Sequence[str]) -> tuple[str, list[Path]]:
    """The server's address, when the first argument is one, and the audio files.

    Raises:
        SettingsError: a second address.
    """
    urls = [a for a in arguments if "://" in a]
    if len(urls) > 1 or (urls and arguments[0] != urls[0]):
        raise SettingsError("Name one server, before the audio files.")
    url = urls[0] if urls else DEFAULT_URL
    if parse(url) is None:
        raise SettingsError(f"{url!r} is not an address like {DEFAULT_URL}.")
    if not url.startswith(("http://", "https://")):
        raise SettingsError(f"The server's address begins with http:// or https://, not {url!r}.")
    return url, [Path(a) for a in arguments if "://" not in a]


def parse_stall(text: str) -> tuple[float, float]:
    """`AT:SECONDS` as two numbers; empty is no stall.

    Raises:
        SettingsError: not of that form.
    """
    if not text:
        return 0.0, 0.0
    at, _, length = text.partition(":")
    try:
        return float(at), float(length)
    except ValueError:
        raise SettingsError(
            f'--stall takes two numbers of seconds, e.g. 10:3 for "after 10 s, for 3 s", not {text!r}.'
        ) from None


def conference_voices(files: Sequence[Path], people: int) -> tuple[bytes, ...]:
    """One recording per person; the packaged meeting when there are no files, its voices reused for large rooms.

    Raises:
        SettingsError: fewer than two people, or fewer recordings than people.
    """
    if people < 2:
        raise SettingsError("A conference takes at least two people.")
    if files:
        voices = audio.load(files).parties
        if len(voices) < people:
            raise SettingsError(
                f"--conference {people} needs {people} recordings, one per person; {len(voices)} were given."
            )
        return voices[:people]
    packaged = demos.demo("meeting").audio().parties
    return tuple(packaged[index % len(packaged)] for index in range(people))


def make_script(
    voices: Sequence[bytes],
    index: int,
    *,
    moves: Mapping[int, tuple[Move, ...]],
    from_: str,
    to: str,
    callee: str,
    conference: bool,
    result: DialResult,
    hangup_by: Literal["caller", "callee"],
    faults: Faults,
    webhook_times: int,
) -> CallScript:
    """The script of the call number `index`; every call has its own caller's number."""
    step = index * len(voices) if conference else index
    caller = Party(add_to_number(from_, step), voices[0], moves=moves.get(1, ()))
    others = tuple(
        Party(
            add_to_number(from_, step + place) if conference else callee,
            voice,
            result=result,
            moves=moves.get(place + 1, ()),
        )
        for place, voice in enumerate(voices[1:], start=1)
    )
    if not conference and not others:
        others = (Party(callee, result=result),)
    return CallScript(
        caller,
        to,
        others,
        conference=conference,
        hangup_by=hangup_by,
        faults=faults,
        webhook_times=webhook_times,
    )


def parse_moves(texts: Sequence[str], people: int) -> dict[int, tuple[Move, ...]]:
    """`PERSON:WHAT@SECONDS` each, by person.

    Raises:
        SettingsError: not of that form, no conference, or no such person.
    """
    moves: dict[int, tuple[Move, ...]] = {}
    for text in texts:
        match = re.fullmatch(r"(\d+):(\w+)@(\d+(?:\.\d+)?)", text)
        if match is None or match[2] not in get_args(MoveWhat):
            raise SettingsError(
                f"--move must look like 2:leave@10 (person, {', '.join(get_args(MoveWhat))}, seconds), not {text!r}."
            )
        person = int(match[1])
        if not 1 <= person <= people:
            raise SettingsError(f"--move {text}: the conference has {people} people.")
        move = Move(float(match[3]), cast(MoveWhat, match[2]))
        moves[person] = (*moves.get(person, ()), move)
    return moves


def _tell_rest(url: str) -> None:
    tell(f"Twilio's REST API: --api-url {url}")


def add_to_number(number: str, step: int) -> str:
    """Another caller's number, `step` further on; a name or a withheld number stays as it is."""
    digits = number.removeprefix("+")
    if not step or not digits.isdecimal():
        return number
    return f"+{int(digits) + step:0{len(digits)}d}"


def show(reports: Sequence[CallReport], *, as_json: bool) -> None:
    """The report, for people or as JSON."""
    if as_json:
        data(json.dumps({"calls": [report.to_dict() for report in reports]}, indent=2).encode())
        return
    for report in reports:
        for line in describe(report):
            say(line)
    streams = [stream for report in reports for stream in report.all_streams()]
    errors = sum(len(report.errors) for report in reports)
    say(
        f"{len(reports)} call{'s' * (len(reports) != 1)}, {sum(s.frames for s in streams)} media messages, "
        f"{sum(s.bytes for s in streams)} audio bytes; "
        + ("no errors" if not errors else f"{errors} error{'s' * (errors != 1)}")
        + "."
    )


def _choice(value: str, allowed: tuple[T, ...], option: str) -> T:
    for choice in allowed:
        if choice == value:
            return choice
    raise SettingsError(f"{option} must be one of {', '.join(map(str, allowed))}, not {value!r}.")
