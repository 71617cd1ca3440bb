# SPDX-License-Identifier: Apache-2.0
"""What a host can infer, in words: each number with what follows from it."""

from typing import Any

from rempart.cli.voice import Voice

_MOST = 12  # buckets shown; all of them stand in --json


def say_leakage(voice: Voice, found: dict[str, Any]) -> None:
    """Print an account of leaks as measured by ``hosts.leakage``."""
    rows = [(voice.word(f"leak-{kind}"), told["count"], told["bytes"]) for kind, told in found["objects"].items()]
    voice.table(["column-kind", "column-count", "column-bytes"], rows)
    _say_sizes(voice, found)
    _say_chains(voice, found)
    keys, pointers = found["keys"], found["pointers"]
    epochs = ", ".join(str(epoch) for epoch in keys["epochs"]) or "–"
    voice.say("leak-keys", wrapped=keys["wrapped"], keyrings=keys["keyrings"], epochs=epochs)
    if pointers["count"]:
        voice.say("leak-pointers", count=pointers["count"], least=pointers["least"], most=pointers["most"])
    arrivals = found["arrivals"]
    if arrivals is None:
        voice.say("leak-arrivals-unknown")
    else:
        first, last = voice.when(arrivals["first"]), voice.when(arrivals["last"])
        voice.say("leak-arrivals", first=first, last=last, days=len(arrivals["days"]))
    voice.say("leak-reads")
    voice.say("leak-foreign-there" if found["objects"]["foreign"]["count"] else "leak-nothing-else")


def _say_sizes(voice: Voice, found: dict[str, Any]) -> None:
    most = sorted(found["sizes"], key=lambda pair: (-pair[1], pair[0]))[:_MOST]
    voice.table(["column-bucket", "column-count"], [(size, count) for size, count in sorted(most)])
    alone = sum(1 for _, count in found["sizes"] if count == 1)
    voice.say("leak-sizes", buckets=len(found["sizes"]), alone=alone, outside=found["outside_buckets"])


def _say_chains(voice: Voice, found: dict[str, Any]) -> None:
    rows = [
        (number, chain["snapshots"], chain["parts"], chain["bytes"], ", ".join(str(count) for count in chain["added"]))
        for number, chain in enumerate(found["chains"], 1)
    ]
    voice.table(["column-space", "column-snapshots", "column-parts", "column-bytes", "column-added"], rows)
    voice.say("leak-chains", spaces=len(rows), warehouses=len(found["warehouses"]), unlisted=found["unlisted_parts"])
