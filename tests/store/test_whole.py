"""A whole call brought in at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec

from callscribe.records import CallFilter
from callscribe.store.sqlite import SqliteStore
from tests.exports.test_exports import CALL, EVENTS


def test_it_is_the_record_that_its_events_would_have_made_one_by_one(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "one") as one, SqliteStore.open(tmp_path / "other") as other:
        one.append(EVENTS)
        other.prepare(EVENTS)()
        records = [msgspec.to_builtins(store.call(CALL)) for store in (one, other)]
        assert records[0] == records[1]
        assert one.events_after(0) == other.events_after(0)
        for store in (one, other):
            while store.index_new():
                pass
        name = one.calls()[0].speakers[0]
        word = records[0]["utterances"][0]["text"].split()[0].strip(".,?!")
        for wanted in (CallFilter(), CallFilter(person=name), CallFilter(person="nobody")):
            assert one.search(word, wanted) == other.search(word, wanted)
            assert one.list_calls(wanted) == other.list_calls(wanted)
        assert one.search(word).hits


def test_a_kill_leaves_all_or_nothing(tmp_path: Path) -> None:
    program = """
        import os, signal, sys
        from pathlib import Path
        from sqlalchemy import event
        from callscribe.store.sqlite import SqliteStore
        from tests.exports.test_exports import EVENTS

        with SqliteStore.open(Path(sys.argv[1])) as store:
            bring_in = store.prepare(EVENTS)
            left = int(sys.argv[2])
            def before(*_):
                global left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            event.listen(store._engine, "before_cursor_execute", before)
            bring_in()
            os.kill(os.getpid(), signal.SIGKILL)
        """
    for statements in (3, 8, 1000):
        data = tmp_path / str(statements)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), str(data), str(statements)],
            env=environment,
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL
        with SqliteStore.open(data) as store:
            there = store.call(CALL) is not None
            assert there == (statements == 1000)
            assert len(store.events_after(0)) == (len(EVENTS) if there else 0)
            if not there:
                store.prepare(EVENTS)()
            assert store.call(CALL) is not None
