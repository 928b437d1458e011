"""The layout's rules, held by parsing every module's imports."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from callscribe import events as vocabulary

SOURCE = Path(__file__).parent.parent / "src" / "callscribe"

# First match wins; more specific names come first. A module may import any lower ring, and its own package.
RINGS: list[tuple[str, int]] = [
    ("callscribe.events", 1),
    ("callscribe.errors", 1),
    ("callscribe.records", 1),
    ("callscribe.addresses", 2),
    ("callscribe.files", 2),
    ("callscribe.sealing", 2),
    ("callscribe.templating", 2),
    ("callscribe.audio", 2),
    *(
        (f"callscribe.carriers.twilio.{m}", 3)
        for m in ("account", "api", "client", "number", "transport")
    ),
    *((f"callscribe.carriers.twilio.{m}", 4) for m in ("paths", "probe", "routes", "socket")),
    ("callscribe.carriers", 2),
    ("callscribe.text", 2),
    ("callscribe.transcript", 2),
    ("callscribe.search", 2),
    ("callscribe.recognition.base", 2),
    ("callscribe.recognition.mel", 2),
    ("callscribe.recognition.spoken", 2),
    ("callscribe.recognition.windows", 2),
    ("callscribe.recognition.calibration", 2),
    ("callscribe.recognition", 3),
    ("callscribe.store.base", 2),
    ("callscribe.calls", 3),
    ("callscribe.speech", 3),
    ("callscribe.journal", 3),
    ("callscribe.store", 3),
    ("callscribe.models", 4),
    ("callscribe.tunnel", 3),
    ("callscribe.refusals", 3),
    ("callscribe.clients", 3),
    ("callscribe.metrics", 3),
    ("callscribe.outlet", 3),
    ("callscribe.reading", 5),
    ("callscribe.web", 4),
    ("callscribe.terminal", 4),
    ("callscribe.simulator", 4),
    ("callscribe.erasure", 3),
    ("callscribe.contacts", 3),
    ("callscribe.exports", 3),
    ("callscribe.recordings", 3),
    ("callscribe.upkeep", 4),
    ("callscribe.settings", 5),
    ("callscribe.server", 6),
    ("callscribe.cli", 7),
    ("callscribe.__main__", 8),
    ("callscribe", 1),
]

ONLY_HERE = {
    "vosk": ("callscribe.recognition.vosk",),
    "ctranslate2": ("callscribe.recognition.whisper",),
    "tokenizers": ("callscribe.recognition.whisper",),
    "cryptography": ("callscribe.sealing",),
    "jinja2": ("callscribe.templating",),
    "starlette": (
        "callscribe.web",
        "callscribe.carriers.twilio.paths",
        "callscribe.carriers.twilio.probe",
        "callscribe.carriers.twilio.routes",
        "callscribe.carriers.twilio.socket",
        "callscribe.simulator",
    ),
    "uvicorn": (
        "callscribe.web.front",
        "callscribe.web.listening",
        "callscribe.cli.reach",
        "callscribe.simulator",
    ),
    "sqlalchemy": ("callscribe.store",),
    "sqlite3": ("callscribe.store",),
    "alembic": ("callscribe.store",),
    "typer": ("callscribe.cli",),
    "pyngrok": ("callscribe.tunnel",),
    "phonenumbers": ("callscribe.transcript.numbers",),
    "obstore": ("callscribe.recordings.objects",),
    "soxr": ("callscribe.audio", "callscribe.simulator"),
}
"""Third-party packages and the only places that may import each; the simulator stands alone beside the product."""


def module_name(path: Path) -> str:
    parts = ["callscribe", *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ring(module: str) -> int:
    return next(r for prefix, r in RINGS if module == prefix or module.startswith(prefix + "."))


def package(module: str) -> str:
    return ".".join(module.split(".")[:2])


@functools.cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            assert node.module is not None
            for alias in node.names:
                candidate = SOURCE.parent.joinpath(*node.module.split("."), f"{alias.name}.py")
                found.add(f"{node.module}.{alias.name}" if candidate.exists() else node.module)
    return frozenset(found)


MODULES = sorted(p for p in SOURCE.rglob("*.py") if "migrations" not in p.parts)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_lower_rings(path: Path) -> None:
    module = module_name(path)
    for imported in imports(path):
        if not imported.startswith("callscribe"):
            continue
        same_package = package(imported) == package(module) != "callscribe"
        both_pure = ring(imported) <= 2 and ring(module) <= 2
        allowed = same_package or both_pure or ring(imported) < ring(module)
        assert allowed, f"{module} (ring {ring(module)}) imports {imported} (ring {ring(imported)})"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_package_is_imported_only_where_it_belongs(path: Path) -> None:
    module = module_name(path)
    for imported in imports(path):
        homes = ONLY_HERE.get(imported.split(".")[0])
        if homes is None:
            continue
        at_home = any(module == home or module.startswith(home + ".") for home in homes)
        assert at_home, f"{module} imports {imported}; only {', '.join(homes)} may"


def test_commands_print_by_the_outlet_alone() -> None:
    for path in MODULES:
        if module_name(path).startswith(("callscribe.cli", "callscribe.server")):
            calls = [
                n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)
            ]
            printing = [c for c in calls if isinstance(c, ast.Name) and c.id == "print"]
            assert not printing, f"{path}: use callscribe.outlet's say, tell or data"


def test_consoles_are_made_in_one_place() -> None:
    for path in MODULES:
        made = re.search(r"(?<!\w)Console\(", path.read_text(encoding="utf-8"))
        assert not made or module_name(path) == "callscribe.terminal.canvas", (
            f"{path}: make it by callscribe.terminal.canvas"
        )


def test_http_clients_are_made_in_one_place() -> None:
    for path in MODULES:
        if module_name(path) == "callscribe.clients" or within(
            module_name(path), "callscribe.simulator"
        ):
            continue
        made = re.findall(
            r"httpx\.(?:Async)?Client\(|httpx\.(?:get|post|stream)\(", path.read_text()
        )
        assert not made, f"{path}: make it by callscribe.clients"


def test_pure_code_reads_no_clock_and_does_no_io() -> None:
    forbidden = {"asyncio", "threading", "socket", "time", "httpx", "subprocess", "requests"}
    for path in MODULES:
        module = module_name(path)
        if ring(module) <= 2:
            tops = {name.split(".")[0] for name in imports(path)}
            assert not tops & forbidden, f"{module} is pure logic but imports {tops & forbidden}"


STORE_USERS = ("callscribe.store", "callscribe.server", "callscribe.cli")


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_only_who_opens_the_store_knows_more_than_its_protocols(path: Path) -> None:
    module = module_name(path)
    for imported in imports(path):
        if imported.startswith("callscribe.store") and imported != "callscribe.store.base":
            at_home = module.startswith(STORE_USERS)
            assert at_home, f"{module} imports {imported}; callscribe.store.base is what it needs"


def engine_modules() -> set[str]:
    """Modules of `recognition/` that end with an `ENGINE`."""
    return {
        module_name(path)
        for path in MODULES
        if module_name(path).startswith("callscribe.recognition.")
        and re.search(r"^ENGINE\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_engines_are_named_by_the_registry_alone() -> None:
    engines = engine_modules()
    assert "callscribe.recognition.vosk" in engines
    for path in MODULES:
        module = module_name(path)
        if module.startswith("callscribe.recognition."):
            continue
        named = {i for i in imports(path) for engine in engines if i.startswith(engine)}
        assert not named, f"{module} imports {named}; callscribe.recognition.registry gives models"


def outside(room: str) -> set[tuple[str, str]]:
    """(module of the room, what it imports of callscribe from other rooms)."""
    return {
        (module, imported)
        for path in MODULES
        if within(module := module_name(path), room)
        for imported in imports(path)
        if imported.startswith("callscribe.") and not within(imported, room)
    }


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


BESIDE = {"callscribe.errors"}
"""All that the simulated carrier knows of the product: it must find out by itself when the product is wrong."""


def test_the_simulator_stands_beside_the_product() -> None:
    for module, imported in outside("callscribe.simulator"):
        assert imported in BESIDE, f"{module} imports {imported}; the simulator knows {BESIDE}"
    for path in MODULES:
        module = module_name(path)
        if not module.startswith(("callscribe.simulator", "callscribe.cli")):
            users = {i for i in imports(path) if within(i, "callscribe.simulator")}
            assert not users, f"{module} imports {users}; only commands use the simulator"


WALLS: dict[str, tuple[str, ...]] = {
    "callscribe.audio": (),
    "callscribe.text": (),
    "callscribe.recognition": ("callscribe.audio",),
    "callscribe.speech": (
        "callscribe.audio",
        "callscribe.text",
        "callscribe.recognition.base",
        "callscribe.sealing",
        "callscribe.files",
    ),
    "callscribe.calls": ("callscribe.carriers.base",),
    "callscribe.carriers": ("callscribe.refusals", "callscribe.addresses", "callscribe.files"),
    "callscribe.journal": ("callscribe.store.base",),
    "callscribe.recordings": ("callscribe.audio",),
    "callscribe.exports": ("callscribe.transcript", "callscribe.templating"),
    "callscribe.transcript": ("callscribe.text",),
    "callscribe.terminal": ("callscribe.journal", "callscribe.transcript", "callscribe.outlet"),
}
"""Rooms with walls, and the only rooms that they may import beside their own and the vocabulary (ring 1). How a room
gets what it needs from the others: `server` hands it over, as something that fits a Protocol of the room's own."""


@pytest.mark.parametrize("room", WALLS)
def test_a_room_knows_only_its_neighbours(room: str) -> None:
    for module, imported in outside(room):
        allowed = ring(imported) == 1 or any(within(imported, near) for near in WALLS[room])
        assert allowed, f"{module} imports {imported}; {room} knows only {', '.join(WALLS[room])}"


PARTS = (
    "callscribe.calls.registry",
    "callscribe.carriers.twilio.account",
    "callscribe.carriers.twilio.routes",
    "callscribe.journal.journal",
    "callscribe.speech.session",
    "callscribe.web.app",
)
"""What a server is made of. Whoever imports one of them builds; the room it belongs to may do so too."""


@pytest.mark.parametrize("part", PARTS)
def test_only_the_server_joins(part: str) -> None:
    assert part in {module_name(path) for path in MODULES}
    for path in MODULES:
        module = module_name(path)
        if part in imports(path):
            at_home = within(module, "callscribe.server") or within(module, part.rpartition(".")[0])
            assert at_home, f"{module} imports {part}; only callscribe.server builds with it"


EVENTS = {
    name
    for name, kind in vars(vocabulary).items()
    if isinstance(kind, type) and issubclass(kind, vocabulary.Event)
}

MATCHERS = {
    "callscribe.reading.service": "the second reading",
    "callscribe.store.naming": "names that were saved after a call",
    "callscribe.store.projections": "the tables",
    "callscribe.transcript": "what people read",
}
"""The only modules that tell events apart by `match`: whoever adds an event has these to look at."""


def matches_events(path: Path) -> bool:
    """Whether a module tells more than two kinds of events apart."""
    kinds = {
        node.cls.id
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    }
    return len(kinds & EVENTS) > 2


def test_events_are_folded_in_few_places() -> None:
    found = {module_name(path) for path in MODULES if matches_events(path)}
    for module in found:
        assert any(within(module, home) for home in MATCHERS), f"{module} matches over events"
    for home in MATCHERS:
        assert any(within(module, home) for module in found), f"{home} no longer matches: strike it"


SHELL = {f"callscribe.calls.{module}" for module in ("registry", "feeds", "jobs", "interfaces")}
"""The only modules of `calls` that wait, read a clock or throw dice; the rest is a machine."""


def test_calls_are_a_machine_without_io_or_clock() -> None:
    forbidden = {"asyncio", "threading", "time", "random", "secrets", "structlog", "pathlib"}
    for path in MODULES:
        module = module_name(path)
        if within(module, "callscribe.calls") and module not in SHELL:
            tops = {name.split(".")[0] for name in imports(path)}
            assert not tops & forbidden, (
                f"{module} is part of the machine but uses {tops & forbidden}"
            )
            clock = re.search(r"\.(?:now|utcnow|today)\(", path.read_text(encoding="utf-8"))
            assert clock is None, f"{module} reads a clock"


TWILIO = re.compile(
    "call_?sid|stream_?sid|conference_?sid|parent_?call_?sid|callstatus|dialcallstatus|friendlyname"
    "|statuscallbackevent|participantlabel|sequencenumber|participant-(?:join|leave|mute)|stream-started"
    "|(?:both|inbound|outbound)_tracks?|status_?callback|x-twilio-signature|twiml",
    re.IGNORECASE,
)
"""Names of fields and words of Twilio's own."""
OURS = {"call_sid", "callsid", "conference_sid", "callstatus"}
"""Names of the vocabulary and of what people script against, older than other carriers."""


@functools.cache
def names_and_texts(path: Path) -> set[str]:
    """All that a module's code names or says, documentation left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docs:
                found.add(text)
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
            case ast.keyword(arg=str(name)):
                found.add(name)
    return found


def test_only_its_own_door_names_a_field_of_twilios() -> None:
    for path in MODULES:
        module = module_name(path)
        if within(module, "callscribe.carriers.twilio") or within(module, "callscribe.simulator"):
            continue
        named = {word for word in names_and_texts(path) if TWILIO.fullmatch(word)}
        named = {word for word in named if word.lower() not in OURS}
        assert not named, f"{module} names {named}; only carriers/twilio may"
