# SPDX-License-Identifier: Apache-2.0
"""Code lists and the records they find: cases that a coder can check by hand. They stand in docs/reference/study-file.md too."""

from dataclasses import dataclass
from typing import Any

# What a small dataset holds: domain → the codes of its records, one record each.
RECORDS = {
    "condition": ("C67", "C670", "C679", "C68", "E11", "E119", "I10", "I1000"),
    "drug": ("3400935563248", "3400926910891", "3556324", "9123456", "9234567", "COMIRNATY"),
    "procedure": ("JDFA001", "JDFA002", "JDFC023", "JA", "HHFA001"),
    "measurement": ("0552", "0551", "0112", "1104"),
    "device": ("1100028", "1100034", "1200000", "2100028"),
}
CONCEPTS = {
    "1118084": ("drug", "9234567"),
    "192671": ("condition", "E11"),
}  # OMOP concept → the record that was mapped to it
# The project's code_hierarchy: pack or unit → the class that the operator's reference of drugs gives it.
CLASSES = {
    "3400935563248": "A10BG03",
    "3556324": "A10BG03",
    "9123456": "A10BG03",
    "3400926910891": "A10BB09",
    "9234567": "A10B",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A list of the study file, and the codes of the records that it finds."""

    about: str
    system: str
    domain: str
    include: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    descendants: bool = True
    found: tuple[str, ...]

    @property
    def body(self) -> dict[str, Any]:
        """The list as the file has it."""
        told: dict[str, Any] = {"system": self.system, "include": list(self.include)}
        told |= {"exclude": list(self.exclude)} if self.exclude else {}
        return told if self.descendants else {**told, "descendants": False}


CASES = (
    Case(
        about="a category and all below it",
        system="CIM10",
        domain="condition",
        include=("C67",),
        found=("C67", "C670", "C679"),
    ),
    Case(
        about="the same without one of them",
        system="CIM10",
        domain="condition",
        include=("C67",),
        exclude=("C679",),
        found=("C67", "C670"),
    ),
    Case(
        about="what is excluded is excluded with all below it",
        system="CIM10",
        domain="condition",
        include=("C", "I10"),
        exclude=("C67", "I100"),
        found=("C68", "I10"),
    ),
    Case(
        about="the code alone", system="CIM10", domain="condition", include=("C67",), descendants=False, found=("C67",)
    ),
    Case(
        about="several lengths in one list",
        system="CIM10",
        domain="condition",
        include=("C670", "E11", "I"),
        found=("C670", "E11", "E119", "I10", "I1000"),
    ),
    Case(
        about="packs are matched whole",
        system="CIP13",
        domain="drug",
        include=("3400935563248",),
        found=("3400935563248",),
    ),
    Case(about="packs by their seven digits", system="CIP7", domain="drug", include=("3556324",), found=("3556324",)),
    Case(about="hospital units", system="UCD", domain="drug", include=("9123456", "9999999"), found=("9123456",)),
    Case(about="a vaccine", system="VAC-SI", domain="drug", include=("COMIRNATY",), found=("COMIRNATY",)),
    Case(
        about="a class finds its packs and units, however they are coded",
        system="ATC",
        domain="drug",
        include=("A10BG",),
        found=("3400935563248", "3556324", "9123456"),
    ),
    Case(
        about="a higher class, one below it taken out",
        system="ATC",
        domain="drug",
        include=("A10B",),
        exclude=("A10BG",),
        found=("3400926910891", "9234567"),
    ),
    Case(
        about="packs that hang under that very class alone",
        system="ATC",
        domain="drug",
        include=("A10B",),
        descendants=False,
        found=("9234567",),
    ),
    Case(
        about="a letter is a class, never the first letter of a word",
        system="ATC",
        domain="drug",
        include=("C",),
        found=(),
    ),
    Case(
        about="acts by their beginning",
        system="CCAM",
        domain="procedure",
        include=("JDFA",),
        found=("JDFA001", "JDFA002"),
    ),
    Case(
        about="acts of an organ, one taken out",
        system="CCAM",
        domain="procedure",
        include=("JD",),
        exclude=("JDFA001",),
        found=("JDFA002", "JDFC023"),
    ),
    Case(about="tests by their four digits", system="NABM", domain="measurement", include=("0552",), found=("0552",)),
    Case(
        about="fewer digits are a beginning",
        system="NABM",
        domain="measurement",
        include=("055",),
        found=("0551", "0552"),
    ),
    Case(
        about="devices of a title of the list",
        system="LPP",
        domain="device",
        include=("11",),
        found=("1100028", "1100034"),
    ),
    Case(
        about="devices by their seven digits", system="LPP", domain="device", include=("2100028",), found=("2100028",)
    ),
    Case(
        about="concepts, whole, in any domain", system="OMOP", domain="condition", include=("192671",), found=("E11",)
    ),
)
