# SPDX-License-Identifier: Apache-2.0
"""``rempart audit catalogue``: the operator's words, the data's own numbers, their quality, as HealthDCAT-AP and a table."""

from collections import Counter
from pathlib import Path

from rempart.adapters import package_data
from rempart.adapters.dcat import described, json_ld, turtle, variables_csv
from rempart.adapters.ledger_files import replace
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput
from rempart.journeys.catalogue import catalogue
from rempart.ports.surroundings import Progress
from rempart.records.catalogue import CatalogueTold, operator_words
from rempart.wiring.quality import quality
from rempart.wiring.signing import today
from rempart.wiring.warehouse import Warehouse


def write_catalogue(warehouse: Warehouse, *, file: Path, to: Path, progress: Progress) -> CatalogueTold:
    """Write ``catalogue.jsonld``, ``catalogue.ttl`` and ``variables.csv``, over those of before.

    Raises BadInput ``catalogue-field``, ``file-unwritable``; what counting raises.
    """
    settings = package_data.toml("ingest/catalogue.toml")
    words = operator_words(read_toml(file), settings["form"], file=file.name)
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("file-unwritable", file=to.name) from error
    report = quality(warehouse, thresholds=None, progress=progress)
    with warehouse.queries() as new_query:
        told = catalogue(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            documents=warehouse.documents,
            new_query=new_query,
            layouts=warehouse.layouts,
            rules=package_data.toml("disclosure/rules.toml"),
            coarse=settings,
            progress=progress,
        )
    checks = Counter(str(finding.status) for finding in report.findings)
    whole = described(told, words, made=today().isoformat(), checks=checks)
    texts = {"catalogue.jsonld": json_ld(whole), "catalogue.ttl": turtle(whole), "variables.csv": variables_csv(told)}
    for name, text in texts.items():
        replace(to / name, text.encode())
    return told
