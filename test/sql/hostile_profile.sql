-- Profiles from outside: whatever the bytes are, an error or a profile as good
-- as any other, never a crash.
CREATE SCHEMA hostile_profile_test;
SET search_path = hostile_profile_test, public;
SET timezone = 'UTC';
SET client_min_messages = error;
\i test/lib/seal.psql
\i test/lib/error_of.psql

-- What everything that takes a profile makes of the bytes: the reason why they
-- are no profile, 'same', or 'other' (a profile, but not the one given).  Errors of
-- the functions behind the type count as answers; a crash does not come back.
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
	PERFORM lead_describe(p);
	BEGIN
		PERFORM (p || good)::text::leadprofile, (good || p)::text::leadprofile, (p || p)::text::leadprofile;
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE LIKE 'XX%' OR SQLSTATE = '22P03' THEN RAISE; END IF;
	END;
	BEGIN
		PERFORM lead_drift(p, good), lead_drift_summary(good, p);
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE LIKE 'XX%' OR SQLSTATE = '22P03' THEN RAISE; END IF;
	END;
	RETURN CASE WHEN p = good THEN 'same' ELSE 'other' END;
END;
$$;

-- a small one with sums of a model, and one with a grid, its sums, a sketch and hashes
CREATE TABLE leads AS
SELECT i % 3 = 0 AS won, CASE i % 8 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Zürich' WHEN 2 THEN '' WHEN 3 THEN NULL ELSE 'Paris' END AS city,
	   nullif(i % 5, 4) AS clicks, (i * 7919 % 100003) / 8.0 AS amount, -(i * 31 % 5003)::real AS loss,
	   '2024-01-01 12:34+00'::timestamptz + i * interval '1 hour' AS created, i * interval '1 minute' AS waited,
	   NULL::text AS empty, 1 AS one, point(i, i) AS place
FROM generate_series(1, 2000) i;
SELECT lead_train(won, l) AS m FROM (SELECT won, clicks, city FROM leads) l \gset
SELECT lead_profile(:'m'::bytea, l) AS small FROM (SELECT * FROM leads LIMIT 12) l \gset
SELECT lead_profile(l) AS large FROM (SELECT 1 + i / 1e6::float8 AS x, CASE WHEN i <= 200 THEN repeat(i::text, 200) END AS t, -i AS y
	FROM generate_series(1, 1100) i) l \gset
SELECT "column", exact, "distinct" FROM lead_describe(:'large'::leadprofile);
CREATE TABLE good AS SELECT p::leadprofile AS p, decode(substr(p, 3), 'hex') AS bytes, name
FROM (VALUES ('small', :'small'), ('large', :'large')) v(name, p);
SELECT try_profile(bytes, p), seal(bytes, t) = bytes AS sealed FROM good, crc_table;

-- every byte changed, every length, bytes too many: the checksum sees it
SELECT DISTINCT try_profile(set_byte(bytes, i, get_byte(bytes, i) # x), p)
FROM good, generate_series(0, length(bytes) - 1) i, unnest(ARRAY[1, 128]) x WHERE name = 'small' ORDER BY 1;
SELECT DISTINCT try_profile(substr(bytes, 1, i), p) FROM good, generate_series(0, length(bytes) - 1) i ORDER BY 1;

-- the same with a checksum that is right: nothing is believed for it
CREATE TABLE outcome AS
SELECT name, i, x, try_profile(seal(set_byte(bytes, i, x), t), p) AS said
FROM good, crc_table, generate_series(12, length(bytes) - 1, CASE name WHEN 'small' THEN 1 ELSE 29 END) i,
	 LATERAL (SELECT DISTINCT v AS x FROM unnest(ARRAY[0, 1, 3, 52, 127, 255, get_byte(bytes, i) # 1]) v WHERE v <> get_byte(bytes, i)) x;
SELECT said FROM outcome GROUP BY said ORDER BY said COLLATE "C";
SELECT name, count(*) FILTER (WHERE said = 'same') AS same, count(*) > 600 AS many FROM outcome GROUP BY name ORDER BY name;
SELECT said FROM (SELECT try_profile(seal(substr(bytes, 1, i), t), p) AS said
	FROM good, crc_table, generate_series(12, length(bytes) - 1, CASE name WHEN 'small' THEN 1 ELSE 37 END) i) s GROUP BY said ORDER BY said COLLATE "C";

-- two changes at once, bytes doubled and left out, at places that a fixed generator draws
SELECT setseed(0.25);
CREATE TABLE drawn AS
SELECT n, floor(random() * 1e6)::integer AS a, floor(random() * 1e6)::integer AS b, floor(random() * 256)::integer AS x, floor(random() * 256)::integer AS y
FROM generate_series(1, 300) n;
SELECT name, count(*) AS tried, count(said) AS answered FROM (
	SELECT name, try_profile(seal(set_byte(set_byte(bytes, 12 + a % (length(bytes) - 12), x), 12 + b % (length(bytes) - 12), y), t), p) AS said
	FROM good, crc_table, drawn) s GROUP BY name ORDER BY name;
SELECT name, count(*) AS tried, count(said) AS answered FROM (
	SELECT name, try_profile(seal(CASE WHEN n % 2 = 0 THEN substr(bytes, 1, k) || substr(bytes, k + 2) ELSE substr(bytes, 1, k) || set_byte('\x00', 0, x) || substr(bytes, k + 1) END, t), p) AS said
	FROM good, crc_table, drawn, LATERAL (SELECT 13 + a % (length(bytes) - 13) AS k) k WHERE n <= 200) s GROUP BY name ORDER BY name;
-- random bytes behind an honest beginning
SELECT said FROM (
	SELECT try_profile(seal(substr(bytes, 1, 12 + n % 60) || decode(repeat(md5(n::text), n % 9), 'hex'), t), p) AS said
	FROM good, crc_table, generate_series(1, 300) n) s GROUP BY said ORDER BY said COLLATE "C";

-- bytes too many, counts that would be gigabytes, a version to come
SELECT try_profile(seal(bytes || '\x00', t), p) AS longer, try_profile(set_byte(bytes, 4, 2), p) AS version_2, try_profile(set_byte(bytes, 4, 0), p) AS version_0,
	   try_profile(seal(overlay(bytes PLACING '\xffffffffffffff7f'::bytea FROM 13), t), p) AS rows,
	   try_profile(seal(overlay(bytes PLACING '\xffffffff'::bytea FROM 21), t), p) AS columns,
	   try_profile(seal(overlay(bytes PLACING '\xffffff7f'::bytea FROM 25), t), p) AS name
FROM good, crc_table WHERE name = 'small' \gx
-- unions that no profile can hold
SELECT p AS empty FROM (SELECT ('\x' || encode(seal('\x4c50524601000000000000000000000000002000'::bytea || decode(repeat('00', 16), 'hex'), t), 'hex'))::leadprofile AS p FROM crc_table) v \gset
SELECT error_of(format('SELECT %L::leadprofile || %L', :'empty', :'empty'));
CREATE FUNCTION wide(prefix text) RETURNS leadprofile LANGUAGE plpgsql AS $$
DECLARE
	p leadprofile;
BEGIN
	EXECUTE (SELECT format('SELECT lead_profile(r) FROM (SELECT %s) r', string_agg(format('%s AS %s%s', i, prefix, i), ', ')) FROM generate_series(1, 1600) i) INTO p;
	RETURN p;
END;
$$;
SELECT error_of($$SELECT lead_profile(wide(p)) FROM unnest('{a,b,c,d,e,f,g,h,i}'::text[]) p$$);
DROP SCHEMA hostile_profile_test CASCADE;
