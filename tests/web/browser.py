"""Finding and starting Chromium."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium() -> Path | None:
    """The system's Chromium, or the one that `CALLSCRIBE_CHROMIUM` names."""
    named = os.environ.get("CALLSCRIBE_CHROMIUM", "")
    for name in (named, "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    return None


def launch_options(binary: Path) -> dict[str, Any]:
    """For `playwright.chromium.launch`."""
    return {"executable_path": str(binary), "headless": True, "args": ARGUMENTS}
