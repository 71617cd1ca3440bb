# SPDX-License-Identifier: Apache-2.0
"""A delivery becomes research tables: schemas by year, persons resolved, lines cleaned by named rules, mapping to OMOP 5.4.

Writes SQL, runs it through the Query port, reads no file. The names of the SNDS, its rules and its mapping are the data files
beside this one, passed in parsed.
"""
