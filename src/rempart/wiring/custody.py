# SPDX-License-Identifier: Apache-2.0
"""The ceremony: custody made and split, the root key handed over to it, the record kept. Asks nobody: it is given passphrases."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rempart.adapters.broker_lock import no_broker
from rempart.adapters.hardening import harden
from rempart.adapters.key_file import KeyFile
from rempart.adapters.private_file import create_private, replace_private
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.errors import BadInput, Refused
from rempart.journeys.recorded import recorded
from rempart.keys.custody import Custody, check_plan, make_custody, split
from rempart.keys.root_key import STANDARD, Cost
from rempart.keys.share_file import Share, make_share_file, open_custody
from rempart.keys.store_secret import StoreSecret
from rempart.ports.key_store import KeyStore
from rempart.wiring.broker import LONGEST_MINUTES, start_broker
from rempart.wiring.key_store import CUSTODY, ROOT, finish, keys_folder, open_store
from rempart.wiring.signing import Ask, signer, today
from rempart.wiring.warehouse import Warehouse

SCHEMA = "rempart.ceremony/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``threshold`` of ``custodians`` open what is handed over; their share files go to ``folder``. Raises BadInput
    ``custody-plan``, ``custodian-name``, ``file-unwritable``; Refused ``file-exists``."""

    threshold: int
    custodians: tuple[str, ...]
    folder: Path

    def __post_init__(self) -> None:
        check_plan(self.threshold, self.custodians)
        if self.folder.exists() and not self.folder.is_dir():
            raise BadInput("file-unwritable", file=self.folder.name)
        for name in self.custodians:
            if self.file(name).exists():
                raise Refused("file-exists", file=self.file(name).name)

    def file(self, name: str) -> Path:
        """A custodian's share file."""
        return self.folder / f"{name}.share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What people typed: each custodian's passphrase, and what opens the store as it is."""

    passphrases: Mapping[str, str] = field(repr=False)
    secret: StoreSecret
    minutes: int
    cost: Cost = STANDARD

    def __post_init__(self) -> None:
        if not 1 <= self.minutes <= LONGEST_MINUTES:  # before the broker that is there is locked
            raise BadInput("broker-minutes", minutes=self.minutes, most=LONGEST_MINUTES)


def hold_ceremony(warehouse: Warehouse, plan: Plan, given: Given, *, by: Path, ask: Ask) -> Custody:
    """Make the custody, write the share files, hand the root key over where it is a file; the broker serves again afterwards.

    Raises as ``Plan``, ``open_store``, ``signing.signer``; BadInput ``passphrase-short``; Refused ``role-missing``.
    """
    harden(swap_allowed=os.environ.get("REMPART_UNENCRYPTED_SWAP") == "allowed")
    officer = signer(warehouse.trust, by, ask)
    if "officer" not in officer.entry.roles:
        raise Refused("role-missing", actor=officer.entry.actor, role="officer")
    store = _opened(warehouse, given)
    custody, secret = make_custody(plan.threshold, plan.custodians, made=today(), randomness=SystemRandomness())
    files = _share_files(custody, secret, given)
    body = {"schema": SCHEMA, "custody": custody.id, "threshold": custody.threshold, "date": custody.made.isoformat()}
    document = warehouse.documents.put(officer.document(body).data)
    objects = [f"custody:{custody.id}", f"document:{document}"]
    basis = "operation:ceremony"
    with recorded(warehouse.recorder, "ceremony", basis=basis, objects=objects, actor=officer.salted):
        for name, data in files.items():
            create_private(plan.file(name), data)
        _hand_over(warehouse, store, custody, secret, given=given, files=files)
    return custody


def _hand_over(
    warehouse: Warehouse,
    store: KeyStore,
    custody: Custody,
    secret: bytes,
    *,
    given: Given,
    files: Mapping[str, bytes],
) -> None:
    folder = keys_folder(warehouse.directory)
    if not isinstance(store, KeyFile):
        replace_private(folder / CUSTODY, custody.to_bytes())
        return
    warehouse.broker.lock()
    with no_broker(folder):
        handed = store.hand_over(folder / ROOT, custody, secret)
        keys = open_table_keys(folder / "table-keys.json", store=handed, randomness=SystemRandomness())
        finish(warehouse.directory, handed, keys)
    shares = tuple((files[name], given.passphrases[name]) for name in custody.custodians[: custody.threshold])
    quick = not given.cost.is_enough()
    start_broker(
        warehouse.directory,
        secret=StoreSecret(kind="shares", shares=shares),
        minutes=given.minutes,
        quick_allowed=quick,
    )


def _opened(warehouse: Warehouse, given: Given) -> KeyStore:
    """The store as it is, opened in this process too: whoever holds a ceremony can open it."""
    settings, quick = warehouse.configuration.keys, not given.cost.is_enough()
    randomness = SystemRandomness()
    return open_store(warehouse.directory, settings, given.secret, randomness=randomness, quick_allowed=quick)


def _share_files(custody: Custody, secret: bytes, given: Given) -> dict[str, bytes]:
    """Each custodian's file; all of them are opened again before anything depends on them."""
    randomness, quick = SystemRandomness(), not given.cost.is_enough()
    words = split(secret, custody.threshold, custody.custodians, randomness)
    files = {
        name: make_share_file(
            Share(ceremony=custody.ceremony, custodian=name, words=words[name]),
            given.passphrases[name],
            randomness=randomness,
            cost=given.cost,
        )
        for name in custody.custodians
    }
    shares = [(files[name], given.passphrases[name]) for name in custody.custodians]
    for start in range(len(shares)):
        turned = (shares + shares)[start : start + custody.threshold]
        open_custody(custody, turned, quick_allowed=quick)
    return files
