# SPDX-License-Identifier: Apache-2.0
"""A rule cohort of a study as the statements that make it in one shard: who enters, who stays after each rule, who leaves when.

They leave ``cohort_NAME`` (person_id, start_date, end_date), ``cohort_NAME_attrition`` (step, name, persons) and ``cohort_NAME_reached``
(person_id, step: the last one that the person came to). Every column read is noted. Runs nothing.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from rempart.cohort.atlas_cohort import Within, atlas_sql
from rempart.cohort.codes import Reads
from rempart.cohort.cohort_sets import attrition_sql, sets_sql
from rempart.cohort.exposure_exit import exposure_end
from rempart.cohort.generate import eras_sql
from rempart.cohort.groups_sql import events_sql, group_sql
from rempart.cohort.landmark import DATA, DAYS, DEATH, EVENT, EXPOSURE, OBSERVATION, Way, by_reason, first_way, reached
from rempart.cohort.records_sql import Names
from rempart.cohort.rule_definition import COUNTED, criterion, definition_of, lives_in, washout
from rempart.records.cloned import strategy
from rempart.records.cohort import CohortDefinition, Group
from rempart.records.cohort_reading import in_order, period_of
from rempart.records.cohort_rules import Rule, RuleCohort, RuleEvent
from rempart.records.study import Study

_GENDER = {"female": 8532, "male": 8507}  # OMOP standard concepts
_EVENT = "person_id, event_id"
_INDEX = f"{_EVENT}, start_date, end_date, op_start, op_end, visit_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortSql:
    """``statements`` make the cohort's tables; ``clear`` drops them; ``steps``: names of the attrition, in order."""

    name: str
    statements: tuple[str, ...]
    clear: tuple[str, ...]
    steps: tuple[str, ...]


def cohort_statements(study: Study, name: str, *, cut: datetime.date, reads: Reads, until: str = "") -> CohortSql:
    """The statements of one rule cohort; those that it needs are made before (``in_order``). ``cut``: the last day of data; ``until``: SQL
    of the last day on which its sources can be used (NULL: not known), '' where no session tells it (``sources.usable_until``)."""
    cohort = study.rules[name]
    if cohort.sets:
        statements, steps = sets_sql(name, cohort, until)
    elif cohort.atlas is not None:
        statements, steps = atlas_sql(name, cohort.atlas, _within(study, cohort, cut, until), reads)
    else:
        statements, steps = _Maker(study, name, cohort, cut, until, reads).made()
    tables: tuple[str, ...] = (f"cohort_{name}", f"cohort_{name}_attrition", f"cohort_{name}_reached")
    tables += (f"cohort_{name}_met",) if cohort.clone_censor_weight else ()
    return CohortSql(
        name=name, statements=tuple(statements), clear=tuple(f"DROP TABLE IF EXISTS {t}" for t in tables), steps=steps
    )


def _within(study: Study, cohort: RuleCohort, cut: datetime.date, until: str) -> Within:
    landmark = cohort.landmark if isinstance(cohort.landmark, int) else 0
    protocol = study.protocol
    return Within(period=protocol.period, landmark=landmark, cut=cut, until=until, death=protocol.death)


def ordered(study: Study) -> tuple[str, ...]:
    """Names of the study's rule cohorts, each after those that it needs."""
    return in_order(study.rules)


@dataclass(slots=True)
class _Maker:
    """One cohort while its statements are written. Tables of steps are narrowed one by one: a rule sees who met those before."""

    study: Study
    name: str
    cohort: RuleCohort
    cut: datetime.date
    until: str
    reads: Reads
    statements: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    names: Names = field(init=False)
    definition: CohortDefinition = field(init=False)
    period: tuple[datetime.date, datetime.date] = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(domains={}, reads=self.reads, death=self.study.protocol.death)
        self.period = period_of(self.cohort, self.study.protocol.period)
        self.definition = definition_of(self.cohort, codes=self.study.codes, period=self.period)

    def made(self) -> tuple[list[str], tuple[str, ...]]:
        """All statements, and the names of the steps."""
        self._step(self._first_name(), self._entry())
        self._observed()
        self._persons()
        rules = list(zip((*self.cohort.include, *self.cohort.exclude), self.definition.rules, strict=True))
        early = [(rule, made) for rule, made in rules if not self._later(rule)]
        late = [(rule, made) for rule, made in rules if self._later(rule)]
        for _, made in early:
            self._group(made.name, made.group)
        if self.cohort.exit.death:
            self._alive()
        self._leave()
        if self.cohort.landmark is not None:
            self._landmark([(made.name, made.group) for rule, made in late if not rule.time_varying])
        for rule, made in late:
            if rule.time_varying:
                self._enter_when_met(rule, made.name)
            elif strategy(self.cohort) is rule.demand:
                met = f"SELECT i.person_id, i.start_date, m.day AS met_date FROM {self._table} AS i JOIN ({self._met(rule)}) AS m"
                self._make(f"cohort_{self.name}_met", f"{met} USING ({_EVENT})")
            elif self.cohort.clone_censor_weight:
                self._group(made.name, made.group)  # none that is run: that its columns are asked of the permit
        rows = f"SELECT person_id, start_date, leave_date AS end_date FROM {self._table} WHERE leave_date >= start_date"
        self._make(f"cohort_{self.name}", eras_sql(rows, self.cohort.collapse_days))
        self.statements += attrition_sql(self.name, self.steps)
        self.statements += [f"DROP TABLE step_{number}" for number, _ in enumerate(self.steps, 1)]
        return self.statements, tuple(self.steps)

    def _later(self, rule: Rule) -> bool:
        return rule.last_day(self.cohort.prior_observation_days) > 0

    @property
    def _table(self) -> str:
        return f"step_{len(self.steps)}"

    def _make(self, table: str, select: str) -> None:
        self.statements.append(f"CREATE OR REPLACE TEMP TABLE {table} AS {select}")

    def _step(self, name: str, select: str) -> None:
        self.steps.append(f"{name}")
        self._make(self._table, select)

    def _narrow(self, name: str, condition: str) -> None:
        self._step(name, f"SELECT * FROM {self._table} WHERE {condition}")

    def _group(self, name: str, group: Group) -> None:
        met = group_sql(group, self._table, self.names)
        self._step(name, f"SELECT * FROM {self._table} SEMI JOIN ({met}) AS met USING ({_EVENT})")

    def _first_name(self) -> str:
        which = f"day {self.cohort.nth}" if self.cohort.nth is not None else f"{self.cohort.limit} day"
        told = " or ".join(event.words for event in self.cohort.entry)
        return f"{which} with {told} from {self.period[0]} to {self.period[1]}"

    def _entry(self) -> str:
        """A person's days with an entry event (and visits, where a rule asks for the same one), the chosen ones, with their period of
        observation. Records of one day are one event: nothing hangs on their order."""
        found = " UNION ALL ".join(
            f"SELECT * FROM ({events_sql(item, self.names)})" for item in self.definition.primary
        )
        by = ", visit_id" if any(item.of_visit for item in self.definition.primary) else ""
        visit = "visit_id" if by else "CAST(NULL AS BIGINT) AS visit_id"
        days = f"SELECT person_id, start_date, max(end_date) AS end_date, {visit} FROM ({found}) GROUP BY person_id, start_date{by}"
        chosen = f"SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY start_date{by}) AS event_id FROM ({days}){self._limit()}"
        first, last = (
            self._column("observation_period", f"observation_period_{side}_date") for side in ("start", "end")
        )
        return (
            f"SELECT e.person_id, e.event_id, e.start_date, e.end_date, min(o.{first}) AS op_start, max(o.{last}) AS op_end, e.visit_id\n"
            f"FROM ({chosen}) AS e LEFT JOIN observation_period AS o ON o.person_id = e.person_id "
            f"AND e.start_date BETWEEN o.{first} AND o.{last}\n"
            "GROUP BY e.person_id, e.event_id, e.start_date, e.end_date, e.visit_id"
        )

    def _limit(self) -> str:
        if self.cohort.nth is None and self.cohort.limit == "every":
            return ""
        order = "start_date DESC" if self.cohort.limit == "last" else "start_date"
        return f" QUALIFY dense_rank() OVER (PARTITION BY person_id ORDER BY {order}) = {self.cohort.nth or 1}"

    def _column(self, table: str, name: str) -> str:
        return self.reads.column(table, name)

    def _observed(self) -> None:
        days = self.cohort.prior_observation_days
        self._narrow(f"observed {days} days before", f"op_start <= start_date - {days}")
        if self.cohort.washout_days:
            self._group(
                f"no such event in the {self.cohort.washout_days} days before", washout(self.cohort, self.study.codes)
            )

    def _persons(self) -> None:
        """Age, sex and place on the day of the entry event."""
        if self.cohort.age is not None:
            low, high = self.cohort.age
            born = self._column("person", "year_of_birth")
            self._person(f"aged {low} to {high}", f"year(i.start_date) - p.{born} BETWEEN {low} AND {high}")
        if self.cohort.sex:
            wanted = ", ".join(str(_GENDER[name]) for name in self.cohort.sex)
            column = self._column("person", "gender_concept_id")
            self._person(" or ".join(self.cohort.sex), f"p.{column} IN ({wanted})")
        if self.cohort.place:
            self._group(f"lives in {', '.join(self.cohort.place)}", lives_in(self.cohort.place, self.study.codes))

    def _person(self, name: str, condition: str) -> None:
        self._step(
            name,
            f"SELECT i.* FROM {self._table} AS i SEMI JOIN person AS p ON p.person_id = i.person_id AND {condition}",
        )

    def _alive(self) -> None:
        """Nobody enters after death, whatever records say: a delivery, a bill, a wrong day."""
        died = events_sql(criterion(RuleEvent(domain="death"), self.study.codes), self.names)
        before = f"ANTI JOIN ({died}) AS d ON d.person_id = i.person_id AND d.start_date < i.start_date"
        self._step("alive on the day of entry", f"SELECT i.* FROM {self._table} AS i {before}")

    def _leave(self) -> None:
        """``leave_date``: the first day on which the event's period may end; ``entry_date``: the event's, wherever time zero moves. With a
        landmark, ``leave_way``: the number of the way that ends it."""
        ways, joins = [Way(reason=OBSERVATION, day="i.op_end"), Way(reason=DATA, day=self._data_end())], ""
        if (days := self.cohort.exit.days) is not None:
            ways.append(Way(reason=DAYS, what=str(days), day=f"i.{self.cohort.exit.of}_date + {days}"))
        for number, (reason, what, sql) in enumerate(self._ways_out()):
            joins += f" LEFT JOIN ({sql}) AS x{number} USING ({_EVENT})"
            ways.append(Way(reason=reason, what=what, day=f"x{number}.day"))
        self.ways = by_reason(ways)
        which = f", {first_way(self.ways)} AS leave_way" if self.cohort.landmark is not None else ""
        last = f"least({', '.join(way.day for way in self.ways)}) AS leave_date"
        self._make(
            "step_leaving", f"SELECT i.*, i.start_date AS entry_date, {last}{which} FROM {self._table} AS i{joins}"
        )
        self._make(self._table, "SELECT * FROM step_leaving")
        self.statements.append("DROP TABLE step_leaving")

    def _data_end(self) -> str:
        return f"least(DATE '{self.cut}', {self.until})" if self.until else f"DATE '{self.cut}'"

    def _ways_out(self) -> list[tuple[str, str, str]]:
        """Reason, event, SELECT of person_id, event_id, day: each event after the entry event's day, death, end of exposure."""
        found = []
        for event, item in zip(self.cohort.exit.events, self.definition.censoring, strict=True):
            records = events_sql(item, self.names)
            found.append((EVENT, event.words, self._first_of(records, "a.start_date > i.start_date")))
        if self.cohort.exit.death:
            died = criterion(RuleEvent(domain="death"), self.study.codes)
            found.append((DEATH, "", self._first_of(events_sql(died, self.names), "a.start_date >= i.start_date")))
        if (name := self.cohort.exit.exposure) != "":
            eras = self.study.exposures[name].eras
            found.append((EXPOSURE, "", exposure_end(self._table, name, eras, self.cohort.exit.grace_days)))
        return found

    def _first_of(self, records: str, condition: str) -> str:
        return (
            f"SELECT i.person_id, i.event_id, min(a.start_date) AS day FROM {self._table} AS i JOIN ({records}) AS a "
            f"ON a.person_id = i.person_id AND {condition} GROUP BY i.person_id, i.event_id"
        )

    def _landmark(self, rules: Sequence[tuple[str, Group]]) -> None:
        """Who has not left before the landmark, reason by reason; then what was asked of the days up to it; then time zero moves."""
        mark = self.cohort.landmark
        day = f"start_date + {mark}" if isinstance(mark, int) else f"DATE '{self.period[1]}'"
        for name, condition in reached(self.ways, day, f"day {mark}" if isinstance(mark, int) else str(self.period[1])):
            self._narrow(name, condition)
        for name, group in rules:
            self._group(name, group)
        self._make(self._table, f"SELECT * REPLACE ({day} AS start_date) FROM {self._table}")

    def _met(self, rule: Rule) -> str:
        """SELECT of person_id, event_id, day: of the record that completes the demand."""
        item = next(found for _, found in rule.counted())
        nth = int(item.count.removeprefix(">= "))
        counted = COUNTED[item.distinct]
        asked = criterion(
            item.event,
            self.study.codes,
            of_visit=item.same_visit or counted == "visit",
            of_code=counted == "concept",
        )
        records = events_sql(asked, self.names, counted or "concept")
        first, last = item.days
        around = (
            f"a.person_id = i.person_id AND a.start_date BETWEEN i.entry_date + ({first}) AND i.entry_date + ({last})"
            f"{' AND a.visit_id = i.visit_id' if item.same_visit else ''}"
        )
        found = f"SELECT i.person_id, i.event_id, a.start_date, a.counted FROM {self._table} AS i JOIN ({records}) AS a ON {around}"
        if counted:  # a day, a code, a visit counts from the first record of it
            by = f"{_EVENT}, counted"
            found = (
                f"SELECT {_EVENT}, min(start_date) AS start_date FROM ({found}) WHERE counted IS NOT NULL GROUP BY {by}"
            )
        return (
            f"SELECT {_EVENT}, start_date AS day FROM ({found}) "
            f"QUALIFY row_number() OVER (PARTITION BY {_EVENT} ORDER BY start_date) = {nth}"
        )

    def _enter_when_met(self, rule: Rule, name: str) -> None:
        """Time zero is the day of the record that completes the demand: days before it are not the cohort's."""
        met = f"SELECT i.* REPLACE (greatest(i.start_date, m.day) AS start_date) FROM {self._table} AS i JOIN ({self._met(rule)}) AS m"
        self._step(f"{name}, from the day on which it is met", f"{met} USING ({_EVENT}) WHERE i.leave_date >= m.day")
