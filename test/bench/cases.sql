-- cases.sql: the models, and what is measured, as two tables.
--
--   bench.query   a statement that is timed, and how
--   bench.line    a line of the result: a query, the query it is compared with,
--                 and the ratio that is wanted
--
-- "Serial" is the rule; a query that asks for workers gets them whatever the
-- planner thinks, so that the same plan is measured at every size.
\set ON_ERROR_STOP on
SET max_parallel_workers_per_gather = 0;
CREATE EXTENSION IF NOT EXISTS leadscore;
CREATE SCHEMA bench;

ALTER TABLE leads ADD PRIMARY KEY (id);
VACUUM (ANALYZE, FREEZE) leads, pts;
-- A table of more than a quarter of the shared memory is not kept there by reading it.
SELECT count(*) > 0 AS prewarm FROM pg_available_extensions WHERE name = 'pg_prewarm' \gset
\if :prewarm
CREATE EXTENSION pg_prewarm;
SELECT pg_prewarm('leads') + pg_prewarm('pts') AS pages \gset
\endif
CREATE TABLE bench.query (name text PRIMARY KEY, sql text NOT NULL,
	workers int NOT NULL DEFAULT 0, before text NOT NULL DEFAULT '');
CREATE TABLE bench.line (n int GENERATED ALWAYS AS IDENTITY, label text, query text, against text,
	target numeric, memory boolean NOT NULL DEFAULT false);
-- External: as large as they are, and outside the row.
CREATE TABLE bench.model (name text PRIMARY KEY, model bytea NOT NULL);
ALTER TABLE bench.model ALTER model SET STORAGE EXTERNAL;

-- The columns in use, for the scan (label included) and for the aggregates.
CREATE FUNCTION bench.list(source regclass, label name, pattern text, text_pattern text DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format(CASE atttypid WHEN 'text'::regtype THEN coalesce(text_pattern, pattern)
		ELSE pattern END, attname), ', ' ORDER BY attnum)
	FROM pg_attribute
	WHERE attrelid = source AND attnum > 0 AND NOT attisdropped
		AND attname NOT IN ('id', 'created_date') AND attname IS DISTINCT FROM label $$;

SELECT format('SELECT %s FROM leads', bench.list('leads', NULL, 'sum(%I)', 'count(%I)')) AS scan,
	format('SELECT %s FROM pts', bench.list('pts', NULL, 'sum(%I)')) AS scan_pts,
	format('_columns(app_complete_flag, ''{"names": [%s]}'', %s)',
		bench.list('leads', 'app_complete_flag', '"%s"'), bench.list('leads', 'app_complete_flag', '%I')) AS columns,
	format('_columns(y, ''{"names": [%s]}'', %s)',
		bench.list('pts', 'y', '"%s"'), bench.list('pts', 'y', '%I')) AS columns_pts,
	format('''{"names": [%s]}'', %s', bench.list('leads', NULL, '"%s"'), bench.list('leads', NULL, '%I')) AS profiled,
	format('''{"names": [%s]}'', %s', bench.list('pts', NULL, '"%s"'), bench.list('pts', NULL, '%I')) AS profiled_pts \gset

INSERT INTO bench.query (name, workers, sql) VALUES
	('scan leads', 0, :'scan'),
	('scan leads, 2 workers', 2, :'scan'),
	('scan pts', 0, :'scan_pts'),
	('train row', 0, 'SELECT length(lead_train(app_complete_flag, l)) FROM leads l'),
	('train row, key excluded', 0,
		'SELECT length(lead_train(app_complete_flag, l, ''{"exclude": ["id", "created_date"]}'')) FROM leads l'),
	('train columns', 0, format('SELECT length(lead_train%s) FROM leads', :'columns')),
	('train columns, 2 workers', 2, format('SELECT length(lead_train%s) FROM leads', :'columns')),
	('frame columns', 0, format('SELECT lead_frame%s IS NOT NULL FROM leads', :'columns')),
	('train pts', 0, format('SELECT length(lead_train%s) FROM pts', :'columns_pts'));
-- A frame has at most 500 MB, which rows of 160 bytes soon are.
INSERT INTO bench.query (name, sql)
SELECT 'frame pts', format('SELECT lead_frame%s IS NOT NULL FROM pts', :'columns_pts')
WHERE :rows <= 3000000;
-- A row of pts takes 172 bytes: with the default of 64 MB most of them go to a file.
INSERT INTO bench.query (name, before, sql)
SELECT 'train pts in memory', 'SET leadscore.work_mem = ''1GB'';', sql FROM bench.query WHERE name = 'train pts';

-- Models.  That of 100 kB is the one of "leads" with counts as levels; those of
-- 1 MB and 1 kB look up one text each, among 500 levels and among 3.
SELECT format('INSERT INTO bench.model SELECT %L, lead_train%s FROM leads', 'leads', :'columns') \gexec
SELECT format('INSERT INTO bench.model SELECT %L, lead_train%s FROM pts', 'pts', :'columns_pts') \gexec
-- The known log loss is that of a fit which takes a missing number for 2.
SELECT format('INSERT INTO bench.model SELECT %L, lead_train%s FROM leads', 'leads, missing as 2',
	replace(replace(:'columns', 'city_tier,', 'coalesce(city_tier, 2),'),
		'total_leads_dropped,', 'coalesce(total_leads_dropped, 2),')) \gexec
INSERT INTO bench.model
SELECT '100 kB', lead_train(app_complete_flag, l, '{"exclude": ["id", "created_date"], "columns": {
	"city_tier": {"as": "categorical"}, "total_leads_dropped": {"as": "categorical"}}}')
FROM leads l;
CREATE TABLE levels AS SELECT id, 'v' || id % 500 AS v, (id * 7919::bigint % 17 > 8)::int AS y FROM leads;
VACUUM (ANALYZE, FREEZE) levels;
INSERT INTO bench.model SELECT '1 MB', lead_train(y, s, '{"max_levels": 500, "min_count": 2}')
FROM (SELECT v, y FROM levels) s;
INSERT INTO bench.model SELECT '1 kB', lead_train(y, s, '{"covariance": false}')
FROM (SELECT v, y FROM levels WHERE v IN ('v1', 'v2', 'v3')) s;

INSERT INTO bench.query (name, sql)
SELECT format('score %s', m), format('SELECT sum(lead_score((SELECT model FROM bench.model WHERE name = %L), l)) FROM %I l', m, t)
FROM (VALUES ('leads', 'leads'), ('1 MB', 'levels'), ('1 kB', 'levels')) v(m, t);
-- by name: the same, and a training with all that is kept of it
SELECT lead_train_model('leads', 'leads', 'app_complete_flag', holdout => '{"by": "none"}');
INSERT INTO bench.query (name, sql) VALUES
	('score name', 'SELECT sum(lead_score(''leads'', l)) FROM leads l'),
	('train name', 'SELECT version FROM lead_train_model(''leads'', ''leads'', ''app_complete_flag'')');
INSERT INTO bench.query (name, before, sql) VALUES
	('write scores', 'DROP TABLE IF EXISTS scores;',
	 'CREATE TABLE scores AS SELECT id, lead_score((SELECT model FROM bench.model WHERE name = ''leads''), l) AS score FROM leads l');

-- Trees of the same rows: from the frame to the model, and the models' scores.
CREATE TABLE bench.frame AS
SELECT lead_frame(app_complete_flag, l, '{"exclude": ["id", "created_date"]}') AS frame FROM leads l;
\set boost '{"family": "boost", "trees": 100, "depth": 6, "mtry": 100}'
\set forest '{"family": "forest", "trees": 100, "depth": 10}'
INSERT INTO bench.model
SELECT 'boost', lead_fit(frame, :'boost') FROM bench.frame
UNION ALL SELECT 'forest', lead_fit(frame, :'forest') FROM bench.frame;
INSERT INTO bench.query (name, sql) VALUES
	('fit boost', format('SELECT length(lead_fit(frame, %L)) FROM bench.frame', :'boost')),
	('fit forest', format('SELECT length(lead_fit(frame, %L)) FROM bench.frame', :'forest')),
	('score boost', 'SELECT sum(lead_score((SELECT model FROM bench.model WHERE name = ''boost''), l)) FROM leads l'),
	('score forest', 'SELECT sum(lead_score((SELECT model FROM bench.model WHERE name = ''forest''), l)) FROM leads l');
INSERT INTO bench.query (name, before, sql)
SELECT format('write scores, %s', family), 'DROP TABLE IF EXISTS scores;',
	format('CREATE TABLE scores AS SELECT id, lead_score((SELECT model FROM bench.model WHERE name = %L), l) AS score FROM leads l', family)
FROM (VALUES ('boost'), ('forest')) v(family);

-- What somebody with the coefficients in hand would write.  A design column of
-- lead_coefficients() is a number, "is null" of a number, or a level of a text;
-- beside the expression the same in the format of libsvm, for liblinear.
CREATE VIEW bench.design AS
SELECT n - 1 AS j, c."column", c.level, coalesce(c.estimate, 0) AS b, d.mean, a.atttypid = 'text'::regtype AS is_text,
	lead_info(m.model) -> 'references' ->> c."column" AS reference
FROM bench.model m, lead_coefficients(m.model) WITH ORDINALITY AS c("column", level, name, estimate,
		std_error, z, p, ci_low, ci_high, odds_ratio, odds_low, odds_high, std_estimate, n)
	JOIN LATERAL jsonb_to_recordset(lead_info(m.model) -> 'coefficients') AS d(name text, mean float8)
		ON d.name = c.name
	LEFT JOIN pg_attribute a ON a.attrelid = 'leads'::regclass AND a.attname = c."column"
WHERE m.name = 'leads';

WITH t AS (
	SELECT "column", min(j) AS j,
		CASE WHEN bool_or(is_text) THEN
			format('CASE %I %s WHEN %L THEN 0 ELSE %L::float8 END', "column",
				string_agg(format('WHEN %L THEN %L::float8', level, b), ' ' ORDER BY j) FILTER (WHERE level <> '(other)'),
				min(reference), coalesce(min(b) FILTER (WHERE level = '(other)'), 0))
		ELSE
			string_agg(CASE WHEN level IS NULL THEN format('%L::float8 * coalesce(%I, %L::float8)', b, "column", mean)
				ELSE format('CASE WHEN %I IS NULL THEN %L::float8 ELSE 0 END', "column", b) END, ' + ' ORDER BY j)
		END AS term,
		CASE WHEN bool_or(is_text) THEN
			format('CASE %I %s WHEN %L THEN '''' ELSE %L END', "column",
				string_agg(format('WHEN %L THEN '' %s:1''', level, j), ' ' ORDER BY j) FILTER (WHERE level <> '(other)'),
				min(reference), coalesce(' ' || min(j) FILTER (WHERE level = '(other)') || ':1', ''))
		ELSE
			format('CASE WHEN %1$I <> 0 THEN '' %2$s:'' || %1$I WHEN %1$I IS NULL THEN '' %2$s:%3$s %4$s:1'' ELSE '''' END',
				"column", min(j), round(min(mean) FILTER (WHERE level IS NULL)::numeric, 6), max(j))
		END AS libsvm
	FROM bench.design WHERE j > 0 GROUP BY "column"
)
SELECT format('1 / (1 + exp(-(%L::float8 + %s)))', (SELECT b FROM bench.design WHERE j = 0),
		string_agg(term, ' + ' ORDER BY j)) AS expression,
	format('CASE app_complete_flag WHEN 1 THEN ''+1'' ELSE ''-1'' END || %s',
		string_agg(libsvm, ' || ' ORDER BY j)) AS libsvm
FROM t \gset

INSERT INTO bench.query (name, sql) VALUES
	('CASE', format('SELECT sum(%s) FROM leads', :'expression')),
	('libsvm', format('SELECT %s FROM leads ORDER BY id', :'libsvm')),
	('CASE deviates by', format('SELECT max(abs(%s - lead_score((SELECT model FROM bench.model WHERE name = ''leads''), l))) FROM leads l', :'expression'));

-- Profiles of all rows, and what changed between the first half and the second.
CREATE TABLE bench.profile AS
SELECT lead_profile(l) FILTER (WHERE id <= :rows / 2) AS reference, lead_profile(l) FILTER (WHERE id > :rows / 2) AS current FROM leads l;
INSERT INTO bench.query (name, workers, sql) VALUES
	('profile row', 0, 'SELECT lead_profile(l) IS NOT NULL FROM leads l'),
	('profile columns', 0, format('SELECT lead_profile_columns(%s) IS NOT NULL FROM leads', :'profiled')),
	('profile columns, 2 workers', 2, format('SELECT lead_profile_columns(%s) IS NOT NULL FROM leads', :'profiled')),
	('profile columns, model', 0, format('SELECT lead_profile_columns((SELECT model FROM bench.model WHERE name = ''leads''), %s) IS NOT NULL FROM leads', :'profiled')),
	('profile pts', 0, format('SELECT lead_profile_columns(%s) IS NOT NULL FROM pts', :'profiled_pts')),
	('drift', 0, 'SELECT count(*) FROM bench.profile p, LATERAL lead_drift(p.reference, p.current)');

CREATE TABLE pairs AS
SELECT lead_score((SELECT model FROM bench.model WHERE name = 'leads'), l) AS score, app_complete_flag AS label FROM leads l;
CREATE TABLE pairs_pts AS
SELECT lead_score((SELECT model FROM bench.model WHERE name = 'pts'), p) AS score, y AS label FROM pts p;
VACUUM (ANALYZE, FREEZE) pairs, pairs_pts;
INSERT INTO bench.query (name, sql) VALUES
	('sum pairs', 'SELECT sum(score), sum(label) FROM pairs'),
	('evaluate', 'SELECT (lead_evaluate(score, label)).auc FROM pairs');

INSERT INTO bench.line (label, query, against, target, memory) VALUES
	('plain scan of leads', 'scan leads', NULL, NULL, false),
	('plain scan of leads, 2 workers', 'scan leads, 2 workers', 'scan leads', NULL, false),
	('plain scan of pts', 'scan pts', NULL, NULL, false),
	('lead_train, whole row', 'train row', 'scan leads', 2.8, true),
	('lead_train, whole row without key and time', 'train row, key excluded', 'scan leads', NULL, true),
	('lead_train_columns', 'train columns', 'scan leads', 2.2, true),
	('lead_train_columns, 2 workers', 'train columns, 2 workers', 'scan leads, 2 workers', 3.5, false),
	('lead_train_columns, pts', 'train pts', 'scan pts', 3.5, true),
	('lead_train_columns, pts, work_mem = 1GB', 'train pts in memory', 'scan pts', 3.5, false),
	('lead_frame_columns', 'frame columns', 'scan leads', 1.5, true),
	('lead_frame_columns, pts', 'frame pts', 'scan pts', NULL, true),
	('lead_score', 'score leads', 'scan leads', 1.0, false),
	('lead_score, by name', 'score name', 'score leads', 1.1, false),
	('lead_train_model', 'train name', 'train columns', NULL, false),
	('CASE expression of the same model', 'CASE', 'scan leads', NULL, false),
	('lead_score', 'score leads', 'CASE', 0.4, false),
	('lead_score, model of 1 kB, one text', 'score 1 kB', NULL, NULL, false),
	('lead_score, model of 1 MB, one text', 'score 1 MB', 'score 1 kB', 1.1, false),
	('scores written to a table', 'write scores', 'scan leads', NULL, false),
	('lead_fit of a frame: 100 boosted trees, depth 6', 'fit boost', 'scan leads', NULL, true),
	('lead_fit of a frame: forest of 100, depth 10', 'fit forest', 'scan leads', NULL, true),
	('lead_score, 100 boosted trees, depth 6', 'score boost', 'scan leads', 8.0, false),
	('lead_score, forest of 100, depth 10', 'score forest', 'scan leads', NULL, false),
	('lead_profile, whole row', 'profile row', 'scan leads', 2.5, false),
	('lead_profile_columns', 'profile columns', 'scan leads', 2.5, false),
	('lead_profile_columns, 2 workers', 'profile columns, 2 workers', 'scan leads, 2 workers', 2.5, false),
	('lead_profile_columns, with a model', 'profile columns, model', 'scan leads', NULL, false),
	('lead_profile_columns, pts', 'profile pts', 'scan pts', NULL, false),
	('lead_drift of two profiles', 'drift', NULL, NULL, false),
	('sum(score), sum(label)', 'sum pairs', NULL, NULL, false),
	('lead_evaluate', 'evaluate', 'sum pairs', 4.0, false);
-- What was not asked for above has no line.
DELETE FROM bench.line WHERE query NOT IN (SELECT name FROM bench.query);
