-- Scores of rows, values and documents, and what each of them refuses.
SET client_min_messages = warning;
CREATE SCHEMA sc;
SET search_path = sc, public;
CREATE TYPE stage AS ENUM ('new', 'open', 'hot');
CREATE DOMAIN score_points AS smallint;
CREATE TABLE leads (id int, city text, stage stage, calls int, points score_points,
                    amount numeric, asked boolean, created timestamp, won boolean);
INSERT INTO leads
SELECT i, (ARRAY['Paris','London','Rome',NULL])[1 + i % 4],
       (ARRAY['new','open','hot'])[1 + i % 3]::stage, i % 7, i % 5, (i % 10) / 4.0, i % 2 = 0,
       timestamp '2024-01-01' + i * interval '7 hours',
       (i * 7 % 11 + i % 4 + i % 7) > 9
FROM generate_series(1, 400) i;
CREATE TABLE models (name text, model bytea);
INSERT INTO models
SELECT 'all', lead_train(won, l, '{"exclude": ["id"], "min_count": 1, "lambda": 0.1, "columns": {"created": {"parts": ["dow"]}}}')
FROM leads l;
INSERT INTO models
SELECT 'strict', lead_train(won, l, '{"exclude": ["id", "created", "stage", "points", "amount", "asked"], "min_count": 1, "unseen": "error"}')
FROM leads l WHERE city IS NOT NULL;
INSERT INTO models
SELECT 'small', lead_train(won, l, '{"exclude": ["id", "created", "stage", "points", "amount", "asked"], "min_count": 1}')
FROM leads l WHERE city IS NOT NULL;
CREATE FUNCTION model(name text) RETURNS bytea STABLE LANGUAGE sql
AS 'SELECT model FROM sc.models m WHERE m.name = $1';

-- the three ways agree bit for bit
SELECT count(*), count(DISTINCT a), bool_and(a = b AND b = c AND c = d) AS same, bool_and(a > 0 AND a < 1) AS probability
FROM (SELECT lead_score(m.model, l) AS a,
             lead_score(m.model, (SELECT l)) AS b,
             lead_score_values(m.model, '["created","asked","calls","points","amount","stage","city"]',
                               created, asked, calls, points, amount, stage, city) AS c,
             lead_score(m.model, to_jsonb(l)) AS d
      FROM leads l, models m WHERE m.name = 'all') q;
SELECT bool_and(lead_log_odds(m.model, l) = lead_log_odds(m.model, (SELECT l))
            AND lead_log_odds(m.model, l) = lead_log_odds(m.model, to_jsonb(l))
            AND lead_log_odds(m.model, l) = lead_log_odds_values(m.model, '["created","asked","calls","points","amount","stage","city"]',
                                                        created, asked, calls, points, amount, stage, city)) AS same,
       bool_and(abs(lead_score(m.model, l) - 1 / (1 + exp(-lead_log_odds(m.model, l)))) < 1e-14) AS logistic
FROM leads l, models m WHERE m.name = 'all';

-- by name: any order, more columns than needed, types of the same class
SELECT round(lead_score(model('small'), x)::numeric, 6) FROM (SELECT 3 AS calls, 'Rome' AS city) x;
SELECT round(lead_score(model('small'), x)::numeric, 6) FROM (SELECT 'no' AS other, 'Rome'::varchar AS city, 3.0 AS calls) x;
SELECT round(lead_score(model('small'), x)::numeric, 6) FROM (SELECT 'Rome   '::char(10) AS city, 3::bigint AS calls) x;
SELECT round(lead_score(model('small'), x)::numeric, 6) FROM (SELECT 'Rome'::name AS city, 3::real AS calls) x;
SELECT round(lead_score(model('small'), '{"calls": 3, "other": [], "city": "Rome"}'::jsonb)::numeric, 6);
SELECT round(lead_score_values(model('small'), '["calls", "other", "city"]', 3::smallint, NULL::text, 'Rome')::numeric, 6);
-- every row its own shape
SELECT round(lead_score(model('small'), r)::numeric, 6)
FROM (SELECT x AS r FROM (SELECT 3 AS calls, 'Rome' AS city) x
      UNION ALL SELECT y FROM (SELECT 'Rome' AS city, 'b' AS other, 3.0 AS calls) y
      UNION ALL SELECT x FROM (SELECT 3 AS calls, 'Rome' AS city) x) q;
-- every row its own names, every row its own model
SELECT round(lead_score_values(model('small'), n, a, b)::numeric, 6)
FROM (VALUES ('["city", "calls"]'::jsonb, 'Rome', 3), ('["city", "calls"]', 'Rome', 3)) v(n, a, b);
SELECT lead_score_values(model('small'), n, a, b) FROM (VALUES ('["calls", "city"]'::jsonb, 3, '3'), ('["city", "calls"]', 3, '3')) v(n, a, b);
SELECT name, round(lead_score(model, l)::numeric, 6) AS s FROM models, leads l
WHERE l.id IN (1, 2) ORDER BY l.id, name;

-- NULL: no model or no row has no score, a row of NULLs has one
SELECT lead_score(NULL::bytea, l), lead_score(model('all'), NULL::leads),
       lead_score(model('all'), NULL::jsonb), lead_score_values(NULL, '["a"]', 1),
       lead_log_odds_values(NULL, NULL, 1) FROM leads l WHERE id = 1;
SELECT lead_score(model('all'), x) > 0 AS "row of nulls"
FROM (SELECT NULL::leads AS l) n, LATERAL (SELECT (n.l).*) x;
SELECT lead_score(model('all'), '{"city": null, "stage": null, "calls": null, "points": null, "amount": null, "asked": null, "created": null}'::jsonb)
     = lead_score(model('all'), (SELECT x FROM (SELECT NULL::text AS city, NULL::stage AS stage, NULL::int AS calls, NULL::int AS points, NULL::int AS amount, NULL::boolean AS asked, NULL::date AS created) x)) AS same;
SELECT lead_score_values(model('small'), NULL, 1);

-- what training never saw counts as the average lead, or is an error
SELECT round((lead_log_odds(model('small'), x) - lead_log_odds(model('small'), y))::numeric, 12) AS none_is_none
FROM (SELECT 'Oslo' AS city, 3 AS calls) x, (SELECT NULL AS city, 3 AS calls) y;
SELECT lead_score(model('strict'), x) FROM (SELECT 'Oslo' AS city, 3 AS calls) x;
SELECT lead_score(model('strict'), x) FROM (SELECT NULL AS city, 3 AS calls) x;
SELECT lead_score(model('strict'), x) IS NOT NULL FROM (SELECT 'Rome' AS city, 3 AS calls) x;

-- errors
SELECT lead_score(model('small'), x) FROM (SELECT 3 AS calls) x;
SELECT lead_score(model('small'), ROW('Rome', 3));
SELECT lead_score(model('small'), x) FROM (SELECT 3 AS city, 3 AS calls) x;
SELECT lead_score(model('small'), x) FROM (SELECT 'Rome' AS city, 'three' AS calls) x;
SELECT lead_score(model('small'), x) FROM (SELECT 'Rome' AS city, '{3}'::int[] AS calls) x;
SELECT lead_score(model('small'), x) FROM (SELECT 'Rome' AS city, 'NaN'::float8 AS calls) x;
SELECT lead_score(model('small'), (SELECT x FROM (SELECT 1 AS calls, 'a' AS city, 'b' AS city) x));
SELECT lead_score(model('small'), '{"city": "Rome"}'::jsonb);
SELECT lead_score(model('small'), '{"city": "Rome", "calls": "3"}'::jsonb);
SELECT lead_score(model('small'), '{"city": 1, "calls": 3}'::jsonb);
SELECT lead_score(model('small'), '[1, 2]'::jsonb);
SELECT lead_score(model('small'), '3'::jsonb);
SELECT lead_score_values(model('small'), '["city"]', 'Rome', 3);
SELECT lead_score_values(model('small'), '["city", 1]', 'Rome', 3);
SELECT lead_score_values(model('small'), '"city"', 'Rome');
SELECT lead_score_values(model('small'), '["city", "calls"]', VARIADIC ARRAY['Rome', '3']);
SELECT lead_score('\x00'::bytea, x) FROM (SELECT 1 AS a) x;
SELECT lead_score(substring(model('small') FROM 1 FOR 100), x) FROM (SELECT 1 AS a) x;

-- an error leaves nothing behind for the next row of the same call
DO $$
DECLARE s float8; n int := 0; m bytea := sc.model('small'); d jsonb;
BEGIN
  FOREACH d IN ARRAY ARRAY['{"city": "Rome", "calls": 3}', '{"city": "Rome"}', '{"city": "Rome", "calls": 3}']::jsonb[] LOOP
    BEGIN
      s := lead_score(m, d);
      n := n + 1;
    EXCEPTION WHEN undefined_column THEN NULL;
    END;
  END LOOP;
  ASSERT n = 2;
END $$;
DO $$
DECLARE r record; s float8; t float8; m bytea;
BEGIN
  FOR i IN 1..4 LOOP
    m := CASE WHEN i % 2 = 0 THEN sc.model('small') WHEN i = 3 THEN '\xbad0' ELSE sc.model('all') END;
    SELECT * INTO r FROM sc.leads WHERE id = i;
    BEGIN
      s := lead_score(m, r);
      SELECT lead_score(m, l) INTO t FROM sc.leads l WHERE id = i;
      ASSERT s = t;
    EXCEPTION WHEN invalid_binary_representation THEN ASSERT i = 3;
    END;
  END LOOP;
END $$;

-- the design row: 1 first, the means where nothing was learnt
SELECT lead_encode(model('small'), x) FROM (VALUES ('Paris', 3), ('Rome', NULL)) x(city, calls);
SELECT array_length(lead_encode(model('all'), l), 1) = array_length(lead_encoded_names(model('all')), 1) AS same_length FROM leads l WHERE id = 1;
SELECT lead_encode(model('strict'), x) FROM (SELECT 'Oslo' AS city, 3 AS calls) x;
SELECT lead_encode(NULL, l) FROM leads l WHERE id = 1;

-- an offset adds itself; a NULL one is refused
INSERT INTO models
SELECT 'offset', lead_train(won, x, '{"offset": "base", "min_count": 1}')
FROM (SELECT won, calls, amount AS base FROM leads) x;
SELECT round((lead_log_odds(model('offset'), y) - lead_log_odds(model('offset'), x))::numeric, 12) AS three,
       lead_encode(model('offset'), x) = lead_encode(model('offset'), y) AS same_design
FROM (SELECT 2 AS calls, 1.5 AS base) x, (SELECT 2 AS calls, 4.5 AS base) y;
SELECT lead_score(model('offset'), x) FROM (SELECT 2 AS calls, NULL::int AS base) x;

-- nothing depends on the session's settings
CREATE TEMP TABLE before AS SELECT id, lead_score(model('all'), l) AS s FROM leads l;
SET DateStyle = 'German, DMY';
SET TimeZone = 'Asia/Kolkata';
SET extra_float_digits = -15;
SELECT bool_and(s = lead_score(model('all'), l) AND s = lead_score(model('all'), to_jsonb(l))) FROM before JOIN leads l USING (id);
RESET DateStyle;
RESET TimeZone;
RESET extra_float_digits;

-- parallel workers give the same
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
DO $$
DECLARE line text; found boolean := false;
BEGIN
  FOR line IN EXPLAIN SELECT avg(lead_score((SELECT model FROM sc.models WHERE name = 'all'), l)) FROM sc.leads l LOOP
    found := found OR line ~ 'Gather';
  END LOOP;
  ASSERT found;
END $$;
CREATE TABLE worker_scores AS SELECT id, lead_score((SELECT model FROM models WHERE name = 'all'), l) AS s FROM leads l;
SELECT bool_and(b.s = p.s) FROM before b JOIN worker_scores p USING (id);
SELECT provolatile, proparallel, count(*) FROM pg_proc
WHERE proname IN ('lead_score', 'lead_score_values', 'lead_log_odds', 'lead_log_odds_values', 'lead_encode', 'lead_explain', 'lead_reasons', 'lead_unseen')
GROUP BY 1, 2 ORDER BY 1;
DROP SCHEMA sc CASCADE;

-- a model per segment, taking turns from row to row: more than a call remembers
CREATE TABLE calls AS
	SELECT i AS id, i % 40 AS segment, i % 7 AS a, i / 40 % 3 AS b, (i * 7919) % 101 < 40 + i % 7 * 4 AS won
	FROM generate_series(1, 8000) AS i;
SET client_min_messages = warning;
CREATE TABLE segment_models AS
	SELECT segment, lead_train(won, r) AS model
	FROM (SELECT segment, won, a, b FROM calls) AS r GROUP BY segment;
RESET client_min_messages;
SELECT count(*) AS rows, count(DISTINCT m.model) AS models,
	   bool_and(lead_score(m.model, c) = (SELECT lead_score(x.model, c) FROM segment_models AS x WHERE x.segment = c.segment)) AS same
FROM (SELECT * FROM calls ORDER BY id) AS c JOIN segment_models AS m USING (segment);
DROP TABLE calls, segment_models;

-- a row type that changes while a function remembers it, which lives as long as the transaction
SET client_min_messages = warning;
CREATE TABLE changing AS SELECT i % 5 AS a, i % 7 AS b, i * 7919 % 3 = 0 AS won FROM generate_series(1, 500) i;
CREATE TABLE changing_model AS SELECT lead_train(won, r) AS model FROM (SELECT won, b FROM changing) r;
RESET client_min_messages;
DO $$
DECLARE
	m bytea := (SELECT model FROM changing_model);
	r record;
	change text;
BEGIN
	FOREACH change IN ARRAY ARRAY['DROP COLUMN won', 'DROP COLUMN a', 'ADD COLUMN a text DEFAULT ''x''', 'RENAME b TO c', 'ADD COLUMN b integer DEFAULT 3'] LOOP
		EXECUTE 'ALTER TABLE changing ' || change;
		CONTINUE WHEN change LIKE 'RENAME%';
		FOR r IN EXECUTE 'SELECT changing AS whole, b FROM changing LIMIT 2' LOOP
			RAISE NOTICE '%: b %, same %', change, r.b, lead_score(m, r.whole) = lead_score_values(m, '["b"]', r.b);
		END LOOP;
	END LOOP;
END $$;
DROP TABLE changing, changing_model;
