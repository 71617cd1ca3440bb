-- SPDX-License-Identifier: Apache-2.0
-- A person is a person key. One card may come twice: the certified, then the latest, is kept. Shared pseudonyms are flagged by their number of persons.
CREATE TABLE snds_ranked AS
SELECT *, row_number() OVER (PARTITION BY psa, gem
  ORDER BY hits = 0 DESC, certified DESC, updated DESC NULLS LAST, archived, person NULLS LAST) AS turn
FROM snds_beneficiaries;
INSERT INTO judged
SELECT CASE WHEN archived THEN 'archived_beneficiaries' ELSE 'beneficiaries' END,
  hits | CASE WHEN turn > 1 THEN ${bit_B1} ELSE 0 END, count(*)
FROM snds_ranked GROUP BY ALL;
CREATE TABLE snds_kept_cards AS SELECT * EXCLUDE (turn, hits) FROM snds_ranked WHERE turn = 1 AND hits = 0;
CREATE TABLE snds_persons AS
SELECT CAST(row_number() OVER (ORDER BY person) AS INTEGER) AS person_no, * EXCLUDE (turn, died, inserted),
  latest_death AS died, first_inserted AS inserted
FROM (
  SELECT *, max(died) OVER (PARTITION BY person) AS latest_death,
    CASE WHEN NOT bool_or(inserted IS NULL) OVER (PARTITION BY person) THEN min(inserted) OVER (PARTITION BY person) END AS first_inserted,
    row_number() OVER (PARTITION BY person ORDER BY updated DESC NULLS LAST, seen DESC NULLS LAST, archived, psa, gem) AS turn
  FROM snds_kept_cards
) WHERE turn = 1;
CREATE TABLE snds_cards AS
SELECT c.psa, c.gem, c.archived, c.certified, p.person_no FROM snds_kept_cards c JOIN snds_persons p ON p.person = c.person;
CREATE TABLE snds_pseudonyms AS
SELECT psa, min(person_no) AS person_no, count(DISTINCT person_no) AS persons FROM snds_cards GROUP BY psa;
DROP TABLE snds_ranked;
DROP TABLE snds_beneficiaries;
DROP TABLE snds_kept_cards
