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

import dataclasses
import difflib
import os
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import dotenv

from callscribe.errors import SettingsError

DEFAULT_FILE = "callscribe.toml"
TOKEN_FILE = "token"  # noqa: S105 - a name
"""In the data folder: keeps the page token that the server made."""


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


def setting(default: Any, help: str, *, group: str, env: str = "") -> Any:
    """Declare one setting. The variable `env` is derived from the field's name unless given."""
    return field(default=default, metadata={"help": help, "group": group, "env": env})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process, read once at start."""

    host: str = setting(
        "127.0.0.1",
        "Address to listen on. Anything but a loopback address needs the token.",
        group="Server",
    )
    port: int = setting(8080, "Port to listen on.", group="Server")
    data: Path = setting(
        Path("callscribe-data"), "Folder for the record of all calls.", group="Server"
    )
    token: Secret = setting(
        Secret(""),
        "Password of the pages and the API. Needed by all once there is a public address or tunnel. "
        "When empty, one is made and kept in the data folder.",
        group="Server",
    )
    expose_pages: bool = setting(
        False,
        "Show the pages and the API (with the token) at the public address too, not only the carrier's endpoints.",
        group="Server",
    )
    json: bool = setting(
        False,
        "One JSON event a line on standard output, nothing else. Also chosen when output is piped.",
        group="Server",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "warning", "How much is logged to standard error.", group="Server"
    )

    account_sid: str = setting(
        "", "Account SID, from the carrier's console.", group="Carrier", env="TWILIO_ACCOUNT_SID"
    )
    auth_token: Secret = setting(
        Secret(""),
        "Auth token. The carrier signs its requests with it; unsigned ones are refused.",
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
        "Where the carrier reaches this server, e.g. https://calls.example.com. Signatures are checked against it.",
        group="Carrier",
    )
    tunnel: Literal["none", "ngrok"] = setting(
        "none", "Open a tunnel and use its address as public_url.", group="Carrier"
    )
    ngrok_authtoken: Secret = setting(
        Secret(""), "Authtoken of your ngrok account.", group="Carrier", env="NGROK_AUTHTOKEN"
    )
    api_url: str = setting(
        "", "Base address of the carrier's REST API, when it is not the real one.", group="Carrier"
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
    greeting_voice: str = setting(
        "", "The carrier's voice for greeting and consent.", group="Calls"
    )
    greeting_language: str = setting("en-US", "Language of greeting and consent.", group="Calls")
    hold_seconds: int = setting(
        3600, "How long a line is held after the greeting, in seconds.", group="Calls"
    )
    tracks: Literal["both", "inbound"] = setting(
        "both", "Transcribe both directions of a call or only what the caller says.", group="Calls"
    )

    model: str = setting(
        "",
        "Recognition model: a name (`callscribe models list`) or a folder. Empty: the built-in English one.",
        group="Recognition",
    )
    language: str = setting(
        "", "Language of the model when its name does not tell, e.g. de.", group="Recognition"
    )
    threads: int = setting(
        0, "Threads that decode speech. 0: one per processor core.", group="Recognition"
    )
    endpoint_silence_ms: int = setting(
        450, "Silence that ends an utterance, in milliseconds.", group="Recognition"
    )
    endpoint_max_ms: int = setting(
        20_000, "Longest utterance before it is split, in milliseconds.", group="Recognition"
    )
    raw: bool = setting(
        False, "Show the recogniser's own words instead of written text.", group="Text"
    )
    fillers: Literal["keep", "dim", "hide"] = setting(
        "dim", 'What happens to "uh" and "um" in what is shown.', group="Text"
    )
    profanity_filter: bool = setting(False, "Mask coarse words in written text.", group="Text")

    numbers: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict, metadata={"table": "numbers"}
    )
    contacts: Mapping[str, str] = field(default_factory=dict, metadata={"table": "contacts"})


_HINTS = get_type_hints(Settings)


def setting_infos() -> dict[str, SettingInfo]:
    """The table: field name -> what is said about it. `numbers` and `contacts`, which are tables, are not in it."""
    return {
        f.name: SettingInfo(
            help=f.metadata["help"],
            group=f.metadata["group"],
            env=f.metadata["env"] or f"CALLSCRIBE_{f.name.upper()}",
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
    values: dict[str, Any] = _from_toml(config, directory)
    values |= _from_environment(_dotenv(directory), ".env")
    values |= _from_environment(real, "the environment")
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = _convert(name, value, setting_infos()[name].flag)
    return Settings(**values)


def _dotenv(directory: Path) -> dict[str, str]:
    path = directory / ".env"
    if not path.is_file():
        return {}
    return {name: value for name, value in dotenv.dotenv_values(path).items() if value is not None}


def _from_environment(environ: Mapping[str, str], where: str) -> dict[str, Any]:
    infos = setting_infos()
    by_variable = {info.env: name for name, info in infos.items()}
    for variable in environ:
        ours = variable.startswith("CALLSCRIBE_") and variable not in NOT_SETTINGS
        if ours and variable not in by_variable:
            raise SettingsError(
                f"{where} has {variable}, which callscribe does not know.{_nearest(variable, by_variable)}"
            )
    return {
        name: _convert(name, environ[variable], variable)
        for variable, name in by_variable.items()
        if environ.get(variable, "") != ""
    }


NOT_SETTINGS = frozenset({"CALLSCRIBE_MODELS", "CALLSCRIBE_SERVER"})
"""Variables of ours that are read elsewhere: where models are kept, and the server that client commands talk to."""


def _from_toml(config: Path | None, directory: Path) -> dict[str, Any]:
    path = config or directory / DEFAULT_FILE
    if config is None and not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"The settings file {path} does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}") from None
    known = {*setting_infos(), "numbers", "contacts"}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise SettingsError(
                f"{path} has the key `{name}`, which does not exist.{_nearest(name, known)}"
            )
        if name in ("numbers", "contacts"):
            values[name] = _table(path, name, value)
        else:
            values[name] = _convert(name, value, f"{name} in {path}")
    return values


def _table(path: Path, name: str, value: object) -> Mapping[str, Any]:
    kind = dict if name == "numbers" else str
    shape = "a table of settings" if name == "numbers" else "a name"
    if not isinstance(value, dict):
        raise SettingsError(f"{path}: `{name}` must be a table, written [{name}].")
    for key, entry in value.items():
        if not isinstance(entry, kind):
            raise SettingsError(f"{path}: [{name}] {key} must be {shape}, not {entry!r}.")
    return value


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]}?" if close else ""


TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


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
        raise SettingsError(f"{where} must be one of {', '.join(choices)}, not {value!r}.")
    if kind is bool:
        text = str(value).strip().lower()
        if text in TRUE or text in FALSE:
            return text in TRUE
        raise SettingsError(f"{where} must be true or false, not {value!r}.")
    if kind is int:
        try:
            if isinstance(value, bool | float):
                raise ValueError
            number = int(str(value))
        except ValueError:
            raise SettingsError(f"{where} must be a whole number, not {value!r}.") from None
        return _in_range(name, number, where)
    if kind is tuple:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
            raise SettingsError(f"{where} must be a list of texts, not {value!r}.")
        return tuple(item.strip() for item in items if item.strip())
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str):
        raise SettingsError(f"{where} must be a text, not {value!r}.")
    if kind is Path:
        return Path(value).expanduser()
    if kind is Secret:
        return Secret(value.strip())
    return value


RANGES = {
    "port": (0, 65535),
    "hold_seconds": (1, 4 * 3600),
    "threads": (0, 1024),
    "endpoint_silence_ms": (200, 5_000),
    "endpoint_max_ms": (2_000, 120_000),
}
"""Smallest and largest sensible values; port 0 lets the system choose."""


def _in_range(name: str, number: int, where: str) -> int:
    low, high = RANGES[name]
    if not low <= number <= high:
        raise SettingsError(f"{where} must lie between {low} and {high}, not {number}.")
    return number


def describe(settings: Settings) -> dict[str, str]:
    """Every setting as text, secrets masked: for `callscribe doctor` and bug reports."""
    return {name: _as_text(getattr(settings, name)) for name in setting_infos()}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


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
