# SPDX-License-Identifier: Apache-2.0
"""Days' supply and amount of each dispensing as SQL: the first rule of the study that applies (``docs/exposure.md``).

Whole numbers only: quantities are read in thousandths; days are rounded up (a unit begun covers its day), amounts to the nearest.
"""

from rempart.cohort.codes import DOMAIN, Reads, matches
from rempart.records.exposure import LONGEST, OF_PACKS, Eras, Pack, SupplyRule
from rempart.records.protocol import CodeList

NO_RULE = "none"
_QUANTITY = frozenset({"quarterly", "opened", "pack", "size", "daily_dose"})
_COLUMNS = ("code", "units", "days", "kind", "strength", "daily_dose")


def dispensings(codes: CodeList, eras: Eras, reads: Reads) -> str:
    """SELECT of person_id, day, product, rule, days, amount: one row a dispensing. ``amount`` NULL: not known; days at least 1."""
    rules = [(rule.rule, *_rule(rule)) for rule in eras.supply]
    name = " ".join(f"WHEN {condition} THEN '{rule}'" for rule, condition, _ in rules)
    days = " ".join(f"WHEN {condition} THEN {value}" for _, condition, value in rules)
    packs = _packs(eras.packs) if eras.packs else ""
    return (
        f"SELECT person_id, day, product, CASE {name} ELSE '{NO_RULE}' END AS rule,\n"
        f"  CAST(least(greatest(CASE {days} ELSE 1 END, 1), {LONGEST}) AS BIGINT) AS days, {_amount(eras)} AS amount\n"
        f"FROM ({_records(codes, eras, reads)}) d{packs}"
    )


def _records(codes: CodeList, eras: Eras, reads: Reads) -> str:
    """The dispensings with what the rules ask of them, and no other column."""
    domain, names = DOMAIN["drug"], {rule.rule for rule in eras.supply}
    date = reads.column(domain.table, domain.date)
    product, thousandths, opened, recorded = "NULL", "1000", "false", "NULL"
    if eras.packs or eras.overlap == "product":
        product = reads.column(domain.table, domain.concept if codes.system == "OMOP" else domain.source)
    per_pack = any(rule.per == "pack" for rule in eras.supply)
    if names & _QUANTITY or per_pack or any(pack.strength for pack in eras.packs):
        quantity = reads.column(domain.table, "quantity")
        thousandths = f"CASE WHEN {quantity} > 0 THEN CAST(round({quantity} * 1000) AS BIGINT) ELSE 1000 END"
        unit = reads.column(domain.table, "dose_unit_source_value")
        other = "true" if eras.quantity == "units" else "false"
        opened = f"CASE WHEN {unit} = 'unit' THEN true WHEN {unit} IN ('pack', 'dose') THEN false ELSE {other} END"
    if "recorded" in names:
        recorded = reads.column(domain.table, "days_supply")
    return (
        f"SELECT person_id, {date} AS day, CAST({product} AS VARCHAR) AS product, {thousandths} AS quantity, {opened} AS opened, "
        f"CAST({recorded} AS BIGINT) AS recorded\n  FROM {domain.table} WHERE {date} IS NOT NULL AND {matches(codes, domain, reads)}"
    )


def _packs(packs: tuple[Pack, ...]) -> str:
    """The list of packs; codes are checked figures and letters, so quoting is safe."""
    rows = ", ".join("(" + ", ".join(_literal(getattr(pack, column)) for column in _COLUMNS) + ")" for pack in packs)
    types = ("VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "BIGINT", "BIGINT")
    typed = ", ".join(f"CAST({column} AS {kind}) AS p_{column}" for column, kind in zip(_COLUMNS, types, strict=True))
    return f"\nLEFT JOIN (SELECT {typed} FROM (VALUES {rows}) v({', '.join(_COLUMNS)})) p ON p_code = product"


def _literal(value: str | int | None) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def _rule(rule: SupplyRule) -> tuple[str, str]:
    """(when it applies, days) of a rule; a comparison with NULL does not apply."""
    if rule.rule in OF_PACKS:
        return _of_packs(rule)
    if rule.rule == "recorded":
        return "recorded > 0", "recorded"
    if rule.rule == "fixed" and rule.per == "pack":
        return "NOT opened", _up(f"quantity * {rule.days}", "1000")
    return "true", str(rule.days)  # waiting_time, and fixed for every dispensing


def _of_packs(rule: SupplyRule) -> tuple[str, str]:
    sizes = " ".join(f"WHEN {size.units} THEN {size.days}" for size in rule.sizes)
    by_size = f"CASE p_units {sizes} END" if sizes else "NULL"
    found = {
        "device": ("p_kind = 'device' AND p_days IS NOT NULL", "p_days"),
        "quarterly": ("p_kind = 'quarterly' AND NOT opened", _up(f"quantity * {rule.days}", "1000")),
        "opened": ("opened AND p_units > 0 AND p_days > 0", _up("quantity * p_days", "(1000 * p_units)")),
        "pack": ("NOT opened AND p_days > 0", _up("quantity * p_days", "1000")),
        "size": (f"NOT opened AND {by_size} IS NOT NULL", _up(f"quantity * {by_size}", "1000")),
        "daily_dose": (
            "p_strength > 0 AND p_daily_dose > 0 AND (opened OR p_units > 0)",
            _up(f"{_UNITS} * p_strength", "(1000 * p_daily_dose)"),
        ),
    }
    return found[rule.rule]


_UNITS = "(CASE WHEN opened THEN quantity ELSE quantity * p_units END)"


def _up(dividend: str, divisor: str) -> str:
    """The quotient of two positive whole numbers, rounded up."""
    return f"(({dividend} + {divisor} - 1) // {divisor})"


def _amount(eras: Eras) -> str:
    """Substance handed out, in the exposure's unit of dose; not known without a strength, or without the pack's units."""
    if not any(pack.strength for pack in eras.packs):
        return "CAST(NULL AS BIGINT)"
    return f"CAST(({_UNITS} * p_strength + 500) // 1000 AS BIGINT)"
