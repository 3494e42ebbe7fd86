-- Tuning by name: the rows of the recipe, runs and their children, the next version.
BEGIN;
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(36);

CREATE TABLE leads AS
SELECT i AS id, timestamptz '2025-01-01 00:00+00' + i * interval '1 hour' AS created, 'c' || i * 7919 % 13 AS city, i * 31 % 17 AS clicks,
	i * 15485863 % 1009 % 17 < i * 31 % 17 AS won
FROM generate_series(1, 2000::bigint) i;
ALTER TABLE leads ADD PRIMARY KEY (id);
SELECT lead_train_model('m', 'leads', 'won', exclude => '{created}', options => '{"min_count": 5, "lambda": 3, "columns": {"clicks": {"bins": 4}}}');
CREATE TEMP TABLE tuned AS SELECT * FROM lead_tune('m', '{"lambda": [0.1, 1, 30], "alpha": [0, 0.5]}');

-- the trials
SELECT results_eq('SELECT trial, options_used, mean, chosen FROM tuned ORDER BY 1',
	$$SELECT trial, options_used, mean, chosen FROM (SELECT lead_frame(won, r) AS f FROM leads l, LATERAL (SELECT city, clicks) r WHERE lead_fold(id, 5) > 0) t,
		lead_tune(f, '{"lambda": [0.1, 1, 30], "alpha": [0, 0.5]}', '{"min_count": 5, "columns": {"clicks": {"bins": 4}}}') ORDER BY 1$$,
	'on the rows that are not held out, with the recipe''s options but for those of the grid');
SELECT is(count(*), 0::bigint, 'nothing is registered') FROM lead_versions('m') WHERE version > 1;
SELECT ok(bool_and(version IS NULL), 'and the rows say so') FROM tuned;
-- the runs
SELECT results_eq($$SELECT name::text, status::text, entry_point_name::text FROM leadscore.mlflow_runs ORDER BY start_time, name$$,
	$$VALUES ('m 1', 'FINISHED', 'train'), ('m tuning', 'FINISHED', 'tune'), ('m trial 1', 'FINISHED', 'tune'), ('m trial 2', 'FINISHED', 'tune'), ('m trial 3', 'FINISHED', 'tune'),
		('m trial 4', 'FINISHED', 'tune'), ('m trial 5', 'FINISHED', 'tune'), ('m trial 6', 'FINISHED', 'tune')$$, 'a run and its children');
SELECT is((SELECT array_agg(DISTINCT t.value) FROM leadscore.mlflow_tags t WHERE key = 'mlflow.parentRunId'), (SELECT array_agg(run_uuid) FROM leadscore.mlflow_runs WHERE name = 'm tuning'),
	'the children name their parent as MLflow has it');
SELECT results_eq('SELECT t.trial, p.value FROM tuned t JOIN leadscore.params p USING (run_id) WHERE key = ''options.lambda'' ORDER BY 1',
	'SELECT trial, options_used ->> ''lambda'' FROM tuned ORDER BY 1', 'a child''s parameters are its options');
SELECT results_eq('SELECT t.trial, m.value FROM tuned t JOIN leadscore.metrics m USING (run_id) WHERE key = ''cv.mean'' ORDER BY 1', 'SELECT trial, mean FROM tuned ORDER BY 1', 'its metrics are its figures');
SELECT set_eq('SELECT key FROM leadscore.metrics JOIN tuned USING (run_id) WHERE chosen', '{cv.mean,cv.standard_error,cv.auc,cv.log_loss,cv.brier,cv.folds_done,cv.rank,cv.ms}'::text[], 'all of them');
SELECT is((SELECT run_id FROM leadscore.tags WHERE key = 'chosen'), (SELECT run_id FROM tuned WHERE chosen), 'the one chosen has a tag');
SELECT results_eq($$SELECT key, value FROM leadscore.metrics JOIN leadscore.runs r USING (run_id) WHERE action = 'tune' AND NOT spec->'tuning' ? 'trial' ORDER BY 1$$,
	$$SELECT key, value FROM leadscore.metrics JOIN tuned USING (run_id) WHERE chosen ORDER BY 1$$, 'and its figures are the parent''s');
SELECT results_eq($$SELECT key, value FROM leadscore.mlflow_params JOIN leadscore.mlflow_runs USING (run_uuid) WHERE name = 'm tuning' AND key ~ '^tuning.(grid|method|metric|folds)$' ORDER BY 1$$,
	$$VALUES ('tuning.folds'::varchar, '5'::varchar), ('tuning.grid', '{"alpha": [0, 0.5], "lambda": [0.1, 1, 30]}'), ('tuning.method', 'grid'), ('tuning.metric', 'log_loss')$$, 'what the parent was asked');
SELECT is((SELECT count(*) FROM leadscore.experiments), 1::bigint, 'in the experiment of the model');

-- a tuning is no recipe
SELECT lead_retrain('m');
SELECT is((SELECT r.spec #>> '{options,lambda}' FROM leadscore.runs r JOIN leadscore.versions USING (run_id) WHERE version = 2), '3', 'a training goes by the recipe of the last version');
SELECT lead_train_model('never', 'leads', 'won', options => '{"lambda": 3}', gate => '{"min_rows": 100000}');
SELECT is((SELECT r.status FROM leadscore.runs r WHERE model = 'never'), 'failed', 'a training that failed');
SELECT is(count(*), 2::bigint, 'can be tuned') FROM lead_tune('never', '{"lambda": [1, 2]}');
SELECT is(leadscore.last_spec('never') #>> '{options,lambda}', '3', 'without leaving a recipe');

-- registered
CREATE TEMP TABLE registered AS SELECT * FROM lead_tune('m', '{"lambda": [0.2, 0.5], "columns": {"clicks": {"bins": [3, 6]}}}', register => true, method => 'random', trials => 3);
SELECT is(array_agg(version), '{3}', 'the next version') FROM registered WHERE chosen;
SELECT is(count(version), 1::bigint, 'is in the row chosen alone') FROM registered;
SELECT is((r.spec->'options') - 'timezone', (SELECT options_used FROM registered WHERE chosen), 'it has the options chosen')
FROM leadscore.runs r JOIN leadscore.versions USING (run_id) WHERE version = 3 AND r.model = 'm';
SELECT is(action, 'retrain', 'its run is a training') FROM leadscore.runs r JOIN leadscore.versions USING (run_id) WHERE version = 3 AND r.model = 'm';
SELECT is((SELECT value FROM leadscore.tags JOIN leadscore.versions USING (run_id) WHERE version = 3 AND key = 'tuning' AND name = 'm'),
	(SELECT DISTINCT value FROM leadscore.tags JOIN registered USING (run_id) WHERE key = 'mlflow.parentRunId'), 'and names the tuning');
SELECT is(lead_model('m', 3), (SELECT lead_train_columns(won, options_used || jsonb_build_object('names', '["city", "clicks"]'::jsonb, 'timezone', current_setting('TimeZone')), city, clicks)
	FROM leads, registered WHERE chosen AND lead_fold(id, 5) > 0 GROUP BY options_used), 'the model of those options');
-- another family takes from the recipe what means the same there
SELECT is(array_agg(options_used ORDER BY trial), ARRAY['{"depth": 2, "trees": 5, "family": "boost", "min_count": 5, "columns": {"clicks": {"bins": 4}}}', '{"depth": 3, "trees": 5, "family": "boost", "min_count": 5, "columns": {"clicks": {"bins": 4}}}']::jsonb[],
	'another family') FROM lead_tune('m', '{"depth": [2, 3]}', '{"family": "boost", "trees": 5, "columns": {"clicks": {"bins": 4}}}');
-- a trial that fails is a run that failed
CREATE TEMP TABLE failing AS SELECT * FROM lead_tune('m', '{"alpha": [0, 1]}', '{"lambda": 0}');
SELECT results_eq('SELECT r.status, r.error = t.note FROM failing t JOIN leadscore.runs r USING (run_id) ORDER BY t.trial',
	$$VALUES ('finished', NULL), ('failed', true)$$, 'failed trials are failed runs');
SELECT throws_ok($$SELECT lead_tune('m', '{"alpha": [0.5, 1]}', '{"lambda": 0}')$$, '22023', 'none of 2 trials could be judged');

-- by time, which the recipe's time column tells
SELECT lead_train_model('t', 'SELECT * FROM leads', 'won', key => 'id', time_column => 'created', options => '{"lambda": 1}');
SELECT results_eq($$SELECT trial, mean FROM lead_tune('t', '{"lambda": [1, 10]}', folds_by => 'time', folds => 3) ORDER BY 1$$,
	$$SELECT trial, mean FROM (SELECT lead_frame(won, r, '{"time": "created"}') AS f FROM leads l, LATERAL (SELECT created, city, clicks) r WHERE id <= 1600) t,
		lead_tune(f, '{"lambda": [1, 10]}', folds_by => 'time', folds => 3) ORDER BY 1$$, 'folds by the recipe''s time');
SELECT throws_ok($$SELECT lead_tune('m', '{"lambda": [1]}', folds_by => 'time')$$, '22023', 'cannot make folds by time: the frame has no time');
-- on kept frames
SELECT lead_keep_frames('t', period => 'day', maturity => '1 day');
SELECT lead_retrain('t', frames_window => '60 days');
DELETE FROM leads;
SELECT is(count(*), 2::bigint, 'kept frames need no source') FROM lead_tune('t', '{"lambda": [1, 10]}') WHERE mean > 0;
SELECT throws_ok($$SELECT lead_tune('m', '{"lambda": [1]}')$$, '22000', 'there are no rows to tune model "m" on');
ALTER TABLE leads DROP clicks;
SELECT throws_ok($$SELECT lead_tune('m', '{"lambda": [1]}')$$, '42703', NULL::text, 'a source that has lost a column is an error');

-- who may
CREATE ROLE writer;
CREATE ROLE tuner;
SELECT lead_grant(r, 'trainer') FROM unnest('{writer,tuner}'::text[]) r;
CREATE TABLE others AS SELECT i AS id, i % 7 AS clicks, i * 31 % 10 < i % 7 AS won FROM generate_series(1, 900) i;
GRANT SELECT ON others TO writer, tuner;
SET LOCAL ROLE writer;
SELECT lead_train_model('o', 'others', 'won', key => 'id');
SET LOCAL ROLE tuner;
SELECT throws_ok($$SELECT lead_tune('o', '{"lambda": [1]}')$$, '42501', NULL::text, 'another role''s recipe is not run');
SELECT is(array_agg(version), '{2}', 'unless it is adopted') FROM lead_tune('o', '{"lambda": [1]}', register => true, adopt => true);
RESET ROLE;

-- cleaning up
SELECT throws_ok($$SELECT lead_tune('nobody')$$, '42704', 'model "nobody" does not exist');
SELECT is_empty('SELECT lead_tune(NULL::text)', 'no name, no rows');
UPDATE leadscore.runs SET started_at = started_at - interval '1 day' WHERE action = 'tune';
SELECT lead_prune('m', 1);
SELECT is(count(*), 0::bigint, 'tunings older than the versions that are kept are deleted with them') FROM leadscore.runs WHERE model = 'm' AND action = 'tune';
SELECT lives_ok($$SELECT lead_drop_model('t', force => true)$$, 'a model goes with its tunings');
SELECT * FROM finish();
ROLLBACK;
