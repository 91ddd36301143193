"""The figures of a run as Markdown and as a plot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers.measure import RANKING, ROUNDS, TOP, Figures
from benchmarks.peers.texts import JUDGED_EACH

OWN = ("waypost", RANKING)
GIVEN = "-ours"
ORANGE, BLUE, GREY = "#E69F00", "#0072B2", "#555555"
"""Of Okabe and Ito's colours, which people with any colour vision tell apart."""

TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was measured on what."""

    passages: int
    languages: int
    timed: int
    judged: int
    digest: str
    threads: int
    sample: int
    cosine: str
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A stack as documented, and given our encoder; Waypost has the same in both."""

    label: str
    index: str
    documented: Figures | None
    given: Figures | None


def table(rows: Sequence[Figures], about: About) -> str:
    """Return the whole report."""
    return "\n".join([*_heading(rows, about), "", *_summary(rows), "", *_costs(rows, about), "", *_notes(about), ""])


def _heading(rows: Sequence[Figures], about: About) -> list[str]:
    loads = [load for row in rows for load in row.load]
    return [
        "<!-- Written by `make benchmark-peers`. -->",
        f"{datetime.now(UTC):%Y-%m-%d}, {about.machine}, {about.threads} threads, load {min(loads):.1f}-{max(loads):.1f}.",
        f"{about.passages:,} passages in {about.languages} languages (digest `{about.digest}`).",
        f"Time: question to the texts of the first {TOP}, {about.timed} English and Arabic questions, {ROUNDS} rounds.",
        f"Quality: {about.judged} XQuAD questions, at most {JUDGED_EACH} a language.",
    ]


def _summary(rows: Sequence[Figures]) -> list[str]:
    lines = [
        "| | index | p50 / p95 ms<br>as documented | × | p50 / p95 ms<br>our encoder | × | MRR@10 / hit@5<br>as documented "
        "| MRR@10 / hit@5<br>our encoder |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    own = next((row.p50_ms for row in rows if row.name == OWN[0]), None)
    for pair in _pairs(rows):
        cells = [pair.label, pair.index]
        for figures in (pair.documented, pair.given):
            cells += [
                f"{figures.p50_ms:.1f} / {figures.p95_ms:.1f}" if figures else "",
                f"{figures.p50_ms / own:.1f}" if figures and own else "",
            ]
        for figures in (pair.documented, pair.given):
            is_ranking_only = figures is not None and figures.name == OWN[1]
            cells.append(f"{figures.mrr:.3f} / {figures.hit:.3f}" if figures and not is_ranking_only else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _costs(rows: Sequence[Figures], about: About) -> list[str]:
    lines = [
        f"| | encoder | processor ms a question | build, passages/s | load s | add {about.passages:,} s | memory MB "
        "| change one, ms | then save, s | load average |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        missed = "" if row.updates_found == row.updates else f" ({row.updates_found} of {row.updates} found)"
        cells = [
            row.label, row.encoder, f"{row.cpu_ms:.1f}", "" if row.build_rate is None else f"{row.build_rate:.0f}",
            f"{row.load_s:.1f}", f"{row.add_s:.1f}", f"{row.rss_mb:.0f}",
            "" if row.update_ms is None else f"{row.update_ms:,.0f}{missed}", f"{row.save_s:.1f}" if row.save_s >= 0.05 else "",
            f"{row.load[0]:.1f}-{row.load[1]:.1f}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _notes(about: About) -> list[str]:
    return [
        "- *×*: times as long as Waypost with its rows.",
        f"- Weights: those of our encoder in float32; cosine to its vectors {about.cosine}.",
        "- The vectors of passages are the same for all, made by our encoder.",
        "- Waypost is told the language of a question, which its understanding detects before; it asks two encoders and words.",
        "- A hit is any window of the paragraph the question was written for, in any of XQuAD's languages.",
        f"- *build*: {about.sample} passages from text to an index, embedded by the row's encoder. *add*: with vectors given.",
        "- *change one*: a passage replaced, until a question finds the new text. Waypost has then committed it and written a",
        "  new index; the others hold it in memory until *save*. Chroma's client here keeps nothing.",
    ]


def _pairs(rows: Sequence[Figures]) -> list[_Pair]:
    by_name = {row.name: row for row in rows}
    pairs = []
    for name in dict.fromkeys(row.name.removesuffix(GIVEN) for row in rows):
        documented, given = by_name.get(name), by_name.get(name + GIVEN)
        if name in OWN:
            documented, given = None, by_name[name]
        known = documented or given
        assert known is not None
        pairs.append(_Pair(label=known.label, index=known.index, documented=documented, given=given))
    return pairs


def plot(rows: Sequence[Figures], about: About, path: Path) -> None:
    """Write an SVG of two panels: time a question, and MRR@10."""
    matplotlib = import_module("matplotlib")
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "waypost", "font.family": "sans-serif", "font.size": 10})
    pyplot = import_module("matplotlib.pyplot")
    pairs = _pairs(rows)
    figure, (times, quality) = pyplot.subplots(
        1, 2, sharey=True, figsize=(10, 1.2 + 0.62 * len(pairs)), width_ratios=(3, 2), layout="constrained"
    )
    _draw_times(times, pairs)
    _draw_quality(quality, pairs)
    times.set_yticks(range(len(pairs)), [_two_lines(pair) for pair in pairs])
    times.invert_yaxis()
    handles = [matplotlib.patches.Patch(color=color) for color in (ORANGE, BLUE)]
    figure.legend(
        handles, ["as documented (torch)", "given Waypost's encoder"], loc="outside upper right", ncols=2, frameon=False
    )
    figure.suptitle(f"From a question to the first {TOP} of {about.passages:,} passages", x=0.01, ha="left", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    pyplot.close(figure)


def _two_lines(pair: _Pair) -> str:
    return f"{pair.label}\n{pair.index}"


def _draw_times(axes: Any, pairs: Sequence[_Pair]) -> None:
    for place, pair in enumerate(pairs):
        both = [(pair.documented, ORANGE), (pair.given, BLUE)]
        drawn = [(figures, color) for figures, color in both if figures]
        height = 0.8 / 2
        for number, (figures, color) in enumerate(drawn):
            at = place + (number - (len(drawn) - 1) / 2) * height
            axes.barh(at, figures.p50_ms, height=height * 0.92, color=color)
            axes.text(figures.p50_ms * 1.06, at, f"{figures.p50_ms:.1f}", va="center", fontsize=9)
    axes.set_xscale("log")
    longest = max(figures.p50_ms for pair in pairs for figures in (pair.documented, pair.given) if figures)
    axes.set_xlim(1, max(longest, 10) * 2)
    axes.set_xticks([tick for tick in TICKS if tick <= longest * 2], labels=[str(tick) for tick in TICKS if tick <= longest * 2])
    axes.minorticks_off()
    axes.set_xlabel("median ms a question, log scale")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_quality(axes: Any, pairs: Sequence[_Pair]) -> None:
    for place, pair in enumerate(pairs):
        for figures, color, marker, shift in ((pair.documented, ORANGE, "o", -0.16), (pair.given, BLUE, "D", 0.16)):
            if figures is None or figures.name == OWN[1]:
                continue
            at = place + (shift if pair.documented and pair.given else 0)
            axes.plot(figures.mrr, at, marker, color=color, markersize=7)
            axes.text(figures.mrr, at, f"   {figures.mrr:.3f}", va="center", fontsize=9)
    axes.hlines(range(len(pairs)), *axes.get_xlim(), color=GREY, linewidth=0.3, zorder=0)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + (high - low) * 0.25)
    axes.set_xlabel("MRR@10 (axis not from 0)")
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def processor() -> str:
    """Return the processor's name as Linux gives it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor")
