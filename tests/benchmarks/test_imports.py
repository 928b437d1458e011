"""Benchmarks and tools are run seldom: what they take from the package must still be there."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDER = {ROOT / "benchmarks/path/subject.py"}
"""Also runs in checkouts of earlier versions, where things had other names."""


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Modules of ours that a file imports, each with a name that it takes from it; empty: the module itself."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("callscribe"):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.name, "") for a in node.names if a.name.startswith("callscribe"))


def is_there(module: str, name: str) -> bool:
    try:
        found = importlib.import_module(module)
        if name and not hasattr(found, name):
            importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.parametrize("folder", ["benchmarks", "training"])
def test_what_is_imported_is_there(folder: str) -> None:
    files = [file for file in sorted((ROOT / folder).rglob("*.py")) if file not in OLDER]
    wanted = {(file, *each) for file in files for each in imports(file)}
    assert len(wanted) > 20
    gone = [
        f"{file.relative_to(ROOT)}: {module} {name}"
        for file, module, name in sorted(wanted)
        if not is_there(module, name)
    ]
    assert not gone
