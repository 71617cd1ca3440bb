# SPDX-License-Identifier: Apache-2.0
"""Code systems and the code lists of a study: the form of a code, what stands below it, and how lists are read and told by their hash.

Knows no code by itself and reads no vocabulary; how a list finds records is ``cohort/codes.py``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rempart.errors import BadInput
from rempart.records.canonical import content_id
from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.forms import ByValue, Choice, Flag, Key, Table, Text, Texts, key
from rempart.records.protocol import SYSTEMS, CodeList


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeForm:
    """``pattern``: a code of the system (with ``branches``, the beginning of codes too); ``hint``: that in words."""

    pattern: str
    hint: str
    branches: bool = False


FORMS: Mapping[str, CodeForm] = {
    "CIP13": CodeForm(pattern=r"\d{13}", hint="13 digits"),
    "CIP7": CodeForm(pattern=r"[1-8]\d{6}", hint="7 digits, the first not 9"),
    "UCD": CodeForm(pattern=r"9\d{6}", hint="7 digits that begin with 9"),
    "ATC": CodeForm(
        pattern=r"[ABCDGHJLMNPRSV]([0-2]\d([A-Z]([A-Z](\d{2})?)?)?)?",
        hint="A, A10, A10B, A10BG or A10BG03",
        branches=True,
    ),
    "CIM10": CodeForm(pattern=r"[A-Z]([0-9]([0-9][0-9+]{0,3})?)?", hint="C, C67 or C670, without dot", branches=True),
    "CCAM": CodeForm(pattern=r"[A-Z]{1,4}|[A-Z]{4}\d{1,3}", hint="JDFA or JDFA001", branches=True),
    "NABM": CodeForm(pattern=r"\d{1,4}", hint="0552; fewer digits are a beginning", branches=True),
    "LPP": CodeForm(pattern=r"\d{1,7}", hint="1100028; fewer digits are a beginning", branches=True),
    "OMOP": CodeForm(pattern=r"\d{1,10}", hint="whole numbers"),
    "VAC-SI": CodeForm(
        pattern=r"[A-Za-z][A-Za-z0-9.+_-]{1,29}",
        hint="a product of the register of vaccination, as it is written there",
    ),
}
PRODUCTS = "VAC-SI"
WHOLE = tuple(name for name, form in FORMS.items() if not form.branches)


def _table(system: str) -> Table:
    """The code list of one system."""
    form = FORMS[system]
    expected = f"a list of {system} codes, each once: {form.hint}"
    codes = Texts(pattern=form.pattern, expected=expected, numbers=system == "OMOP")
    keys: dict[str, Key] = {
        "system": key(Choice((system,)), "the code system", required=True),
        "include": key(replace(codes, least=1), f"codes: {form.hint}", required=True),
        "source": key(Text(), "where the list comes from", default="not given"),
        "version": key(Text(), "the version of the list, or of the vocabulary it was made with"),
    }
    if form.branches:
        keys["exclude"] = key(codes, "codes taken out again, with all below them", default=())
        keys["descendants"] = key(Flag(), "false: the codes alone, without what stands below them", default=True)
    else:
        nothing = Texts(pattern="(?!)", expected="nothing: these codes are matched whole")
        keys["exclude"] = key(nothing, "always empty: these codes are matched whole", default=())
    domains = ", ".join(SYSTEMS[system])
    return Table(
        name=f"codes_{system.lower().replace('-', '_')}", about=f"{system} codes, for records of {domains}.", keys=keys
    )


CODES = ByValue(
    name="codes", about="A list of codes of one system.", by="system", cases={name: _table(name) for name in FORMS}
)


def read_code_list(given: Fields) -> CodeList:
    """A code list; codes are checked against the form of their system, so they can stand in SQL.

    Raises BadInput ``study-field``, ``unknown-key``; a code of another system's form is said to be one.
    """
    try:
        told = take(given, CODES)
    except BadInput as error:
        raise _with_guess(error, given) from error
    return CodeList(
        system=told["system"],
        include=tuple(sorted(told["include"])),
        exclude=tuple(sorted(told["exclude"])),
        source=told["source"],
        version=told["version"],
        descendants=None if told.get("descendants", True) else False,
    )


def list_id(codes: CodeList) -> str:
    """``sha256:…`` of what the list matches: equal for equal codes, wherever they come from."""
    body = {"system": codes.system, "include": list(codes.include), "exclude": list(codes.exclude)}
    return content_id(body if codes.descendants is None else {**body, "descendants": codes.descendants})


def systems_of(code: str) -> tuple[str, ...]:
    """The systems whose form the code has; any word may be a product, so that is no guess."""
    return tuple(
        name for name, form in FORMS.items() if name != PRODUCTS and re.fullmatch(form.pattern, code, re.ASCII)
    )


def tidied(system: str, written: str) -> str:
    """A code as its system has it in the data, from how files write it; '' when it is none.

    Spaces, dots, hyphens and case are set right; UCD of 9 or 13 digits → its last 7; NABM and LPP filled with zeros on the left;
    the X that fills a category of three characters (I10X) taken off.
    """
    if system == PRODUCTS:
        return written.strip() if re.fullmatch(FORMS[system].pattern, written.strip(), re.ASCII) else ""
    code = re.sub(r"[\s.\u00a0-]", "", written).upper()
    if system == "UCD" and re.fullmatch(r"\d{9}|\d{13}", code, re.ASCII):
        code = code[-7:]
    if system == "CIM10":
        code = re.sub(r"(?<=^[A-Z]\d\d)X$", "", code)
    if system in _FILLED and re.fullmatch(r"\d+", code, re.ASCII):
        code = code.zfill(_FILLED[system])
    if system == "OMOP":
        code = code.lstrip("0")
    return code if re.fullmatch(FORMS[system].pattern, code, re.ASCII) else ""


_FILLED = {"NABM": 4, "LPP": 7}


def _with_guess(error: BadInput, given: Fields) -> BadInput:
    """The error on a code, with the systems that such a code could be of."""
    item, name = error.facts.get("item"), str(error.facts.get("field", "")).rpartition(".")[2]
    codes = given.raw(name)
    if not isinstance(item, int) or not isinstance(codes, list | tuple):
        return error
    expected, written = str(error.facts["expected"]), re.sub(r"[.\s]", "", str(codes[item - 1])).upper()
    likely = systems_of(written)
    if given.raw("system") in likely:
        again = written in {str(code) for code in codes}
        return error if again else given.wrong(name, expected, near=written, item=item)
    return given.wrong(name, f"{expected} (it looks like {', '.join(likely)})" if likely else expected, item=item)
