-- SPDX-License-Identifier: Apache-2.0
-- Lines of each delivered table by the set of rules that they meet, the first of which drops them; 0 = kept. Told from what was judged alone: the
-- rows of the research tables are counted apart, as the other side of the balance.
CREATE OR REPLACE TABLE net_reference AS
SELECT 'drug_reference' AS word, count(*) AS lines, count(DISTINCT (cip13, cip7, ucd, atc, label)) AS facts FROM gross_drug_code
UNION ALL
SELECT 'condition_codes', count(*), count(DISTINCT (code, ald)) FROM gross_condition_code
UNION ALL
SELECT 'commune_history', count(*), count(DISTINCT (effective, kind, before, after)) FROM gross_commune_change
UNION ALL
SELECT 'populations', count(*), count(DISTINCT (vintage, commune, sex, age, persons)) FROM gross_population;
CREATE OR REPLACE TABLE net_environment AS
SELECT CASE WHEN now.commune IS NULL THEN ${bit_G1} ELSE 0 END AS hits, count(*) AS lines,
  count(DISTINCT (given.exposure, given.commune, first_day, last_day, value, measured_in, source)) AS facts
FROM gross_environment AS given LEFT JOIN commune_now AS now ON now.delivered = given.commune GROUP BY ALL;
INSERT INTO judged
SELECT CASE WHEN archived THEN 'archived_beneficiaries' ELSE 'beneficiaries' END, hits, count(*) FROM net_card GROUP BY ALL
UNION ALL
SELECT 'claims', hits & ${mask_claims}, sum(leads) FROM net_claim WHERE word <> 'claims' GROUP BY ALL
UNION ALL
SELECT word, hits, sum(lines) FROM net_claim WHERE hits <> 0 GROUP BY ALL
UNION ALL
SELECT word, ${bit_D5}, sum(lines) - count(*) FILTER (WHERE quantity > 0) FROM net_claim WHERE hits = 0 AND word <> 'claim_acts' GROUP BY word
UNION ALL
SELECT word, 0, count(*) FROM net_claim WHERE hits = 0 AND quantity > 0 AND word <> 'claim_acts' GROUP BY word
UNION ALL
SELECT 'claim_acts', ${bit_D5}, (SELECT sum(lines) FROM net_claim WHERE word = 'claim_acts' AND hits = 0)
  - coalesce(sum(CASE WHEN further THEN lines ELSE 1 END), 0) FROM net_act
UNION ALL
SELECT 'claim_acts', CASE WHEN further THEN ${bit_P10} ELSE 0 END, CASE WHEN further THEN sum(lines) ELSE count(*) END FROM net_act GROUP BY further
UNION ALL
SELECT CASE field WHEN 'mco' THEN 'mco_stays' WHEN 'ace' THEN 'ace_invoices' ELSE 'rip_ambulatory' END, hits, count(*) FROM net_stay
WHERE has_stay AND (field IN ('mco', 'ace') OR kind IN (${ambulatory_kinds})) GROUP BY ALL
UNION ALL
SELECT field || '_chaining', hits, count(*) FROM net_stay
WHERE has_chain AND coalesce(kind, '') NOT IN (${ambulatory_kinds}) GROUP BY ALL
UNION ALL
SELECT word, hits, sum(lines) FROM net_fact WHERE hits <> 0 AND word IS NOT NULL GROUP BY ALL
UNION ALL
SELECT word, CASE WHEN summed THEN ${bit_D5} ELSE ${bit_K2} END, sum(lines) - count(*) FILTER (WHERE quantity > 0 OR NOT summed)
FROM net_fact WHERE hits = 0 AND kind <> 'act' AND word IS NOT NULL GROUP BY word, summed
UNION ALL
SELECT word, 0, count(*) FROM net_fact WHERE hits = 0 AND kind <> 'act' AND (quantity > 0 OR NOT summed) AND word IS NOT NULL GROUP BY word
UNION ALL
SELECT word, ${bit_P10}, sum(lines) - count(*) FILTER (WHERE NOT further) FROM net_stay_act WHERE word IS NOT NULL GROUP BY word
UNION ALL
SELECT word, 0, count(*) FROM net_stay_act WHERE NOT further AND word IS NOT NULL GROUP BY word
UNION ALL
SELECT 'conditions', hits, CASE WHEN hits = 0 THEN count(*) ELSE sum(lines) END FROM net_condition GROUP BY hits
UNION ALL
SELECT 'conditions', ${bit_K2}, sum(lines) - count(*) FROM net_condition WHERE hits = 0
UNION ALL
SELECT 'doses', hits, CASE WHEN hits = 0 THEN count(*) ELSE sum(lines) END FROM net_dose GROUP BY hits
UNION ALL
SELECT 'doses', ${bit_K2}, sum(lines) - count(*) FROM net_dose WHERE hits = 0
UNION ALL
SELECT 'maternity', hits, CASE WHEN hits = 0 THEN count(*) ELSE sum(lines) END FROM net_maternity GROUP BY hits
UNION ALL
SELECT 'maternity', ${bit_K2}, sum(lines) - count(*) FROM net_maternity WHERE hits = 0
UNION ALL
SELECT 'homes', hits, CASE WHEN hits = 0 THEN count(*) ELSE sum(lines) END FROM net_home GROUP BY hits
UNION ALL
SELECT 'homes', ${bit_K2}, sum(lines) - count(*) FROM net_home WHERE hits = 0
UNION ALL
-- Without persons, these lie in one shard and are told in its first pass.
SELECT word, hits, sum(lines) FROM gross_consulted WHERE ${pass} = 0 GROUP BY ALL
UNION ALL
SELECT word, ${bit_K2}, lines - facts FROM net_reference WHERE ${pass} = 0
UNION ALL
SELECT 'environment', hits, CASE WHEN hits = 0 THEN facts ELSE lines END FROM net_environment WHERE ${pass} = 0
UNION ALL
SELECT 'environment', ${bit_K2}, lines - facts FROM net_environment WHERE hits = 0 AND ${pass} = 0
UNION ALL
SELECT word, 0, facts FROM net_reference WHERE ${pass} = 0
UNION ALL
SELECT 'deaths', hits, count(*) FROM net_certificate WHERE kind = 'certificate' GROUP BY hits
UNION ALL
SELECT 'causes', CASE WHEN hits = 0 AND certificate NOT IN (SELECT certificate FROM net_death WHERE certificate IS NOT NULL) THEN ${bit_J1} ELSE hits END,
  count(*)
FROM net_certificate WHERE kind = 'cause' GROUP BY ALL;
INSERT INTO unmapped SELECT coalesce(nature, ''), hits, sum(lines) FROM net_claim WHERE word = 'claims' AND hits & ${bit_M1} <> 0 GROUP BY ALL;
INSERT INTO kept
SELECT CASE WHEN archived THEN 'archived_beneficiaries' ELSE 'beneficiaries' END, count(*) FROM net_card WHERE hits = 0 GROUP BY ALL
UNION ALL
SELECT 'claims', sum(leads) FROM net_claim WHERE word <> 'claims' AND hits & ${mask_claims} = 0
UNION ALL
SELECT 'maternity', count(*) FROM net_maternity WHERE hits = 0
UNION ALL
SELECT 'homes', count(*) FROM net_home WHERE hits = 0
UNION ALL
SELECT word, sum(lines) FROM gross_consulted WHERE hits = 0 AND ${pass} = 0 GROUP BY word
UNION ALL
SELECT word, facts FROM net_reference WHERE ${pass} = 0
UNION ALL
SELECT 'environment', facts FROM net_environment WHERE hits = 0 AND ${pass} = 0
UNION ALL
SELECT 'deaths', count(*) FROM net_death WHERE certificate IS NOT NULL
UNION ALL
SELECT 'causes', coalesce(sum(len(string_split(causes, ' '))), 0) FROM net_death
UNION ALL
SELECT word, count(*) FROM (
  SELECT word FROM research_condition_occurrence UNION ALL SELECT word FROM research_procedure_occurrence
  UNION ALL SELECT word FROM research_drug_exposure UNION ALL SELECT word FROM research_measurement
  UNION ALL SELECT word FROM research_device_exposure UNION ALL SELECT word FROM research_visit_detail
  UNION ALL SELECT word FROM research_visit_occurrence UNION ALL SELECT also FROM research_visit_occurrence
) WHERE word IS NOT NULL GROUP BY word
