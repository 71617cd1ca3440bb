-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_condition_code BY NAME
SELECT ${unit} AS unit, 0 AS flow, CIM_COD AS code, TRY_CAST(ALD_030_COD AS INTEGER) AS ald, 0 AS hits FROM lines_condition_codes
