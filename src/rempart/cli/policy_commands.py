# SPDX-License-Identifier: Apache-2.0
"""The command about what the house has decided about itself."""

from pathlib import Path

from rempart.cli.session import Session
from rempart.errors import BadInput


def policy(
    session: Session,
    file: Path | None = None,
    /,
    *,
    by: list[Path] | None = None,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Show the policy in force, or sign a new one."""
    from rempart.wiring.policy import policy_form, policy_now, sign_policy
    from rempart.wiring.warehouse import Warehouse

    place, voice, form = Warehouse(session.directory), session.voice, policy_form()
    if file is not None and not by:
        raise BadInput("policy-by")
    ask = session.askers(passphrase_fd)
    found = sign_policy(place, file=file, by=by or [], ask=ask) if file is not None else policy_now(place)
    voice.say("policy-stands" if found.version else "policy-undecided", version=found.version)
    rows = [
        (name, _shown(found.values[name]), voice.word("by-decision" if found.values[name] != rule["default"] else "by-default"),
         rule["about"][voice.language])
        for name, rule in form.items()
    ]  # fmt: skip
    voice.table(["column-name", "column-value", "column-decided", "column-meaning"], rows)
    values = {name: list(item) if isinstance(item, (list, tuple)) else item for name, item in found.values.items()}
    voice.result("audit-policy", {"version": found.version, "values": values, "reasons": dict(found.reasons)})
    return 0


def _shown(value: object) -> str:
    """A value as a cell of the table; of a text of several lines, how many."""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{text.splitlines()[0]} … ({len(text.splitlines())})" if len(text.splitlines()) > 1 else text or "-"
