-- Drift: profiles that hardly compare, and options that are wrong.
CREATE SCHEMA drift_test;
SET search_path = drift_test, public;
\i test/lib/error_of.psql
\pset null -

CREATE FUNCTION profile_of(query text) RETURNS leadprofile LANGUAGE plpgsql AS $$
DECLARE p leadprofile;
BEGIN
	EXECUTE 'SELECT lead_profile(r) FROM (' || query || ') r' INTO p;
	RETURN p;
END $$;
CREATE FUNCTION said(reference text, current text, options jsonb DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT method text, OUT statistic numeric, OUT p numeric, OUT drifted boolean, OUT beyond_chance boolean,
	OUT missing_before float8, OUT missing_now float8, OUT new bigint, OUT gone bigint, OUT out_of_range float8, OUT note text)
RETURNS SETOF record LANGUAGE sql AS $$
	SELECT d."column", d.kind, d.method, round(d.statistic::numeric, 4), round(d.p_value::numeric, 4), d.drifted, d.beyond_chance,
		   missing_before, missing_now, new_levels, vanished_levels, d.out_of_range, d.note
	FROM lead_drift(profile_of(reference), profile_of(current), options) d $$;

-- another type
SELECT * FROM said('SELECT 1 AS x, ''a'' AS y, true AS z, point(1, 1) AS p', 'SELECT ''1'' AS x, 2 AS y, 1 AS z, 3 AS p');
SELECT * FROM said('SELECT 1::smallint AS x', 'SELECT 1.5 AS x');
-- a row each, equal and not
SELECT * FROM said('SELECT 1 AS x, ''a'' AS y, true AS z', 'SELECT 1 AS x, ''b'' AS y, false AS z');
-- no values; no rows
SELECT * FROM said('SELECT NULL::int AS x, 5 AS y, NULL::text AS z', 'SELECT 5 AS x, NULL::int AS y, NULL::text AS z');
SELECT count(*) FROM said('SELECT 1 AS x WHERE false', 'SELECT 1 AS x');
SELECT * FROM lead_drift_summary(profile_of('SELECT 1 AS x'), NULL) \gx
SELECT * FROM lead_drift_summary(profile_of('SELECT 1 AS x, 2 AS y'), profile_of('SELECT NULL::int AS x, 2 AS y')) \gx
SELECT measured, not_measured, changed_columns FROM lead_drift_summary(
	profile_of('SELECT i, now() AS at, ''k'' || i AS key, point(1, 1) AS p, 1 AS went, 1 AS text, NULL::int AS filled, 1 AS emptied FROM generate_series(1, 200) i'),
	profile_of('SELECT i, now() AS at, ''k'' || i AS key, point(1, 1) AS p, 1 AS came, ''1'' AS text, 1 AS filled, NULL::int AS emptied FROM generate_series(1, 200) i'));
-- parts of a time that one side has whole
SELECT "column", note FROM lead_drift((SELECT lead_profile(lead_frame) FROM (SELECT lead_frame(i % 2 = 0, r, '{"columns": {"at": {"parts": ["dow"]}}}')
	FROM generate_series(1, 50) i, LATERAL (SELECT date '2025-01-01' + i AS at, i % 3 AS x) r) f), profile_of('SELECT date ''2025-01-01'' + i AS at, i % 3 AS x FROM generate_series(1, 50) i'));
-- from one constant to another; times on request; numbers at the end of the range
SELECT * FROM said('SELECT 1 AS x, date ''2025-01-01'' + i AS at, i * 1e305::float8 AS large FROM generate_series(1, 1500) i',
				   'SELECT 2 AS x, date ''2025-03-01'' + i AS at, -i * 1e305::float8 AS large FROM generate_series(1, 1200) i', '{"columns": {"at": {"method": "wasserstein"}, "large": {"method": "psi"}}}');
SELECT "column", statistic, p FROM said('SELECT i AS x, i * 5e-324::float8 AS small FROM generate_series(1, 100) i', 'SELECT -i AS x, i * 1e-323::float8 AS small FROM generate_series(1, 50) i', '{"method": "jensenshannon"}');
-- a threshold for all, another for one column
SELECT "column", method, drifted FROM said('SELECT i % 7 AS x, i % 3 = 0 AS y FROM generate_series(1, 2000) i', 'SELECT i % 8 AS x, i % 2 = 0 AS y FROM generate_series(1, 2000) i', '{"threshold": 0.5, "columns": {"y": {"threshold": 0.01}}}');
-- moments and quartiles of such numbers
SELECT min, q25, median, max, mean, sd, round(skewness::numeric, 6) AS skewness FROM lead_describe(profile_of('SELECT x FROM (VALUES (-1.5e308::float8), (1e308), (1.5e308), (1.5e308)) v(x)'));
-- a method for all but one column
SELECT "column", method FROM said('SELECT i AS x, i::text AS y FROM generate_series(1, 3) i', 'SELECT i AS x, i::text AS y FROM generate_series(2, 4) i', '{"method": "ks", "columns": {"y": {"method": "auto"}}}');

SELECT error_of(format('SELECT lead_drift(p, p, %L) FROM profile_of(''SELECT i AS x, i::text AS y FROM generate_series(1, 3) i'') p', o))
FROM unnest(ARRAY['[1]', '{"method": "tea"}', '{"method": 1}', '{"threshold": -1}', '{"threshold": "0.1"}', '{"alpha": 0}', '{"alpha": 1}', '{"treshold": 1}', '{"columns": ["x"]}', '{"columns": {"x": 1}}',
	'{"columns": {"x": {"alpha": 0.1}}}', '{"columns": {"z": {}}}', '{"columns": {"x": {"method": "z"}}}', '{"columns": {"y": {"method": "wasserstein"}}}']) o;
SELECT error_of('SELECT lead_drift_summary(p, p, drift_share => 50) FROM profile_of(''SELECT 1 AS x'') p');
SELECT error_of('SELECT lead_drift(p, p, model => ''\x00'') FROM profile_of(''SELECT 1 AS x'') p');
SET client_min_messages = warning;
DROP SCHEMA drift_test CASCADE;
