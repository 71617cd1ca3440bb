-- SPDX-License-Identifier: Apache-2.0
-- A stay is its record and its chaining line, joined on facility, record and year; it meets the rules of both.
UPDATE snds_chaining SET hits = hits | ${bit_K1}
WHERE rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY stay ORDER BY rowid) AS turn FROM snds_chaining) WHERE turn > 1);
UPDATE snds_stays SET hits = hits | ${bit_K1}
WHERE rowid IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY stay ORDER BY rowid) AS turn FROM snds_stays) WHERE turn > 1);
CREATE TABLE snds_joined_stays AS
SELECT coalesce(record.stay, chain.stay) AS stay, chain.person_no, chain.entry, coalesce(chain.leaving, chain.entry) AS leaving,
  record.principal, record.related, record.grouped, record.entry_from, record.exit_mode, record.exit_to,
  record.stay IS NOT NULL AS recorded, chain.stay IS NOT NULL AS chained,
  coalesce(record.hits, ${bit_J2}) | coalesce(chain.hits, ${bit_J2}) AS hits
FROM (SELECT * FROM snds_stays WHERE hits & ${bit_K1} = 0) AS record
FULL JOIN (SELECT * FROM snds_chaining WHERE hits & ${bit_K1} = 0) AS chain ON chain.stay = record.stay;
INSERT INTO judged SELECT 'stays', hits, count(*) FROM snds_stays WHERE hits & ${bit_K1} <> 0 GROUP BY hits;
INSERT INTO judged SELECT 'chaining', hits, count(*) FROM snds_chaining WHERE hits & ${bit_K1} <> 0 GROUP BY hits;
INSERT INTO judged SELECT 'stays', hits, count(*) FROM snds_joined_stays WHERE recorded GROUP BY hits;
INSERT INTO judged SELECT 'chaining', hits, count(*) FROM snds_joined_stays WHERE chained GROUP BY hits;
DROP TABLE snds_stays;
DROP TABLE snds_chaining
