# SPDX-License-Identifier: Apache-2.0
"""What a wrong field should hold, in the language of who reads: readers say it in English, ``locale/expected.*.toml`` say it elsewhere.

A text that stands there in no form is shown as it is.
"""

import re
from functools import cache

from rempart.adapters.package_data import toml

_NESTED = ("words", "more")  # blanks that are filled by texts of the same list


def in_language(text: str, language: str) -> str:
    """The text in that language, as far as it is known."""
    return _translated(text, language) or text


def _translated(text: str, language: str) -> str | None:
    for pattern, template in _forms(language):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        filled = {
            name: _translated(part, language) if name in _NESTED else part for name, part in found.groupdict().items()
        }
        if None not in filled.values():
            return template.format(**filled)
    return None


@cache
def _forms(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """(English form, the same in the language), in the order in which they are tried."""
    english, other = (toml(f"locale/expected.{name}.toml")["expected"] for name in ("en", language))
    return tuple((_pattern(english[key]), other[key]) for key in sorted(english, key=lambda key: _rank(english[key])))


def _rank(template: str) -> tuple[int, int]:
    """Texts without open blanks first, then by how many words are their own."""
    blanks = re.findall(r"\{([a-z]+)\}", template)
    return len([name for name in blanks if name not in _NESTED]), -len(re.sub(r"\{[a-z]+\}", "", template))


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{([a-z]+)\}", template)
    made = "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(made, re.DOTALL)
