-- A live model, watched: windows, maturity, what is compared with what, rules.  Every
-- figure is found a second time by the plain functions that it is made of.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(104);
SET LOCAL client_min_messages = error;
SET LOCAL timezone = 'UTC';
ALTER SEQUENCE leadscore.monitor_run_monitor_run_id_seq RESTART;	-- rows are told by their numbers here

-- 3,000 leads, one an hour; won is known a day later
CREATE TABLE leads (id int PRIMARY KEY, city text, clicks int, pages float8, email text, created timestamptz, won boolean);
INSERT INTO leads
SELECT i, (ARRAY['Pune','Delhi','Mumbai',NULL])[1 + i * 7 % 4], nullif(i * 31 % 11, 5), (i * 7919 % 1009) / 100.0, 'a' || i || '@example.com',
	timestamptz '2024-01-01 00:00+00' + i * interval '1 hour', i * 31 % 11 + i * 7 % 4 * 3 + i * 7919 % 23 > 20
FROM generate_series(1, 3000) AS i;
SELECT is((SELECT concat_ws(' ', status, live, rows, held_out, error) FROM lead_train_model('m', 'leads', 'won', time_column => 'created')),
	'finished t 2400 600', 'a model with its hold-out by time');
CREATE TEMP TABLE model AS SELECT lead_model('m') AS m;
-- of the look made last
CREATE TEMP VIEW last_columns AS SELECT c.*, r.drift_share, r.drifted AS model_drifted FROM leadscore.monitor_run AS r LEFT JOIN leadscore.monitor_column AS c USING (monitor_run_id)
WHERE monitor_run_id = (SELECT max(monitor_run_id) FROM leadscore.monitor_run) AND against = 'training';

-- the profile of the hold-out
SELECT is((SELECT string_agg(concat_ws(' ', "column", rows, nulls, "distinct", mean), ', ' ORDER BY "column") FROM lead_describe(v.holdout)),
	(SELECT string_agg(concat_ws(' ', "column", rows, nulls, "distinct", mean), ', ' ORDER BY "column") FROM lead_describe(x.p)), 'the hold-out''s profile is that of its rows')
FROM leadscore.version_profiles AS v, (SELECT lead_profile(m, l) AS p FROM model, (SELECT city, clicks, pages FROM leads WHERE id > 2400) AS l) AS x;
SELECT is(lead_profile(m, f), p, 'with the model the profile of a frame is that of its rows, to the bit')
FROM model, (SELECT lead_frame(won, l) AS f FROM (SELECT city, clicks, pages, won FROM leads) AS l) AS a,
	(SELECT lead_profile(m, l) AS p FROM model, (SELECT city, clicks, pages FROM leads) AS l) AS b;
SELECT is(lead_profile(m, lead_frame(won, l)), lead_profile(m, lead_frame(won, l) || lead_frame(won, l)), 'no rows, twice')
FROM model, (SELECT city, clicks, pages, won FROM leads WHERE false) AS l GROUP BY m;
SELECT is((SELECT array_agg("column" ORDER BY "column") FROM lead_describe(holdout)), '{(score),city,clicks,pages}', 'what the model does not need is not profiled: no e-mail address')
FROM leadscore.version_profiles;
-- many equal rows: the exact sums are doubled, not added up
CREATE TEMP TABLE many AS SELECT city, clicks, pages, won FROM leads, generate_series(1, 100) WHERE id <= 20;
SELECT is(lead_profile(m, f), p, 'the same with a hundred of each row')
FROM model, (SELECT lead_frame(won, l) AS f FROM many AS l) AS a, (SELECT lead_profile(m, l) AS p FROM model, (SELECT city, clicks, pages FROM many) AS l) AS b;
SELECT throws_like($$SELECT lead_profile(m, lead_frame(won, l)) FROM model, (SELECT city, won FROM leads) AS l GROUP BY m$$,
	'the frame cannot be scored without column "clicks"', 'a frame without a column of the model');

-- a window, matured
SELECT results_eq($$SELECT window_from, window_to, rows, labelled, unmatured, errors, note FROM lead_monitor('m', period => '10 days', until => '2024-05-01', maturity => '5 days')$$,
	$$VALUES (timestamptz '2024-04-21', timestamptz '2024-05-01', 240::bigint, 240::bigint, 120::bigint, 0::bigint, NULL)$$, 'ten days of leads, and of outcomes');
SELECT results_eq('SELECT label_from, label_to, maturity, scores, source, started_by = current_user FROM leadscore.monitor_run',
	$$VALUES (timestamptz '2024-04-16', timestamptz '2024-04-26', interval '5 days', 'live', 'public.leads', true)$$, 'the window of outcomes is earlier by the maturity');
CREATE TEMP TABLE w AS
SELECT lead_profile(m, l) FILTER (WHERE created >= '2024-04-21') AS p, lead_evaluate(lead_score(m, l), l.won) FILTER (WHERE created < '2024-04-26' AND created >= '2024-04-16') AS e
FROM model, (SELECT city, clicks, pages, created, won FROM leads WHERE created >= '2024-04-16' AND created < '2024-05-01') AS l;
SELECT is((SELECT string_agg(d::text, E'\n' ORDER BY "column") FROM (SELECT "column", rows, nulls, "distinct", mean, sd FROM lead_describe(r.profile)) AS d),
	(SELECT string_agg(d::text, E'\n' ORDER BY "column") FROM (SELECT "column", rows, nulls, "distinct", mean, sd FROM lead_describe(w.p) WHERE "column" NOT IN ('created', 'won')) AS d),
	'the profile of the window') FROM leadscore.monitor_run AS r, w;
SELECT results_eq($$SELECT "column", method, statistic, p_value, threshold, drifted, rows_before, rows_now, missing_before, missing_now, impact_log_odds
		FROM leadscore.monitor_column WHERE against = 'training' AND kind <> 'score' ORDER BY position$$,
	$$SELECT d."column", method, statistic, p_value, threshold, drifted, rows_before, rows_now, missing_before, missing_now, impact_log_odds
		FROM model, w, lead_drift(lead_profile(m), w.p) AS d WHERE d."column" IN ('city', 'clicks', 'pages')$$, 'drift of the columns is that against the training');
SELECT cmp_ok(max(abs(c.impact_points - c.impact_log_odds * s.points)), '<', 1e-9::float8, 'in percentage points by the slope of the hold-out''s scores')
FROM leadscore.monitor_column AS c, (SELECT avg(100 * p * (1 - p)) AS points FROM model, leads AS l, lead_score(m, l) AS p WHERE id > 2400) AS s
WHERE against = 'training' AND kind <> 'score';
SELECT results_eq($$SELECT kind, statistic, p_value, drifted, rows_before, rows_now FROM leadscore.monitor_column WHERE against = 'training' AND "column" = '(score)'$$,
	$$SELECT kind, statistic, p_value, drifted, 600::bigint, 240::bigint FROM leadscore.version_profiles, w, lead_drift(holdout, w.p) AS d WHERE d."column" = '(score)'$$, 'that of the scores against the hold-out');
SELECT results_eq('SELECT metric, value, low, high FROM leadscore.monitor_metric WHERE metric NOT LIKE $$positive%$$ ORDER BY 1',
	$$SELECT k, (j->>k)::float8, (j->>(k || '_low'))::float8, (j->>(k || '_high'))::float8 FROM (SELECT to_jsonb(e) AS j FROM w) AS x,
		unnest('{auc,brier,calibration_intercept,calibration_slope,lift_10,log_loss,mean_score}'::text[]) AS k$$, 'quality is lead_evaluate()''s, of the matured leads');
SELECT results_eq('SELECT metric, reference, reference_low, reference_high FROM leadscore.monitor_metric WHERE metric NOT LIKE $$positive%$$ ORDER BY 1',
	$$SELECT k, (j->>k)::float8, (j->>(k || '_low'))::float8, (j->>(k || '_high'))::float8
		FROM (SELECT to_jsonb(lead_evaluate_frame(m, frame)) AS j FROM model, leadscore.holdouts) AS x,
		unnest('{auc,brier,calibration_intercept,calibration_slope,lift_10,log_loss,mean_score}'::text[]) AS k$$, 'beside the hold-out''s, as it was judged');
SELECT results_eq($$SELECT value, low, high FROM leadscore.monitor_metric WHERE metric = 'positive_rate'$$,
	$$SELECT rate, low, high FROM (SELECT (lead_calibration(0.5::float8, won, 1))[1] AS b FROM leads WHERE created >= '2024-04-16' AND created < '2024-04-26') AS x, LATERAL (SELECT (b).rate, (b).low, (b).high) AS y$$, 'the positive rate with Wilson''s interval');
SELECT is((SELECT (r.measured, r.drifted_columns, r.drift_share, r.drifted, r.missing, r.impact_log_odds)::text FROM leadscore.monitor_run AS r),
	(SELECT (count(drifted), count(*) FILTER (WHERE drifted), count(*) FILTER (WHERE drifted) / 4.0::float8, count(*) FILTER (WHERE drifted) >= 2,
		(SELECT avg(missing_now) FROM leadscore.monitor_column WHERE kind <> 'score'), sum(impact_log_odds))::text FROM leadscore.monitor_column), 'the run sums up its columns');

-- the window before
SELECT is((lead_monitor('m', period => '10 days', until => '2024-05-11')).monitor_run_id, 2::bigint, 'the next window');
SELECT results_eq('SELECT previous_run_id FROM leadscore.monitor_run WHERE monitor_run_id = 2', 'VALUES (1::bigint)', 'knows the one before');
SELECT results_eq($$SELECT c."column", c.statistic, c.impact_log_odds FROM leadscore.monitor_column AS c WHERE against = 'previous' ORDER BY 1$$,
	$$SELECT d."column", d.statistic, d.impact_log_odds FROM leadscore.monitor_run AS a, leadscore.monitor_run AS b, lead_drift(a.profile, b.profile) AS d
		WHERE a.monitor_run_id = 1 AND b.monitor_run_id = 2 ORDER BY 1$$, 'and is compared with it, scores too');
DO $$BEGIN PERFORM lead_monitor('m', period => '20 days', until => '2024-05-11'); END$$;
SELECT is(previous_run_id, NULL, 'a window that overlaps is none before') FROM leadscore.monitor_run WHERE monitor_run_id = 3;
DO $$BEGIN PERFORM lead_monitor('m', source => 'SELECT * FROM leads', period => '10 days', until => '2024-05-11'); END$$;
SELECT is(previous_run_id, NULL, 'nor is one of another source') FROM leadscore.monitor_run WHERE monitor_run_id = 4;
DO $$BEGIN PERFORM lead_monitor('m', source => 'SELECT * FROM leads WHERE id > 2900'); END$$;
DO $$BEGIN PERFORM lead_monitor('m', source => 'SELECT * FROM leads WHERE id > 2900'); END$$;
SELECT results_eq('SELECT previous_run_id, window_from, rows FROM leadscore.monitor_run WHERE monitor_run_id = 6', 'VALUES (5::bigint, NULL::timestamptz, 100::bigint)',
	'where there are no windows, the look before');

-- what the version was trained on says nothing of its quality
SELECT is((SELECT (rows, labelled, note)::text FROM lead_monitor('m')), '(3000,600,"the quality leaves out 2400 leads that the version was trained on")', 'all rows: quality is of the hold-out''s');
SELECT is((SELECT value FROM leadscore.monitor_metric WHERE metric = 'auc' AND monitor_run_id = 7), (SELECT reference FROM leadscore.monitor_metric WHERE metric = 'auc' AND monitor_run_id = 7), 'which is the reference to the bit');
SELECT is((SELECT (live, labelled)::text FROM lead_train_model('by key', 'leads', 'won'), lead_monitor('by key') AS m), '(t,' || (SELECT count(*) FROM leads WHERE lead_fold(id::bigint, 5, 0) = 0) || ')',
	'a hold-out by key is known again') ;
SELECT is((SELECT (labelled, note)::text FROM lead_train_model('none', 'leads', 'won', holdout => '{"by": "none"}'), lead_monitor('none') AS m),
	'(3000,"the version has no hold-out to compare scores and quality with; the quality flatters: it may be of leads that the version was trained on")', 'without one quality is of all, and that is said');
SELECT is((SELECT note FROM leadscore.monitor_latest WHERE name = 'none' AND "column" = '(score)'), 'not in the reference', 'scores are compared with nothing');
SELECT is((SELECT (labelled, note)::text FROM lead_monitor('by key', source => 'SELECT * FROM leads WHERE id > 2900')), '(100,)', 'of another source nobody can tell');

-- young winners are unknown, too
CREATE TABLE young AS SELECT id, city, clicks, pages, created, CASE WHEN created < timestamptz '2024-05-01' - interval '5 days' THEN won WHEN won THEN true END AS won FROM leads;
SELECT is((SELECT (labelled, unmatured)::text FROM lead_monitor('m', source => 'young', period => '10 days', until => '2024-05-01', maturity => '5 days')), '(240,120)', 'leads too young are unknown');
SELECT is((SELECT value FROM leadscore.monitor_metric WHERE metric = 'positive_rate' AND monitor_run_id = (SELECT max(monitor_run_id) FROM leadscore.monitor_run)),
	(SELECT avg(won::int)::float8 FROM leads WHERE created >= '2024-04-16' AND created < '2024-04-26'), 'winners among them, too: the rate is not biased');
SELECT is((SELECT labelled FROM lead_monitor('m', source => 'young', maturity => '5 days', until => '2024-05-01')), (SELECT count(*) FROM leads WHERE created > '2024-04-10 00:00+00' AND created < '2024-04-26'),
	'maturity without a window: all that are old enough');

-- what cannot be measured is said, and nothing stops
SELECT is((SELECT (rows, measured, labelled, drifted IS NULL, note)::text FROM lead_monitor('m', period => '1 day', until => clock_timestamp())), '(0,0,0,t,"no lead in the window; no outcome is known")', 'an empty window');
SELECT is((SELECT count(*) FROM leadscore.monitor_latest WHERE name = 'm'), 1::bigint, 'is in the view');
SELECT is((SELECT (rows, labelled, note)::text FROM lead_monitor('m', source => 'SELECT id, city, clicks, pages, created FROM leads WHERE id > 2900')), '(100,0,"no outcome is known")', 'a source without the label');
SELECT is((SELECT (rows, labelled, auc, note)::text FROM lead_monitor('m', source => 'SELECT id, city, clicks, pages, created, true AS won FROM leads WHERE id > 2900')), '(100,100,,"the outcomes known are all the same")', 'one class');
SELECT is((SELECT (rows, errors, note)::text FROM lead_monitor('m', source => 'SELECT id, city, clicks, 1 / (id - 2950.0) AS pages, created, won FROM leads WHERE id > 2900')), '(,1,"the source cannot be read")', 'a source that fails');
SELECT matches((SELECT detail FROM leadscore.monitor_finding ORDER BY monitor_run_id DESC, position DESC LIMIT 1), 'it cannot be read: division by zero', 'says why');

-- columns renamed, of another type, gone
CREATE TABLE changed AS SELECT id, city AS town, clicks::bigint, pages::text, created, won FROM leads WHERE id > 2400;
SELECT is((SELECT (rows, labelled, errors)::text FROM lead_monitor('m', source => 'changed')), '(600,600,2)', 'a source with other columns is read');
SELECT results_eq('SELECT "check", severity, "column", detail FROM leadscore.monitor_finding WHERE monitor_run_id = (SELECT max(monitor_run_id) FROM leadscore.monitor_run) ORDER BY "column"',
	$$VALUES ('column', 'error', 'city', 'the source has lost it; its type was text; it counts as empty here'),
		('type', 'warning', 'clicks', 'it has type bigint, and had integer; the model reads it all the same'),
		('type', 'error', 'pages', 'it has type text, and had double precision; the model cannot read it: it counts as empty here')$$, 'and each is told by its name');
SELECT results_eq($$SELECT "column", missing_now FROM last_columns WHERE kind <> 'score' ORDER BY 1$$,
	$$VALUES ('city', 1::float8), ('clicks', (SELECT avg((clicks IS NULL)::int)::float8 FROM changed)), ('pages', 1)$$, 'they count as empty');
SELECT is((SELECT value FROM leadscore.monitor_metric AS x WHERE metric = 'auc' AND monitor_run_id = (SELECT max(monitor_run_id) FROM leadscore.monitor_run)),
	(SELECT (lead_evaluate(lead_score(m, l), l.won)).auc FROM model, (SELECT NULL::text AS city, clicks, NULL::float8 AS pages, won FROM changed) AS l), 'as in scores');
SELECT is((SELECT (rows, errors, note)::text FROM lead_monitor('m', source => 'SELECT city, clicks, pages, created::text AS created, won FROM leads', period => '1 day')), '(,2,"the source cannot be read")', 'without a time there is no window');
CREATE TABLE relabelled AS SELECT id, city, clicks, pages, created, won::int AS won FROM leads;
SELECT is((SELECT (status, live)::text FROM lead_train_model('int', 'relabelled', 'won', time_column => 'created')), '(finished,t)', 'an integer for a label');
ALTER TABLE relabelled ALTER won TYPE bigint;
SELECT is((SELECT (labelled, errors)::text FROM lead_monitor('int')), '(600,0)', 'may become a greater one');
ALTER TABLE relabelled ALTER won TYPE text;
SELECT is((SELECT (rows, labelled, errors, note)::text FROM lead_monitor('int')), '(3000,0,1,"no outcome is known")', 'but no text');
-- what cannot be scored is profiled all the same
SELECT is((SELECT status FROM lead_train_model('strict', 'leads', 'won', exclude => '{email}', time_column => 'created', options => '{"unseen": "error"}')), 'finished', 'a model that refuses new levels');
SELECT is((SELECT (rows, measured, score_drifted, labelled, errors, note)::text FROM lead_monitor('strict', source => 'SELECT id, ''Oslo'' AS city, clicks, pages, created, won FROM leads WHERE id > 2900')),
	'(100,3,,0,1,"no outcome is known")', 'meets a new level: columns are measured');
SELECT matches((SELECT detail FROM leadscore.monitor_finding ORDER BY monitor_run_id DESC LIMIT 1), 'the leads cannot be scored: .*Oslo', 'and that is found');

-- how it is watched
SELECT is((SELECT (source, period, maturity, scores, options)::text FROM lead_watch('m', period => '10 days', maturity => '5 days', options => '{"drift_share": 0.2, "columns": {"(score)": {"method": "psi"}, "city": {"threshold": 0.0001}}}')),
	'(,"10 days","5 days",live,"{""columns"": {""city"": {""threshold"": 0.0001}, ""(score)"": {""method"": ""psi""}}, ""drift_share"": 0.2}")', 'told');
SELECT is((SELECT (window_from, rows, unmatured)::text FROM lead_monitor('m', until => '2024-05-01')), '("2024-04-21 00:00:00+00",240,120)', 'and done');
SELECT results_eq($$SELECT method, threshold FROM last_columns WHERE "column" IN ('city', '(score)') ORDER BY "column"$$, $$VALUES ('psi', 0.1::float8), ('jensenshannon', 0.0001)$$, 'by its options');
SELECT is((SELECT (window_from, unmatured)::text FROM lead_monitor('m', until => '2024-05-01', maturity => '1 day')), '("2024-04-21 00:00:00+00",24)', 'a call has the last word');
SELECT is((SELECT (period, options)::text FROM lead_watch('m')), '(,{})', 'what is not given is forgotten');
SELECT is((SELECT (drift_share >= 0.2, model_drifted)::text FROM last_columns LIMIT 1), (SELECT (count(*) FILTER (WHERE drifted) / 4.0 >= 0.2, count(*) FILTER (WHERE drifted) / 4.0 >= 0.2)::text FROM last_columns), 'the share that counts is an option');

-- recorded scores: the first that a lead was given, by whatever version
CREATE TABLE kept (id int PRIMARY KEY, score float8 NOT NULL, grade text, reasons text, model_version int NOT NULL, scored_at timestamptz NOT NULL, fingerprint bigint NOT NULL);
CREATE TABLE kept_history AS SELECT id, (id * 7 % 100) / 100.0::float8 AS score, NULL::text AS grade, NULL::text AS reasons, 1 AS model_version, timestamptz '2024-05-01' AS scored_at FROM leads WHERE id BETWEEN 2801 AND 3000
UNION ALL SELECT id, 0.5, NULL, NULL, 1, '2024-05-02' FROM leads WHERE id > 2900;
INSERT INTO leadscore.score_tables (name, source, key, target, grades, reasons) VALUES ('m', 'public.leads', 'id', 'public.kept', '{}', 0);
SELECT is((SELECT (labelled, note)::text FROM lead_monitor('m', scores => 'recorded')), '(200,)', 'leads without a recorded score are not judged');
SELECT results_eq($$SELECT value FROM leadscore.monitor_metric WHERE metric IN ('auc', 'mean_score') AND monitor_run_id = (SELECT max(monitor_run_id) FROM leadscore.monitor_run) ORDER BY metric$$,
	$$SELECT unnest(ARRAY[(e).auc, (e).mean_score]) FROM (SELECT lead_evaluate((id * 7 % 100) / 100.0::float8, won) AS e FROM leads WHERE id > 2800) AS x$$, 'the first one counts');

SELECT is((SELECT (labelled, errors)::text FROM lead_monitor('m', scores => 'recorded', source => 'SELECT city, clicks, pages, created, won FROM leads')), '(0,1)', 'leads without a key have none');
DROP TABLE kept_history;
SELECT is((SELECT (rows, labelled, errors)::text FROM lead_monitor('m', scores => 'recorded')), '(3000,0,1)', 'nor has anybody without the history');

-- views for plots
SELECT results_eq($$SELECT DISTINCT against FROM leadscore.monitor_history WHERE name = 'm' AND monitor_run_id <= 2 AND at IN ('2024-05-01', '2024-05-11') ORDER BY 1$$, $$VALUES ('previous'), ('training')$$, 'history over time');
SELECT results_eq($$SELECT at, value FROM leadscore.monitor_quality WHERE name = 'm' AND metric = 'auc' AND monitor_run_id = 1$$, $$SELECT timestamptz '2024-04-26', (e).auc FROM w$$, 'quality over time');
SELECT is((SELECT string_agg(DISTINCT name, ', ') FROM leadscore.monitor_latest), 'by key, int, m, none', 'the latest of each model, but not of one at another source');

DO $$BEGIN PERFORM lead_watch('by key', source => 'SELECT * FROM leads WHERE false'); PERFORM lead_monitor('by key'); END$$;
SELECT throws_ok($$SELECT lead_assert('by key')$$, '23514', NULL, 'a source that gives no leads any more is an error');
-- the newest look is that of the latest window, at the live version and the source that is watched
CREATE FUNCTION pg_temp.judged() RETURNS text LANGUAGE sql AS $$SELECT concat_ws(' ', version, window_to::date, rows) FROM leadscore.newest_look('newest')$$;
SELECT is((SELECT live FROM lead_train_model('newest', 'leads', 'won', features => '{city,clicks}', time_column => 'created')), true, 'a model');
SELECT throws_ok($$SELECT lead_check('newest')$$, '55000', 'model "newest" has not been looked at yet', 'no look yet');
DO $$BEGIN PERFORM lead_watch('newest', period => '10 days'); PERFORM lead_monitor('newest', until => '2024-03-01'); PERFORM lead_monitor('newest', until => '2024-02-01'); END$$;
SELECT is(pg_temp.judged(), '1 2024-03-01 240', 'what is looked at afterwards is not the newest');
SELECT is((SELECT DISTINCT window_to FROM leadscore.monitor_latest WHERE name = 'newest'), timestamptz '2024-03-01', 'in the view, too');
DO $$BEGIN PERFORM lead_monitor('newest', source => 'SELECT * FROM leads WHERE id > 10', until => '2024-04-01'); END$$;
SELECT is(pg_temp.judged(), '1 2024-03-01 240', 'nor is a look at another source');
DO $$BEGIN PERFORM lead_monitor('newest', until => '2024-03-01', period => '5 days'); END$$;
SELECT is(pg_temp.judged(), '1 2024-03-01 120', 'of the same window it is the last');
SELECT is((SELECT value FROM lead_check('newest') WHERE rule = 'rows'), 120::float8, 'which is judged');
SELECT lives_ok($$SELECT lead_drop_look('newest', (leadscore.newest_look('newest')).monitor_run_id)$$, 'a look is undone');
SELECT is(pg_temp.judged(), '1 2024-03-01 240', 'and the one before judged');
SELECT throws_ok($$SELECT lead_drop_look('newest', 1)$$, '42704', 'model "newest" has no look 1', 'not that of another model');
DO $$BEGIN PERFORM lead_retrain('newest', gate => '{"promote": "always"}'); END$$;
SELECT is(pg_temp.judged(), '', 'another version has not been looked at');
SELECT throws_ok($$SELECT lead_assert('newest')$$, '55000', 'model "newest" has not been looked at yet', 'which is an error');
DO $$BEGIN PERFORM lead_rollback('newest'); END$$;
SELECT is(pg_temp.judged(), '1 2024-03-01 240', 'the one before has');
SELECT throws_ok($$SELECT lead_monitor('newest', until => clock_timestamp() + interval '1 hour')$$, '22023', NULL, 'a window that has not ended is an error');


-- rules
DO $do$BEGIN PERFORM lead_watch('m', source => 'SELECT id, CASE WHEN id > 2700 THEN ''Oslo'' ELSE city END AS city, CASE WHEN id < 2800 THEN clicks END AS clicks, pages + 20 AS pages, created, won FROM leads WHERE id > 2400'); PERFORM lead_monitor('m'); END$do$;
SELECT results_eq($$SELECT rule, "column", severity, passed FROM lead_check('m')$$,
	$$VALUES ('source', NULL, 'error', true), ('rows', NULL, 'error', true), ('missing_rise', 'clicks', 'error', false), ('new_levels', 'city', 'warning', false),
		('out_of_range', 'pages', 'warning', false), ('drift_share', NULL, 'error', false), ('score_drift', NULL, 'error', false), ('impact_points', NULL, 'warning', false),
		('auc_drop', NULL, 'error', false), ('calibration_intercept', NULL, 'warning', true)$$, 'the default rules see it all');
SELECT throws_ok($$SELECT lead_assert('m')$$, '23514', 'model "m" fails 4 checks: missing_rise of column "clicks", drift_share, score_drift, auc_drop', 'and stop, with their names');
SELECT is(lead_set_checks('m', '[{"metric": "missing_share", "column": "clicks", "limit": 0.9}, {"metric": "missing_share", "limit": 0.1, "severity": "warning"}, {"metric": "drift", "limit": 1e9},
	{"metric": "labelled", "limit": 601}, {"metric": "lift_drop", "limit": 5}, {"metric": "impact", "column": "pages", "limit": 50}]'), 6, 'rules of one''s own');
SELECT results_eq($$SELECT rule, "column", severity, round(value::numeric, 3), "limit", passed FROM lead_check('m') WHERE rule <> 'lift_drop' AND rule <> 'impact' AND rule <> 'drift'$$,
	$$SELECT v.rule, v.col, v.severity, round(v.value::numeric, 3), v.l, v.passed FROM (VALUES
		('missing_share', 'clicks', 'error', (SELECT avg((id >= 2800 OR clicks IS NULL)::int)::float8 FROM leads WHERE id > 2400), 0.9::float8, true),
		('missing_share', 'clicks', 'warning', (SELECT avg((id >= 2800 OR clicks IS NULL)::int)::float8 FROM leads WHERE id > 2400), 0.1, false),
		('missing_share', 'city', 'warning', (SELECT avg((id <= 2700 AND city IS NULL)::int)::float8 FROM leads WHERE id > 2400), 0.1, false),
		('labelled', NULL, 'error', 600, 601, false)) AS v(rule, col, severity, value, l, passed)$$, 'with the columns that fail, worst first');
SELECT results_eq($$SELECT rule, passed FROM lead_check('m') WHERE rule IN ('drift', 'impact', 'lift_drop')$$, $$VALUES ('drift', true), ('lift_drop', true), ('impact', true)$$, 'one row for what passes');
SELECT throws_ok($$SELECT lead_assert('m')$$, '23514', 'model "m" fails a check: labelled', 'warnings do not stop');
SELECT is(lead_set_checks('m', '{"missing_share": 1, "rows": 1}'), 2, 'as an object');
SELECT lives_ok($$SELECT lead_assert('m')$$, 'and all is well');
SELECT is((SELECT count(*) FROM lead_check('m')), 2::bigint, 'those before are gone');
SELECT is(lead_set_checks('m', NULL), 0, 'back to the default ones');
SELECT is((SELECT count(DISTINCT rule) FROM lead_check('m')), 10::bigint, 'which are ten');
-- few outcomes are no alarm, nor is chance
DO $do$BEGIN PERFORM lead_watch('m', source => 'SELECT id, city, clicks, pages, created, id % 2 = 0 AS won FROM leads WHERE id > 2960'); PERFORM lead_monitor('m'); END$do$;
SELECT is((SELECT (passed, detail)::text FROM lead_check('m') WHERE rule = 'auc_drop'),
	'(,"40 outcomes are known, 20 of them true: at least 50 are needed, 10 of each")', 'too few outcomes: nothing is said');
DO $do$BEGIN PERFORM lead_set_checks('m', '{"auc_drop": 0}'); PERFORM lead_watch('m', source => 'SELECT * FROM leads WHERE id % 6 = 0'); PERFORM lead_monitor('m'); END$do$;
SELECT is((SELECT (value > "limit", passed, detail)::text FROM lead_check('m')),
	'(t,t,"AUC less than on the hold-out: beyond the limit, but not beyond chance")', 'within chance');
-- nor are few leads, whose columns differ by chance
DO $do$BEGIN
	PERFORM lead_set_checks('m', '{"drift": null, "drift_share": null, "score_drift": 0.1}');
	PERFORM lead_watch('m', source => 'SELECT * FROM leads WHERE hashint4(id) % 100 = 3', options => '{"drift_share": 0.2}');
	PERFORM lead_monitor('m');
	UPDATE leadscore.monitor_column AS c SET statistic = 0.2, drifted = true, beyond_chance = false
	FROM leadscore.monitor_run AS r WHERE r.monitor_run_id = c.monitor_run_id AND r.monitor_run_id = (SELECT max(monitor_run_id) FROM leadscore.monitor_run) AND kind = 'score';
END$do$;
CREATE TEMP TABLE few AS SELECT * FROM leadscore.monitor_run ORDER BY monitor_run_id DESC LIMIT 1;
SELECT is((SELECT (drifted, drifted_columns > 1, drifted_beyond_chance)::text FROM few), '(t,t,f)', 'thirty leads differ, and that may be chance');
SELECT results_eq($$SELECT r.beyond_chance FROM few AS r$$, $$SELECT count(*) FILTER (WHERE c.drifted AND c.beyond_chance) FROM few JOIN leadscore.monitor_column AS c USING (monitor_run_id)
	WHERE against = 'training' AND kind <> 'score'$$, 'those beyond chance are counted');
SELECT is((SELECT string_agg(concat_ws(' ', rule, value > "limit", passed), ', ') FROM lead_check('m')), 'drift t, drift_share t, score_drift t t', 'and no rule fails');
SELECT matches((SELECT string_agg(detail, E'\n') FROM lead_check('m')), '^drift of a column: .*\n.*\n.*beyond the limit, but not beyond chance$', 'which is said');
DO $do$BEGIN PERFORM lead_watch('m'); END$do$;
-- an empty column is an alarm whatever drift says; no hold-out, no rule on its quality
SELECT is((SELECT (passed, detail)::text FROM lead_check('none') WHERE rule = 'auc_drop'), '(,"the version has no hold-out to compare with")', 'no hold-out: nothing is said');

-- the session's settings are not the recipe's
SET LOCAL timezone = 'Asia/Tokyo';
DO $$BEGIN PERFORM lead_monitor('m', period => '10 days', until => '2024-03-01 00:00+00'); END$$;
SELECT is(current_setting('timezone'), 'Asia/Tokyo', 'a look leaves the time zone as it was');
SET LOCAL timezone = 'UTC';
-- a schedule is a little early or late
DO $$BEGIN PERFORM lead_monitor('m', period => '10 days', until => '2024-03-10 23:59:59.9'); END$$;
SELECT is(p.window_to, timestamptz '2024-03-01', 'a window that begins a little early has one before')
FROM leadscore.monitor_run AS r JOIN leadscore.monitor_run AS p ON p.monitor_run_id = r.previous_run_id
WHERE r.window_to = '2024-03-10 23:59:59.9';
DO $$BEGIN PERFORM lead_monitor('m', period => '10 days', until => '2024-03-10 20:00'); END$$;
SELECT is(previous_run_id, NULL, 'more than a hundredth is an overlap') FROM leadscore.monitor_run WHERE window_to = '2024-03-10 20:00';

-- where all scores have gone to 1 the impact has not gone to 0
SELECT cmp_ok((lead_monitor('m', source => 'SELECT city, clicks, pages + 1e6 AS pages FROM leads')).impact_points, '>', 100::float8, 'a great drift has a great impact');

-- a feature of the scores' own name would make a profile that nobody can read
SELECT throws_like($$SELECT lead_profile(lead_fit(f), f) FROM (SELECT lead_frame(won, l) AS f FROM (SELECT clicks AS "(score)", won FROM leads) AS l) AS x$$,
	'the model has a column "(score)", as that of the scores is called', 'a feature called like the scores');

-- the log of a job names the column
ALTER TABLE leads RENAME clicks TO taps;
SELECT matches(leadscore.monitor_job('m')->>'result', '^error: column "clicks": the source has lost it; its type was integer;', 'a column is gone: the job says which');
ALTER TABLE leads RENAME taps TO clicks;

-- in a transaction the model moves on, and is gone
SELECT lives_ok($$UPDATE leadscore.models SET name = 'renamed' WHERE name = 'm'$$, 'a model is renamed');
SELECT is((SELECT count(*) FROM leadscore.monitor_run WHERE name = 'm'), 0::bigint, 'with all looks at it');
SELECT lives_ok($$SELECT lead_drop_model('renamed', force => true)$$, 'a watched model can be dropped');
SELECT is((SELECT count(*) FROM leadscore.monitor_run AS r JOIN leadscore.monitor_column USING (monitor_run_id) WHERE name = 'renamed'), 0::bigint, 'and leaves nothing');
SELECT * FROM finish();
ROLLBACK;
