# SPDX-License-Identifier: Apache-2.0
"""The attrition of the glitazones example counted a second time, from the delivered CSV files, one person at a time.

Written from the issue's words and the study file, in plain Python; it imports nothing of Rempart. The list of facilities that
deliver a stay twice is the one fact that it reads from a data file of the product.
"""

import csv
import datetime
import gzip
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Day = datetime.date
FIRST, LAST = Day(2012, 1, 1), Day(2017, 12, 31)
BEGIN, END = Day(2013, 1, 1), Day(2017, 12, 31)
TARGET = {"3400935563248", "3400935563538", "3400937169110"}
COMPARATOR = {"3400926910891", "3400926911324", "3400927368868", "3400937063210", "3400937472548"}
NO_DATES = {"", "1600-01-01", "0001-01-01", "2099-12-31"}
LINE = "FLX_DIS_DTD FLX_TRT_DTD FLX_EMT_TYP FLX_EMT_NUM FLX_EMT_ORD ORG_CLE_NUM DCT_ORD_NUM PRS_ORD_NUM REM_TYP_AFF".split()
RETURNS = "NIR_RET NAI_RET SEX_RET SEJ_RET FHO_RET PMS_RET DAT_RET COH_NAI_RET COH_SEX_RET".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Numbers of the study file that the tests vary; the defaults are the example's."""

    washout: int = 365
    age: tuple[int, int] = (40, 120)
    lag: int = 30
    follow_up: int = 1825


@dataclass(slots=True)
class Person:
    """What the study asks of one person."""

    born: int = 0
    inserted: Day | None = None
    registered: Day | None = None
    certified: Day | None = None
    left_dead: Day | None = None
    first_claim: Day | None = None
    drugs: dict[Day, set[str]] = field(default_factory=lambda: defaultdict(set))
    tumour: set[Day] = field(default_factory=set)
    principal: set[Day] = field(default_factory=set)

    @property
    def died(self) -> Day | None:
        """From the register, else the certificate, else the stay."""
        return self.registered or self.certified or self.left_dead

    @property
    def observed(self) -> tuple[Day, Day]:
        """First and last day seen."""
        last = min(self.died or LAST, LAST)
        if self.inserted is None or self.inserted <= FIRST:
            return FIRST, last
        seen = min(self.inserted, self.first_claim or self.inserted)
        return max(FIRST, seen.replace(day=1)), last


def day(text: str) -> Day | None:
    """A delivered date; None for none."""
    return None if text in NO_DATES else Day.fromisoformat(text)


def rows(delivery: Path, pattern: str) -> Iterator[dict[str, str]]:
    """The lines of the files of a pattern; values without blanks around them."""
    for path in sorted(delivery.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                yield {name: value.strip() for name, value in row.items()}


def bare(*texts: str) -> tuple[str, ...]:
    """Keys without the zeros that some years write in front."""
    return tuple(text.lstrip("0") for text in texts)


class Count:
    """Reads a delivery once; ``attrition`` and ``events`` are the answers."""

    def __init__(self, delivery: Path, *, cleaning: Path) -> None:
        self._delivery = delivery
        self._twice = set(tomllib.loads(cleaning.read_text(encoding="utf-8"))["parameters"]["duplicate_facilities"])
        self.people: dict[str, Person] = {}
        self._card: dict[tuple[str, ...], str] = {}
        self._pseudonym: dict[str, set[str]] = defaultdict(set)
        self._cards()
        self._dispensings()
        self._stays()
        self._registers()

    def _cards(self) -> None:
        """A person is a person key; a card of a fictive number, without sex or year of birth is nobody's."""
        kept = [row for row in rows(self._delivery, "IR_BEN_R.csv.gz") if self._good_card(row)]
        keys = [(row["BEN_NIR_PSA"], *bare(row["BEN_RNG_GEM"])) for row in kept]
        assert len(set(keys)) == len(keys), "no card is delivered twice in this delivery"
        newest = lambda row: (row["BEN_DTE_MAJ"], row["MAX_TRT_DTD"])  # noqa: E731
        by_person: dict[str, list[dict[str, str]]] = defaultdict(list)
        for key, row in zip(keys, kept, strict=True):
            self._card[key] = row["BEN_IDT_ANO"]
            self._pseudonym[row["BEN_NIR_PSA"]].add(row["BEN_IDT_ANO"])
            by_person[row["BEN_IDT_ANO"]].append(row)
        for name, cards in by_person.items():
            entered = [day(card["BEN_DTE_INS"]) for card in cards]
            deaths = [died for died in (day(card["BEN_DCD_DTE"]) for card in cards) if died]
            inserted = min(known) if len(known := [d for d in entered if d]) == len(entered) else None
            born = int(max(cards, key=newest)["BEN_NAI_ANN"])
            self.people[name] = Person(born=born, inserted=inserted, registered=max(deaths, default=None))

    @staticmethod
    def _good_card(row: Mapping[str, str]) -> bool:
        true = row["BEN_CDI_NIR"] in {"00", "03", "04"} and row["BEN_SEX_COD"] in {"1", "2"}
        return true and row["BEN_NAI_ANN"] not in {"", "0000", "0001", "1600", "0", "1"} and bool(row["BEN_IDT_ANO"])

    def _dispensings(self) -> None:
        """Drug lines of either drug, netted over all flows: a day counts when its boxes are more than none."""
        wanted: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
        for row in rows(self._delivery, "ER_PHA_F_*.csv.gz"):
            if row["PHA_PRS_C13"] in TARGET | COMPARATOR:
                wanted[bare(*(row[name] for name in LINE))].append((row["PHA_PRS_C13"], float(row["PHA_ACT_QSN"])))
        boxes: dict[tuple[str, Day, str, str, str], float] = defaultdict(float)
        for row in rows(self._delivery, "ER_PRS_F_*.csv.gz"):
            name = self._card.get((row["BEN_NIR_PSA"], *bare(row["BEN_RNG_GEM"])))
            care = day(row["EXE_SOI_DTD"])
            told = {"71", "72"} & {row["DPN_QLF"], row["PRS_DPN_QLP"]} or not row["BSE_PRS_NAT"].strip("0")
            if name is None or care is None or told:
                continue
            person = self.people[name]
            person.first_claim = min(person.first_claim or care, care)
            for code, quantity in wanted.get(bare(*(row[key] for key in LINE)), ()):
                boxes[name, care, code, row["PFS_PRE_NUM"], row["PFS_EXE_NUM"]] += quantity
        for (name, care, code, _, _), total in boxes.items():
            if total > 0:
                self.people[name].drugs[care].add("target" if code in TARGET else "comparator")

    def _stays(self) -> None:
        """Stays of one known person each, delivered once, well grouped, truly of a patient."""
        for letter in range(12, 18):
            records = {
                bare(r["ETA_NUM"], r["RSA_NUM"]): r
                for r in rows(self._delivery, f"T_MCO{letter}B.csv.gz")
                if self._good_stay(r)
            }
            others: dict[tuple[str, ...], set[str]] = defaultdict(set)
            for row in rows(self._delivery, f"T_MCO{letter}D.csv.gz"):
                others[bare(row["ETA_NUM"], row["RSA_NUM"])].add(row["ASS_DGN"])
            for chain in rows(self._delivery, f"T_MCO{letter}C.csv.gz"):
                key = bare(chain["ETA_NUM"], chain["RSA_NUM"])
                holders = self._pseudonym.get(chain["NIR_ANO_17"], set())
                entry = day(chain["EXE_SOI_DTD"])
                if key in records and self._good_chain(chain) and len(holders) == 1 and entry:
                    self._stay(self.people[next(iter(holders))], records[key], chain, entry, others[key])

    @staticmethod
    def _stay(
        person: Person, record: Mapping[str, str], chain: Mapping[str, str], entry: Day, others: set[str]
    ) -> None:
        if record["SOR_MOD"] == "9":
            leaving = day(chain["EXE_SOI_DTF"]) or entry
            person.left_dead = max(person.left_dead or leaving, leaving)
        if record["DGN_PAL"].startswith("C67"):
            person.principal.add(entry)
        if any(code.startswith("C67") for code in (record["DGN_PAL"], record["DGN_REL"], *others)):
            person.tumour.add(entry)

    def _good_stay(self, row: Mapping[str, str]) -> bool:
        own = row["ETA_NUM"].zfill(9) not in self._twice
        return (
            own
            and not row["GRG_GHM"].startswith("90")
            and row["SEJ_TYP"] != "B"
            and row.get("TYP_GEN_RSA", "0") in {"0", ""}
        )

    def _good_chain(self, row: Mapping[str, str]) -> bool:
        return row["ETA_NUM"].zfill(9) not in self._twice and all(row.get(name, "0") == "0" for name in RETURNS)

    def _registers(self) -> None:
        """Long-term conditions are diagnoses too (never principal ones); linked certificates tell deaths."""
        for row in rows(self._delivery, "IR_IMB_R.csv.gz"):
            name = self._card.get((row["BEN_NIR_PSA"], *bare(row["BEN_RNG_GEM"])))
            begins = day(row["IMB_ALD_DTD"]) or day(row["INS_DTE"])
            if name and begins and row["IMB_ETM_NAT"] in {"41", "43", "45"} and row["MED_MTF_COD"].startswith("C67"):
                self.people[name].tumour.add(begins)
        for row in rows(self._delivery, "KI_CCI_R_*.csv.gz"):
            died = day(row["BEN_DCD_DTE"])
            if row["DCD_IDT_TOP"] == "1" and row["BEN_IDT_ANO"] in self.people and died:
                person = self.people[row["BEN_IDT_ANO"]]
                person.certified = min(person.certified or died, died)

    def attrition(self, rules: Rules) -> dict[tuple[int, str], int]:
        """(step, arm) → persons who remain; arm "all" counts either arm."""
        counts: dict[tuple[int, str], int] = defaultdict(int)
        for person in self.people.values():
            for step, arm in self._walk(person, rules):
                for column in {"all", arm} - {"both"}:
                    counts[step, column] += 1
        return dict(counts)

    def events(self, rules: Rules) -> dict[str, int]:
        """Arm → persons at risk after the lag whose follow-up ends with the outcome."""
        counts: dict[str, int] = defaultdict(int)
        for person in self.people.values():
            steps = self._walk(person, rules)
            if steps and steps[-1][0] == 7:
                zero = min(d for d in person.drugs if BEGIN <= d <= END)
                outcome, other = self._ends(person, zero, rules)
                if outcome is not None and outcome <= other:
                    for column in ("all", steps[-1][1]):
                        counts[column] += 1
        return dict(counts)

    def _walk(self, person: Person, rules: Rules) -> list[tuple[int, str]]:
        """The steps that a person passes, in order."""
        days = sorted(d for d in person.drugs if BEGIN <= d <= END)
        if not days:
            return []
        zero, year, washout = days[0], datetime.timedelta(days=365), datetime.timedelta(days=rules.washout)
        arms = person.drugs[zero]
        arm = "both" if len(arms) > 1 else next(iter(arms))
        first, last = person.observed
        outcome, other = self._ends(person, zero, rules)
        passes = [
            True,
            arm != "both",
            first <= zero - year and last >= zero,
            not any(zero - washout <= d < zero and d >= FIRST for d in person.drugs),
            rules.age[0] <= zero.year - person.born <= rules.age[1],
            not any(zero - year <= d <= zero for d in person.tumour),
            (min(outcome or other, other) - zero).days > rules.lag,
        ]
        count = passes.index(False) if False in passes else len(passes)
        return [(step, arm) for step in range(1, count + 1)]

    @staticmethod
    def _ends(person: Person, zero: Day, rules: Rules) -> tuple[Day | None, Day]:
        """The first outcome after time zero, and the first other end: death, end of observation, of data, of the follow-up."""
        outcome = min((d for d in person.principal if zero < d <= LAST), default=None)
        return outcome, min(person.observed[1], END, zero + datetime.timedelta(days=rules.follow_up))
