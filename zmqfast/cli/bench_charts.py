"""Charts of a result: one PNG, and one HTML page that carries it."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

from zmqfast.cli import bench_run
from zmqfast.cli.bench_cases import Case


def write_page(result: dict[str, Any], chosen: list[Case], page: Path) -> None:
    """Write the page, and its picture beside it under the same name with .png."""
    picture = page.with_suffix(".png")
    draw(result, chosen, picture)
    encoded = base64.b64encode(picture.read_bytes()).decode()
    data = html.escape(json.dumps(result, indent=1))
    page.write_text(f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>zmqfast: benchmark</title></head>
<body><h1>zmqfast: benchmark</h1>
<img alt="Ratios, zmqfast to each other library" src="data:image/png;base64,{encoded}">
<details><summary>The measured values</summary><pre>{data}</pre></details>
</body></html>
""", encoding="utf-8")


def draw(result: dict[str, Any], chosen: list[Case], picture: Path) -> None:
    """One bar for each ratio, on a logarithmic axis; 1 is as fast as the other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    others = [name for name in result["versions"] if name != "zmqfast"]
    figure = Figure(figsize=(11, 1.5 + 0.16 * len(chosen) * max(1, len(others))), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    height = 0.8 / max(1, len(others))
    for index, name in enumerate(others):
        found = [(place, bench_run.ratio(case, result["values"][case.name], name)) for place, case in enumerate(chosen)]
        bars = [(place + index * height, ratio) for place, ratio in found if ratio]
        axes.barh([place for place, _ in bars], [ratio for _, ratio in bars], height, label=f"÷ {name}")
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(chosen))], [case.title for case in chosen])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("zmqfast ÷ other, median of the rounds")
    if others:
        axes.legend()
    figure.savefig(picture, dpi=100)
