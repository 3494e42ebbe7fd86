-- What tuning must be: the figures of lead_cv() and of scikit-learn, whatever the order
-- of rows and of trials, and however little memory there is.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
\set here `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
SELECT plan(CASE WHEN :here THEN 43 ELSE 35 END);

---------------------------------------------------------------------------
-- Against scikit-learn 1.2.1, Python 3.11, Debian 12: mean and standard error over
-- four folds of time of lines fitted by LogisticRegression(C = 1/lambda,
-- l1_ratio = alpha) to saga's tolerance 1e-13 (newton-cg, 1e-12, where alpha is 0),
-- on numbers divided by their population standard deviation in the fold and one column
-- per level.
---------------------------------------------------------------------------
CREATE TABLE visits AS
SELECT i AS id, timestamp '2025-01-01' + i * interval '1 hour' AS seen, (i * 31 % 17)::int AS clicks, (i * 7919 % 101) / 4.0 AS pages,
	'c' || k * k % 11 AS city, i * 15485863 % 1009 % 17 < i * 31 % 17 * 0.7 + k / 4.0 AS won
FROM generate_series(1, 1200::bigint) i, LATERAL (SELECT i * 104729 % 13 AS k) k;
CREATE TEMP TABLE frames AS
SELECT lead_frame(won, v, '{"exclude": ["id"], "time": "seen"}') AS timed, lead_frame(won, p) AS plain,
	lead_frame(won, p) FILTER (WHERE id > 600) AS half
FROM visits v, LATERAL (SELECT clicks, pages, city) p;
CREATE TEMP TABLE reference (alpha float8, lambda float8, log_loss float8, log_loss_error float8, auc float8, auc_error float8);
INSERT INTO reference VALUES
	(0, 100, 0.6285872039, 0.0065658893, 0.7206528970, 0.0104908645), (0, 10, 0.6147754158, 0.0079065634, 0.7197673423, 0.0096595405),
	(0, 1, 0.6164260675, 0.0078633909, 0.7191632261, 0.0090373397), (0, 0.1, 0.6169078885, 0.0077903947, 0.7191254074, 0.0088330087),
	(0.5, 100, 0.6475195984, 0.0138200120, 0.7195277751, 0.0117521913), (0.5, 10, 0.6147638318, 0.0095771242, 0.7202937357, 0.0111702156),
	(0.5, 1, 0.6161034123, 0.0082307857, 0.7192206815, 0.0093810950), (0.5, 0.1, 0.6168624962, 0.0078340770, 0.7191086789, 0.0089106555),
	(1, 100, 0.6665537099, 0.0139450571, 0.6621095385, 0.0551962197), (1, 10, 0.6149638169, 0.0096470839, 0.7195277751, 0.0117521913),
	(1, 1, 0.6158948730, 0.0085443314, 0.7195930119, 0.0098545125), (1, 0.1, 0.6168223135, 0.0078777905, 0.7190569608, 0.0090023311);
CREATE TEMP TABLE tuned AS
SELECT metric, t.* FROM frames, unnest('{log_loss,auc}'::text[]) metric,
	lead_tune(timed, '{"alpha": [0, 0.5, 1], "lambda": [0.1, 1, 10, 100]}', '{"min_count": 1}', folds => 4, folds_by => 'time', metric => metric) t;
SELECT cmp_ok(max(abs(mean - CASE metric WHEN 'auc' THEN r.auc ELSE r.log_loss END)), '<', 1e-8::float8, metric || ': means are scikit-learn''s')
FROM tuned t JOIN reference r ON r.alpha = (options_used ->> 'alpha')::float8 AND r.lambda = (options_used ->> 'lambda')::float8 GROUP BY metric ORDER BY metric;
SELECT cmp_ok(max(abs(standard_error - CASE metric WHEN 'auc' THEN auc_error ELSE log_loss_error END)), '<', 1e-8::float8, metric || ': and their errors')
FROM tuned t JOIN reference r ON r.alpha = (options_used ->> 'alpha')::float8 AND r.lambda = (options_used ->> 'lambda')::float8 GROUP BY metric ORDER BY metric;
SELECT is(array_agg(options_used ORDER BY rank), (SELECT array_agg(jsonb_build_object('alpha', alpha, 'lambda', lambda, 'min_count', 1) ORDER BY log_loss) FROM reference),
	'and so is their order') FROM tuned WHERE metric = 'log_loss';
-- NumPy's max |Xᵀ(y - ȳ)| on the same columns of all rows
SELECT cmp_ok(abs(leadscore.lambda_max(plain, '{"alpha": 1, "lambda": 1, "min_count": 1}') - 233.98028574133096), '<', 1e-9::float8, 'the least lambda without a column') FROM frames;
SELECT is(leadscore.lambda_max(plain, '{"alpha": 0.25, "lambda": 1, "min_count": 1}') / leadscore.lambda_max(plain, '{"alpha": 1, "lambda": 1, "min_count": 1}'), 4::float8,
	'that of elastic net is as much larger as alpha is smaller') FROM frames;
SELECT results_eq($$SELECT count(*) FILTER (WHERE estimate <> 0) FROM frames, unnest('{1, 0.999}'::float8[]) WITH ORDINALITY AS u(x, i),
		lead_coefficients(lead_fit(plain, jsonb_build_object('alpha', 1, 'lambda', x * leadscore.lambda_max(plain, '{"alpha": 1, "lambda": 1}')))) c
	WHERE name <> '(Intercept)' GROUP BY i ORDER BY i$$, 'VALUES (0::bigint), (1)', 'there nothing is left, and just below it one column');

---------------------------------------------------------------------------
-- Against lead_cv(), from scratch
---------------------------------------------------------------------------
CREATE FUNCTION pg_temp.differs(frame leadframe, grid jsonb, options jsonb, metric text, VARIADIC how text[]) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(greatest(abs(t.mean - c.mean), abs(t.standard_error - c.error), abs(t.auc - c.auc), abs(t.log_loss - c.log_loss), abs(t.brier - c.brier)))
	FROM lead_tune(frame, grid, options, metric => metric, folds_by => how[1], seed => 3) t, LATERAL (
		SELECT avg(m) FILTER (WHERE fold >= 0) AS mean, stddev_samp(m) FILTER (WHERE fold >= 0) / sqrt(count(m) FILTER (WHERE fold >= 0)) AS error,
			max(c.auc) FILTER (WHERE fold IS NULL) AS auc, max(c.log_loss) FILTER (WHERE fold IS NULL) AS log_loss, max(c.brier) FILTER (WHERE fold IS NULL) AS brier
		FROM lead_cv(frame, options_used, folds_by => how[1], seed => 3) c, LATERAL (SELECT (to_jsonb(c) ->> metric)::float8 AS m) m) c
$$;
SELECT cmp_ok(pg_temp.differs(plain, g, o, m, 'hash'), '<', 1e-9::float8, format('as from scratch: %s %s %s', g, o, m))
FROM frames, (VALUES ('{"lambda": "auto"}'::jsonb, '{"alpha": 1}'::jsonb, 'log_loss'), ('{"lambda": "auto", "alpha": [0, 0.3]}', '{}', 'auc'),
	('{"lambda": [0, 0.5, 5], "min_count": [1, 40, 300], "standardize": [true, false]}', '{}', 'brier'),
	('{"lambda": [0.1, 1], "class_weight": ["balanced", {"false": 1, "true": 3}], "columns": {"pages": {"bins": [3, 5]}}}', '{}', 'average_precision'),
	('{"firth": [true], "unseen": ["other", "error"]}', '{}', 'recall'), ('{"depth": [1, 3], "lambda": [0, 1], "max_bins": [4, 255]}', '{"family": "boost", "trees": 9}', 'lift_10'),
	('{"family": ["forest", "boost", "logistic"]}', '{"min_count": 5}', 'accuracy')) v(g, o, m);
SELECT cmp_ok(pg_temp.differs(timed, '{"lambda": [0.1, 1, 10]}', '{"alpha": 0.5}', 'log_loss', 'time'), '<', 1e-9::float8, 'by time, too') FROM frames;
SELECT cmp_ok(pg_temp.differs(f, '{"lambda": [0.1, 1, 10]}', o, 'log_loss', NULL::text), '<', 1e-9::float8, 'by group, with weights and an offset: ' || o::text)
FROM (SELECT lead_frame(won, r, '{"group": "city", "weight": "w", "offset": "prior"}') AS f FROM visits, LATERAL (SELECT clicks, pages, city, 1 + id % 3 AS w, (id % 5) / 10.0 AS prior) r) t,
	unnest(ARRAY['{"alpha": 0.7}', '{"family": "boost", "trees": 5}']::jsonb[]) o;
-- by hand from the scores: the mean over folds of the mean over rows of -ln
SELECT cmp_ok(abs(t.mean - s.mean), '<', 1e-12::float8, 'log loss by hand, from lead_cv_scores()')
FROM frames, lead_tune(plain, '{"lambda": [2]}') t, LATERAL (SELECT avg(l) AS mean FROM (
	SELECT -sum(positives * ln(score) + negatives * ln(1 - score)) / sum(positives + negatives) AS l FROM lead_cv_scores(plain, '{"lambda": 2}') GROUP BY fold) f) s;

---------------------------------------------------------------------------
-- The choice: the best, or the simplest within one standard error of it
---------------------------------------------------------------------------
CREATE TEMP TABLE path AS
SELECT one_se, t.* FROM frames, unnest('{true,false}'::bool[]) one_se, lead_tune(plain, '{"lambda": {"min": 0.01, "max": 200, "scale": "log", "n": 30}}', '{"alpha": 1}', one_se => one_se) t;
SELECT is(options_used, (SELECT options_used FROM path WHERE NOT one_se ORDER BY mean LIMIT 1), 'the best is chosen') FROM path WHERE chosen AND NOT one_se;
SELECT is((options_used ->> 'lambda')::float8, (SELECT max((options_used ->> 'lambda')::float8) FROM path, (SELECT mean + standard_error AS most FROM path WHERE rank = 1 LIMIT 1) b WHERE mean <= most),
	'by the rule, the largest lambda within one standard error') FROM path WHERE chosen AND one_se;
SELECT isnt((SELECT trial FROM path WHERE chosen AND one_se), (SELECT trial FROM path WHERE chosen AND NOT one_se), 'which is another one');
SELECT is(array_agg(o ORDER BY leadscore.complexity(o), i), array_agg(o ORDER BY i), 'what is simpler: ' || what)
FROM (VALUES ('lines', 1, '{"alpha": 1, "lambda": 9}'::jsonb), ('lines', 2, '{"alpha": 1, "lambda": 3}'), ('lines', 3, '{"alpha": 0.5, "lambda": 9}'), ('lines', 4, '{"lambda": 9, "max_levels": 9}'),
		('lines', 5, '{"lambda": 9, "min_count": 50}'), ('lines', 6, '{"lambda": 9}'), ('lines', 7, '{}'), ('lines', 8, '{"family": "forest", "trees": 1}'),
		('forests', 1, '{"family": "forest", "trees": 20, "depth": 4}'), ('forests', 2, '{"family": "forest", "depth": 4, "min_leaf": 50}'), ('forests', 3, '{"family": "forest", "depth": 4}'),
		('forests', 4, '{"family": "forest"}'), ('forests', 5, '{"family": "boost", "trees": 1, "depth": 1}'),
		('boosted trees', 1, '{"family": "boost", "trees": 10}'), ('boosted trees', 2, '{"family": "boost", "leaves": 8}'), ('boosted trees', 3, '{"family": "boost", "depth": 4, "min_leaf": 90}'),
		('boosted trees', 4, '{"family": "boost", "depth": 4, "lambda": 5}'), ('boosted trees', 5, '{"family": "boost", "depth": 4, "min_gain": 1}'),
		('boosted trees', 6, '{"family": "boost", "depth": 4, "rate": 0.05}'), ('boosted trees', 7, '{"family": "boost", "depth": 4}')) v(what, i, o) GROUP BY what ORDER BY what;

---------------------------------------------------------------------------
-- The same whatever the order of rows, of trials, and the memory
---------------------------------------------------------------------------
CREATE FUNCTION pg_temp.rows_of(frame leadframe, grid jsonb, options jsonb, method text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT (to_jsonb(t) - 'ms')::text FROM lead_tune(frame, grid, options, method) t
$$;
CREATE TEMP TABLE calls (method text, grid jsonb, options jsonb);
INSERT INTO calls VALUES ('grid', '{"lambda": "auto", "alpha": [0.5, 1]}', '{}'), ('random', '{"rate": {"min": 0.05, "max": 0.5}, "depth": {"min": 1, "max": 5}}', '{"family": "boost", "trees": 8, "subsample": 0.5}'),
	('halving', '{"lambda": {"min": 0.1, "max": 100, "n": 9}}', '{}');
CREATE TEMP TABLE told AS SELECT method, array_agg(r) AS rows FROM frames, calls, pg_temp.rows_of(plain, grid, options, method) r GROUP BY 1;
SELECT is(array_agg(r), (SELECT rows FROM told t WHERE t.method = c.method), 'shuffled rows, the same result: ' || method)
FROM (SELECT lead_frame(won, p) AS f FROM (SELECT * FROM visits ORDER BY md5(id::text)) v, LATERAL (SELECT clicks, pages, city) p) s, calls c, pg_temp.rows_of(f, grid, options, method) r
GROUP BY method ORDER BY method;
SELECT results_eq($$SELECT options_used, mean FROM frames, lead_tune(plain, '{"lambda": [10, 0.1, 1]}', '{"alpha": 1}') ORDER BY 1$$,
	$$SELECT options_used, mean FROM frames, lead_tune(plain, '{"lambda": [0.1, 1, 10]}', '{"alpha": 1}') ORDER BY 1$$, 'trials in another order, the same figures');
SELECT is((SELECT array_agg(options_used ORDER BY trial) FROM frames, lead_tune(half, grid, options, method)), (SELECT array_agg(options_used ORDER BY trial) FROM frames, lead_tune(plain, grid, options, method)),
	'draws know no rows') FROM calls WHERE method = 'random';
SELECT isnt((SELECT array_agg(options_used ORDER BY trial) FROM frames, lead_tune(plain, grid, options, method, seed => 1)), (SELECT array_agg(options_used ORDER BY trial) FROM frames, lead_tune(plain, grid, options, method)),
	'but the seed') FROM calls WHERE method = 'random';
-- 20,000 rows that are all different: five folds of them are more than a megabyte
CREATE TEMP TABLE many AS
SELECT lead_frame(i * 7919 % 101 < 40 + a % 30, r) AS f FROM generate_series(1, 20000) i, LATERAL (SELECT i * 104729::bigint % 20011 / 7.0 AS x, i % 97 AS a) r;
CREATE TEMP TABLE ample AS SELECT t.* FROM many, lead_tune(f, '{"lambda": [1, 10, 100]}', '{"alpha": 0.9}') t;
SET LOCAL leadscore.work_mem = '1MB';
SELECT results_eq($$SELECT to_jsonb(t) - 'ms' FROM many, lead_tune(f, '{"lambda": [1, 10, 100]}', '{"alpha": 0.9}') t$$, $$SELECT to_jsonb(t) - 'ms' FROM ample t$$, 'folds that are not kept are made anew');
RESET leadscore.work_mem;

---------------------------------------------------------------------------
-- Halving: the last third is judged as a whole
---------------------------------------------------------------------------
CREATE TEMP TABLE halved AS
SELECT t.* FROM frames, lead_tune(plain, '{"depth": {"min": 1, "max": 9}}', '{"family": "boost", "trees": 90}', 'halving') t;
SELECT is(array_agg(mean ORDER BY trial), array_agg(m ORDER BY trial), 'what a trial is judged by is lead_cv() of so many trees')
FROM halved, frames, LATERAL (SELECT avg(c.log_loss) AS m FROM lead_cv(plain, options_used || jsonb_build_object('trees', resource_used)) c WHERE fold >= 0) c;
SELECT is(options_used -> 'trees', '90', 'what is chosen has all of them') FROM halved WHERE chosen;
SELECT is(array_agg(t.mean = w.mean ORDER BY t.trial), array_agg(t.rung = 2 ORDER BY t.trial), 'of rows only the last has all')
FROM many, LATERAL (SELECT '{"lambda": {"min": 0.1, "max": 1000, "scale": "log", "n": 9}}'::jsonb AS g) g, lead_tune(f, g, method => 'halving') t JOIN LATERAL lead_tune(f, g) w USING (trial);

\if :here
---------------------------------------------------------------------------
-- Real leads
---------------------------------------------------------------------------
CREATE TABLE codepro_input (lead_id int, created_date timestamp, city_tier int,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int,
	career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro_input FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
CREATE TEMP TABLE six AS
SELECT lead_frame(app_complete_flag, r) AS f
FROM codepro_input, LATERAL (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c) r;
SELECT cmp_ok(pg_temp.differs(f, '{"lambda": {"max": "auto", "n": 8}, "alpha": [0.5, 1]}', '{"min_count": 5}', 'log_loss', 'hash'), '<', 1e-9::float8, 'CodePro: the path is as from scratch') FROM six;
CREATE TEMP TABLE best AS
SELECT m AS method, t.* FROM six, (VALUES ('grid', '{"lambda": "auto"}'::jsonb, '{"alpha": 1}'::jsonb), ('random', '{"depth": {"min": 4, "max": 9}, "rate": {"min": 0.05, "max": 0.3, "scale": "log"}, "min_leaf": {"min": 5, "max": 80}}', '{"family": "boost"}'),
	('halving', '{"depth": [6, 10, 14, 18], "min_leaf": [3, 5, 10], "mtry": [2, 3, 4]}', '{"family": "forest"}')) v(m, g, o), lead_tune(f, g, o, m, metric => 'auc', trials => CASE m WHEN 'random' THEN 6 END) t;
SELECT diag(format('%-8s %s: AUC %s ± %s', method, options_used, round(mean::numeric, 4), round(standard_error::numeric, 4))) FROM best WHERE chosen;
SELECT cmp_ok(mean, '>=', 0.785::float8, 'a tuned lasso has 0.785') FROM best WHERE chosen AND method = 'grid';
SELECT cmp_ok(mean, '>=', 0.819::float8, 'tuned boosted trees have 0.819') FROM best WHERE chosen AND method = 'random';
SELECT cmp_ok(mean, '>=', 0.815::float8, 'a tuned forest has 0.815') FROM best WHERE chosen AND method = 'halving';
SELECT is(count(*) FILTER (WHERE note IS NULL), count(*), method || ': no trial failed') FROM best GROUP BY method ORDER BY method;
SELECT is(lead_tune_model(f, '{"lambda": "auto"}', '{"alpha": 1}', metric => 'auc'), lead_fit(f, options_used), 'the model is that of what was chosen, on all rows') FROM six, best WHERE chosen AND method = 'grid';
\endif
SELECT * FROM finish();
ROLLBACK;
