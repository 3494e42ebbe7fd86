-- Columns of plain numbers, more different ones than a dictionary holds, against what
-- SQL says of the same rows: counts, ranges, moments, quantiles, identifiers.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(19);

-- Of a kind each: half of the rows one value; a long tail and few enormous values; next
-- to nothing, of both signs; far from zero; missing; whole, negative too; sparse and
-- whole; integers of which a bit more and a bit less than 5 % of the rows repeat another.
CREATE TEMP TABLE s AS
SELECT i, i * 104729 % 7 < 3 AS y, 1 + i % 3 AS w,
	   CASE WHEN i % 2 = 0 THEN 5.5 ELSE i / 1000.0 END::float8 AS tied,
	   CASE WHEN i % 1000 = 0 THEN i * 1e100 ELSE exp(i * 7919 % 100003 / 9000.0) END::float8 AS tail,
	   (i * 7919 % 1000003) * CASE WHEN i % 3 = 0 THEN -1e-150 ELSE 1e-150 END::float8 AS tiny,
	   (1e12 + i * 7919 % 1000003 / 8.0)::float8 AS far,
	   CASE WHEN i % 5 > 0 THEN sin(i) * 100 END::float8 AS missing,
	   (i * 49979687 % 700001 - 350000)::int AS whole,
	   i * i * 1000003 % 9007199254740881 AS sparse,
	   CASE WHEN i % 100 < 7 THEN 100 + i / 100 * 100 ELSE i END AS more,
	   CASE WHEN i % 100 < 6 THEN 100 + i / 100 * 100 ELSE i END AS less
FROM generate_series(1, 150000::bigint) i;
CREATE TEMP TABLE n AS
SELECT s.i, s.w, s.y, v.c, v.x FROM s, LATERAL (VALUES ('tied', tied), ('tail', tail), ('tiny', tiny), ('far', far),
	('missing', missing), ('whole', whole::float8), ('sparse', sparse::float8), ('more', more::float8), ('less', less::float8)) v(c, x);

CREATE TEMP TABLE f AS
SELECT lead_frame(y, r) AS frame, lead_frame(y, r, '{"weight": "w"}') AS weighted
FROM (SELECT y, w, tied, tail, tiny, far, missing, whole, sparse, more, less FROM s) r;
CREATE TEMP TABLE d AS SELECT d.* FROM f, lead_describe(frame) d WHERE kind = 'number' AND most_frequent IS NULL;
SELECT is((SELECT count(*) FROM d), 9::bigint, 'nine columns are stored plainly');

CREATE TEMP TABLE facts AS
SELECT c AS "column", count(*) - count(x) AS nulls, count(DISTINCT x) AS "distinct",
	   min(x) AS min, max(x) AS max FROM n GROUP BY c;
SELECT results_eq('SELECT "column", nulls, "distinct", min::float8, max::float8 FROM d ORDER BY 1',
	'SELECT * FROM facts ORDER BY 1', 'NULLs, different values and range');
SET LOCAL maintenance_work_mem = '1MB';
SELECT results_eq('SELECT "column", "distinct" FROM f, lead_describe(frame) WHERE kind = ''number'' AND most_frequent IS NULL ORDER BY 1',
	'SELECT "column", "distinct" FROM facts ORDER BY 1', 'different values in little memory');
RESET maintenance_work_mem;

CREATE TEMP TABLE moments AS
SELECT c, weighted, mean, sqrt(sum(v * (x - mean)^2) / sum(v)) AS sd
FROM (SELECT c, weighted, x, v, (sum(v * x::numeric) OVER p / sum(v) OVER p)::float8 AS mean
	  FROM (SELECT c, x, weighted, CASE WHEN weighted THEN w ELSE 1 END AS v
			FROM n, (VALUES (false), (true)) k(weighted) WHERE x IS NOT NULL AND c <> 'tiny') q
	  WINDOW p AS (PARTITION BY c, weighted)) q
GROUP BY c, weighted, mean;
CREATE FUNCTION pg_temp.moments_agree(frame leadframe, weights boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is(count(*), 8::bigint, format('eight columns, weights %s', weights))
	FROM lead_describe(frame) d JOIN moments m ON m.c = d."column" AND m.weighted = weights;
	RETURN NEXT cmp_ok(max(abs(d.mean - m.mean) / greatest(abs(m.mean), m.sd)), '<', 1e-14::float8, 'means')
	FROM lead_describe(frame) d JOIN moments m ON m.c = d."column" AND m.weighted = weights;
	RETURN NEXT cmp_ok(max(abs(d.sd / m.sd - 1)), '<', 1e-11::float8, 'standard deviations')
	FROM lead_describe(frame) d JOIN moments m ON m.c = d."column" AND m.weighted = weights;
END $$;
SELECT pg_temp.moments_agree(frame, false) FROM f;
SELECT pg_temp.moments_agree(weighted, true) FROM f;

----------------------------------------------------------------------------
-- Identifiers
----------------------------------------------------------------------------

CREATE TEMP TABLE l AS
SELECT o->>'column' AS c, o->>'detail' AS detail
FROM f, jsonb_array_elements(lead_info(lead_fit(frame, '{"exclude": ["w"], "columns": {"tail": {"bins": 4}}}'))->'left_out') o
WHERE o->>'reason' = 'identifier';
SELECT results_eq('SELECT c, detail FROM l ORDER BY 1',
	$$SELECT "column", format('%s different values in 150000 rows', "distinct") FROM facts
	  WHERE "column" IN ('sparse', 'less', 'whole') ORDER BY 1$$, 'columns of nearly as many values as rows');

----------------------------------------------------------------------------
-- Quantiles
----------------------------------------------------------------------------

-- Edges of bins as the levels show them, [low, high), against the value of rank k·rows/bins.
CREATE FUNCTION pg_temp.edges(col text, bins int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	options jsonb := jsonb_build_object('allow', jsonb_build_array(col), 'lambda', 1, 'covariance', false,
		'columns', jsonb_build_object(col, jsonb_build_object('bins', bins)));
	model bytea;
	got float8[];
	want float8[];
BEGIN
	EXECUTE format('SELECT lead_train(y, r, $1) FROM (SELECT y, %I FROM s) r', col) INTO model USING options;
	SELECT array_agg(substring(level FROM '^\[([^,]*),')::float8 ORDER BY substring(level FROM '^\[([^,]*),')::float8)
	INTO got FROM lead_coefficients(model) WHERE level LIKE '[%';
	EXECUTE format('SELECT array_agg(DISTINCT v[k * n / $1 + 1] ORDER BY v[k * n / $1 + 1]) FILTER (WHERE v[k * n / $1 + 1] > v[1])
		FROM (SELECT array_agg(%1$I::float8 ORDER BY %1$I) AS v, count(*) AS n FROM s WHERE %1$I IS NOT NULL) q,
			 generate_series(1, $1 - 1) k', col) INTO want USING bins;
	RETURN NEXT is(got, want, format('%s in %s bins', col, bins));
END $$;
SELECT pg_temp.edges('tied', 10);
SELECT pg_temp.edges('tail', 255);
SELECT pg_temp.edges('tiny', 7);
SELECT pg_temp.edges('far', 100);
SELECT pg_temp.edges('missing', 12);
SELECT pg_temp.edges('whole', 2);
SELECT pg_temp.edges('sparse', 33);
SELECT pg_temp.edges('more', 4);
SELECT pg_temp.edges('less', 200);

SELECT * FROM finish();
ROLLBACK;
