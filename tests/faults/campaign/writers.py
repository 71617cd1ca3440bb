# SPDX-License-Identifier: Apache-2.0
"""Campaign 2: two writers on a host that lies about what it took. One head, and the loser is told."""

import contextlib
from collections.abc import Callable, Mapping, Sequence

from rempart.adapters.directory_host import DirectoryHost
from rempart.errors import RempartError
from rempart.journeys.space import commits
from rempart.wiring.ingest import Brought, ingest_delivery
from rempart.wiring.warehouse import Warehouse
from tests.faults.campaign.count import Section
from tests.faults.faulty_host import Faults, FaultyHost
from tests.faults.warehouse.place import Place, Silence

LIES: Mapping[str, Faults] = {
    "answers created to both": Faults(created=True),
    "ignores conditions": Faults(created=True, overwrites=True),
    "forks its listing": Faults(forked=True),
    "delivers everything twice": Faults(twice=1.0),
    "lists what was there before": Faults(lag=40),
    "all of it at once": Faults(created=True, overwrites=True, forked=True, twice=1.0, lag=40),
}
MOMENTS = ("part-stored", "manifest-stored", "keyring-stored")
COMMITS = 2  # of one ingest: gross parts, then research tables


def writers(
    copy: Callable[[], contextlib.AbstractContextManager[Place]],
    *,
    moments: int,
    seed: int,
    lies: Sequence[str] = tuple(LIES),
) -> Section:
    """Each of ``lies``, with the second writer overtaking the first at up to ``moments`` steps of its commit."""
    section = Section(f"2. two writers on a host that lies, seed {seed}")
    for lie, faults in [(lie, LIES[lie]) for lie in lies]:
        for moment in MOMENTS[-moments:]:
            with copy() as place:
                told = _wrong(place, faults, moment)
            section.of(lie).add(
                caught_by=[] if told else ["one head, loser told"], slipped=told and f"{moment}: {told}"
            )
    return section


def _wrong(place: Place, faults: Faults, moment: str) -> str:
    """What is wrong after two ingests at once, '' for nothing."""
    before = len(commits(place.warehouse().ledger, "warehouse"))
    between: list[Brought] = []

    def step(name: str) -> None:
        if name == moment and not between:
            between.append(_ingest(place, faults, "first"))

    try:
        _ingest(place, faults, "first", step)
    except RempartError as error:
        if error.code != "commit-lost":
            return f"the loser is told {error.code}"
    else:
        return "both writers were told that they won"
    if len(commits(place.warehouse().ledger, "warehouse")) != before + COMMITS:
        return "more than one head"
    if not place.content().items() <= between[0].content.items():
        return "the content is not the winner's"
    audit = place.run("audit", "verify", "--deep")
    return "" if audit.code == 0 and not audit.answer["data"]["findings"] else audit.told


def _ingest(place: Place, faults: Faults, name: str, step: Callable[[str], None] = lambda _: None) -> Brought:
    warehouse: Warehouse = place.warehouse()
    vars(warehouse)["host"] = FaultyHost(DirectoryHost(place.host), faults)
    return ingest_delivery(
        warehouse, place.delivery(name), form="snds", replace=True, progress=Silence(), named_step=step
    )
