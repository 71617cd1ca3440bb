# SPDX-License-Identifier: Apache-2.0
"""Code lists as registries, colleagues and spreadsheets leave them: the column is found by its name, what is lost or left out is said."""

import tomllib
from pathlib import Path

import pytest

from rempart.cli.voice import Voice
from rempart.errors import BadInput
from rempart.records.code_import import Imported
from rempart.wiring.study_codes import Wanted, import_codes


def brought(folder: Path, text: str, **asked: str) -> tuple[Imported, str]:
    """The list of a file of that text."""
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return import_codes(folder / "list.csv", Wanted(name="x", **asked))


BAD = "code,libelle\nE11.0,a\ne11 9,b\nE11.0,c\nZZZZ,d\n410,e\n"


@pytest.mark.parametrize(
    ("text", "asked", "codes", "left"),
    [
        (BAD, {"system": "CIM10"}, ("E110", "E119"), {"form": ("ZZZZ", "410")}),
        (BAD.replace("code,", "CODE,"), {"system": "CIM10"}, ("E110", "E119"), {"form": ("ZZZZ", "410")}),
        ("CIP13;nom\n3400935563248;a\n34009 355 6324 8;b\n34;c\n", {"system": "CIP13"}, ("3400935563248",), {"form": ("34",)}),
        ("cip7\n3556324\n1\n2\n", {}, ("3556324",), {"form": ("1", "2")}),
        ("atc…,nom\n", {}, (), {}),
        ("Code ATC;nom\nA10BG03;a\n?;b\n-;c\n", {}, ("A10BG03",), {"form": ("-", "?")}),
        ("code\nE10-E14\nE11\nI10\nI11\nI12\nI13\n", {}, ("E11", "I10", "I11", "I12", "I13"), {"range": ("E10-E14",)}),
        ("cip13\n3.40094E+12\n3400935563248\n", {}, ("3400935563248",), {"eaten": ("3.40094E+12",)}),
    ],
)  # fmt: skip
def test_a_column_is_taken_by_its_name_and_what_is_no_code_is_told(
    tmp_path: Path, text: str, asked: dict[str, str], codes: tuple[str, ...], left: dict[str, tuple[str, ...]]
) -> None:
    if not codes:
        with pytest.raises(BadInput, match="codes-empty"):
            brought(tmp_path, text, **asked)
        return
    made, block = brought(tmp_path, text, **asked)
    assert made.codes.include == codes
    assert {why: set(what) for why, what in made.refused.items()} == {why: set(what) for why, what in left.items()}
    assert all(f"# {len(what)} not taken / non pris: {why}\n" in block for why, what in left.items())
    assert tomllib.loads(block)["codes"]["x"]["include"] == list(codes)


@pytest.mark.parametrize(
    ("text", "asked", "code", "said"),
    [
        ("code\n", {}, "codes-empty", "code"),
        ("CIP13,nom\n", {"system": "CIP13"}, "codes-empty", "CIP13"),
        ("code,term\n3.40094E+12,a\n", {}, "codes-eaten", "3.40094E+12"),
        ("code,term\n3.40094E+12,a\n", {"system": "CIP13"}, "codes-eaten", "tableur"),
        ("a,b\n3.40094E+12,x\n", {}, "codes-eaten", "tableur"),
        ("code,libelle\nE10-E14,x\n", {"system": "CIM10"}, "codes-range", "E10-E14"),
        ("a,b\nfoo,bar\n", {}, "codes-no-column", "a, b"),
        ("code\nfoo\n", {"system": "CIP13"}, "codes-none", "13 chiffres"),
        ("Code CCAM,Libellé\nDEQP003-1,ECG\n", {"system": "CCAM"}, "codes-none", "DEQP003-1"),
        ('code,term\nE11,"unclosed\nE12,x\n', {}, "codes-file", "list.csv"),
    ],
)
def test_a_file_without_codes_says_what_it_has(
    tmp_path: Path, text: str, asked: dict[str, str], code: str, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        brought(tmp_path, text, **asked)
    told = Voice("fr", as_json=False).error_line(caught.value)
    assert (caught.value.code, said in told, "?" in told, "digits" in told) == (code, True, False, False), told
