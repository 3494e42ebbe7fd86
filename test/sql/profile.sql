-- Profiles: what they count, and that order and division do not matter.
CREATE SCHEMA profile_test;
SET search_path = profile_test, public;
SET timezone = 'UTC';
\i test/lib/error_of.psql

CREATE TABLE leads AS
SELECT i % 3 = 0 AS won, CASE i % 8 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Zürich' WHEN 2 THEN '' WHEN 3 THEN NULL ELSE 'Paris' END AS city,
	   nullif(i % 5, 4) AS clicks, (i * 7919 % 100003) / 8.0 AS amount, -(i * 31 % 5003)::real AS loss, 'key' || i % 3000 AS email,
	   '2024-01-01 12:34+00'::timestamptz + i * interval '1 hour' AS created, i * interval '1 minute' AS waited,
	   NULL::text AS empty, 1 AS one, point(i, i) AS place
FROM generate_series(1, 20000) i;
SELECT lead_profile(l) AS p FROM leads l \gset
SELECT length(:'p') / 2 < 20000 AS small;
SELECT "column", type, kind, rows, nulls, round(missing::numeric, 4) AS missing, "distinct", exact FROM lead_describe(:'p'::leadprofile);
SELECT "column", min, q25, median, q75, max FROM lead_describe(:'p'::leadprofile);
SELECT "column", round(mean::numeric, 6) AS mean, round(sd::numeric, 6) AS sd, round(skewness::numeric, 6) AS skewness, zeros, alerts FROM lead_describe(:'p'::leadprofile);
SELECT "column", most_frequent FROM lead_describe(:'p'::leadprofile) WHERE most_frequent IS NOT NULL;
-- mean and sd are those of the rows, also where numbers are counted on a grid; quantiles up to 1,000 different ones
SELECT d."column", d.exact, abs(d.mean - r.mean) < 1e-13 * abs(r.mean) AS mean, abs(d.sd - r.sd) < 1e-13 * r.sd AS sd
FROM lead_describe(:'p'::leadprofile) d JOIN (
	SELECT name, avg(x)::float8 AS mean, stddev_pop(x)::float8 AS sd
	FROM leads, LATERAL (VALUES ('clicks', clicks::numeric(40, 20)), ('amount', amount), ('loss', loss), ('waited', extract(epoch FROM waited))) v(name, x)
	GROUP BY name) r ON d."column" = r.name;
SELECT d.median = r.median AS median, d.q75 = r.q75 AS q75
FROM lead_describe(:'p'::leadprofile) d,
	 (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY clicks) AS median,
			 percentile_cont(0.75) WITHIN GROUP (ORDER BY clicks) AS q75 FROM leads) r
WHERE d."column" = 'clicks';
-- sums that cancel, squares beyond the range of a double, many rows of one number
SELECT "column", exact, mean, round((sd / wanted)::numeric, 10) AS sd_to_wanted
FROM lead_describe((SELECT lead_profile(v) FROM (
	SELECT (i - 1000) * 1e300 AS huge, (i - 1000) * 1e-300 AS tiny, 1e12 + i AS far, CASE WHEN i <= 1001 THEN i ELSE 7 END AS often
	FROM generate_series(0, 2000) i) v))
	JOIN (SELECT name, stddev_pop(x)::float8 AS wanted FROM generate_series(0, 2000) i,
		LATERAL (VALUES ('huge', i * 1e300::numeric), ('tiny', i * 1e-300::numeric(400, 320)), ('far', i::numeric(30, 20)),
			('often', CASE WHEN i <= 1001 THEN i ELSE 7 END::numeric(30, 20))) v(name, x) GROUP BY name) w ON name = "column";

-- where exact counting ends: 1,000 numbers, 2,000 texts, 65,536 bytes of them
SELECT n, exact, "distinct" = n AS counted FROM (VALUES (999), (1000), (1001)) v(n), LATERAL (SELECT lead_profile(r) AS p FROM (SELECT i + 0.5 AS x FROM generate_series(1, n) i) r) q, lead_describe(p);
SELECT n, exact, "distinct" = n AS counted FROM (VALUES (1999), (2000), (2001)) v(n), LATERAL (SELECT lead_profile(r) AS p FROM (SELECT 't' || i AS x FROM generate_series(1, n) i) r) q, lead_describe(p);
SELECT n, exact, "distinct" FROM (VALUES (65535), (65536), (65537)) v(n), LATERAL (SELECT lead_profile(r) AS p FROM (SELECT repeat('x', n - 1) AS x UNION ALL SELECT 'y') r) q, lead_describe(p);
-- beyond, 3 % is the standard error of the number of different ones
SELECT type, count(*), sqrt(avg(("distinct"::float8 / n - 1) ^ 2)) BETWEEN 0.005 AND 0.045 AS near
FROM generate_series(1, 12) seed, LATERAL (SELECT 2000 + 1234 * seed AS n) n,
	LATERAL (SELECT lead_profile(x) AS p FROM (SELECT seed * 1e6 + i * 1.37 AS number, seed || ' ' || i AS text FROM generate_series(1, n) i) x) q, lead_describe(p)
GROUP BY type ORDER BY type;

-- the same rows, the same bytes
SELECT lead_profile(l) = :'p' AS reversed FROM (SELECT * FROM leads ORDER BY amount DESC) l;
SELECT lead_profile(p) = :'p' AS united FROM (SELECT lead_profile(l) AS p FROM leads l GROUP BY extract(hour FROM created), clicks) d;
SELECT (SELECT lead_profile(l) FROM leads l WHERE won) || (SELECT lead_profile(l) FROM leads l WHERE NOT won) = :'p' AS both_ways,
	   (SELECT lead_profile(l) FROM leads l WHERE NOT won) || (SELECT lead_profile(l) FROM leads l WHERE won) = :'p' AS the_other;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT lead_profile(l) FROM leads l;
SELECT lead_profile(l) = :'p' AS parallel FROM leads l;
SET max_parallel_workers_per_gather = 0;
SELECT lead_profile(l) IS NULL AS no_rows, lead_profile(NULL::leadprofile) IS NULL AS no_profile FROM leads l WHERE false;
SELECT count(*) FROM (SELECT lead_profile(l) OVER (ORDER BY amount, created ROWS 3 PRECEDING) FROM leads l LIMIT 5) w;

-- the columns one by one make the bytes of the row
\set columns won, city, clicks, amount, loss, email, created, waited, empty, one, place
\set names '{"names": ["won", "city", "clicks", "amount", "loss", "email", "created", "waited", "empty", "one", "place"]}'
SELECT lead_profile_columns(:'names', :columns) = :'p' AS by_columns FROM leads;
SELECT lead_profile(p) = :'p' AS united FROM (SELECT lead_profile_columns(:'names', :columns) AS p FROM leads GROUP BY clicks, city) d;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT lead_profile_columns('{"names": ["city"]}', city) FROM leads;
SELECT lead_profile_columns(:'names', :columns) = :'p' AS parallel FROM leads;
SET max_parallel_workers_per_gather = 0;
SELECT lead_profile_columns('{"names": ["a"]}', i) IS NULL AS no_rows FROM generate_series(1, 0) i;
SELECT "column", type, rows, nulls, most_frequent
FROM lead_describe((SELECT lead_profile_columns('{"names": ["a", "b", "c", "größe"]}'::jsonb, i, 1.5, NULL, 'x') FROM generate_series(1, 3) i));
SELECT error_of($$SELECT lead_profile_columns(NULL::jsonb, city) FROM leads$$);
SELECT error_of($$SELECT lead_profile_columns('{}', city) FROM leads$$);
SELECT error_of($$SELECT lead_profile_columns('{"names": ["city", "amount"]}', city) FROM leads$$);
SELECT error_of($$SELECT lead_profile_columns('{"names": ["a", "a"]}', city, amount) FROM leads$$);
SELECT error_of($$SELECT lead_profile_columns('{"names": ["city"], "exclude": ["city"]}', city) FROM leads$$);
SELECT error_of($$SELECT lead_profile_columns('["city"]', city) FROM leads$$);
SELECT error_of($$SELECT lead_profile_columns('{"names": ["a", "b"]}'::jsonb, VARIADIC ARRAY[1, 2])$$);
SELECT n, error_of((SELECT format('SELECT lead_profile_columns(%L::jsonb, %s)', jsonb_build_object('names', array_agg('c' || i)), string_agg(i::text, ', ')) FROM generate_series(1, n) i)) FROM (VALUES (98)) AS v(n);
SELECT error_of($$SELECT lead_profile_columns(jsonb_build_object('names', ARRAY[CASE WHEN won THEN 'a' ELSE 'b' END]), clicks) FROM leads$$);
SELECT lead_profile_columns(jsonb_build_object('names', ARRAY[CASE WHEN won THEN 'a' ELSE 'a' END]), clicks) = lead_profile(l) AS computed
FROM (SELECT clicks AS a, clicks, won FROM leads) q, LATERAL (SELECT a) l;

-- columns match by name; one that is missing is NULL
SELECT "column", rows, nulls, "distinct", most_frequent
FROM lead_describe((SELECT lead_profile(a) FROM (VALUES (1, 'x'), (2, 'y')) a(n, t)) || (SELECT lead_profile(b) FROM (VALUES ('y', true)) b(t, f)));
SELECT error_of($$SELECT (SELECT lead_profile(a) FROM (VALUES (1)) a(n)) || (SELECT lead_profile(b) FROM (VALUES ('x')) b(n))$$);
SELECT error_of($$SELECT lead_profile(l) FROM (SELECT 1) a LEFT JOIN leads l ON false$$);
-- what is no number is an error that names the column, one by one as well
SELECT e FROM unnest(ARRAY['NaN::float8', 'infinity::float8', '-infinity::float4', 'NaN::numeric', 'infinity::date', '-infinity::timestamp', 'infinity::timestamptz']) v,
	LATERAL (SELECT format('%L::%s', split_part(v, '::', 1), split_part(v, '::', 2)) AS x) x,
	LATERAL (SELECT error_of(format('SELECT lead_profile(r) FROM (SELECT 1 AS one, %s AS "Größe") r', x)) AS e) e
WHERE e <> error_of(format('SELECT lead_profile_columns(''{"names": ["one", "Größe"]}'', 1, %s)', x)) IS NOT NULL;
SELECT error_of(format('SELECT lead_profile_columns(''{"names": ["one", "Größe"]}'', 1, %L::float8)', 'NaN'));
-- all NULL, all NULL of a type that is counted only, no columns
SELECT "column", rows, nulls, missing, "distinct", exact, min, mean, most_frequent, alerts
FROM lead_describe((SELECT lead_profile(r) FROM (SELECT NULL::float8 AS x, NULL::int AS n, NULL::text AS t, NULL::point AS p, NULL::timestamptz AS at FROM generate_series(1, 3)) r));
SELECT count(*) FROM lead_describe((SELECT lead_profile(r) FROM (SELECT FROM generate_series(1, 3)) r));
-- a dropped column leaves nothing behind
CREATE TABLE altered AS SELECT clicks, 'secret' || clicks AS gone, city FROM leads LIMIT 100;
ALTER TABLE altered DROP COLUMN gone;
SELECT "column", rows, "distinct" FROM lead_describe((SELECT lead_profile(a) FROM altered a));
SELECT lead_profile(a)::text !~ encode('gone', 'hex') AS not_there FROM altered a;
-- row types may take turns if they have the same columns, read in the same way
SELECT "column", most_frequent FROM lead_describe((SELECT lead_profile(r) FROM (SELECT ROW(1, 'x'::text) UNION ALL SELECT ROW(2, 'x'::varchar)) s(r)));
SELECT error_of($$SELECT lead_profile(r) FROM (SELECT ROW('x'::text) UNION ALL SELECT ROW('x'::name)) s(r)$$);
SELECT error_of($$SELECT lead_frame(true, r) FROM (SELECT ROW('x'::text) UNION ALL SELECT ROW('x'::name)) s(r)$$);
SELECT error_of($$SELECT lead_profile(r) FROM (SELECT ROW(1) UNION ALL SELECT ROW('x'::text)) s(r)$$);
-- small numbers have places of their own after a while: no number is lost on the way to them, or beside the grid
SELECT bool_and(profile = exact) AS same, count(*) FROM (
	SELECT n, lead_profile(r) AS profile, (SELECT lead_profile(p) FROM (SELECT lead_profile(o) AS p FROM (SELECT (i * 7 % m - 3)::int AS x, (i * 7 % m)::int2 AS y FROM generate_series(1, n) i) o GROUP BY o.x) q) AS exact
	FROM (VALUES (255, 4), (256, 4), (257, 4), (1000, 300), (1200, 258), (5000, 1100), (5000, 1300)) v(n, m), LATERAL (SELECT (i * 7 % m - 3)::int AS x, (i * 7 % m)::int2 AS y FROM generate_series(1, n) i) r
	GROUP BY n, m) s;

-- what was trained on
SELECT lead_frame(won, l) AS f, lead_train(won, l) AS m FROM (SELECT won, city, clicks, amount, loss FROM leads) l \gset
SELECT "column", nulls, "distinct", exact, min, median, max FROM lead_describe(lead_profile(:'f'::leadframe)) WHERE "column" <> 'won';
SELECT "column", nulls, "distinct", exact, min, median, max FROM lead_describe(lead_profile(:'m'::bytea));
-- the model remembers rounded numbers, of eight bits
SELECT m."column", m.exact, abs(m.mean / r.mean - 1) < 1 / 256.0 AS near FROM lead_describe(lead_profile(:'m'::bytea)) m JOIN lead_describe(lead_profile(:'f'::leadframe)) r USING ("column") WHERE m.mean IS NOT NULL;
-- the frame's profile is that of its rows
SELECT lead_profile(:'f'::leadframe) = lead_profile(l) AS same FROM (SELECT won, city, clicks, amount, loss FROM leads) l;

-- with a model: the scores, and one model only
SELECT lead_profile(:'m'::bytea, l) AS s FROM leads l \gset
SELECT abs(d.mean - r.mean) < 0.002 AS mean, d.rows, abs(d.min::float8 - r.min) < 1e-15 AS min FROM lead_describe(:'s'::leadprofile) d,
	(SELECT avg(lead_score(:'m'::bytea, l)) AS mean, min(lead_score(:'m'::bytea, l)) AS min FROM leads l) r WHERE "column" = '(score)';
SELECT lead_profile(:'m'::bytea, l) = :'s' AS reversed FROM (SELECT * FROM leads ORDER BY amount DESC) l;
SELECT lead_profile(s) = :'s' AS united FROM (SELECT lead_profile(:'m'::bytea, l) AS s FROM leads l GROUP BY clicks) d;
SELECT error_of(format('SELECT %L::leadprofile || %L::leadprofile', :'s', :'p'));
SELECT lead_train(won, l) AS m2 FROM (SELECT won, clicks FROM leads) l \gset
SELECT error_of(format('SELECT lead_profile(CASE WHEN won THEN %L::bytea ELSE %L::bytea END, l) FROM leads l', :'m', :'m2'));
SELECT error_of(format('SELECT lead_profile(%L::bytea, v) FROM (VALUES (1)) v(x)', :'m'));
SELECT error_of(format('SELECT lead_profile(%L::bytea, v) FROM (SELECT city, clicks, amount, loss, 1 AS "(score)" FROM leads) v', :'m'));
SELECT error_of('SELECT lead_profile(v) FROM (SELECT clicks AS a, amount AS a FROM leads) v');
SELECT error_of($$SELECT lead_profile(NULL::bytea, l) FROM leads l$$);
SELECT error_of($$SELECT lead_profile(NULL::text, l) FROM leads l$$);
SELECT error_of($$SELECT lead_profile('nobody', l) FROM leads l$$);
SELECT lead_profile(:'m2'::bytea, l) AS s2 FROM leads l \gset
SELECT error_of(format('SELECT %L::leadprofile || %L::leadprofile', :'s', :'s2'));
SELECT error_of(format('SELECT lead_profile(p) FROM (VALUES (%L::leadprofile), (%L)) v(p)', :'s', :'s2'));
SELECT lead_profile_columns(:'m'::bytea, :'names', :columns) = :'s' AS by_columns FROM leads;
SELECT error_of(format('SELECT lead_profile_columns(%L::bytea, ''{"names": ["city"]}'', city) FROM leads', :'m'));
SELECT error_of($$SELECT lead_profile_columns(NULL::bytea, '{"names": ["city"]}', city) FROM leads$$);
SELECT n, error_of((SELECT format('SELECT lead_profile_columns(%L::bytea, %L::jsonb, %s)', :'m2', jsonb_build_object('names', '["clicks"]'::jsonb || jsonb_agg('c' || i)), string_agg(i::text, ', ') || ', 1') FROM generate_series(1, n - 1) i)) FROM (VALUES (97)) AS v(n);
-- two workers make the same bytes; what a plan says of parameters differs between releases
CREATE FUNCTION is_partial(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line LIKE '%Partial Aggregate' THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
CREATE TABLE kept AS SELECT :'m'::bytea AS model;
SET max_parallel_workers_per_gather = 2;
SELECT is_partial('SELECT lead_profile((SELECT model FROM kept), l) FROM leads l');
SELECT lead_profile((SELECT model FROM kept), l) = :'s' AS parallel FROM leads l;
SELECT is_partial($$SELECT lead_profile_columns((SELECT model FROM kept), '{"names": ["city"]}', city) FROM leads$$);
SELECT lead_profile_columns((SELECT model FROM kept), :'names', :columns) = :'s' AS parallel FROM leads;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- format 1, read for ever: every kind of column, with a model, and what is said of it
\set content `tr -d '\n' < test/data/profile_v1.hex`
SELECT (('\x' || :'content')::leadprofile)::text = '\x' || :'content' AS comes_back, length(:'content') / 2 AS bytes;
SELECT "column", type, rows, nulls, "distinct", exact, min, median, max FROM lead_describe(('\x' || :'content')::leadprofile);
SELECT "column", round(mean::numeric, 9) AS mean, round(sd::numeric, 9) AS sd, most_frequent FROM lead_describe(('\x' || :'content')::leadprofile);
SELECT lead_profile(p) = min(p::text)::leadprofile || min(p::text)::leadprofile AS adds_up FROM (SELECT ('\x' || :'content')::leadprofile AS p FROM generate_series(1, 2)) v;

-- how large it gets: whatever the rows, a number takes 16 kB, a text 80 kB, at most
SELECT length(lead_profile(r)::text) / 2 < 16000 AS numbers FROM (SELECT random() * 10 ^ (random() * 600 - 300) AS x FROM generate_series(1, 50000)) r;
SELECT length(lead_profile(r)::text) / 2 < 16000 AS magnitudes FROM (SELECT s * 2::float8 ^ e AS x FROM generate_series(-1022, 1023) e, unnest(ARRAY[-1, 1]) s, generate_series(1, 130)) r;
SELECT length(lead_profile(r)::text) / 2 BETWEEN 50 AND 110 AS few FROM (SELECT i % 5 AS clicks FROM generate_series(1, 50000) i) r;
SELECT length(lead_profile(r)::text) / 2 < 82000 AS levels FROM (SELECT lpad(i::text, 32, 'x') AS t FROM generate_series(1, 2000) i) r;
SELECT length(lead_profile(r)::text) / 2 < 3000 AS too_many_levels FROM (SELECT lpad((i % 2001)::text, 32, 'x') AS t FROM generate_series(1, 5000) i) r;
SELECT length(lead_profile(r)::text) / 2 < 3000 AS long_texts FROM (SELECT repeat(i::text, 100000) AS t FROM generate_series(1, 10) i) r;
DO $$ BEGIN
	EXECUTE (SELECT format('CREATE TABLE broad AS SELECT %s FROM generate_series(1, 300) i', string_agg(format('i * %s %% 1009 AS c%s', n, n), ', '))
			 FROM generate_series(1, 1000) n);
END $$;
SELECT length(lead_profile(b)::text) / 2 < 1200000 AS broad, count(*) FROM broad b;
-- skewness of numbers whose squares are beyond double precision; never more different ones than rows
SELECT "column", round(skewness::numeric, 9) AS skewness FROM lead_describe((SELECT lead_profile(v) FROM (SELECT i * i * 1e-200::float8 AS tiny, i * i::float8 AS plain, i * i * 1e200::float8 AS huge FROM generate_series(1, 4) i) v));
SELECT max("distinct" - rows) <= 0 AS possible FROM generate_series(1, 50) k, LATERAL (SELECT lead_profile(v) AS p FROM (SELECT sin(i * k) AS x, md5(concat(i, ' ', k)) AS t FROM generate_series(1, 3000) i) v) v, lead_describe(p);
SELECT error_of($$SELECT 'x'::leadprofile$$);

DROP SCHEMA profile_test CASCADE;
