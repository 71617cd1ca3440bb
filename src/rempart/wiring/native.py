# SPDX-License-Identifier: Apache-2.0
"""``rempart vault native``: a file that an officer signs, which allows delivered tables to be sealed beside as they were read."""

from pathlib import Path

from rempart.adapters.delivery_reader import ingest_definitions
from rempart.adapters.gross_definitions import gross_definitions, with_native_tables
from rempart.adapters.toml_input import read_toml
from rempart.journeys.native import authorise, authorised
from rempart.records.native import NativePermit, native_permit
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


def authorise_native(warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask) -> NativePermit:
    """Sign the file as whoever holds the key, who must be an officer. Raises BadInput ``native-table`` for a table that there is not,
    Refused ``role-missing`` or ``native-expired``."""
    permit = native_permit(read_toml(file), file=file.name)
    permit.words(warehouse.recorder.clock.now().date())
    with_native_tables(gross_definitions(), ingest_definitions(), permit.tables, file=file.name)
    officer = signer(warehouse.trust, key_file, ask)
    signed = officer.document(permit.body)
    authorise(warehouse.recorder, warehouse.documents, signed, trust=warehouse.trust, actor=officer.salted)
    return native_in_force(warehouse)


def native_in_force(warehouse: Warehouse) -> NativePermit:
    """What the ledger allows; raises as ``journeys.native.authorised``."""
    return authorised(warehouse.ledger.leaves(), warehouse.documents, warehouse.trust)
