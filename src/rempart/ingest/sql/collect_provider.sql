-- SPDX-License-Identifier: Apache-2.0
-- Professionals of one shard's claims with the specialty that they worked under.
SELECT executing AS provider, specialty, count(*) AS lines FROM gross_claim WHERE executing IS NOT NULL GROUP BY ALL
UNION ALL
SELECT prescribing, NULL, count(*) FROM gross_claim WHERE prescribing IS NOT NULL GROUP BY ALL
