"""Charts of a result, drawn with matplotlib."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from zmqfast.cli.benchmark import latency, tables
from zmqfast.cli.benchmark.cases import Case, in_words
from zmqfast.cli.benchmark.curves import BATCHED, CURVES, Curve
from zmqfast.cli.benchmark.result import Point, Result

# A library has one colour in every chart; the palette is Okabe and Ito's, which colour-blind readers can tell apart.
COLOURS = {"zmqfast": "#d55e00", BATCHED: "#d55e00", "pyzmq": "#0072b2", "c": "#000000", "pyomq": "#009e73",
           "pynng": "#cc79a7", "zenoh": "#e69f00", "pipe": "#56b4e9", "queue": "#999999"}
MARKERS = {"zmqfast": "o", BATCHED: "s", "pyzmq": "o", "c": "D", "pyomq": "^", "pynng": "v", "zenoh": "P", "pipe": "X",
           "queue": "*"}
DPI = 110
GREY = "#888888"


def charts(result: Result, chosen: Sequence[Case]) -> Iterator[tuple[str, str, Figure]]:
    """Each with its name and its title, as far as the result has something to draw."""
    others = [name for name in result.others() if any(result.ratio(case, name) for case in chosen)]
    if others:
        yield "ratios", "How many times faster zmqfast is", draw_ratios(result, chosen, others)
    if any(result.latency.values()):
        yield "latency", "Latency of a round trip", draw_latency(result)
    for curve in CURVES:
        lines = {library: [point for point in points if point.rates]
                 for library, points in result.curves.get(curve.name, {}).items()}
        lines = {library: points for library, points in lines.items() if points}
        if lines:
            yield curve.name, curve.title, draw_curve(curve, lines)


def save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=DPI, metadata={"Software": None})


def new_figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw_ratios(result: Result, chosen: Sequence[Case], others: Sequence[str]) -> Figure:
    """A mark for each ratio, a line from the least to the greatest of the rounds, on a logarithmic axis."""
    shown = [case for case in chosen if any(result.ratio(case, name) for name in others)]
    figure = new_figure(10.5, 1.4 + 0.29 * (len(shown) + len({case.group for case in shown})))
    axes = figure.add_subplot()
    ticks: list[tuple[float, str]] = []
    place, group = 0.0, ""
    for case in shown:
        if case.group != group:
            group = case.group
            axes.text(0.004, place, group, transform=axes.get_yaxis_transform(), va="center", weight="bold", fontsize=9,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
            place += 1
        ticks.append((place, case.title + (" (cost)" if case.at_most else "")))
        for index, name in enumerate(others):
            ratios = result.ratios(case, name)
            if ratios:
                height = place + 0.5 * ((index + 0.5) / len(others) - 0.5)
                axes.plot([min(ratios), max(ratios)], [height, height], color=COLOURS[name], linewidth=1.2, alpha=0.6)
                axes.plot(statistics.median(ratios), height, MARKERS[name], color=COLOURS[name], markersize=5)
                if name in case.targets:
                    axes.plot(case.targets[name], height, "|", color=COLOURS[name], markersize=9, markeredgewidth=1.4)
        place += 1
    for name in others:
        axes.plot([], [], MARKERS[name], color=COLOURS[name], label=f"÷ {tables.name_of(name)}")
    axes.plot([], [], "|", color=GREY, markersize=9, markeredgewidth=1.4, label="target")
    axes.set_yticks([height for height, _ in ticks], [text for _, text in ticks], fontsize=8.5)
    axes.set_ylim(place - 0.3, -0.7)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.axvline(1, color="black", linewidth=0.9)
    axes.grid(axis="x", which="both", alpha=0.25, linewidth=0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("zmqfast ÷ other: right of 1 zmqfast is faster; (cost): left of 1 it takes less")
    figure.legend(loc="outside upper center", ncols=5, frameon=False, fontsize=9)
    bare(axes)
    return figure


def draw_latency(result: Result) -> Figure:
    """Microseconds over percentiles, a panel for each transport."""
    transports = [transport for transport, found in result.latency.items() if found]
    figure = new_figure(5.3 * len(transports), 4)
    for panel, transport in zip(figure.subplots(1, len(transports), squeeze=False, sharey=True)[0], transports):
        for library, found in result.latency[transport].items():
            percentiles, microseconds = latency.line(found)
            panel.plot([1 / (1 - percentile / 100) for percentile in percentiles], microseconds, color=COLOURS[library],
                       linewidth=width_of(library), label=tables.name_of(library))
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xticks([2, 10, 100, 1000], ["50 %", "90 %", "99 %", "99.9 %"])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlim(2, 1200)
        panel.set_title(f"REQ-REP round trip, {transport}, 16 B", fontsize=10)
        panel.set_xlabel("of round trips take at most")
        finish(panel, "µs")
    share_legend(figure)
    return figure


def draw_curve(curve: Curve, lines: dict[str, list[Point]]) -> Figure:
    """Messages per second, and memory beside; over the size of a message also bytes per second."""
    kinds = ["rate", "bandwidth", "memory"] if curve.grows == "size" else ["rate", "memory"]
    if not any(point.resident for points in lines.values() for point in points):
        kinds.remove("memory")
    figure = new_figure(4.3 * len(kinds), 3.9)
    figure.suptitle(curve.title, fontsize=11)
    for panel, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds):
        for library, points in lines.items():
            style = {"color": COLOURS[library], "linestyle": "--" if library == BATCHED else "-", "marker": MARKERS[library],
                     "linewidth": width_of(library), "markersize": 4}
            if kind == "memory":
                shown = [(point.at, point.memory() / 2**20) for point in points if point.resident]
            else:
                shown = [(point.at, point.rate() * (point.at / 1e6 if kind == "bandwidth" else 1)) for point in points]
                spread = [(point.at, min(point.rates), max(point.rates)) for point in points]
                if kind == "rate":
                    panel.fill_between(*zip(*spread), color=COLOURS[library], alpha=0.12, linewidth=0)
            panel.plot(*zip(*shown), label=tables.name_of(library), **style)
        panel.set_xscale("log", base=2 if curve.grows == "size" else 10)
        panel.set_yscale("log")
        if curve.grows == "size":
            panel.set_xticks([1, 64, 4096, 2**18, 2**24], [in_words(size) for size in (1, 64, 4096, 2**18, 2**24)])
        else:
            panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        panel.set_xlabel("size of a message" if curve.grows == "size" else curve.x)
        finish(panel, {"rate": curve.y, "bandwidth": "MB/s", "memory": "MiB in memory, both sides"}[kind])
    share_legend(figure)
    return figure


def width_of(library: str) -> float:
    return 2.2 if library in ("zmqfast", BATCHED) else 1.3


def finish(panel: Any, unit: str) -> None:
    panel.set_ylabel(unit)
    panel.yaxis.set_major_formatter(FuncFormatter(in_short))
    panel.yaxis.set_minor_formatter(NullFormatter())
    low, high = panel.get_ylim()
    if high / low < 1000:         # so that at least three ticks have a number
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.grid(which="major", alpha=0.3, linewidth=0.6)
    panel.tick_params(labelsize=8.5)
    bare(panel)


def in_short(value: float, _: object) -> str:
    """Of an axis: 20 k, 3 M."""
    for factor, letter in ((1e6, " M"), (1e3, " k")):
        if value >= factor:
            return f"{value / factor:g}{letter}"
    return f"{value:g}"


def bare(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def share_legend(figure: Figure) -> None:
    """One legend for all panels, below them."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            found.setdefault(label, handle)
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=min(8, len(found)), frameon=False,
                  fontsize=9)
