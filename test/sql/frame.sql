-- Frames: what goes in, what is refused and how, and that the same rows make
-- the same bytes whatever way they took.
CREATE SCHEMA frame_test;
SET search_path = frame_test, public;
SET extra_float_digits = 1;
SET timezone = 'UTC';
SET client_min_messages = notice;

\i test/lib/error_of.psql

-- ---- building ----

CREATE TABLE leads (
	won boolean,
	city text,
	clicks integer,
	amount numeric(10, 2)
);
INSERT INTO leads
SELECT CASE WHEN i % 10 = 9 THEN NULL ELSE i % 3 = 0 END,
	   CASE i % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Paris' WHEN 2 THEN 'Zürich' END,
	   i % 5, CASE WHEN i % 7 > 0 THEN (i % 11) / 4.0 END
FROM generate_series(0, 119) i;

SELECT lead_frame(won, l) AS f FROM leads l \gset
-- rows without a label are counted and left out: 12 of 120
SELECT "column", type, kind, rows, nulls, "distinct", min, max,
	   round(mean::numeric, 6) AS mean, round(sd::numeric, 6) AS sd, most_frequent
FROM lead_describe(:'f');
SELECT "column", treatment FROM lead_describe(:'f');
SELECT avg(clicks)::numeric(8, 6) AS mean, stddev_pop(clicks)::numeric(8, 6) AS sd,
	   avg(amount)::numeric(8, 6) AS mean, stddev_pop(amount)::numeric(8, 6) AS sd
FROM leads WHERE won IS NOT NULL;

-- the same rows in another order, through a view, a sub-select, row by row
CREATE VIEW leads_view AS SELECT * FROM leads;
SELECT lead_frame(won, l)::text = :'f' AS backwards
FROM (SELECT * FROM leads ORDER BY clicks DESC, city, amount) l;
SELECT lead_frame(won, v)::text = :'f' AS view FROM leads_view v;
SELECT lead_frame(l.won, l)::text = :'f' AS materialised
FROM (SELECT * FROM leads OFFSET 0) l;
SELECT lead_frame(one)::text = :'f' AS row_by_row
FROM (SELECT lead_frame(won, l) AS one FROM leads l GROUP BY l.ctid) s;

-- the label as every type it can have
SELECT lead_frame(won::int, l)::text = :'f' AS int,
	   lead_frame(won::int::smallint, l)::text = :'f' AS smallint,
	   lead_frame(won::int::bigint, l)::text = :'f' AS bigint
FROM leads l;
CREATE DOMAIN outcome AS smallint CHECK (VALUE IN (0, 1));
SELECT lead_frame(won::int::outcome, l)::text = :'f' AS domain FROM leads l;
SELECT error_of('SELECT lead_frame(2, l) FROM leads l');
SELECT error_of('SELECT lead_frame(-1::smallint, l) FROM leads l');
SELECT error_of('SELECT lead_frame(9223372036854775807, l) FROM leads l');
SELECT error_of('SELECT lead_frame(won::text, l) FROM leads l');
SELECT error_of('SELECT lead_frame(1.0, l) FROM leads l');
SELECT error_of('SELECT lead_frame(''t'', l) FROM leads l');

-- NULL rows: an outer join makes them, ROW(NULL) is none
SELECT error_of('SELECT lead_frame(true, NULL::leads)');
SELECT error_of('SELECT lead_frame(o.i = 1, l) FROM generate_series(1, 2) o(i)
				 LEFT JOIN leads l ON l.clicks = 77');
SELECT rows, nulls, "column" FROM lead_describe(
	(SELECT lead_frame(true, ROW(NULL, NULL, NULL, NULL)::leads)));

-- nothing in, nothing out
SELECT lead_frame(won, l) IS NULL AS no_rows FROM leads l WHERE false;
SELECT lead_frame(won, l) FILTER (WHERE false) IS NULL AS all_filtered FROM leads l;
SELECT lead_frame(NULL::leadframe) IS NULL AS no_frames;
SELECT lead_describe(NULL) IS NULL AS no_frame;
SELECT "column", rows, nulls, "distinct" FROM lead_describe(
	(SELECT lead_frame(NULL::boolean, l) FROM leads l));
-- no columns at all
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
SELECT count(*) FROM lead_describe((SELECT lead_frame(true, n) FROM nothing n));

-- GROUP BY, FILTER and windows
SELECT clicks % 2 AS odd, (SELECT max(rows) FROM lead_describe(lead_frame(won, l))) AS rows,
	   (SELECT max(rows) FROM lead_describe(lead_frame(won, l) FILTER (WHERE city = 'Oslo'))) AS oslo
FROM leads l GROUP BY 1 ORDER BY 1;
SELECT DISTINCT clicks, (SELECT max(rows) FROM lead_describe(f)) AS rows
FROM (SELECT clicks, lead_frame(won, l) OVER (ORDER BY clicks) AS f FROM leads l) s
ORDER BY 1;
SELECT lead_frame(DISTINCT won, t)::text = :'f' AS distinct_rows
FROM (SELECT * FROM leads UNION ALL SELECT * FROM leads) t;
SELECT error_of($$SELECT lead_train(won, l) OVER (ORDER BY clicks
	ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) FROM leads l$$);

-- row types that take turns
SELECT (SELECT string_agg(most_frequent, '; ') FROM lead_describe(f))
FROM (SELECT lead_frame(i % 3 = 0, r ORDER BY i) AS f
	  FROM (SELECT i, q AS r FROM (SELECT i, 'odd'::varchar(5) AS c
								   FROM generate_series(1, 5, 2) i OFFSET 0) q
			UNION ALL
			SELECT i, q FROM (SELECT i, 'even'::varchar(6) AS c
							  FROM generate_series(2, 4, 2) i OFFSET 0) q) u) s;

-- numbers and times with which nothing can be computed
SELECT error_of($$SELECT lead_train(i % 2 = 0, x) FROM
	(SELECT i, (i % 3) * 1e200::float8 AS amount FROM generate_series(1, 60) i) x$$);
SELECT error_of($$SELECT lead_frame(true, l, '{"columns": {"d": {"parts": ["year"]}}}')
	FROM (SELECT date '5874897-01-01' AS d) l$$);
SELECT "column", most_frequent FROM lead_describe((
	SELECT lead_frame(true, l, '{"columns": {"d": {"parts": ["year"]}}}')
	FROM (SELECT date '0044-03-15 BC' AS d) l));

-- months of one season: said once where a model comes of it, else not
CREATE TABLE season AS SELECT i % 3 = 0 AS won, i % 5 AS a,
	   timestamp '2024-01-01' + i * interval '1 day' AS t FROM generate_series(1, 120) i;
SELECT count(*) FROM lead_describe((
	SELECT lead_frame(won, s, '{"columns": {"t": {"parts": ["month"]}}}') FROM season s));
SELECT lead_train(won, s, '{"columns": {"t": {"parts": ["month"]}}}') IS NOT NULL AS trained
FROM season s;

-- ---- types ----

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN country AS char(2);
CREATE DOMAIN share AS numeric CHECK (VALUE >= 0);
CREATE DOMAIN share2 AS share;
CREATE TABLE every_type (
	a_bool boolean,
	a_int2 smallint,
	a_int4 integer,
	a_int8 bigint,
	a_float4 real,
	a_float8 double precision,
	a_numeric numeric,
	a_text text,
	a_varchar varchar(20),
	a_char char(8),
	a_name name,
	a_byte_char "char",
	a_enum mood,
	a_uuid uuid,
	a_date date,
	a_timestamp timestamp,
	a_timestamptz timestamptz,
	a_interval interval,
	a_domain country,
	a_domain_of_domain share2
);
INSERT INTO every_type VALUES
	(true, 1, -1, 9007199254740993, 0.5, -0.0, 12345678901234567890.5, 'x', 'y', 'z ', 'n', 'c',
	 'happy', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2024-02-29', '2024-02-29 12:34:56.789',
	 '2024-02-29 12:34:56+02', '1 month 1 day 01:00:00', 'NO', 0.25),
	(false, 2, 2, 3, 4, 5, 6, '', 'ÿ', 'z', 'm', 'd', 'sad',
	 '00000000-0000-0000-0000-000000000000', '0001-01-01', '0001-01-01', '0001-01-01 00:00:00+00',
	 '-1 second', 'N', 0),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
	 NULL, NULL, NULL, NULL, NULL);
SELECT "column", type, kind, nulls, "distinct", min, max, most_frequent
FROM lead_describe((SELECT lead_frame(a_bool, e) FROM every_type e)) ORDER BY "column" COLLATE "C";
SELECT "column", nulls, "distinct", min, max, most_frequent
FROM lead_describe((SELECT lead_frame(a_int2 = 1, e) FROM every_type e)) ORDER BY "column" COLLATE "C";
-- a frame does not depend on how the session shows values
SELECT lead_frame(a_int2 = 1, e) AS shown FROM every_type e \gset
SET extra_float_digits = -15;
SET datestyle = 'German, DMY';
SET intervalstyle = 'sql_standard';
SET timezone = 'Asia/Kolkata';
SET bytea_output = 'escape';
SELECT lead_frame(a_int2 = 1, e)::text = :'shown' AS same FROM every_type e;
RESET extra_float_digits;
RESET datestyle;
RESET intervalstyle;
RESET bytea_output;
SET timezone = 'UTC';

-- negative zero is zero
SELECT "distinct" FROM lead_describe((SELECT lead_frame(x > 0, ROW(x))
	FROM (VALUES (0.0::float8), ('-0'), (0)) v(x)));

-- types that cannot be a feature: the column, the type, and what to do
CREATE TABLE odd_types (ok integer, a_json jsonb, "an ""array""" text[], a_point point,
						a_row leads, a_bytea bytea, a_money money, a_range int4range, an_inet inet,
						a_time time);
INSERT INTO odd_types (ok) VALUES (1), (2);
SELECT error_of('SELECT lead_frame(true, o) FROM odd_types o');
SELECT error_of(format('SELECT lead_frame(true, s) FROM (SELECT ok, %I FROM odd_types) s', attname))
FROM pg_attribute WHERE attrelid = 'odd_types'::regclass AND attnum > 1 ORDER BY attnum;
SELECT error_of('SELECT lead_frame(true, o, ''{"exclude": ["a_json", "an \"array\"", "a_point", "a_row",
	"a_bytea", "a_money", "a_range", "an_inet", "a_time"]}'') FROM odd_types o');

-- numbers that are none
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ''NaN''::float8 AS "click rate") s');
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ''-Infinity''::real AS clicks) s');
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ''NaN''::numeric AS clicks) s');
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ''Infinity''::numeric AS clicks) s');
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT 10::numeric ^ 400 AS clicks) s');
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ''infinity''::date AS created) s');
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ''-infinity''::timestamptz AS created) s');
-- rows without a label are not read
SELECT error_of('SELECT lead_frame(NULL::bool, s) FROM (SELECT ''NaN''::float8 AS x) s');

-- ---- names ----

CREATE TABLE "odd Names" ("it's" integer, "a ""quoted"" name" integer, "with space" integer,
						  "größe" integer, "Upper" integer, upper integer, " " integer,
						  "a.b" integer, "{}" integer, dropped integer, "%s%n" integer,
						  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" integer);
INSERT INTO "odd Names" SELECT i % 2, i % 3, i % 4, i % 5, i % 6, i % 7, i, i, i, i, i, i
FROM generate_series(1, 20) i;
ALTER TABLE "odd Names" DROP COLUMN dropped;
ALTER TABLE "odd Names" ADD COLUMN added integer DEFAULT 7;
SELECT "column", nulls, "distinct", treatment
FROM lead_describe((SELECT lead_frame("it's" = 1, o, '{"exclude": ["größe"]}') FROM "odd Names" o));
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT ARRAY[1] AS "größe \ ""x""") s');

-- two columns of one name
SELECT error_of('SELECT lead_frame(true, s) FROM (SELECT 1 AS a, 2 AS b, 3 AS a) s');
SELECT error_of('SELECT lead_frame(true, s, ''{"columns": {"t": {"parts": ["hour"]}}}'')
				 FROM (SELECT now()::timestamp AS t, 3 AS "t.hour") s');
-- a row without names has those that PostgreSQL gives it
SELECT "column" FROM lead_describe((SELECT lead_frame(true, ROW(1, 'x'))));

-- rows whose columns change on the way
CREATE FUNCTION any_row(i integer) RETURNS record LANGUAGE plpgsql AS $$
BEGIN
	IF i = 1 THEN RETURN ROW(1, 'x'::text); END IF;
	IF i = 2 THEN RETURN ROW(2, 'y'::text); END IF;
	IF i = 3 THEN RETURN ROW(2::bigint, 'y'::text); END IF;
	RETURN ROW(2);
END;
$$;
SELECT error_of('SELECT lead_frame(true, any_row(i)) FROM generate_series(1, 2) i');
SELECT error_of('SELECT lead_frame(true, any_row(i)) FROM generate_series(1, 3) i');
SELECT error_of('SELECT lead_frame(true, any_row(i)) FROM unnest(ARRAY[1, 4]) i');

-- partitions and children whose columns stand elsewhere
CREATE TABLE parted (won boolean, city text, clicks integer) PARTITION BY LIST (city);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a');
CREATE TABLE parted_b (junk text, clicks integer, city text, won boolean);
ALTER TABLE parted_b DROP COLUMN junk;
ALTER TABLE parted ATTACH PARTITION parted_b FOR VALUES IN ('b');
INSERT INTO parted SELECT i % 3 = 0, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, i % 4
FROM generate_series(1, 40) i;
SELECT lead_frame(won, p)::text = (SELECT lead_frame(won, s)::text
	FROM (SELECT * FROM parted ORDER BY clicks) s) AS partitions FROM parted p;

-- ---- union ----

SELECT ((SELECT lead_frame(won, l) FROM leads l WHERE clicks < 2) ||
		(SELECT lead_frame(won, l) FROM leads l WHERE clicks >= 2))::text = :'f' AS parts,
	   (lead_frame(won, l) || NULL) IS NULL AS with_null
FROM leads l;
SELECT lead_frame(f)::text = :'f' AS aggregate
FROM (SELECT lead_frame(won, l) AS f FROM leads l GROUP BY clicks UNION ALL SELECT NULL) s;
-- twice the rows, the same values
SELECT "column", rows, nulls, "distinct" FROM lead_describe(:'f'::leadframe || :'f');

-- columns that one frame lacks are NULL in its rows
SELECT lead_frame(true, s) AS f1 FROM (SELECT 1 AS a, 'x' AS b) s \gset
SELECT lead_frame(false, s) AS f2 FROM (SELECT 'y' AS b, 2.5 AS c) s \gset
SELECT "column", rows, nulls, "distinct", most_frequent
FROM lead_describe(:'f1'::leadframe || :'f2');
SELECT (:'f1'::leadframe || :'f2')::text = (:'f2'::leadframe || :'f1')::text AS commutes;

-- types of one class widen, others are an error
SELECT "column", type FROM lead_describe(:'f1'::leadframe ||
	(SELECT lead_frame(true, s) FROM (SELECT 2.5 AS a) s));
SELECT error_of(format('SELECT %L::leadframe || (SELECT lead_frame(true, s)
	FROM (SELECT ''one'' AS a) s)', :'f1'));
SELECT error_of(format('SELECT lead_frame(f) FROM (SELECT %L::leadframe AS f UNION ALL
	SELECT lead_frame(true, s) FROM (SELECT true AS a) s) u', :'f1'));
SELECT error_of(format('SELECT %L::leadframe || (SELECT lead_frame(true, s, ''{"weight": "a"}'')
	FROM (SELECT 1 AS a) s)', :'f1'));
SELECT lead_frame(true, s, '{"weight": "a"}') AS fw FROM (SELECT 1 AS a, 1 AS z) s \gset
SELECT error_of(format('SELECT %L::leadframe || (SELECT lead_frame(true, s, ''{"weight": "z"}'')
	FROM (SELECT 1 AS z) s)', :'fw'));
SELECT error_of(format('SELECT %L::leadframe || (SELECT lead_frame(true, s, ''{"offset": "a"}'')
	FROM (SELECT 1 AS a) s)', :'fw'));

SELECT error_of(format('SELECT %L::leadframe || (SELECT lead_frame(true, s, ''{"weight": "y"}'')
	FROM (SELECT 1 AS y) s)', :'fw'));
SELECT error_of('SELECT (SELECT lead_frame(true, s, ''{"columns": {"t": {"parts": ["dow"]}}}'')
	FROM (SELECT now()::date AS t) s) || (SELECT lead_frame(true, s) FROM (SELECT now()::date AS "t.dow") s)');
-- a weight that one frame lacks is missed at the fit, not before
SELECT error_of(format('SELECT lead_fit(%L::leadframe || (SELECT lead_frame(false, s)
	FROM (SELECT 1 AS z) s))', :'fw'));

-- parts of a timestamptz depend on the time zone
SELECT lead_frame(true, s, '{"timezone": "Europe/Oslo", "columns": {"t": {"parts": ["hour", "dow", "day", "month", "quarter", "year"]}}}') AS oslo
FROM (VALUES ('2024-03-01 23:30+00'::timestamptz), ('1999-12-31 22:59:59+00')) s(t) \gset
SELECT "column", type, kind, min, max, most_frequent FROM lead_describe(:'oslo');
SELECT error_of(format('SELECT %L::leadframe || lead_frame(true, s, ''{"columns": {"t": {"parts": ["hour"]}}}'')
	FROM (SELECT now() AS t) s', :'oslo'));
-- a column with parts on one side only
SELECT "column", nulls FROM lead_describe((SELECT :'oslo'::leadframe || lead_frame(true, s)
	FROM (SELECT '2024-06-01 00:00+00'::timestamptz AS t) s));
-- a time that is NULL in one frame keeps the range of the other
SELECT min, max, nulls FROM lead_describe((SELECT lead_frame(f) FROM (
	SELECT lead_frame(true, s) AS f FROM (VALUES ('2024-06-01'::date), (NULL)) s(t) GROUP BY t) u));
SELECT min, max, nulls FROM lead_describe((
	(SELECT lead_frame(true, s) FROM (SELECT '2024-06-01'::date AS t) s) ||
	(SELECT lead_frame(true, s) FROM (SELECT NULL::date AS t) s)));

-- ---- overflow ----

-- more values than max_distinct: rows and NULLs only, whatever the order
SELECT lead_frame(i % 2 = 0, s, '{"max_distinct": 5}') AS five
FROM (SELECT i, 'v' || (i % 5) AS v FROM generate_series(1, 60) i) s \gset
SELECT lead_frame(i % 2 = 0, s, '{"max_distinct": 5}') AS six
FROM (SELECT i, 'v' || (i % 6) AS v FROM generate_series(1, 60) i) s \gset
SELECT "column", kind, rows, nulls, "distinct", min, most_frequent, treatment FROM lead_describe(:'five');
SELECT "column", kind, rows, nulls, "distinct", min, most_frequent, treatment FROM lead_describe(:'six');
SELECT lead_frame(i % 2 = 0, s, '{"max_distinct": 5}')::text = :'six' AS backwards
FROM (SELECT i, 'v' || (i % 6) AS v FROM generate_series(60, 1, -1) i) s;
SELECT lead_frame(f)::text = :'six' AS by_parts, (min(f::text)::leadframe || max(f::text)::leadframe)::text = :'six' AS by_two
FROM (SELECT lead_frame(i % 2 = 0, s, '{"max_distinct": 5}') AS f
	  FROM (SELECT i, 'v' || (i % 6) AS v FROM generate_series(1, 60) i) s GROUP BY i % 6 < 3) s;
-- it survives merging, and the lower limit counts, in any order
SELECT lead_frame(true, s) AS many FROM (SELECT 'w' || i AS v FROM generate_series(1, 20) i) s \gset
SELECT "column", "distinct" FROM lead_describe(:'six'::leadframe || :'five');
SELECT "column", "distinct" FROM lead_describe(:'many'::leadframe || :'many') WHERE "column" = 'v';
SELECT (:'many'::leadframe || :'five')::text = (:'five'::leadframe || :'many')::text AS commutes,
	   lead_frame(f)::text = (:'many'::leadframe || :'five')::text AS aggregate
FROM (VALUES (:'five'::leadframe), (:'many')) v(f);
SELECT count(DISTINCT f::text) AS any_order, max((SELECT "distinct" FROM lead_describe(f))) AS overflowed
FROM (VALUES (1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)) o(a, b, c),
	LATERAL (SELECT lead_frame(s.f ORDER BY s.n) AS f
		FROM (SELECT CASE k WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END AS n,
			CASE k WHEN 1 THEN lead_frame(true, ROW('w1'), '{"max_distinct": 2}')
				   WHEN 2 THEN lead_frame(true, ROW('w2'), '{"max_distinct": 3}')
				   ELSE (SELECT lead_frame(true, ROW('w' || i)) FROM generate_series(1, 3) i) END AS f
			FROM generate_series(1, 3) k GROUP BY k) s) l;
-- the number of numbers has no such limit
SELECT "column", "distinct", most_frequent FROM lead_describe((SELECT lead_frame(true, s, '{"max_distinct": 5}')
	FROM (SELECT i, i / 7.0 AS x FROM generate_series(1, 60) i) s));
-- texts of more than 1,024 bytes are no levels
SELECT "column", "distinct" FROM lead_describe((SELECT lead_frame(true, s)
	FROM (SELECT repeat('x', 1024) AS fits, repeat('ü', 513) AS long, repeat('y', 100000) AS toasted) s));
-- a role needs its values
SELECT error_of('SELECT lead_frame(true, s, ''{"group": "v", "max_distinct": 3}'')
	FROM (SELECT ''v'' || i AS v FROM generate_series(1, 4) i) s');

-- more numbers than a dictionary takes: plain, in any order and after merging
CREATE TABLE numbers AS SELECT i % 2 = 0 AS won, i * 0.5 AS x, i % 3 AS y
FROM generate_series(1, 65600) i;
SELECT lead_frame(won, n) AS plain FROM numbers n \gset
SELECT "column", "distinct", min, max, round(mean::numeric, 6) AS mean, round(sd::numeric, 6) AS sd, most_frequent
FROM lead_describe(:'plain');
SELECT lead_frame(won, n)::text = :'plain' AS backwards FROM (SELECT * FROM numbers ORDER BY x DESC) n;
SELECT lead_frame(f)::text = :'plain' AS by_parts
FROM (SELECT lead_frame(won, n) AS f FROM numbers n GROUP BY y) s;

-- ---- input and output ----

SELECT :'f'::leadframe::text = :'f' AS text, upper(substr(:'f', 3)) <> '' AS hex,
	   ('\x' || upper(substr(:'f', 3)))::leadframe::text = :'f' AS upper_case;
SELECT error_of($$SELECT ''::leadframe$$);
SELECT error_of($$SELECT 'city'::leadframe$$);
SELECT error_of($$SELECT '\x'::leadframe$$);
SELECT error_of($$SELECT '\x00'::leadframe$$);
SELECT error_of($$SELECT '\x0'::leadframe$$);
SELECT error_of($$SELECT '\xfg'::leadframe$$);
SELECT error_of($$SELECT '\x4c46524d63000000000000000000'::leadframe$$);
SELECT error_of(format('SELECT %L::leadframe', :'f' || '00'));
CREATE TABLE frames (id integer, f leadframe);
INSERT INTO frames VALUES (1, :'f'), (2, :'plain'), (3, NULL), (4, :'shown');
CREATE TABLE frames_back (LIKE frames);
\set file `mktemp`
\setenv LEADSCORE_FILE :file
\copy frames TO PROGRAM 'cat > "$LEADSCORE_FILE"'
\copy frames_back FROM PROGRAM 'cat "$LEADSCORE_FILE"'
\copy frames TO PROGRAM 'cat > "$LEADSCORE_FILE"' (FORMAT binary)
\copy frames_back FROM PROGRAM 'cat "$LEADSCORE_FILE"' (FORMAT binary)
\! rm "$LEADSCORE_FILE"
SELECT id, count(*), count(DISTINCT b.f::text), bool_and(a.f::text = b.f::text) AS same
FROM frames a JOIN frames_back b USING (id) GROUP BY id ORDER BY id;

-- as many columns as a table can have
\set ECHO none
SELECT format('CREATE TABLE wide (%s)', string_agg(format('c%s integer', i), ', '))
FROM generate_series(1, 1600) i \gexec
\set ECHO all
INSERT INTO wide DEFAULT VALUES;
SELECT count(*) FROM lead_describe((SELECT lead_frame(true, w) FROM wide w));

-- frames keep their rows apart in GROUP BY with many groups
SELECT count(*), sum((SELECT max(rows) FROM lead_describe(f)))
FROM (SELECT lead_frame(won, n) AS f FROM numbers n GROUP BY (x * 2)::integer % 500) s;

SET client_min_messages = warning;
DROP SCHEMA frame_test CASCADE;

-- equal frames are equal values
SELECT a = b AS same, a <> b AS different, count(*) OVER () AS rows
FROM (SELECT lead_frame(i % 2 = 0, r) AS a, lead_frame(i % 2 = 0, r ORDER BY i DESC) AS b
	  FROM generate_series(1, 50) AS i, LATERAL (SELECT i % 3 AS x, i % 5 AS y) AS r) AS f;
SELECT count(*) AS frames
FROM (SELECT DISTINCT lead_frame(true, r)
	  FROM generate_series(1, 6) AS i, LATERAL (SELECT i % 2 AS x) AS r
	  GROUP BY i % 3) AS f;
