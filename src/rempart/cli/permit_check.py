# SPDX-License-Identifier: Apache-2.0
"""The command that says what a permit would give, and what it does not say and should."""

from pathlib import Path

from rempart.cli.session import Session


def check_permit(session: Session, file: Path, /) -> int:
    """Say what a permit would give, without granting it."""
    from rempart.wiring.acts import read_permit_file
    from rempart.wiring.permits import describe, left_out

    permit, voice = read_permit_file(file), session.voice
    voice.say("permit-check", permit=permit.id, project=permit.project, lookback=permit.first_day.isoformat())
    if permit.depth:
        voice.say("permit-depth", depth=permit.depth)
    voice.table(["column-table", "column-sibling", "column-columns"], describe(permit))
    lacks = left_out(session.directory, permit, voice.language)
    if lacks:
        voice.say("permit-lacks", count=len(lacks))
        voice.table(["column-what", "column-content-letter"], [(what, letter) for letter, _, what in lacks])
    told = [{"letter": letter, "content": name} for letter, name, _ in lacks]
    voice.result("permit-check", {"id": permit.content_id, "permit": permit.as_dict(), "lacks": told})
    return 0
