"""The page of a result: tables and charts in one HTML file that needs no other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import jinja2
from matplotlib import rc_context
from matplotlib.figure import Figure

from zmqfast.cli.benchmark import charts, tables
from zmqfast.cli.benchmark.cases import Case
from zmqfast.cli.benchmark.curves import CURVES
from zmqfast.cli.benchmark.result import Result

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>zmqfast: benchmark of {{ result.machine.date }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid #ddd; padding-bottom: .3rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .7rem; text-align: right; border-bottom: 1px solid #eee; }
th:first-child, td:first-child { text-align: left; }
tr.group td { font-weight: 600; background: #f5f5f3; text-align: left; }
small { color: #777; white-space: nowrap; } .missed { color: #b00020; font-weight: 600; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; }
</style>
</head>
<body>
<h1>zmqfast: benchmark</h1>
<p>{% for line in conditions %}{{ line }}<br>{% endfor %}</p>
<p><b>{{ reached }} targets reached, {{ missed }} not reached.</b> A ratio says how many times faster zmqfast is than the
library at the head of its column: the median of the rounds. Beside it stands its target, red where it is not reached.</p>
{% for name, title, picture in pictures %}
<h2>{{ title }}</h2>
<div class="wide">{{ picture | safe }}</div>
{% if name == "ratios" %}
<div class="wide"><table>
<tr><th>case</th><th>zmqfast</th>{% for name in others %}<th>÷ {{ name }}</th>{% endfor %}</tr>
{% for row in rows %}
{% if loop.first or row.case.group != loop.previtem.case.group %}
<tr class="group"><td colspan="{{ others | length + 2 }}">{{ row.case.group }}</td></tr>
{% endif %}
<tr><td>{{ row.case.title }}{% if row.case.at_most %} (cost: less is better){% endif %}</td>
{% for cell in row.cells %}<td{% if cell.reached == false %} class="missed"{% endif %}>{{ cell.text }}
{% if cell.target %}<small>{{ cell.target }}</small>{% endif %}</td>{% endfor %}</tr>
{% endfor %}
</table></div>
{% elif name == "latency" %}
<table>
<tr>{% for word in latency_head %}<th>{{ word }}</th>{% endfor %}</tr>
{% for title, cells in latency %}<tr><td>{{ title }}</td>{% for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</table>
{% else %}
<div class="wide"><table>
<tr>{% for word in curves[name][0] %}<th>{{ word }}</th>{% endfor %}</tr>
{% for cells in curves[name][1] %}<tr>{% for cell in cells %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</table></div>
{% endif %}
{% endfor %}
</body>
</html>
"""


def write(result: Result, chosen: Sequence[Case], page: Path) -> list[Path]:
    """Write the page, and each chart beside it as PNG: bench.html, bench-ratios.png, …; says what was written."""
    written, pictures = [page], []
    for name, title, figure in charts.charts(result, chosen):
        file = page.with_name(f"{page.stem}-{name}.png")
        charts.save(figure, file)
        written.append(file)
        pictures.append((name, title, as_svg(figure)))
    others = result.others()
    reached, missed = tables.verdict_counts(result, chosen)
    template = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined).from_string(TEMPLATE)
    page.write_text(template.render(
        result=result, conditions=list(tables.conditions(result)), reached=reached, missed=missed, pictures=pictures,
        others=[tables.heading_of(name) for name in others], rows=list(tables.rows(result, chosen, others)),
        latency_head=tables.LATENCY_HEAD, latency=list(tables.latency_rows(result)),
        curves={curve.name: tables.curve_table(result, curve, ", ") for curve in CURVES}), encoding="utf-8")
    return written


def as_svg(figure: Figure) -> str:
    """The element alone, without the declaration that a file of its own begins with; its text is text."""
    text = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "zmqfast"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg"):]
