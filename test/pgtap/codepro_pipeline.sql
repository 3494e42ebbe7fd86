-- CodePro's data pipeline (test/demo/codepro_pipeline.sql), against what CodePro's own
-- pipeline made of the same leads: every row and every column of every step.
BEGIN;
\set here `test -r ../shared/data/codepro/expected_test_loaded_data.csv.gz && echo true || echo false`
\if :here
\else
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(1);
SELECT skip('../shared/data/codepro is not here');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(35);
\ir ../demo/codepro_pipeline.sql
\copy codepro_city_tier FROM '../shared/data/codepro/city_tier_mapping.csv' CSV HEADER
\copy codepro_interaction FROM '../shared/data/codepro/interaction_mapping.csv' CSV HEADER
CREATE TEMP TABLE level_list (derived_from text, column_name text, rank int, level text);
\copy level_list FROM '../shared/data/codepro/significant_categorical_levels.csv' CSV HEADER

-- Both queries give the same rows, each as often; their number is told as well, for two
-- queries without rows are the same, too.
CREATE FUNCTION pg_temp.same_rows(ours text, theirs text, rows bigint, what text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (%s) q', theirs) INTO n;
	RETURN NEXT is(n, rows, what || ': rows expected');
	EXECUTE format('SELECT count(*) FROM (%s) q', ours) INTO n;
	RETURN NEXT is(n, rows, what || ': rows');
	RETURN NEXT is_empty(format('(%s) EXCEPT ALL (%s)', ours, theirs), what || ': no row that is not expected');
	RETURN NEXT is_empty(format('(%s) EXCEPT ALL (%s)', theirs, ours), what || ': no row missing');
END;
$$;

-- Significant levels as given, not as learnt.
CREATE FUNCTION pg_temp.use_levels(list text) RETURNS void LANGUAGE sql AS $$
	DELETE FROM codepro_significant_level;
	INSERT INTO codepro_significant_level SELECT column_name, level FROM level_list WHERE derived_from = list;
$$;

-- A file that lacks a column of codepro_raw: the key, the label.
CREATE TEMP TABLE incoming_test (LIKE codepro_raw);
ALTER TABLE incoming_test DROP COLUMN lead_id;
CREATE TEMP TABLE incoming_unlabelled (LIKE codepro_raw);
ALTER TABLE incoming_unlabelled DROP COLUMN app_complete_flag;

----------------------------------------------------------------------------
-- The schema check
----------------------------------------------------------------------------

SELECT is_empty('SELECT * FROM codepro_schema_check', 'the schema check finds nothing to complain of');
SAVEPOINT renamed;
ALTER TABLE codepro_raw RENAME COLUMN syllabus TO sylabus;
SELECT set_eq('SELECT * FROM codepro_schema_check', $$VALUES ('syllabus', 'missing'), ('sylabus', 'unexpected')$$,
	'the schema check names a column that is missing and one that is new');
ROLLBACK TO renamed;

----------------------------------------------------------------------------
-- The 100 leads of the assignment's tests, step by step
----------------------------------------------------------------------------

\copy incoming_test FROM PROGRAM 'zcat ../shared/data/codepro/leadscoring_test.csv.gz' CSV HEADER
INSERT INTO codepro_raw SELECT NULL, i.* FROM incoming_test i;
SELECT pg_temp.use_levels('training_file');

-- The expected files have the 37 columns of clicks as they were; ours has them in one document.
CREATE TEMP TABLE expected_loaded (LIKE incoming_test);
\copy expected_loaded FROM PROGRAM 'zcat ../shared/data/codepro/expected_test_loaded_data.csv.gz' CSV HEADER
CREATE TEMP TABLE expected_tiered (LIKE incoming_test);
ALTER TABLE expected_tiered DROP COLUMN city_mapped, ADD COLUMN city_tier float8;
CREATE TEMP TABLE expected_levelled (LIKE expected_tiered);
\copy expected_tiered FROM PROGRAM 'zcat ../shared/data/codepro/expected_test_city_tier_mapped.csv.gz' CSV HEADER
\copy expected_levelled FROM PROGRAM 'zcat ../shared/data/codepro/expected_test_categorical_variables_mapped.csv.gz' CSV HEADER
CREATE TEMP TABLE expected_cleaned (created_date timestamp, city_tier float8, first_platform_c text,
	first_utm_medium_c text, first_utm_source_c text, total_leads_droppped float8, referred_lead float8,
	app_complete_flag int, assistance_interaction float8, career_interaction float8, payment_interaction float8,
	social_interaction float8, syllabus_interaction float8);
\copy expected_cleaned FROM PROGRAM 'zcat ../shared/data/codepro/expected_test_interactions_mapped.csv.gz' CSV HEADER

-- A step's row as a row of the expected table: clicks taken apart again.
SELECT pg_temp.same_rows(
	'SELECT (jsonb_populate_record(NULL::expected_loaded, to_jsonb(s) || clicks)).* FROM codepro_loaded s',
	'SELECT * FROM expected_loaded', 100, 'loaded');
SELECT pg_temp.same_rows(
	'SELECT (jsonb_populate_record(NULL::expected_tiered, to_jsonb(s) || clicks)).* FROM codepro_tiered s',
	'SELECT * FROM expected_tiered', 100, 'tiered');
SELECT pg_temp.same_rows(
	'SELECT (jsonb_populate_record(NULL::expected_levelled, to_jsonb(s) || clicks)).* FROM codepro_levelled s',
	'SELECT * FROM expected_levelled', 100, 'levelled');
SELECT pg_temp.same_rows('SELECT * FROM codepro_cleaned', 'SELECT * FROM expected_cleaned', 100, 'cleaned, 100 leads');

----------------------------------------------------------------------------
-- All leads, with the levels of the training file
----------------------------------------------------------------------------

DELETE FROM codepro_raw;
DELETE FROM expected_cleaned;
\copy codepro_raw FROM PROGRAM 'zcat ../shared/data/codepro/leadscoring.csv.gz' CSV HEADER
\copy expected_cleaned FROM PROGRAM 'zcat ../shared/data/codepro/cleaned_data.csv.gz' CSV HEADER
ANALYZE codepro_raw;
SELECT pg_temp.same_rows('SELECT * FROM codepro_cleaned', 'SELECT * FROM expected_cleaned', 24977, 'cleaned');

-- Learnt from these leads.
SELECT set_eq('SELECT column_name, level FROM codepro_level_share WHERE significant',
	$$SELECT column_name, level FROM level_list WHERE derived_from = 'this_file'$$,
	'significant levels by cumulative share');
SELECT is_empty($$SELECT column_name, level FROM codepro_level_share WHERE cumulative_share > 0.9 AND significant
	UNION ALL SELECT column_name, NULL FROM codepro_level_share GROUP BY 1 HAVING max(cumulative_share) <> 1$$,
	'shares end at 1, and significant levels at 0.9');

DELETE FROM codepro_significant_level;
INSERT INTO codepro_significant_level SELECT column_name, level FROM codepro_level_share WHERE significant;
CREATE TEMP TABLE expected_input (lead_id int, created_date timestamp, city_tier int, first_platform_c text,
	first_utm_medium_c text, first_utm_source_c text, total_leads_droppped float8, referred_lead float8,
	assistance_interaction float8, career_interaction float8, payment_interaction float8, social_interaction float8,
	syllabus_interaction float8, app_complete_flag int, split text);
\copy expected_input FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
ALTER TABLE expected_input DROP COLUMN split;
SELECT pg_temp.same_rows('SELECT * FROM codepro_model_input', 'SELECT * FROM expected_input', 24991, 'model input');

-- The assignment's unlabelled file; a lead more is a duplicate without the label.
DELETE FROM codepro_raw;
DELETE FROM expected_cleaned;
SELECT pg_temp.use_levels('training_file');
\copy incoming_unlabelled FROM PROGRAM 'zcat ../shared/data/codepro/leadscoring_inference.csv.gz' CSV HEADER
INSERT INTO codepro_raw SELECT i.*, NULL FROM incoming_unlabelled i;
ALTER TABLE expected_cleaned DROP COLUMN app_complete_flag;
\copy expected_cleaned FROM PROGRAM 'zcat ../shared/data/codepro/cleaned_data_inference.csv.gz' CSV HEADER
SELECT pg_temp.same_rows('SELECT (jsonb_populate_record(NULL::expected_cleaned, to_jsonb(c))).* FROM codepro_cleaned c',
	'SELECT * FROM expected_cleaned', 24976, 'cleaned, unlabelled');

----------------------------------------------------------------------------
-- The rule for levels on the level counts of CodePro's 240,000 leads
----------------------------------------------------------------------------

DELETE FROM codepro_raw;
CREATE TEMP TABLE level_count (level text, leads bigint, cumulative_share numeric, significant int);
\copy level_count FROM '../shared/data/codepro/training_file_first_platform_c_counts.csv' CSV HEADER
INSERT INTO codepro_raw (first_platform_c) SELECT level FROM level_count, generate_series(1, leads);
SELECT is(count(*), 240000::bigint, '240,000 leads') FROM codepro_raw;
SELECT set_eq('SELECT level, leads, significant::int FROM codepro_level_share',
	'SELECT level, leads, significant FROM level_count', 'significant levels of 240,000 leads');
-- The file has six digits, some cut, some rounded; equally frequent levels in an order of its own.
SELECT is_empty('SELECT level, s.cumulative_share, c.cumulative_share
	FROM codepro_level_share s JOIN level_count c USING (level, leads)
	WHERE leads NOT IN (SELECT leads FROM level_count GROUP BY leads HAVING count(*) > 1)
		AND abs(s.cumulative_share - c.cumulative_share) >= 1e-6', 'shares of 240,000 leads');
SELECT * FROM finish();
ROLLBACK;
