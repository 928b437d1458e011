from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from callscribe.events import AnyEvent, CallStarted, LagChanged, Published, from_json
from callscribe.outlet import OutletError
from callscribe.terminal import JsonLines, ViewClosed

SOURCE = Path(__file__).parent.parent.parent / "src"


def test_one_object_a_line_and_flushed() -> None:
    class Counting(io.BytesIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    out = Counting()
    view = JsonLines(out)
    events: list[AnyEvent] = [
        CallStarted(call="CA1", from_="+15005550010"),
        LagChanged(call="CA1", leg="CA1", track="inbound", lag_ms=1500),
    ]
    for number, event in enumerate(events):
        view.show(Published(number, event))
        assert out.flushes == number + 1
    lines = out.getvalue().split(b"\n")
    assert lines.pop() == b""
    assert [from_json(line) for line in lines] == events
    assert msgspec.json.decode(lines[0])["from"] == "+15005550010"


def test_a_reader_that_leaves_ends_the_view() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as file:
        view = JsonLines(file)
        for _ in range(2):
            with pytest.raises(ViewClosed):
                view.show(Published(1, CallStarted(call="CA1")))


def test_no_complaint_at_exit_when_the_pipe_is_broken() -> None:
    code = (
        "import sys; from callscribe.events import *; from callscribe.terminal import *\n"
        "view = JsonLines(sys.stdout.buffer)\n"
        "try:\n"
        "    while True: view.show(Published(1, CallStarted(call='CA1')))\n"
        "except ViewClosed: sys.exit(7)\n"
    )
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "$CODE" | head -n 1; echo "${{PIPESTATUS[0]}}"'],
        env={**os.environ, "CODE": code, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "7"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_explained() -> None:
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        lines = JsonLines(full)
        with pytest.raises(OutletError, match="No space left"):
            lines.show(Published(1, CallStarted(call="CA1")))
        with pytest.raises(ViewClosed):
            lines.show(Published(2, CallStarted(call="CA1")))
