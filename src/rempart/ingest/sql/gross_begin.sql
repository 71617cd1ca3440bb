-- SPDX-License-Identifier: Apache-2.0
-- Small expressions that the gross tables share.
CREATE OR REPLACE TEMP MACRO snds_card(psa, rank, person) AS coalesce(psa || '|' || coalesce(rank, ''), person || '|');
CREATE OR REPLACE TEMP MACRO snds_name(name) AS CASE WHEN name NOT IN ('0', '00000000', '000000000', '00000000000000000') THEN name END;
CREATE OR REPLACE TEMP MACRO snds_short(code) AS CASE WHEN code NOT IN ('0', '00') THEN CASE WHEN starts_with(code, '0') THEN code[2:] ELSE code END END;
CREATE OR REPLACE TEMP MACRO snds_insee(department, commune) AS
  CASE WHEN left(department, 1) = '9' THEN left(department, 2) ELSE right(department, 2) END || commune;
CREATE OR REPLACE TEMP MACRO snds_stay(field, year, facility, record) AS field || '|' || year || '|' || facility || '|' || record;
-- Names that are nobody's: one character throughout, or one of the list; a person key may be such a pseudonym and its rank.
CREATE OR REPLACE TEMP MACRO snds_nobody(name) AS
  upper(left(name, 17)) IN (${invalid_pseudonyms}) OR replace(left(name, 17), left(name, 1), '') = '';
-- A day of a stay: from the one before its entry to the one after it left, or after the last of its table's year where it had not left.
CREATE OR REPLACE TEMP MACRO snds_outside(entry, leaving, year, delay) AS
  delay < -1 OR delay > greatest(coalesce(leaving, make_date(year, 12, 31)), entry) - entry + 1;
CREATE OR REPLACE TEMP MACRO snds_delay(entry, leaving, year, delay) AS
  CASE WHEN snds_outside(entry, leaving, year, delay) THEN 0 ELSE TRY_CAST(delay AS INTEGER) END;
CREATE OR REPLACE TEMP MACRO snds_link(link) AS CASE WHEN length(link) > 17 AND NOT starts_with(upper(link), 'ABABAB') THEN link END
