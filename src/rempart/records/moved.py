# SPDX-License-Identifier: Apache-2.0
"""Whether a project's data changed since it showed something, and what a submission takes on then; for desk, clearing and audit alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from rempart.errors import NotTrusted
from rempart.records.event import LedgerEvent
from rempart.records.policy import Policy

FINGERPRINT = "fingerprint"
OPTION = "option"
"""Key of a submission: how counts in its tables are altered before they are shown; absent: they are not."""
NONE = "none"


def option_of(body: Mapping[str, Any]) -> str:
    """How a submission's counts are altered, ``none`` where it does not say. Raises NotTrusted ``document-form``, also for files of a
    researcher's own, which nothing alters."""
    told = body.get(OPTION, NONE)
    if not isinstance(told, str) or (OPTION in body and (told in {"", NONE} or "tables" not in body)):
        raise NotTrusted("document-form", expected=str(body.get("schema", "")))
    return told


def head_of(log: Sequence[LedgerEvent], result: str) -> str:
    """The snapshot that the run of a result read; '' where no leaf tells."""
    for event in reversed(log):
        if (event.kind, event.phase) == ("study", "effect") and event.fact("result") == result:
            return log[event.of or 0].fact("head") or ""
    return ""


def moved(log: Sequence[LedgerEvent], permit: str, head: str) -> bool:
    """Whether the permit showed anything of another snapshot: what ``head`` shows tells by the difference who left."""
    return any(
        (log[event.of or 0].fact("head") or head) != head
        for event in log
        if (event.kind, event.phase, event.basis) == (FINGERPRINT, "effect", f"permit:{permit}")
        and event.fact("register")
    )


def let_by(option: str, chosen: str) -> bool:
    """Whether an option is the one that the policy (``disclosure.snapshot_moved``) lets a later state of the data take on."""
    return option not in (NONE, "") and option == chosen


def why_moved(body: Mapping[str, Any], log: Sequence[LedgerEvent], policy: Policy) -> tuple[str, ...]:
    """Why a submission may not leave as its document says, in words of ``say``; none: its data did not change, or it took on what the
    policy asks for then."""
    head, chosen = head_of(log, str(body["result"])), policy.text("disclosure.snapshot_moved")
    return ("clear-moved",) if moved(log, str(body["permit"]), head) and not let_by(option_of(body), chosen) else ()
