"""Every text that a user can see, in one file to be read aloud: `tests/strings.txt`.

    .venv/bin/python -m tests.strings      writes it anew

Texts of the program are string constants with a space in them that are no docstrings, `{}` standing for what is filled
in; a command's docstring is its help and belongs to them. Texts of the pages are what their templates and scripts say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "callscribe"
LIST = Path(__file__).parent / "strings.txt"
NOT_FOR_USERS = (
    "store/migrations",
    "store/schema.py",
    "store/queries.py",
    "models/adapt",
    "text/",
    "simulator/twiml",
)
"""Rules, word lists and SQL."""


def texts() -> str:
    """The whole list."""
    parts = []
    for path in sorted(SOURCE.rglob("*")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith(NOT_FOR_USERS):
            continue
        found = sorted(set(_READERS.get(path.suffix, _nothing)(path)))
        if found:
            parts.append("\n".join([f"# {name}", *found]))
    return "\n\n".join(parts) + "\n"


def _nothing(path: Path) -> Iterator[str]:
    return iter(())


def _python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for one in node.body:  # docstrings, and those after attributes
                if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
                    docs[one.value] = node
            if _is_command(node) and (help_text := ast.get_docstring(node)):
                yield " ".join(help_text.split())
    inside = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            if node in docs:
                continue
            text = node.value
        else:
            continue
        if _is_prose(text):
            yield " ".join(text.split())


def _is_command(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any("command" in ast.unparse(decorator) for decorator in decorators)


def _is_prose(text: str) -> bool:
    words = re.findall(r"[A-Za-z]{2,}", text)
    return (
        len(words) > 1
        and " " in text.strip()
        and not re.match(r"(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA)\b", text)
    )


def _template(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    for attribute in re.findall(r'(?:aria-label|title|placeholder|data-[a-z-]+)="([^"]+)"', text):
        shown = re.sub(r"{{.*?}}|{%.*?%}", "{}", attribute)
        if re.search(r"[A-Za-z]{2,}", shown.replace("{}", "")):
            yield " ".join(shown.split())
    text = re.sub(r"{#.*?#}|{%.*?%}", "\n", text, flags=re.S)
    text = re.sub(r"{{.*?}}", "{}", text, flags=re.S)
    for piece in re.split(r"<[^>]*>|\n", text, flags=re.S):
        if re.search(r"[A-Za-z]{2,}", piece.replace("{}", "")):
            yield " ".join(piece.split())


def _script(path: Path) -> Iterator[str]:
    text = re.sub(r"/\*.*?\*/|^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
    for quote in ('"', "'", "`"):
        for piece in re.findall(rf"{quote}((?:\\.|[^{quote}\\\n])*){quote}", text):
            shown = re.sub(r"\$\{.*?\}", "{}", piece)
            if _is_prose(shown) and not re.search(r"[#.\[][\w-]+[\]=,>]|=>|;", shown):
                yield shown


_READERS = {".py": _python, ".html": _template, ".js": _script}

if __name__ == "__main__":
    LIST.write_text(texts(), encoding="utf-8")
