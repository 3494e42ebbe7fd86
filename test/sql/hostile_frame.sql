-- Frames from outside: whatever the bytes are, an error or a frame as good as
-- any other, never a crash.
CREATE SCHEMA hostile_test;
SET search_path = hostile_test, public;
SET timezone = 'UTC';
SET client_min_messages = error;

\i test/lib/seal.psql

CREATE FUNCTION as_frame(bytes bytea) RETURNS leadframe LANGUAGE sql AS $$ SELECT ('\x' || encode(bytes, 'hex'))::leadframe $$;

-- What everything that takes a frame makes of the bytes: the reason why they
-- are no frame, 'same', or 'other' (a frame, but not the one given).  Errors of
-- the functions behind the type count as answers; a crash does not come back.
CREATE FUNCTION try_frame(bytes bytea, good leadframe) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	f leadframe;
	reason text;
	described bigint;
	expression text;
BEGIN
	BEGIN
		f := as_frame(bytes);
	EXCEPTION WHEN invalid_binary_representation OR feature_not_supported THEN
		GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
		RETURN coalesce(nullif(reason, ''), SQLERRM);
	END;
	BEGIN
		SELECT count(*) INTO described FROM lead_describe(f);
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE LIKE 'XX%' THEN RAISE; END IF;
	END;
	FOREACH expression IN ARRAY ARRAY['$1 || $2', '$2 || $1', '$1 - $2', '$2 - $1', '$1 - $1', 'lead_weigh_frame($1, 0.1)',
		'leadscore.set_time_range($1, now(), now())']
	LOOP
		-- what comes out is a frame again
		BEGIN
			EXECUTE format('SELECT as_frame(decode(substr((%s)::text, 3), ''hex''))', expression) USING f, good;
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE LIKE 'XX%' OR SQLSTATE = '22P03' THEN RAISE; END IF;
		END;
	END LOOP;
	PERFORM leadscore.framing_of(f), leadscore.frame_counts(f);
	BEGIN
		PERFORM lead_coefficients(lead_fit(f, '{"min_count": 1, "lambda": 1}'));
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE LIKE 'XX%' OR SQLSTATE = '22P03' THEN RAISE; END IF;
	END;
	BEGIN
		PERFORM lead_summary(lead_fit(f));
	EXCEPTION WHEN OTHERS THEN
		IF SQLSTATE LIKE 'XX%' OR SQLSTATE = '22P03' THEN RAISE; END IF;
	END;
	RETURN CASE WHEN f::text = good::text THEN 'same' ELSE 'other' END;
END;
$$;

-- a frame with everything: levels, numbers, times with parts, roles, NULLs
CREATE TABLE leads AS
SELECT i % 3 = 0 AS won, CASE i % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Zürich' WHEN 2 THEN '' END AS city,
	   nullif(i % 5, 4) AS clicks, i % 2 = 0 AS vip, '2024-01-01 12:34+00'::timestamptz + i * interval '40 days' AS created,
	   '2024-01-01'::date + i AS day, 1 + i % 2 AS w, 0.5 AS base, i % 2 AS seller
FROM generate_series(1, 12) i;
SELECT lead_frame(won, l, '{"exclude": "won", "weight": "w", "offset": "base", "group": "seller", "time": "day",
	"columns": {"created": {"parts": ["hour", "month"]}}}') AS good FROM leads l \gset
CREATE TABLE good AS SELECT :'good'::leadframe AS f, decode(substr(:'good', 3), 'hex') AS bytes;
SELECT try_frame(bytes, f), try_frame(seal(bytes, t), f), seal(bytes, t) = bytes AS sealed FROM good, crc_table;

-- every byte changed, every length, bytes too many: the checksum sees it
SELECT DISTINCT try_frame(set_byte(bytes, i, get_byte(bytes, i) # x), f)
FROM good, generate_series(0, (SELECT length(bytes) - 1 FROM good)) i, unnest(ARRAY[1, 128, 255]) x ORDER BY 1;
SELECT DISTINCT try_frame(substr(bytes, 1, i), f) FROM good, generate_series(0, (SELECT length(bytes) - 1 FROM good)) i ORDER BY 1;
SELECT DISTINCT try_frame(bytes || set_byte('\x00', 0, i), f) FROM good, generate_series(0, 255) i ORDER BY 1;

-- the same with a checksum that is right: nothing is believed for it
CREATE TABLE outcome AS
SELECT i, x, try_frame(seal(set_byte(bytes, i, x), t), f) AS said
FROM good, crc_table, generate_series(12, (SELECT length(bytes) - 1 FROM good)) i,
	 LATERAL (SELECT DISTINCT v AS x FROM unnest(ARRAY[0, 1, 2, 3, 4, 5, 8, 13, 14, 15, 127, 128, 255, get_byte(bytes, i) # 1, get_byte(bytes, i) # 64]) v
			  WHERE v <> get_byte(bytes, i)) x;
SELECT said FROM outcome GROUP BY said ORDER BY said COLLATE "C";
SELECT count(*) FILTER (WHERE said = 'same') AS same, count(*) > 5000 AS many FROM outcome;
SELECT said FROM (SELECT try_frame(seal(substr(bytes, 1, i), t), f) AS said
	FROM good, crc_table, generate_series(12, (SELECT length(bytes) - 1 FROM good)) i) s GROUP BY said ORDER BY said COLLATE "C";
SELECT DISTINCT try_frame(seal(bytes || set_byte('\x00', 0, i), t), f) FROM good, crc_table, generate_series(0, 255) i;

-- two changes at once, bytes doubled and left out, at places that a fixed generator draws
SELECT setseed(0.25);
CREATE TABLE drawn AS
SELECT n, floor(random() * 1e6)::integer AS a, floor(random() * 1e6)::integer AS b, floor(random() * 256)::integer AS x, floor(random() * 256)::integer AS y
FROM generate_series(1, 2000) n;
SELECT count(*) AS tried, count(said) AS answered FROM (
	SELECT try_frame(seal(set_byte(set_byte(bytes, 12 + a % (length(bytes) - 12), x), 12 + b % (length(bytes) - 12), y), t), f) AS said
	FROM good, crc_table, drawn) s;
SELECT count(*) AS tried, count(said) AS answered FROM (
	SELECT try_frame(seal(CASE WHEN n % 2 = 0 THEN substr(bytes, 1, k) || substr(bytes, k + 2) ELSE substr(bytes, 1, k) || set_byte('\x00', 0, x) || substr(bytes, k + 1) END, t), f) AS said
	FROM good, crc_table, drawn, LATERAL (SELECT 13 + a % (length(bytes) - 13) AS k) k WHERE n <= 500) s;
-- random bytes behind an honest beginning
SELECT said FROM (
	SELECT try_frame(seal(substr(bytes, 1, 12 + n % 60) || decode(repeat(md5(n::text), n % 9), 'hex'), t), f) AS said
	FROM good, crc_table, generate_series(1, 500) n) s GROUP BY said ORDER BY said COLLATE "C";
SELECT DISTINCT try_frame(decode(repeat(md5(n::text), n % 9), 'hex'), f) FROM good, generate_series(1, 500) n ORDER BY 1;

-- counts that would be gigabytes, a version to come
SELECT try_frame(seal(overlay(bytes PLACING '\xffffffff'::bytea FROM 13), t), f) AS columns,
	   try_frame(seal(overlay(bytes PLACING '\x00000080'::bytea FROM 17), t), f) AS max_distinct,
	   try_frame(seal(overlay(bytes PLACING '\xffffffffffffff7f'::bytea FROM 21), t), f) AS rows,
	   try_frame(seal(overlay(bytes PLACING '\xffffffffffffff7f'::bytea FROM 29), t), f) AS positives,
	   try_frame(seal(overlay(bytes PLACING '\xffffffffffffff7f'::bytea FROM 37), t), f) AS unknown,
	   try_frame(seal(overlay(bytes PLACING '\xffffffff00000000'::bytea FROM 45), t), f) AS patterns,
	   try_frame(seal(overlay(bytes PLACING '\xffffffff'::bytea FROM 53), t), f) AS zone
FROM good, crc_table \gx
SELECT try_frame(set_byte(bytes, 4, 2), f) AS version_2, try_frame(set_byte(bytes, 4, 0), f) AS version_0 FROM good;

-- the other column of a frame: a role that does not fit is refused before it is used
CREATE FUNCTION forge(f leadframe, name text, at integer, value integer, t bigint[]) RETURNS bytea LANGUAGE sql AS $$
-- name and source are equal texts; type, part, role, store follow
SELECT seal(set_byte(bytes, position(convert_to(name, 'UTF8') || decode(lpad(to_hex(length(name)), 2, '0') || '000000', 'hex') ||
	convert_to(name, 'UTF8') IN bytes) - 1 + 2 * length(name) + 4 + at, value), t)
FROM decode(substr(f::text, 3), 'hex') bytes $$;
SELECT v.name, v.what, v.value, try_frame(forge(f, v.name, v.at, v.value, t), f)
FROM good, crc_table, (VALUES
	('city', 'role: weight', 2, 1), ('city', 'role: offset', 2, 2), ('city', 'role: group', 2, 3), ('city', 'role: time', 2, 4),
	('city', 'role: no such', 2, 5), ('city', 'store: numbers', 3, 2), ('city', 'store: overflowed', 3, 3), ('city', 'store: counted', 3, 4),
	('city', 'type: integer', 0, 3), ('city', 'type: unusable', 0, 0), ('city', 'type: no such', 0, 15), ('city', 'part: hour', 1, 2),
	('created', 'store: dictionary', 3, 1), ('created', 'store: numbers', 3, 2), ('created', 'role: weight', 2, 1), ('created', 'role: time', 2, 4),
	('day', 'role: feature', 2, 0), ('day', 'type: text', 0, 8), ('w', 'role: offset', 2, 2), ('w', 'role: feature', 2, 0),
	('base', 'role: weight', 2, 1), ('vip', 'store: numbers', 3, 2), ('vip', 'role: weight', 2, 1), ('clicks', 'part: log1p', 1, 1)
) v(name, what, at, value);

SELECT count(*) FROM good WHERE f::text = :'good';
DROP SCHEMA hostile_test CASCADE;
