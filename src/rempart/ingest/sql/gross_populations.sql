-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_population BY NAME
SELECT ${unit} AS unit, 0 AS flow, ${year} AS vintage, COM AS commune, SEX AS sex, AGE AS age, POP AS persons, 0 AS hits FROM lines_populations
