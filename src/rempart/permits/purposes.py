# SPDX-License-Identifier: Apache-2.0
"""May data be asked for to this end? The codes of ``purposes.toml`` decide; the words of an application do not."""

from collections.abc import Mapping
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.records.application import Application


def judge(application: Application, table: Mapping[str, Any]) -> None:
    """Raises Refused ``purpose-forbidden``, ``purpose-promises`` (a promise that every user makes is not there),
    ``purpose-guarantees`` (of a body that must say how the forbidden ends stay out of reach); BadInput ``purpose-unknown``.

    What an application does not say at all is a matter of its completeness.
    """
    for code in application.value("purpose.codes") or ():
        if code in table["forbidden"]:
            raise Refused("purpose-forbidden", purpose=code, law=str(table["forbidden"][code]))
        if code not in table["allowed"]:
            raise BadInput("purpose-unknown", purpose=code, expected=", ".join(table["allowed"]))
    promised = application.value("purpose.promises")
    lacking = [name for name in table["promises"] if promised is not None and name not in promised]
    if lacking:
        raise Refused("purpose-promises", promises=", ".join(lacking))
    body = str(application.value("applicant.body") or "")
    if body in table["bodies"] and not application.value("purpose.guarantees"):
        raise Refused("purpose-guarantees", body=body, law=str(table["bodies"][body]))
