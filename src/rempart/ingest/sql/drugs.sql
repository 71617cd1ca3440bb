-- SPDX-License-Identifier: Apache-2.0
-- Drug lines inherit the rules that their main line meets; then netting across all flows.
CREATE TABLE snds_drug_lines AS
SELECT claim.person_no, claim.care, claim.prescribed, claim.executing, claim.prescribing, drug.code, drug.quantity, drug.paid,
  drug.hits | coalesce(claim.hits, ${bit_J1}) AS hits
FROM snds_drugs AS drug
LEFT JOIN (SELECT * FROM snds_claims WHERE hits & ${bit_K1} = 0) AS claim ON claim.line_key = drug.line_key;
DROP TABLE snds_drugs;
DROP TABLE snds_claims;
CREATE TABLE snds_drug_groups AS
SELECT person_no, care, code, prescribing, executing, sum(quantity) AS quantity, sum(paid) AS paid, min(prescribed) AS prescribed,
  count(*) AS lines
FROM snds_drug_lines WHERE hits = 0 GROUP BY person_no, care, code, prescribing, executing;
INSERT INTO judged SELECT 'drugs', hits, count(*) FROM snds_drug_lines WHERE hits <> 0 GROUP BY hits;
INSERT INTO judged SELECT 'drugs', ${bit_D5}, sum(lines) - count(*) FILTER (WHERE quantity > 0) FROM snds_drug_groups;
INSERT INTO judged SELECT 'drugs', 0, count(*) FROM snds_drug_groups WHERE quantity > 0;
DROP TABLE snds_drug_lines
