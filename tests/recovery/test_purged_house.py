# SPDX-License-Identifier: Apache-2.0
"""A whole warehouse after a purge: its audit is sound against a checkpoint of before, lists and data are read as they were."""

import datetime
import json
from pathlib import Path

import pytest

from rempart.adapters.ledger_files import record
from rempart.errors import Refused
from rempart.journeys.backup import registered
from rempart.journeys.recorded import Recorder
from rempart.records.event import LedgerEvent
from rempart.wiring.backup import take_backup
from rempart.wiring.keeping import control_month, month_controlled, purge_planned, purge_traces
from rempart.wiring.people import enrol
from rempart.wiring.recovery import recover
from rempart.wiring.warehouse import Warehouse
from tests.faults.backup_house import backed_up, ceremony, new_machine, put_back
from tests.faults.warehouse.place import Place, Silence


class Later:
    """A clock that is so many days ahead."""

    def __init__(self, days: int) -> None:
        self.days = days

    def now(self) -> datetime.datetime:
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=self.days)


def in_days(place: Place, days: int) -> Warehouse:
    """The warehouse as a process opens it so many days from now."""
    found = place.warehouse()
    recorder = Recorder(ledger=found.ledger, clock=Later(days), randomness=found.recorder.randomness)
    found.__dict__["recorder"] = recorder
    return found


def enrolled(place: Place, name: str, role: str) -> Path:
    """One more person."""
    enrol(
        place.warehouse(),
        name=name,
        roles=[role],
        key_file=place.root / f"{name}.key",
        officer_keys=[place.root / "officer.key"],
        ask=lambda _: "",
        key_passphrase="",
    )
    return place.root / f"{name}.key"


@pytest.mark.slow
def test_a_house_goes_on_after_its_traces_have_gone(place: Place) -> None:
    auditor, second = enrolled(place, "audrey", "auditor"), enrolled(place, "anne", "officer")
    officers = [place.root / "officer.key", second]
    assert place.run("vault", "hash").code == 0  # leaves traces
    assert place.run("audit", "export", str(place.root / "kept")).code == 0
    shares = ceremony(place, place.root)
    before = place.warehouse().ledger.leaves()
    file = backed_up(place)
    traces = [event for event in place.events() if event.event_class == "trace"]
    month = traces[-1].time[:7]
    later = in_days(place, 40)
    assert not month_controlled(later, month).signed
    with pytest.raises(Refused, match="purge-uncontrolled"):
        purge_traces(in_days(place, 400), by=officers, ask=lambda _: "")
    for one in sorted({event.time[:7] for event in traces}):
        assert control_month(later, one, key_file=auditor, ask=lambda _: "", progress=Silence()).by == "audrey"
    assert len(purge_planned(in_days(place, 400)).leaves) >= len(traces)
    assert purge_traces(in_days(place, 400), by=officers, ask=lambda _: "") >= len(traces)
    listed = place.run("audit", "purge").answer["data"]["backups"]
    assert [one["id"] for one in listed] == [backup.id for backup in registered(place.events())]
    kept = (place.directory / "controller" / "ledger" / "leaves").read_bytes()
    lists = (place.directory / "controller" / "state.db").read_bytes()
    assert not any(event.salt.encode() in kept or event.time.encode() in lists for event in traces)
    told = place.run("audit", "verify", "--deep", "--since", str(place.root / "kept"))
    assert told.code == 0, told.told
    assert json.dumps(told.answer["data"]["findings"]).count("purged-covered") == 0
    assert place.body("warehouse").commit.space == "warehouse"
    assert place.run("permit", "list").answer["data"]["permits"]
    _old_backups_bring_nothing_back(place, shares, file, officers=officers, before=before)


def _old_backups_bring_nothing_back(
    place: Place, shares: list[tuple[bytes, str]], file: Path, *, officers: list[Path], before: list[bytes]
) -> None:
    """Of before the purge: refused beside a newer head; let go once the leaves after it are back. Of after it: let go at the restore."""

    told = [LedgerEvent.from_leaf(leaf) for leaf in before]
    salts = [event.salt for event in told if event.event_class == "trace"]

    def held(house: Place) -> bool:
        leaves = (house.directory / "controller" / "ledger" / "leaves").read_bytes()
        return any(salt.encode() in leaves for salt in salts)

    ledger, head = place.directory / "controller" / "ledger", place.root / "newest"
    assert place.run("audit", "export", str(head)).code == 0
    with pytest.raises(Refused, match="backup-older"):
        put_back(place, file, place.root / "refused", shares, head)
    machine = new_machine(place, place.root / "machine")
    put_back(place, file, machine.directory, shares)  # held to no head: the purge is unknown to it
    assert held(machine)
    recover(machine.directory, source=str(ledger), by=officers, ask=lambda _: "", witnessed=head, plan=False)
    assert not held(machine)
    here = place.warehouse().ledger.leaves()
    (ledger / "leaves").write_bytes(
        b"".join(map(record, [*before, *here[len(before) :]]))
    )  # a copy of before, put back
    assert held(place)
    again = new_machine(place, place.root / "again")
    take_backup(in_days(place, 401), place.root / "later", head=None, progress=Silence())
    put_back(place, place.root / "later", again.directory, shares)
    assert not held(again)
