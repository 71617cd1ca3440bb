-- SPDX-License-Identifier: Apache-2.0
-- Delivered lines of flows that another unit gives, by table.
WITH delivered AS (${lines})
SELECT word, CAST(sum(lines) AS BIGINT) AS lines FROM (
  SELECT 'claims' AS word, count(*) FILTER (WHERE lead) AS lines FROM delivered WHERE ${where}
  UNION ALL
  SELECT CASE kind WHEN 'drug' THEN 'drugs' WHEN 'hospital_drug' THEN 'hospital_drugs' WHEN 'act' THEN 'claim_acts' WHEN 'lab' THEN 'labs' ELSE 'devices' END,
    count(*) FROM delivered WHERE detail AND (${where}) GROUP BY ALL
) GROUP BY word
