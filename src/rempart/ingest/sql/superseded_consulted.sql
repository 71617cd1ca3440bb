-- SPDX-License-Identifier: Apache-2.0
-- Delivered lines of flows that another unit gives, of tables that make no rows of their own.
WITH delivered AS (${lines})
SELECT word, CAST(sum(lines) AS BIGINT) AS lines FROM delivered WHERE ${where} GROUP BY word
