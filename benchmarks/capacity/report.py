"""The figures as Markdown and as a picture."""

# ruff: noqa: E501 - sentences of the report

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.capacity.stairs import Climb, Stair
from benchmarks.capacity.systems import ROOT

PAGE = ROOT / "docs" / "capacity.md"
PICTURE = ROOT / "docs" / "images" / "capacity.png"
CLIMBS = ("tutorial", "callscribe", "free", "network", "reader")


SOON_S = 2.0
"""How soon the second reader's words are to come."""
SILENT = {
    "free": "The recogniser costs nothing and hears nothing; all that comes before it is done, voice activity included.",
    "network": "Nothing looks at the sound: it is taken in, put in its place, queued, and fetched from the queue.",
}


def climb_of(plain: Mapping[str, Any]) -> Climb:
    """A climb as it was kept."""
    rows: list[dict[str, Any]] = [
        {key: tuple(kept) if isinstance(kept, list) else kept for key, kept in row.items()}
        for row in plain["stairs"]
    ]
    stairs = tuple(Stair(**row) for row in rows)
    return Climb(plain["name"], plain["start_s"], stairs, plain["look_ahead_s"])


def write(done: Mapping[str, Any], bound_s: float) -> str:
    """Writes page and picture; returns the page's table of capacities."""
    climbs = {name: climb_of(done[name]) for name in CLIMBS if name in done}
    table = _capacities(done, climbs, bound_s)
    about = done["about"]
    short = (
        "This is the short form (`--quick`): short stairs, fewer calls, a smaller record. Take the ratios, and them with care."
        if about["form"] == "quick"
        else "Machines differ: take the ratios."
    )
    parts = [
        "# How many calls a core holds",
        "",
        f"Measured by `make bench` on {about['date']} with {about['source']} ({about['minutes']:.0f} minutes), server and "
        f"load on the same machine, each on a core of its own. One-track streams in real time; a track is one direction "
        f"of one call. {short}",
        "",
        *_rule(done, bound_s),
        *table,
        "",
        *_circumstances(done, climbs),
        *_aims(done, climbs, bound_s),
    ]
    sections: list[tuple[str, Callable[[Any], list[str]]]] = [
        ("shares", _shares), ("twice", _overload), ("ten", _overload), ("soak", _soak), ("costs", _costs),
        ("path", _path), ("start", _start), ("fan", _fan), ("catching", _catching), ("rows", _rows),
    ]  # fmt: skip
    for name, draw in sections:
        if name in done:
            parts += [*draw(done[name]), ""]
    for name, climb in climbs.items():
        parts += [f"## Stairs: {climb.name}", "", *_stairs(climb), ""]
        if name == "reader":
            parts += [_better(climb), ""]
        if name in SILENT:
            parts += [f"{SILENT[name]} No words are heard, so none are timed.", ""]
    missing = [
        name
        for name in ("unloaded", "alone", *CLIMBS, *(name for name, _ in sections))
        if name not in done
    ]
    if missing:
        parts += [f"Not measured this time: {', '.join(missing)}.", ""]
    parts += ["![Processor share and delays](images/capacity.png)", ""]
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    if climbs:
        _draw(climbs, bound_s)
    return "\n".join(table)


def _rule(done: Mapping[str, Any], bound_s: float) -> list[str]:
    """When a system counts as keeping up: one rule for all."""
    found = done.get("unloaded")
    if not found:
        return []
    alone, product = (
        " / ".join(f"{v:.2f}" for v in found[f"{name}_s"]) for name in ("alone", "product")
    )
    return [
        f"The recogniser alone, given every 20 ms frame as soon as it is spoken and taking no time to decode, shows a word "
        f"{alone} s after its end (50 / 95 / 99 %): it looks ahead, and makes up its mind late. A system holds a load as "
        f"long as 95 % of the words are shown within {found['alone_s'][1]:.2f} + {bound_s:g} s and no audio is lost; the "
        f"bound is the same for all. (From the network's look-ahead alone, 0.22 s, the bound would be "
        f"{0.22 + bound_s:.2f} s, which the recogniser {'passes' if found['alone_s'][1] > 0.22 + bound_s else 'keeps'} with no load at all.) "
        f"Words that count were said, by the calls' transcripts, and the recogniser alone hears them right; a word is "
        f"shown when that very word is on the screen.",
        "",
        f"Counted in the same way, without load or cost, callscribe's decoder shows a word after {product} s. Of "
        f"{found['right']} words it shows {found['product_shown']}, the recogniser alone {found['alone_shown']}; of "
        f"{found['words']} words said in {found['channels']} whole channels, {100 * found['product_errors']:.1f} % are "
        f"wrong, left out or too many, {100 * found['alone_errors']:.1f} % when everything is decoded.",
        "",
    ]


def _circumstances(done: Mapping[str, Any], climbs: Mapping[str, Climb]) -> list[str]:
    """The machine, and what else it did."""
    others = [s.others for climb in climbs.values() for s in climb.stairs]
    commits = sorted({part["commit"] for part in done.get("measured", {}).values()})
    said = [f"Machine: {done['about']['machine']}."] if "machine" in done["about"] else []
    if others:
        said.append(
            f"Other processes took {max(others):.0%} of the server's core at most, {sum(others) / len(others):.0%} on average."
        )
    if commits:
        said.append(f"Measured at {', '.join(commits)}.")
    return [" ".join(said), ""] if said else []


def _capacities(done: Mapping[str, Any], climbs: Mapping[str, Climb], bound_s: float) -> list[str]:
    held = {name: climb.capacity(bound_s) for name, climb in climbs.items()}
    table = [
        "| | tracks a core | to the tutorials' loop | to the recogniser alone |",
        "|---|---:|---:|---:|",
    ]
    alone = done.get("alone")
    raw = 1 / alone if alone else None
    if raw is not None:
        table.append(
            f"| the recogniser alone, as fast as it goes ({alone:.4f} processor seconds a second) | {raw:.0f} | "
            f"{_ratio(raw, held.get('tutorial'))} | 1 |"
        )
    for name, climb in climbs.items():
        table.append(
            f"| {climb.name} | {held[name]:.0f} | {_ratio(held[name], held.get('tutorial'))} "
            f"| {_ratio(held[name], raw)} |"
        )
    return table


def _aims(done: Mapping[str, Any], climbs: Mapping[str, Climb], bound_s: float) -> list[str]:
    """What we set out to reach, and whether it is."""
    rows: list[tuple[str, str, bool]] = []
    held = {name: climb.capacity(bound_s) for name, climb in climbs.items()}
    ours, theirs = held.get("callscribe"), held.get("tutorial")
    if ours and theirs:
        rows.append(("6x the tutorials' loop", f"{ours / theirs:.1f}x", ours >= 6 * theirs))
    if ours and done.get("alone"):
        ratio = ours * done["alone"]
        rows.append(("2.5x the recogniser alone", f"{ratio:.1f}x", ratio >= 2.5))
    for name, words in (
        ("free", "with a free recogniser"),
        ("network", "on the network path alone"),
    ):
        if name in held:
            rows.append((f"500 tracks a core {words}", f"{held[name]:.0f}", held[name] >= 500))
    if "unloaded" in done:
        more = 100 * (done["unloaded"]["product_errors"] - done["unloaded"]["alone_errors"])
        rows.append(
            (
                "word errors within 0.5 points of decoding everything",
                f"{more:+.1f} points",
                more <= 0.5,
            )
        )
    costs = {row["name"]: row for row in done.get("costs", ())}
    if "two-way calls" in costs:
        row = costs["two-way calls"]
        call = (row["memory_mb"] - row["empty_mb"]) / max(1, row["tracks"] // 2)
        rows.append(("at most 8 MB more a two-track call", f"{call:.1f} MB", call <= 8))
    if "soak" in done:
        leak, soak = _slope(done["soak"]), done["soak"]
        rows.append(
            (
                f"no leak over {soak['calls']:,} calls",
                f"{leak * 1000:+.1f} MB in 1,000 calls",
                abs(leak) * 1000 < 3,
            )
        )
        even = soak["ended"] == soak["calls"] and abs(soak["sent_s"] - soak["heard_s"]) < 0.01
        rows.append(
            (
                "every second accounted for",
                f"{soak['sent_s']:.0f} s sent, {soak['heard_s']:.0f} s heard",
                even,
            )
        )
    for name, words in (
        ("twice", "twice the capacity"),
        ("ten", "ten times the capacity, by admission"),
    ):
        if name in done:
            found = done[name]
            well = (
                found["lost_s"] == 0 and found["closed"] == 0 and found["ended"] == found["streams"]
            )
            said = f"{found['lost_s']:.1f} s lost, {found['closed']} sockets closed, {found['ended']} of {found['streams']} streams to the end"
            rows.append((f"{words}: nothing lost", said, well))
    if "shares" in done:
        stairs = climb_of(done["shares"]).stairs
        if len(stairs) > 2:
            late = stairs[2].final[1]
            rows.append(
                (
                    "final within 0.9 s of the end of speech at 75 % load (95 %)",
                    f"{late:.2f} s",
                    late <= 0.9,
                )
            )
    if "reader" in climbs:
        climb = climbs["reader"]
        soon = [
            s.tracks // 2
            for s in climb.stairs
            if climb.holds(s, bound_s) and 0 < s.revised[1] <= SOON_S
        ]
        rows.append(
            (
                f"4 two-way calls a core read within {SOON_S:g} s of the end of speech (95 %)",
                f"{max(soon, default=0)}",
                max(soon, default=0) >= 4,
            )
        )
    if "catching" in done:
        found = done["catching"]
        read = found["settled"] == found["calls"]
        for spent, words in (
            (found["cpu_all_s"] - found["cpu_first_s"], "for the second reading"),
            (found["cpu_all_s"], "for both readings"),
        ):
            rate = found["audio_s"] / max(spent, 1e-9)
            rows.append(
                (
                    f"15 s of two-way call a processor second when catching up, {words}",
                    f"{rate:.1f} s" if read else "not all read in time",
                    read and rate >= 15,
                )
            )
    if not rows:
        return []
    table = ["| aim | measured | |", "|---|---|---|"]
    table += [
        f"| {aim} | {found} | {'reached' if well else 'not reached'} |" for aim, found, well in rows
    ]
    return ["## Aims", "", *table, ""]


def _ratio(one: float | None, other: float | None) -> str:
    return f"{one / other:.1f}x" if one and other else ""


def _slope(soak: Mapping[str, Any]) -> float:
    """MB a call, from the third tenth on: before that, caches fill."""
    memory, step = soak["memory_mb"][2:], soak["calls"] / max(1, len(soak["memory_mb"]))
    if len(memory) < 2:
        return 0.0
    import numpy as np

    return float(np.polyfit(np.arange(len(memory)) * step, memory, 1)[0])


def _stairs(climb: Climb, first: Sequence[str] = ()) -> list[str]:
    rows = [
        f"| {'share | ' if first else ''}tracks | core | words shown | spoken -> shown, s (50 / 95 / 99 %) | end of speech -> final, s | memory, MB | lost, ms |",
        f"|{'---|' if first else ''}---:|---:|---:|---:|---:|---:|---:|",
    ]
    for n, s in enumerate(climb.stairs):
        shown = " / ".join(f"{v:.2f}" for v in s.partial) if s.words else "-"
        words = f"{s.words} of {s.said}" if s.words else "-"
        final = " / ".join(f"{v:.2f}" for v in s.final) if s.words else "-"
        share = f"| {first[n] if n < len(first) else ''} " if first else ""
        rows.append(
            f"{share}| {s.tracks} | {s.cpu:.0%} | {words} | {shown} | {final} | {s.memory_mb:.0f} | {s.lost_ms} |"
        )
    return rows


def _better(climb: Climb) -> str:
    """When the second reader's words came."""
    told = [
        f"{' / '.join(f'{v:.1f}' for v in s.revised)} s with {s.tracks // 2} calls"
        for s in climb.stairs
        if s.revised[0]
    ]
    return f"The second reader's words came, counted from the end of speech, after (50 / 95 / 99 %) {', '.join(told) or '-'}."


def _shares(found: Any) -> list[str]:
    return [
        "## At a quarter, half, three quarters and all of it",
        "",
        *_stairs(climb_of(found), ("25 %", "50 %", "75 %", "100 %")),
    ]


def _overload(found: Any) -> list[str]:
    return [
        f"## {found['times']:.0f} times as much, for {found['seconds']:.0f} s",
        "",
        f"{found['tracks']} tracks: {found['sent_s']:.0f} s of audio sent, {found['heard_s']:.0f} s accepted, "
        f"{found['lost_s']:.1f} s lost, {found['closed']} sockets closed. {found['waited']} tracks waited for room; those "
        f"with a place were at most {found['worst_lag_s']:.1f} s behind. {found['ended']} of {found['streams']} streams were "
        f"transcribed to the end ({found['finals']} finals), the last {found['recovery_s']:.0f} s after the calls' end.",
    ]


def _soak(found: Any) -> list[str]:
    memory = ", ".join(f"{mb:.0f}" for mb in found["memory_mb"])
    files = ", ".join(map(str, found["open_files"]))
    return [
        f"## {found['calls']:,} calls at {found['speed']:.0f}x",
        "",
        f"Calls of {found['call_s']:.0f} s, ten at a time, {found['seconds']:.0f} s together. Memory after each tenth of "
        f"them, MB: {memory} ({1000 * _slope(found):+.1f} MB in 1,000 calls from the third on). Open files: {files}. "
        f"{found['sent_s']:.1f} s of audio sent, {found['heard_s']:.1f} s accepted, {found['lost_s']:.1f} s lost, "
        f"{found['ended']} calls transcribed to the end.",
    ]


def _costs(found: Any) -> list[str]:
    rows = [
        "## Processes, threads, recording",
        "",
        "| | tracks | core | memory empty, MB | memory at work, MB | MB a track | open files |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in found:
        each = (row["memory_mb"] - row["empty_mb"]) / max(1, row["tracks"])
        rows.append(
            f"| {row['name']} | {row['tracks']} | {row['cpu']:.0%} | {row['empty_mb']:.0f} | {row['memory_mb']:.0f} "
            f"| {each:.1f} | {row['files']} |"
        )
    return rows


def _start(found: Any) -> list[str]:
    return [
        "## Start-up",
        "",
        f"Ready after {found['first']:.1f} s the first time, when the capacity is measured ({found['tracks']:.0f} tracks "
        f"on this core), and after {found['second']:.1f} s from then on.",
    ]


def _path(found: Any) -> list[str]:
    rows = [
        "## The two ends of the path",
        "",
        "Ten one-track streams and ten pages, server and viewers on both cores: from a media message to the recogniser, which is given 240 ms at a time, "
        "and from a final's publishing, flushed to the disk, to a screen (`make bench-path`).",
        "",
        "| | ms (50 / 95 / 99 %) |",
        "|---|---:|",
    ]
    rows += [
        f"| {what} | {' / '.join(f'{1000 * v:.1f}' for v in delay)} |"
        for what, delay in found.items()
    ]
    return rows


def _fan(found: Any) -> list[str]:
    rows = [
        "## Viewers",
        "",
        "Eight tracks; every viewer gets every final. (A server takes a thousand connections at most, calls included.) From the server's own output to a viewer:",
        "",
        "| viewers | connected | delay, s (50 / 95 % / worst) | core |",
        "|---:|---:|---:|---:|",
    ]
    for row in found:
        delay = " / ".join(f"{v:.3f}" for v in row["delay_s"])
        rows.append(f"| {row['viewers']} | {row['connected']} | {delay} | {row['cpu']:.0%} |")
    return rows


def _catching(found: Any) -> list[str]:
    return [
        "## The second reader, catching up",
        "",
        f"{found['calls']} two-way calls, {found['audio_s']:.0f} s together, {found.get('speed', 1):.0f} times as fast as "
        "people speak, so that little can be read before they are over, on one core for both readers: "
        f"{found['settled']} of them read to the end {found['seconds']:.0f} s after they were over, with "
        f"{found['cpu_s']:.0f} processor seconds after their end and {found['cpu_all_s']:.0f} in all; without a second reader "
        f"the same calls took {found['cpu_first_s']:.0f}.",
    ]


def _rows(found: Any) -> list[str]:
    return [
        f"## A record of {found['rows']:,} utterances",
        "",
        f"{found['bytes'] / 1e6:.0f} MB on disk. Finals written a second, in batches of a hundred: {found['first_rate']:.0f} "
        f"while it is small, {found['last_rate']:.0f} at the end. The newest hundred calls: {found['list_ms']:.1f} ms; a call "
        f"of a hundred utterances, whole: {found['call_ms']:.1f} ms; a search for two words: {found['search_ms']:.1f} ms. `make bench-search` measures a record of 100,000 calls.",
    ]


def _draw(climbs: Mapping[str, Climb], bound_s: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), dpi=110)
    for number, (name, climb) in enumerate(climbs.items()):
        tracks, colour = [s.tracks for s in climb.stairs], f"C{number}"
        left.plot(
            tracks, [100 * s.cpu for s in climb.stairs], marker="o", color=colour, label=climb.name
        )
        if name not in SILENT:
            right.plot(tracks, [s.partial[1] for s in climb.stairs], marker="o", color=colour)
    right.axhline(
        next(iter(climbs.values())).look_ahead_s + bound_s,
        color="grey",
        linestyle="--",
        linewidth=1,
    )
    # Both scales logarithmic: a cost that is linear in the tracks is a line at 45 degrees.
    left.set(xlabel="tracks", ylabel="% of the core", xscale="log", yscale="log", ylim=(1, 130))
    left.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    left.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    right.set(xlabel="tracks", ylabel="spoken -> shown, s (95 %)", ylim=(0, 3))
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE)
    pyplot.close(figure)
