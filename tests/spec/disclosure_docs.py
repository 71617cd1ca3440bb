# SPDX-License-Identifier: Apache-2.0
"""Writes the generated parts of three pages of docs: ``PYTHONPATH=src python -m tests.spec.disclosure_docs``."""

import re
from pathlib import Path

from rempart.disclosure.rules_table import files_table, rules_table
from rempart.release.states import diagram, state_table
from tests.disclosure_rows import RULES, toml

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {
    "disclosure.md": rules_table(RULES),
    "files.md": files_table(toml("disclosure/files.toml")),
    "release.md": diagram(state_table(toml("release/states.toml"))),
}


def with_generated(page: str, text: str) -> str:
    """``text`` with its generated part replaced by what the data files say."""
    marked = re.compile(r"(<!-- generated -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}\n{PAGES[page]}\n{found[2]}", text)


if __name__ == "__main__":
    for name in PAGES:
        path = DOCS / name
        path.write_text(with_generated(name, path.read_text(encoding="utf-8")), encoding="utf-8")
