-- Frames by the day: what is kept, what is refused, and what is said.
CREATE SCHEMA keep_test;
SET search_path = keep_test, public;
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
\set SHOW_CONTEXT never

-- 20 leads a day over the change to summer time, on 31 March; every tenth has no label
CREATE TABLE leads AS
SELECT i AS id, '2024-03-20 00:00'::timestamptz + i * interval '73 minutes' AS created, ('2024-03-20'::timestamp + i * interval '73 minutes') AS local_time,
	'2024-03-20'::date + i / 20 AS day, i / 20 AS daynumber, (ARRAY['Oslo', 'Rome', 'Bern'])[1 + i * 7 % 3] AS city, i * 31 % 17 AS clicks,
	CASE WHEN i % 10 > 0 THEN i * 31 % 17 * 3 + i * 7919 % 101 > 70 END AS won
FROM generate_series(0, 399) i;
CREATE FUNCTION train(name text, time_column text DEFAULT 'created', source text DEFAULT 'leads', options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ', status, version, error) FROM lead_train_model(name, source, 'won', features => '{city,clicks}', key => 'id', time_column => time_column,
		options => '{"lambda": 1}' || options, gate => '{"promote": "always", "min_rows": 10, "min_positives": 1}') $$;
SELECT name, train(name, time_column) FROM (VALUES ('zoned', 'created'), ('local', 'local_time'), ('dated', 'day'), ('numbered', 'daynumber'), ('timeless', NULL)) v(name, time_column);

-- what there is to choose
SELECT * FROM lead_keep_frames('nobody');
SELECT * FROM lead_keep_frames('timeless', maturity => '1 day');
SELECT * FROM lead_keep_frames('numbered', maturity => '1 day');
SELECT * FROM lead_keep_frames('zoned');
SELECT * FROM lead_keep_frames('zoned', 'month', '1 day');
SELECT * FROM lead_keep_frames('zoned', 'day', '-1 day');

-- days of the model's time zone, whatever the session's; the 31st has 23 hours
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
CREATE TEMP TABLE kept AS SELECT * FROM lead_keep_frames('zoned', maturity => '2 days', until => '2024-04-05 12:00+02');
SET timezone = 'Europe/Berlin';
SET datestyle = 'ISO';
SELECT * FROM kept WHERE starts BETWEEN '2024-03-30' AND '2024-04-02' ORDER BY starts;
SELECT count(*), min(starts), max(ends), sum(rows + unknown) = (SELECT count(*) FROM leads WHERE created < '2024-04-03') AS "all" FROM kept;
SELECT starts, ends, rows, positives, unknown, action FROM lead_keep_frames('local', maturity => '2 days', until => '2024-04-05 12:00+02') WHERE starts >= '2024-04-01';
SELECT starts, ends, rows, positives, unknown, action FROM lead_keep_frames('dated', 'week', '2 days', until => '2024-04-12');
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-05 23:59');
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-06');
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-06', maturity => '1 day');
SELECT name, period, maturity, recipe->'features' AS features FROM leadscore.frame_keeping WHERE name IN ('zoned', 'dated') ORDER BY name;

-- late rows, and rows without a time
INSERT INTO leads VALUES (400, '2024-04-02 10:00', '2024-04-02 10:00', '2024-04-02', 14, 'Oslo', 3, true), (401, NULL, NULL, NULL, NULL, 'Rome', 1, false), (402, 'infinity', 'infinity', 'infinity', 0, 'Rome', 1, false);
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-06');
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-06', again => '2024-04-02 09:00');
DELETE FROM leads WHERE id > 399;
SELECT count(*) FROM lead_keep_frames('zoned', until => '2024-04-06', again => '-infinity');

-- training on frames
SELECT * FROM lead_retrain('timeless', frames_window => '1 month');
SELECT * FROM lead_retrain('zoned', half_life => '1 month');
SELECT * FROM lead_retrain('zoned', frames_window => '-1 month');
SELECT * FROM lead_retrain('zoned', frames_window => '1 month', half_life => '0');
SELECT model, version, status, rows, live, verdict, held_out, error FROM lead_retrain('zoned', frames_window => '10 days');
SELECT key, value FROM leadscore.params JOIN leadscore.runs USING (run_id) WHERE model = 'zoned' AND key LIKE 'frames%' ORDER BY key;
SELECT spec->'frames' AS frames, spec->'holdout' AS holdout, rows, held_out, unknown, data_from, data_to, cut, seen
FROM leadscore.runs WHERE model = 'zoned' ORDER BY started_at DESC LIMIT 1;
SELECT model, version, status, rows, live, verdict, held_out, error FROM lead_retrain('zoned', frames_window => '1 day');
SELECT status, rows, held_out FROM lead_retrain('local', frames_window => '1 month', half_life => '1 week');
SELECT cut, seen FROM leadscore.runs WHERE model = 'local' ORDER BY started_at DESC LIMIT 1;
SELECT status, rows, held_out FROM lead_retrain('dated', frames_window => '1 year');
SELECT cut, seen FROM leadscore.runs WHERE model = 'dated' ORDER BY started_at DESC LIMIT 1;
SELECT error FROM lead_retrain('dated', half_life => '1 second');
DELETE FROM leadscore.kept_frames WHERE name = 'local';
SELECT error FROM lead_retrain('local');

-- another recipe
SELECT train('zoned', options => '{"max_distinct": 10}');
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-07');
SELECT * FROM lead_keep_frames('zoned', 'week', until => '2024-04-07');
SELECT error FROM lead_retrain('zoned', frames_window => '1 month');
SELECT count(*), max(action) FROM lead_keep_frames('zoned', until => '2024-04-07', again => '-infinity');

-- forgetting
SELECT * FROM lead_forget('nobody', 'leads');
SELECT * FROM lead_forget('zoned', NULL);
SELECT * FROM lead_forget('zoned', 'nowhere');
SELECT * FROM lead_forget('zoned', 'leads', 'maybe');
SELECT * FROM lead_forget('zoned', 'SELECT id, city, won FROM leads WHERE id = 7');
SELECT * FROM lead_forget('zoned', 'SELECT id, created, city, won FROM leads WHERE id = 7');
SELECT * FROM lead_forget('zoned', 'SELECT id, created, ''Paris'' AS city, clicks, won FROM leads WHERE id = 7');
SELECT * FROM lead_forget('zoned', 'SELECT id, created, city, clicks, NOT won AS won FROM leads WHERE id = 7');
SELECT count(*) FROM leadscore.forgettings;
-- a lead without a label, a lead that is in a hold-out, one of a day that is not kept, one without a time
SET client_min_messages = notice;
SELECT * FROM lead_forget('zoned', 'SELECT * FROM leads WHERE id IN (7, 10, 399) UNION ALL SELECT 500, NULL, NULL, NULL, NULL, ''Oslo'', 1, true');
SET client_min_messages = warning;
SELECT rows, frames, forgotten_by = current_user AS by_me FROM leadscore.forgettings;
-- the whole of a day: its frame is empty, and a training goes on
SELECT * FROM lead_forget('zoned', 'SELECT * FROM leads WHERE created >= ''2024-03-25'' AND created < ''2024-03-26''');
SELECT starts, frame IS NULL AS no_frame, rows, positives, unknown FROM leadscore.kept_frames WHERE name = 'zoned' AND starts = '2024-03-25';
SELECT status, rows + held_out AS rows FROM lead_retrain('zoned', frames_window => '1 month');
-- a label that was framed anew, while the hold-outs still have the old one
UPDATE leads SET won = NOT won WHERE id = 331;
SELECT count(*) FROM lead_keep_frames('zoned', until => '2024-04-07', again => '2024-04-05');
SELECT * FROM lead_forget('zoned', 'SELECT * FROM leads WHERE id = 331');
SELECT * FROM lead_forget('zoned', 'SELECT * FROM leads WHERE id = 331', 'drop') ORDER BY starts, what;
SELECT version FROM leadscore.holdouts WHERE name = 'zoned' ORDER BY 1;
-- a model that keeps no frames has hold-outs
SELECT * FROM lead_forget('timeless', 'SELECT * FROM leads WHERE id < 10');

-- what is wrong with the query is an error, and drops no hold-out
SELECT * FROM lead_forget('timeless', 'SELECT id, created, city, clicks FROM leads WHERE id = 11', 'drop');
SELECT * FROM lead_forget('timeless', 'SELECT id, created, city, 1 / (id - 11) AS clicks, won FROM leads WHERE id = 11', 'drop');
SELECT count(*) FROM leadscore.holdouts WHERE name = 'timeless';
-- a kept frame has no range of times, and its profile does not invent one
SELECT "column", rows, min, max FROM lead_describe(lead_profile(leadscore.set_time_range(
	(SELECT lead_frame(won, r) FROM leads, LATERAL (SELECT created, clicks) r WHERE isfinite(leads.created)))));
-- a column of another type
DELETE FROM leadscore.kept_frames WHERE name = 'zoned' AND starts >= '2024-04-05';
ALTER TABLE leads ALTER COLUMN clicks TYPE text;
SELECT * FROM lead_keep_frames('zoned', until => '2024-04-07');
SELECT max(starts) AS last FROM leadscore.kept_frames WHERE name = 'zoned';
ALTER TABLE leads ALTER COLUMN clicks TYPE integer USING clicks::integer;
-- leads without a time are in hold-outs by key
CREATE TABLE timeless_too AS SELECT id, CASE WHEN id % 10 > 0 THEN created END AS created, clicks, won FROM leads WHERE won IS NOT NULL;
INSERT INTO timeless_too SELECT 1000 + id, 'infinity', clicks, won FROM timeless_too WHERE id % 10 = 1;
INSERT INTO timeless_too SELECT 2000 + id, NULL, clicks, won FROM timeless_too WHERE id % 10 = 1;
SELECT (lead_train_model('by key', 'timeless_too', 'won', key => 'id', time_column => 'created', holdout => '{"by": "key", "share": 0.5}', gate => '{"promote": "always"}')).status;
SELECT frame IS NOT NULL AS held, (leadscore.frame_counts(frame)).rows > 20 AS some FROM leadscore.holdouts WHERE name = 'by key';
SELECT rows > 5 AS some FROM lead_forget('by key', 'SELECT * FROM timeless_too WHERE NOT COALESCE(isfinite(created), false)');
SELECT count(*) FROM lead_forget('by key', 'SELECT * FROM timeless_too WHERE isfinite(created)');
SELECT (leadscore.frame_counts(frame)).* FROM leadscore.holdouts WHERE name = 'by key';
SELECT lead_drop_model('by key', true);
-- a snapshot that may be older than a hold-out
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM lead_forget('timeless', 'SELECT * FROM leads WHERE id = 11');
ROLLBACK;
-- a query that finds other rows each time is asked once
SELECT sum(rows) FROM lead_forget('dated', 'SELECT * FROM leads WHERE day < ''2024-04-01'' AND id > 100 ORDER BY random() LIMIT 40') WHERE what = 'frame';

-- where clocks are put forward or back at midnight a day begins at 01:00, or twice: kept
-- day by day the frames have the rows that they have when kept at once
CREATE TABLE midnight AS
SELECT i AS id, start + i * interval '15 minutes' AS created, i % 7 AS clicks, i % 5 = 0 AS won, zone
FROM (VALUES ('America/Santiago', '2024-09-06 12:00+00'::timestamptz), ('America/Havana', '2024-11-01 12:00+00')) v(zone, start), generate_series(0, 479) i;
SELECT zone, (lead_train_model(zone, format('SELECT id, created, clicks, won FROM midnight WHERE zone = %L', zone), 'won', key => 'id', time_column => 'created',
	options => jsonb_build_object('timezone', zone), gate => '{"promote": "always"}')).status FROM (SELECT DISTINCT zone FROM midnight) z ORDER BY zone;
SELECT zone, count(k.*) AS frames FROM (SELECT DISTINCT zone FROM midnight) z,
	LATERAL (SELECT min(created) + n * interval '1 day' AS until FROM midnight m, generate_series(1, 5) n WHERE m.zone = z.zone GROUP BY n ORDER BY n) u,
	LATERAL lead_keep_frames(zone, maturity => '0', until => until) k GROUP BY zone ORDER BY zone;
CREATE TEMP TABLE day_by_day AS SELECT * FROM leadscore.kept_frames WHERE name IN (SELECT zone FROM midnight);
SELECT name, starts AT TIME ZONE name AS starts, ends AT TIME ZONE name AS ends, k.rows,
	(SELECT count(*) FROM midnight WHERE zone = name AND date_trunc('day', created AT TIME ZONE zone) = date_trunc('day', starts AT TIME ZONE name)) AS "all"
FROM day_by_day k ORDER BY name, starts;
SELECT zone, count(*) AS frames, sum(rows) AS rows FROM (SELECT DISTINCT zone FROM midnight) z, LATERAL lead_keep_frames(zone, until => 'infinity', again => '-infinity') GROUP BY zone ORDER BY zone;
SELECT count(*), bool_and(k.frame = d.frame) AS "same" FROM day_by_day d JOIN leadscore.kept_frames k USING (name, starts, ends, rows);
-- two days until such a midnight
DELETE FROM leadscore.kept_frames WHERE name = 'America/Santiago' AND starts >= '2024-09-08';
SELECT status, rows, held_out FROM lead_retrain('America/Santiago', frames_window => '2 days');
SELECT lead_drop_model(zone, true) FROM (SELECT DISTINCT zone FROM midnight) z;

-- what a version keeps of its hold-out goes with the rows: a city of one person only is
-- in nothing that is stored, and what is left is that of a model judged without them
CREATE FUNCTION stored_in(word text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	place record;
	found boolean;
BEGIN
	FOR place IN SELECT oid::regclass AS name FROM pg_class WHERE relnamespace = 'leadscore'::regnamespace AND relkind = 'r' ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) > 0 FROM %s AS t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, encode($1::bytea, ''hex'')) > 0', place.name) INTO found USING word;
		IF found THEN RETURN NEXT place.name; END IF;
	END LOOP;
END $$;
CREATE TABLE visitors AS SELECT id, CASE WHEN id = 40 THEN 'Longyearbyen' ELSE city END AS city, CASE WHEN id = 40 THEN 900 ELSE clicks END AS clicks, won, id % 4 = 0 AS held
FROM leads WHERE won IS NOT NULL UNION ALL SELECT 40, 'Longyearbyen', 900, true, true;
CREATE FUNCTION train_visitors(name text, refit boolean DEFAULT false, condition text DEFAULT 'true') RETURNS text LANGUAGE sql AS $$
	SELECT status FROM lead_train_model(name, format('SELECT * FROM visitors WHERE %s', condition), 'won', features => '{city,clicks}', key => 'id', holdout => '{"by": "column", "column": "held"}',
		options => '{"lambda": 1}', gate => '{"promote": "always"}', refit => refit) $$;
SELECT train_visitors('held'), train_visitors('without', condition => 'id <> 40');
SELECT stored_in('Longyearbyen');
SELECT max(quantiles[1001]) FILTER (WHERE name = 'held') > max(quantiles[1001]) FILTER (WHERE name = 'without') AS "their score" FROM leadscore.score_quantiles;
SELECT what, rows FROM lead_forget('held', 'SELECT * FROM visitors WHERE id = 40');
SELECT stored_in('Longyearbyen');
SELECT h.frame = w.frame AS frame, hp.holdout = wp.holdout AS profile, hq = wq AS quantiles, hc = wc AS curves
FROM (SELECT frame FROM leadscore.holdouts WHERE name = 'held') h, (SELECT frame FROM leadscore.holdouts WHERE name = 'without') w,
	(SELECT holdout FROM leadscore.version_profiles WHERE name = 'held') hp, (SELECT holdout FROM leadscore.version_profiles WHERE name = 'without') wp,
	(SELECT rows, quantiles FROM leadscore.score_quantiles WHERE name = 'held') hq, (SELECT rows, quantiles FROM leadscore.score_quantiles WHERE name = 'without') wq,
	(SELECT body::jsonb #- '{roc,area}' #- '{pr,area}' FROM leadscore.artifacts JOIN leadscore.versions USING (run_id) WHERE name = 'held' AND path = 'curves.json') AS c(hc),
	(SELECT body::jsonb #- '{roc,area}' #- '{pr,area}' FROM leadscore.artifacts JOIN leadscore.versions USING (run_id) WHERE name = 'without' AND path = 'curves.json') AS d(wc);
-- of a refit the model that was judged is not stored; a hold-out may be empty, or dropped
SELECT train_visitors('refitted', true);
SELECT what, rows FROM lead_forget('refitted', 'SELECT * FROM visitors WHERE id = 44');
SELECT what, rows FROM lead_forget('without', 'SELECT * FROM visitors WHERE held AND id <> 40');
SELECT what, rows FROM lead_forget('held', 'SELECT id, city, clicks, NOT won AS won, held FROM visitors WHERE id = 44', 'drop');
SELECT (SELECT count(*) FROM leadscore.version_profiles WHERE name IN ('held', 'without', 'refitted')) AS profiles, (SELECT count(*) FROM leadscore.score_quantiles WHERE name IN ('held', 'without', 'refitted')) AS quantiles,
	(SELECT count(*) FROM leadscore.artifacts JOIN leadscore.versions USING (run_id) WHERE name IN ('held', 'without', 'refitted') AND path = 'curves.json') AS curves;
SELECT lead_grade_cuts('refitted'), lead_plot('refitted', 'roc') LIKE '%No rows were held out%' AS "no curve";
SELECT lead_drop_model(n, true) FROM unnest('{held,without,refitted}'::text[]) n;

-- what is kept is not lost: not what comes after until, and not what the source has no more
CREATE TABLE pruned AS SELECT i AS id, '2024-01-01'::timestamptz + i * interval '3 hours' AS created, i % 7 AS clicks, i * 31 % 17 > 8 AS won FROM generate_series(0, 279) i;
SELECT (lead_train_model('pruned', 'pruned', 'won', key => 'id', time_column => 'created')).status;
SELECT count(*), max(ends) FROM lead_keep_frames('pruned', maturity => '0', until => '2024-02-01');
SELECT starts, rows, action FROM lead_keep_frames('pruned', until => '2024-01-22', again => '2024-01-20');
SELECT count(*), sum(rows), max(ends) FROM leadscore.kept_frames WHERE name = 'pruned';
-- a day without rows between others is kept until there, too
DELETE FROM pruned WHERE created >= '2024-01-21' AND created < '2024-01-22';
SELECT * FROM lead_keep_frames('pruned', until => '2024-01-22', again => '2024-01-20');
DELETE FROM leadscore.kept_frames WHERE name = 'pruned' AND starts BETWEEN '2024-01-21 00:00:00+01' AND '2024-01-21 00:00:00+01';
SELECT starts, rows, action FROM lead_keep_frames('pruned', until => '2024-01-22', again => '2024-01-20');
-- the source keeps a week only
CREATE TEMP TABLE archive AS SELECT * FROM pruned;
DELETE FROM pruned WHERE created < '2024-01-25 12:00';
SELECT * FROM lead_keep_frames('pruned', until => '2024-02-01', again => '-infinity');
SELECT * FROM lead_keep_frames('pruned', until => '2024-02-01', again => '2024-01-24');
SET client_min_messages = notice;
SELECT min(starts), count(*), min(rows), max(action) FROM lead_keep_frames('pruned', until => '2024-02-01', again => '2024-01-25');
SET client_min_messages = warning;
DELETE FROM pruned;
SELECT * FROM lead_keep_frames('pruned', until => '2024-02-01', again => '2024-01-30');
SELECT count(*), sum(rows) FROM leadscore.kept_frames WHERE name = 'pruned';
-- by the week: days that are of no complete week are for later; 29 January is a Monday
INSERT INTO pruned SELECT * FROM archive;
SELECT starts, ends, rows, action FROM lead_keep_frames('pruned', 'week', until => '2024-02-01', again => '-infinity');
SELECT starts, rows, action FROM lead_keep_frames('pruned', until => '2024-02-05');
SELECT action, count(*), sum(rows) FROM lead_keep_frames('pruned', 'day', until => '2024-02-05', again => '-infinity') GROUP BY action;
-- frames that are empty are dropped where nothing is left before them
SELECT count(*) FROM lead_forget('pruned', 'SELECT * FROM archive WHERE created < ''2024-01-03''') WHERE what = 'frame';
DELETE FROM pruned WHERE created < '2024-01-03';
SELECT starts, rows, action FROM lead_keep_frames('pruned', until => '2024-02-05', again => '-infinity') WHERE starts < '2024-01-05';
SELECT lead_drop_model('pruned', true);

-- a hold-out of frames has the hour before the second midnight of its first day, and not that of the day after its last
SELECT (lead_train_model('havana', 'SELECT id, created, clicks, won FROM midnight WHERE zone = ''America/Havana''', 'won', key => 'id', time_column => 'created',
	holdout => '{"by": "time", "share": 0.6}', options => '{"timezone": "America/Havana"}', gate => '{"promote": "always"}')).status;
SELECT count(*) FROM lead_keep_frames('havana', maturity => '0', until => '2024-11-06 12:00+00');
SELECT status, held_out FROM lead_retrain('havana', frames_window => '1 year');
CREATE VIEW twice AS SELECT row_number() OVER (ORDER BY created) AS n, * FROM midnight WHERE zone = 'America/Havana' AND created >= '2024-11-03 04:00+00' AND created < '2024-11-03 05:00+00';
SELECT version, cut FROM leadscore.versions JOIN leadscore.runs USING (run_id) WHERE name = 'havana' ORDER BY version DESC LIMIT 1;
SELECT what, rows FROM lead_forget('havana', 'SELECT * FROM twice WHERE n <= 2') WHERE what NOT LIKE '% 1';
DELETE FROM leadscore.kept_frames WHERE name = 'havana' AND starts >= '2024-11-03 05:00+00';
SELECT status, held_out FROM lead_retrain('havana', frames_window => '1 year');
SELECT what, rows FROM lead_forget('havana', 'SELECT * FROM twice WHERE n > 2') WHERE what NOT LIKE '% 1';
SELECT what, rows FROM lead_forget('havana', 'SELECT * FROM midnight WHERE zone = ''America/Havana'' AND created = ''2024-11-03 03:45+00''') WHERE what NOT LIKE '% 1';
SELECT lead_drop_model('havana', true);

-- one lead of the year 1 does not make 738,000 empty frames
CREATE TABLE typo AS SELECT i AS id, '2024-01-01'::timestamp + i * interval '3 hours' AS created, i % 7 AS clicks, i * 31 % 17 > 8 AS won FROM generate_series(0, 279) i;
SELECT (lead_train_model('typo', 'typo', 'won', key => 'id', time_column => 'created', features => '{clicks}')).status;
INSERT INTO typo VALUES (280, '0001-03-04 05:06', 1, true);
SELECT * FROM lead_keep_frames('typo', maturity => '0', until => '2024-01-05');
SELECT count(*) FROM leadscore.kept_frames WHERE name = 'typo';
SELECT count(*), min(starts) FROM lead_keep_frames('typo', maturity => '0', until => '2024-01-05', again => '2024-01-02');
UPDATE typo SET created = '9999-12-31' WHERE id = 280;
SELECT count(*) FROM lead_keep_frames('typo', until => '2024-01-06');
SELECT count(*) FROM lead_keep_frames('typo', until => 'infinity');
UPDATE typo SET created = '2024-01-02'::date - 9999 WHERE id = 280;
SELECT count(*) FROM lead_keep_frames('typo', until => '2024-01-03', again => '-infinity');
SELECT lead_drop_model('typo', true);

-- however many frames they are of, each row is framed once
CREATE SEQUENCE labels_read;
CREATE FUNCTION read_label(id integer, won boolean) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('keep_test.labels_read'); RETURN won; END $$;
CREATE TABLE counted AS SELECT i AS id, '2024-01-01'::timestamp + i * interval '3 hours' AS created, i % 7 AS clicks, i * 31 % 17 > 8 AS won FROM generate_series(0, 279) i;
SELECT (lead_train_model('counted', 'counted', 'keep_test.read_label(id, won)', key => 'id', time_column => 'created', features => '{clicks}', holdout => '{"by": "none"}')).status;
SELECT count(*) FROM lead_keep_frames('counted', maturity => '0', until => '2024-02-05');
SELECT setval('labels_read', 1, false);
SELECT count(*), sum(rows) FROM lead_forget('counted', 'SELECT * FROM counted WHERE id % 2 = 0');
SELECT last_value FROM labels_read;
SELECT lead_drop_model('counted', true);

-- frames kept under other settings do not fit, where the same text means something else under them
CREATE FUNCTION train_styled(name text, label text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', status, version) FROM lead_train_model(name, 'counted', label, features => '{clicks}', key => 'id', time_column => 'created', gate => '{"promote": "never"}') $$;
SELECT train_styled('styled', $$won AND created::text NOT LIKE '2024-02%'$$), train_styled('plain', 'won');
SELECT sum(positives) FROM lead_keep_frames('styled', maturity => '0', until => '2024-02-04');
SELECT sum(positives) FROM lead_keep_frames('plain', maturity => '0', until => '2024-02-04');
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'iso_8601';
SELECT train_styled('styled', $$won AND created::text NOT LIKE '2024-02%'$$), train_styled('plain', 'won');
SELECT * FROM lead_keep_frames('styled', until => '2024-02-05 00:00');
SELECT error FROM lead_retrain('styled', frames_window => '1 year');
SELECT action FROM lead_keep_frames('plain', until => '2024-02-05 00:00');
SELECT status FROM lead_retrain('plain', frames_window => '1 year');
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT train_styled('styled', $$won AND created::text NOT LIKE '2024-02%'$$);
SELECT action FROM lead_keep_frames('styled', until => '2024-02-05');
SELECT lead_drop_model(n, true) FROM unnest('{styled,plain}'::text[]) n;

-- the frames and their choice go with the model, the record stays
SELECT lead_drop_model(name, true) FROM leadscore.models WHERE name IN ('zoned', 'local', 'dated', 'numbered', 'timeless');
SELECT (SELECT count(*) FROM leadscore.kept_frames) AS frames, (SELECT count(*) FROM leadscore.frame_keeping) AS keeping, (SELECT count(*) FROM leadscore.forgettings) AS forgettings;
DROP SCHEMA keep_test CASCADE;
