-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_commune_change BY NAME
SELECT ${unit} AS unit, 0 AS flow, DATE_EFF AS effective, TYPE AS kind, COM_AV AS before, COM_AP AS after, 0 AS hits FROM lines_commune_history
