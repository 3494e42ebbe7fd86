--
-- Thresholds and calibration: what may be asked for, and what it is told.
--
CREATE SCHEMA calibrate_test;
SET search_path = calibrate_test, public;
\set VERBOSITY terse
\i test/lib/error_of.psql
\pset null -
CREATE TABLE pairs AS
SELECT i AS id, (i * 7919 % 101) / 100.0::float8 AS s, (i * i * 31 + i * 17) % 97 < i * 7919 % 101 AS won FROM generate_series(1, 400) i;

--
-- Thresholds
--
\pset expanded on
SELECT (lead_threshold(s, won, '{"best": "f1"}')).* FROM pairs;
\pset expanded off
SELECT o, t.threshold, round(t.value::numeric, 6) AS value, t.tp, t.fp, t.note
FROM unnest(ARRAY['{"best": "youden"}', '{"cost_fp": 1, "cost_fn": 20}', '{"cost_fp": 20, "cost_fn": 1}', '{"cost_tp": -50, "cost_fp": 5}',
	'{"cost_fp": 1}', '{"min_precision": 0.9}', '{"min_precision": 1}', '{"min_recall": 0.75}', '{"min_recall": 1}',
	'{"share": 0.1}', '{"share": 1}', '{"share": 0.001}', '{"capacity": 10}', '{"capacity": 1}', '{"capacity": 1e6}', '{"capacity": 10.5}']) WITH ORDINALITY AS u(o, i),
	LATERAL (SELECT (lead_threshold(s, won, o::jsonb)).* FROM pairs) t ORDER BY i;
-- nothing to choose from, or not enough
SELECT o, (t).n, (t).positives, (t).skipped, (t).threshold, (t).tp, (t).note
FROM unnest(ARRAY['{"best": "f1"}', '{"best": "youden"}', '{"cost_fp": 1, "cost_fn": 2}', '{"min_precision": 0.5}', '{"capacity": 1}']) WITH ORDINALITY AS u(o, i),
	LATERAL (SELECT 1 AS k, lead_threshold(s, won, o::jsonb) AS t FROM pairs WHERE false
		UNION ALL SELECT 2, lead_threshold(NULL, won, o::jsonb) FROM pairs WHERE id < 4
		UNION ALL SELECT 3, lead_threshold(s, false, o::jsonb) FROM pairs WHERE id < 4
		UNION ALL SELECT 4, lead_threshold(s, 1, o::jsonb) FROM pairs WHERE id < 4) x ORDER BY i, k;
SELECT (lead_threshold(s, w, '{"best": "f1"}')).* FROM (VALUES ('Infinity'::float8, true), ('-Infinity', false), (2, true)) v(s, w);
SELECT o, error_of(format('SELECT lead_threshold(s, won, %L) FROM pairs', o))
FROM unnest(ARRAY['{}', '[]', '"f1"', '{"best": "F1"}', '{"best": null}', '{"worst": "f1"}', '{"best": "f1", "share": 0.1}', '{"cost_fp": 1, "capacity": 3}',
	'{"cost_fp": "much"}', '{"cost_fp": 1e13}', '{"min_precision": 0}', '{"min_precision": 1.1}', '{"min_recall": -1}', '{"share": 0}', '{"share": 2}', '{"capacity": 0}']) o;
SELECT error_of('SELECT lead_threshold(s, won, NULL) FROM pairs');
SELECT error_of($$SELECT lead_threshold(s, won, CASE WHEN id < 100 THEN '{"best": "f1"}' ELSE '{"best": "youden"}' END::jsonb) FROM pairs$$);
SELECT error_of($$SELECT lead_threshold('NaN', won, '{"best": "f1"}') FROM pairs$$);
SELECT error_of($$SELECT lead_threshold(s, 2, '{"best": "f1"}') FROM pairs$$);
-- the same options, not a constant
SELECT (lead_threshold(s, won, CASE WHEN id < 100 THEN '{"cost_fp": 1, "cost_fn": 2}' ELSE '{"cost_fn": 2.0, "cost_fp": 1.0}' END::jsonb)).threshold FROM pairs;
-- one state may serve several aggregates, and a window
SELECT DISTINCT last_value(t) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS whole
FROM (SELECT id, (lead_threshold(s, won, '{"best": "f1"}') OVER (ORDER BY id)).threshold AS t FROM pairs) w;

--
-- In parallel
--
CREATE TABLE many AS SELECT i AS id, (i * 7919::bigint % 10007) / 10007.0::float8 AS s, (i::bigint * i * 31 + i * 17) % 10007 < i * 7919::bigint % 10007 AS won FROM generate_series(1, 50000) i;
ALTER TABLE many SET (parallel_workers = 4);
ANALYZE many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
\set everything 'lead_threshold(s, won, \'{"cost_fp": 1, "cost_fn": 20}\'), lead_threshold(s, won::int, \'{"capacity": 100}\'), lead_calibration_map(s, won, \'platt\'), lead_calibration_map(s, won::int, \'isotonic\')'
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM many) r;
SET max_parallel_workers_per_gather = 4;
DO $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXPLAIN SELECT lead_threshold(s, won, '{"capacity": 100}'), lead_calibration_map(s, won, 'platt') FROM many LOOP
		plan := plan || line;
	END LOOP;
	IF plan !~ 'Gather' OR plan !~ 'Partial Aggregate' THEN
		RAISE EXCEPTION 'the plan is not parallel';
	END IF;
END
$$;
SELECT bytes = (SELECT bytes FROM serial) AS same FROM (SELECT md5(record_send(r)) AS bytes FROM (SELECT :everything FROM many) r) p;
SELECT error_of($$SELECT lead_calibration_map(s, won, CASE WHEN id < 25000 THEN 'platt' ELSE 'isotonic' END) FROM many$$) ~ 'must be the same for all rows' AS differs;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

--
-- Maps
--
SELECT lead_calibration_map(s, won, 'isotonic') FROM pairs WHERE id <= 12;
SELECT lead_calibration_map(s, s > 0.5, 'isotonic') FROM pairs WHERE id <= 12;
SELECT m->>'method' AS method, m->'rows' AS rows, m->'positives' AS positives, round((m->'intercept')::numeric, 9) AS intercept, round((m->'slope')::numeric, 9) AS slope
FROM (SELECT lead_calibration_map(s, won, 'platt') AS m FROM pairs) x;
-- higher scores without better outcomes
SELECT lead_calibration_map(1 - s, s > 0.5, 'platt') FROM pairs WHERE id <= 12;
SELECT lead_calibration_map(1 - s, s > 0.5, 'isotonic') FROM pairs WHERE id <= 12;
SELECT lead_calibration_map(0.5, i = 1, 'isotonic') FROM generate_series(1, 4) i;
SELECT q, error_of(q) FROM unnest(ARRAY[
	'SELECT lead_calibration_map(s, won, ''sigmoid'') FROM pairs', 'SELECT lead_calibration_map(s, won, NULL) FROM pairs',
	'SELECT lead_calibration_map(s, won, ''platt'') FROM pairs WHERE false', 'SELECT lead_calibration_map(NULL, won, ''platt'') FROM pairs',
	'SELECT lead_calibration_map(s, true, ''platt'') FROM pairs', 'SELECT lead_calibration_map(s, 0, ''isotonic'') FROM pairs',
	'SELECT lead_calibration_map(s * 2, won, ''platt'') FROM pairs']) q;

--
-- Models
--
SET client_min_messages = warning;
CREATE TEMP TABLE leads AS
SELECT i AS id, ('{red,green,blue}'::text[])[1 + i * 7919 % 3] AS colour, (i * 31 % 11)::int AS clicks, (i * 15485863 % 1009) % 11 < i * 31 % 11 AS won,
	i % 3 AS shop
FROM generate_series(1, 600::bigint) i;
CREATE TEMP TABLE m AS
SELECT lead_train(won, l, '{"exclude": ["id", "shop"]}') AS line, lead_train(won, l, '{"exclude": ["id", "shop"], "family": "forest", "trees": 5, "min_leaf": 1}') AS forest,
	lead_frame(won, l, '{"exclude": ["id"]}') AS frame, lead_frame(won, l, '{"exclude": ["id"], "group": "shop"}') AS grouped
FROM leads l;
RESET client_min_messages;
SELECT map, error_of(format('SELECT lead_calibrate(line, %L) FROM m', map)) FROM unnest(ARRAY[
	'[]', '{}', '{"method": "sigmoid"}', '{"method": 1}', '{"method": "platt"}', '{"method": "platt", "intercept": 0}', '{"method": "platt", "slope": 1, "intercept": "0"}',
	'{"method": "platt", "slope": -1, "intercept": 0}', '{"method": "platt", "slope": 1e400, "intercept": 0}', '{"method": "platt", "slope": 1, "intercept": 0, "raw": []}',
	'{"method": "platt", "slope": 1, "intercept": 0, "a": 1}', '{"method": "platt", "slope": 1, "intercept": 0, "rows": 1.5}',
	'{"method": "platt", "slope": 1, "intercept": 0, "rows": 5, "positives": 6}', '{"method": "platt", "slope": 1, "intercept": 0, "folds": 1}',
	'{"method": "isotonic", "raw": [], "score": []}', '{"method": "isotonic", "raw": [0.1], "score": [0.1, 0.2]}', '{"method": "isotonic", "raw": 0.1, "score": [0.1]}',
	'{"method": "isotonic", "raw": [0.1, null], "score": [0.1, 0.2]}', '{"method": "isotonic", "raw": [0.2, 0.1], "score": [0.1, 0.2]}', '{"method": "isotonic", "raw": [0.1, 0.1], "score": [0.1, 0.2]}',
	'{"method": "isotonic", "raw": [0.1, 0.2], "score": [0.2, 0.1]}', '{"method": "isotonic", "raw": [0.1, 1.2], "score": [0.1, 0.2]}', '{"method": "isotonic", "raw": [0.1], "score": [0.1], "slope": 1}',
	'{"method": "platt", "slope": 1, "intercept": 0}', '{"method": "isotonic", "raw": [0.5], "score": [0.25]}']) WITH ORDINALITY AS u(map, n) ORDER BY n;
SELECT error_of(format('SELECT lead_calibrate(line, %L) FROM m', jsonb_build_object('method', 'isotonic', 'raw', jsonb_agg(k / 10000.0), 'score', jsonb_agg(k / 10000.0)))) FROM generate_series(0, 8192) k;
SELECT lead_calibrate(NULL, '{}') IS NULL AS no_model, lead_calibrate(line, NULL) IS NULL AS no_map, lead_uncalibrated(NULL) IS NULL AS none FROM m;
SELECT q, error_of(q) FROM unnest(ARRAY['SELECT lead_calibrate(line, frame, ''sigmoid'') FROM m', 'SELECT lead_calibrate(line, (SELECT lead_frame(true, l) FROM leads l), ''platt'') FROM m',
	'SELECT lead_calibrate(line, (SELECT lead_frame(won, l) FROM (SELECT colour, won FROM leads) l), ''platt'') FROM m', 'SELECT lead_calibrate(''\x00'', frame, ''platt'') FROM m', 'SELECT lead_uncalibrated(''\x00'')']) q;

-- everything else about a calibrated model
CREATE TEMP TABLE c AS
SELECT lead_calibrate(line, '{"method": "platt", "slope": 0.5, "intercept": -1, "rows": 400, "positives": 100}') AS platt,
	lead_calibrate(forest, '{"method": "isotonic", "raw": [0.2, 0.4, 0.8], "score": [0, 0.5, 1]}') AS isotonic FROM m;
SELECT (regexp_split_to_array(lead_summary(platt), E'\n'))[3:5] AS platt, (regexp_split_to_array(lead_summary(isotonic), E'\n'))[3:5] AS isotonic FROM c;
SELECT lead_info(platt)->'format' AS format, lead_info(platt)->'calibration' AS platt, lead_info(isotonic)->'calibration' AS isotonic, lead_info(line) ? 'calibration' AS line FROM c, m;
SELECT array_agg(name) = array_agg(n) AS coefficients_of_the_line FROM c, m, ROWS FROM (lead_coefficients(platt), lead_coefficients(line)) AS x(c1, l1, name, e1, s1, z1, p1, a1, b1, o1, d1, f1, t1, c2, l2, n, e2, s2, z2, p2, a2, b2, o2, d2, f2, t2)
	WHERE e1 = e2 AND s1 = s2;
-- a score of 0 or 1 of a map made by hand has no log-odds
SELECT DISTINCT lead_score(isotonic, l) AS score, lead_log_odds(isotonic, l) AS log_odds FROM c, m, leads l WHERE lead_score(forest, l) NOT BETWEEN 0.2 AND 0.8 ORDER BY 1;
SELECT e."column", e.unit, round(e.contribution::numeric, 6) AS contribution FROM c, lead_explain(platt, '{"colour": "red", "clicks": 3}'::jsonb) e;
SELECT error_of('SELECT lead_ladder(platt, frame) FROM c, m');
SELECT error_of('SELECT lead_recalibrate(platt, frame, ''slope'') FROM c, m');
SELECT error_of('SELECT lead_ladder(isotonic, frame) FROM c, m');

-- the option
SELECT error_of('SELECT lead_fit(frame, ''{"calibrate": "sigmoid"}'') FROM m');
SELECT error_of('SELECT lead_fit(frame, ''{"calibrate": true}'') FROM m');
SELECT error_of('SELECT lead_frame(won, l, ''{"calibrate": "platt"}'') FROM leads l');
SELECT error_of('SELECT lead_fit(grouped, ''{"calibrate": "platt"}'') FROM m');
SELECT error_of('SELECT lead_train(i = 1, l, ''{"calibrate": "platt"}'') FROM generate_series(1, 60) i, LATERAL (SELECT i % 7 AS x) l');
SELECT lead_train(i = 1, l, '{"calibrate": "platt", "untrainable": "null"}') IS NULL AS none FROM generate_series(1, 60) i, LATERAL (SELECT i % 7 AS x) l;
-- what is to be said is said once; noise makes a flat map
SELECT lead_info(lead_train(won, l, '{"calibrate": "isotonic"}'))->'calibration'->'folds' AS folds FROM (SELECT colour, clicks, 7 AS same, won FROM leads) l;
SELECT lead_info(lead_train(i % 2 = 0, l, '{"calibrate": "isotonic"}'))->'calibration' AS flat FROM generate_series(1, 400) i, LATERAL (SELECT i / 2 % 7 AS x) l;
SELECT lead_info(lead_train(won, l, '{"class_weight": "balanced", "correct": false}')) ? 'calibration' AS no FROM (SELECT colour, clicks, won FROM leads) l;
SELECT lead_info(lead_train(won, l, '{"class_weight": "balanced", "correct": false, "calibrate": "platt"}')) ? 'calibration' AS yes FROM (SELECT colour, clicks, won FROM leads) l;
-- rows that do not fit into memory
SET work_mem = '64kB';
CREATE TEMP TABLE wide AS SELECT i % 1000 / 999.0::float8 AS x, sin(i)::float8 AS y, i % 3 = 0 AS won FROM generate_series(1, 20000) i;
SELECT lead_train(won, w, '{"calibrate": "platt"}') = lead_fit(lead_frame(won, w), '{"calibrate": "platt"}') AS same FROM wide w;
RESET work_mem;

--
-- A stored model of format 3, read for ever: the trees of format 2, calibrated
--
\set content `tr -d '\n' < test/data/model_v3.hex`
CREATE TEMP TABLE golden AS SELECT decode(:'content', 'hex') AS model;
\set content `tr -d '\n' < test/data/model_v2.hex`
SELECT length(model), lead_uncalibrated(model) = decode(:'content', 'hex') AS of_format_2,
	lead_calibrate(decode(:'content', 'hex'), lead_info(model)->'calibration') = model AS calibrated_alike FROM golden;
SELECT lead_info(model)->'calibration' FROM golden;
SELECT k.clicks, c.colour, round(lead_score(model, r)::numeric, 12) AS score, round(lead_score(lead_uncalibrated(model), r)::numeric, 12) AS raw
FROM golden, unnest('{red,green,grey}'::text[]) WITH ORDINALITY AS c(colour, n), unnest(ARRAY[0, 5, NULL]) WITH ORDINALITY AS k(clicks, o),
	LATERAL (SELECT c.colour, k.clicks, 7 AS calls, true AS flag, 0.1::numeric AS prior) r
ORDER BY n, o;

--
-- Hostile bytes, with the checksums put right: refused, or a score
--
\i test/lib/forge.psql
CREATE FUNCTION pg_temp.forged(scoring bytea, statistics bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(E'LSmodel\n', 'UTF8') || pg_temp.u32(3) || pg_temp.u32(40 + length(scoring) + length(statistics))
		|| pg_temp.u32(length(scoring)) || pg_temp.u32(pg_temp.crc32c(scoring))
		|| pg_temp.u32(length(statistics)) || pg_temp.u32(pg_temp.crc32c(statistics)) || '\x0000000000000000'::bytea || scoring || statistics
$$;
CREATE FUNCTION pg_temp.verdict(model bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d text;
	score float8;
BEGIN
	score := lead_score(model, r) FROM (SELECT 'red' AS colour, 3 AS clicks, 4 AS calls, true AS flag, 0.5 AS prior) r;
	PERFORM lead_summary(model), lead_info(model), lead_uncalibrated(model);
	PERFORM lead_explain(model, r) FROM (SELECT 'red' AS colour, NULL::int AS clicks, 4 AS calls, true AS flag, 0.5 AS prior) r;
	RETURN CASE WHEN score BETWEEN 0 AND 1 THEN 'scores' ELSE 'scores ' || score END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(': ', SQLERRM, d);
END $$;
CREATE TEMP TABLE parts AS
SELECT substr(model, 41, s) AS scoring, substr(model, 41 + s) AS statistics, 1 + 4 + 8 + 8 + 4 + 16 * 4 AS map
FROM golden, LATERAL (SELECT get_byte(model, 16) + 256 * get_byte(model, 17) AS s) x;
SELECT pg_temp.forged(scoring, statistics) = model AS forged_like_it FROM parts, golden;
-- every byte of the calibration, and the format below it
SELECT verdict, count(*) FROM parts, generate_series(length(scoring) - map, length(scoring) - 1) at, unnest('{1,127,128,255}'::int[]) bits,
	pg_temp.verdict(pg_temp.forged(set_byte(scoring, at, get_byte(scoring, at) # bits), statistics)) verdict GROUP BY 1 ORDER BY verdict COLLATE "C";
SELECT f, pg_temp.verdict(pg_temp.forged(set_byte(scoring, 0, f), statistics)) FROM parts, unnest('{0,1,3,255}'::int[]) f;
-- cut, or longer
SELECT DISTINCT verdict COLLATE "C" AS verdict FROM parts, generate_series(length(scoring) - map, length(scoring) - 1) n,
	pg_temp.verdict(pg_temp.forged(substr(scoring, 1, n), statistics)) verdict ORDER BY 1;
SELECT pg_temp.verdict(pg_temp.forged(scoring || '\x00'::bytea, statistics)) FROM parts;
-- a line: its numbers
SELECT what, pg_temp.verdict(pg_temp.forged(substr(scoring, 1, length(scoring) - map) || tail, statistics))
FROM parts, (VALUES ('as it may be', '\x010000000000000000000000000000000000000000'::bytea || decode('000000000000f0bf000000000000f03f', 'hex')),
	('slope below 0', '\x010000000000000000000000000000000000000000'::bytea || decode('000000000000f0bf000000000000f0bf', 'hex')),
	('slope infinite', '\x010000000000000000000000000000000000000000'::bytea || decode('000000000000f0bf000000000000f07f', 'hex')),
	('intercept NaN', '\x010000000000000000000000000000000000000000'::bytea || decode('000000000000f87f000000000000f03f', 'hex')),
	('one fold', '\x010100000000000000000000000000000000000000'::bytea || decode('000000000000f0bf000000000000f03f', 'hex')),
	('more positives than rows', '\x010000000001000000000000000200000000000000'::bytea || decode('000000000000f0bf000000000000f03f', 'hex')),
	('no points', '\x02000000000000000000000000000000000000000000000000'::bytea),
	('too many points', '\x02000000000000000000000000000000000000000001200000'::bytea || decode(repeat('00', 16), 'hex')),
	('more points than there are', '\x02000000000000000000000000000000000000000000200000'::bytea || decode(repeat('00', 16), 'hex'))) v(what, tail);

SET client_min_messages = warning;
DROP SCHEMA calibrate_test CASCADE;
