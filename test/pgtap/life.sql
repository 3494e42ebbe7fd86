-- The life of a model: recipes, hold-outs, checks, runs, history, deleting.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT no_plan();
SET LOCAL client_min_messages = error;

CREATE SCHEMA crm;
CREATE TABLE crm.leads AS
SELECT i AS id, ('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city, i * 31 % 11 AS clicks,
	CASE WHEN i % 13 > 0 THEN (i * 17 % 101) / 4.0 END AS visits,
	timestamptz '2025-01-01 00:00+00' + i * interval '1 hour' AS created,
	CASE WHEN i % 17 > 0 THEN i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 END AS won,
	'account ' || i % 40 AS account, i % 10 = 0 AS is_test
FROM generate_series(1, 3000) AS i;
SET LOCAL search_path = crm, public;
\set columns '''{city,clicks,visits}'''

----------------------------------------------------------------------------
-- What a run keeps
----------------------------------------------------------------------------

SELECT results_eq($$SELECT model, version, status, live, verdict, error FROM lead_train_model('m', 'leads', 'won', key => 'id', features => '{city,clicks,visits}',
		description => 'the first', experiment => 'trials', tags => '{"who": "ann"}')$$,
	$$VALUES ('m', 1, 'finished', true, 'first', NULL)$$, 'trained');
SELECT is(lead_model('m', 1), (SELECT lead_train_columns(won, jsonb_build_object('names', '["city", "clicks", "visits"]'::jsonb, 'timezone', current_setting('TimeZone')), city, clicks, visits)
	FROM leads WHERE lead_fold(id, 5) > 0), 'the model is that of the rows that are not held out');
SELECT row_eq('SELECT auc, log_loss, precision, recall FROM lead_versions(''m'')',
	(SELECT ROW((e).auc, (e).log_loss, (e).precision, (e).recall) FROM (SELECT lead_evaluate(lead_score('m', l), won) AS e FROM leads l WHERE lead_fold(id, 5) = 0) s),
	'judged on those that are');
SELECT row_eq('SELECT rows, positives, unknown, held_out FROM leadscore.runs',
	(SELECT ROW(count(won) FILTER (WHERE lead_fold(id, 5) > 0), count(*) FILTER (WHERE won AND lead_fold(id, 5) > 0), count(*) - count(won), count(won) FILTER (WHERE lead_fold(id, 5) = 0)) FROM leads),
	'all rows are accounted for');
SELECT is(concat_ws(' ', r.status, r.action, r.started_by, e.name, r.description, r.extension_version),
	concat_ws(' ', 'finished', 'train', current_user, 'trials', 'the first', (SELECT extversion FROM pg_extension WHERE extname = 'leadscore')), 'who, what, with which version')
FROM leadscore.runs r JOIN leadscore.experiments e USING (experiment_id);
SELECT ok(ended_at >= started_at AND server_version = current_setting('server_version'), 'when, on which server') FROM leadscore.runs;
SELECT set_eq('SELECT key, value FROM leadscore.tags', $$VALUES ('who', 'ann')$$, 'tags');
SELECT is((SELECT value FROM leadscore.params WHERE key = 'holdout.share'), '0.2', 'parameters');
SELECT is(body, lead_summary('m'), 'the summary is kept') FROM leadscore.artifacts WHERE path = 'summary.txt';
SELECT results_eq('SELECT step, value FROM leadscore.metrics WHERE key = ''train.loss'' ORDER BY step',
	'SELECT i, v::float8 FROM jsonb_array_elements_text(lead_info(''m'')->''history'') WITH ORDINALITY AS h(v, i)', 'each iteration''s loss is a step');
SELECT is((SELECT array_agg(DISTINCT e.name) FROM leadscore.mlflow_runs r JOIN leadscore.mlflow_experiments e USING (experiment_id)), '{trials}', 'MLflow''s runs and experiments join');
SELECT is((SELECT count(*) FROM leadscore.mlflow_metrics JOIN leadscore.mlflow_runs USING (run_uuid)), (SELECT count(*) FROM leadscore.metrics), 'and metrics');
SELECT is((SELECT value FROM leadscore.mlflow_latest_metrics WHERE key = 'train.loss'), (SELECT value FROM leadscore.metrics WHERE key = 'train.loss' ORDER BY step DESC LIMIT 1), 'and the latest of them');
SELECT results_eq('SELECT v.name::text, version, current_stage::text, length(run_id), r.status::text FROM leadscore.mlflow_model_versions v JOIN leadscore.mlflow_runs r ON r.run_uuid = v.run_id',
	$$VALUES ('m', 1, 'Production', 32, 'FINISHED')$$, 'and versions');
SELECT results_eq('SELECT name::text, alias::text, version FROM leadscore.mlflow_registered_model_aliases', $$VALUES ('m', 'champion', 1)$$, 'and aliases');

-- the same rows in another order have the same fingerprint and bytes, one row less has not
CREATE TABLE shuffled AS SELECT * FROM leads ORDER BY md5(id::text);
SELECT lead_train_model('shuffled', 'shuffled', 'won', key => 'id', features => :columns);
SELECT is((SELECT fingerprint FROM lead_versions('shuffled')), (SELECT fingerprint FROM lead_versions('m')), 'the order of rows does not matter');
SELECT is(lead_model('shuffled'), lead_model('m'), 'the same bytes');
DELETE FROM shuffled WHERE id = 4;
SELECT lead_retrain('shuffled');
SELECT isnt((SELECT fingerprint FROM lead_versions('shuffled') LIMIT 1), (SELECT fingerprint FROM lead_versions('m')), 'a row less is seen');
UPDATE shuffled SET won = NOT won WHERE id = 6;
SELECT lead_retrain('shuffled');
SELECT is((SELECT count(DISTINCT fingerprint) FROM lead_versions('shuffled')), 3::bigint, 'another outcome is seen');

-- again by what is stored
SELECT results_eq($$SELECT version, status, verdict FROM lead_retrain('m')$$, $$VALUES (2, 'finished', 'good enough')$$, 'trained again');
SELECT is(lead_model('m', 2), lead_model('m', 1), 'the same rows, the same bytes');
SELECT is((SELECT count(DISTINCT experiment_id) FROM leadscore.runs WHERE model = 'm'), 1::bigint, 'in the same experiment');
SELECT results_eq($$SELECT version, status FROM lead_retrain('m', options => '{"lambda": 10}', gate => '{"promote": "never"}')$$, $$VALUES (3, 'finished')$$, 'with an option more');
SELECT is(lead_info('m@3')->>'lambda', '10', 'which counts');
SELECT is((SELECT spec #>> '{options,lambda}' FROM leadscore.runs JOIN leadscore.versions USING (run_id) WHERE name = 'm' AND version = 3), '10', 'and is stored');

----------------------------------------------------------------------------
-- Sources and labels mean the same tomorrow
----------------------------------------------------------------------------

CREATE FUNCTION crm.is_open(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> 'Pune' $$;
CREATE VIEW crm.recent AS SELECT * FROM leads WHERE id > 100;
SELECT lead_train_model('by query', $$WITH a AS (SELECT id, city, clicks, visits, won FROM leads WHERE is_open(coalesce(city, ''))) SELECT * FROM a ORDER BY id; $$, 'won', key => 'id');
SELECT lead_train_model('by view', 'recent', 'won AND is_open(city)', key => 'id', features => :columns);
SELECT lead_train_model('by date', 'leads', $$created < '1 feb 2025' OR clicks > 5$$, key => 'id', features => '{city,visits}');
SELECT is((SELECT count(*) FROM leadscore.runs WHERE status <> 'finished'), 0::bigint, 'sources and labels under the caller''s search_path');
CREATE SCHEMA other;
CREATE TABLE other.leads (id int, city text, clicks int, visits numeric, won boolean);
CREATE FUNCTION other.is_open(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT 1 / 0 = 0 $$;
CREATE OPERATOR other.< (FUNCTION = timestamptz_gt, LEFTARG = timestamptz, RIGHTARG = timestamptz);
SET LOCAL search_path = other, pg_catalog;
SET LOCAL TimeZone = 'Asia/Kolkata';
SET LOCAL DateStyle = 'SQL, DMY';
CREATE TEMP TABLE later AS SELECT r.* FROM unnest('{by query,by view,by date}'::text[]) AS n, public.lead_retrain(n) AS r;
CREATE TEMP TABLE settings AS SELECT concat_ws('; ', current_setting('search_path'), current_setting('TimeZone'), current_setting('DateStyle')) AS now;
SET LOCAL search_path = crm, public;
RESET TimeZone;
RESET DateStyle;
SELECT ok(bool_and(status = 'finished' AND version = 2 AND lead_model(model, 1) = lead_model(model, 2)), 'and another search_path, time zone and date style later: the same bytes')
FROM later;
SELECT is(now, 'other, pg_catalog; Asia/Kolkata; SQL, DMY', 'whose settings are as before') FROM settings;
SELECT is((SELECT to_regclass('pg_temp."leadscore source"')), NULL, 'nothing is left behind');

-- quoted names, and more columns than a function takes arguments
CREATE TABLE crm."Leads ""2""" AS SELECT id AS "Id", clicks AS "a ""b'", city AS "select", won AS "Won?" FROM leads;
SELECT results_eq($$SELECT status, error FROM lead_train_model('it''s "x"', '"Leads ""2"""', '"Won?"', key => 'Id')$$, $$VALUES ('finished', NULL)$$, 'names that need quotes');
SELECT is((SELECT status FROM lead_retrain('it''s "x"')), 'finished', 'again');
SELECT format('CREATE TABLE crm.wide AS SELECT id, won, %s FROM leads', string_agg(format('id / %s %% 7 AS c%s', i + 1, i), ', ')) FROM generate_series(1, 120) i \gexec
SELECT results_eq($$SELECT status, error, auc IS NOT NULL FROM lead_train_model('wide', 'wide', 'won', key => 'id', options => '{"lambda": 1}')$$, $$VALUES ('finished', NULL, true)$$, '120 columns');
SELECT is((SELECT count(*) FROM lead_coefficients('wide') WHERE "column" LIKE 'c%'), 120::bigint, 'all of them');

-- the columns that the label is computed from know it
SELECT results_eq($$SELECT status, error FROM lead_train_model('l', 'leads', 'clicks > 4', key => 'id', exclude => '{won,is_test}')$$, $$VALUES ('finished', NULL)$$, 'a condition as label');
SELECT ok(NOT spec->'features' ? 'clicks' AND spec->'features' ? 'city', 'its column is no feature') FROM leadscore.runs WHERE model = 'l';
CREATE TABLE won_cities AS SELECT DISTINCT city, clicks FROM leads WHERE clicks > 4;
SELECT lead_train_model('ls', 'leads', 'EXISTS (SELECT FROM won_cities AS w WHERE w.clicks = leads.clicks)', key => 'id', exclude => '{won,is_test}');
SELECT ok(spec->'label_columns' = '["clicks"]' AND NOT spec->'features' ? 'clicks', 'nor one that a sub-select of the label needs') FROM leadscore.runs WHERE model = 'ls';

----------------------------------------------------------------------------
-- Hold-outs
----------------------------------------------------------------------------

CREATE FUNCTION pg_temp.held(holdout jsonb, time_column text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT held_out FROM lead_train_model('h', 'leads', 'won', features => '{city,clicks}', key => 'id', time_column => time_column, holdout => holdout)
$$;
SELECT is(pg_temp.held(NULL), (SELECT count(won) FROM leads WHERE lead_fold(id, 5) = 0), 'a fifth by hash of the key');
SELECT is(pg_temp.held('{"share": 0.3, "seed": 7}'), (SELECT count(won) FROM leads WHERE lead_fold(id, 1000, 7) < 300), 'another share and seed');
SELECT is(pg_temp.held('{"by": "group", "column": "account"}'), (SELECT count(won) FROM leads WHERE lead_fold(account, 5) = 0), 'whole groups');
SELECT is(pg_temp.held('{"column": "is_test"}'), (SELECT count(won) FROM leads WHERE is_test), 'where a column is true');
SELECT is(pg_temp.held('{"by": "none"}'), 0::bigint, 'none');
SELECT is(pg_temp.held(NULL, 'created'), (SELECT floor(count(won) * 0.2)::bigint FROM leads), 'the latest fifth of the rows whose outcome is known');
SELECT row_eq($$SELECT (cut #>> '{}')::timestamptz, data_from, data_to FROM leadscore.runs WHERE model = 'h' ORDER BY started_at DESC LIMIT 1$$,
	(SELECT ROW(percentile_disc(0.8) WITHIN GROUP (ORDER BY created), min(created), max(created)) FROM leads WHERE won IS NOT NULL), 'where it begins is stored');
SELECT is((SELECT r.held_out FROM lead_train_model('t', 'SELECT * FROM leads', 'won', features => '{city,clicks}', time_column => 'created') r), (SELECT floor(count(won) * 0.2)::bigint FROM leads), 'the same of a query');
SELECT is((SELECT auc FROM lead_retrain('t')), (SELECT (lead_evaluate(lead_score('t', l), won)).auc FROM leads l WHERE created > (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY created) FROM leads WHERE won IS NOT NULL)), 'judged on the latest');
-- what has no order in time tells no latest rows
SELECT throws_ok($$SELECT lead_train_model('x', 'leads', 'won', time_column => 'account')$$, '42804',
	'the time column "account" is of type text, not a date or timestamp', 'a text is no time');
SELECT throws_ok($$SELECT lead_train_model('x', 'leads', 'won', holdout => '{"by": "time", "column": "is_test"}')$$, '42804',
	'the time column "is_test" is of type boolean, not a date or timestamp', 'nor is a boolean');
CREATE DOMAIN crm.day AS date;
CREATE DOMAIN crm.word AS text;
SELECT is((SELECT status FROM lead_train_model('day', 'SELECT *, created::crm.day AS day FROM leads', 'won', features => '{city,clicks}', time_column => 'day')), 'finished', 'a domain over dates is');
SELECT throws_ok($$SELECT lead_train_model('x', 'SELECT *, created::text::crm.word AS day FROM leads', 'won', time_column => 'day')$$, '42804', NULL, 'one over texts is not');
SELECT is((SELECT status FROM lead_train_model('serial', 'leads', 'won', features => '{city,clicks}', time_column => 'id')), 'finished', 'a number may grow with time');
ALTER TABLE leads ADD PRIMARY KEY (id);
SELECT lead_train_model('pk', 'leads', 'won', features => '{city,clicks}');
SELECT is((SELECT spec->>'key' FROM leadscore.runs WHERE model = 'pk'), 'id', 'the primary key is the key');

----------------------------------------------------------------------------
-- Checks
----------------------------------------------------------------------------

CREATE FUNCTION pg_temp.found(source text, more jsonb DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE run lead_run := lead_train_model('c', source, 'won', key => 'id', options => more->'options', gate => more->'gate');
BEGIN
	RETURN NEXT run.status;
	RETURN QUERY SELECT concat_ws(' ', severity, "check", "column") FROM leadscore.checks WHERE run_id = run.run_id ORDER BY 1;
END $$;
\set base 'SELECT id, city, clicks, won FROM leads WHERE won IS NOT NULL'
SELECT set_eq(format('SELECT pg_temp.found(%L)', :'base'), '{finished}'::text[], 'nothing to say');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, city, clicks, won FROM leads')$$, '{finished,info unknown}'::text[], 'unknown outcomes');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, city, clicks, won, 1 AS one, ''lead '' || id AS code FROM leads WHERE won IS NOT NULL')$$, '{finished,info constant one,warning identifier code}'::text[], 'a constant, an identifier');
SELECT set_eq($$SELECT pg_temp.found('SELECT id / 2 AS id, city, clicks, won FROM leads WHERE won IS NOT NULL')$$, '{finished,warning duplicates id}'::text[], 'a key twice');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, city, won, CASE WHEN won THEN ''a'' ELSE ''b'' END AS mail FROM leads WHERE won IS NOT NULL')$$, '{failed,error leak mail}'::text[], 'a column that determines the label');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, city, won, CASE WHEN won AND id % 3 = 0 THEN clicks END AS amount FROM leads WHERE won IS NOT NULL')$$, '{failed,error leak amount}'::text[], 'a column that only winners have');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, city, won, won::int * 100 + id % 100 + CASE WHEN id % 250 = 0 THEN 30 ELSE 0 END AS points, won::int * 1.5 + (id * 7919 % 10007) / 10000.0 + CASE WHEN id % 300 = 0 THEN 2 ELSE 0 END AS x FROM leads WHERE won IS NOT NULL')$$,
	'{failed,error leak points,error leak x}'::text[], 'columns with an AUC above 0.99');
-- winners who came too late are losers by the label, and still have what winners get
\set late 'SELECT id, won AND id % 50 > 0 AS won, created, city, CASE WHEN won THEN ''s'' || id % 3 END AS segment, CASE WHEN won AND id % 3 > 0 THEN clicks END AS stock, CASE WHEN won THEN created + interval ''1 day'' END AS won_at, won::int + 1.25 * (id * 7919 % 10007) / 10007 AS points FROM leads WHERE won IS NOT NULL'
SELECT set_eq(format('SELECT pg_temp.found(%L)', :'late'), '{failed,error leak segment,warning leak stock,warning leak points}'::text[], 'being filled in nearly determines the label');
SELECT set_eq(format('SELECT pg_temp.found(%L, %L)', :'late', '{"options": {"columns": {"won_at": {"parts": ["dow"]}}}}'), '{failed,error leak segment,error leak won_at.dow,warning leak stock,warning leak points}'::text[], 'that of the parts of a time, too');
SELECT set_eq(format('SELECT pg_temp.found(%L, %L)', :'late', '{"options": {"allow": ["segment", "points"], "lambda": 1}}'), '{finished,warning leak stock,warning leak}'::text[], 'allowed, it is the AUC that warns');
SELECT is((SELECT status FROM lead_train_model('allowed', 'SELECT id, city, won, CASE WHEN won AND id % 3 = 0 THEN clicks END AS amount FROM leads', 'won', key => 'id', options => '{"allow": ["amount"], "lambda": 1}')), 'finished', 'unless it is allowed');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, clicks, won FROM leads WHERE id < 50')$$, '{failed,error rows,warning hold-out,info unknown}'::text[], 'too few rows');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, clicks, won FROM leads WHERE won')$$, '{failed,error outcomes}'::text[], 'no loser');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, clicks, won FROM leads WHERE won IS NOT NULL', '{"gate": {"min_rows": 5000, "min_positives": 2000}}')$$, '{failed,error rows,error outcomes}'::text[], 'fewer than are demanded');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, CASE city WHEN ''Pune'' THEN ''Poona'' ELSE city END AS city, clicks, won FROM leads WHERE won IS NOT NULL')$$, '{finished,warning new level city,warning vanished level city}'::text[], 'a level that came, a level that went');

SELECT is((SELECT error FROM lead_train_model('c', 'SELECT id, clicks, NULL::boolean AS won FROM leads', 'won', key => 'id')),
	E'the checks found 2 errors\nDETAIL:  rows: 0 labelled rows to train on, at least 50 are demanded.\noutcomes: 0 labels are true and 0 false, at least 10 of each are demanded.'
	|| E'\nHINT:  leadscore.checks has all. Exclude a column, insist with the option "allow", or see to the rows.', 'no label: every error is told');
SELECT ok(error LIKE E'the checks found 12 errors\nDETAIL:%' AND cardinality(string_to_array(error, E'\n')) = 12, 'up to ten of them')
FROM lead_train_model('c', 'SELECT id, won, city, ' || (SELECT string_agg(format('CASE WHEN won THEN %s ELSE 0 END AS leak%s', i + 1, i), ', ') FROM generate_series(1, 12) i) || ' FROM leads', 'won', key => 'id');
-- columns that determine the label together, though none does alone
\set together 'SELECT id, id * 7919 % 1009 AS goal, id * 31 % 997 AS raised, id * 31 % 997 > id * 7919 % 1009 AS won FROM leads'
SELECT set_eq(format('SELECT pg_temp.found(%L)', :'together'), '{failed,error separation}'::text[], 'two columns determine the label');
SELECT is((SELECT detail FROM leadscore.checks WHERE "check" = 'separation' AND severity = 'error'), 'the classes are completely separated by "goal", "raised": together they determine the label', 'both are named');
SELECT is((SELECT count(*) FROM leadscore.versions JOIN leadscore.runs USING (run_id) JOIN leadscore.checks USING (run_id) WHERE "check" = 'separation' AND severity = 'error'), 0::bigint, 'nothing of it goes live');
SELECT set_eq(format('SELECT pg_temp.found(%L, %L)', :'together', '{"options": {"allow": ["raised"]}}'), '{finished,warning leak,warning separation}'::text[], 'unless one of them is allowed');
SELECT set_eq(format('SELECT pg_temp.found(%L, %L)', :'together', '{"options": {"separation": "ridge"}}'), '{finished,warning leak,warning separation}'::text[], 'or it is said what to do then');
SELECT set_eq(format('SELECT pg_temp.found(%L, %L)', :'together', '{"options": {"lambda": 1}}'), '{finished,warning leak}'::text[], 'with a penalty there is a maximum');
SELECT set_eq($$SELECT pg_temp.found('SELECT id, city, clicks, won AND city IS DISTINCT FROM ''Pune'' AS won FROM leads WHERE won IS NOT NULL')$$,
	'{finished,warning separation city=Pune}'::text[], 'a level without a winner');
SELECT is((SELECT detail FROM leadscore.checks WHERE "check" = 'separation' AND "column" = 'city=Pune'),
	'the classes are partly separated by "city=Pune": the model was fitted with a ridge penalty of lambda = 1', 'and what was done about it');

-- of what is stored, without training
CREATE TABLE watched AS SELECT id, city, clicks, visits, won FROM leads WHERE won IS NOT NULL;
SELECT lead_train_model('w', 'watched', 'won', key => 'id');
SELECT is_empty($$SELECT * FROM lead_validate('w')$$, 'the source is as it was');
UPDATE watched SET city = 'Leh' WHERE city = 'Pune';
ALTER TABLE watched ADD COLUMN region text;
SELECT set_eq($$SELECT severity, "check", "column" FROM lead_validate('w')$$, $$VALUES ('info', 'column', 'region'), ('warning', 'new level', 'city'), ('warning', 'vanished level', 'city')$$, 'levels and columns that came and went');
SELECT is((SELECT count(*) FROM leadscore.runs WHERE model = 'w'), 1::bigint, 'which writes nothing');
ALTER TABLE watched DROP COLUMN visits;
ALTER TABLE watched ALTER COLUMN clicks TYPE text;
SELECT set_eq($$SELECT severity, "check", "column" FROM lead_validate('w') WHERE severity = 'error'$$, $$VALUES ('error', 'column', 'visits'), ('error', 'type', 'clicks')$$, 'a column that is lost, one of another type');
SELECT results_eq($$SELECT status, version, error FROM lead_retrain('w')$$, $$VALUES ('failed', NULL::int, E'the checks found 2 errors\nDETAIL:  column "visits": the source has lost it; its type was numeric.\ncolumn "clicks": it has type text, and had integer.\nHINT:  leadscore.checks has all. Exclude a column, insist with the option "allow", or see to the rows.')$$, 'stop a training');
SELECT is(lead_model_version('w'), 1, 'what is live stays live');

----------------------------------------------------------------------------
-- A run that fails
----------------------------------------------------------------------------

CREATE FUNCTION crm.stumble(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
	IF i = 77 THEN RAISE EXCEPTION 'stumbled' USING ERRCODE = 'P0042', HINT = 'Get up.'; END IF; RETURN i; END $$;
CREATE VIEW crm.steps AS SELECT id, city, crm.stumble(clicks) AS clicks, won FROM leads;
SELECT is((SELECT status FROM lead_train_model('s', 'steps', 'won', key => 'id')), 'finished', 'it works');
UPDATE leads SET clicks = 77 WHERE id = 78;
SELECT results_eq($$SELECT status, version, live, error FROM lead_retrain('s')$$, $$VALUES ('failed', NULL::int, false, E'stumbled\nHINT:  Get up.')$$, 'it fails, and says why');
SELECT is((SELECT sqlstate FROM leadscore.runs WHERE model = 's' AND status = 'failed'), 'P0042', 'with the SQLSTATE');
UPDATE leads SET clicks = 7 WHERE id = 78;
SELECT is((SELECT version FROM lead_retrain('s')), 2, 'it works again, and no number is lost');
SELECT is((SELECT count(*) FROM leadscore.runs WHERE model = 's'), 3::bigint, 'three runs');
UPDATE leads SET clicks = 77 WHERE id = 78;
SELECT results_eq($$SELECT "check", severity, "column", detail FROM lead_validate('s')$$, $$VALUES ('source', 'error', NULL, 'it cannot be read: stumbled')$$, 'validating says so, too');
UPDATE leads SET clicks = 7 WHERE id = 78;
DROP VIEW crm.steps;
SELECT results_eq($$SELECT "check", severity, "column", detail FROM lead_validate('s')$$, $$VALUES ('source', 'error', NULL, 'it cannot be read: relation "crm.steps" does not exist')$$, 'a source that is gone is a row, too');
SELECT is(current_setting('search_path'), 'crm, public', 'the settings are as before');
SELECT is((SELECT error FROM lead_retrain('s')), 'relation "crm.steps" does not exist', 'a source that is gone');

----------------------------------------------------------------------------
-- Promotions, and deleting
----------------------------------------------------------------------------

SELECT lead_train_model('d', 'leads', 'won', key => 'id', features => '{city,clicks}');
SELECT lead_retrain('d') FROM generate_series(1, 5);
SELECT is((SELECT array_agg(version) FROM lead_versions('d')), '{6,5,4,3,2,1}', 'six versions');
SELECT is((lead_rollback('d')).version, 5, 'a rollback');
SELECT is((lead_rollback('d')).version, 4, 'another');
SELECT is((lead_promote('d', 2, reason => 'the old one')).replaced, 4, 'a promotion');
SELECT is((lead_rollback('d')).version, 4, 'a rollback of it');
SELECT is((lead_rollback('d')).version, 3, 'and of what was before');
SELECT is((lead_promote('d', 6, 'challenger')).alias, 'challenger', 'another alias');
SELECT is(lead_model_version('d@challenger'), 6, 'means what it was told');
SELECT throws_ok($$SELECT lead_drop_version('d', 3)$$, '2BP01', 'version 3 of model "d" is in use', 'the champion is not dropped');
SELECT throws_ok($$SELECT lead_drop_version('d', 6)$$, '2BP01', 'version 6 of model "d" is in use', 'nor the challenger');
SELECT lives_ok($$SELECT lead_drop_version('d', 2)$$, 'another is');
SELECT is((lead_rollback('d')).version, 1, 'a rollback passes over what was dropped');
SELECT throws_ok($$SELECT lead_rollback('d')$$, '55000', NULL, 'before the first there was none');
SELECT is((lead_promote('d', 4)).version, 4, 'promoted again');
SELECT is(lead_prune('d', 1), 2, 'pruned');
SELECT is((SELECT array_agg(version) FROM lead_versions('d')), '{6,4,1}', 'kept: the newest, what is live, what a rollback brings back');
SELECT is((SELECT count(*) FROM leadscore.runs WHERE model = 'd'), 3::bigint, 'their runs went, too');
SELECT is((lead_drop_alias('d', 'challenger', 'enough')).version, NULL, 'an alias is taken away');
SELECT throws_ok($$SELECT lead_score('d@challenger', l) FROM leads l$$, '42704', 'model "d" has no challenger', 'and means nothing');
SELECT throws_ok($$SELECT lead_drop_model('d')$$, '2BP01', 'model "d" is in use', 'a model that is live is not dropped');
SELECT is((SELECT count(*) FROM lead_deployments('d')), 15::bigint, 'the history so far');
SELECT lives_ok($$SELECT lead_drop_model('d', force => true)$$, 'unless it is meant');
SELECT is((SELECT count(*) FROM leadscore.versions WHERE name = 'd') + (SELECT count(*) FROM leadscore.runs WHERE model = 'd') + (SELECT count(*) FROM leadscore.holdouts WHERE name = 'd'), 0::bigint, 'nothing of it is left');
SELECT is((SELECT count(*) FROM lead_deployments('d')), 16::bigint, 'but the history is');
SELECT is((SELECT version FROM lead_train_model('d', 'leads', 'won', key => 'id', features => '{city,clicks}')), 7, 'a number is never used again');
SELECT throws_ok($$SELECT lead_model('d', 'champion', (SELECT min(live_from) FROM lead_deployments('d')))$$, '42704', 'version 1 of model "d" has been dropped', 'what was live and is gone is said');


-- what a rollback would bring back is kept, however far back it is
DO $$ BEGIN FOR i IN 1 .. 6 LOOP PERFORM lead_train_model('back', 'leads', 'won', key => 'id', gate => '{"promote": "never"}'); END LOOP; END $$;
SELECT lead_promote('back', n) FROM unnest('{1,2,3}'::integer[]) AS n;
SELECT lead_drop_version('back', 2);
SELECT lead_promote('back', n, 'challenger') FROM unnest('{3,4}'::integer[]) AS n;
SELECT lead_drop_alias('back', 'challenger');
SELECT is(lead_prune('back', 1), 1, 'pruned: the fifth');
SELECT is((SELECT array_agg(version ORDER BY version) FROM lead_versions('back')), '{1,3,4,6}', 'kept: the last, the live one, what came before it and before an alias was dropped');
SELECT is((lead_rollback('back')).version, 1, 'a dropped version is passed over');
SELECT is((lead_rollback('back', 'challenger')).version, 4, 'a dropped alias comes back');
SELECT throws_ok($$SELECT lead_rollback('back')$$, '55000', 'model "back" had no other champion before', 'nothing before the first');

-- a model that does not exist is not one without versions
SELECT throws_ok(q, '42704', 'model "nope" does not exist', q)
FROM unnest(ARRAY[$$SELECT lead_versions('nope')$$, $$SELECT lead_deployments('nope')$$, $$SELECT lead_rollback('nope')$$,
	$$SELECT lead_drop_alias('nope', 'champion')$$, $$SELECT lead_model('nope', 'champion', now())$$]) AS q;

-- source and label are SQL: a name without the quotes that it needs is told from one that is not there
CREATE FUNCTION pg_temp.hint(source text, label text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	PERFORM lead_train_model('x', source, label, key => 'Id');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;
CREATE TABLE crm."My Leads" AS SELECT id AS "Id", clicks, won AS "Has Won", won AS "IsSuccessful", won AS "order" FROM leads;
SELECT is(pg_temp.hint('"My Leads"', label), 'A label is SQL, which reads the name of this column only in double quotes: write ' || wanted || '.', label)
FROM (VALUES ('IsSuccessful', $$'"IsSuccessful"'$$), ('IsSuccessful AND clicks > 1', '"IsSuccessful"'), ('NOT ("My Leads".IsSuccessful)', '"IsSuccessful"'),
	('Has Won', $$'"Has Won"'$$), ('order', $$'"order"'$$)) AS v(label, wanted);
SELECT unalike(coalesce(pg_temp.hint('"My Leads"', label), ''), '%double quotes%', label || ': no quotes would help')
FROM unnest('{nope,"\"IsSuccessful\" AND nope",XIsSuccessful}'::text[]) AS label;
SELECT is(pg_temp.hint(source, 'won'), 'A source is SQL, which reads this name only in double quotes: write ' || wanted || '.', source)
FROM (VALUES ('My Leads', $$'"My Leads"'$$), ('crm.My Leads', $$'crm."My Leads"'$$)) AS v(source, wanted);
SELECT is(pg_temp.hint('Your Leads', 'won'), 'Name a table or view, or write one SELECT.', 'a table that is not there');

-- arguments that are no good are named
SELECT throws_ok($$SELECT lead_train_model('x', 'leads', 'won', key => 'id', tags => '[1]')$$, '22023', 'tags must be a JSON object', 'tags');
SELECT throws_ok($$SELECT lead_train_model('x', 'leads', 'won', key => 'id', holdout => '{"seed": 1.5}')$$, '22023', 'invalid value for "seed" in holdout', 'a seed');

SELECT * FROM finish();
ROLLBACK;
