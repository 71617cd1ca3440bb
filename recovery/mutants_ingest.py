# SPDX-License-Identifier: Apache-2.0
"""Shortcuts of the ingest: each edits one text that the package reads its SQL or rules from. Only the whole way sees them."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from rempart.adapters import package_data

_READ = package_data.text
_OF = re.compile(r'(?m)^id = "P(1|2|3|4|5|6|7|9|11)"$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """``change``: in force while the block runs."""

    about: str
    change: Callable[[], AbstractContextManager[Any]]


def _edited(path: str, of: Callable[[str], str]) -> Callable[[], AbstractContextManager[Any]]:
    """A data file of the package reads as ``of`` makes it, which must differ."""

    def text(asked: str) -> str:
        found = _READ(asked)
        if asked != path:
            return found
        made = of(found)
        if made == found:
            raise RuntimeError(f"{path} is written otherwise now")
        return made

    return lambda: patch.object(package_data, "text", text)


def _put(old: str, new: str) -> Callable[[str], str]:
    return lambda found: found.replace(old, new)


def _without_hospital_filters(found: str) -> str:
    """Every rule that sets stays aside drops nothing."""
    pieces = re.split(r"(?m)^(?=\[\[rules\]\])", found)
    return "".join(_idle(piece) if _OF.search(piece) else piece for piece in pieces)


def _idle(rule: str) -> str:
    """One expression, or one a table, below [rules.drop]."""
    if "[rules.drop]" not in rule:
        return re.sub(r'(?m)^drop = ".*"$', 'drop = "false"', rule)
    head, tail = rule.split("[rules.drop]")
    return head + "[rules.drop]" + re.sub(r'(?ms)^([a-z_]+) = (?:"{3}.*?"{3}|"[^\n]*")$', r'\1 = "false"', tail)


_LAST = (
    "FROM (SELECT * REPLACE (arg_max(value, first_day) OVER (PARTITION BY person_no) AS value) "
    "FROM context_spell WHERE what = 'commune') AS spell"
)
_CONTACT = "closes.last_day, contact.last_day"

INGEST: Mapping[str, Edit] = {
    "negatives-not-netted": Edit(
        about="cancelled and corrected lines are not set off against what they cancel",
        change=_edited(
            "ingest/sql/net_claim.sql",
            _put("sum(CAST(round(quantity * 10000)", "max(CAST(round(quantity * 10000)"),
        ),
    ),
    "pseudonym-for-person": Edit(
        about="each pseudonym of a card is a person",
        change=_edited("ingest/sql/gross_cards.sql", _put("BEN_IDT_ANO AS person", "BEN_NIR_PSA AS person")),
    ),
    "hospital-filters-off": Edit(
        about="stays of rejected, ungrouped and duplicate records count",
        change=_edited("ingest/cleaning.toml", _without_hospital_filters),
    ),
    "last-address-delivered": Edit(
        about="the last commune stands for the whole of the residence",
        change=_edited("ingest/sql/context_residence.sql", _put("FROM context_spell AS spell", _LAST)),
    ),
    "last-visit-delivered": Edit(
        about="observation ends with the last contact",
        change=_edited("ingest/sql/context_observation.sql", _put("closes.last_day ${end_option}", _CONTACT)),
    ),
    "prescription-date": Edit(
        about="a dispensing is dated by its prescription",
        change=_edited(
            "ingest/sql/omop_drug_exposure.sql",
            _put("day AS drug_exposure_start_date", "coalesce(prescribed, day) AS drug_exposure_start_date"),
        ),
    ),
}
