-- What a training keeps in memory is bounded by leadscore.work_mem; whatever the
-- bound, the order of rows and the number of workers, the bytes are the same.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(27);

-- many different rows: levels, codes of one and two bytes, numbers with NULLs, and
-- texts that overflow only late, after rows have gone to files
CREATE TABLE many AS
SELECT i, 'c' || i * 7919 % 1000 AS level, (i * 31 % 50021)::int AS code, (i * 17 % 13)::int AS small,
	CASE WHEN i % 10 > 0 THEN (i * 7919 % 1000003) / 7.0::float8 END AS amount,
	'mail' || CASE WHEN i < 60000 THEN i % 30000 ELSE i END AS mail,
	(i * 7919 % 1009)::int < 300 + 30 * (i * 17 % 13)::int AS y
FROM generate_series(1, 160000::bigint) i;
ANALYZE many;

-- a query's answer under a limit, with workers or without
CREATE FUNCTION under(memory text, workers int, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('leadscore.work_mem', memory, true);
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
	PERFORM set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true),
		set_config('min_parallel_table_scan_size', '0', true);
	EXECUTE query INTO answer;
	RETURN answer;
END $$;

CREATE TEMP TABLE known AS
SELECT under('1GB', 0, 'SELECT md5(lead_frame(y, m)::text) FROM many m') AS frame,
	under('1GB', 0, 'SELECT md5(lead_train(y, m, ''{"exclude": ["i"]}'')) FROM many m') AS model;
SELECT matches(treatment, 'too many|left out', 'a column that overflows late is left out')
FROM lead_describe((SELECT lead_frame(y, m) FROM many m)) WHERE "column" = 'mail';

SELECT is(under(memory, workers, query), frame, format('the same frame: %s, %s workers, %s', memory, workers, what))
FROM known, (VALUES
	('1MB', 0, 'as stored', 'SELECT md5(lead_frame(y, m)::text) FROM many m'),
	('2MB', 0, 'as stored', 'SELECT md5(lead_frame(y, m)::text) FROM many m'),
	('64MB', 2, 'as stored', 'SELECT md5(lead_frame(y, m)::text) FROM many m'),
	('1MB', 2, 'as stored', 'SELECT md5(lead_frame(y, m)::text) FROM many m'),
	('1GB', 0, 'shuffled', 'SELECT md5(lead_frame(y, m)::text) FROM (SELECT * FROM many ORDER BY md5(i::text)) m'),
	('1MB', 0, 'shuffled', 'SELECT md5(lead_frame(y, m)::text) FROM (SELECT * FROM many ORDER BY md5(i::text)) m'),
	('1MB', 0, 'united from 30 frames', 'SELECT md5(lead_frame(f)::text) FROM (SELECT lead_frame(y, m) AS f FROM many m GROUP BY i % 30) s'),
	('1GB', 0, 'united from 2 frames', 'SELECT md5(lead_frame(f)::text) FROM (SELECT lead_frame(y, m) AS f FROM many m GROUP BY i / 80000) s'),
	('1MB', 0, 'united from 2 frames', 'SELECT md5(lead_frame(f)::text) FROM (SELECT lead_frame(y, m) AS f FROM many m GROUP BY i / 80000) s'),
	('1MB', 0, 'united by ||', 'SELECT md5((lead_frame(y, m) FILTER (WHERE i % 2 = 0) || lead_frame(y, m) FILTER (WHERE i % 2 = 1))::text) FROM many m')
) v(memory, workers, what, query);

SELECT is(under(memory, workers, query), model, format('the same model: %s, %s workers', memory, workers))
FROM known, (VALUES
	('1MB', 0, 'SELECT md5(lead_train(y, m, ''{"exclude": ["i"]}'')) FROM many m'),
	('1MB', 2, 'SELECT md5(lead_train(y, m, ''{"exclude": ["i"]}'')) FROM many m'),
	('3MB', 0, 'SELECT md5(lead_train(y, m, ''{"exclude": ["i"]}'')) FROM many m'),
	('1GB', 2, 'SELECT md5(lead_train(y, m, ''{"exclude": ["i"]}'')) FROM many m')
) v(memory, workers, query);

SELECT is(under('1MB', 0, fingerprint), under('1GB', 0, fingerprint), 'the same fingerprint of the rows in a file')
FROM (VALUES ('SELECT (lead_training(y, m, ''{"exclude": ["i"]}'')).fingerprint FROM many m')) v(fingerprint);

-- in a window nothing is written to files, as nobody could close them
SELECT is(under('1MB', 0, 'SELECT md5(model) FROM (SELECT lead_train(y, m, ''{"exclude": ["i"]}'') OVER () AS model FROM many m LIMIT 1) s'), model,
	'the same model as a window function') FROM known;
SELECT is(under('1MB', 0, 'SELECT string_agg(md5(f::text), '' '' ORDER BY k) FROM (SELECT i % 2 AS k, lead_frame(y, m) AS f FROM many m GROUP BY 1) s'),
	under('1GB', 0, 'SELECT string_agg(md5(f::text), '' '' ORDER BY k) FROM (SELECT i % 2 AS k, lead_frame(y, m) AS f FROM many m GROUP BY 1) s'),
	'each group has its own bound');

-- they are PostgreSQL's temporary files: its limit holds, and none is left
SET LOCAL temp_file_limit = '1MB';
SELECT throws_ok($$ SELECT under('1MB', 0, 'SELECT lead_train(y, m, ''{"exclude": ["i"]}'') FROM many m') $$, '53400', NULL,
	'temp_file_limit holds');
RESET temp_file_limit;
SELECT is((SELECT count(*) FROM pg_ls_tmpdir() WHERE name LIKE 'pgsql_tmp' || pg_backend_pid() || '.%'), 0::bigint, 'no temporary file is left');
SELECT throws_ok($$ SET leadscore.work_mem = '512kB' $$, '22023', NULL, 'a limit has a lower limit');

-- numbers that look endless at first, and are few in the end: a dictionary all the same
CREATE TABLE numbers AS
SELECT i, (i * 7919 % 3001) / 7.0::float8 AS few, i % 3 = 0 AS y FROM generate_series(1, 40000) i;
SELECT is(under('1GB', 0, 'SELECT md5(lead_frame(y, n)::text) FROM (SELECT few, y FROM numbers ORDER BY i) n'),
	under('1GB', 0, 'SELECT md5(lead_frame(y, n)::text) FROM (SELECT few, y FROM numbers ORDER BY few) n'),
	'whether numbers have a dictionary does not depend on their order');
SELECT is((SELECT "distinct" FROM lead_describe((SELECT lead_frame(y, n) FROM (SELECT few, y FROM numbers ORDER BY i) n)) WHERE "column" = 'few'),
	3001::bigint, 'and it has all of them');
SELECT is(under('1MB', 0, 'SELECT md5(lead_frame(f)::text) FROM (SELECT lead_frame(y, n) AS f FROM (SELECT i, few, y FROM numbers ORDER BY i) n GROUP BY i / 2000) s'),
	under('1GB', 2, 'SELECT md5(lead_frame(y, n)::text) FROM numbers n'), 'after uniting as well');

-- large frames of which neither has the columns of the other, against small ones
CREATE TABLE one AS SELECT i % 9 AS g, i AS a, i * 3 AS b, i % 5 = 0 AS y FROM generate_series(1, 70000) i;
CREATE TABLE other AS SELECT i % 9 AS g, i / 7.0::float8 AS c, i / 3.0::float8 AS d, i % 5 = 0 AS y FROM generate_series(1, 70000) i;
SELECT is(under(memory, 0, 'SELECT md5(lead_frame(f)::text) FROM (SELECT lead_frame(y, o) AS f FROM one o UNION ALL SELECT lead_frame(y, o) FROM other o) s'),
	under('1GB', 0, 'SELECT md5(lead_frame(f)::text) FROM (SELECT lead_frame(y, o) AS f FROM other o GROUP BY g UNION ALL SELECT lead_frame(y, o) FROM one o GROUP BY g) s'),
	format('large frames of different columns, %s', memory))
FROM (VALUES ('1GB'), ('1MB')) v(memory);

-- twenty columns that look endless at first are told apart in two readings of the files,
-- not two each
DO $$ BEGIN EXECUTE (SELECT 'CREATE TABLE prices AS SELECT i % 3 = 0 AS y, ' ||
	string_agg(format('(i * 7919 %% %s) / 7.0::float8 AS p%s', 3001 + 2 * k, k), ', ') FROM generate_series(1, 20) k) ||
	' FROM generate_series(1, 30000) i'; END $$;
CREATE FUNCTION readings(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	PERFORM set_config('leadscore.work_mem', '1MB', true), set_config('max_parallel_workers_per_gather', '0', true);
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
	RETURN (plan->0->'Plan'->>'Temp Read Blocks')::float8 / (plan->0->'Plan'->>'Temp Written Blocks')::float8;
END $$;
SELECT cmp_ok(readings('SELECT lead_frame(y, p) FROM prices p'), '<', 6::float8, 'how often a file is read');
SELECT * FROM finish();
ROLLBACK;
