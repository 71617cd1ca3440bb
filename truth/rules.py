# SPDX-License-Identifier: Apache-2.0
"""Rules: every delivered line's set of rules, as the loader reports them (first hit and overlaps), against those planted."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rempart.adapters import package_data
from rempart.ingest.report import IngestReport, Reconciliation
from truth.house import Planted
from truth.scores import Score

AREA = "rules"
# Table of the truth → delivered tables in which each of its lines stands once.
TABLES: Mapping[str, Sequence[str]] = {
    "claims": ("ER_PRS_F", "NS_PRS_F"),
    "drugs": ("ER_PHA_F", "NS_PHA_F"),
    "hospital_drugs": ("ER_UCD_F", "NS_UCD_F"),
    "claim_acts": ("ER_CAM_F", "NS_CAM_F"),
    "labs": ("ER_BIO_F", "NS_BIO_F"),
    "devices": ("ER_TIP_F", "NS_TIP_F"),
    "cards": ("IR_BEN_R", "IR_IBA_R"),
    "archived_cards": ("IR_BEN_R_ARC",),
    "conditions": ("IR_IMB_R",),
    "deaths": ("KI_CCI_R",),
    "mco_stays": ("T_MCOaaC",),
    "ace_stays": ("T_MCOaaCSTC",),
    "ssr_stays": ("T_SSRaaC",),
    "had_stays": ("T_HADaaC",),
    "rip_stays": ("T_RIPaaC",),
    "acts": ("T_MCOaaA",),
}
# Judged among the lines that no other rule drops: an anaesthetist's line stays when the surgeon's is dropped.
LAST = frozenset({"P10"})


def score_rules(planted: Planted, report: IngestReport) -> list[Score]:
    """Each table: lines, then lines by their first rule, then by every set of rules met together."""
    sheets = {sheet.table: sheet for sheet in report.reconciliation}
    active = [row["id"] for row in package_data.toml("ingest/cleaning.toml")["rules"] if _on(row)]
    scores: list[Score] = []
    for word, combinations in planted.truth["rules"].items():
        sheet = next((sheets[name] for name in TABLES[word] if name in sheets), None)
        if sheet is None and not sum(combinations.values()):
            continue
        if sheet is None:
            scores.append(Score(area=AREA, name=f"{word}: reported", expected="yes", found="no"))
            continue
        scores += _table(word, combinations, sheet, active)
    return scores


def _on(row: Mapping[str, object]) -> bool:
    return bool(row.get("default", row.get("on", True)))


def _table(word: str, combinations: Mapping[str, int], sheet: Reconciliation, active: Sequence[str]) -> list[Score]:
    planted = {rule for names in combinations for rule in names.split("+") if rule}
    judged = [rule for rule in active if rule in planted]
    expected = _projected({tuple(k.split("+")) if k else (): n for k, n in combinations.items()}, judged)
    found = _projected(_sets(sheet), judged)
    lines = sum(combinations.values())
    scores = [Score(area=AREA, name=f"{word}: lines", expected=lines, found=sheet.lines)]
    for rule in judged:
        name = f"{word}: first hit {rule}"
        scores.append(Score(area=AREA, name=name, expected=_first(expected, rule), found=_first(found, rule)))
    both = sorted({key for key in (*expected, *found) if len(key) > 1})
    for key in both:
        name = f"{word}: {' and '.join(key)} together"
        scores.append(Score(area=AREA, name=name, expected=expected[key], found=found[key]))
    return scores


def _sets(sheet: Reconciliation) -> dict[tuple[str, ...], int]:
    """Lines by the whole set of rules that they meet, from first hits and overlaps."""
    found: dict[tuple[str, ...], int] = dict(sheet.overlaps)
    for rule, count in sheet.dropped:
        alone = count - sum(n for key, n in sheet.overlaps if key[0] == rule)
        found[(rule,)] = found.get((rule,), 0) + alone
    found[()] = sheet.lines - sum(count for _, count in sheet.dropped)
    return found


def _projected(sets: Mapping[tuple[str, ...], int], judged: Sequence[str]) -> Counter[tuple[str, ...]]:
    """The same with the rules that are judged, in the declared order."""
    found: Counter[tuple[str, ...]] = Counter()
    for key, count in sets.items():
        met = tuple(rule for rule in judged if rule in key)
        found[met if len(met) == 1 else tuple(rule for rule in met if rule not in LAST)] += count
    return found


def _first(sets: Mapping[tuple[str, ...], int], rule: str) -> int:
    return sum(count for key, count in sets.items() if key and key[0] == rule)
