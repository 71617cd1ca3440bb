# SPDX-License-Identifier: Apache-2.0
"""A report as one HTML file: no script, no address to load, its own style; figures are pictures inside it. Escapes every text.

Says nothing of its own: words and blocks come from ``release/report.py``.
"""

import base64
from functools import cache

from jinja2 import Environment, StrictUndefined, Template

from rempart.adapters.package_data import text
from rempart.release.report_blocks import Report


def report_html(report: Report) -> bytes:
    """UTF-8 HTML, the same for the same report."""
    return _template().render(report=report, style=text("adapters/report.css")).encode()


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["picture"] = _picture
    return environment.from_string(text("adapters/report.html.jinja"))


def _picture(svg: str) -> str:
    """An SVG as an address that holds it: nothing in a picture can run or load anything."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
