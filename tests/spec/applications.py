# SPDX-License-Identifier: Apache-2.0
"""The application of the example, with fields changed, for tests. Checks nothing."""

import copy
from typing import Any

from rempart.records.application import Application, application_from_dict
from tests.disclosure_rows import toml

FORM = toml("permits/application.toml")
PURPOSES = toml("permits/purposes.toml")
EXAMPLE = toml("examples/glitazones/application.toml")


def changed(**places: Any) -> dict[str, Any]:
    """The example with values at dotted places (``__`` for the dot); None takes the field out."""
    told = copy.deepcopy(EXAMPLE)
    for name, value in places.items():
        *above, last = name.split("__")
        table = told
        for part in above:
            table = table.setdefault(part, {})
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
    return told


def application(**places: Any) -> Application:
    """The example as an application, changed."""
    return application_from_dict(changed(**places), FORM)
