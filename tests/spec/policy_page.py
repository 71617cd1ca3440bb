# SPDX-License-Identifier: Apache-2.0
"""The table of the policy's fields on docs/operate.md, written from ``records/policy.toml``: ``python -m tests.spec.policy_page``."""

from pathlib import Path

from rempart.adapters.package_data import toml
from rempart.records.policy import form_of

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"
BEGIN, END = "<!-- generated: policy -->\n", "<!-- end -->"


def table() -> str:
    """One line a field."""
    lines = ["| field | meaning | default | may be | source |", "|---|---|---|---|---|"]
    for name, rule in form_of(toml("records/policy.toml")).items():
        default = ", ".join(rule["default"]) if isinstance(rule["default"], list) else str(rule["default"]).lower()
        may = ", ".join(rule.get("choices", ())) or _bounds(rule) or rule["kind"]
        lines.append(f"| `{name}` | {rule['about']['en']} | {default or '-'} | {may} | {rule['source']} |")
    return "\n".join(lines) + "\n"


def _bounds(rule: dict[str, object]) -> str:
    if "floor" not in rule:
        return ""
    usual, hard = f"{rule['least']} – {rule['most']}", f"{rule['floor']} – {rule['ceiling']}"
    return usual if usual == hard else f"{usual}; with a reason {hard}"


def written(page: str) -> str:
    """The page with its table made anew."""
    head, _, rest = page.partition(BEGIN)
    return head + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
