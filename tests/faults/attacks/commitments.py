# SPDX-License-Identifier: Apache-2.0
"""Attacks on the commitments of a published record: who knows all of the evidence but one number of 0 to 10 tries the eleven.

He knows the rules, the form of the evidence and what the check left to guess, and hashes with every usual function, bare or with any key
that follows from what is published. What he has not is the sealed result. Nothing stopped him where a guess comes out, and it is right.
"""

import hashlib
import hmac
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from rempart.disclosure import commitments
from rempart.disclosure.check import Examination, examine
from rempart.disclosure.commitments import evidence_of
from rempart.records.canonical import canonical_bytes
from rempart.records.result import ResultRow
from tests.disclosure_rows import RULES, attrition, curve, frequency, row
from tests.faults.attacks.attack import Attack, Outcome

SMALL = range(11)
FUNCTIONS = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s")
PREFIXES = (b"", b"rempart.evidence/1\n", b"\x00")
Rows = list[ResultRow]
Shape = Callable[[random.Random], Callable[[int], Rows]]
"""What is drawn, then the rows of a guess."""


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """``count`` attempts of each kind, and one at least for every type of output."""
    for kind, shape in SHAPES.items():
        for number in range(count):
            rnd = random.Random(f"{kind}/{seed}/{number}")
            yield Attack(kind=kind, name=f"{kind} {number} of seed {seed}", run=_run(shape, rnd))
    for output_type in (name for name, kind in RULES["types"].items() if kind["counts"] or kind["measures"]):
        rnd = random.Random(f"{output_type}/{seed}")
        yield Attack(kind=EVERY, name=f"{output_type} of seed {seed}", run=_run(_of_type(output_type), rnd))
    for number in range(count):
        yield Attack(
            kind=EQUAL, name=f"{EQUAL} {number} of seed {seed}", run=_compared(random.Random(f"{seed}/{number}"))
        )


EVERY = "a count, by type of output"
EQUAL = "compared with a known one"


def _run(shape: Shape, rnd: random.Random) -> Callable[[], Outcome]:
    return lambda: enumerated(shape(rnd), secret=rnd.choice(SMALL), prints=_prints(rnd))


def _prints(rnd: random.Random) -> list[str]:
    """Names of sets of persons as a study makes them, with the key of its project."""
    return [f"print:{rnd.randbytes(32).hex()}" for _ in range(3)]


def _published(rows: Rows, prints: Sequence[str]) -> Examination:
    """As a journey checks them: the key is of the fingerprints in the sealed rows."""
    sealed = [replace(item, persons_ref=prints[at % len(prints)]) for at, item in enumerate(rows)]
    return examine(rows, RULES, key=commitments.key_of(sealed))


def enumerated(rows_of: Callable[[int], Rows], *, secret: int, prints: Sequence[str]) -> Outcome:
    """Whether the eleven guesses, hashed in every way that needs no secret, give a published commitment."""
    made = _published(rows_of(secret), prints)
    told = _told(made)
    left = {str(c["cell"]): (float(str(c["low"])), float(str(c["high"]))) for c in made.private}
    for guess in SMALL:
        if told & set(_hashes(rows_of(guess), guess, left)):
            return Outcome(stopped=guess != secret, by=f"{guess} found")
    return Outcome(stopped=True, by="no guess comes out")


def _told(made: Examination) -> set[str]:
    """What follows the name of the scheme in every commitment of the record; never nothing."""
    told = {str(entry["commitment"]).rpartition(":")[2] for table in made.tables for entry in table.record}
    assert told, "a record without a commitment"
    return told


def _hashes(rows: Rows, guess: int, left: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """In hex, everything that a guess may have been hashed to."""
    texts = [
        f"{guess}".encode(),
        f"{float(guess)!r}".encode(),
        bytes([guess]),
        struct.pack("<q", guess),
        struct.pack("<d", guess),
    ]
    names = {item.output: item.output_type for item in rows}
    public = [
        b"",
        bytes(32),
        RULES["id"].encode(),
        b"rempart.disclosure-key/1\n",
        b"print:",
        b"run",
        *(name.encode() for name in names),
    ]
    for name, kind in names.items():
        for rule in RULES["types"][kind]["rules"]:
            for intervals in (left, {}):
                evidence = evidence_of(name, rule, rows, intervals)
                texts += [canonical_bytes(evidence), canonical_bytes(evidence[2])]
    keys = [*public, *(hashlib.sha256(text).digest() for text in public)]
    for text in (prefix + text for prefix in PREFIXES for text in dict.fromkeys(texts)):
        yield from (hashlib.new(function, text).hexdigest() for function in FUNCTIONS)
        yield from (hmac.new(key, text, hashlib.sha256).hexdigest() for key in keys)


def _compared(rnd: random.Random) -> Callable[[], Outcome]:
    """A count that the author knows stands twice in one result, and in a result of his own: like commitments would tell of the other."""

    def run() -> Outcome:
        rows = attrition([rnd.randint(100, 900), rnd.choice(SMALL)])
        twice = [replace(item, output=name) for name in ("first", "second") for item in rows]
        shown = [_told(_published(twice, _prints(rnd))) for _ in range(2)]
        rules = len(RULES["types"]["attrition"]["rules"])
        alike = shown[0] & shown[1] or len(shown[0]) < 2 * rules
        return Outcome(stopped=not alike, by="all unlike" if not alike else "two alike")

    return run


def _of_type(output_type: str) -> Shape:
    """One line of a type: all of its counts, the first of them guessed."""

    def shape(rnd: random.Random) -> Callable[[int], Rows]:
        kind = RULES["types"][output_type]
        others, persons = [rnd.randint(20, 90) for _ in kind["counts"]], rnd.randint(100, 900)
        key = dict.fromkeys(("variable", "level", "outcome", "day", "step", "bin"), "1")

        def rows(guess: int) -> Rows:
            numbers = zip(kind["counts"], [guess, *others[1:]], strict=True) if kind["counts"] else ()
            counts = [row("x", output_type, key, "t", name, n, n) for name, n in numbers]
            behind = guess if not kind["counts"] else persons
            return counts + [row("x", output_type, key, "t", name, 1.5, behind) for name in kind["measures"]]

        return rows

    return shape


def small_count(rnd: random.Random) -> Callable[[int], Rows]:
    """A cell of a table with margins."""
    men, women = rnd.randint(30, 400), rnd.randint(30, 400)
    return lambda guess: frequency({"t": {"men": men, "women": guess}, "c": {"men": women, "women": 40}})


def persons_behind(rnd: random.Random) -> Callable[[int], Rows]:
    """The persons of a mean."""
    mean = rnd.uniform(10, 99)
    return lambda guess: [row("cost", "mean", {"variable": "cost"}, "t", "mean", mean, guess)]


def establishments(rnd: random.Random) -> Callable[[int], Rows]:
    """The hospitals behind a count."""
    n = rnd.randint(30, 90)
    return lambda guess: [
        row("table_one", "frequency", {"variable": "stays", "level": "y"}, "t", "n", n, n, n_establishments=guess)
    ]


def _of_a_sum(field: str) -> Shape:
    def shape(rnd: random.Random) -> Callable[[int], Rows]:
        given = {"top1": 40.0, "top2": 9.0, "total_abs": rnd.uniform(900, 9999)}

        def rows(guess: int) -> Rows:
            return [row("cost", "mean", {"variable": "cost"}, "t", "mean", 12.5, 80, **{**given, field: float(guess)})]

        return rows

    return shape


def events_of_a_curve(rnd: random.Random) -> Callable[[int], Rows]:
    """The events of one step."""
    n, censored = rnd.randint(300, 900), rnd.randint(20, 40)
    return lambda guess: curve("t", n, [(guess, censored), (30, 30)])


def left_out_of_a_step(rnd: random.Random) -> Callable[[int], Rows]:
    """The persons of a step of attrition, told by two counts that are themselves large."""
    n = rnd.randint(300, 900)
    return lambda guess: attrition([n, n - guess, n - guess - 50])


SHAPES: Mapping[str, Shape] = {
    "a small cell": small_count,
    "persons behind a measure": persons_behind,
    "establishments": establishments,
    "the largest of a sum": _of_a_sum("top1"),
    "the second of a sum": _of_a_sum("top2"),
    "events of a curve": events_of_a_curve,
    "left out of a step": left_out_of_a_step,
}
