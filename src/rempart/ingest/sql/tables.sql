-- SPDX-License-Identifier: Apache-2.0
-- The tables that files are staged into. judged: lines by the set of rules they meet (one bit a rule); kept: lines that reached a research table.
CREATE OR REPLACE MACRO snds_id(source_key) AS CAST('0x' || left(sha256(source_key), 15) AS BIGINT);
CREATE TABLE judged (word VARCHAR, hits BIGINT, lines BIGINT);
CREATE TABLE kept (word VARCHAR, lines BIGINT);
CREATE TABLE snds_beneficiaries (archived BOOLEAN, psa VARCHAR, gem VARCHAR, person VARCHAR, certified BOOLEAN, born INTEGER,
  birth_month INTEGER, sex VARCHAR, died DATE, department VARCHAR, commune VARCHAR, seen DATE, inserted DATE, updated DATE, hits BIGINT);
CREATE TABLE snds_facility_lines (line_key UHUGEINT, ETE_IND_TAA VARCHAR);
CREATE TABLE snds_drugs (line_key UHUGEINT, rank VARCHAR, code VARCHAR, quantity DOUBLE, paid DOUBLE, hits BIGINT);
CREATE TABLE snds_claims (line_key UHUGEINT, person_no INTEGER, care DATE, prescribed DATE, PRS_NAT_REF VARCHAR, CPL_MAJ_TOP VARCHAR,
  quantity DOUBLE, executing VARCHAR, prescribing VARCHAR, hits BIGINT);
CREATE TABLE snds_chaining (stay VARCHAR, person_no INTEGER, entry DATE, leaving DATE, hits BIGINT);
CREATE TABLE snds_stays (stay VARCHAR, principal VARCHAR, related VARCHAR, grouped VARCHAR, entry_from VARCHAR, exit_mode VARCHAR,
  exit_to VARCHAR, hits BIGINT);
CREATE TABLE snds_diagnoses (stay VARCHAR, code VARCHAR, hits BIGINT);
CREATE TABLE snds_acts (stay VARCHAR, code VARCHAR, delay INTEGER, activity VARCHAR, quantity INTEGER, hits BIGINT);
CREATE TABLE snds_conditions (person_no INTEGER, code VARCHAR, first_day DATE, last_day DATE, hits BIGINT);
CREATE TABLE snds_certificates (certificate VARCHAR, person_no INTEGER, died DATE, cause VARCHAR, hits BIGINT)
