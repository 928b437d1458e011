"""The figures as Markdown and as a picture."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.capacity.stairs import Climb
from benchmarks.capacity.systems import ROOT

PAGE = ROOT / "docs" / "capacity.md"
PICTURE = ROOT / "docs" / "images" / "capacity.png"


def write(source: str, alone: float | None, climbs: Mapping[str, Climb], bound_s: float) -> str:
    """Writes page and picture; returns the page's table of capacities."""
    held = {name: climb.capacity(bound_s) for name, climb in climbs.items()}
    table = [
        "| | tracks a core | to the tutorials' loop | to the recogniser alone |",
        "|---|---:|---:|---:|",
    ]
    raw = 1 / alone if alone else None
    if raw is not None and alone is not None:
        table.append(
            f"| the recogniser alone, as fast as it goes ({alone:.4f} processor seconds a second) | {raw:.0f} | "
            f"{_ratio(raw, held.get('tutorial'))} | 1 |"
        )
    for name, climb in climbs.items():
        table.append(
            f"| {climb.name} | {held[name]:.0f} | {_ratio(held[name], held.get('tutorial'))} "
            f"| {_ratio(held[name], raw)} |"
        )
    parts = [
        "# How many calls a core holds",
        "",
        f"Measured by `make bench` with {source}, server and load on the same machine, each on a core of its own.",
        "One-track streams in real time; a track is one direction of one call. A system holds a load as long as 95 %",
        f"of the words are shown at most {bound_s:g} s later than by the recogniser's own look-ahead, and no audio is",
        "lost. Machines differ: take the ratios.",
        "",
        *table,
        "",
    ]
    for name, climb in climbs.items():
        parts += [
            f"## {climb.name}",
            "",
            f"Ready {climb.start_s:.1f} s after its start.",
            "",
            *_stairs(climb),
            "",
        ]
        if name == "network":
            parts += [
                "The recogniser costs nothing here and hears nothing, so there are no words; what is measured is the",
                "path from socket to queue.",
                "",
            ]
    parts += ["![Processor share and delays](images/capacity.png)", ""]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    _draw(climbs, bound_s)
    return "\n".join(table)


def _ratio(one: float | None, other: float | None) -> str:
    return f"{one / other:.1f}x" if one and other else ""


def _stairs(climb: Climb) -> list[str]:
    rows = [
        "| tracks | core | spoken -> shown, s (50 / 95 / 99 %) | spoken -> final, s | memory, MB | lost, ms |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for s in climb.stairs:
        shown = " / ".join(f"{v:.2f}" for v in s.partial) if s.words else "-"
        final = " / ".join(f"{v:.2f}" for v in s.final) if s.words else "-"
        rows.append(
            f"| {s.tracks} | {s.cpu:.0%} | {shown} | {final} | {s.memory_mb:.0f} | {s.lost_ms} |"
        )
    return rows


def _draw(climbs: Mapping[str, Climb], bound_s: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), dpi=110)
    for name, climb in climbs.items():
        tracks = [s.tracks for s in climb.stairs]
        left.plot(tracks, [100 * s.cpu for s in climb.stairs], marker="o", label=climb.name)
        if name != "network":
            right.plot(tracks, [s.partial[1] for s in climb.stairs], marker="o", label=climb.name)
    ahead = max((c.look_ahead_s for c in climbs.values()), default=0.0)
    right.axhline(ahead + bound_s, color="grey", linestyle="--", linewidth=1)
    left.set(xlabel="tracks", ylabel="% of the core", xscale="log", ylim=(0, 105))
    right.set(xlabel="tracks", ylabel="spoken -> shown, s (95 %)", ylim=(0, 3))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE)
