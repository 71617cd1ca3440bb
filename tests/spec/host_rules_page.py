# SPDX-License-Identifier: Apache-2.0
"""The cases of the table on hosts, and the generated part of docs/hosts.md: ``PYTHONPATH=src python -m tests.spec.host_rules_page``."""

import datetime
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rempart.hosts.rules import host_rules
from rempart.records.descriptor import HOST, Declaration
from rempart.records.descriptor_form import declaration_from

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ON = datetime.date(2026, 11, 22)


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "src" / "rempart" / "hosts" / name).read_text(encoding="utf-8"))


RULES = host_rules(_toml("rules.toml"), _toml("countries.toml"))
BASE: Mapping[str, Any] = {
    "schema": HOST,
    "name": "example",
    "operator": "Operator",
    "seat": "FR",
    "ownership": [{"holder": "Founder", "country": "FR", "share": 80}],
    "storage_countries": ["FR"],
    "access_countries": ["FR"],
    "laws": ["EU: GDPR", "FR"],
    "hds": {"activities": [1, 2, 3, 4, 5, 6], "until": "2028-06-30"},
    "secnumcloud": {"until": "2028-06-30"},
    "valid": ["2026-01-01", "2028-12-31"],
}
"""An operator in France, of French owners, certified and qualified: every other case is this one with a change."""
US_OWNER = {"holder": "Parent Inc.", "country": "US"}
Case = tuple[str, Mapping[str, Any], tuple[str, ...], str, tuple[str, ...]]
CASES: tuple[Case, ...] = (
    ("seat, owners, law, storage and access in France; HDS 1 to 6; SecNumCloud", {}, (), "everything", ()),
    (
        "the same without SecNumCloud (a note: art. 31 may bind the controller)",
        {"secnumcloud": None},
        (),
        "everything",
        ("secnumcloud-none",),
    ),
    (
        "a hospital's own machines: no certificate is asked of who hosts for itself",
        {"own": True, "hds": None, "secnumcloud": None, "ownership": []},
        (),
        "everything",
        (),
    ),
    ("storage in Norway (EEA)", {"storage_countries": ["NO"]}, (), "everything", ()),
    ("storage in the United States", {"storage_countries": ["US"]}, (), "nothing", ("storage-outside-eea",)),
    (
        "storage in Switzerland: adequate, and outside the EEA all the same",
        {"storage_countries": ["FR", "CH"]},
        (),
        "nothing",
        ("storage-outside-eea",),
    ),
    ("seat in Norway: in the EEA, not in the Union", {"seat": "NO"}, (), "ciphertext", ("seat-outside-eu",)),
    (
        "an Irish company wholly owned by one in the United States, which names the laws that reach it",
        {
            "seat": "IE",
            "ownership": [{**US_OWNER, "share": 100}],
            "laws": ["EU: GDPR", "IE", "US: CLOUD Act; FISA 702"],
        },
        (),
        "ciphertext",
        ("law-outside-eu", "owner-above-individual", "owners-above-collective"),
    ),
    (
        "the same, reached by staff in the United States, under adequacy",
        {
            "seat": "IE",
            "ownership": [{**US_OWNER, "share": 100}],
            "laws": ["IE", "US"],
            "access_countries": ["IE", "US"],
        },
        (),
        "ciphertext",
        ("law-outside-eu", "access-outside-eu", "owner-above-individual", "owners-above-collective"),
    ),
    (
        "the same, without eu-us-adequacy",
        {
            "seat": "IE",
            "ownership": [{**US_OWNER, "share": 100}],
            "laws": ["IE", "US"],
            "access_countries": ["IE", "US"],
        },
        ("eu-us-adequacy",),
        "nothing",
        (
            "transfer-without-basis",
            "law-outside-eu",
            "access-outside-eu",
            "owner-above-individual",
            "owners-above-collective",
        ),
    ),
    (
        "the same, without eu-us-adequacy, with an instrument of GDPR art. 46: ciphertext is what makes it effective",
        {
            "seat": "IE",
            "ownership": [{**US_OWNER, "share": 100}],
            "laws": ["IE", "US"],
            "access_countries": ["IE", "US"],
            "safeguards": ["US"],
        },
        ("eu-us-adequacy",),
        "ciphertext",
        ("law-outside-eu", "access-outside-eu", "owner-above-individual", "owners-above-collective"),
    ),
    (
        "24 % held by one entity outside the Union",
        {"ownership": [{**US_OWNER, "share": 24}, {"holder": "Founder", "country": "FR", "share": 76}]},
        (),
        "everything",
        (),
    ),
    (
        "24.01 % held by one entity outside the Union",
        {"ownership": [{**US_OWNER, "share": "24.01"}, {"holder": "Founder", "country": "FR", "share": "75.99"}]},
        (),
        "ciphertext",
        ("owner-above-individual",),
    ),
    (
        "two entities outside the Union hold 20 % each: 40 % together",
        {
            "ownership": [
                {**US_OWNER, "share": 20},
                {"holder": "Fund", "country": "GB", "share": 20},
                {"holder": "Founder", "country": "FR", "share": 60},
            ]
        },
        (),
        "ciphertext",
        ("owners-above-collective",),
    ),
    (
        "nobody says who owns it: not shown to be held within the Union",
        {"ownership": []},
        (),
        "ciphertext",
        ("owners-above-collective",),
    ),
    (
        "5 % with a veto, held outside the Union",
        {"ownership": [{**US_OWNER, "share": 5, "veto": True}, {"holder": "Founder", "country": "FR", "share": 80}]},
        (),
        "ciphertext",
        ("owner-veto",),
    ),
    (
        "remote access from the United Kingdom (adequate)",
        {"access_countries": ["FR", "GB"]},
        (),
        "ciphertext",
        ("access-outside-eu",),
    ),
    (
        "remote access from India, without any instrument",
        {"access_countries": ["FR", "IN"]},
        (),
        "nothing",
        ("transfer-without-basis", "access-outside-eu"),
    ),
    (
        "a subprocessor in the United States, under adequacy",
        {"subprocessors": [{"name": "Support Inc.", "country": "US"}]},
        (),
        "ciphertext",
        ("subprocessor-outside-eu",),
    ),
    (
        "a subprocessor in India, without any instrument",
        {"subprocessors": [{"name": "Support Ltd.", "country": "IN"}]},
        (),
        "nothing",
        ("transfer-without-basis", "subprocessor-outside-eu"),
    ),
    (
        "certified for storage, not for running applications",
        {"hds": {"activities": [1, 2, 3, 6], "until": "2028-06-30"}},
        (),
        "ciphertext",
        ("hds-compute",),
    ),
    ("no HDS certificate", {"hds": None}, (), "nothing", ("hds-storage", "hds-compute")),
    (
        "an HDS certificate that ended yesterday",
        {"hds": {"activities": [1, 2, 3, 4, 5, 6], "until": "2026-11-21"}},
        (),
        "nothing",
        ("hds-storage", "hds-compute"),
    ),
    (
        "an authorisation of three years that ended",
        {"authorisations": [{"name": "CNIL, three years", "until": "2026-11-21"}]},
        (),
        "nothing",
        ("authorisation-ended",),
    ),
    (
        "a declaration that is no longer valid",
        {"valid": ["2025-01-01", "2026-11-21"]},
        (),
        "nothing",
        ("declaration-not-valid",),
    ),
)


def case(change: Mapping[str, Any]) -> Declaration:
    """The base case with a change."""
    return declaration_from({**BASE, **change}, schema=HOST, file="case")


def base(**change: Any) -> Declaration:
    """The base case with a change."""
    return case(change)


def page() -> str:
    """The generated part: the rules, then the cases, as two tables."""
    rules = ["| rule | a host or node | else it may hold | text | how the text was read |", "|---|---|---|---|---|"]
    rules += [f"| `{r.id}` | {r.demands['en']} | {r.effect} | {r.cites} | {r.sure['en']} |" for r in RULES.rules]
    cases = ["| declared | may hold | by rule |", "|---|---|---|"]
    cases += [
        f"| {title} | **{profile}** | {', '.join(f'`{r}`' for r in rules)} |" for title, _, _, profile, rules in CASES
    ]
    head = f"Rules of {RULES.date}; cases judged on {ON.isoformat()}."
    return "\n".join([head, "", *rules, "", *cases, ""])


def with_generated(text: str) -> str:
    """The page with its generated part replaced by what the rules and cases say."""
    marked = re.compile(r"(<!-- generated -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda found: f"{found[1]}\n{page()}\n{found[2]}", text)


if __name__ == "__main__":
    path = DOCS / "hosts.md"
    path.write_text(with_generated(path.read_text(encoding="utf-8")), encoding="utf-8")
