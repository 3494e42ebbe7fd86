-- lead_evaluate and the curves: exact behaviour; the numbers are in pgtap
CREATE TEMP TABLE s (id int, g text, score float8, won boolean);
INSERT INTO s VALUES
	(1, 'a', 0.1, true), (2, 'a', 0.4, false), (3, 'a', 0.35, true),
	(4, 'a', 0.8, true), (5, 'a', 0.8, false), (6, 'a', 0.2, false),
	(7, 'a', NULL, true), (8, 'a', 0.3, NULL), (9, 'a', NULL, NULL),
	(10, 'only won', 0.5, true), (11, 'only won', 0.7, true),
	(12, 'only lost', 0.5, false),
	(13, 'nothing known', NULL, true), (14, 'nothing known', 0.5, NULL),
	(15, 'ranks', -3, false), (16, 'ranks', 7, true), (17, 'ranks', 'infinity', true), (18, 'ranks', 0, false);

-- a row's values, rounded: the last digits are not the subject here
CREATE FUNCTION pg_temp.rounded(e lead_evaluation) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(key || '=' || CASE WHEN value ~ '^-?[0-9.e-]+$' THEN
		trim_scale(round(value::numeric, 6))::text ELSE coalesce(value, 'null') END, ' ' ORDER BY ordinality)
	FROM json_each_text(row_to_json(e)) WITH ORDINALITY
$$;

\pset format unaligned
\pset tuples_only on
SELECT g || ': ' || pg_temp.rounded(e)
FROM (SELECT g, lead_evaluate(score, won) AS e FROM s GROUP BY g) x ORDER BY g;

-- no rows; groups emptied by FILTER
SELECT pg_temp.rounded(lead_evaluate(score, won)) FROM s WHERE false;
SELECT g, lead_evaluate(score, won) FILTER (WHERE id > 100) FROM s GROUP BY g HAVING g = 'a';

-- thresholds: a score equal to it is a positive; outside [0, 1] is allowed
SELECT t, (e).threshold, (e).tp, (e).fp, (e).tn, (e).fn, round((e).precision::numeric, 4) AS precision
FROM (VALUES (0.8::float8), (0.80000001), (-1), (0), ('infinity'), ('-0')) v(t),
	LATERAL (SELECT lead_evaluate(score, won, t) AS e FROM s WHERE g = 'a') x;

-- integers as labels
SELECT lead_evaluate(score, won::int) = lead_evaluate(score, won),
	   lead_evaluate(score, won::int::smallint) = lead_evaluate(score, won),
	   lead_evaluate(score, won::int::bigint, 0.3) = lead_evaluate(score, won, 0.3)
FROM s WHERE g = 'a';

-- 0 and -0 are a tie
SELECT (lead_evaluate(x, l)).auc FROM (VALUES ('0'::float8, true), ('-0', false)) v(x, l);

-- ties between thresholds go to the lower one
SELECT (e).best_f1_threshold, (e).best_f1, (e).best_youden_threshold, (e).best_youden
FROM (SELECT lead_evaluate(x, l) AS e FROM (VALUES
	(0.1::float8, false), (0.2, true), (0.3, false), (0.4, true)) v(x, l)) x;

-- perfect, and one of a class: no variance to speak of
SELECT (e).auc, (e).auc_low, (e).auc_high, (e).log_loss < 1e-15
FROM (SELECT lead_evaluate(x, x = 1) AS e FROM (VALUES (0::float8), (0), (1), (1)) v(x)) y;
SELECT (e).auc, (e).auc_low IS NULL, (e).auc_high IS NULL
FROM (SELECT lead_evaluate(x, x > 0.5) AS e FROM (VALUES (0::float8), (0), (1)) v(x)) y;

-- errors
SELECT lead_evaluate('NaN'::float8, NULL::boolean);
SELECT lead_evaluate(0.5, 2);
SELECT lead_evaluate(NULL, -1);
SELECT lead_evaluate(score, won, id / 10.0) FROM s;
SELECT lead_evaluate(score, won, NULL) FROM s;
SELECT lead_evaluate(score, won, 'NaN') FROM s;
SELECT lead_lift(score, won, 0) FROM s;
SELECT lead_lift(score, won, 1000001) FROM s;
SELECT lead_lift(score, won, id) FROM s;
SELECT lead_calibration(score, won, -1) FROM s;
SELECT lead_ece(score, won, NULL) FROM s;

-- curves
SELECT * FROM unnest((SELECT lead_roc_curve(score, won) FROM s WHERE g = 'a')) c;
SELECT * FROM unnest((SELECT lead_pr_curve(score, won) FROM s WHERE g = 'a')) c;
SELECT tile, n, positives, round(rate::numeric, 6), round(lift::numeric, 6), round(gain::numeric, 6),
	round(cumulative_lift::numeric, 6), min_score, max_score
FROM unnest((SELECT lead_lift(score, won, 4) FROM s WHERE g = 'a')) c;
SELECT bin, n, positives, min_score, max_score, round(mean_score::numeric, 6), rate,
	round(low::numeric, 6), round(high::numeric, 6)
FROM unnest((SELECT lead_calibration(score, won, 4) FROM s WHERE g = 'a')) c;
SELECT round(lead_ece(score, won, 4)::numeric, 6) FROM s WHERE g = 'a';

-- more tiles and bins than pairs
SELECT count(*), round(sum(positives)::numeric, 6), max(gain) FROM unnest((SELECT lead_lift(score, won, 7) FROM s WHERE g = 'only won')) c;
SELECT bin, n FROM unnest((SELECT lead_calibration(score, won, 100) FROM s WHERE g = 'only won')) c;

-- one class: what is undefined is NULL; nothing known: no array
SELECT g, lead_roc_curve(score, won), lead_pr_curve(score, won), lead_lift(score, won, 2)
FROM s WHERE g LIKE 'only%' OR g LIKE 'nothing%' GROUP BY g ORDER BY g;
SELECT lead_calibration(score, won) IS NULL, lead_ece(score, won) IS NULL, lead_lift(score, won) IS NULL
FROM s WHERE g LIKE 'nothing%';

-- scores that are no probabilities have no calibration
SELECT lead_calibration(score, won) IS NULL, lead_ece(score, won) IS NULL, cardinality(lead_roc_curve(score, won))
FROM s WHERE g = 'ranks';

-- windows: the final function leaves the state as it is
SELECT id, (e).n, (e).positives, round((e).auc::numeric, 4) AS auc,
	   (SELECT round((lead_evaluate(score, won)).auc::numeric, 4) FROM s i WHERE i.id <= o.id AND g = 'a') AS again
FROM (SELECT id, lead_evaluate(score, won) OVER (ORDER BY id) AS e FROM s WHERE g = 'a') o ORDER BY id;
SELECT id, (e).n FROM (
	SELECT id, lead_evaluate(score, won) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS e FROM s WHERE g = 'a') o
ORDER BY id;

-- parallel query: the plan is one, and the bytes are the serial ones
CREATE TABLE pairs AS
SELECT i AS id, CASE WHEN i % 50 = 0 THEN NULL ELSE (i * 7919::bigint % 20011) / 20011.0::float8 END AS score,
	   (i * 104729::bigint % 997) < (i * 7919::bigint % 20011) / 25 AS won
FROM generate_series(1, 50000) i;
ANALYZE pairs;
\set everything 'lead_evaluate(score, won), lead_evaluate(score, won::int, 0.3), lead_roc_curve(score, won), lead_pr_curve(score, won), lead_lift(score, won, 7), lead_calibration(score, won), lead_ece(score, won)'
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS
SELECT 'all' AS rows, md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs) r
UNION ALL SELECT 'none', md5(record_send(r)) FROM (SELECT :everything FROM pairs WHERE id < 0) r
UNION ALL SELECT 'one', md5(record_send(r)) FROM (SELECT :everything FROM pairs WHERE id = 7) r
UNION ALL SELECT 'null', md5(record_send(r)) FROM (SELECT :everything FROM pairs WHERE score IS NULL) r
UNION ALL SELECT 'last', md5(record_send(r)) FROM (SELECT :everything FROM pairs WHERE id > 49000) r;
SELECT count(DISTINCT bytes) FROM serial;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
DO $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXPLAIN (COSTS OFF)
		SELECT lead_evaluate(score, won), lead_evaluate(score, won::int, 0.3),
			lead_roc_curve(score, won), lead_pr_curve(score, won), lead_lift(score, won, 7),
			lead_calibration(score, won), lead_ece(score, won)
		FROM pairs
	LOOP
		plan := plan || line;
	END LOOP;
	IF plan !~ 'Gather' OR plan !~ 'Partial Aggregate' THEN
		RAISE EXCEPTION 'the plan is not parallel';
	END IF;
END
$$;
SELECT bytes = (SELECT bytes FROM serial WHERE rows = 'all') FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs) r) p;
SELECT bytes = (SELECT bytes FROM serial WHERE rows = 'none') FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs WHERE id < 0) r) p;
SELECT bytes = (SELECT bytes FROM serial WHERE rows = 'one') FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs WHERE id = 7) r) p;
SELECT bytes = (SELECT bytes FROM serial WHERE rows = 'null') FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs WHERE score IS NULL) r) p;
SELECT bytes = (SELECT bytes FROM serial WHERE rows = 'last') FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs WHERE id > 49000) r) p;
SET max_parallel_workers_per_gather = 1;
SET parallel_leader_participation = off;
SELECT bytes = (SELECT bytes FROM serial WHERE rows = 'all') FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM pairs) r) p;
SET max_parallel_workers_per_gather = 4;

-- thresholds that differ, between workers or within one
\set VERBOSITY sqlstate
SELECT lead_evaluate(score, won, CASE WHEN id > 25000 THEN 0.5 ELSE 0.6 END) FROM pairs;
\set VERBOSITY default

-- the order of rows does not matter
SET max_parallel_workers_per_gather = 0;
SELECT md5(record_send((lead_evaluate(score, won ORDER BY id)))) = md5(record_send((lead_evaluate(score, won ORDER BY won, score DESC)))) FROM pairs;

-- a state from elsewhere is refused: the bytes of another aggregate
CREATE AGGREGATE forged(bigint) (
	SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = lead_ece_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = int8_avg_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
SET max_parallel_workers_per_gather = 4;
SELECT forged(id) FROM pairs;
DROP AGGREGATE forged(bigint);

-- support functions cannot be called by hand: nobody can write an internal;
-- how the server says so differs between its releases
DO $$
DECLARE
	call text;
BEGIN
	FOREACH call IN ARRAY ARRAY[
		'lead_pairs_deserialize(''\x00'', ''x'')',
		'lead_pairs_deserialize(''\x00'', NULL)',
		'lead_pairs_deserialize(''\x00'', NULL::internal)',
		'lead_pairs_bool_transfn(NULL, 0.5::float8, true)',
		'lead_pairs_combine(NULL, NULL)',
		'lead_evaluate_finalfn(NULL)']
	LOOP
		BEGIN
			EXECUTE 'SELECT ' || call;
			RAISE NOTICE '% was let through', call;
		EXCEPTION WHEN undefined_function OR cannot_coerce OR feature_not_supported THEN
			NULL;
		END;
	END LOOP;
END $$;

RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
DROP TABLE pairs;
