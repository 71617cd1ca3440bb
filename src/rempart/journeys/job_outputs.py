# SPDX-License-Identifier: Apache-2.0
"""Files that a researcher's own code wrote, opened in memory and held against the rules: for their submission, their checkers, publication.

Each time from the sealed files, under a grant that the ledger tells of; what was signed are the ids of the bytes that the rules write anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.disclosure.files import LookedAt, kind_of, look_at
from rempart.errors import Refused
from rempart.journeys.clearing import policy_of
from rempart.journeys.code_job import FILES, unpacked
from rempart.journeys.kept_outputs import opened
from rempart.journeys.release import FinishedRun, ReleaseDesk, submission_of, votes_of
from rempart.release.job_files import file_id, file_key, pack_files
from rempart.release.states import ReleaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file that a job kept. ``looked``: what came of it; ``key``: with which its id is made, sealed beside it."""

    looked: LookedAt
    key: bytes


def job_files(desk: ReleaseDesk, finished: FinishedRun, *, actor: str) -> dict[str, KeptFile]:
    """Name → each file that the job kept. Raises as ``opened``; NotTrusted ``result-form``."""
    rules = {**desk.file_rules, "threshold": {"persons": policy_of(desk).number("disclosure.persons")}}
    kept, salt = unpacked(opened(desk, finished, FILES, finished.result, actor=actor))
    return {name: KeptFile(looked=_looked(name, data, rules), key=file_key(salt, name)) for name, data in kept.items()}


def _looked(name: str, data: bytes, rules: Mapping[str, Any]) -> LookedAt:
    base = name.rpartition("/")[2]
    return look_at(base, data, kind_of(base, rules), rules)


def leaving(seen: Mapping[str, KeptFile]) -> dict[str, bytes]:
    """Name → the bytes that would leave; raises Refused ``disclosure-file`` for the first that may not."""
    for name, one in seen.items():
        if one.looked.refused:
            told = sorted({item.rule for item in one.looked.findings if item.verdict == "refused"})
            raise Refused("disclosure-file", file=name, rules=", ".join(told))
    return {name: one.looked.data for name, one in seen.items()}


def ids_of(seen: Mapping[str, KeptFile]) -> dict[str, str]:
    """Name → id of the bytes that would leave, by the file's own key: whoever reads the log cannot try out small tables.

    Raises as ``leaving``."""
    return {name: file_id(seen[name].key, data) for name, data in leaving(seen).items()}


def packed_files(
    desk: ReleaseDesk, now: ReleaseState, finished: FinishedRun, *, actor: str, facts: Mapping[str, str]
) -> dict[str, bytes]:
    """The published folder of the files that the author signed; raises as ``pack_files``."""
    submission = submission_of(desk, now.release)
    seen = {
        name: one for name, one in job_files(desk, finished, actor=actor).items() if name in submission.body["files"]
    }
    return pack_files(
        release_id=now.release,
        submission=submission,
        votes=votes_of(desk, now),
        files=leaving(seen),
        keys={name: one.key for name, one in seen.items()},
        findings={name: sorted({item.rule for item in one.looked.findings}) for name, one in seen.items()},
        permit_public_facts=facts,
        rules=str(desk.file_rules["id"]),
    )
