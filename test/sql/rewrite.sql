-- The planner hands lead_score() columns instead of rows where nobody can tell
-- but by EXPLAIN.  rewritten() says whether it did; same() runs a query that
-- returns two scores, the second of the record kept as one, and compares bits.
SET client_min_messages = warning;
CREATE SCHEMA rw;
SET search_path = rw, public;

CREATE TABLE leads (id int PRIMARY KEY, gone text, city text, calls int,
                    amount numeric, stage varchar(10), won boolean);
INSERT INTO leads
SELECT i, 'x', (ARRAY['Paris','London','Rome',NULL])[1 + i % 4], i % 7,
       (i % 10) / 4.0, 's' || i % 3, (i * 7 % 11 + i % 4 + i % 7) > 9
FROM generate_series(1, 400) i;
ALTER TABLE leads DROP COLUMN gone;
CREATE TABLE models (model bytea);
INSERT INTO models
SELECT lead_train(won, l, '{"exclude": ["id", "stage"], "min_count": 1}')
FROM leads l;
CREATE FUNCTION current_model() RETURNS bytea IMMUTABLE PARALLEL SAFE
LANGUAGE sql AS 'SELECT model FROM rw.models';

CREATE FUNCTION rewritten(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; found boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    found := found OR line ~ 'lead_(score|log_odds)_values\(';
  END LOOP;
  RETURN found;
END $$;
CREATE FUNCTION same(query text, OUT rows bigint, OUT nulls bigint, OUT same boolean)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(*), count(*) FILTER (WHERE a IS NULL),
    bool_and(float8send(a) IS NOT DISTINCT FROM float8send(b)) FROM (%s) q(a, b)',
    query) INTO rows, nulls, same;
END $$;

-- the baseline: a record that the planner can't see through
SELECT rewritten('SELECT lead_score(current_model(), (SELECT l)) FROM leads l');

-- a table, by a constant model and by one from a table
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l');
SELECT rewritten('SELECT lead_score((SELECT model FROM models), l) FROM leads l');
SELECT rewritten('SELECT lead_log_odds(current_model(), l) FROM leads l');
SELECT rewritten('SELECT lead_score(model, l) FROM leads l, models');
SELECT * FROM same('SELECT lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM leads l');
SELECT * FROM same('SELECT lead_score(model, l), lead_score(model, (SELECT l)) FROM leads l, models');
SELECT * FROM same('SELECT lead_log_odds(model, l), lead_log_odds(model, (SELECT l)) FROM leads l, models');
-- a constant model gets the columns that it needs, another one all of them
CREATE FUNCTION names_passed(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    IF line ~ '_values\(' THEN RETURN substring(line FROM '(\["[^]]*\])'); END IF;
  END LOOP;
  RETURN NULL;
END $$;
SELECT names_passed('SELECT lead_score(current_model(), l) FROM leads l');
SELECT names_passed('SELECT lead_score(model, l) FROM leads l, models');
-- a column alias renames nothing: the row keeps its type.  Before 15 it renamed
-- the row's columns, which then are not the model's, on either path.
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
  EXECUTE format('SELECT string_agg(s::text, '','') FROM (%s) q(s)', query) INTO found;
  RETURN found;
EXCEPTION WHEN undefined_column THEN
  RETURN SQLERRM;
END $$;
SELECT names_passed('SELECT lead_score(current_model(), l) FROM leads l(a, b, c, d)') =
    '["city", "calls", "amount"]' OR current_setting('server_version_num')::int < 150000 AS rewritten;
SELECT outcome('SELECT lead_score(current_model(), l) FROM leads l(a, b, c, d)') =
    outcome('SELECT lead_score(current_model(), (SELECT l)) FROM leads l(a, b, c, d)') AS same;

-- WHERE, ORDER BY, aggregates
SELECT rewritten('SELECT id FROM leads l WHERE lead_score(current_model(), l) > 0.5');
SELECT rewritten('SELECT id FROM leads l ORDER BY lead_score(current_model(), l) DESC LIMIT 3');
SELECT rewritten('SELECT avg(lead_score(current_model(), l)) FROM leads l');
SELECT rewritten('SELECT round(lead_score(current_model(), l)::numeric, 1), count(*) FROM leads l GROUP BY 1');

-- views and sub-selects: what is a row of which type
CREATE VIEW v AS SELECT id, upper(stage) AS stage, calls + 0 AS calls, amount, city FROM leads;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM leads WHERE calls < 5;
SELECT rewritten('SELECT lead_score(current_model(), v) FROM v');
SELECT * FROM same('SELECT lead_score(current_model(), v), lead_score(current_model(), (SELECT v)) FROM v');
SELECT rewritten('SELECT lead_score(current_model(), x) FROM (SELECT calls * 1 AS calls, city, amount FROM leads) x');
SELECT * FROM same('SELECT lead_score(current_model(), x), lead_score(current_model(), (SELECT x)) FROM (SELECT calls * 1 AS calls, city, amount FROM leads) x');
-- names by what the sub-select calls them, not by where they stand
SELECT * FROM same('SELECT lead_score(current_model(), x), lead_score(current_model(), (SELECT l)) FROM (SELECT amount, id AS noise, calls, city, leads AS l FROM leads) x');
-- kept as it is: the planner keeps these sub-selects
SELECT rewritten('SELECT lead_score(current_model(), x) FROM (SELECT * FROM leads OFFSET 0) x');
SELECT * FROM same('SELECT lead_score(current_model(), x), lead_score(current_model(), (SELECT x)) FROM (SELECT * FROM leads OFFSET 0) x');
SELECT rewritten('SELECT lead_score(current_model(), b) FROM barrier b');
SELECT * FROM same('SELECT lead_score(current_model(), b), lead_score(current_model(), (SELECT b)) FROM barrier b');

-- volatile columns run as often as written
CREATE SEQUENCE runs;
SELECT rewritten('SELECT lead_score(current_model(), x) FROM (SELECT *, random() AS r FROM leads) x');
SELECT count(lead_score(current_model(), x)) FROM (SELECT *, nextval('runs') AS r FROM leads) x;
SELECT last_value FROM runs;

-- joins; a row from the nullable side may be NULL, a row of NULLs is a row
CREATE TABLE calls (lead int, note text);
INSERT INTO calls SELECT i, 'n' || i FROM generate_series(1, 500, 3) i;
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l JOIN calls c ON c.lead = l.id');
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l LEFT JOIN calls c ON c.lead = l.id');
SELECT rewritten('SELECT lead_score(current_model(), l) FROM calls c LEFT JOIN leads l ON c.lead = l.id');
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l RIGHT JOIN calls c ON c.lead = l.id');
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l FULL JOIN calls c ON c.lead = l.id');
SELECT * FROM same('SELECT lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM calls c LEFT JOIN leads l ON c.lead = l.id');
SELECT * FROM same('SELECT lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM leads l FULL JOIN calls c ON c.lead = l.id');
SELECT * FROM same('SELECT lead_score(current_model(), x), CASE WHEN x.id IS NOT NULL THEN lead_score(current_model(), (SELECT x)) END FROM calls c LEFT JOIN v x ON c.lead = x.id');
SELECT * FROM same('SELECT s, CASE WHEN id IS NOT NULL THEN lead_score(current_model(), (SELECT l FROM leads l WHERE l.id = x.id)) END FROM calls c LEFT JOIN (SELECT id, lead_score(current_model(), l) AS s FROM leads l) x ON c.lead = x.id');
SELECT lead_score(current_model(), x) IS NOT NULL AS row_of_nulls_has_a_score
FROM (SELECT NULL::text AS city, NULL::int AS calls, NULL::numeric AS amount) x;
SELECT lead_score(current_model(), NULL::leads) IS NULL AS null_row_has_none;
SELECT rewritten('SELECT s.s FROM leads l, LATERAL lead_score(current_model(), l) s(s)');
SELECT * FROM same('SELECT s.s, lead_score(current_model(), (SELECT l)) FROM leads l, LATERAL lead_score(current_model(), l) s(s)');
SELECT * FROM same('SELECT s.s, lead_score(current_model(), (SELECT l)) FROM calls c LEFT JOIN leads l ON c.lead = l.id LEFT JOIN LATERAL lead_score(current_model(), l) s(s) ON true');
-- to hash an EXISTS the planner simplifies its WHERE with the outer query's
-- join tree, where relation 2 is another
ANALYZE leads, calls;
CREATE FUNCTION plan_has(query text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; found boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    found := found OR strpos(line, what) > 0;
  END LOOP;
  RETURN found;
END $$;
CREATE VIEW trap AS
SELECT EXISTS (SELECT 1 FROM calls o LEFT JOIN leads x ON x.id = -o.lead
               WHERE o.lead = c.lead AND lead_score(current_model(), x) IS NULL) AS null_found
FROM calls c JOIN leads l ON l.id = c.lead;
SELECT pg_get_viewdef('trap') AS trap \gset
SELECT plan_has(rtrim(:'trap', ';'), 'hashed SubPlan') AS hashed, rewritten(rtrim(:'trap', ';'));
CREATE TABLE trapped AS :trap
SELECT null_found, count(*) FROM trapped GROUP BY 1;

-- grouping: by the row, and by sets that make it NULL
SELECT * FROM same('SELECT lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM leads l GROUP BY l');
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l GROUP BY ROLLUP (l)');
SELECT count(*), count(s) FROM (SELECT lead_score(current_model(), l) FROM leads l GROUP BY ROLLUP (l)) q(s);

-- partitions and children whose columns stand elsewhere
CREATE TABLE part (id int, city text, calls int, amount numeric) PARTITION BY RANGE (id);
CREATE TABLE part_1 (amount numeric, waste int, calls int, id int, city text);
ALTER TABLE part_1 DROP COLUMN waste;
ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES FROM (0) TO (200);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (200) TO (1000);
INSERT INTO part SELECT id, city, calls, amount FROM leads;
SELECT rewritten('SELECT lead_score(current_model(), p) FROM part p');
SELECT * FROM same('SELECT lead_score(current_model(), p), lead_score(current_model(), (SELECT l FROM leads l WHERE l.id = p.id)) FROM part p');
SELECT * FROM same('SELECT lead_score(current_model(), p), lead_score(current_model(), (SELECT p)) FROM part_1 p');
CREATE TABLE child (extra text) INHERITS (leads);
ALTER TABLE child DROP COLUMN extra;
INSERT INTO child SELECT id + 1000, city, calls, amount, stage, won FROM leads WHERE id < 50;
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l');
SELECT rewritten('SELECT lead_score(current_model(), c::leads) FROM child c');
SELECT * FROM same('SELECT lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM leads l');
SELECT * FROM same('SELECT lead_score(current_model(), c::leads), lead_score(current_model(), (SELECT c)) FROM child c');
SELECT * FROM same('SELECT lead_score(current_model(), x), lead_score(current_model(), (SELECT x)) FROM (SELECT city, calls, amount FROM leads UNION ALL SELECT city, calls, amount FROM part) x');
DROP TABLE child;

-- changes below a prepared plan
SET plan_cache_mode = force_generic_plan;
PREPARE one AS SELECT round(lead_score(current_model(), l)::numeric, 6) = round(lead_score(current_model(), (SELECT l))::numeric, 6) FROM leads l WHERE id = 3;
PREPARE given(bytea) AS SELECT lead_score($1, l) = lead_score($1, (SELECT l)) FROM leads l WHERE id = 3;
EXECUTE one;
EXECUTE given(current_model());
SELECT rewritten('EXECUTE given(current_model())');
DROP VIEW v, barrier, trap;
ALTER TABLE leads DROP COLUMN stage;
EXECUTE one;
EXECUTE given(current_model());
ALTER TABLE leads ADD COLUMN stage text DEFAULT 's1';
EXECUTE one;
EXECUTE given(current_model());
BEGIN;
ALTER TABLE leads DROP COLUMN calls;
EXECUTE one;
ROLLBACK;
BEGIN;
ALTER TABLE leads ALTER COLUMN calls TYPE text;
EXECUTE one;
ROLLBACK;
EXECUTE one;
RESET plan_cache_mode;

-- PL/pgSQL: a record variable, and a query in a function
DO $$
DECLARE r leads; x record; m bytea := rw.current_model();
BEGIN
  FOR r IN SELECT * FROM rw.leads LOOP
    ASSERT lead_score(m, r) = (SELECT lead_score(m, l) FROM rw.leads l WHERE l.id = r.id);
  END LOOP;
  FOR x IN SELECT city, calls, amount, lead_score(m, l) AS s FROM rw.leads l LOOP
    ASSERT lead_score(m, x) = x.s;
  END LOOP;
END $$;

-- writing: old rows, new rows, rows that were never stored
CREATE TABLE w (LIKE leads INCLUDING ALL, note text);
CREATE FUNCTION on_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.stage := lead_score(rw.current_model(), NEW);
  RETURN NEW;
END $$;
INSERT INTO w SELECT *, NULL FROM leads WHERE id <= 40
RETURNING lead_score(current_model(), w) = lead_score(current_model(), (SELECT w)) \g /dev/null
WITH u AS (UPDATE w SET calls = calls + 1 WHERE id <= 40
           RETURNING lead_score(current_model(), w) a, lead_score(current_model(), (SELECT w)) b)
SELECT count(*), bool_and(a = b) FROM u;
WITH d AS (DELETE FROM w WHERE id > 30
           RETURNING lead_score(current_model(), w) a, lead_score(current_model(), (SELECT w)) b)
SELECT count(*), bool_and(a = b) FROM d;
UPDATE w SET calls = 0, stage = NULL;
WITH i AS (INSERT INTO w SELECT * FROM leads WHERE id <= 40
           ON CONFLICT (id) DO UPDATE SET calls = 6, note = lead_score(current_model(), excluded),
             stage = lead_score(current_model(), w)
           RETURNING id, note, stage, lead_score(current_model(), w) a, lead_score(current_model(), (SELECT w)) b)
SELECT count(*), bool_and(a = b) AS returned,
       bool_and(i.note::float8 = lead_score(current_model(), l)) AS excluded,
       bool_and(i.stage::float8 = lead_score(current_model(), w)) AS stored
FROM i JOIN leads l USING (id) JOIN w USING (id);
SELECT rewritten('UPDATE w SET calls = 1 RETURNING lead_score(current_model(), w)');
SELECT rewritten('UPDATE w SET amount = lead_score(current_model(), w)');
SELECT rewritten('DELETE FROM w WHERE lead_score(current_model(), w) < 0.1');
SELECT rewritten('INSERT INTO w (id) VALUES (999) RETURNING lead_score(current_model(), w)');
CREATE TRIGGER t BEFORE UPDATE ON w FOR EACH ROW EXECUTE FUNCTION on_write();
UPDATE w SET id = id;
SELECT count(*), bool_and(lead_score(current_model(), w) = stage::float8) FROM w;
DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 150000 THEN
    ASSERT NOT rw.rewritten('MERGE INTO rw.w USING rw.leads l ON w.id = l.id
      WHEN MATCHED THEN UPDATE SET amount = lead_score(rw.current_model(), w)');
  END IF;
END $$;

-- a recursive query
WITH RECURSIVE r AS (
  SELECT 1 AS n, lead_score(current_model(), l) AS a, lead_score(current_model(), (SELECT l)) AS b FROM leads l WHERE id = 1
  UNION ALL
  SELECT n + 1, lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM r JOIN leads l ON l.id = n + 1 WHERE n < 50)
SELECT count(*), bool_and(a = b) FROM r;

-- an index on the call as written is still found, through the row
CREATE TABLE ix AS SELECT * FROM leads;
CREATE INDEX ix_score ON ix (lead_score(current_model(), ix));
ANALYZE ix;
SET enable_seqscan = off;
SELECT plan_has('SELECT id FROM ix ORDER BY lead_score(current_model(), ix) LIMIT 3', 'ix_score');
SELECT plan_has('SELECT id FROM calls c JOIN ix x ON lead_score(current_model(), x) = c.lead', 'ix_score');
SELECT rewritten('SELECT lead_log_odds(current_model(), ix) FROM ix') AS other_call;
SELECT rewritten('SELECT lead_score((SELECT model FROM models), ix) FROM ix') AS other_model;
DROP INDEX ix_score;
CREATE INDEX ix_hot ON ix (id) WHERE lead_score(current_model(), ix) > 0.5;
SELECT plan_has('SELECT id FROM ix WHERE lead_score(current_model(), ix) > 0.5', 'ix_hot');
DROP INDEX ix_hot;
SELECT rewritten('SELECT id FROM ix WHERE lead_score(current_model(), ix) > 0.5');
RESET enable_seqscan;

-- CHECK, and columns that are generated
CREATE TABLE checked (id int, city text, calls int, amount numeric,
  score float8 GENERATED ALWAYS AS (lead_score_values(current_model(), '["city", "calls", "amount"]', city, calls, amount)) STORED,
  CHECK (lead_score(current_model(), checked) > 0));
INSERT INTO checked SELECT id, city, calls, amount FROM leads;
SELECT * FROM same('SELECT score, lead_score(current_model(), c) FROM checked c');

-- at most 98 columns; of a constant model, at most 98 that it needs
SELECT format('CREATE TABLE wide_%s (city text, calls int, amount numeric, %s)', n,
              (SELECT string_agg('c' || i || ' int', ', ') FROM generate_series(4, n) i))
FROM unnest(ARRAY[98, 99]) n \gexec
SELECT n, rewritten(format('SELECT lead_score(model, w) FROM models, wide_%s w', n)),
       rewritten(format('SELECT lead_score(current_model(), w) FROM wide_%s w', n)) AS constant
FROM unnest(ARRAY[98, 99]) n;
INSERT INTO wide_98 SELECT city, calls, amount FROM leads;
INSERT INTO wide_99 SELECT city, calls, amount FROM leads;
SELECT * FROM same('SELECT lead_score(model, w), lead_score(model, (SELECT w)) FROM models, wide_98 w');
SELECT * FROM same('SELECT lead_score(model, w), lead_score(model, (SELECT w)) FROM models, wide_99 w');

-- errors are those of the call as written
SELECT lead_score(current_model(), c) FROM calls c;
SELECT lead_score(model, c) FROM calls c, models;
SELECT lead_score(current_model(), ROW('Paris', 1, 2.0));
SELECT lead_score('\xdeadbeef'::bytea, l) FROM leads l;
SELECT rewritten('SELECT lead_score(''\xdeadbeef''::bytea, l) FROM leads l');
SELECT lead_score(current_model(), x) FROM (SELECT *, 'Oslo' AS city FROM leads) x;
SELECT lead_score(NULL::bytea, l) FROM leads l LIMIT 1;
SELECT lead_score((SELECT NULL::bytea), l) FROM leads l LIMIT 1;

-- privileges: of columns, rows, and both functions
CREATE ROLE regress_leadscore;
GRANT USAGE ON SCHEMA rw TO regress_leadscore;
GRANT SELECT ON leads, models TO regress_leadscore;
ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON leads USING (id < 10);
SET ROLE regress_leadscore;
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l');
SELECT * FROM same('SELECT lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM leads l');
PREPARE mine AS SELECT lead_score(current_model(), l) IS NOT NULL FROM leads l WHERE id = 3;
SET plan_cache_mode = force_generic_plan;
EXECUTE mine;
RESET ROLE;
DROP POLICY few ON leads;
ALTER TABLE leads DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON leads FROM regress_leadscore;
GRANT SELECT (city, calls, amount) ON leads TO regress_leadscore;
SET ROLE regress_leadscore;
SELECT count(lead_score(current_model(), x)) FROM (SELECT city, calls, amount FROM leads) x;
SELECT lead_score(current_model(), l) FROM leads l;
RESET ROLE;
GRANT SELECT ON leads TO regress_leadscore;
REVOKE EXECUTE ON FUNCTION lead_score_values(bytea, jsonb, "any") FROM PUBLIC;
SET ROLE regress_leadscore;
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l');
SELECT count(lead_score(current_model(), l)) FROM leads l;
EXECUTE mine;
RESET ROLE;
GRANT EXECUTE ON FUNCTION lead_score_values(bytea, jsonb, "any") TO PUBLIC;
REVOKE EXECUTE ON FUNCTION lead_score(bytea, record) FROM PUBLIC;
SET ROLE regress_leadscore;
SELECT count(lead_score(current_model(), l)) FROM leads l;
EXECUTE mine;
RESET ROLE;
RESET plan_cache_mode;
GRANT EXECUTE ON FUNCTION lead_score(bytea, record) TO PUBLIC;

-- a namesake that comes first in search_path
CREATE SCHEMA evil;
CREATE FUNCTION evil.lead_score_values(bytea, jsonb, VARIADIC "any") RETURNS float8
LANGUAGE c IMMUTABLE PARALLEL SAFE AS '$libdir/leadscore', 'lead_log_odds_values';
SET search_path = evil, rw, public;
SELECT * FROM same('SELECT public.lead_score(current_model(), l), lead_score(current_model(), (SELECT l)) FROM leads l');
SELECT rewritten('SELECT lead_score(current_model(), l) FROM leads l');
SET search_path = '';
SELECT rw.rewritten('SELECT public.lead_score(rw.current_model(), l) FROM rw.leads l');
SET search_path = rw, public;

DROP OWNED BY regress_leadscore;
DROP ROLE regress_leadscore;
DROP SCHEMA evil CASCADE;

-- the extension in another schema, and a name that needs quotes
SELECT current_database() AS home \gset
CREATE DATABASE leadscore_elsewhere;
\c leadscore_elsewhere
SET client_min_messages = warning;
CREATE SCHEMA "Scoring room";
CREATE EXTENSION leadscore SCHEMA "Scoring room";
CREATE TABLE leads AS
SELECT i % 5 AS "Calls ""made""", i % 3 = 0 AS won, 'c' || i % 4 AS city FROM generate_series(1, 200) i;
CREATE TABLE m AS SELECT "Scoring room".lead_train(won, l, '{"lambda": 1}') AS model FROM leads l;
DO $$
DECLARE line text; found boolean := false;
BEGIN
  FOR line IN EXPLAIN (VERBOSE, COSTS OFF)
    SELECT "Scoring room".lead_score(model, l) FROM leads l, m
  LOOP
    found := found OR strpos(line, '"Scoring room".lead_score_values(') > 0;
  END LOOP;
  ASSERT found;
END $$;
SELECT count(*), bool_and("Scoring room".lead_score(model, l) = "Scoring room".lead_score(model, (SELECT l))) FROM leads l, m;
\c :home
SET client_min_messages = warning;
DROP DATABASE leadscore_elsewhere;
DROP SCHEMA rw CASCADE;
