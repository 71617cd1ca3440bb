# SPDX-License-Identifier: Apache-2.0
"""The one identifier type of the house: the person as the source names it (in the SNDS its person key, itself a pseudonym)."""

from typing import NewType

SourcePerson = NewType("SourcePerson", str)
