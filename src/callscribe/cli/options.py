"""Settings as command-line options, made from the one table of settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Optional, get_args, get_origin

import typer

from callscribe.settings import Settings, load, setting_infos, setting_type

_CONFIG = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
    typer.Option("--config", help="Settings file. Default: callscribe.toml, if there is one."),
]


def with_settings(
    names: Iterable[str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command one option per setting, and call it with the loaded `settings`.

    The command's own parameters stay as they are; the parameter named `settings` is filled in. `names` limits the
    options to those settings (all by default); the others still come from the environment and the file.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        infos = setting_infos()
        offered = [name for name in (names or infos) if infos[name].flag]

        def wrapper(**arguments: Any) -> Any:
            flags = {name: arguments.pop(name) for name in offered}
            settings: Settings = load(
                {k: v for k, v in flags.items() if v not in (None, [])},
                config=arguments.pop("config"),
            )
            return command(settings=settings, **arguments)

        own = [
            p
            for p in inspect.signature(command, eval_str=True).parameters.values()
            if p.name != "settings"
        ]
        keyword = inspect.Parameter.KEYWORD_ONLY
        made = [inspect.Parameter(n, keyword, default=None, annotation=_option(n)) for n in offered]
        made.append(inspect.Parameter("config", keyword, default=None, annotation=_CONFIG))
        parameters = [p.replace(kind=keyword) for p in own] + made
        wrapper.__name__ = command.__name__
        wrapper.__doc__ = command.__doc__
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        return wrapper

    return decorate


def data_option(folder: Path) -> str:
    """` --data DIR` for commands printed to people, unless it is the default."""
    return "" if folder == Settings().data else f" --data {folder}"


def _option(name: str) -> Any:
    info = setting_infos()[name]
    hint = setting_type(name)
    kind = get_origin(hint) or hint
    help_text = info.help
    if kind is bool:
        return Annotated[
            bool | None,
            typer.Option(f"{info.flag}/--no-{info.flag[2:]}", help=help_text, show_default=False),
        ]
    if kind is int:
        return Annotated[int | None, typer.Option(info.flag, help=help_text, show_default=False)]
    if kind is tuple:
        return Annotated[
            list[str] | None,
            typer.Option(
                info.flag, metavar="TEXT", help=help_text + " Repeatable.", show_default=False
            ),
        ]
    choices = f" One of: {', '.join(get_args(hint))}." if get_args(hint) else ""
    return Annotated[
        str | None, typer.Option(info.flag, help=help_text + choices, show_default=False)
    ]
