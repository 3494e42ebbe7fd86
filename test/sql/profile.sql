-- Profiles: what they count, that order and division do not matter, and that
-- bytes from outside are refused or as good as any other.
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
-- up to 1,000 numbers the moments are those of the rows
SELECT abs(d.mean - r.mean) < 1e-9 AS mean, abs(d.sd - r.sd) < 1e-9 AS sd, d.median = r.median AS median, d.q75 = r.q75 AS q75
FROM lead_describe(:'p'::leadprofile) d,
	 (SELECT avg(clicks)::float8 AS mean, stddev_pop(clicks)::float8 AS sd, percentile_cont(0.5) WITHIN GROUP (ORDER BY clicks) AS median,
			 percentile_cont(0.75) WITHIN GROUP (ORDER BY clicks) AS q75 FROM leads) r
WHERE d."column" = 'clicks';

-- the same rows, the same bytes
SELECT lead_profile(l) = :'p' AS reversed FROM (SELECT * FROM leads ORDER BY amount DESC) l;
SELECT lead_profile(p) = :'p' AS united FROM (SELECT lead_profile(l) AS p FROM leads l GROUP BY extract(hour FROM created), clicks) d;
SELECT (SELECT lead_profile(l) FROM leads l WHERE won) || (SELECT lead_profile(l) FROM leads l WHERE NOT won) = :'p' AS both_ways,
	   (SELECT lead_profile(l) FROM leads l WHERE NOT won) || (SELECT lead_profile(l) FROM leads l WHERE won) = :'p' AS the_other;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT lead_profile(l) FROM leads l;
SELECT lead_profile(l) = :'p' AS parallel FROM leads l;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SELECT lead_profile(l) IS NULL AS no_rows, lead_profile(NULL::leadprofile) IS NULL AS no_profile FROM leads l WHERE false;
SELECT count(*) FROM (SELECT lead_profile(l) OVER (ORDER BY amount, created ROWS 3 PRECEDING) FROM leads l LIMIT 5) w;

-- columns match by name; one that is missing is NULL
SELECT "column", rows, nulls, "distinct", most_frequent
FROM lead_describe((SELECT lead_profile(a) FROM (VALUES (1, 'x'), (2, 'y')) a(n, t)) || (SELECT lead_profile(b) FROM (VALUES ('y', true)) b(t, f)));
SELECT error_of($$SELECT (SELECT lead_profile(a) FROM (VALUES (1)) a(n)) || (SELECT lead_profile(b) FROM (VALUES ('x')) b(n))$$);
SELECT error_of($$SELECT lead_profile(l) FROM (SELECT 1) a LEFT JOIN leads l ON false$$);
SELECT error_of($$SELECT lead_profile(v) FROM (VALUES ('NaN'::float8)) v(x)$$);

-- what was trained on
SELECT lead_frame(won, l) AS f, lead_train(won, l) AS m FROM (SELECT won, city, clicks, amount, loss FROM leads) l \gset
SELECT "column", nulls, "distinct", exact, min, median, max FROM lead_describe(lead_profile(:'f'::leadframe)) WHERE "column" <> 'won';
SELECT "column", nulls, "distinct", exact, min, median, max FROM lead_describe(lead_profile(:'m'::bytea));
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

-- bytes from outside
CREATE TABLE crc_table AS
WITH RECURSIVE step(n, bit, c) AS (
	SELECT n, 0, n::bigint FROM generate_series(0, 255) n
	UNION ALL
	SELECT n, bit + 1, CASE WHEN c & 1 = 1 THEN (c >> 1) # 2197175160 ELSE c >> 1 END FROM step WHERE bit < 8)
SELECT array_agg(c ORDER BY n) AS t FROM step WHERE bit = 8;
CREATE FUNCTION seal(bytes bytea, t bigint[]) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	c bigint := 4294967295;
BEGIN
	FOR i IN 12 .. length(bytes) - 1 LOOP
		c := t[((c # get_byte(bytes, i)) & 255) + 1] # (c >> 8);
	END LOOP;
	c := c # 4294967295;
	FOR i IN 0 .. 3 LOOP
		bytes := set_byte(bytes, 8 + i, ((c >> (8 * i)) & 255)::integer);
	END LOOP;
	RETURN bytes;
END;
$$;
-- the reason why they are no profile, 'same', or 'other'; a crash does not come back
CREATE FUNCTION try_profile(bytes bytea, good leadprofile) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	p leadprofile;
	reason text;
BEGIN
	BEGIN
		p := ('\x' || encode(bytes, 'hex'))::leadprofile;
	EXCEPTION WHEN invalid_binary_representation OR feature_not_supported THEN
		GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
		RETURN coalesce(nullif(reason, ''), SQLERRM);
	END;
	BEGIN
		PERFORM lead_describe(p);
		PERFORM (p || good)::text::leadprofile, (good || p)::text::leadprofile, (p || p)::text::leadprofile;
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE LIKE 'XX%' OR SQLSTATE = '22P03' THEN RAISE; END IF;
	END;
	RETURN CASE WHEN p = good THEN 'same' ELSE 'other' END;
END;
$$;
SET client_min_messages = error;
SELECT lead_train(won, l) AS tiny_model FROM (SELECT won, clicks, city FROM leads) l \gset
SELECT lead_profile(:'tiny_model'::bytea, l) AS good FROM (SELECT * FROM leads LIMIT 12) l \gset
CREATE TABLE good AS SELECT :'good'::leadprofile AS p, decode(substr(:'good', 3), 'hex') AS bytes;
SELECT try_profile(bytes, p), seal(bytes, t) = bytes AS sealed FROM good, crc_table;
SELECT DISTINCT try_profile(set_byte(bytes, i, get_byte(bytes, i) # x), p)
FROM good, generate_series(0, (SELECT length(bytes) - 1 FROM good)) i, unnest(ARRAY[1, 128]) x ORDER BY 1;
SELECT DISTINCT try_profile(substr(bytes, 1, i), p) FROM good, generate_series(0, (SELECT length(bytes) - 1 FROM good)) i ORDER BY 1;
CREATE TABLE outcome AS
SELECT i, x, try_profile(seal(set_byte(bytes, i, x), t), p) AS said
FROM good, crc_table, generate_series(12, (SELECT length(bytes) - 1 FROM good)) i,
	 LATERAL (SELECT DISTINCT v AS x FROM unnest(ARRAY[0, 1, 2, 4, 8, 15, 52, 127, 128, 255, get_byte(bytes, i) # 1]) v WHERE v <> get_byte(bytes, i)) x;
SELECT said FROM outcome GROUP BY said ORDER BY said COLLATE "C";
SELECT count(*) FILTER (WHERE said = 'same') AS same, count(*) > 5000 AS many FROM outcome;
SELECT said FROM (SELECT try_profile(seal(substr(bytes, 1, i), t), p) AS said
	FROM good, crc_table, generate_series(12, (SELECT length(bytes) - 1 FROM good)) i) s GROUP BY said ORDER BY said COLLATE "C";
SELECT try_profile(seal(bytes || '\x00', t), p) AS longer, try_profile(set_byte(bytes, 4, 2), p) AS version_2 FROM good, crc_table;
SELECT error_of($$SELECT 'x'::leadprofile$$);
DROP SCHEMA profile_test CASCADE;
