-- Scored views: what they show, where grades are cut, who may read them.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(65);

CREATE SCHEMA scored;
SET search_path = scored, public;
CREATE TABLE leads AS
SELECT i AS id, timestamptz '2025-01-01Z' + i * interval '1 hour' AS created,
	('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city,
	i * 31 % 11 AS clicks,
	CASE WHEN i % 13 > 0 THEN (i * 17 % 101) / 4.0 END AS visits,
	i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 AS won
FROM generate_series(1, 4000) AS i;
ALTER TABLE leads ADD PRIMARY KEY (id);
ANALYZE leads;
SELECT is(live, true, 'a model is live')
FROM lead_train_model('sales', 'leads', 'won', key => 'id', time_column => 'created', exclude => '{created}');

----------------------------------------------------------------------------
-- What a view shows
----------------------------------------------------------------------------

SELECT is(lead_create_scored_view('sales', 'leads', 'by_table'), 'scored.by_table', 'a view of a table');
SELECT is(array_agg(attname::text || ' ' || format_type(atttypid, atttypmod) ORDER BY attnum),
	'{id integer,created timestamp with time zone,city text,clicks integer,visits numeric,won boolean,score double precision,score_100 integer,grade text,model_version integer,reasons text}'::text[],
	'its columns: the source''s, then ours')
FROM pg_attribute WHERE attrelid = 'by_table'::regclass AND attnum > 0;
SELECT set_eq('SELECT * FROM by_table',
	$$SELECT l.*, lead_score(m, l), round(100 * lead_score(m, l))::int, CASE WHEN lead_score(m, l) >= c[3] THEN 'A' WHEN lead_score(m, l) >= c[2] THEN 'B'
			WHEN lead_score(m, l) >= c[1] THEN 'C' ELSE 'D' END, 1, lead_reasons(m, l, 3)
	  FROM leads l, (SELECT lead_model('sales') AS m, lead_grade_cuts('sales') AS c) k$$,
	'its rows: what the functions say');
SELECT is(lead_create_scored_view('sales'), 'scored.sales_scored', 'the default: what it was trained on, the model''s name');
SELECT set_eq('SELECT * FROM sales_scored', 'SELECT * FROM by_table', 'and the same rows');
SELECT is(lead_create_scored_view('sales@1', 'SELECT id, city, clicks, visits FROM leads WHERE id <= 100', 'by_query', reasons => 0),
	'scored.by_query', 'a view of a query, by a version, without reasons');
SELECT set_eq('SELECT id, city, clicks, visits, score, score_100, grade, model_version FROM by_query',
	'SELECT id, city, clicks, visits, score, score_100, grade, model_version FROM by_table WHERE id <= 100', 'the same scores');
SELECT hasnt_column('scored', 'by_query', 'reasons', 'no reasons asked for, no column');
CREATE VIEW source_view AS SELECT city, visits, id AS s, clicks, id AS leadscore_score FROM leads;
SELECT lives_ok($$SELECT lead_create_scored_view('sales', 'source_view', 'by_view')$$, 'a view of a view, columns in another order, with odd names');
SELECT is((SELECT array_agg(score ORDER BY s) FROM by_view), (SELECT array_agg(score ORDER BY id) FROM by_table), 'columns are found by name');
CREATE FUNCTION pg_temp.hint_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; hint text;
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' ', state, SQLERRM, hint);
END $$;
SELECT is(pg_temp.hint_of($$SELECT lead_create_scored_view('sales', 'leads', 'by_table')$$),
	'42P07 relation scored.by_table already exists To replace a view: replace => true. To keep it, name another: view => ''…''.', 'a view that is there is kept, and the hint says how not to');
SELECT is(lead_create_scored_view('sales', 'leads', 'by_table', reasons => 1, replace => true), 'scored.by_table', 'a view is replaced when asked');
SELECT is((SELECT reasons FROM by_table WHERE id = 1), (SELECT lead_reasons('sales', l, 1) FROM leads l WHERE id = 1), 'and is another one now');

-- A reader of a row or two does not score the table.
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	whole text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		whole := whole || line || E'\n';
	END LOOP;
	RETURN whole;
END;
$$;
SELECT matches(pg_temp.plan_of('SELECT * FROM by_table WHERE id = 7'), 'Index Cond: \(.*id = 7\)', 'a key is looked up in the index');
SELECT matches(pg_temp.plan_of('SELECT score FROM by_table'), 'lead_score_values\(', 'a row is handed over column by column');
SELECT doesnt_match(pg_temp.plan_of('SELECT id, city FROM by_table'), 'lead_\w+\(', 'what nobody reads is not computed');
SELECT unalike(pg_temp.plan_of('SELECT id, grade FROM by_table'), '%lead_reasons%', 'reasons are only for those who read them');

----------------------------------------------------------------------------
-- Grades
----------------------------------------------------------------------------

-- The latest 20 %, 800 rows, were held out.
CREATE VIEW held_out AS SELECT score, grade FROM sales_scored WHERE created > (SELECT created FROM leads WHERE id = 3200);
SELECT is(count(*), 800::bigint, 'rows held out') FROM held_out;
SELECT is(rows, 800::bigint, 'as many as the distribution is of') FROM leadscore.score_quantiles WHERE name = 'sales';
SELECT set_eq($$SELECT i, quantiles[i + 1] FROM leadscore.score_quantiles, generate_series(0, 1000) i WHERE name = 'sales'$$,
	$$SELECT i, percentile_cont(i / 1000.0::float8) WITHIN GROUP (ORDER BY score) FROM held_out, generate_series(0, 1000) i GROUP BY i$$,
	'the distribution is that of their scores');
SELECT is(lead_grade_cuts('sales'), percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY score), 'quarters, unless asked otherwise')
FROM held_out;
-- between two that are kept a line is drawn twice, so the last digit is open
SELECT ok(cuts[1] = '-infinity' AND cuts[3] = max(score) AND
	abs(cuts[2] - percentile_cont(0.3335) WITHIN GROUP (ORDER BY score)) < 1e-12, 'other quantiles, between those kept too')
FROM held_out, lead_grade_cuts('sales', '{"quantiles": [0, 0.3335, 1]}') AS cuts GROUP BY cuts;
SELECT is(lead_grade_cuts('sales', '{"cuts": [0.2, 0.4, 0.6]}'), '{0.2,0.4,0.6}', 'fixed cuts');
SELECT is(lead_grade_cuts('sales', '{"capacity": 40, "per_day": 400}'), percentile_cont('{0.7,0.8,0.9}'::float8[]) WITHIN GROUP (ORDER BY score),
	'40 of 400: the best tenth is A, the next ones B and C') FROM held_out;
SELECT is(lead_grade_cuts('sales', '{"capacity": 400, "per_day": 1000}'), ARRAY['-infinity', (percentile_cont('{0.2,0.6}'::float8[]) WITHIN GROUP (ORDER BY score))[1],
	(percentile_cont('{0.2,0.6}'::float8[]) WITHIN GROUP (ORDER BY score))[2]], 'a capacity for more than there is') FROM held_out;
-- 24 leads a day
SELECT lead_create_scored_view('sales', 'leads', 'by_capacity', grades => '{"capacity": 6}');
SELECT set_eq('SELECT id, grade FROM by_capacity', $$SELECT id, lead_grade(score, lead_grade_cuts('sales', '{"quantiles": [0.25, 0.5, 0.75]}')) FROM by_table$$,
	'6 calls a day of 24 new leads: a quarter is A');
SELECT is(lead_grade(s, '{0.2,0.4,0.6}'), g, 'grade of ' || coalesce(s::text, 'NULL'))
FROM (VALUES (0::float8, 'D'), (0.2, 'C'), (0.4, 'B'), (0.6, 'A'), (NULL, NULL)) AS v(s, g);
SELECT throws_ok(format('SELECT lead_create_scored_view(%L, NULL, %L, %L)', 'sales', 'x', g), '22023', e, 'grades: ' || g)
FROM (VALUES ('[]', 'grades must be a JSON object'), ('{"deciles": 1}', 'grades must name one way, not "deciles"'),
	('{"cuts": [0.5, 0.4, 0.6]}', '"cuts" of grades must ascend within 0 and 1'),
	('{"quantiles": [0.5, "a", 0.6]}', '"quantiles" of grades must be an array of three numbers: where grade D ends, where C, where B'),
	('{"capacity": -1}', '"capacity" and "per_day" of grades must be positive numbers')) AS v(g, e);

----------------------------------------------------------------------------
-- Who may read
----------------------------------------------------------------------------

-- On 14 there is no security invoker: there the source is read as the view's owner.
SELECT current_setting('server_version_num')::int >= 150000 AS invoker \gset
SELECT is((SELECT coalesce('security_invoker=true' = ANY (reloptions), false) FROM pg_class WHERE oid = 'by_table'::regclass), :'invoker',
	'security invoker, where there is such a thing');
SELECT ok(obj_description('by_table'::regclass) LIKE '%model sales%', 'the view says what it is');
CREATE ROLE seller;
GRANT USAGE ON SCHEMA scored TO seller;
GRANT SELECT ON by_table TO seller;
CREATE FUNCTION pg_temp.as_seller(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SET LOCAL ROLE seller;
	EXECUTE query INTO result;
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RESET ROLE;
	RETURN SQLERRM;
END;
$$;
SELECT matches(pg_temp.as_seller('SELECT count(score) FROM by_table'), '^permission denied for', 'a view alone gives no right');
GRANT SELECT ON leads TO seller;
SELECT matches(pg_temp.as_seller('SELECT count(score) FROM by_table'), '^permission denied for', 'nor with the leads, without the registry');
SELECT lead_grant('seller', 'reader');
SELECT is(pg_temp.as_seller('SELECT concat(count(score), count(grade), count(reasons), max(model_version)) FROM by_table'), '4000400040001',
	'a reader who may read the leads may read the scores');
REVOKE SELECT ON leads FROM seller;
SELECT is(pg_temp.as_seller('SELECT count(score) FROM by_table'),
	CASE WHEN :'invoker' THEN 'permission denied for table leads' ELSE '4000' END, 'one who may not read the leads may not read the scores');
GRANT SELECT ON leads TO seller;
ALTER TABLE leads ENABLE ROW LEVEL SECURITY;
CREATE POLICY theirs ON leads TO seller USING (city = 'Pune');
SELECT is(pg_temp.as_seller('SELECT string_agg(DISTINCT city, '','') FROM by_table WHERE score > 0'),
	CASE WHEN :'invoker' THEN 'Pune' ELSE 'Chennai,Delhi,Mumbai,Pune' END, 'row security is the reader''s');
ALTER TABLE leads DISABLE ROW LEVEL SECURITY;

-- Never stale.
SELECT live FROM lead_train_model('sales', 'leads', 'NOT won', key => 'id', time_column => 'created', exclude => '{created}') \gset
SELECT lead_promote('sales', 2);
SELECT is((SELECT string_agg(DISTINCT model_version::text, ',') FROM by_table), '2', 'another version is live: the view scores with it');
SELECT is((SELECT array_agg(grade ORDER BY id) FROM by_table),
	(SELECT array_agg(lead_grade(lead_score('sales@2', l), lead_grade_cuts('sales@2')) ORDER BY id) FROM leads l), 'and grades by its own held-out scores');
SELECT is((SELECT string_agg(DISTINCT model_version::text, ',') FROM by_query), '1', 'a view by a version stays with it');
SELECT lead_promote('sales', 1);

----------------------------------------------------------------------------
-- What cannot be
----------------------------------------------------------------------------

SELECT throws_ok($$SELECT lead_create_scored_view('nobody', 'leads', 'x')$$, '42704', NULL, 'an unknown model');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'nothing', 'x')$$, '42P01', NULL, 'an unknown source');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'SELECT *, 1 AS grade FROM leads', 'x')$$, '42701',
	'the source has a column that the view adds: column "grade" specified more than once', 'a column that is ours');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'SELECT id, clicks FROM leads', 'x')$$, '42703',
	'column "city" of model "sales" does not exist in the source', 'a query without a column of the model');
CREATE TABLE narrow AS SELECT city, clicks FROM leads;
SELECT throws_ok($$SELECT lead_create_scored_view('sales@1', 'narrow', 'x')$$, '42703',
	'column "visits" of model "sales@1" does not exist in the source', 'a table without one');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'leads', 'by_table')$$, '42P07', NULL, 'a view that is there');
CREATE TABLE growing AS TABLE leads;
SELECT lead_create_scored_view('sales', 'growing', 'of_growing');
ALTER TABLE growing ADD note text;
SELECT throws_matching($$SELECT lead_create_scored_view('sales', 'growing', 'of_growing', replace => true)$$,
	'^view scored.of_growing cannot be replaced, its columns would change: cannot change name of view column "score" to "note"',
	'a view is not replaced by one with other columns');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'leads', 'of_growing', reasons => 0, replace => true)$$, '42P16', NULL, 'nor by one with fewer');
SELECT lives_ok($$DROP VIEW of_growing; SELECT lead_create_scored_view('sales', 'growing', 'of_growing', replace => true)$$, 'but dropped, it is made anew');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'leads', 'x', reasons => -1)$$, '22023', NULL, 'a number of reasons');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'leads', 'x; DROP TABLE leads')$$, '22023', NULL, 'a view''s name is a name');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'leads; DROP TABLE leads', 'x')$$, NULL, NULL, 'a source is a source');
SELECT throws_ok($$SELECT lead_create_scored_view('sales', 'SELECT 1; DROP TABLE leads', 'x')$$, NULL, NULL, 'a query is one query');
SELECT is(lead_create_scored_view('sales', 'leads', 'scored."it''s ""odd""; --"'), 'scored."it''s ""odd""; --"', 'a name of any kind');
SELECT lead_train_model('it''s %I $1 "odd"; --', 'leads', 'won', key => 'id', exclude => '{created}');
SELECT is(lead_create_scored_view('it''s %I $1 "odd"; --'), 'scored."it''s %I $1 ""odd""; --_scored"', 'a model with a name of any kind');
SELECT is((SELECT count(grade) FROM "it's %I $1 ""odd""; --_scored"), 4000::bigint, 'and its scores');
SELECT lead_train_model('blind', 'leads', 'won', key => 'id', exclude => '{created}', holdout => '{"by": "none"}');
SELECT throws_ok($$SELECT lead_create_scored_view('blind', 'leads', 'x')$$, '55000', 'version 1 of model "blind" has no held-out rows to grade by',
	'quantiles of nothing');
SELECT lives_ok($$SELECT lead_create_scored_view('blind', 'leads', 'blind', grades => '{"cuts": [0.1, 0.2, 0.3]}')$$, 'but fixed cuts');
SELECT * FROM finish();
ROLLBACK;
