# SPDX-License-Identifier: Apache-2.0
"""The loops of nearest-neighbour matching on sorted scores: who takes whom. They check nothing and know no caliper's unit.

Compiled once and kept (numba); the plain bodies are the same text. Comparators lie in G groups of one score each, sorted, those of
a group in the order of their draw: ``begin`` (G+1,) where each group starts, ``value`` (G,) its score. ``place`` (T,) is the first
group not below each treated. A group that is used up points to its neighbours (union–find with path halving), so that the next free
group costs no walk.
"""

from typing import Any

from rempart.study.estimators.compiled import compiled


def plain_split(order: Any, sorted_scale: Any, treated: Any, draw: Any, out: Any) -> None:
    """Persons in order of their scale parted into arms, comparators of one scale put into groups.

    ``order``, ``sorted_scale`` (n,); ``treated``, ``draw`` (n,) by person. ``out`` = (treated (T,), their scale, their place, comparators
    (C,), their draws, begin (C+1,), value (C,), [number of groups]).
    """
    one, score, place, pool, draws, begin, value, groups = out
    t = c = g = below = 0
    for k in range(len(order)):
        person, at = order[k], sorted_scale[k]
        if g > below and value[g - 1] < at:
            below = g
        if treated[person]:
            one[t], score[t], place[t] = person, at, below
            t += 1
        else:
            if g == 0 or value[g - 1] < at:
                begin[g], value[g] = c, at
                g += 1
            pool[c], draws[c] = person, draw[person]
            c += 1
    begin[g] = c
    groups[0] = g


def plain_take_each_once(turns: Any, treated: Any, groups: Any, caliper: float, out: Any) -> None:
    """``turns`` (rounds·T,) treated in the order of their turns, each takes the nearest free comparator within ``caliper``.

    ``treated`` = (score (T,), place (T,)); ``groups`` = (begin, value, draw and place of each comparator (C,)); ``out`` =
    (matches (T, k) filled with -1, how many each has (T,), cursor (G,), left and right pointers (G+1,)).
    At equal distance the lower draw is taken, then the lower place, whichever side it lies on.
    """
    score, place = treated
    begin, value, draw, home = groups
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
                a, b = cursor[left - 1], cursor[right]
                takes_left = draw[a] < draw[b] or (draw[a] == draw[b] and home[a] < home[b])
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
    begin, value, draw, home = groups
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
                    a, b = at_left, at_right
                    takes_left = draw[a] < draw[b] or (draw[a] == draw[b] and home[a] < home[b])
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


split = compiled(plain_split)
take_each_once = compiled(plain_take_each_once)
take_freely = compiled(plain_take_freely)
