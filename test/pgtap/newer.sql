-- What only newer servers have: infinite intervals (17), virtual columns and
-- RETURNING old, new (18).  An older server could not even parse them.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int >= 170000 AS since_17,
	   current_setting('server_version_num')::int >= 180000 AS since_18 \gset
SELECT plan(9);

\if :since_17
CREATE TEMP TABLE waits AS
SELECT i, make_interval(secs => i * 7 % 13) AS waited, i * 31 % 17 > 8 AS won FROM generate_series(1, 200) i;
CREATE TEMP TABLE wm AS SELECT lead_train(won, w, '{"exclude": ["i"]}') AS model FROM waits w;
SELECT throws_ok(format('SELECT lead_score(model, r) FROM wm, (SELECT %L::interval AS waited) r', waited),
	'22000', 'column "waited" contains infinity', waited || ' is no interval to score')
FROM (VALUES ('infinity'), ('-infinity')) v(waited);
SELECT throws_ok($$SELECT lead_frame(true, r) FROM (SELECT interval 'infinity' AS waited) r$$,
	'22000', 'column "waited" contains infinity', 'nor to train with');
\else
SELECT skip('no infinite intervals before PostgreSQL 17', 3);
\endif

\if :since_18
-- a virtual column is computed wherever a row goes, whole or column by column
CREATE TEMP TABLE v (i int, a int, b int GENERATED ALWAYS AS (a * a % 11) VIRTUAL, won boolean);
INSERT INTO v (i, a, won) SELECT i, i % 7, (i * 31 % 17 + i % 3) > 9 FROM generate_series(1, 300) i;
CREATE TEMP TABLE s AS SELECT * FROM v;
CREATE TEMP TABLE vm AS SELECT lead_train(won, v, '{"exclude": ["i"]}') AS model FROM v;
SELECT is((SELECT lead_train(won, s, '{"exclude": ["i"]}') FROM s), model,
	'a virtual column trains as one that is stored') FROM vm;
SELECT ok(EXISTS (SELECT FROM lead_coefficients(model) WHERE name = 'b' AND estimate <> 0), 'and is in the model') FROM vm;
SELECT results_eq('SELECT lead_score(model, v) FROM vm, v ORDER BY i', 'SELECT lead_score(model, s) FROM vm, s ORDER BY i',
	'scores the same');
SELECT is((SELECT count(lead_score(model, v)) FROM vm, s LEFT JOIN v ON v.i = s.i AND s.i < 10), 9::bigint,
	'and has no score where an outer join finds no row');
CREATE TEMP TABLE returned (o float8, n float8, d float8);
WITH r AS (UPDATE v SET a = 6 FROM vm WHERE i = 5
	RETURNING lead_score(model, old) AS o, lead_score(model, new) AS n, lead_score(model, v) AS d)
INSERT INTO returned SELECT * FROM r;
SELECT is(o, lead_score(model, '{"a": 5, "b": 3}'::jsonb), 'RETURNING scores the old row') FROM vm, returned;
SELECT ok(n = d AND n = lead_score(model, '{"a": 6, "b": 3}'::jsonb), 'and the new one') FROM vm, returned;
\else
SELECT skip('no virtual columns before PostgreSQL 18', 6);
\endif

SELECT * FROM finish();
ROLLBACK;
