# SPDX-License-Identifier: Apache-2.0
"""The acts of the command line on a warehouse: each builds what its journey needs and calls it."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.boosting import Boosting
from rempart.adapters.configuration import Configuration, write_configuration
from rempart.adapters.duckdb_query import engine_version
from rempart.adapters.host_connection import Connection
from rempart.adapters.key_store_settings import KeyStoreSettings
from rempart.adapters.person_key import create_person_key, load_person_key
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.adapters.toml_input import read_toml
from rempart.adapters.trust_files import save_trust
from rempart.errors import BadInput, Refused, RempartError, Unavailable
from rempart.journeys.formula import read_formula
from rempart.journeys.grant import Granted, grant
from rempart.journeys.living import living
from rempart.journeys.objection_application import running_permits
from rempart.journeys.permits import events, find_permit
from rempart.journeys.persons import first_trust, new_entry
from rempart.journeys.recorded import recorded
from rempart.journeys.release import INVENTED
from rempart.journeys.study import StudyRun, run_study
from rempart.journeys.study_work import Runner
from rempart.keys.store_secret import StoreSecret
from rempart.ports.engine import Engine
from rempart.ports.surroundings import Progress
from rempart.records.omop import whole_layouts
from rempart.records.permit import Permit, permit_from_dict
from rempart.records.signature import Signature, sign
from rempart.records.study import Study
from rempart.records.trust import TrustFile
from rempart.wiring.broker import keys_init, start_broker
from rempart.wiring.first_host import FirstHost, begin_host
from rempart.wiring.host_register import writable
from rempart.wiring.nodes import declare_founding
from rempart.wiring.projects import check_agreed
from rempart.wiring.signing import Ask, signer, today
from rempart.wiring.spark import POOL, engine_called
from rempart.wiring.study_files import one_study
from rempart.wiring.warehouse import Warehouse

_SUBFOLDERS = (
    "controller",  # by itself: the mode is that of the last folder of a path
    "controller/keys",
    "controller/documents",
    "controller/ledger",
    "controller/node",
    "controller/scratch",
    "public/releases",
)
_INGESTS = "I-"  # how the id of an ingest or a compaction begins


def no_step(_: str) -> None:
    """Where a test would stop the process."""


def init_warehouse(
    directory: Path,
    *,
    controller: str,
    officer: str,
    officer_key: Path,
    secret: StoreSecret,
    key_passphrase: str,
    shards: int,
    minutes: int,
    keys: KeyStoreSettings,
    country: str = "FR",
    operator: str = "",
    host: FirstHost | None = None,
    invented: bool = False,
) -> dict[str, Any]:
    """Make a warehouse: folders, keys, first officer, trust file, configuration, then its first ledger leaf.

    The first officer declares this machine as a node of ``operator`` (else the controller itself) in ``country``, and the first host.
    ``invented``: its persons are nobody, said in its first leaf: nothing of it can be submitted.
    """
    first = host or FirstHost()
    _begin(directory, officer_key, first)
    public = keys_init(directory, secret, SystemRandomness(), settings=keys)
    trust, sign_as_officer = _first_officer(directory, officer, officer_key, key_passphrase)
    settings = _settings(controller, public, trust=trust.id, shards=shards, host=first.connection, keys=keys)
    write_configuration(directory, settings)
    status = start_broker(directory, secret=secret, minutes=minutes)
    declared = declare_founding(
        directory,
        operator=operator or controller,
        country=country,
        host=first.declaration or first.connection.kind,
        today=today(),
        sign=sign_as_officer,
    )
    objects = [f"warehouse:{settings.warehouse}", f"trust:{trust.id}", *declared, *([INVENTED] if invented else [])]
    with recorded(Warehouse(directory).recorder, "init", basis="operation:init", objects=objects):
        pass
    return {"warehouse": settings.warehouse, "trust": trust.id, "expires": status["expires"]}


def _begin(directory: Path, officer_key: Path, first: FirstHost) -> None:
    """Folders and first host, where no warehouse is yet; raises Refused ``warehouse-exists``, ``file-exists``."""
    if (directory / "rempart.toml").exists():
        raise Refused("warehouse-exists")
    if officer_key.exists():
        raise Refused("file-exists", file=officer_key.name)
    make_folders(directory)
    begin_host(directory, first)


def _settings(
    controller: str, public: Mapping[str, bytes], *, trust: str, shards: int, host: Connection, keys: KeyStoreSettings
) -> Configuration:
    """A new warehouse's configuration, with its id."""
    warehouse = secrets.token_hex(16)
    return Configuration(
        warehouse=warehouse,
        controller=controller,
        trust_first=trust,
        ledger_origin=f"rempart/{warehouse}",
        ledger_public=public["ledger_public"],
        vault_public=public["vault_public"],
        shards=shards,
        host=host,
        keys=keys,
    )


def make_folders(directory: Path) -> None:
    """The folders of a warehouse, those of the controller and the host closed to other accounts; BadInput ``file-unwritable``."""
    try:
        for folder in _SUBFOLDERS:
            (directory / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:  # a file stands where a folder should, or the place is not ours
        raise BadInput("file-unwritable", file=directory.name) from error


def _first_officer(
    directory: Path, officer: str, key_file: Path, passphrase: str
) -> tuple[TrustFile, Callable[[str], Signature]]:
    """Version 1 of the trust file, with one officer who signs it."""
    public = create_person_key(key_file, randomness=SystemRandomness(), passphrase=passphrase or None)
    private = load_person_key(key_file, passphrase=passphrase or None)
    entry = new_entry(actor=officer, roles=["officer"], public=public, today=today(), salt=secrets.token_hex(16))
    sign_as_officer = partial(sign, private, actor=officer)
    trust = first_trust([entry], sign=lambda over: sign_as_officer(over=over), now=SystemClock().now())
    save_trust(directory / "controller" / "keys", trust)
    return trust, lambda over: sign_as_officer(over=over)


def read_permit_file(path: Path) -> Permit:
    """A permit file, parsed and validated."""
    return permit_from_dict(read_toml(path), file=path.name)


def grant_permit(
    warehouse: Warehouse,
    *,
    file: Path,
    key_file: Path,
    ask: Ask,
    progress: Progress,
    named_step: Callable[[str], None] = no_step,
    formula: str | None = None,
) -> Granted:
    """Sign the permit as a committee member and create the project dataset; Unavailable ``ingest-under-way`` while an ingest runs.

    ``formula``: id of how an earlier dataset was made, to make it again."""
    permit = read_permit_file(file)
    forget_ended(warehouse)
    _not_while_ingesting(warehouse)
    member = signer(warehouse.trust, key_file, ask)
    if "committee" not in member.entry.roles:
        raise Refused("role-missing", actor=member.entry.actor, role="committee")
    permit.check_not_own(member.entry.actor)
    check_agreed(warehouse, permit)
    writable(warehouse)
    run = new_run("G")
    with living(warehouse.scratch, warehouse.recorder, run), warehouse.queries() as new_query:
        return grant(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            documents=warehouse.documents,
            scratch=warehouse.scratch,
            new_query=new_query,
            permit=permit,
            signed=member.document(permit.as_dict()),
            actor=member.salted,
            layouts=warehouse.layouts,
            whole=whole_layouts(package_data.toml("records/omop54.toml")),
            shards=warehouse.configuration.shards,
            run=run,
            progress=progress,
            named_step=named_step,
            formula=read_formula(warehouse.documents, formula) if formula else None,
        )


def _not_while_ingesting(warehouse: Warehouse) -> None:
    """A dataset made now would be of the tables before, or of none; raises Unavailable ``ingest-under-way``."""
    for run in warehouse.scratch.at_work(_INGESTS):
        raise Unavailable("ingest-under-way", run=run)


def read_study_file(path: Path, variant: str | None = None) -> Study:
    """A study file, parsed and validated with all its variants: the study itself, or the variant of that name."""
    return one_study(path, variant)


def run_study_file(
    warehouse: Warehouse,
    *,
    file: Path,
    key_file: Path,
    ask: Ask,
    progress: Progress,
    engine: str = POOL,
    workers: int | None = None,
    memory: int | None = None,
    fresh: bool = False,
    variant: str | None = None,
) -> StudyRun:
    """Sign the study as its author and run it on the engine of that name; ``workers`` (one a core), each of ``memory`` bytes at most
    (its share of what is free); ``fresh``: compute everything anew, and keep nothing for later runs."""
    study = read_study_file(file, variant)
    author = signer(warehouse.trust, key_file, ask)
    forget_ended(warehouse)
    with engine_called(warehouse, engine, workers=workers, memory=memory) as chosen:
        runner = study_runner(warehouse, chosen, progress=progress, fresh=fresh)
        return run_study(runner, signed=author.document(study.as_dict()), actor_salted=author.salted)


def study_runner(warehouse: Warehouse, engine: Engine, *, progress: Progress, fresh: bool) -> Runner:
    """What a run needs, on an engine that is ready."""
    return Runner(
        vault=warehouse.vault,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        scratch=warehouse.scratch,
        engine=engine,
        trust=warehouse.trust,
        layouts=warehouse.study_layouts,
        progress=progress,
        cache=None if fresh else warehouse.cache,
        made_by=engine_version(),
        standards=package_data.toml("study/standards.toml"),
        learner=Boosting(),
    )


def forget_ended(warehouse: Warehouse) -> None:
    """Remove what is kept of projects whose permit has ended or whose keys are erased.

    A permit ends by its date, so nothing runs at its end: commands on studies, permits and deliveries call this before they do their own
    work. It never stands in their way: of permits that cannot be read, the audit tells.
    """
    if warehouse.cache.empty:
        return
    with suppress(RempartError):
        alive = running_permits(warehouse.ledger, warehouse.recorder, warehouse.documents, warehouse.trust)
        warehouse.cache.retain([permit.space for permit in alive])


def permit_of(warehouse: Warehouse, permit: str) -> Permit:
    """The permit of that id, from the ledger."""
    return find_permit(events(warehouse.ledger), warehouse.documents, warehouse.trust, permit)


def new_run(letter: str) -> str:
    """A fresh run id."""
    return f"{letter}-{secrets.token_hex(8)}"


def example(name: str, folder: Path) -> None:
    """Write the example files of a study to a folder (permit.toml, study.toml)."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in package_data.names(f"examples/{name}", ".toml"):
        (folder / file).write_text(package_data.text(f"examples/{name}/{file}"), encoding="utf-8")
