-- SPDX-License-Identifier: Apache-2.0
-- Lines whose nine keys came before; then the lines without a drug line, as acts, netted across all flows.
UPDATE snds_claims SET hits = hits | ${bit_K1} WHERE rowid IN (
  SELECT id FROM (
    SELECT rowid AS id, row_number() OVER (PARTITION BY line_key ORDER BY rowid) AS turn FROM snds_claims
    WHERE line_key IN (SELECT line_key FROM snds_claims GROUP BY line_key HAVING count(*) > 1)
  ) WHERE turn > 1);
UPDATE snds_drugs SET hits = hits | ${bit_K1} WHERE rowid IN (
  SELECT id FROM (
    SELECT rowid AS id, row_number() OVER (PARTITION BY line_key, rank ORDER BY rowid) AS turn FROM snds_drugs
    WHERE line_key IN (SELECT line_key FROM snds_drugs GROUP BY line_key HAVING count(*) > 1)
  ) WHERE turn > 1);
CREATE TABLE snds_first_claims AS
SELECT person_no, min(care) AS care FROM snds_claims
WHERE hits = 0 AND person_no IN (SELECT person_no FROM snds_persons WHERE inserted > DATE '${first_day}') GROUP BY person_no;
CREATE TABLE snds_claim_acts AS
SELECT person_no, care, PRS_NAT_REF, executing, quantity, hits | ${hits_claim_lines} AS hits
FROM snds_claims ANTI JOIN snds_drugs USING (line_key);
CREATE TABLE snds_act_groups AS
SELECT person_no, care, PRS_NAT_REF AS nature, executing, sum(quantity) AS quantity, count(*) AS lines
FROM snds_claim_acts WHERE hits = 0 GROUP BY ALL;
INSERT INTO judged SELECT 'claims', hits, count(*) FROM snds_claim_acts WHERE hits <> 0 GROUP BY hits;
INSERT INTO judged SELECT 'claims', ${bit_D5}, sum(lines) - count(*) FILTER (WHERE quantity > 0) FROM snds_act_groups;
INSERT INTO judged SELECT 'claims', 0, count(*) FROM snds_act_groups WHERE quantity > 0;
INSERT INTO judged SELECT 'claims', hits, count(*) FROM snds_claims SEMI JOIN snds_drugs USING (line_key) GROUP BY hits;
INSERT INTO kept SELECT 'claims', count(*) FROM snds_claims SEMI JOIN snds_drugs USING (line_key) WHERE hits = 0;
DROP TABLE snds_claim_acts
