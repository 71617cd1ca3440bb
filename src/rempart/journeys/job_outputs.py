# SPDX-License-Identifier: Apache-2.0
"""Files that a researcher's own code wrote, opened in memory and held against the rules: for their submission, their checkers, publication.

Each time from the sealed files, under a grant that the ledger tells of; what was signed are the ids of the bytes that the rules write anew.
"""

from collections.abc import Mapping
from typing import Any

from rempart.disclosure.files import LookedAt, kind_of, look_at
from rempart.errors import Refused
from rempart.journeys.clearing import policy_of
from rempart.journeys.code_job import FILES, unpacked
from rempart.journeys.kept_outputs import opened
from rempart.journeys.release import FinishedRun, ReleaseDesk, submission_of, votes_of
from rempart.records.canonical import sha256_id
from rempart.release.job_files import pack_files
from rempart.release.states import ReleaseState


def job_files(desk: ReleaseDesk, finished: FinishedRun, *, actor: str) -> dict[str, LookedAt]:
    """Name → what came of each file that the job kept. Raises as ``opened``; NotTrusted ``result-form``."""
    rules = {**desk.file_rules, "threshold": {"persons": policy_of(desk).number("disclosure.persons")}}
    kept = unpacked(opened(desk, finished, FILES, finished.result, actor=actor))
    return {name: _looked(name, data, rules) for name, data in kept.items()}


def _looked(name: str, data: bytes, rules: Mapping[str, Any]) -> LookedAt:
    base = name.rpartition("/")[2]
    return look_at(base, data, kind_of(base, rules), rules)


def leaving(seen: Mapping[str, LookedAt]) -> dict[str, bytes]:
    """Name → the bytes that would leave; raises Refused ``disclosure-file`` for the first that may not."""
    for name, one in seen.items():
        if one.refused:
            told = sorted({item.rule for item in one.findings if item.verdict == "refused"})
            raise Refused("disclosure-file", file=name, rules=", ".join(told))
    return {name: one.data for name, one in seen.items()}


def ids_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Name → ``sha256:…``."""
    return {name: sha256_id(data) for name, data in files.items()}


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
        findings={name: sorted({item.rule for item in one.findings}) for name, one in seen.items()},
        permit_public_facts=facts,
        rules=str(desk.file_rules["id"]),
    )
