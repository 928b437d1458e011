"""Every setting, once: its name, type, default, environment variable and what it means.

A value is looked for in this order, the first one found wins:

1. a flag of the command (`--public-url`)
2. the environment (`CALLSCRIBE_PUBLIC_URL`); variables that the ecosystem already names keep those names
3. `.env` in the working directory
4. `callscribe.toml` in the working directory, or the file given with `--config`
5. the default

`docs/configuration.md` is generated from this table, and a test keeps it true.
"""

from __future__ import annotations

import codecs
import dataclasses
import difflib
import errno
import io
import os
import re
import time
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import dotenv

from callscribe import files
from callscribe.addresses import masked, tidy
from callscribe.errors import SettingsError
from callscribe.ranges import ENDPOINT_MAX_MS, ENDPOINT_SILENCE_MS, EVERY, HOLD_SECONDS, Range
from callscribe.speech.endpoint import EndpointOptions

DEFAULT_FILE = "callscribe.toml"
_ENDPOINTS = EndpointOptions()


class Secret:
    """A string that does not show itself: `str()`, `repr()` and logs print `********`; `reveal()` gives the value."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "********" if self._value else ""

    def __repr__(self) -> str:
        return f"Secret('{self}')"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True)
class SettingInfo:
    """What a field of `Settings` carries beside its type and default."""

    help: str
    group: str
    env: str
    flag: str
    """Empty for secrets: a flag would show them in the list of processes."""
    within: Range
    """Smallest and largest value of a number."""


def setting(default: Any, help: str, *, group: str, env: str = "", within: Range = EVERY) -> Any:
    """Declare one setting. The variable `env` is derived from the field's name unless given."""
    return field(
        default=default, metadata={"help": help, "group": group, "env": env, "within": within}
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process, read once at start."""

    host: str = setting(
        "127.0.0.1",
        "Address to listen on. Anything but a loopback address needs the token.",
        group="Server",
    )
    port: int = setting(
        8080, "Port to listen on. 0 takes any free one.", group="Server", within=Range(0, 65_535)
    )
    data: Path = setting(
        Path("callscribe-data"), "Folder for the record of all calls.", group="Server"
    )
    token: Secret = setting(
        Secret(""),
        "Password of the pages and the API. Everyone needs it once there is a public address or tunnel. "
        "When empty, one is made and kept in the data folder.",
        group="Server",
    )
    expose_pages: bool = setting(
        False,
        "Show the pages and the API (with the token) at the public address too, not only Twilio's endpoints.",
        group="Server",
    )
    json: bool = setting(
        False,
        "Print one JSON event per line and nothing else. The default when output is piped.",
        group="Server",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "warning", "How much is logged to standard error.", group="Server"
    )

    account_sid: str = setting(
        "", "Account SID, from Twilio's console.", group="Carrier", env="TWILIO_ACCOUNT_SID"
    )
    auth_token: Secret = setting(
        Secret(""),
        "Auth token. Twilio signs its requests with it; unsigned ones are refused.",
        group="Carrier",
        env="TWILIO_AUTH_TOKEN",
    )
    auth_token_previous: Secret = setting(
        Secret(""),
        "The old auth token, accepted beside the new one while you rotate it.",
        group="Carrier",
    )
    allow_unsigned: bool = setting(
        False,
        "Accept requests that nobody signed. Only for trying things out on this machine.",
        group="Carrier",
    )
    number: str = setting(
        "", "Your number, in the form +15005550006, when the account has several.", group="Carrier"
    )
    public_url: str = setting(
        "",
        "Where Twilio reaches this server, e.g. https://calls.example.com. Signatures are checked against it.",
        group="Carrier",
    )
    tunnel: Literal["none", "ngrok"] = setting(
        "none", "Open a tunnel and use its address as public_url.", group="Carrier"
    )
    ngrok_authtoken: Secret = setting(
        Secret(""), "Authtoken of your ngrok account.", group="Carrier", env="NGROK_AUTHTOKEN"
    )
    api_url: str = setting(
        "", "Base address of Twilio's REST API, if not the real one.", group="Carrier"
    )

    flow: Literal["answer", "forward", "conference"] = setting(
        "answer",
        "What happens to a caller: answer (greet and hold), forward (dial `to`), conference (join `room`). "
        "Per number: the [numbers] table.",
        group="Calls",
    )
    to: tuple[str, ...] = setting(
        (), "Numbers to forward to; the first to answer gets the call.", group="Calls"
    )
    room: str = setting("", "Conference room.", group="Calls")
    greeting: str = setting(
        "Hello. This call is being transcribed.",
        "What the caller hears first. Empty: nothing.",
        group="Calls",
    )
    consent: str = setting(
        "",
        "An announcement before the greeting, for places where consent is needed.",
        group="Calls",
    )
    greeting_voice: str = setting("", "Twilio's voice for greeting and consent.", group="Calls")
    greeting_language: str = setting("en-US", "Language of greeting and consent.", group="Calls")
    hold_seconds: int = setting(
        3600,
        "How long a line is held after the greeting, in seconds.",
        group="Calls",
        within=HOLD_SECONDS,
    )
    tracks: Literal["both", "inbound"] = setting(
        "both", "Transcribe both directions of a call or only what the caller says.", group="Calls"
    )

    model: str = setting(
        "",
        "Recognition model: a name (`callscribe models list`) or a folder. Empty: the built-in English one. "
        "A Whisper model works too: slower, for languages that have no other.",
        group="Recognition",
    )
    language: str = setting(
        "",
        "Language of the model when its name doesn't say, e.g. de. `auto`: detected in the first seconds of each "
        "track, by Whisper models of many languages.",
        group="Recognition",
    )
    second_reader: str = setting(
        "auto",
        "Model that reads every utterance again once it is over: `auto` (the best installed one that this machine "
        "can run), `off`, a name (`callscribe models list`) or a folder.",
        group="Recognition",
    )
    keep_unread: bool = setting(
        True,
        "Keep audio that the second reader has not read yet in the data folder, so that a crash loses at most "
        "that of the last moment; it is sealed, and deleted once read. False: in memory only. Also whether audio "
        "that waits for room to be transcribed is kept there, sealed too, so that it survives a restart.",
        group="Recognition",
    )
    unread_key: Secret = setting(
        Secret(""),
        "Secret that seals this audio, 16 characters or more. If empty, a key is created and kept in the data folder.",
        group="Recognition",
    )
    workers: Literal["processes", "threads"] = setting(
        "processes",
        "Decode speech in separate processes, which may crash without harming the server, or in the server's threads.",
        group="Recognition",
    )
    threads: int = setting(
        0,
        "How many such processes or threads. 0: one per processor core.",
        group="Recognition",
        within=Range(0, 1024),
    )
    capacity: str = setting(
        "auto",
        "How many tracks (a two-way call has two) are transcribed while people speak; further ones are kept and "
        "transcribed when there is room. `auto`: as many as this machine can follow, measured at the first start; or a "
        "number.",
        group="Recognition",
    )
    endpoint_silence_ms: int = setting(
        _ENDPOINTS.silence_ms,
        "Silence that ends an utterance, in milliseconds.",
        group="Recognition",
        within=ENDPOINT_SILENCE_MS,
    )
    endpoint_max_ms: int = setting(
        _ENDPOINTS.longest_ms,
        "Longest utterance before it is split, in milliseconds.",
        group="Recognition",
        within=ENDPOINT_MAX_MS,
    )
    raw: bool = setting(
        False, "Show the recogniser's own words instead of written text.", group="Text"
    )
    fillers: Literal["keep", "dim", "hide"] = setting(
        "dim", 'What happens to "uh" and "um" in what is shown.', group="Text"
    )
    profanity_filter: bool = setting(False, "Mask swear words in written text.", group="Text")

    recording: Literal["off", "on"] = setting(
        "off",
        "Record the audio of calls. Tell callers: many places require it by law; see `consent`. "
        "Per number: `recording` in the [numbers] table.",
        group="Record",
    )
    recordings: str = setting(
        "",
        "Where finished recordings are kept: a folder, or object storage as s3://bucket/prefix. "
        "Empty: `recordings` in the data folder.",
        group="Record",
    )
    keep_original: bool = setting(
        False,
        "Keep the audio as it arrived (mu-law) beside the FLAC that is made of it after the call.",
        group="Record",
    )
    keep_audio_days: int = setting(
        0,
        "Days after which recordings are deleted; the text stays. 0: never.",
        group="Record",
        within=Range(0, 36_500),
    )
    keep_calls_days: int = setting(
        0,
        "Days after which a call is deleted, with all that is kept of it. 0: never.",
        group="Record",
        within=Range(0, 36_500),
    )
    keep_text_days: int = setting(
        0,
        "Days after which what was said is deleted; who called whom and when stays. 0: never.",
        group="Record",
        within=Range(0, 36_500),
    )

    numbers: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict, metadata={"table": "numbers"}
    )
    contacts: Mapping[str, str] = field(default_factory=dict, metadata={"table": "contacts"})

    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Where each value came from, e.g. `--port`, `CALLSCRIBE_PORT in .env`; without those that are defaults."""

    def named(self, name: str) -> str:
        """A setting as errors name it, with where its value stands: "`public_url` (CALLSCRIBE_PUBLIC_URL in .env)"."""
        source = self.sources.get(name, "")
        return f"`{name}` ({source})" if source else f"`{name}`"


_HINTS = get_type_hints(Settings)


def setting_infos() -> dict[str, SettingInfo]:
    """The table: field name -> what is said about it. `numbers` and `contacts`, which are tables, are not in it."""
    return {
        f.name: SettingInfo(
            help=f.metadata["help"],
            group=f.metadata["group"],
            env=f.metadata["env"] or f"CALLSCRIBE_{f.name.upper()}",
            within=f.metadata["within"],
            flag="" if _HINTS[f.name] is Secret else "--" + f.name.replace("_", "-"),
        )
        for f in dataclasses.fields(Settings)
        if "help" in f.metadata
    }


def setting_type(name: str) -> Any:
    """The declared type of a setting."""
    return _HINTS[name]


def load(
    flags: Mapping[str, object] | None = None,
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """Read all settings once.

    Args:
        flags: field name -> value; None means the flag was not given.
        config: the TOML file; by default `callscribe.toml` in `directory` if there is one.
        environ: by default the process's environment.
        directory: where `.env` and `callscribe.toml` are looked for; by default the working directory.

    Raises:
        SettingsError: a key is unknown, a value is of the wrong kind, or the file cannot be read.
    """
    directory = directory or Path.cwd()
    real = os.environ if environ is None else environ
    found = [
        _from_toml(config, directory),
        _from_environment(_dotenv(directory), " in .env"),
        _from_environment(real, ""),
        _from_flags(flags or {}),
    ]
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, (value, source) in ((n, v) for place in found for n, v in place.items()):
        values[name], sources[name] = value, source
    return Settings(**values, sources=sources)


Found = dict[str, tuple[Any, str]]
"""Setting's name -> its value and where it stands."""


def _from_flags(flags: Mapping[str, object]) -> Found:
    infos = setting_infos()
    return {
        name: (_convert(name, value, infos[name].flag), infos[name].flag)
        for name, value in flags.items()
        if value is not None
    }


def _is_there(path: Path) -> bool:
    """Also for a link that leads nowhere, so that it is an error and not silently no settings."""
    return path.is_symlink() or path.exists()


def read_text(path: Path) -> str:
    """A file of ours that people write: UTF-8, with or without a byte order mark.

    Raises:
        SettingsError: it cannot be read, or is in another encoding; says what to do.
    """
    try:
        content = _from_pipe(path) if path.is_fifo() else files.read(path)
    except files.TooLargeError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}; no file of settings is. Is it the right one?"
        ) from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SettingsError(f"{path} is saved as UTF-16. Save it as UTF-8.")
    if b"\0" in content:
        raise SettingsError(f"{path} is not a text file, or is saved as UTF-16. Save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{path} is not UTF-8: line {line} has a character in another encoding. Save it as UTF-8."
        ) from None


_PIPE_WAIT_S = 3.0
"""Secret stores offer settings through named pipes: they come as soon as somebody reads."""
_WRITER_WAIT_S = 60.0
"""A program that has a pipe open may have to ask a person or another machine first: `--config <(vault ...)`."""


def _from_pipe(path: Path) -> bytes:
    """What is written into a pipe until its writer closes it.

    Raises:
        OSError: nobody writes, or does not come to an end.
    """
    since = time.monotonic()
    content = b""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            try:
                piece = os.read(handle, files.LARGEST)
            except BlockingIOError:
                piece = None  # there is a writer
            if piece == b"" and content:
                return content
            content += piece or b""
            if len(content) > files.LARGEST:
                raise files.TooLargeError(
                    errno.EFBIG, f"it is larger than {files.LARGEST >> 20} MiB"
                )
            written_to = piece is None or bool(content)
            if time.monotonic() - since > (_WRITER_WAIT_S if written_to else _PIPE_WAIT_S):
                what = "does not come to an end" if content else "brings nothing"
                raise TimeoutError(errno.ETIMEDOUT, f"it is a pipe that {what}")
            if not piece:
                time.sleep(0.01)
    finally:
        os.close(handle)


def _dotenv(directory: Path) -> dict[str, str]:
    path = directory / ".env"
    if not _is_there(path):
        return {}
    values = dotenv.dotenv_values(stream=io.StringIO(read_text(path)))
    return {name: value for name, value in values.items() if value is not None}


def _from_environment(environ: Mapping[str, str], where: str) -> Found:
    infos = setting_infos()
    by_variable = {info.env: name for name, info in infos.items()}
    for variable in environ:
        ours = variable.startswith("CALLSCRIBE_") and variable not in NOT_SETTINGS
        if ours and variable not in by_variable:
            raise SettingsError(
                f"There is no setting {variable}{where or ' (in the environment)'}."
                f"{_nearest(variable, by_variable)}"
            )
    return {
        name: (_convert(name, environ[variable], variable + where), variable + where)
        for variable, name in by_variable.items()
        if environ.get(variable, "").strip() != ""
    }


NOT_SETTINGS = frozenset({"CALLSCRIBE_MODELS", "CALLSCRIBE_SERVER"})
"""Variables of ours that are read elsewhere: where models are kept, and the server that client commands talk to."""


def _from_toml(config: Path | None, directory: Path) -> Found:
    path = config or directory / DEFAULT_FILE
    if config is None and not _is_there(path):
        return {}
    if not _is_there(path):
        raise SettingsError(f"The settings file {path} does not exist.")
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}") from None
    except RecursionError:
        raise SettingsError(f"The settings file {path} nests its values too deeply.") from None
    known = {*setting_infos(), "numbers", "contacts"}
    values: Found = {}
    for name, value in table.items():
        if name not in known:
            raise SettingsError(
                f"{path} has the key `{name}`, which does not exist.{_nearest(name, known)}"
            )
        if name in ("numbers", "contacts"):
            values[name] = _table(path, name, value), str(path)
        else:
            values[name] = _convert(name, value, f"{name} in {path}"), str(path)
    return values


def _table(path: Path, name: str, value: object) -> Mapping[str, Any]:
    kind = dict if name == "numbers" else str
    shape = "a table of settings" if name == "numbers" else "a name"
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: `{name}` must be a table, written [{name}].")
    for key, entry in value.items():
        if not isinstance(entry, kind):
            raise SettingsError(f"{path}: [{name}] {key} must be {shape}, not {shortened(entry)}.")
    return value


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""


TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


def shortened(value: object) -> str:
    """A wrong value in a message, cut short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _convert(name: str, value: object, where: str) -> Any:
    """A value from a flag, a variable or TOML as the setting's declared type."""
    hint = setting_type(name)
    kind = get_origin(hint) or hint
    if isinstance(value, Secret):
        value = value.reveal()
    if kind is Literal:
        choices = get_args(hint)
        if value in choices:
            return value
        raise SettingsError(f"{where} must be one of {', '.join(choices)}, not {shortened(value)}.")
    if kind is bool:
        text = str(value).strip().lower()
        if text in TRUE or text in FALSE:
            return text in TRUE
        raise SettingsError(f"{where} must be true or false, not {shortened(value)}.")
    if kind is int:
        try:
            if isinstance(value, bool | float):
                raise ValueError
            number = int(str(value))
        except ValueError:
            raise SettingsError(
                f"{where} must be a whole number, not {shortened(value)}."
            ) from None
        return setting_infos()[name].within.check(number, where)
    if kind is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise SettingsError(f"{where} must be a list of strings, not {shortened(value)}.")
        return tuple(_text(item, where).strip() for item in items if item.strip())
    if isinstance(value, Path):
        value = str(value)
    if kind is Secret:
        if not isinstance(value, str):
            raise SettingsError(f"{where} must be text.")  # and not shown
        return Secret(_text(value, where).strip())
    if not isinstance(value, str):
        raise SettingsError(f"{where} must be text, not {shortened(value)}.")
    text = _text(value, where)
    if kind is Path:
        return home_path(text, where)
    if name == "public_url":
        return tidy(text)
    text = text.strip()
    if name not in ("greeting", "consent") and not text.isprintable():
        raise SettingsError(f"{where} must be one line of plain text, not {shortened(text)}.")
    return text


def home_path(text: str, where: str) -> Path:
    """A path, `~` and `~name` at its beginning replaced.

    Args:
        where: what errors call it.

    Raises:
        SettingsError: there is no such home folder.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{where} begins with ~, but that home folder cannot be found. Write the full path."
        ) from None


LONGEST = 4096
"""Characters of a setting: what Twilio reads out at most, and more than any name or path can have."""


def _text(value: str, where: str) -> str:
    """A text that can be written, sent and used as a file's name."""
    if len(value) > LONGEST:
        raise SettingsError(f"{where} has {len(value)} characters; at most {LONGEST} are allowed.")
    if "\0" in value:
        raise SettingsError(f"{where} has a null character in it.")
    if found := _CONTROL.search(value):
        raise SettingsError(f"{where} has a control character (U+{ord(found[0]):04X}) in it.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{where} is not UTF-8.") from None
    return value


_CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
"""All but tab and line end: greetings may have these, and nothing else may."""


def describe(settings: Settings) -> dict[str, str]:
    """Every setting as text, secrets masked, those inside addresses too: for people and bug reports."""
    return {name: _as_text(getattr(settings, name)) for name in setting_infos()}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return masked(str(value))


def _type_text(hint: Any) -> str:
    kind = get_origin(hint) or hint
    if kind is Literal:
        return " \\| ".join(f"`{choice}`" for choice in get_args(hint))
    if kind in (Union, types.UnionType):
        return " or ".join(_type_text(part) for part in get_args(hint))
    names = {
        str: "text",
        int: "number",
        bool: "true/false",
        Path: "path",
        tuple: "list",
        Secret: "secret",
    }
    return names[kind]


def reference() -> str:
    """The Markdown table of `docs/configuration.md`, generated."""
    lines: list[str] = []
    group = ""
    for name, info in setting_infos().items():
        if info.group != group:
            group = info.group
            lines += ["", f"### {group}", ""]
            lines += [
                "| setting | flag and variable | type | default | meaning |",
                "|---|---|---|---|---|",
            ]
        default = _as_text(next(f.default for f in dataclasses.fields(Settings) if f.name == name))
        lines.append(
            f"| `{name}` | {f'`{info.flag}` ' if info.flag else ''}`{info.env}` | {_type_text(setting_type(name))} "
            f"| {f'`{default}`' if default else ''} | {info.help} |"
        )
    return "\n".join(lines).strip() + "\n"
