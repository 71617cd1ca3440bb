# SPDX-License-Identifier: Apache-2.0
"""Joins ports to adapters for a process that works on one warehouse: the only place that knows both."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.allocator import tune_allocator
from rempart.adapters.cache_directory import CacheDirectory
from rempart.adapters.configuration import Configuration, read_configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.duckdb_query import DuckDBQuery, engine_version
from rempart.adapters.hardening import harden
from rempart.adapters.machine import cores
from rempart.adapters.part_files import PartFiles
from rempart.adapters.process_pool import ProcessPool
from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.adapters.trust_files import load_trust
from rempart.journeys.recorded import Recorder
from rempart.journeys.space import Vault
from rempart.ports.broker import Broker
from rempart.ports.host import Host
from rempart.records.omop import TableLayout, layouts, whole_layouts
from rempart.records.trust import TrustFile
from rempart.wiring.broker import connect
from rempart.wiring.hosts import active_host, folder_of, open_host
from rempart.wiring.ledger import open_ledger
from rempart.wiring.nodes import client
from rempart.wiring.receipts import giver


@dataclass(frozen=True)
class Warehouse:
    """One warehouse folder, its adapters made when first asked for. Passed to wiring functions only, never to a journey.

    ``agent``: who is asked for keys instead of the broker, on a cluster's node.
    """

    directory: Path
    agent: Broker | None = None

    @property
    def controller(self) -> Path:
        """The controller's folder."""
        return self.directory / "controller"

    @cached_property
    def configuration(self) -> Configuration:
        """``rempart.toml``; raises Missing ``warehouse-missing``."""
        return read_configuration(self.directory)

    @cached_property
    def broker(self) -> Broker:
        """The broker's client."""
        return self.agent or connect(self.directory)

    @cached_property
    def ledger(self) -> DirectoryLedger:
        """The ledger, held to the exported checkpoint where one is named; checkpoints are signed by the broker."""
        return open_ledger(self.directory, self.configuration, sign=lambda body: self.broker.sign("ledger", body))

    @property
    def active_host(self) -> str:
        """The name of the host that holds the warehouse now."""
        return active_host(self.ledger.leaves(), self.configuration)

    @property
    def host_folder(self) -> Path:
        """Where the active host lies, if that is a directory; raises Refused ``host-no-folder``."""
        return folder_of(self.directory, self.configuration, self.active_host)

    @cached_property
    def host(self) -> Host:
        """The host that was active when first asked for, a far one behind the cache; raises as ``open_host``."""
        return open_host(self.directory, self.configuration, self.active_host, cached=True)

    @cached_property
    def vault(self) -> Vault:
        """What reading and writing spaces needs; a process that may hold plaintext is hardened first."""
        self._harden()
        return self._vault(lambda: self.broker)

    @property
    def closed_vault(self) -> Vault:
        """The same for lists, which open nothing: whether a broker answers is asked only if something is to be opened after all."""
        return self._vault(lambda: self.agent or client(self.directory))

    def _vault(self, broker: Callable[[], Broker]) -> Vault:
        settings = self.configuration  # first: where there is no warehouse, no broker is what is missing
        return Vault(
            warehouse=settings.warehouse,
            public=settings.vault_public,
            host=self.host,
            ledger=self.ledger,
            broker=broker(),
        )

    @cached_property
    def documents(self) -> DirectoryDocuments:
        """Content-addressed documents."""
        return DirectoryDocuments(self.controller / "documents")

    @cached_property
    def scratch(self) -> ScratchDirectory:
        """Sealed scratch."""
        return ScratchDirectory(self.controller / "scratch")

    @cached_property
    def cache(self) -> CacheDirectory:
        """Sealed evidence that is kept from run to run."""
        return CacheDirectory(self.controller / "cache")

    @property
    def trust(self) -> TrustFile:
        """The newest trust file, its chain proven; read anew each time, since persons are added."""
        return load_trust(self.controller / "keys", self.configuration.trust_first)

    @cached_property
    def recorder(self) -> Recorder:
        """Writes ledger leaves; gives receipts where REMPART_RECEIPTS names a folder."""
        told = giver(self.ledger)
        return Recorder(ledger=self.ledger, clock=SystemClock(), randomness=SystemRandomness(), told=told)

    @cached_property
    def layouts(self) -> dict[str, TableLayout]:
        """Layout of the research tables."""
        return layouts(package_data.toml("records/omop54.toml"))

    @cached_property
    def study_layouts(self) -> dict[str, TableLayout]:
        """Layout of all that a study may read: research tables, and tables without persons."""
        return {**self.layouts, **whole_layouts(package_data.toml("records/omop54.toml"))}

    def engine(self, workers: int | None = None, *, memory: int | None = None) -> ProcessPool:
        """Local worker processes: one a core unless told, each of ``memory`` bytes at most (its share of what is free unless told)."""
        return ProcessPool(self.directory, workers=workers or cores(), memory=memory, made_by=engine_version())

    def new_query(self, *, threads: int = 2, memory: str = "8GB", files: PartFiles | None = None) -> DuckDBQuery:
        """A fresh in-memory query session, with memory files of its own or from a pool that its caller empties; the process is
        hardened first, whatever it will read."""
        self._harden()
        return DuckDBQuery(threads=threads, memory_limit=memory, files=files)

    @contextmanager
    def queries(self) -> Iterator[Callable[[], DuckDBQuery]]:
        """Sessions, one after another, that reuse each other's memory files; those are empty when the block is left."""
        files = PartFiles()
        try:
            yield lambda: self.new_query(files=files)
        finally:
            files.close()

    @staticmethod
    def _harden() -> None:
        harden(swap_allowed=os.environ.get("REMPART_UNENCRYPTED_SWAP") == "allowed")
        tune_allocator()
