# SPDX-License-Identifier: Apache-2.0
"""Persons by sex and year of their first dispensing. Runs in the sandbox: reads /in, writes where it begins."""

import csv
from collections import Counter

LEAST = 11

with open("/in/person.csv", encoding="utf-8") as file:
    sex = {row["person_id"]: row["gender_concept_id"] for row in csv.DictReader(file)}
first: dict[str, str] = {}
with open("/in/drug_exposure.csv", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        person, year = row["person_id"], row["drug_exposure_start_date"][:4]
        first[person] = min(year, first.get(person, year))
counts = Counter((sex[person], year) for person, year in first.items())
with open("first_years.csv", "w", encoding="utf-8", newline="") as file:
    written = csv.writer(file, lineterminator="\n")
    written.writerow(["sex", "year", "persons"])
    written.writerows([*key, count] for key, count in sorted(counts.items()) if count >= LEAST)
