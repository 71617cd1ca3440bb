# SPDX-License-Identifier: Apache-2.0
"""Death certificates and their causes."""

import numpy as np

from rempart.synthetic.cells import Frame, coded, counted, dated, given, monthly, taken
from rempart.synthetic.frames import Words, card_cells
from rempart.synthetic.identities import Cards
from rempart.synthetic.leaks import labels
from rempart.synthetic.plan import NEVER, Ints, pseudonyms
from rempart.synthetic.population import People
from rempart.synthetic.registers import Deaths
from rempart.synthetic.setting import Setting
from rempart.synthetic.stay_frames import repeated


def certificates(
    setting: Setting, world: tuple[People, Cards], words: Words, deaths: Deaths
) -> tuple[Frame, Ints, Frame, Ints]:
    """One row a death, sorted by year, and the year of each; then one row a cause, and the year of each.

    A certificate that is not linked carries no person key.
    """
    (people, cards), calendar = world, setting.calendar
    codes, draw = setting.plan.tables["codes"], setting.plan.stream("certificates")
    who = np.flatnonzero(deaths.died)
    who = who[np.argsort(people.death[who], kind="stable")]
    card = cards.at(who, people.death[who])
    linked = deaths.linked[who]
    causes = [codes["outcome"]["cause"], *codes["causes"]["other"]]
    cause = draw.integers(1, len(causes), len(who))
    cause = np.where((people.event[who] != NEVER) & (draw.random(len(who)) < 0.7), 0, cause)
    day = people.death[who]
    years = calendar.years[day]
    place = setting.places.at(people.home_on(who, day), day)
    frame = card_cells(setting, cards, card, words, place) | {
        "certificate": given(pseudonyms(draw, len(who), 64)), "linked": counted(linked.astype(np.int64)),
        "person_key": given(np.where(linked, cards.key[card], "")),
        "certified": counted((linked & cards.certified[card]).astype(np.int64)), "death_year": counted(years),
        "death": dated(calendar, day), "death_month": monthly(calendar.month(day)), "cause": coded(causes, cause),
    }  # fmt: skip
    row, turn = repeated(1 + draw.integers(0, 3, len(who)))
    more = {word: taken(frame[word], row) for word in ("certificate", "linked", "person_key", "certified")}
    more |= {word: taken(frame[word], row) for word in ("death_year", "death", "death_month")}
    following = np.where(turn == 0, cause[row], 1 + (cause[row] + turn) % (len(causes) - 1))
    if setting.plan.leaks:
        more["cause_label"] = given(labels(setting.plan, len(row))[0])
    return frame, years, {
        **more, "cause": coded(causes, following), "cause_line": counted(1 + turn), "cause_rank": counted(turn * 0 + 1)
    }, years[row]  # fmt: skip
