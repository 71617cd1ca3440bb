# SPDX-License-Identifier: Apache-2.0
"""A code list that was brought in as TOML to paste, with how many it left out as comments. Judges no code."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rempart.records.code_import import Imported


def toml_block(name: str, made: Imported, *, version: str | None = None) -> str:
    """``[codes.NAME]`` as text to paste: one code a line, its label as a comment."""
    codes = made.codes
    lines = [f"[codes.{name}]", f"# {len(codes.include)} codes, {made.id}", f"system = {_quoted(codes.system)}"]
    lines += [f"source = {_quoted(codes.source)}"]
    lines[2:2] = [f"# {len(what)} not taken / non pris: {reason}" for reason, what in made.refused.items()]
    lines += [f"version = {_quoted(version)}"] if version else []
    lines += _listed("include", codes.include, made) + (
        _listed("exclude", codes.exclude, made) if codes.exclude else []
    )
    lines += ["descendants = false"] if codes.descendants is False else []
    return "\n".join(lines) + "\n"


def _listed(key: str, codes: Iterable[str], made: Imported) -> list[str]:
    def line(code: str) -> str:
        label = re.sub(r"[\x00-\x1f\x7f]+", " ", made.labels.get(code, "")).strip()[:100]
        written = code if made.codes.system == "OMOP" else _quoted(code)
        return f"  {written},{f'  # {label}' if label else ''}"

    return [f"{key} = [", *(line(code) for code in codes), "]"]


def _quoted(text: str) -> str:
    kept = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"') + '"'


def appended(text: str, block: str) -> str:
    """A study file's text with a block after it: comments and order stay as they are."""
    ending = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{ending}{chr(10) * bool(text)}{block}"


def already(parsed: Mapping[str, Any], name: str) -> bool:
    """Whether a parsed study file has a list of that name."""
    codes = parsed.get("codes")
    return isinstance(codes, Mapping) and name in codes
