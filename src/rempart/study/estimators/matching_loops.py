# SPDX-License-Identifier: Apache-2.0
"""The loops of nearest-neighbour matching on sorted scores: who takes whom. They check nothing and know no caliper's unit.

Compiled once and kept (numba); the plain bodies are the same text. Comparators lie in G groups of one score each, sorted, those of
a group in the order of their draw: ``begin`` (G+1,) where each group starts, ``value`` (G,) its score. ``place`` (T,) is the first
group not below each treated. A group that is used up points to its neighbours (union–find with path halving), so that the next free
group costs no walk.
"""

from typing import Any

import numpy as np

from rempart.study.estimators.compiled import compiled


def plain_split(sorted_code: Any, sorted_scale: Any, out: Any) -> None:
    """Persons in order of their scale parted into arms, comparators of one scale put into groups.

    ``sorted_code`` (n,): twice the person's place, and 1 for a treated; ``sorted_scale`` (n,). ``out`` = (treated (T+1,), their scale,
    their place, comparators (C+1,), begin (C+1,), value (C+1,), [number of groups]). It writes for both arms and counts for one: who is
    treated is as good as chance to a processor that guesses branches.
    """
    one, score, place, pool, begin, value, groups = out
    t = c = g = 0
    last = -np.inf
    for k in range(len(sorted_code)):
        person, is_treated = sorted_code[k] >> 1, sorted_code[k] & 1
        at = sorted_scale[k]
        one[t], score[t], place[t] = person, at, g - (last == at)
        t += is_treated
        opens = (1 - is_treated) & (last < at)
        begin[g], value[g] = c, at
        g += opens
        last = at if opens else last
        pool[c] = person
        c += 1 - is_treated
    begin[g] = c
    groups[0] = g


def plain_take_each_once(turns: Any, treated: Any, groups: Any, caliper: float, out: Any) -> None:
    """``turns`` (rounds·T,) treated in the order of their turns, each takes the nearest free comparator within ``caliper``.

    ``treated`` = (score (T,), place (T,)); ``groups`` = (begin, value, draw of each person (n,), person of each comparator (C,)); ``out`` =
    (matches (T, k) filled with -1, how many each has (T,), cursor (G,), left and right pointers (G+1,)).
    At equal distance the lower draw is taken, then the lower place, whichever side it lies on.
    """
    score, place = treated
    begin, value, draw, pool = groups
    matches, found, cursor, down, up = out
    count = len(value)
    for turn in range(len(turns)):
        t = turns[turn]
        right = place[t]
        while up[right] != right:  # up: G stands for "none"
            up[right] = up[up[right]]
            right = up[right]
        left = place[t]  # down is shifted by one: 0 stands for "none"
        while down[left] != left:
            down[left] = down[down[left]]
            left = down[left]
        far_right = value[right] - score[t] if right < count else caliper
        far_left = score[t] - value[left - 1] if left > 0 else caliper
        takes_right = right < count and far_right <= caliper
        takes_left = left > 0 and far_left <= caliper
        if takes_right and takes_left:
            takes_left = far_left < far_right
            if far_left == far_right:
                a, b = pool[cursor[left - 1]], pool[cursor[right]]
                takes_left = draw[a] < draw[b] or (draw[a] == draw[b] and a < b)
            takes_right = not takes_left
        if not takes_right and not takes_left:
            continue
        g = right if takes_right else left - 1
        matches[t, found[t]] = cursor[g]
        found[t] += 1
        cursor[g] += 1
        if cursor[g] == begin[g + 1]:
            up[g] = g + 1
            down[g + 1] = g


def plain_take_freely(treated: Any, groups: Any, caliper: float, out: Any) -> None:
    """Each treated takes its k nearest comparators within ``caliper``, whoever else has them; the same ties. Arguments as above."""
    score, place = treated
    begin, value, draw, pool = groups
    matches, found = out
    count = len(value)
    for t in range(len(score)):
        right = place[t]
        left = place[t] - 1
        at_right = begin[right] if right < count else 0
        at_left = begin[left] if left >= 0 else 0
        for k in range(matches.shape[1]):
            far_right = value[right] - score[t] if right < count else caliper
            far_left = score[t] - value[left] if left >= 0 else caliper
            takes_right = right < count and far_right <= caliper
            takes_left = left >= 0 and far_left <= caliper
            if takes_right and takes_left:
                takes_left = far_left < far_right
                if far_left == far_right:
                    a, b = pool[at_left], pool[at_right]
                    takes_left = draw[a] < draw[b] or (draw[a] == draw[b] and a < b)
                takes_right = not takes_left
            if takes_right:
                matches[t, k] = at_right
                at_right += 1
                if at_right == begin[right + 1]:
                    right += 1
            elif takes_left:
                matches[t, k] = at_left
                at_left += 1
                if at_left == begin[left + 1]:
                    left -= 1
                    at_left = begin[left] if left >= 0 else 0
            else:
                break
            found[t] += 1


def plain_tell(treated: Any, pool: Any, matches: Any, table: Any, out: Any) -> None:
    """Pairs in order of the treated persons' places, and weights.

    ``treated`` (T,), ``pool`` (C,) persons; ``matches`` (T, k) places in the pool, -1 for none; ``table`` (n, k) filled with -1: the same
    by person. ``out`` = (treated and comparator of each pair (pairs + 1,), weights (n,) filled with 0, [treated who have one]).
    """
    ones, others, weights, matched = out
    most = matches.shape[1]
    for t in range(len(treated)):
        many = 0
        while many < most and matches[t, many] >= 0:
            many += 1
        for k in range(many):
            other = pool[matches[t, k]]
            table[treated[t], k] = other
            weights[other] += 1 / many
        matched[0] += many > 0
    pairs = 0
    for person in range(len(table)):
        weights[person] += table[person, 0] >= 0  # of the treated: they are nobody's comparator
        for k in range(most):
            ones[pairs], others[pairs] = person, table[person, k]
            pairs += table[person, k] >= 0


split = compiled(plain_split)
tell = compiled(plain_tell)
take_each_once = compiled(plain_take_each_once)
take_freely = compiled(plain_take_freely)
