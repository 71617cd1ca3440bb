# SPDX-License-Identifier: Apache-2.0
"""What stands behind a report: the RECORD-PE checklist filled with pointers, code lists with their hashes, versions, ledger proofs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rempart.release.report_blocks import Block, Section, facts, note, table
from rempart.release.report_words import Speaker

if TYPE_CHECKING:
    from rempart.release.report import Told

_FACTS = (
    "run",
    "release",
    "head",
    "space",
    "engine",
    "workers",
    "shards",
    "persons",
    "seed",
    "begun",
    "ended",
    "rules",
)
_CODES = 200  # of one list, in the report; the study file holds all


def annexes(
    told: "Told", speaker: Speaker, before: Sequence[Section], items: Mapping[str, Any], *, harper: Mapping[str, Any]
) -> Iterator[Section]:
    """The sections after the results. ``before``: those that a checklist points to, with their numbers."""
    behind = [_codes(told, speaker), _software(told, speaker), _proof(told, speaker)]
    first = 1 + sum(section.level == 1 for section in before if section.number)
    numbered = [_with_number(section, str(first + 1 + place)) for place, section in enumerate(behind)]
    yield _checklist(speaker, [*before, *numbered], items, harper)
    yield from behind


def _with_number(section: Section, number: str) -> Section:
    return Section(
        name=section.name, title=section.title, blocks=section.blocks, written=section.written, number=number
    )


def _checklist(
    speaker: Speaker, sections: Sequence[Section], items: Mapping[str, Any], harper: Mapping[str, Any]
) -> Section:
    head = [speaker.say(word) for word in ("item", "of", "asks", "answered")]
    lines = [
        (item["id"], item["of"], item[speaker.language], _answer(speaker, sections, item, harper))
        for item in items["items"]
    ]
    answered = sum(line[3] not in (speaker.say("by_authors"), speaker.say("to_write")) for line in lines)
    told = note(speaker.say("checklist_note", answered=answered, items=len(lines), source=items["source"]))
    made = table(head, lines, widths=(2, 3, 9, 6))
    return Section(name="checklist", title=speaker.say("checklist"), blocks=(told, made))


def _answer(speaker: Speaker, sections: Sequence[Section], item: Mapping[str, Any], harper: Mapping[str, Any]) -> str:
    """Numbers and titles of the sections that answer an item; or that its author has still to write it."""
    if not item["where"]:
        return speaker.say("by_authors")
    if item.get("needs") and not set(item["needs"]) & set(harper):
        return speaker.say("to_write")
    found = [section for section in sections if section.written and any(_is(section, name) for name in item["where"])]
    return "; ".join(f"{section.number} {section.title}".strip() for section in found) or speaker.say("to_write")


def _is(section: Section, name: str) -> bool:
    return section.name.startswith(name) if name.startswith("out:") else section.name == name


def _codes(told: "Told", speaker: Speaker) -> Section:
    blocks: list[Block] = [
        table(
            [speaker.say(word) for word in ("name", "system", "codes_count", "hash")],
            [(speaker.name(name), system, str(count), told_id) for name, system, count, told_id in told.lists],
            widths=(3, 2, 1, 8),
        )
    ]
    for name, listed in told.study.get("codes", {}).items():
        shown = [*listed["include"][:_CODES], *(f"≠ {code}" for code in listed.get("exclude", ())[:_CODES])]
        more = len(listed["include"]) - _CODES
        line = " ".join(shown) + (speaker.say("more_codes", count=more) if more > 0 else "")
        blocks.append(
            facts([(speaker.name(name), line), (speaker.say("source"), speaker.word(listed.get("source", "")))])
        )
    return Section(name="codes", title=speaker.say("codes"), blocks=tuple(blocks))


def _software(told: "Told", speaker: Speaker) -> Section:
    run = facts([(speaker.say(f"fact_{name}"), told.facts.get(name, "")) for name in _FACTS])
    made = table([speaker.say("software_name"), speaker.say("software_version")], told.software, widths=(2, 5))
    blocks = (*([run] if run.lines else []), made)
    return Section(name="software", title=speaker.say("software"), blocks=blocks)


def _proof(told: "Told", speaker: Speaker) -> Section:
    if not told.leaves:
        words = speaker.say("no_proof_synthetic" if told.state == "synthetic" else "no_proof")
        return Section(name="proof", title=speaker.say("proof"), blocks=(note(words),), written=False)
    leaves = table(
        [speaker.say(word) for word in ("leaf", "act", "time", "leaf_hash")],
        [(str(index), speaker.name(kind), time, leaf) for index, kind, time, leaf in told.leaves],
        widths=(1, 3, 3, 8),
    )
    checkpoint = Block(kind="code", lines=tuple(told.checkpoint.splitlines()), caption=speaker.say("checkpoint"))
    return Section(
        name="proof", title=speaker.say("proof"), blocks=(note(speaker.say("proof_note")), leaves, checkpoint)
    )
