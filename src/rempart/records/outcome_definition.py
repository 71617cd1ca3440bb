# SPDX-License-Identifier: Apache-2.0
"""What an outcome is, apart from what a study calls it: the id of its records, kinds of diagnosis and codes. Reads canonical studies."""

from collections.abc import Mapping
from typing import Any

from rempart.records.canonical import canonical_bytes, content_id
from rempart.records.code_lists import list_id
from rempart.records.protocol import CodeList


def outcome_id(study: Mapping[str, Any], name: str) -> str:
    """``sha256:…`` of an outcome of a study in canonical form: equal where the same records of the same codes count, in whatever order and
    under whatever names of outcome and code lists. A death of any cause, which no study defines, goes by its own name."""
    given = study.get("outcomes", {}).get(name, {"any": [{"domain": name}]})
    found = [_told(study, criterion) for criterion in given["any"]]
    return content_id({"any": sorted(found, key=canonical_bytes)})


def outcome_ids(study: Mapping[str, Any]) -> dict[str, str]:
    """Of every outcome that a study defines."""
    return {name: outcome_id(study, name) for name in sorted(study.get("outcomes", {}))}


def _told(study: Mapping[str, Any], criterion: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: sorted(value) if key == "status" else value for key, value in criterion.items()}
    return {**told, "codes": _codes_id(study["codes"][told["codes"]])} if "codes" in told else told


def _codes_id(codes: Mapping[str, Any]) -> str:
    wanted = CodeList(
        system=codes["system"],
        include=tuple(codes["include"]),
        exclude=tuple(codes.get("exclude", ())),
        descendants=codes.get("descendants"),
    )
    return list_id(wanted)
