-- Training: what a natural call leaves out and says, what cannot be trained
-- and why, roles, segments, separation.
CREATE SCHEMA train_test;
SET search_path = train_test, public;
SET timezone = 'UTC';
\pset null (null)
\i test/lib/error_of.psql
CREATE FUNCTION show(model bytea) RETURNS TABLE (name text, estimate numeric, std_error numeric, p numeric)
LANGUAGE sql AS $$
SELECT name, round(estimate::numeric, 6), round(std_error::numeric, 6), round(p::numeric, 6)
FROM lead_coefficients(model) $$;

-- ---- the natural call ----
CREATE TABLE leads (lead_id integer, external_id uuid, email text, created timestamptz, closed date,
	city text, clicks integer, amount numeric, country text, comment text, deleted_at timestamp, won boolean);
INSERT INTO leads
SELECT i, md5(i::text)::uuid, i || '@example.org', '2024-01-01 00:00+00'::timestamptz + i * interval '5 hours',
	   CASE WHEN i % 2 = 0 THEN '2024-01-01'::date + i END,
	   CASE i % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Paris' WHEN 2 THEN 'Rome' END, i % 5, (i % 11) / 4.0, 'NO', NULL, NULL,
	   CASE WHEN i % 10 < 9 THEN i % 3 = 0 OR i % 13 = 0 END
FROM generate_series(1, 400) i;
SELECT lead_train(won, l) AS model FROM leads l \gset
SELECT * FROM show(:'model');
SELECT l->>'column' AS "column", l->>'reason' AS reason, l->>'detail' AS detail
FROM jsonb_array_elements(lead_info(:'model'::bytea)->'left_out') l;
SELECT lead_info(:'model'::bytea)->'rows' AS rows, lead_info(:'model'::bytea)->'positives' AS positives,
	   lead_info(:'model'::bytea)->'unknown' AS unknown, lead_info(:'model'::bytea)->>'fit' AS fit, lead_info(:'model'::bytea)->>'stop' AS stop;
-- named in "exclude" they make no noise
SELECT lead_encoded_names(lead_train(won, l, '{"exclude": ["lead_id", "external_id", "email", "created", "closed", "deleted_at", "won"]}')) AS names
FROM leads l;
-- the same from a frame
SELECT lead_fit(lead_frame(won, l)) = :'model' AS same FROM leads l;
-- at most five names in one warning
SELECT lead_train(won, s) IS NOT NULL AS trained FROM (SELECT clicks, won, won AS won2, won::int AS won3, lead_id AS id1, lead_id AS id2, lead_id AS id3,
	lead_id AS id4, lead_id AS id5, lead_id AS id6, lead_id AS id7, created AS t1, created AS "t,2" FROM leads) s;
-- identifiers can be insisted on; below a hundred rows they are not recognised
SELECT lead_train(won, s, '{"allow": "lead_id"}') IS NOT NULL AS trained FROM (SELECT lead_id, won FROM leads) s;
SELECT lead_train(won, s) IS NOT NULL AS trained FROM (SELECT lead_id, won FROM leads WHERE won IS NOT NULL ORDER BY lead_id LIMIT 99) s;
-- a fraction of a number is no identifier
SELECT name FROM show((SELECT lead_train(won, s) FROM (SELECT lead_id / 7.0 AS x, won FROM leads) s));
-- an overflowed column
SELECT l->>'column' AS "column", l->>'reason' AS reason, l->>'detail' AS detail
FROM jsonb_array_elements(lead_info((SELECT lead_train(won, s, '{"max_distinct": 2}')
	FROM (SELECT city, clicks, won FROM leads) s))->'left_out') l;

-- ---- columns that determine the label ----
CREATE VIEW telling AS SELECT clicks, won,
	CASE WHEN won THEN 'yes' WHEN NOT won THEN 'no' END AS "said ""yes""",
	CASE WHEN won THEN 3 ELSE 2 END AS stage,
	CASE WHEN won THEN clicks ELSE clicks + 10.5 END AS below,
	CASE WHEN won THEN amount END AS paid,
	CASE WHEN NOT won THEN amount END AS unpaid,
	NOT won AS lost
FROM leads;
SELECT error_of(format('SELECT lead_train(won, s) FROM (SELECT won, clicks, %I FROM telling) s', attname))
FROM pg_attribute WHERE attrelid = 'telling'::regclass AND attnum > 2 ORDER BY attnum;
-- the hints work as they stand
SELECT error_of($$SELECT lead_train(won, s, '{"exclude": ["said \"yes\""]}') FROM (SELECT won, clicks, "said ""yes""" FROM telling) s$$);
SELECT name FROM show((SELECT lead_train(won, s, '{"allow": ["stage"]}') FROM (SELECT won, clicks, stage FROM telling) s));
-- so does insisting on the label itself
SELECT lead_train(won, s, '{"allow": ["won"], "lambda": 1}') IS NOT NULL AS trained FROM (SELECT won, clicks FROM leads) s;

-- ---- what cannot be trained ----
SELECT error_of('SELECT lead_train(won, l) FROM leads l WHERE false');
SELECT error_of('SELECT lead_train(NULL::boolean, l) FROM leads l');
SELECT error_of('SELECT lead_train(won, l) FROM leads l WHERE won');
SELECT error_of('SELECT lead_train(won, l) FROM leads l WHERE NOT won');
SELECT error_of('SELECT lead_train(won, l) FILTER (WHERE clicks > 5) FROM leads l');
SELECT error_of('SELECT lead_train(won, s) FROM (SELECT won FROM leads) s');
SELECT error_of('SELECT lead_train(won, l, ''{"exclude": ["city", "clicks", "amount"]}'') FROM leads l');
SELECT error_of('SELECT lead_train(won, s) FROM (SELECT won, 1 AS one, NULL::text AS nothing FROM leads) s');
SELECT error_of('SELECT lead_train(won, s) FROM (SELECT won, city, clicks, amount FROM leads LIMIT 5) s');
SELECT error_of('SELECT lead_train(won, s, ''{"columns": {"clicks": {"as": "categorical"}, "amount": {"as": "categorical"}}, "min_count": 1}'')
	FROM (SELECT won, city, clicks, amount FROM leads WHERE won IS NOT NULL ORDER BY lead_id LIMIT 14) s');
-- with a penalty fewer rows than coefficients are no matter
SELECT error_of('SELECT lead_train(won, s, ''{"columns": {"clicks": {"as": "categorical"}, "amount": {"as": "categorical"}}, "min_count": 1, "lambda": 1}'')
	FROM (SELECT won, city, clicks, amount FROM leads WHERE won IS NOT NULL ORDER BY lead_id LIMIT 14) s');
SELECT error_of('SELECT lead_fit(NULL)');
SELECT lead_fit(NULL) IS NULL AS no_frame;
-- too many design columns: which columns have them
SELECT error_of($$SELECT lead_train(i / 3000 % 2 = 0, s, '{"min_count": 1, "max_levels": 5000}') FROM generate_series(1, 12000) i,
	LATERAL (SELECT 'a' || i % 3000 AS a, 'b' || i % 2500 AS "b ""c""", i % 7 AS d, 'e' || i % 11 AS e) s$$);
-- NaN and infinity, in features and weights
SELECT error_of($$SELECT lead_train(won, s) FROM (SELECT won, CASE WHEN clicks = 3 THEN 'NaN' ELSE clicks::float8 END AS clicks FROM leads) s$$);
SELECT error_of($$SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, 'Infinity'::float8 AS w FROM leads) s$$);
-- numbers whose sums leave double precision
SELECT error_of($$SELECT lead_train(won, s) FROM (SELECT won, clicks, 1.7e308::float8 - amount::float8 * 1e307 AS huge FROM leads) s$$);
SELECT error_of($$SELECT lead_train(won, s) FROM (SELECT won, clicks, amount::float8 * 1e-320 AS tiny FROM leads) s$$);

SELECT error_of($$SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, 1.7e308::float8 AS w FROM leads) s$$);
SELECT error_of($$SELECT lead_train(won, s, '{"offset": "o"}') FROM (SELECT won, clicks, 1.7e308::float8 AS o FROM leads) s$$);
-- in bins they do no harm
SELECT name FROM show((SELECT lead_train(won, s, '{"columns": {"huge": {"bins": 2}}}') FROM (SELECT won, (CASE WHEN clicks > 2 THEN 1 ELSE -1 END * amount::float8 / 3) * 1.7e308::float8 AS huge FROM leads) s));

-- ---- one poor segment does not end the query ----
SET enable_hashagg = off;	-- the notices come in the order of the groups
SELECT clicks, lead_train(won, l, '{"untrainable": "null", "exclude": ["lead_id", "external_id", "email", "created", "closed", "deleted_at", "won"]}') IS NULL AS untrainable
FROM (SELECT * FROM leads WHERE clicks > 0 AND (clicks <> 1 OR won) AND (clicks <> 2 OR NOT won) AND (clicks <> 3 OR lead_id < 20)) l
GROUP BY clicks ORDER BY clicks;
SELECT lead_train(won, l, '{"untrainable": "null"}') IS NULL AS no_rows FROM leads l WHERE false;
SELECT clicks, lead_train(won, l, '{"untrainable": "null", "exclude": ["lead_id", "external_id", "email", "created", "closed", "deleted_at", "won"]}')
	FILTER (WHERE clicks > 3) IS NULL AS filtered FROM leads l GROUP BY clicks ORDER BY clicks;
SELECT lead_fit(f, '{"untrainable": "null"}') IS NULL AS one_class FROM (SELECT lead_frame(true, l) AS f FROM leads l) s;
SELECT lead_train(won, t, '{"untrainable": "null"}') IS NULL AS determined FROM telling t;
-- but an error is an error
SELECT error_of('SELECT lead_train(won, l, ''{"untrainable": "null", "exclude": "town"}'') FROM leads l');
-- a model per segment is the model of the segment alone
SELECT s.city, s.model = (SELECT lead_train(won, t, '{"exclude": "won"}') FROM (SELECT won, clicks, amount FROM leads l WHERE l.city IS NOT DISTINCT FROM s.city) t) AS same,
	   (SELECT round(estimate::numeric, 6) FROM lead_coefficients(s.model) WHERE name = 'amount') AS amount
FROM (SELECT l.city, lead_train(l.won, t, '{"exclude": "won"}') AS model
	  FROM leads l, LATERAL (SELECT l.won, l.clicks, l.amount) t GROUP BY l.city) s
ORDER BY s.city COLLATE "C";

-- a window's models; without a row there are no options
SELECT DISTINCT clicks, lead_train(won, t, '{"exclude": "won"}') OVER (PARTITION BY clicks) =
	(SELECT lead_train(won, s, '{"exclude": "won"}') FROM (SELECT won, clicks, amount FROM leads l WHERE l.clicks = t.clicks) s) AS same
FROM (SELECT won, clicks, amount FROM leads) t WHERE clicks > 2 ORDER BY clicks;
SELECT error_of('SELECT lead_train(won, t, ''{"untrainable": "null"}'') FILTER (WHERE false) OVER () FROM leads t');

-- ---- roles ----
CREATE TABLE weighted AS SELECT won, clicks, amount, 1 + lead_id % 3 AS w, 0.5 AS half, clicks / 10.0 AS base, city FROM leads WHERE won IS NOT NULL;
-- a weight of 2 is two rows
SELECT a.name, round(a.estimate::numeric, 6) AS estimate, round((a.estimate - b.estimate)::numeric, 9) AS difference,
	   round((a.std_error - b.std_error)::numeric, 9) AS of_error
FROM lead_coefficients((SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, amount, w FROM weighted) s)) a
FULL JOIN lead_coefficients((SELECT lead_train(won, s) FROM (SELECT won, clicks, amount FROM weighted, generate_series(1, w)) s)) b USING (name)
ORDER BY name COLLATE "C";
-- a weight of 0 is no row
SELECT a.name, round((a.estimate - b.estimate)::numeric, 9) AS difference, round((a.std_error - b.std_error)::numeric, 9) AS of_error
FROM lead_coefficients((SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, amount, w - 1 AS w FROM weighted) s)) a
FULL JOIN lead_coefficients((SELECT lead_train(won, s) FROM (SELECT won, clicks, amount FROM weighted, generate_series(2, w)) s)) b USING (name)
ORDER BY name COLLATE "C";
SELECT error_of($$SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, w - 2 AS w FROM weighted) s$$);
SELECT error_of($$SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, nullif(w, 2) AS w FROM weighted) s$$);
SELECT error_of($$SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, 0 AS w FROM weighted) s$$);
SELECT error_of($$SELECT lead_train(won, s, '{"weight": "w"}') FROM (SELECT won, clicks, won::int AS w FROM weighted) s$$);
-- an offset is added as it is
SELECT name, estimate FROM show((SELECT lead_train(won, s, '{"offset": "base"}') FROM (SELECT won, clicks, base FROM weighted) s));
SELECT a.name, round((b.estimate - a.estimate)::numeric, 9) AS taken_off
FROM lead_coefficients((SELECT lead_train(won, s, '{"offset": "base"}') FROM (SELECT won, clicks, base FROM weighted) s)) a
JOIN lead_coefficients((SELECT lead_train(won, s) FROM (SELECT won, clicks FROM weighted) s)) b USING (name) ORDER BY name;
SELECT error_of($$SELECT lead_train(won, s, '{"offset": "base"}') FROM (SELECT won, amount, nullif(clicks, 2) AS base FROM weighted) s$$);
-- group and time are kept, and are no features
SELECT lead_info(m)->'roles' AS roles, lead_encoded_names(m) AS names
FROM (SELECT lead_train(won, s, '{"group": "city", "time": "day"}') AS m
	  FROM (SELECT won, clicks, city, '2024-01-01'::date + clicks AS day FROM weighted) s) m;

-- ---- classes that can be separated ----
CREATE TABLE separated AS SELECT clicks, CASE WHEN clicks = 4 AND won THEN 'vip' ELSE 'Ünïted "x"' END AS "the level", won
FROM leads WHERE won IS NOT NULL;
SELECT lead_train(won, s, '{"exclude": "won", "min_count": 1}') AS ridge FROM separated s \gset
SELECT * FROM show(:'ridge');
SELECT lead_info(:'ridge'::bytea)->'separation' AS separation, lead_info(:'ridge'::bytea)->>'fit' AS fit, lead_info(:'ridge'::bytea)->'lambda' AS lambda;
SELECT lead_train(won, s, '{"exclude": "won", "min_count": 1, "separation": "firth"}') AS firth FROM separated s \gset
SELECT * FROM show(:'firth');
SELECT lead_info(:'firth'::bytea)->'separation'->>'handled' AS handled, lead_info(:'firth'::bytea)->>'fit' AS fit;
SELECT error_of($$SELECT lead_train(won, s, '{"exclude": "won", "min_count": 1, "separation": "error"}') FROM separated s$$);
-- completely: two columns together
SELECT error_of($$SELECT lead_train(s.x + s.y > 9, s, '{"separation": "error"}')
	FROM (SELECT x, y FROM generate_series(0, 9) x, generate_series(0, 9) y) s$$);

-- ---- the end of the iterations ----
\set VERBOSITY terse
SELECT lead_info(lead_train(won, s, '{"exclude": "won", "max_iterations": 1}'))->>'stop' AS stop
FROM (SELECT won, clicks, amount FROM leads) s;

\set VERBOSITY default
-- ---- class weights ----
SELECT a.name, round(a.estimate::numeric, 6) AS plain, round(b.estimate::numeric, 6) AS balanced
FROM lead_coefficients((SELECT lead_train(won, s, '{"exclude": "won"}') FROM (SELECT won, clicks, amount FROM leads) s)) a
JOIN lead_coefficients((SELECT lead_train(won, s, '{"exclude": "won", "class_weight": "balanced"}') FROM (SELECT won, clicks, amount FROM leads) s)) b USING (name)
ORDER BY name COLLATE "C";
SELECT lead_info(m)->'class_weight' AS class_weight, round((lead_info(m)->>'prior_correction')::numeric, 6) AS correction, round(ln(1 / 5.0), 6) AS expected
FROM (SELECT lead_train(won, s, '{"exclude": "won", "class_weight": {"false": 1, "true": 5}}') AS m FROM (SELECT won, clicks, amount FROM leads) s) m;
SELECT round((lead_info(m)->>'prior_correction')::numeric, 6) AS correction
FROM (SELECT lead_train(won, s, '{"exclude": "won", "class_weight": {"false": 1, "true": 5}, "correct": false}') AS m FROM (SELECT won, clicks, amount FROM leads) s) m;

-- ---- any order, any way, the same bytes ----
SELECT lead_train(won, l) = :'model' AS backwards FROM (SELECT * FROM leads ORDER BY lead_id DESC) l;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE leads SET (parallel_workers = 2);
SELECT lead_train(won, l) = :'model' AS parallel FROM leads l;
SELECT lead_train(won, l, '{"untrainable": "null"}') IS NULL AS no_rows FROM leads l WHERE clicks > 5;
SELECT lead_train(won, l, '{"untrainable": "null"}') FILTER (WHERE clicks > 5) IS NULL AS filtered FROM leads l;
SELECT error_of('SELECT lead_train(won, l) FROM leads l WHERE clicks > 5');

SET client_min_messages = warning;
DROP SCHEMA train_test CASCADE;

-- a model keeps no values of columns that were left out
SELECT p ->> 'column' AS column, p ? 'values' AS has_values
FROM (SELECT lead_train(i % 3 = 0, r, '{"exclude": ["secret"]}') AS m
	  FROM generate_series(1, 300) AS i,
		   LATERAL (SELECT 'name' || i AS person, i % 4 AS clicks, 'x' || i % 7 AS secret) AS r) AS t,
	 jsonb_array_elements(lead_info(m) -> 'profile') AS p;

-- rows that are too few for a level and for (other) count as the average lead:
-- as if the column were not there, for a column that has nothing else
CREATE TABLE rare AS
	SELECT i % 3 AS clicks, CASE WHEN i = 7 THEN 'x' END AS one_text, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END AS half,
		   CASE WHEN i IN (3, 5) THEN 'rare' ELSE (ARRAY['north', 'south'])[1 + i / 3 % 2] END AS region, (i * 7919) % 101 < 40 + i % 3 * 10 AS won
	FROM generate_series(1, 600) AS i;
SELECT lead_train(won, r) AS rare FROM rare r \gset
SELECT name, round(estimate::numeric, 4) AS estimate FROM lead_coefficients(:'rare'::bytea);
SELECT lead_info(:'rare'::bytea) -> 'pooled' AS pooled, lead_info(:'rare'::bytea) -> 'left_out' AS left_out;
-- what a rare region adds is what the average lead has
SELECT abs(lead_log_odds(:'rare'::bytea, r) - avg(lead_log_odds(:'rare'::bytea, x))) < 1e-9 AS average
FROM (SELECT 0 AS clicks, 'a' AS half, 'rare' AS region) AS r,
	 (SELECT 0 AS clicks, 'a' AS half, region FROM rare WHERE region <> 'rare') AS x
GROUP BY r;
DROP TABLE rare;
