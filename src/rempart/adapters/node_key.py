# SPDX-License-Identifier: Apache-2.0
"""This compute node's private keys: ``DIR/controller/node/node.key``, mode 0600. Whoever can read it can be this node."""

from pathlib import Path

from rempart.adapters.private_file import create_private, read_private
from rempart.errors import Missing, Refused
from rempart.keys.node import NodeKey
from rempart.ports.surroundings import Randomness

NAME = "node.key"
UNNAMED = "local"


def node_file(directory: Path) -> Path:
    """Where the node of a warehouse folder keeps its keys."""
    return directory / "controller" / "node" / NAME


def load_node_key(path: Path) -> NodeKey:
    """The keys; raises Refused ``node-unknown`` when this machine has none, ``file-open-to-others``; NotTrusted ``node-key-form``."""
    try:
        return NodeKey.from_bytes(read_private(path))
    except Missing as error:
        raise Refused("node-unknown", node=UNNAMED) from error


def create_node_key(path: Path, name: str, *, randomness: Randomness) -> NodeKey:
    """New keys for a node of that name; raises Refused ``file-exists``."""
    made = NodeKey.fresh(name, randomness)
    create_private(path, made.as_bytes())
    return made


def node_key_of(path: Path, name: str, *, randomness: Randomness) -> NodeKey:
    """The keys of the node of that name, made when there are none; raises Refused ``node-name`` when they are another's."""
    if not path.exists():
        return create_node_key(path, name, randomness=randomness)
    found = load_node_key(path)
    if found.name != name:
        raise Refused("node-name", node=name, known=found.name)
    return found
