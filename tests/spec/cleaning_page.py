# SPDX-License-Identifier: Apache-2.0
"""The cases of the cleaning rules, and the page that shows them: docs/cleaning.md. ``python -m tests.spec.cleaning_page`` writes it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.delivery_reader import ingest_definitions
from tests.small_delivery import (
    OWN,
    TWIN,
    Tables,
    act,
    card,
    certificate,
    chain,
    claim,
    condition,
    diagnosis,
    pack,
    stay,
    whole,
)

Change = Callable[[Tables], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A change to the small delivery, and how many lines of ``table`` the rule then drops."""

    rule: str
    table: str
    words: str
    change: Change
    lines: int = 1

    def delivery(self) -> Tables:
        """The delivery with that change."""
        tables = whole()
        self.change(tables)
        return tables


def cell(file: str, row: int = 0, **changed: str) -> Change:
    """Change cells of one line."""
    return lambda tables: tables[file][row].update(changed)


def line(file: str, *rows: dict[str, str]) -> Change:
    """Add lines to a file."""
    return lambda tables: tables.setdefault(file, []).extend(rows)


PRS, PHA = "ER_PRS_F_201503", "ER_PHA_F_201503"
HIDDEN = "750100018"


def _hide(tables: Tables) -> None:
    tables["T_MCO15C"].append(chain(ETA_NUM=HIDDEN))
    tables["T_MCO15B"].append(stay(ETA_NUM=HIDDEN))


def _later(tables: Tables) -> None:
    for letter in "ABCD":
        tables[f"T_MCO18{letter}"] = tables.pop(f"T_MCO15{letter}")
    for letter in "ABCD":
        for row in tables[f"T_MCO18{letter}"]:
            row["ETA_NUM"] = HIDDEN


def _twins(tables: Tables) -> None:
    tables["IR_BEN_R"].append(card(BEN_RNG_GEM="02", BEN_IDT_ANO="NNNNNNNNNNNNNNNN2", BEN_NIR_ANO="NNNNNNNNNNNNNNNN2"))


def _cancel(tables: Tables) -> None:
    tables[PRS].append(claim(3, PRS_NAT_REF="3313", BSE_PRS_NAT="3313"))
    tables[PHA].append(pack(3, PHA_ACT_QSN="-1"))


def _cancel_under_another_card(tables: Tables) -> None:
    _cancel(tables)
    tables["IR_BEN_R"].append(card(BEN_NIR_PSA=TWIN))
    tables[PRS][-1]["BEN_NIR_PSA"] = TWIN


def _direct(tables: Tables) -> None:
    tables["ER_ETE_F_201503"] = [{k: v for k, v in pack(1).items() if not k.startswith("PHA")} | {"ETE_IND_TAA": "1"}]


_ANOTHER = certificate(DCD_IDT_ENC="Y" * 64)

CASES = (
    Case(rule="B1", table="IR_BEN_R", words="a card twice, the second not certified", change=line("IR_BEN_R", card(BEN_IDT_TOP="0"))),
    Case(rule="B2", table="IR_BEN_R", words="kind of identity 01", change=line("IR_BEN_R", card(BEN_NIR_PSA=TWIN, BEN_CDI_NIR="01"))),
    Case(rule="B3", table="IR_BEN_R", words="sex 9", change=line("IR_BEN_R", card(BEN_NIR_PSA=TWIN, BEN_SEX_COD="9"))),
    Case(rule="B4", table="IR_BEN_R", words="year of birth 1600", change=line("IR_BEN_R", card(BEN_NIR_PSA=TWIN, BEN_NAI_ANN="1600"))),
    Case(rule="B5", table="IR_BEN_R", words="no person key", change=line("IR_BEN_R", card(BEN_NIR_PSA=TWIN, BEN_IDT_ANO=""))),
    Case(rule="K1", table="ER_PRS_F", words="the same nine keys twice", change=line(PRS, claim(1))),
    Case(rule="K1", table="ER_PHA_F", words="the same nine keys and rank twice", change=line(PHA, pack(2))),
    Case(rule="D1", table="ER_PRS_F", words="expense qualifier 71", change=cell(PRS, DPN_QLF="71")),
    Case(rule="D1", table="ER_PRS_F", words="service qualifier 72, the other empty", change=cell(PRS, DPN_QLF="", PRS_DPN_QLP="72")),
    Case(rule="D1", table="ER_PHA_F", words="the main line is information-only", change=cell(PRS, 1, DPN_QLF="71")),
    Case(rule="D2", table="ER_PRS_F", words="a facility line says direct billing", change=_direct),
    Case(rule="D3", table="ER_PRS_F", words="nature 0", change=cell(PRS, BSE_PRS_NAT="0")),
    Case(rule="D4", table="ER_PRS_F", words="surcharge mark 2 on a consultation", change=cell(PRS, CPL_MAJ_TOP="2")),
    Case(rule="T1", table="ER_PRS_F", words="care on 0001-01-01", change=cell(PRS, EXE_SOI_DTD="0001-01-01")),
    Case(rule="T1", table="ER_PHA_F", words="main line: care on 1600-01-01", change=cell(PRS, 1, EXE_SOI_DTD="1600-01-01")),
    Case(rule="V1", table="ER_PHA_F", words="no pack code", change=cell(PHA, PHA_PRS_C13="")),
    Case(rule="J1", table="ER_PHA_F", words="a drug line without main line", change=line(PHA, pack(9))),
    Case(rule="R1", table="ER_PRS_F", words="a card nobody has", change=cell(PRS, BEN_NIR_PSA=TWIN)),
    Case(rule="R1", table="ER_PRS_F", words="a twin rank nobody has", change=cell(PRS, BEN_RNG_GEM="2")),
    Case(rule="M1", table="ER_PRS_F", words="a nature without mapping", change=cell(PRS, PRS_NAT_REF="2211")),
    Case(rule="D5", table="ER_PHA_F", words="a line and the same with quantity -1", change=_cancel, lines=2),
    Case(rule="D5", table="ER_PHA_F", words="cancelled under the person's other card", change=_cancel_under_another_card, lines=2),
    Case(rule="D5", table="ER_PRS_F", words="a consultation taken back", change=line(PRS, claim(3, PRS_ACT_QTE="-1")), lines=2),
    Case(rule="P1", table="T_MCOaaB", words="the same stay under one of the 46 numbers", change=_hide),
    Case(rule="P2", table="T_MCOaaB", words="group 90Z00Z", change=cell("T_MCO15B", GRG_GHM="90Z00Z")),
    Case(rule="P3", table="T_MCOaaB", words="stay type B", change=cell("T_MCO15B", SEJ_TYP="B")),
    Case(rule="P4", table="T_MCOaaB", words="generated record 1", change=cell("T_MCO15B", TYP_GEN_RSA="1")),
    Case(rule="P5", table="T_MCOaaC", words="birth return code 4", change=cell("T_MCO15C", NAI_RET="4")),
    Case(rule="P5", table="T_MCOaaB", words="its chaining line has a bad return code", change=cell("T_MCO15C", COH_SEX_RET="1")),
    Case(rule="P5", table="T_MCOaaD", words="its stay has a bad return code", change=cell("T_MCO15C", SEJ_RET="1")),
    Case(rule="P6", table="T_MCOaaC", words="xxxxxxxxxxxxxxxxx", change=cell("T_MCO15C", NIR_ANO_17="x" * 17)),
    Case(rule="P6", table="T_MCOaaC", words="XXXXXXXXXXXXXXXXD", change=cell("T_MCO15C", NIR_ANO_17="X" * 16 + "D")),
    Case(rule="R1", table="T_MCOaaC", words="a pseudonym nobody has", change=cell("T_MCO15C", NIR_ANO_17=TWIN)),
    Case(rule="R2", table="T_MCOaaC", words="a pseudonym of two twins", change=_twins),
    Case(rule="J2", table="T_MCOaaB", words="a stay without chaining line", change=line("T_MCO15B", stay(RSA_NUM="8"))),
    Case(rule="J2", table="T_MCOaaC", words="a chaining line without stay", change=line("T_MCO15C", chain(RSA_NUM="8"))),
    Case(rule="K1", table="T_MCOaaB", words="a stay twice", change=line("T_MCO15B", stay())),
    Case(rule="J1", table="T_MCOaaD", words="a diagnosis without stay", change=line("T_MCO15D", diagnosis(RSA_NUM="9"))),
    Case(rule="K2", table="T_MCOaaD", words="the same diagnosis twice in a stay", change=line("T_MCO15D", diagnosis())),
    Case(rule="P9", table="T_MCOaaA", words="phase 2 of an act", change=line("T_MCO15A", act(PHA_ACT="2"))),
    Case(rule="P10", table="T_MCOaaA", words="the anaesthetist's line", change=line("T_MCO15A", act(ACV_ACT="4"))),
    Case(rule="A1", table="IR_IMB_R", words="ground 13, invalidity", change=cell("IR_IMB_R", IMB_ETM_NAT="13")),
    Case(rule="K2", table="IR_IMB_R", words="the same condition twice", change=line("IR_IMB_R", condition(IMB_ALD_DTF="2014-01-01"))),
    Case(rule="C1", table="KI_CCI_R", words="not linked", change=line("KI_CCI_R_2015", certificate(DCD_IDT_TOP="0", BEN_IDT_ANO=""))),
    Case(rule="K2", table="KI_CCI_R", words="a second certificate", change=line("KI_CCI_R_2015", certificate(), _ANOTHER)),
)  # fmt: skip

KEPT = (
    Case(rule="D1", table="ER_PRS_F", words="both qualifiers empty", change=cell(PRS, DPN_QLF="", PRS_DPN_QLP="")),
    Case(rule="D4", table="ER_PHA_F", words="a surcharge mark on a drug line", change=cell(PRS, 1, CPL_MAJ_TOP="2")),
    Case(rule="D4", table="ER_PRS_F", words="surcharge mark 1", change=cell(PRS, CPL_MAJ_TOP="1")),
    Case(rule="P1", table="T_MCOaaB", words="one of the 46 numbers after 2017", change=_later),
    Case(rule="P3", table="T_MCOaaB", words="stay type A", change=cell("T_MCO15B", SEJ_TYP="A")),
    Case(rule="R2", table="ER_PRS_F", words="a twin in claims, where the rank tells", change=_twins),
    Case(rule="R1", table="ER_PRS_F", words="a twin rank between spaces", change=cell(PRS, BEN_RNG_GEM=" 1 ")),
    Case(rule="R1", table="ER_PRS_F", words="a twin rank written 01", change=cell(PRS, BEN_RNG_GEM="01")),
    Case(rule="C1", table="KI_CCI_R", words=f"a linked certificate of {len(OWN)} characters", change=line("KI_CCI_R_2015", certificate())),
)  # fmt: skip


def page() -> str:
    """The page, from the rules' own data and the cases above."""
    known = ingest_definitions()
    names = {word: table.name for word, table in known.former.items()} | {"claim_lines": "ER_PRS_F, acts"}
    text = [
        "# The cleaning rules\n",
        "Written by `python -m tests.spec.cleaning_page` from `src/rempart/ingest/cleaning.toml` and the cases of",
        "`tests/spec/test_cleaning_rules.py`; a test compares. A line is counted under the first rule it meets, in this order;",
        "lines that meet several are shown as overlaps. For every table: lines in = lines kept + lines dropped.\n",
        "| rule | tables | what goes | ce qui part | said by |",
        "|---|---|---|---|---|",
    ]
    for rule in known.rules:
        tables = ", ".join(names.get(word, word) for word in rule.at)
        off = "" if rule.enabled else " (switched off)"
        text.append(f"| {rule.id}{off} | {tables} | {rule.words['en']} | {rule.words['fr']} | {rule.source} |")
    text += ["\n## The conditions\n"]
    for rule in known.rules:
        for condition_text in dict.fromkeys(rule.drop.values()):
            text += [f"**{rule.id}**\n", "```sql", condition_text, "```\n"]
    text += ["## Cases: dropped\n", "| rule | table | the small delivery, but | lines dropped |", "|---|---|---|---|"]
    text += [f"| {case.rule} | {case.table} | {case.words} | {case.lines} |" for case in CASES]
    text += ["\n## Cases: kept\n", "| not dropped by | table | the small delivery, but |", "|---|---|---|"]
    text += [f"| {case.rule} | {case.table} | {case.words} |" for case in KEPT]
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    target = Path(__file__).resolve().parents[2] / "docs" / "cleaning.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(page(), encoding="utf-8")
