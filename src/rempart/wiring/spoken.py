# SPDX-License-Identifier: Apache-2.0
"""The words that results are read in, with the digits that each statistic keeps. Makes no sentence."""

from collections.abc import Mapping
from typing import Any

from rempart.adapters import package_data


def spoken() -> Mapping[str, Any]:
    """``release/words.toml``, and how the disclosure rules round (``rounding``, ``rounding_of``), so that a value is written with as many
    digits as they keep."""
    rules = package_data.joined("disclosure/rules.toml")
    return {**package_data.toml("release/words.toml"), **{name: rules[name] for name in ("rounding", "rounding_of")}}
