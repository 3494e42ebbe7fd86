--
-- Tuning: what it answers, what it refuses.
--
\set VERBOSITY default
\pset null -
CREATE SCHEMA tune_test;
SET search_path = tune_test, public;
\i test/lib/error_of.psql
CREATE TEMP TABLE tune_leads AS
SELECT i % 7 AS clicks, 'c' || i % 5 AS city, date '2025-01-01' + i / 30 AS day, i * 31 % 10 < i % 7 AS won
FROM generate_series(1, 600) i;
CREATE TEMP TABLE tune_frame AS
SELECT lead_frame(won, a) AS plain, lead_frame(won, b, '{"time": "day"}') AS timed
FROM tune_leads l, LATERAL (SELECT l.clicks, l.city) a, LATERAL (SELECT l.clicks, l.city, l.day) b;

-- a list; ties go to the simpler one
SELECT trial, rank, chosen, options_used, round(mean::numeric, 4) AS mean, round(standard_error::numeric, 4) AS se, round(auc::numeric, 4) AS auc,
	round(brier::numeric, 4) AS brier, folds_done, rung, resource_used, ms > 0 AS timed, note
FROM tune_frame, lead_tune(plain, '{"lambda": [0, 1, 10]}');
-- the rule of one standard error: the simplest that is good enough
SELECT rank, chosen, options_used FROM tune_frame, lead_tune(plain, '{"lambda": [0.1, 1, 10, 1000]}', one_se => true);
-- ranges: linear, log, whole numbers, one place
SELECT trial, options_used -> 'lambda' AS lambda FROM tune_frame, lead_tune(plain, '{"lambda": {"min": 1, "max": 3, "n": 3}}') ORDER BY 1;
SELECT trial, options_used -> 'lambda' AS lambda FROM tune_frame, lead_tune(plain, '{"lambda": {"min": 0.001, "max": 100, "scale": "log", "n": 6}}') ORDER BY 1;
SELECT trial, options_used -> 'depth' AS depth FROM tune_frame, lead_tune(plain, '{"depth": {"min": 1, "max": 4}}', '{"family": "boost", "trees": 3}') ORDER BY 1;
SELECT trial, options_used -> 'trees' AS trees FROM tune_frame, lead_tune(plain, '{"trees": {"min": 1, "max": 20, "scale": "log", "n": 4}}', '{"family": "forest"}') ORDER BY 1;
SELECT options_used FROM tune_frame, lead_tune(plain, '{"lambda": {"min": 5, "max": 5}}');
SELECT trial, options_used, note FROM tune_frame, lead_tune(plain, '{"columns": {"clicks": {"bins": {"min": 2, "max": 5, "n": 3}}}}') ORDER BY 1;
-- a grid of several options, of columns as well
SELECT trial, options_used FROM tune_frame, lead_tune(plain, '{"columns": {"clicks": {"bins": [2, 3]}, "city": {"max_levels": [2]}}, "lambda": [1, 2]}',
	'{"columns": {"clicks": {"min_count": 5}}}') ORDER BY 1;
SELECT options_used FROM tune_frame, lead_tune(plain, '{"exclude": [["city"], []], "class_weight": ["balanced", {"false": 1, "true": 2}]}') ORDER BY trial;
-- nothing to vary is one trial; no grid at all is that of the family
SELECT trial, options_used, chosen FROM tune_frame, lead_tune(plain, '{}', '{"lambda": 3}');
SELECT count(*), min((options_used ->> 'lambda')::float8) AS low, max((options_used ->> 'lambda')::float8) AS high FROM tune_frame, lead_tune(plain);
SELECT count(*), min((options_used ->> 'lambda')::float8) AS low, max((options_used ->> 'lambda')::float8) AS high FROM tune_frame, lead_tune(plain, '{"lambda": {"n": 3}}', '{"alpha": 0.5}');
SELECT count(*), min((options_used ->> 'lambda')::float8) AS low, max((options_used ->> 'lambda')::float8) AS high FROM tune_frame, lead_tune(plain, '{"lambda": {"min": 1, "max": "auto", "n": 4}, "alpha": [0.5, 1]}');
SELECT count(*), count(DISTINCT options_used -> 'depth') AS depths FROM tune_frame, lead_tune(plain, options => '{"family": "forest", "trees": 5}');
SELECT count(*), count(DISTINCT options_used -> 'min_leaf') AS min_leaf FROM tune_frame, lead_tune(plain, options => '{"family": "boost", "trees": 5, "rate": 0.3}');
-- draws: so many, other ones by another seed, never twice the same
SELECT trial, options_used FROM tune_frame, lead_tune(plain, '{"lambda": {"min": 0.01, "max": 100, "scale": "log"}, "alpha": {"min": 0, "max": 1}, "min_count": {"min": 5, "max": 50}}',
	method => 'random', trials => 4) ORDER BY 1;
SELECT trial, options_used FROM tune_frame, lead_tune(plain, '{"lambda": [1, 2]}', method => 'random', seed => 7) ORDER BY 1;
-- halving: a third of the trials goes on with three times the trees, or rows
SELECT rung, resource_used, count(*), bool_or(chosen) AS chosen FROM tune_frame,
	lead_tune(plain, '{"depth": {"min": 1, "max": 9}}', '{"family": "boost", "trees": 90}', 'halving') GROUP BY 1, 2 ORDER BY 1;
SELECT rung, round(resource_used::numeric, 4) AS share, count(*), bool_or(chosen) AS chosen
FROM (SELECT lead_frame(i * 31 % 10 < i % 7, r) AS f FROM generate_series(1, 8000) i, LATERAL (SELECT i % 7 AS clicks, i % 5 AS city) r) t,
	lead_tune(f, '{"lambda": {"min": 0.1, "max": 100, "scale": "log", "n": 9}}', method => 'halving') GROUP BY 1, 2 ORDER BY 1;
-- too little to be shared out: all of it at once
SELECT rung, resource_used, count(*) FROM tune_frame, lead_tune(plain, '{"lambda": [1, 2, 3]}', method => 'halving') GROUP BY 1, 2;
-- a trial that fails is a row; separation is none
SELECT trial, rank, options_used, note FROM tune_frame, lead_tune(plain, '{"alpha": [0, 1], "lambda": [0, 1]}') WHERE note IS NOT NULL;
SELECT trial, rank, note FROM tune_frame, lead_tune(plain, '{"family": ["forest", "boost"], "rate": [0.3]}', '{"trees": 3}') WHERE note IS NOT NULL;
SELECT trial, rank IS NULL AS failed, note
FROM (SELECT lead_frame(won, r) AS f FROM (SELECT won, clicks, CASE WHEN won THEN 'a' || clicks % 2 ELSE 'b' END AS leak FROM tune_leads WHERE clicks > 0
		UNION ALL SELECT false, 1, 'a0' FROM generate_series(1, 30)) l, LATERAL (SELECT clicks, leak) r) t,
	lead_tune(f, '{"separation": ["ridge", "error"]}', '{"min_count": 1}') ORDER BY 1;
-- by time; other metrics
SELECT rank, folds_done, options_used FROM tune_frame, lead_tune(timed, '{"lambda": [1, 100]}', folds => 3, folds_by => 'time', metric => 'brier');
SELECT m AS metric, bool_and(mean BETWEEN 0 AND 5) AS plausible, max(mean) FILTER (WHERE rank = 1) = CASE WHEN m IN ('log_loss', 'brier') THEN min(mean) ELSE max(mean) END AS best_first
FROM tune_frame, unnest('{log_loss,auc,brier,average_precision,precision,recall,f1,accuracy,lift_10}'::text[]) WITH ORDINALITY AS u(m, i),
	lead_tune(plain, '{"lambda": [0.1, 30]}', metric => m, threshold => 0.3) GROUP BY m, i ORDER BY i;
-- a fold where nobody is taken has precision 0
SELECT count(c.precision) AS folds_with, t.mean = avg(coalesce(c.precision, 0)) AS same
FROM tune_frame, (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY most) AS most FROM (SELECT max(score) AS most FROM tune_frame, lead_cv_scores(plain) GROUP BY fold) f) h,
	lead_tune(plain, '{}', metric => 'precision', threshold => most) t, lead_cv(plain, threshold => most) c WHERE c.fold >= 0 GROUP BY t.mean;
-- a budget that is spent at once leaves one fold of one trial, and that is chosen
SELECT rank, chosen, folds_done FROM tune_frame, lead_tune(plain, '{"lambda": [1, 2, 3]}', budget => '1 microsecond');
-- the model of what was chosen
SELECT lead_tune_model(plain, '{"lambda": [0.1, 5]}') = lead_fit(plain, options_used) AS same FROM tune_frame, lead_tune(plain, '{"lambda": [0.1, 5]}') WHERE chosen;
-- NULL
SELECT count(*) FROM lead_tune(NULL::leadframe);
SELECT lead_tune_model(NULL) IS NULL AS null;
-- what fits have to say is said once
SELECT count(*) FROM (SELECT lead_frame(won, r) AS f FROM (SELECT won, clicks, won AS again FROM tune_leads) l, LATERAL (SELECT clicks, again) r) t,
	lead_tune(f, '{"lambda": [1, 2]}');
SELECT count(*) FROM (SELECT lead_frame(won, r) AS f FROM tune_leads l, LATERAL (SELECT clicks, day) r) t, lead_tune(f, '{"lambda": [1, 2]}');

\pset format unaligned
\pset tuples_only on
-- errors name the option
SELECT error_of(format('SELECT * FROM tune_frame, lead_tune(plain, %s)', call)) AS error FROM unnest(ARRAY[
	$$'[]'$$, $$'3'$$, $$'{"lambda": 3}'$$, $$'{"lambda": []}'$$, $$'{"lambda": [1, -1]}'$$, $$'{"lambda": ["x"]}'$$, $$'{"lambda": [null]}'$$,
	$$'{"lambda": null}'$$, $$'{"alpha": {}}'$$, $$'{"lambda": {"min": 1}}'$$, $$'{"alpha": {"max": "auto"}}'$$, $$'{"lambda": {"min": 2, "max": 1}}'$$,
	$$'{"lambda": {"min": 0, "max": 1, "scale": "log"}}'$$, $$'{"lambda": {"min": 0, "max": 1, "scale": "cubic"}}'$$, $$'{"lambda": {"min": 0, "max": 1, "scale": 3}}'$$,
	$$'{"lambda": {"min": "a", "max": 1}}'$$, $$'{"lambda": {"min": 1, "max": 1e300}}'$$, $$'{"lambda": {"min": 1, "max": 1e999}}'$$, $$'{"lambda": {"min": 1, "max": 2, "n": 0}}'$$, $$'{"lambda": {"min": 1, "max": 2, "n": 1.5}}'$$,
	$$'{"lambda": {"min": 1, "max": 2, "steps": 3}}'$$, $$'{"lambda": {"min": -5, "max": 2}}'$$, $$'{"alpha": {"min": 0, "max": 2}}'$$, $$'{"lamda": [1]}'$$,
	$$'{"trees": [5]}'$$, $$'{"trees": [2.5]}', '{"family": "boost"}'$$, $$'{"family": ["tree"]}'$$, $$'{"family": [["boost"]]}'$$, $$'{"weight": ["city"]}'$$, $$'{"columns": [1]}'$$, $$'{"columns": {"city": [1]}}'$$,
	$$'{"columns": {"city": {"bins": [1]}}}'$$, $$'{"columns": {"city": {"bims": [3]}}}'$$, $$'{"columns": {"nobody": {"bins": [3]}}}'$$, $$'{"lambda": "auto"}', '{"family": "boost"}'$$,
	$$'{"lambda": [1]}', '{"lambda": 2}'$$, $$'{"lambda": [1]}', '[]'$$, $$'{"lambda": [1, 2]}', '{"famly": "boost"}'$$, $$'{"lambda": [1, 2]}', '{"exclude": ["clicks", "city"]}'$$,
	$$'{"lambda": {"min": 1, "max": 2, "n": 101}, "alpha": {"min": 0, "max": 1, "n": 100}}'$$,
	'method => NULL', $$method => 'bayes'$$, 'folds => 1', 'folds => NULL', 'seed => NULL', $$folds_by => 'city'$$, $$folds_by => 'time'$$, 'metric => NULL', $$metric => 'loss'$$,
	$$threshold => 'NaN'$$, 'trials => 3', $$method => 'random', trials => 0$$, $$method => 'random', trials => 10001$$, $$budget => '-1 s'$$,
	$$resource => 'trees'$$, $$method => 'halving', resource => 'leads'$$, $$method => 'halving', resource => 'trees'$$,
	$$'{"trees": [5, 10, 20]}', '{"family": "boost"}', method => 'halving', resource => 'trees'$$]) WITH ORDINALITY AS u(call, i) ORDER BY i;
SELECT error_of($$SELECT * FROM (SELECT lead_frame(true, r) AS f FROM generate_series(1, 20) i, LATERAL (SELECT i % 3 AS x) r) t, lead_tune(f)$$);
SELECT error_of($$SELECT * FROM (SELECT lead_frame(NULL::bool, r) AS f FROM generate_series(1, 20) i, LATERAL (SELECT i % 3 AS x) r) t, lead_tune(f, '{"lambda": [1]}')$$);
-- messages are as they were before an error
SHOW client_min_messages;
SET client_min_messages = warning;
DROP SCHEMA tune_test CASCADE;
