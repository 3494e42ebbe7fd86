--
-- Cross-validation: what it answers, what it refuses.
--
\set VERBOSITY default
\pset null -
\i test/lib/error_of.psql
CREATE TEMP TABLE cv_leads AS
SELECT i % 7 AS clicks, 'c' || i % 5 AS city, 's' || i % 11 AS shop, date '2025-01-01' + i / 30 AS day,
	CASE WHEN i % 50 > 0 THEN timestamp '2025-01-01' + i * interval '1 min' END AS seen,
	i * 7919 % 101 AS noise, i * 31 % 10 < i % 7 AS won
FROM generate_series(1, 300) i;
CREATE TEMP TABLE cv_frame AS
SELECT lead_frame(won, a) AS plain, lead_frame(won, b, '{"group": "shop"}') AS grouped,
	lead_frame(won, c, '{"time": "day"}') AS timed, lead_frame(won, d, '{"time": "seen"}') AS gaps
FROM cv_leads l, LATERAL (SELECT l.clicks, l.city) a, LATERAL (SELECT l.clicks, l.city, l.shop) b,
	LATERAL (SELECT l.clicks, l.city, l.day) c, LATERAL (SELECT l.clicks, l.city, l.seen) d;

SELECT fold, n, positives, round(auc::numeric, 4) AS auc, round(log_loss::numeric, 4) AS log_loss,
	round(precision::numeric, 4) AS precision, skipped, trained
FROM cv_frame, lead_cv(plain);
SELECT fold, n, trained FROM cv_frame, lead_cv(grouped, folds => 3);
SELECT fold, n, trained FROM cv_frame, lead_cv(grouped, folds => 3, folds_by => 'hash');
SELECT fold, n, trained FROM cv_frame, lead_cv(timed, folds => 4, folds_by => 'time');
SELECT fold, count(*), sum(positives) AS positives, sum(negatives) AS negatives FROM cv_frame, lead_cv_scores(plain, folds => 2) GROUP BY 1 ORDER BY 1;
-- a fold without rows has nothing to say
SELECT count(*) FILTER (WHERE n = 0 AND auc IS NULL AND trained = 0) > 0 AS empty, sum(n) FILTER (WHERE fold IS NOT NULL) AS n
FROM cv_frame, lead_cv(plain, folds => 300);
-- a threshold moves what it should
SELECT count(DISTINCT c.auc) AS auc, count(DISTINCT c.recall) AS recall
FROM cv_frame, unnest(ARRAY[0.3, 0.5]) t, lead_cv(plain, threshold => t) c WHERE fold IS NULL;
-- NULL
SELECT count(*) FROM lead_cv(NULL);
SELECT count(*) FROM lead_cv_scores(NULL, '{}');

-- what fits have to say is said once
SELECT count(*) FROM (SELECT lead_frame(won, r) AS f FROM (SELECT won, clicks, i, i % 60 = 0 AS never
	FROM (SELECT *, row_number() OVER () AS i FROM cv_leads WHERE won OR noise > 50) l) r) t, lead_cv(f, '{"min_count": 1}');

\pset format unaligned
\pset tuples_only on
-- errors name the fold, the option, the role
SELECT error_of(format('SELECT * FROM cv_frame, lead_cv(%s)', call)) AS error FROM unnest(ARRAY[
	'plain, folds => 1', 'plain, folds => 1001', 'plain, folds => NULL', 'plain, seed => NULL',
	'plain, threshold => NULL', $$plain, threshold => 'NaN'$$, $$plain, folds_by => 'city'$$,
	$$plain, folds_by => 'group'$$, $$plain, folds_by => 'time'$$, $$gaps, folds_by => 'time'$$,
	$$timed, folds => 30, folds_by => 'time'$$, 'grouped, folds => 12',
	$$plain, '{"famly": "boost"}'$$, $$plain, '{"family": "tree"}'$$, $$plain, '{"exclude": ["nobody"]}'$$,
	$$plain, '{"group": "city"}'$$, $$plain, '[]'$$, $$plain, '{"exclude": ["clicks", "city"]}'$$]) call;
SELECT error_of($$SELECT * FROM (SELECT lead_frame(true, r) AS f FROM generate_series(1, 20) i, LATERAL (SELECT i % 3 AS x) r) t, lead_cv(f)$$);
-- an error leaves nothing behind
DO $$
BEGIN
	PERFORM lead_cv(lead_frame(true, r)) FROM generate_series(1, 20) i, LATERAL (SELECT i % 3 AS x) r;
EXCEPTION WHEN data_exception THEN
	DECLARE
		c text;
	BEGIN
		GET STACKED DIAGNOSTICS c = PG_EXCEPTION_CONTEXT;
		RAISE NOTICE '%', split_part(c, E'\n', 1);
	END;
END $$;

DROP FUNCTION error_of(text);
