# SPDX-License-Identifier: Apache-2.0
"""A warehouse folder with its keys, trust file and ledger, whose broker really runs as a process. Tests nothing."""

import base64
import contextlib
import datetime
from pathlib import Path

from rempart.adapters.configuration import Configuration, write_configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.person_key import create_person_key, load_person_key
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.adapters.trust_files import save_trust
from rempart.errors import Unavailable
from rempart.journeys.persons import first_trust
from rempart.journeys.recorded import Recorder
from rempart.keys.root_key import QUICK
from rempart.keys.store_secret import passphrase_secret
from rempart.ports.broker import GrantRequest
from rempart.records.sealed import KeyContext
from rempart.records.signature import Signature, sign
from rempart.records.trust import TrustEntry, TrustFile
from rempart.wiring.broker import keys_init, start_broker
from rempart.wiring.key_store import keys_folder
from rempart.wiring.nodes import client, declare_founding

PASSPHRASE = "correct horse battery"
SECRET = passphrase_secret(PASSPHRASE)
ORIGIN = "rempart/test"


class BrokerHouse:
    """``start`` starts the broker; ``recorder`` writes leaves that it signs; ``stop`` ends it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        self.public = keys_init(directory, SECRET, SystemRandomness(), cost=QUICK)
        trust = self._trust()
        save_trust(self.keys, trust)
        write_configuration(
            directory,
            Configuration(
                warehouse="w",
                controller='The "controller" \\ Ä\n',
                trust_first=trust.id,
                ledger_origin=ORIGIN,
                ledger_public=self.public["ledger_public"],
                vault_public=self.public["vault_public"],
                shards=4,
            ),
        )
        self.declared = declare_founding(
            directory,
            operator="tests",
            country="FR",
            host="directory",
            today=SystemClock().now().date(),
            sign=self._sign,
        )
        self.client = client(directory)

    @property
    def keys(self) -> Path:
        """``DIR/controller/keys``."""
        return keys_folder(self.directory)

    def start(self, *, minutes: int = 5) -> dict[str, str | int]:
        """Start the broker's process; swap is allowed, since a test machine is what it is."""
        status = start_broker(self.directory, secret=SECRET, minutes=minutes, swap_allowed=True, quick_allowed=True)
        if self.ledger().size() == 0:
            self.begin()
        return status

    def begin(self) -> None:
        """The first leaf, as ``init`` writes it: it declares the node."""
        recorder = self.recorder()
        recorder.append(recorder.event("init", "intent", basis="operation:init", objects=self.declared))

    def stop(self) -> None:
        """Lock, if it runs."""
        with contextlib.suppress(Unavailable):
            self.client.lock()

    def recorder(self) -> Recorder:
        """Writes leaves under checkpoints that the broker signs."""
        return Recorder(ledger=self.ledger(), clock=SystemClock(), randomness=SystemRandomness())

    def ledger(self) -> DirectoryLedger:
        """The ledger as another process sees it."""
        return DirectoryLedger(
            self.directory / "controller" / "ledger",
            origin=ORIGIN,
            public=self.public["ledger_public"],
            sign=lambda text: self.client.sign("ledger", text),
        )

    def ingest(self) -> int:
        """An open ingest; its index."""
        recorder = self.recorder()
        return recorder.append(
            recorder.event("ingest", "intent", basis="operation:ingest", objects=["space:warehouse"])
        )

    def _trust(self) -> TrustFile:
        path = self.directory / "olga.pem"
        public = create_person_key(path, randomness=SystemRandomness())
        entry = TrustEntry(
            actor="olga",
            roles=("officer",),
            alg="ed25519",
            public=base64.b64encode(public).decode(),
            valid_from=datetime.date(2000, 1, 1),
            valid_to=datetime.date(2100, 1, 1),
            salt="00" * 16,
        )
        return first_trust([entry], sign=self._sign, now=SystemClock().now())

    def _sign(self, over: str) -> Signature:
        return sign(load_person_key(self.directory / "olga.pem"), actor="olga", over=over)


def correspondence(part: str = "p1") -> KeyContext:
    """A context that an ingest may write and read."""
    return KeyContext(warehouse="w", space="warehouse", table="correspondence", sibling="main", part=part, epoch=1)


def both_ways(intent: int) -> GrantRequest:
    """A request to write and read it."""
    place = ("warehouse", "correspondence", "main")
    return GrantRequest(intent=intent, tables=((*place, "write"), (*place, "read")), secrets=("identity",))
