# SPDX-License-Identifier: Apache-2.0
"""Random mutations of what a host holds: each is a whole other store, made from a seed. Judges nothing."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Store = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """``store``: what the host truly holds; ``older``: whole states that it held before; ``elsewhere``: another warehouse's."""

    store: Store
    older: tuple[Store, ...]
    elsewhere: Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """``told``: what was done, so that it can be repeated by hand; ``store``: what the host holds now."""

    kind: str
    told: str
    store: Store


def _named(material: Material) -> list[str]:
    """Objects that the ledger or a manifest names; a pointer is a hint that nobody reads."""
    return sorted(name for name in material.store if not name.startswith("s/"))


def _with(material: Material, **changed: bytes) -> Store:
    return {**material.store, **changed}


def bit_flip(chance: random.Random, material: Material) -> tuple[str, Store]:
    name = chance.choice(_named(material))
    data = bytearray(material.store[name])
    at, bit = chance.randrange(len(data)), chance.randrange(8)
    data[at] ^= 1 << bit
    return f"{name} byte {at} bit {bit}", {**material.store, name: bytes(data)}


def truncate(chance: random.Random, material: Material) -> tuple[str, Store]:
    name = chance.choice(_named(material))
    size = len(material.store[name])
    left = chance.choice([0, 1, size - 1, size - 16, chance.randrange(size)])
    return f"{name} to {left} of {size}", {**material.store, name: material.store[name][: max(0, left)]}


def extend(chance: random.Random, material: Material) -> tuple[str, Store]:
    name = chance.choice(_named(material))
    more = chance.choice([b"\0", b"\0" * 16, chance.randbytes(chance.randrange(1, 300)), material.store[name]])
    return f"{name} by {len(more)}", {**material.store, name: material.store[name] + more}


def swap(chance: random.Random, material: Material) -> tuple[str, Store]:
    one, other = chance.sample(_named(material), 2)
    return f"{one} with {other}", {**material.store, one: material.store[other], other: material.store[one]}


def delete(chance: random.Random, material: Material) -> tuple[str, Store]:
    gone = chance.sample(_named(material), chance.choice([1, 1, 1, 2, 5]))
    return " ".join(gone), {name: data for name, data in material.store.items() if name not in gone}


def replay_object(chance: random.Random, material: Material) -> tuple[str, Store]:
    """An object's bytes replaced by those of one that the host held before: parts for parts, manifests and keyrings for theirs."""
    name = chance.choice(_named(material))
    old = chance.choice(material.older)
    which = chance.choice([n for n in sorted(old) if n[0] == name[0] and n != name] or sorted(old))
    return f"{which} as {name}", {**material.store, name: old[which]}


def replay_state(chance: random.Random, material: Material) -> tuple[str, Store]:
    """The host as it was, with none or some of what came later."""
    old = chance.choice(material.older)
    newer = [name for name in _named(material) if name not in old]
    kept = chance.sample(newer, chance.randrange(len(newer))) if chance.random() < 0.7 else []
    return f"{len(old)} objects and {len(kept)} of {len(newer)} newer", {**old, **{n: material.store[n] for n in kept}}


def foreign_part(chance: random.Random, material: Material) -> tuple[str, Store]:
    """Another warehouse's object under the name of one of ours."""
    name = chance.choice(_named(material))
    which = chance.choice([other for other in sorted(material.elsewhere) if other[0] == name[0]])
    return f"{which} as {name}", {**material.store, name: material.elsewhere[which]}


KINDS: Mapping[str, Callable[[random.Random, Material], tuple[str, Store]]] = {
    "bit flip": bit_flip,
    "truncate": truncate,
    "extend": extend,
    "swap": swap,
    "delete": delete,
    "replay of an older object": replay_object,
    "replay of an older state": replay_state,
    "object of another warehouse": foreign_part,
}


def mutations(material: Material, *, count: int, seed: int) -> Iterator[Mutation]:
    """``count`` mutations, the kinds in turn; one that changed nothing is drawn again."""
    chance, kinds = random.Random(seed), list(KINDS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        told, store = KINDS[kind](chance, material)
        while store == material.store:
            told, store = KINDS[kind](chance, material)
        yield Mutation(kind=kind, told=told, store=store)
