"""What Vosk calls fatal ends the process and cannot be caught, so no audio may bring it about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from callscribe.models.folder import built_in

PROGRAM = Path(__file__).with_name("strange_audio.py")


def test_the_built_in_model_survives_audio_that_no_training_heard() -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(built_in().path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "heard it all\n"
