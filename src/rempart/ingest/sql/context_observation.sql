-- SPDX-License-Identifier: Apache-2.0
-- start = latest of birth, the first usable day of the person's first scheme and, as an option, the first contact,
-- end = earliest of death, the last usable day and, as an option, some months after the last contact. A person without scheme has 'unknown'.
CREATE OR REPLACE TABLE context_observed AS
SELECT person_no, observed_from AS first_day, observed_to AS last_day FROM (
  SELECT who.person_no, contact.person_no IS NOT NULL AS met,
    greatest(make_date(who.born, coalesce(who.birth_month, 1), 1), opens.first_day ${start_option}) AS observed_from,
    least(death.day, closes.last_day ${end_option}) AS observed_to
  FROM net_person AS who
  LEFT JOIN (
    SELECT person_no, arg_min(value, coalesce(first_day, DATE '0001-01-01')) AS first_scheme,
      arg_max(value, coalesce(first_day, DATE '0001-01-01')) AS last_scheme
    FROM context_run WHERE what = 'scheme' GROUP BY person_no
  ) AS held ON held.person_no = who.person_no
  LEFT JOIN context_cut AS opens ON opens.scheme = coalesce(held.first_scheme, 'unknown')
  LEFT JOIN context_cut AS closes ON closes.scheme = coalesce(held.last_scheme, 'unknown')
  LEFT JOIN net_death AS death ON death.person_no = who.person_no
  LEFT JOIN context_contact AS contact ON contact.person_no = who.person_no
) WHERE observed_from <= observed_to AND ${observed_if};
-- A run ends on the day before the next begins; the first one of a person reaches back to the beginning of observation.
CREATE OR REPLACE TABLE context_spell AS
SELECT * FROM (
  SELECT run.what, run.person_no, run.value, CASE WHEN turn = 1 THEN seen.first_day ELSE greatest(seen.first_day, run.first_day) END AS first_day,
    least(seen.last_day, coalesce(run.next_day - 1, seen.last_day)) AS last_day
  FROM (
    SELECT *, row_number() OVER o AS turn, lead(first_day) OVER o AS next_day FROM context_run
    WINDOW o AS (PARTITION BY what, person_no ORDER BY first_day NULLS FIRST)
  ) AS run JOIN context_observed AS seen USING (person_no)
) WHERE first_day <= last_day
