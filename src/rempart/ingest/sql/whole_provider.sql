-- SPDX-License-Identifier: Apache-2.0
-- One row a professional: the specialty of most of its lines.
SELECT provider AS provider_id, first(specialty ORDER BY lines DESC, specialty) FILTER (WHERE specialty IS NOT NULL) AS specialty_source_value
FROM (SELECT provider, specialty, sum(lines) AS lines FROM collected_provider GROUP BY ALL) GROUP BY provider ORDER BY provider
