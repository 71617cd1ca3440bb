# SPDX-License-Identifier: Apache-2.0
"""The certificate of a move: what it says as data, and as a page for people. Signs nothing: a leaf of the ledger names its hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.migration.order import MoveOrder, MoveReport

SCHEMA = "rempart.move-certificate/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """An inventory in three facts. ``root``: ``sha256:…`` of the RFC 6962 tree over its entries."""

    root: str
    objects: int
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"root": self.root, "objects": self.objects, "bytes": self.bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Afterwards:
    """What was done since the cut-over. ``now``: what lies on the target at this moment, by the ledger and its manifests; ``spaces``:
    how many there are; ``rotated``: of these, how many have a younger key epoch; ``erasures``: ids of erasure certificates;
    ``deletion``: (objects asked for, still listed, instant), None when nothing was asked."""

    now: Count
    spaces: int
    rotated: int
    erasures: Sequence[str]
    deletion: tuple[int, int, str] | None


def certificate_body(
    order: MoveOrder,
    report: MoveReport,
    after: Afterwards,
    *,
    controller: str,
    made: str,
    kept: tuple[int, str],
    cutover: Mapping[str, Any],
) -> dict[str, Any]:
    """What is certified. ``kept``: (size, root) of the checkpoint from outside that the move began from; ``cutover``: its leaf's index
    and time, its document's id, its officers and their public keys."""
    deletion = after.deletion and dict(zip(("asked", "left", "time"), after.deletion, strict=True))
    return {
        "schema": SCHEMA,
        "warehouse": order.warehouse,
        "controller": controller,
        "move": order.move,
        "made": made,
        "from": {"name": order.source.name, "kind": str(order.source.connection["kind"])},
        "to": {"name": order.target.name, "kind": str(order.target.connection["kind"])},
        "source": Count(root=report.root, objects=report.objects, bytes=report.bytes).as_dict(),
        "target": Count(root=report.proven, objects=report.objects, bytes=report.bytes).as_dict(),
        "now": after.now.as_dict(),
        "ledger": {"origin": order.origin, "kept": {"size": kept[0], "root": kept[1]}, "proven": report.size},
        "cutover": dict(cutover),
        "keys": {"spaces": after.spaces, "rotated": after.rotated, "erasures": list(after.erasures)},
        "deletion": deletion,
        "mover": {
            "milliseconds": round(report.seconds * 1000),
            "memory": report.memory,
            "copied": report.copied,
            "already": report.already,
            "replaced": report.replaced,
        },
    }


def page(body: Mapping[str, Any], *, document: str, words: Mapping[str, Any]) -> str:
    """The certificate as Markdown, in the language of ``words``; ``document``: the certificate's own id."""
    said, keys, deletion = words["page"], body["keys"], body["deletion"]
    facts = {
        "controller": body["controller"],
        "warehouse": body["warehouse"],
        "move": body["move"],
        "made": body["made"],
        "from": f"{body['from']['name']} ({body['from']['kind']})",
        "to": f"{body['to']['name']} ({body['to']['kind']})",
        "objects": said["count"].format(**body["source"]),
        "source-root": f"`{body['source']['root']}`",
        "target-root": f"`{body['target']['root']}`",
        "now-root": f"`{body['now']['root']}`",
        "kept": said["leaves"].format(size=body["ledger"]["kept"]["size"]),
        "proven": said["leaves"].format(size=body["ledger"]["proven"]),
        "cutover": said["leaf"].format(**body["cutover"]),
        "officers": ", ".join(officer["actor"] for officer in body["cutover"]["officers"]),
        "keys": said["rotated"].format(**keys),
        "erasures": ", ".join(f"`{one}`" for one in keys["erasures"]) or said["none"],
        "deletion": said["deleted"].format(**deletion) if deletion else said["not-asked"],
        "mover": said["took"].format(seconds=body["mover"]["milliseconds"] / 1000),
        "document": f"`{document}`",
    }
    rows = "\n".join(f"| {said[name]} | {value} |" for name, value in facts.items())
    proven, limits = ("\n".join(f"- {line}" for line in words[name]) for name in ("proven", "limits"))
    return (
        f"# {said['title']}\n\n{said['same'] if body['source'] == body['target'] else said['differ']}\n\n"
        f"| | |\n|---|---|\n{rows}\n\n## {said['proven-title']}\n\n{proven}\n\n## {said['limits-title']}\n\n{limits}\n\n"
        f"{said['check']}\n"
    )
