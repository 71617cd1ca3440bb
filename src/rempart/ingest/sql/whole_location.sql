-- SPDX-License-Identifier: Apache-2.0
-- Communes by vintage of their population, with the commune of the common vintage.
SELECT people.commune AS location_source_value, CAST(people.vintage AS INTEGER) AS vintage, now.commune AS commune_source_value, sum(people.persons) AS persons
FROM gross_population AS people LEFT JOIN commune_now AS now ON now.delivered = people.commune
GROUP BY ALL ORDER BY ALL
