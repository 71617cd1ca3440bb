-- SPDX-License-Identifier: Apache-2.0
-- Lines by month of care, discharge or death and by month of flow, of one shard: sums of them over shards say when a source is complete.
SELECT 'dcir' AS source, ${claim_scheme} AS scheme, month, flow, CAST(sum(lines) AS BIGINT) AS lines
FROM (
  SELECT scheme, CAST((year(care) - 2000) * 12 + month(care) - 1 AS INTEGER) AS month, flow, count(*) AS lines
  FROM gross_claim WHERE lead AND care IS NOT NULL GROUP BY ALL
) GROUP BY ALL
UNION ALL
SELECT field, '', CAST(date_diff('month', DATE '2000-01-01', coalesce(leaving, entry)) AS INTEGER), 0, count(*)
FROM gross_stay WHERE coalesce(leaving, entry) IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 'certificates', CASE WHEN linked THEN 'linked' ELSE 'unlinked' END, CAST(date_diff('month', DATE '2000-01-01', died) AS INTEGER), 0, count(*)
FROM gross_death WHERE kind = 'certificate' AND died IS NOT NULL GROUP BY ALL
