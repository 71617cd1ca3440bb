# SPDX-License-Identifier: Apache-2.0
"""Smallest delivered lines that meet each cleaning rule, and lines that only look like it: for a reader who knows the SNDS, not the code.

Each case is a base unit, in which no line meets a rule, with one change; values are in canonical form, as the reader gives them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.gross_units import Cell

Row = dict[str, Cell]
Rows = dict[str, list[Row]]

PSA, OWN = "AAAAAAAAAAAAAAAA1", "NNNNNNNNNNNNNNNN1"
_CODES = "NIR_RET NAI_RET SEX_RET SEJ_RET FHO_RET PMS_RET DAT_RET COH_NAI_RET COH_SEX_RET".split()
FINE: Row = dict.fromkeys(_CODES, "0")
ACE_FINE: Row = dict.fromkeys("NIR_RET NAI_RET SEX_RET IAS_RET ENT_DAT_RET".split(), "0")
KEY: Row = {
    "FLX_DIS_DTD": "2015-03-01", "FLX_TRT_DTD": "2015-03-01", "FLX_EMT_TYP": "1", "FLX_EMT_NUM": "10", "FLX_EMT_ORD": "1",
    "ORG_CLE_NUM": "01C751000", "DCT_ORD_NUM": "17", "REM_TYP_AFF": "1",
}  # fmt: skip
CARD: Row = {"BEN_NIR_PSA": PSA, "BEN_RNG_GEM": "01"}
STAY: Row = {"ETA_NUM": "010009991", "RSA_NUM": "0000000007"}
INVOICE: Row = {"ETA_NUM": "010009991", "SEQ_NUM": "00000007"}
REHAB: Row = {"ETA_NUM": "010009991", "RHA_NUM": "0000007"}
HOME: Row = {"ETA_NUM_EPMSI": "010009991", "RHAD_NUM": "00007"}
SEQUENCE: Row = HOME | {"SEQ_NUM": "0001", "SSEQ_NUM": "0001"}
PSYCHIATRY: Row = {"ETA_NUM_EPMSI": "010009991", "RIP_NUM": "000007"}
CONTACT: Row = {"ETA_NUM_EPMSI": "010009991", "ORD_NUM": "00000001", "SEJ_IDT": "00007"}
ENTERED: Row = {"NIR_ANO_17": PSA, "EXE_SOI_DTD": "2015-05-02", "EXE_SOI_DTF": "2015-05-06"}


def line(number: int, **changed: Cell) -> Row:
    """A consultation in ER_PRS_F."""
    return KEY | CARD | {
        "PRS_ORD_NUM": f"{number:08d}", "EXE_SOI_DTD": "2015-02-10", "PRS_NAT_REF": "1111", "BSE_PRS_NAT": "1111", "CPL_MAJ_TOP": "0",
        "DPN_QLF": "00", "PRS_ACT_QTE": 1, "PRS_PAI_MNT": 25, "BSE_REM_MNT": 17, "RGO_REM_TAU": 65,
    } | changed  # fmt: skip


def detail(number: int, **changed: Cell) -> Row:
    """A detail of the line of that number."""
    return KEY | {"PRS_ORD_NUM": f"{number:08d}"} | changed


def base(product: str) -> Rows:
    """A unit in which no line meets a rule."""
    pack: Row = {"PHA_ORD_NUM": "1", "PHA_PRS_C13": "3400935563248", "PHA_ACT_QSN": 1, "PHA_ACT_PRU": 22.17}
    return {
        "dcir": {
            "claims": [line(1), line(2, PRS_NAT_REF="3313"), line(3, PRS_NAT_REF="1321", PRS_ACT_QTE=1)],
            "drugs": [detail(2, **pack)],
            "claim_acts": [detail(3, CAM_ORD_NUM="1", CAM_PRS_IDE="JDFA001", CAM_ACT_COD="1", CAM_TRT_PHA="0", CAM_ACT_PRU=20)],
            "facility_lines": [detail(3, ETB_EXE_FIN="01000999", ETE_IND_TAA="0")],
        },
        "cards": {
            "beneficiaries": [CARD | {"BEN_IDT_ANO": OWN, "BEN_IDT_TOP": "1", "BEN_CDI_NIR": "00", "BEN_NAI_ANN": 1950, "BEN_SEX_COD": "2"}]
        },
        "conditions": {"conditions": [CARD | {"IMB_ALD_DTD": "2010-01-01", "IMB_ETM_NAT": "41", "MED_MTF_COD": "E11"}]},
        "maternity": {"maternity": [CARD | {"BEN_GRS_DTE": "2015-01-01"}]},
        "doses": {"doses": [CARD | {"VAC_DAT": "2021-05-03", "VAC_RNG": 1, "VAC_PRD": "COM"}]},
        "deaths": {
            "deaths": [{"DCD_IDT_ENC": "X", "DCD_IDT_TOP": "1", "BEN_IDT_ANO": OWN, "BEN_DCD_DTE": "2015-11-20", "DCD_CIM_COD": "C679"}],
            "causes": [{"DCD_IDT_ENC": "X", "DCD_IDT_TOP": "1", "BEN_IDT_ANO": OWN, "ECD_CIM_COD": "C679", "CER_LIG_NUM": 1}],
        },
        "mco": {
            "mco_chaining": [STAY | FINE | ENTERED],
            "mco_stays": [STAY | {"DGN_PAL": "C679", "GRG_GHM": "11C021", "GHS_NUM": "4101", "TYP_GEN_RSA": "0", "ENT_MOD": "8"}],
            "mco_acts": [STAY | {"CDC_ACT": "JDFA001", "ENT_DAT_DEL": 1, "PHA_ACT": "0", "ACV_ACT": "1"}],
            "mco_diagnoses": [STAY | {"ASS_DGN": "I10"}],
            "ace_chaining": [INVOICE | ACE_FINE | ENTERED],
            "ace_invoices": [INVOICE | {"HON_MNT": 23}],
            "ace_services": [INVOICE | {"ACT_COD": "ATU", "ACT_NBR": 1}],
            "ace_acts": [INVOICE | {"CCAM_COD": "JDQE001", "PHA_ACT": "0"}],
        },
        "ssr": {
            "ssr_chaining": [REHAB | FINE | ENTERED],
            "ssr_weeks": [REHAB | {"RHS_NUM": "001", "GRG_GME": "0147A0", "TYP_GEN_RHA": "0", "MOI_ANN": "052015", "FP_PEC": "Z501"}],
            "ssr_diagnoses": [REHAB | {"RHS_NUM": "001", "DGN_COD": "I10"}],
            "ssr_acts": [REHAB | {"RHS_NUM": "001", "CCAM_ACT": "JDFA001", "CCAM_PHA_ACT": "0"}],
        },
        "had": {
            "had_chaining": [HOME | FINE | ENTERED],
            "had_sequences": [SEQUENCE | {"DGN_PAL": "Z515", "SSEQ_NBJ": 5}],
            "had_groups": [SEQUENCE | {"GHT_NUM": "12"}],
            "had_acts": [SEQUENCE | {"CCAM_COD": "JDFA001", "PHA_COD": "0"}],
        },
        "rip": {
            "rip_chaining": [PSYCHIATRY | FINE | ENTERED],
            "rip_sequences": [PSYCHIATRY | {"SEQ_SEQ_NUM": "001", "DGN_PAL": "F200", "IPP_IRR_CRY": "P"}],
            "rip_ambulatory": [CONTACT | {"IPP_IRR_CRY": "P", "RAL_ACT_ANN": 2015, "RAL_ACT_MOI": 4, "DGN_PAL": "F200"}],
        },
    }[product]  # fmt: skip


PERIODS = {
    "dcir": "201503",
    "mco": "2015",
    "ssr": "2015",
    "had": "2015",
    "rip": "2015",
    "doses": "202105",
    "deaths": "2015",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A base unit with cells of its ``row``-th line of ``word`` changed, or lines added, and whether ``rule`` is then met there."""

    rule: str
    word: str
    words: str
    change: Mapping[str, Cell] = field(default_factory=dict)
    product: str = "dcir"
    period: str = ""
    row: int = 0
    add: tuple[Row, ...] = ()

    def unit(self) -> Rows:
        """The unit of the case."""
        rows = base(self.product)
        rows[self.word] = [*rows.get(self.word, []), *self.add]
        if self.change:
            rows[self.word][self.row] = rows[self.word][self.row] | dict(self.change)
        return rows

    @property
    def time(self) -> str:
        """The period of the unit."""
        return self.period or PERIODS.get(self.product, "")


def case(
    rule: str, word: str, words: str, *, product: str = "dcir", period: str = "", row: int = 0, **change: Cell
) -> Case:
    """A case of changed cells."""
    return Case(rule=rule, word=word, words=words, product=product, period=period, row=row, change=change)


def more(rule: str, word: str, words: str, *add: Row, product: str = "dcir") -> Case:
    """A case of lines more."""
    return Case(rule=rule, word=word, words=words, product=product, add=add)


DROPPED = (
    more("K1", "claims", "the same nine keys twice", line(1)),
    more(
        "K1",
        "drugs",
        "the same nine keys and rank twice",
        detail(2, PHA_ORD_NUM="1", PHA_PRS_C13="3400935563248", PHA_ACT_QSN=1),
    ),
    more("K1", "mco_stays", "a stay twice", STAY, product="mco"),
    more("K1", "ssr_weeks", "a week twice", REHAB | {"RHS_NUM": "001"}, product="ssr"),
    case("B2", "beneficiaries", "kind of identity 01", product="cards", BEN_CDI_NIR="01"),
    case("B2", "beneficiaries", "no kind of identity", product="cards", BEN_CDI_NIR=None),
    case("B3", "beneficiaries", "sex 9", product="cards", BEN_SEX_COD="9"),
    case("B4", "beneficiaries", "year of birth 1600", product="cards", BEN_NAI_ANN=1600),
    case("B4", "beneficiaries", "year of birth 1849", product="cards", BEN_NAI_ANN=1849),
    case("B4", "beneficiaries", "year of birth -5", product="cards", BEN_NAI_ANN=-5),
    case("B5", "beneficiaries", "no person key", product="cards", BEN_IDT_ANO=None),
    case("B5", "beneficiaries", "person key XXXXXXXXXXXXXXXXX", product="cards", BEN_IDT_ANO="X" * 17),
    case(
        "B5",
        "beneficiaries",
        "person key of such a pseudonym and its rank",
        product="cards",
        BEN_IDT_ANO="x" * 16 + "D1",
    ),
    case("B5", "beneficiaries", "person key of zeros", product="cards", BEN_IDT_ANO="0" * 17),
    case("B6", "beneficiaries", "pseudonym XXXXXXXXXXXXXXXXX", product="cards", BEN_NIR_PSA="X" * 17),
    case("B6", "beneficiaries", "pseudonym of zeros", product="cards", BEN_NIR_PSA="0" * 17),
    case("D1", "claims", "expense qualifier 71", DPN_QLF="71"),
    case("D1", "claims", "service qualifier 72, the other empty", DPN_QLF=None, PRS_DPN_QLP="72"),
    case("D1", "claims", "its drug line goes with it", row=1, DPN_QLF="71"),
    more("D2", "facility_lines", "a facility line says direct billing", detail(1, ETE_IND_TAA="1")),
    case("D3", "claims", "nature 0", BSE_PRS_NAT="0000"),
    case("D4", "claims", "surcharge mark 2 on a consultation", CPL_MAJ_TOP="2"),
    case("D4", "claims", "surcharge mark 2 on an act", row=2, CPL_MAJ_TOP="2"),
    case("D7", "claims", "flow of January 2015 in the archive of 2015", period="2015", FLX_DIS_DTD="2015-01-01"),
    case("T1", "claims", "no day of care", EXE_SOI_DTD=None),
    case("T2", "claims", "care of April in the flow of March", EXE_SOI_DTD="2015-04-01"),
    case("P11", "mco_chaining", "left in 2016, in the table of 2015", product="mco", EXE_SOI_DTF="2016-01-02"),
    case("P11", "mco_chaining", "no day of leaving, year 2014", product="mco", EXE_SOI_DTF=None, SOR_ANN=2014),
    case("P11", "ace_chaining", "outpatient care of 2014", product="mco", EXE_SOI_DTF="2014-12-31"),
    case("P11", "deaths", "a death of 2016", product="deaths", BEN_DCD_DTE="2016-01-01"),
    case("V1", "drugs", "no pack code", PHA_PRS_C13=None),
    more(
        "J1",
        "drugs",
        "a drug line without main line",
        detail(9, PHA_ORD_NUM="1", PHA_PRS_C13="3400935563248", PHA_ACT_QSN=1),
    ),
    case("P9", "claim_acts", "phase 2 of an act", CAM_TRT_PHA="2"),
    case("P1", "mco_stays", "one of the 46 numbers", product="mco", ETA_NUM="750100018"),
    case("P1", "mco_stays", "a number of the Lyon hospitals", product="mco", ETA_NUM="690784137"),
    case("P1", "ace_invoices", "outpatient, a number of AP-HP", product="mco", ETA_NUM="750100018"),
    case("P2", "mco_stays", "group 90Z00Z", product="mco", GRG_GHM="90Z00Z"),
    case("P2", "ssr_weeks", "group 900000", product="ssr", GRG_GME="900000"),
    case("P3", "mco_stays", "stay type B", product="mco", SEJ_TYP="B"),
    case("P4", "mco_stays", "generated record 1", product="mco", TYP_GEN_RSA="1"),
    case("P4", "ssr_weeks", "generated record 1", product="ssr", TYP_GEN_RHA="1"),
    case("P5", "mco_chaining", "birth return code 4", product="mco", NAI_RET="4"),
    case("P5", "mco_chaining", "an empty return code", product="mco", SEX_RET=None),
    case("P5", "mco_chaining", "coherence of birth, since 2013", product="mco", COH_NAI_RET="1"),
    case("P5", "ace_chaining", "outpatient: code of the insured", product="mco", IAS_RET="1"),
    case("P5", "ssr_chaining", "return code of the stay", product="ssr", SEJ_RET="1"),
    case("P5", "had_chaining", "return code of the number", product="had", NIR_RET="1"),
    case("P5", "rip_chaining", "return code of the number", product="rip", NIR_RET="1"),
    case("P6", "mco_chaining", "xxxxxxxxxxxxxxxxx", product="mco", NIR_ANO_17="x" * 17),
    case("P6", "mco_chaining", "XXXXXXXXXXXXXXXXD", product="mco", NIR_ANO_17="X" * 16 + "D"),
    case("P6", "ace_chaining", "XXXXXXXXXXXXXXXXS", product="mco", NIR_ANO_17="X" * 16 + "S"),
    case("P6", "ssr_chaining", "one character throughout", product="ssr", NIR_ANO_17="0" * 17),
    case("P7", "mco_stays", "group 14Z08Z (marked, though the rule is off)", product="mco", GRG_GHM="14Z08Z"),
    case("P7", "mco_stays", "tariff 9999", product="mco", GHS_NUM="9999"),
    case("P8a", "had_groups", "its sequence is in group 99", product="had", GHT_NUM="99"),
    case("P8b", "ssr_weeks", "a week of 2014 in the table of 2015", product="ssr", MOI_ANN="122014"),
    case("P9", "mco_acts", "phase 2 of an act", product="mco", PHA_ACT="2"),
    case("P9", "ace_acts", "outpatient: phase 3", product="mco", PHA_ACT="3"),
    case("P9", "ssr_acts", "rehabilitation: phase 2", product="ssr", CCAM_PHA_ACT="2"),
    case("P9", "had_acts", "at home: phase 2", product="had", PHA_COD="2"),
    more(
        "J1",
        "mco_diagnoses",
        "a diagnosis without stay",
        STAY | {"RSA_NUM": "0000000009", "ASS_DGN": "I10"},
        product="mco",
    ),
    more(
        "J1",
        "ssr_weeks",
        "a week without chaining line",
        REHAB | {"RHA_NUM": "0000009", "RHS_NUM": "001"},
        product="ssr",
    ),
    more("J1", "ssr_diagnoses", "a diagnosis of no week", REHAB | {"RHS_NUM": "009", "DGN_COD": "I10"}, product="ssr"),
    case("A1", "conditions", "ground 13, invalidity", product="conditions", IMB_ETM_NAT="13"),
    case("T1", "conditions", "neither beginning nor entry", product="conditions", IMB_ALD_DTD=None),
    case("V1", "conditions", "no code", product="conditions", MED_MTF_COD=None),
    case("T1", "maternity", "no day", product="maternity", BEN_GRS_DTE=None),
    case("T1", "doses", "no day", product="doses", VAC_DAT=None),
    case("C1", "deaths", "a certificate that was not linked", product="deaths", DCD_IDT_TOP="0"),
    case("T1", "mco_chaining", "no day of entry", product="mco", EXE_SOI_DTD=None),
    case("D8", "claims", "a consultation without quantity", PRS_ACT_QTE=None),
    case("P12", "mco_acts", "an act 400 days after entry", product="mco", ENT_DAT_DEL=400),
    case("P12", "mco_acts", "an act two days after leaving", product="mco", ENT_DAT_DEL=6),
    case("P12", "mco_acts", "an act two days before entry", product="mco", ENT_DAT_DEL=-2),
    case("P12", "ace_acts", "an outpatient act two milliard days on", product="mco", DEL_DAT_ENT=2_000_000_000),
    case("P12", "ssr_weeks", "a week that begins after leaving", product="ssr", RHS_ANT_SEJ_ENT=30),
    case("P12", "had_acts", "an act at home before it began", product="had", DEL_DEB_SSEQ=-400),
    case("P12", "rip_sequences", "a sequence after leaving", product="rip", DEL_DAT=99999),
)

KEPT = (
    case(
        "B5", "beneficiaries", "person key of one character but its rank", product="cards", BEN_IDT_ANO="A" * 16 + "1"
    ),
    case("B6", "beneficiaries", "pseudonym of one character but the last", product="cards", BEN_NIR_PSA="A" * 16 + "2"),
    case("D8", "claims", "no quantity, but its pack has one", row=1, PRS_ACT_QTE=None),
    case("D8", "drugs", "a pack without quantity, but its line has one", PHA_ACT_QSN=None),
    case("P12", "mco_acts", "an act on the day after leaving", product="mco", ENT_DAT_DEL=5),
    case("P12", "mco_acts", "an act on the day before entry", product="mco", ENT_DAT_DEL=-1),
    case("P12", "mco_acts", "no delay", product="mco", ENT_DAT_DEL=None),
    case("V1", "drugs", "the short code of a pack alone", PHA_PRS_C13=None, PHA_PRS_IDE="3556324"),
    more(
        "K1",
        "drugs",
        "two details without rank",
        detail(2, PHA_PRS_C13="3400930000001", PHA_ACT_QSN=1),
        detail(2, PHA_PRS_C13="3400930000001", PHA_ACT_QSN=1),
    ),
    case("B4", "beneficiaries", "year of birth 1850", product="cards", BEN_NAI_ANN=1850),
    case("D1", "claims", "both qualifiers empty", DPN_QLF=None, PRS_DPN_QLP=None),
    case("D1", "claims", "qualifier 70", DPN_QLF="70"),
    more("D2", "facility_lines", "a facility line without the mark", detail(1, ETE_IND_TAA=None)),
    case("D3", "claims", "no nature of the base", BSE_PRS_NAT=None),
    case("D4", "claims", "a surcharge mark on a drug line", row=1, CPL_MAJ_TOP="2"),
    case("D4", "claims", "surcharge mark 1", CPL_MAJ_TOP="1"),
    case("D4", "claims", "no mark", CPL_MAJ_TOP=None),
    case("D7", "claims", "flow of March 2015 in the archive of 2015", period="2015"),
    case("D7", "claims", "flow of February 2016 in the archive of 2015", period="2015", FLX_DIS_DTD="2016-02-01"),
    case("P1", "mco_stays", "one of the 46 numbers after 2017", product="mco", period="2018", ETA_NUM="750100018"),
    case("P1", "ace_invoices", "outpatient, a number of the Lyon hospitals", product="mco", ETA_NUM="690784137"),
    case("T2", "claims", "care on the last day of its flow's month", EXE_SOI_DTD="2015-03-31"),
    case("T2", "claims", "care of long before", EXE_SOI_DTD="2013-01-01"),
    case("P11", "mco_chaining", "entered the year before", product="mco", EXE_SOI_DTD="2014-12-30"),
    case("P11", "mco_chaining", "neither day nor year of leaving", product="mco", EXE_SOI_DTF=None),
    case("P11", "rip_chaining", "a psychiatric stay that goes on", product="rip", EXE_SOI_DTF="2016-03-01"),
    case("P2", "mco_stays", "no group", product="mco", GRG_GHM=None),
    case("P3", "mco_stays", "stay type A", product="mco", SEJ_TYP="A"),
    case("P3", "mco_stays", "no stay type", product="mco", SEJ_TYP=None),
    case("P4", "mco_stays", "a mark before the column existed", product="mco", period="2014", TYP_GEN_RSA="1"),
    case("P4", "ssr_weeks", "generated record 4, which counts", product="ssr", TYP_GEN_RHA="4"),
    case(
        "P5",
        "mco_chaining",
        "coherence of birth before 2013",
        product="mco",
        period="2012",
        COH_NAI_RET=None,
        COH_SEX_RET=None,
    ),
    case(
        "P5",
        "mco_chaining",
        "date code before 2006",
        product="mco",
        period="2005",
        DAT_RET=None,
        COH_NAI_RET=None,
        COH_SEX_RET=None,
    ),
    case("P5", "ace_chaining", "entry date code before 2009", product="mco", period="2008", ENT_DAT_RET=None),
    case("P8a", "had_groups", "no group", product="had", GHT_NUM=None),
    case("P8b", "ssr_weeks", "no month", product="ssr", MOI_ANN=None),
    case("P9", "mco_acts", "no phase", product="mco", PHA_ACT=None),
    case("P9", "mco_acts", "phase 1", product="mco", PHA_ACT="1"),
    case("A1", "conditions", "ground 45, several conditions", product="conditions", IMB_ETM_NAT="45"),
    case(
        "T1", "conditions", "no beginning, but an entry", product="conditions", IMB_ALD_DTD=None, INS_DTE="2010-01-08"
    ),
)
