-- lead_label: honest labels
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';

SELECT c.what, lead_label(c.created, c.won_at, '30 days', c.as_of) AS label
FROM (VALUES
	(1, 'won in time', '2024-01-01'::timestamptz, '2024-01-10'::timestamptz, '2024-06-01'::timestamptz),
	(2, 'won in time, horizon still open', '2024-01-01', '2024-01-10', '2024-01-15'),
	(3, 'won at the last moment', '2024-01-01', '2024-01-31', '2024-06-01'),
	(4, 'won a microsecond late', '2024-01-01', '2024-01-31 00:00:00.000001', '2024-06-01'),
	(5, 'won late, horizon just over', '2024-01-01', '2024-03-01', '2024-01-31'),
	(6, 'not won, horizon over', '2024-01-01', NULL, '2024-06-01'),
	(7, 'not won, horizon ends now', '2024-01-01', NULL, '2024-01-31'),
	(8, 'not won, horizon open', '2024-01-01', NULL, '2024-01-30 23:59:59.999999'),
	(9, 'won, but not known yet', '2024-01-01', '2024-01-20', '2024-01-15'),
	(10, 'won at the moment of asking', '2024-01-01', '2024-01-15', '2024-01-15'),
	(11, 'won two days before it was created', '2024-01-01', '2023-12-30', '2024-01-15'),
	(12, 'created after the moment of asking', '2024-02-01', '2024-01-10', '2024-01-15'),
	(13, 'no date of creation', NULL, '2024-01-10', '2024-06-01'),
	(14, 'no moment of asking', '2024-01-01', '2024-01-10', NULL),
	(15, 'never won', '2024-01-01', 'infinity', '2024-06-01'),
	(16, 'asked for ever', '2024-01-01', NULL, 'infinity')
) c(i, what, created, won_at, as_of)
ORDER BY c.i;

SELECT lead_label('2024-01-01', '2024-01-02', NULL, '2024-06-01') IS NULL AS no_horizon,
	   lead_label('2024-01-01', '2024-01-01', '0', '2024-01-01') AS horizon_of_nothing;
SELECT lead_label('2024-01-01', NULL, '-1 day', '2024-06-01');

-- a day of the horizon is a day of the session's clock
SET TimeZone = 'Europe/Berlin';
SELECT lead_label('2024-03-30 12:00', '2024-03-31 11:30+02', '1 day', '2024-06-01') AS day,
	   lead_label('2024-03-30 12:00', '2024-03-31 12:30+02', '24 hours', '2024-06-01') AS hours,
	   lead_label('2024-03-30 12:00', '2024-03-31 12:30+02', '1 day', '2024-06-01') AS short_day;
RESET TimeZone;

-- lead_fold: these numbers must never change.  They come from the definition
-- in label.c, written down in Python:
--	 M = (1 << 64) - 1
--	 def mix(x):
--		 x ^= x >> 30; x = x * 0xBF58476D1CE4E5B9 & M
--		 x ^= x >> 27; x = x * 0x94D049BB133111EB & M
--		 return x ^ x >> 31
--	 def fold(key, k, seed=0):
--		 h = 0xCBF29CE484222325 ^ mix(seed & M)
--		 for b in key.encode(): h = (h ^ b) * 0x100000001B3 & M
--		 return mix(h) % k
SELECT lead_fold('', 1000) AS "203", lead_fold('a', 1000) AS "736",
	   lead_fold(U&'M\00FCnchen', 1000) AS "324";
SELECT lead_fold(42, 1000), lead_fold('42'::text, 1000), lead_fold(42::smallint, 1000),
	   lead_fold(42::bigint, 1000), lead_fold('42'::varchar, 1000);
SELECT lead_fold(42, 1000, 1), lead_fold(42, 1000, -7), lead_fold(42, 2147483647), lead_fold(42, 1);
SELECT lead_fold((-9223372036854775808)::bigint, 1000);
SELECT lead_fold('2024-02-29'::date, 1000), lead_fold('0044-03-15 BC'::date, 1000),
	   lead_fold('infinity'::date, 1000);
SELECT lead_fold('F47AC10B-58CC-4372-A567-0E02B2C3D479'::uuid, 1000);
SELECT lead_fold(key => 'lead-42'::text, k => 1000, seed => 0);

-- no setting matters
SET DateStyle = 'SQL, DMY';
SELECT lead_fold('29/02/2024'::date, 1000);
RESET DateStyle;

SELECT lead_fold(NULL::text, 5) IS NULL AND lead_fold(7, NULL) IS NULL AS no_key_no_fold;
SELECT lead_fold(42, 0);
SELECT lead_fold('x'::text, -3);

-- may stand in an index
CREATE TEMP TABLE folded (id int, name text);
CREATE INDEX ON folded (lead_fold(id, 5), lead_fold(name, 5));

SELECT proname, provolatile, proparallel, count(*)
FROM pg_proc WHERE proname IN ('lead_label', 'lead_fold')
GROUP BY 1, 2, 3 ORDER BY 1;
