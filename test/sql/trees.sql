--
-- Models of trees: what the options may say, what the bytes may be.
--
SET client_min_messages = warning;
CREATE TEMP TABLE tree_leads AS
SELECT i AS id, ('{red,green,blue}'::text[])[1 + i * 7919 % 3] AS colour, (i * 31 % 11)::int AS clicks,
	CASE WHEN i % 4 > 0 THEN (i * 104729 % 19)::int END AS calls, i % 2 = 0 AS flag, 0.1 * (i % 3) AS prior,
	(i * 15485863 % 1009) % 11 < i * 31 % 11 AS won
FROM generate_series(1, 600::bigint) i;
CREATE TEMP TABLE tree_frame AS
SELECT lead_frame(won, l) AS f, lead_frame(won, l, '{"offset": "prior"}') AS g
FROM (SELECT colour, clicks, calls, flag, prior, won FROM tree_leads) l;
\set VERBOSITY terse
\pset null -

CREATE FUNCTION pg_temp.answer(frame leadframe, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d text;
	h text;
	m bytea;
BEGIN
	m := lead_fit(frame, options);
	RETURN concat_ws(', ', lead_info(m) ->> 'family', lead_info(m) ->> 'trees');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n  ', SQLSTATE || ' ' || SQLERRM, nullif(d, ''), nullif(h, ''));
END $$;
\pset format unaligned
\pset tuples_only on
SELECT o, pg_temp.answer(f, o) FROM tree_frame, unnest(ARRAY[
	'{"family": "boost"}', '{"family": "forest"}', '{"family": "logistic", "min_count": 1}',
	'{"family": "Forest"}', '{"family": 1}', '{"family": null}',
	'{"trees": 10}', '{"family": "forest", "rate": 0.1}', '{"family": "forest", "lambda": 1}',
	'{"family": "boost", "firth": true}', '{"family": "boost", "trees": 3, "mtry": 2}', '{"family": "boost", "alpha": 0.5}',
	'{"family": "boost", "tress": 5}',
	'{"family": "boost", "trees": 0}', '{"family": "boost", "trees": 10001}', '{"family": "boost", "trees": 2.5}',
	'{"family": "boost", "depth": 65}', '{"family": "boost", "leaves": 1}', '{"family": "boost", "min_leaf": 0}',
	'{"family": "boost", "max_bins": 256}', '{"family": "boost", "rate": 0}', '{"family": "boost", "subsample": 1.5}',
	'{"family": "boost", "colsample": "all"}', '{"family": "boost", "holdout": 1}', '{"family": "boost", "seed": 1e10}',
	'{"family": "boost", "max_levels": 255}', '{"family": "boost", "columns": {"colour": {"max_levels": 300}}}',
	'{"family": "boost", "columns": {"colour": {"monotone": "increasing"}}}',
	'{"family": "boost", "columns": {"flag": {"monotone": "increasing"}}}',
	'{"family": "boost", "columns": {"flag": {"as": "number", "monotone": "increasing"}}}',
	'{"family": "boost", "columns": {"clicks": {"monotone": "up"}}}',
	'{"family": "forest", "columns": {"clicks": {"monotone": "increasing"}}}',
	'{"family": "boost", "columns": {"clicks": {"transform": "log1p"}}}',
	'{"family": "boost", "columns": {"clicks": {"bins": 4}, "calls": {"as": "categorical"}}}',
	'{"family": "boost", "trees": 3, "depth": 1, "min_leaf": 1}',
	'{"family": "boost", "trees": 3, "leaves": 2, "subsample": 0.5, "colsample": 0.3, "early_stopping": 1, "seed": -1}',
	'{"family": "forest", "trees": 3, "mtry": 100, "subsample": 0.1}'
	]::jsonb[]) WITH ORDINALITY AS u(o, n) ORDER BY n;

-- an offset is where boosted trees begin; a forest has no place for it
SELECT o, pg_temp.answer(g, o) FROM tree_frame, unnest(ARRAY['{"family": "boost", "trees": 2}', '{"family": "forest"}']::jsonb[]) o;
SELECT round(lead_log_odds(m, a)::numeric - lead_log_odds(m, b)::numeric, 12)
FROM (SELECT lead_fit(g, '{"family": "boost", "trees": 5}') AS m FROM tree_frame) m,
	(SELECT 'red' AS colour, 3 AS clicks, 4 AS calls, true AS flag, 0.75 AS prior) a,
	(SELECT 'red' AS colour, 3 AS clicks, 4 AS calls, true AS flag, 0.25 AS prior) b;
SELECT lead_log_odds(m, a)
FROM (SELECT lead_fit(g, '{"family": "boost", "trees": 5}') AS m FROM tree_frame) m,
	(SELECT 'red' AS colour, 3 AS clicks, 4 AS calls, true AS flag, NULL::numeric AS prior) a;

-- the memory is bounded
SET leadscore.tree_mem = '1MB';
SELECT pg_temp.answer(lead_frame(i % 3 = 0, r), '{"family": "boost"}')
FROM generate_series(1, 20000) i, LATERAL (SELECT i % 7 AS a, i * 7919 % 10007 AS b) r;
RESET leadscore.tree_mem;

-- unseen levels
SELECT lead_score(m, a) FROM (SELECT lead_fit(f, '{"family": "boost", "unseen": "error"}') AS m FROM tree_frame) m,
	(SELECT 'pink' AS colour, 3 AS clicks, 4 AS calls, true AS flag, 0.5 AS prior) a;
-- functions that need a line
SELECT lead_encode(m, a) FROM (SELECT lead_fit(f, '{"family": "boost"}') AS m FROM tree_frame) m,
	(SELECT 'red' AS colour, 3 AS clicks, 4 AS calls, true AS flag, 0.5 AS prior) a;
SELECT lead_encoded_names(lead_fit(f, '{"family": "boost"}')) FROM tree_frame;
SELECT count(*) FROM tree_frame, lead_coefficients(lead_fit(f, '{"family": "boost"}'));
SELECT lead_covariance(lead_fit(f, '{"family": "boost"}')) FROM tree_frame;
SELECT count(*) FROM tree_frame, lead_importance(lead_fit(f));
SELECT count(*) FROM tree_frame, lead_importance(lead_fit(f), f, 0);

\pset format aligned
\pset tuples_only off
--
-- A stored model of format 2, read for ever.
--
\set content `tr -d '\n' < test/data/model_v2.hex`
CREATE TEMP TABLE golden_trees AS SELECT decode(:'content', 'hex') AS model;
SELECT length(model) FROM golden_trees;
SELECT lead_summary(model) FROM golden_trees;
SELECT k.clicks, c.colour, round(lead_score(model, r)::numeric, 12) AS score
FROM golden_trees, unnest('{red,green,grey}'::text[]) WITH ORDINALITY AS c(colour, n), unnest(ARRAY[0, 5, NULL]) WITH ORDINALITY AS k(clicks, o),
	LATERAL (SELECT c.colour, k.clicks, 7 AS calls, true AS flag, 0.1::numeric AS prior) r
ORDER BY n, o;

--
-- Hostile bytes: any byte changed, with the checksums put right.  A model is refused
-- or it scores; nothing else.
--
\i test/lib/forge.psql
CREATE FUNCTION pg_temp.forged(scoring bytea, statistics bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(E'LSmodel\n', 'UTF8') || pg_temp.u32(2) || pg_temp.u32(40 + length(scoring) + length(statistics))
		|| pg_temp.u32(length(scoring)) || pg_temp.u32(pg_temp.crc32c(scoring))
		|| pg_temp.u32(length(statistics)) || pg_temp.u32(pg_temp.crc32c(statistics)) || '\x0000000000000000'::bytea || scoring || statistics
$$;
CREATE FUNCTION pg_temp.verdict(model bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d text;
	score float8;
BEGIN
	score := lead_score(model, r) FROM (SELECT 'red' AS colour, 3 AS clicks, 4 AS calls, true AS flag, 0.5 AS prior) r;
	PERFORM lead_summary(model), lead_info(model);
	PERFORM lead_explain(model, r) FROM (SELECT 'red' AS colour, NULL::int AS clicks, 4 AS calls, true AS flag, 0.5 AS prior) r;
	RETURN CASE WHEN score BETWEEN 0 AND 1 THEN 'scores' ELSE 'scores ' || score END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(': ', SQLERRM, regexp_replace(d, '^Feature \d+: ', ''));
END $$;
CREATE TEMP TABLE parts AS
SELECT substr(model, 41, s) AS scoring, substr(model, 41 + s) AS statistics
FROM golden_trees, LATERAL (SELECT get_byte(model, 16) + 256 * get_byte(model, 17) AS s) x;
SELECT pg_temp.forged(scoring, statistics) = model AS forged_like_it FROM parts, golden_trees;
SELECT DISTINCT verdict COLLATE "C" AS verdict
FROM parts, generate_series(0, length(scoring) - 1, 3) at, unnest('{1,128,255}'::int[]) bits,
	pg_temp.verdict(pg_temp.forged(set_byte(scoring, at, get_byte(scoring, at) # bits), statistics)) verdict
WHERE verdict NOT LIKE 'column%' ORDER BY 1;
-- cut anywhere, or longer
SELECT DISTINCT verdict COLLATE "C" AS verdict
FROM parts, generate_series(0, length(scoring) - 1, 5) n,
	pg_temp.verdict(pg_temp.forged(substr(scoring, 1, n), statistics)) verdict WHERE verdict NOT LIKE 'column%' ORDER BY 1;
SELECT pg_temp.verdict(pg_temp.forged(scoring || '\x00'::bytea, statistics)) FROM parts;
-- a tree that is too deep: a stair without end
SELECT pg_temp.verdict(pg_temp.forged(substr(scoring, 1, position('\x0400000001'::bytea IN scoring) + 3) ||
	decode(repeat('0101000200', 400), 'hex'), statistics)) FROM parts;
