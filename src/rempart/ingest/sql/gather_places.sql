-- SPDX-License-Identifier: Apache-2.0
-- Codes of communes met in one shard; geographic codes of hospital stays are no commune codes and stay out.
SELECT DISTINCT commune FROM (
  SELECT DISTINCT commune FROM gross_claim
  UNION ALL
  SELECT DISTINCT commune FROM gross_card
) WHERE commune IS NOT NULL
