# SPDX-License-Identifier: Apache-2.0
"""This machine as a compute node: its keys, what ``init`` declares of it, the client that asks in its name, the guard over nodes."""

import datetime
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.broker_client import BrokerClient
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.node_key import load_node_key, node_file, node_key_of
from rempart.adapters.surroundings import SystemRandomness
from rempart.hosts.guard import check_compute
from rempart.hosts.rules import host_rules
from rempart.keys.node_register import FOUNDING_DAYS
from rempart.records.descriptor import Declaration, HostDescriptor, NodeDescriptor, own_declaration
from rempart.records.document import SignedDocument
from rempart.records.signature import Signature
from rempart.wiring.key_store import keys_folder

NODE = "local"
"""Name of the node that ``init`` declares."""


def client(directory: Path) -> BrokerClient:
    """The broker of ``DIR``, asked in this node's name; nothing is read or reached yet."""

    @cache
    def node() -> Any:
        return load_node_key(node_file(directory))

    return BrokerClient(keys_folder(directory), node)


def node_public(directory: Path, name: str) -> dict[str, str]:
    """The public halves of this machine's node keys (``kem``, ``hpke``, ``signing``), made on first use.

    Raises Refused ``node-name`` when the keys there are another node's.
    """
    return node_key_of(node_file(directory), name, randomness=SystemRandomness()).public()


def declare_founding(
    directory: Path,
    *,
    operator: str,
    country: str,
    host: str | Declaration,
    today: datetime.date,
    sign: Callable[[str], Signature],
) -> list[str]:
    """Declare, by the one officer there is, this machine as a node and the first host: this machine too when ``host`` is but a name.
    The facts for ``init``'s leaf.

    Raises BadInput ``descriptor-field`` for a country that is none.
    """
    valid = (today, today + datetime.timedelta(days=FOUNDING_DAYS))
    here = partial(own_declaration, operator=operator, country=country, valid=valid)
    node, store = here(name=NODE), here(name=host) if isinstance(host, str) else host
    bodies = {
        "node": NodeDescriptor(declaration=node, **node_public(directory, NODE)).body,
        "host": HostDescriptor(declaration=store).body,
    }
    documents = DirectoryDocuments(directory / "controller" / "documents")
    return [f"{kind}:{documents.put(_signed(body, sign).data)}" for kind, body in bodies.items()]


def node_guard() -> Callable[[Mapping[str, Any], datetime.date], None]:
    """Whether a node's body may be given keys that day: the rules on hosts; raises Refused ``compute-…``."""
    rules = host_rules(package_data.toml("hosts/rules.toml"), package_data.toml("hosts/countries.toml"))
    return lambda body, on: check_compute(body, on, rules)


def _signed(body: Mapping[str, Any], sign: Callable[[str], Signature]) -> SignedDocument:
    over = SignedDocument(body=body, signatures=()).over
    return SignedDocument(body=body, signatures=(sign(over),))
