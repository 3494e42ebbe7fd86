-- Frames by the day on Olist's leads, 14 June 2017 to 31 May 2018: kept as they mature,
-- trained on without the table, and rows forgotten in them.
BEGIN;
\set here `test -r ../shared/data/olist_funnel/closed_deals.csv.gz && echo true || echo false`
\if :here
\else
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(1);
SELECT skip('../shared/data/olist_funnel is not here');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET LOCAL timezone = 'America/Sao_Paulo';
SELECT plan(57);

CREATE TABLE mql (mql_id text PRIMARY KEY, first_contact_date date, landing_page_id text, origin text);
CREATE TABLE deals (mql_id text PRIMARY KEY, seller_id text, sdr_id text, sr_id text, won_date timestamp,
	business_segment text, lead_type text, lead_behaviour_profile text, has_company text, has_gtin text,
	average_stock text, business_type text, declared_product_catalog_size float8, declared_monthly_revenue float8);
\copy mql FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
\copy deals FROM PROGRAM 'zcat ../shared/data/olist_funnel/closed_deals.csv.gz' CSV HEADER
CREATE TABLE funnel AS SELECT m.*, COALESCE(won_date < first_contact_date + 30, false) AS won FROM mql m LEFT JOIN deals d USING (mql_id);

-- coefficients of two models, the largest difference; NULL where one has a column that the other lacks
CREATE FUNCTION pg_temp.apart(a bytea, b bytea) RETURNS float8 LANGUAGE sql AS $$
	SELECT CASE WHEN count(x.estimate) = count(*) AND count(y.estimate) = count(*) THEN max(abs(x.estimate - y.estimate)) END
	FROM lead_coefficients(a) x FULL JOIN lead_coefficients(b) y USING (name) $$;
-- the rows of the funnel that the last version was trained on, trained on again
CREATE FUNCTION pg_temp.from_table(condition text, weight text DEFAULT '1') RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	model bytea;
BEGIN
	EXECUTE format('SELECT lead_train(won, r, ''{"lambda": 1, "weight": "weight", "columns": {"first_contact_date": {"parts": ["dow"]}}}'')
		FROM (SELECT *, (%s)::float8 AS weight FROM funnel WHERE %s) f, LATERAL (SELECT first_contact_date, landing_page_id, origin, weight) r', weight, condition) INTO model;
	RETURN model;
END $$;
CREATE FUNCTION pg_temp.last_run() RETURNS leadscore.runs LANGUAGE sql AS $$ SELECT r FROM leadscore.runs r WHERE model = 'olist' ORDER BY started_at DESC LIMIT 1 $$;

SELECT is((SELECT concat_ws(' ', status, version, live) FROM lead_train_model('olist', $$SELECT * FROM funnel WHERE first_contact_date < '2018-03-01'$$, 'won', key => 'mql_id',
	time_column => 'first_contact_date', options => '{"lambda": 1, "columns": {"first_contact_date": {"parts": ["dow"]}}}')), 'finished 1 t', 'a champion of the first months');
SELECT is((SELECT concat_ws(' ', status, version, live) FROM lead_train_model('olist', 'funnel', 'won', key => 'mql_id', gate => '{"promote": "never"}',
	time_column => 'first_contact_date', options => '{"lambda": 1, "columns": {"first_contact_date": {"parts": ["dow"]}}}')), 'finished 2 f', 'a recipe on all of the table');

----------------------------------------------------------------------------
-- Kept as they mature
----------------------------------------------------------------------------

SELECT throws_like($$SELECT * FROM lead_keep_frames('olist')$$, 'how long does it take until an outcome is known?', 'how long outcomes take is asked once');
CREATE TEMP TABLE kept AS SELECT 1 AS call, * FROM lead_keep_frames('olist', maturity => '30 days', until => '2018-05-10 12:00');
SELECT is((SELECT (count(*), min(starts), max(ends), sum(rows), sum(positives), sum(unknown))::text FROM kept),
	(SELECT ('2018-04-10'::date - min(first_contact_date), min(first_contact_date)::timestamptz, '2018-04-10'::timestamptz, count(*), sum(won::int), 0)::text
	FROM funnel WHERE first_contact_date < '2018-04-10'), 'a frame a day from the first lead to thirty days ago, in the model''s time zone');
SELECT is((SELECT count(*) FROM kept k JOIN (SELECT first_contact_date, count(*) AS n, sum(won::int) AS won FROM funnel GROUP BY 1) f
	ON f.first_contact_date = k.starts::date AND f.n = k.rows AND f.won = k.positives), (SELECT count(*) FROM kept WHERE rows > 0), 'each with the leads of its day');
SELECT is((SELECT count(*) FROM leadscore.kept_frames WHERE rows = 0 AND frame IS NULL), (SELECT count(*) FROM kept WHERE rows = 0), 'days without leads are kept, too');
SELECT is_empty($$SELECT * FROM lead_keep_frames('olist', until => '2018-05-10 23:00')$$, 'the same day again: nothing to do');
SELECT results_eq($$SELECT starts::date, action FROM lead_keep_frames('olist', until => '2018-05-12')$$, $$VALUES ('2018-04-10'::date, 'kept'), ('2018-04-11', 'kept')$$, 'two days later, two frames');
SELECT is((SELECT sum(rows) FROM lead_keep_frames('olist', until => '2018-07-01')), (SELECT count(*) FROM funnel WHERE first_contact_date >= '2018-04-12')::numeric, 'and the rest');
SELECT is((SELECT lead_frame(frame) FROM leadscore.kept_frames)::text, (SELECT leadscore.set_time_range(lead_frame_columns(won, leadscore.framing_of(k.frame) || '{"max_distinct": 100000}',
	first_contact_date, landing_page_id, origin))::text FROM funnel, (SELECT frame FROM leadscore.kept_frames WHERE rows > 0 LIMIT 1) k GROUP BY k.frame), 'together they are the frame of the table, to the byte');

----------------------------------------------------------------------------
-- Training without the table
----------------------------------------------------------------------------

ALTER TABLE funnel RENAME TO gone;
SELECT is((SELECT concat_ws(' ', status, version, rows + held_out, live) FROM lead_retrain('olist', gate => '{"promote": "passed"}', frames_window => '1 year')), 'finished 3 8000 t', 'trained on frames while the table is away');
ALTER TABLE gone RENAME TO funnel;
SELECT is((SELECT concat_ws(' ', spec->'frames', spec #>> '{holdout,by}', rows, held_out, unknown, cut #>> '{}', seen #>> '{}', data_to::date) FROM pg_temp.last_run()),
	(SELECT concat_ws(' ', '{"window": "1 year"}', 'time', count(*) FILTER (WHERE first_contact_date <= cut), count(*) FILTER (WHERE first_contact_date > cut), 0, cut, '2018-05-31', '2018-06-01')
	-- the latest day on and after which there are a fifth of the 8,000 rows is held out, too
	FROM funnel, (SELECT max(day) - 1 AS cut FROM (SELECT first_contact_date AS day, sum(count(*)) OVER (ORDER BY first_contact_date DESC) AS later FROM funnel GROUP BY 1) d WHERE later >= 1600) c GROUP BY cut),
	'the record: window, hold-out of the latest frames that have a fifth of the rows');
SELECT cmp_ok(pg_temp.apart(lead_model('olist', 3), pg_temp.from_table(format('first_contact_date <= %L', (pg_temp.last_run()).cut #>> '{}'))), '<', 1e-10::float8, 'the coefficients are those of the table''s rows');
SELECT is((SELECT (numbers #>> '{compared,n}')::bigint FROM leadscore.verdicts WHERE run_id = (pg_temp.last_run()).run_id),
	(pg_temp.last_run()).held_out, 'the champion of March is compared on all that is held out, for it has seen nothing of it');
SELECT is((SELECT concat_ws(' ', status, version, (SELECT fingerprint = (pg_temp.last_run()).fingerprint FROM leadscore.versions JOIN leadscore.runs USING (run_id) WHERE version = 3))
	FROM lead_retrain('olist')), 'finished 4 t', 'again by the same recipe: the same rows');
SELECT is(lead_model('olist', 4), lead_model('olist', 3), 'the same bytes');
SELECT is((SELECT concat_ws(' ', v.champion_version, numbers #>> '{compared,n}') FROM leadscore.verdicts v WHERE run_id = (pg_temp.last_run()).run_id),
	(SELECT concat_ws(' ', 3, held_out) FROM pg_temp.last_run()), 'a champion of frames has not seen the frames held out');

-- a window, and half-lives: rows weigh 0.5 ^ (age / half-life)
SELECT is((SELECT rows + held_out FROM lead_retrain('olist', frames_window => '60 days')), (SELECT count(*) FROM funnel WHERE first_contact_date >= '2018-04-02'), 'sixty days until the end of the last frame');
SELECT is((SELECT concat_ws(' ', status, (pg_temp.last_run()).spec->'frames') FROM lead_retrain('olist', frames_window => '1 year', half_life => '60 days')),
	'finished {"window": "1 year", "half_life": "60 days"}', 'with a half-life');
SELECT cmp_ok(pg_temp.apart(lead_model('olist', 6), pg_temp.from_table(format('first_contact_date <= %L', (pg_temp.last_run()).cut #>> '{}'),
	'0.5 ^ (extract(epoch FROM ''2018-06-01''::timestamptz - (first_contact_date + 1)::timestamptz) / 5184000)')), '<', 1e-10::float8, 'a lead two months old counts half');
SELECT is((SELECT concat_ws(' ', status, (pg_temp.last_run()).spec->'frames') FROM lead_retrain('olist', half_life => '30 days')),
	'finished {"window": "1 year", "half_life": "30 days"}', 'another half-life leaves the window');
SELECT is((SELECT error FROM lead_retrain('olist', half_life => '1 hour')), E'half_life is too short\nDETAIL:  The oldest frame is '
	|| (SELECT round(extract(epoch FROM '2018-06-01'::timestamptz - min(first_contact_date)::timestamptz) / 3600) FROM funnel) || ' half-lives old: its rows would not count at all.', 'a half-life too short');
SELECT is((SELECT rows + held_out FROM lead_retrain('olist', frames_window => '1 year')), 8000::bigint, 'all rows alike again');

-- a refit sees all frames, and only what comes after is new to it
UPDATE leadscore.runs SET spec = jsonb_set(spec, '{refit}', 'true') WHERE run_id = (pg_temp.last_run()).run_id;
SELECT is((SELECT live FROM lead_retrain('olist', gate => '{"promote": "always"}')), true, 'refitted on all frames');
SELECT cmp_ok(pg_temp.apart(lead_model('olist'), pg_temp.from_table('true')), '<', 1e-10::float8, 'its coefficients are those of the whole table');
SELECT is((SELECT verdict FROM lead_retrain('olist', gate => '{"promote": null}')), 'too few rows to tell', 'nothing is left that it has not seen');
UPDATE leadscore.runs SET spec = jsonb_set(spec, '{refit}', 'false') WHERE run_id = (pg_temp.last_run()).run_id;
-- from the table again: the champion of frames is known to have seen all until June
\set train 'lead_train_model(''olist'', ''funnel'', ''won'', key => ''mql_id'', time_column => ''first_contact_date'', options => ''{"lambda": 1, "columns": {"first_contact_date": {"parts": ["dow"]}}}'')'
SELECT is((SELECT status FROM :train), 'finished', 'from the table');
SELECT is((SELECT numbers->>'not_compared' FROM leadscore.verdicts WHERE run_id = (pg_temp.last_run()).run_id),
	'It has seen all rows that are held out now.', 'a training on the table knows what a champion of frames has seen');
SELECT is((SELECT live FROM lead_retrain('olist', gate => '{"promote": "always"}', frames_window => '1 year')), true, 'a champion that has seen the training frames only');
SELECT is((SELECT status FROM :train), 'finished', 'from the table again');
SELECT is((SELECT (numbers #>> '{compared,n}')::bigint FROM leadscore.verdicts WHERE run_id = (pg_temp.last_run()).run_id),
	(SELECT count(*) FROM funnel WHERE first_contact_date > (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY first_contact_date) FROM funnel)), 'and meets the table''s on what neither has seen');

-- a champion that was trained on rows of all days until one: those after it are new to it
SELECT is((SELECT status FROM lead_train_model('by key', $$SELECT * FROM funnel WHERE first_contact_date < '2018-05-10'$$, 'won', key => 'mql_id', time_column => 'first_contact_date',
	features => '{origin}', holdout => '{"by": "key"}')), 'finished', 'a champion with a hold-out by key');
SELECT is((SELECT status FROM lead_train_model('by key', 'funnel', 'won', key => 'mql_id', time_column => 'first_contact_date', features => '{origin}', gate => '{"promote": "never"}')), 'finished', 'a recipe on all');
SELECT is((SELECT count(*) FROM lead_keep_frames('by key', 'week', '0', '2018-06-20')), 51::bigint, 'weeks are kept');
SELECT is((SELECT status FROM lead_retrain('by key', frames_window => '1 year')), 'finished', 'and trained on');
SELECT is((SELECT (numbers #>> '{compared,n}')::bigint FROM leadscore.verdicts JOIN leadscore.versions USING (run_id) WHERE name = 'by key' AND version = 3),
	(SELECT count(*) FROM funnel WHERE first_contact_date >= '2018-05-14'), 'compared on the weeks that begin after the latest of its leads');
-- one without a time column may have seen all there was
SELECT is((SELECT status FROM lead_train_model('timeless', 'funnel', 'won', key => 'mql_id', features => '{origin}')), 'finished', 'a champion without a time column');
SELECT is((SELECT status FROM lead_train_model('timeless', 'funnel', 'won', key => 'mql_id', time_column => 'first_contact_date', features => '{origin}', gate => '{"promote": "never"}')), 'finished', 'a recipe with one');
SELECT is((SELECT count(*) FROM lead_keep_frames('timeless', 'week', '0', '2018-06-20')), 51::bigint, 'weeks are kept here, too');
SELECT is((SELECT verdict FROM lead_retrain('timeless', frames_window => '1 year')), 'too few rows to tell', 'trained on');
SELECT is((SELECT numbers->>'not_compared' FROM leadscore.verdicts JOIN leadscore.versions USING (run_id) WHERE name = 'timeless' AND version = 3),
	'It has seen all rows that are held out now.', 'and not compared');

----------------------------------------------------------------------------
-- Late rows, weeks, another recipe
----------------------------------------------------------------------------

UPDATE funnel SET won = NOT won WHERE mql_id = (SELECT min(mql_id) FROM funnel WHERE first_contact_date = '2018-05-30' AND NOT won);
SELECT is((SELECT string_agg(starts::date || ' ' || action, ', ' ORDER BY starts) FROM lead_keep_frames('olist', until => '2018-07-02', again => '2018-05-30 15:00')),
	'2018-05-30 kept again, 2018-05-31 kept again', 'a label that came late: its day and what follows anew; no day after the last lead');
SELECT is((SELECT sum(positives) FROM leadscore.kept_frames WHERE name = 'olist'), (SELECT sum(won::int) FROM funnel)::numeric, 'the label is in its frame');
SELECT throws_like($$SELECT * FROM lead_keep_frames('olist', 'week', again => '2018-03-01')$$, 'the frames of model "olist" were kept by another recipe', 'no weeks beside days');
SELECT is((SELECT concat_ws(' ', count(*), min(starts)::date, min(extract(isodow FROM starts)), sum(rows), max(action)) FROM lead_keep_frames('olist', 'week', until => '2018-07-05', again => '-infinity')),
	'51 2017-06-12 1 8000 kept again', 'weeks instead, from Monday on');
SELECT is((SELECT concat_ws(' ', count(*), sum(rows)) FROM lead_keep_frames('olist', 'day', until => '2018-07-02', again => '-infinity')), '352 8000', 'and days again');

----------------------------------------------------------------------------
-- Forgetting
----------------------------------------------------------------------------

-- someone with leads in many months, in training and hold-out
CREATE TEMP TABLE person AS SELECT * FROM funnel WHERE left(md5(mql_id), 2) = '7f';
SELECT lives_ok($$SELECT lead_retrain('olist', frames_window => '1 year')$$, 'a version with them');
CREATE TEMP TABLE forgotten AS SELECT * FROM lead_forget('olist', 'SELECT * FROM person');
SELECT is((SELECT sum(rows) FROM forgotten WHERE what = 'frame'), (SELECT count(*) FROM person)::numeric, 'every row was taken out of its frame');
SELECT is((SELECT count(*) FROM leadscore.kept_frames k WHERE name = 'olist' AND k.frame IS DISTINCT FROM (SELECT leadscore.set_time_range(lead_frame_columns(won,
		leadscore.framing_of(k.frame) || '{"max_distinct": 100000}', first_contact_date, landing_page_id, origin))
	FROM funnel WHERE first_contact_date = k.starts::date AND mql_id NOT IN (SELECT mql_id FROM person))), 0::bigint, 'each frame is, to the byte, that of a table without them');
SELECT is((SELECT count(*) FROM forgotten WHERE what LIKE 'hold-out of version %'), (SELECT count(*) FROM leadscore.holdouts WHERE name = 'olist'), 'and out of every hold-out');
SELECT ok(h.frame = (SELECT leadscore.set_time_range(lead_frame_columns(won, leadscore.framing_of(h.frame) || '{"max_distinct": 100000}', first_contact_date, landing_page_id, origin))
	FROM funnel WHERE first_contact_date > (r.cut #>> '{}')::date AND mql_id NOT IN (SELECT mql_id FROM person)), 'the latest is, to the byte, that of a table without them')
FROM leadscore.holdouts h JOIN leadscore.versions USING (name, version) JOIN leadscore.runs r USING (run_id) WHERE run_id = (pg_temp.last_run()).run_id;
SELECT is((SELECT count(*) FROM forgotten WHERE what LIKE '%its profile and curves deleted'),
	(SELECT count(*) FROM leadscore.versions JOIN leadscore.runs USING (run_id) WHERE name = 'olist' AND (spec->>'refit')::boolean), 'what only the model before a refit could make anew is deleted');
SELECT is((SELECT array_agg(version ORDER BY version) FROM leadscore.version_profiles p JOIN leadscore.versions v USING (name, version) JOIN leadscore.holdouts h USING (name, version)
	WHERE name = 'olist' AND p.holdout = lead_profile(v.model, h.frame)),
	(SELECT array_agg(version ORDER BY version) FROM leadscore.versions JOIN leadscore.runs USING (run_id) WHERE name = 'olist' AND NOT (spec->>'refit')::boolean), 'all others have the profile of the rows that are left');
SELECT is((SELECT count(*) FROM leadscore.holdouts h JOIN leadscore.score_quantiles q USING (name, version) WHERE name = 'olist' AND (leadscore.frame_counts(h.frame)).rows <> q.rows), 0::bigint, 'and the quantiles of their scores');
SELECT is((SELECT (forgotten_by = current_user, rows, frames)::text FROM leadscore.forgettings), (SELECT (true, (SELECT count(*) FROM person), count(*))::text FROM forgotten), 'that it happened is on record, and no data');
CREATE TEMP TABLE after_it AS SELECT * FROM lead_retrain('olist');
SELECT cmp_ok(pg_temp.apart(lead_model('olist', (SELECT version FROM after_it)), pg_temp.from_table(format('mql_id NOT IN (SELECT mql_id FROM person) AND first_contact_date <= %L',
	(pg_temp.last_run()).cut #>> '{}'))), '<', 1e-10::float8, 'the next version is that of a table without them');
SELECT throws_like($$SELECT * FROM lead_forget('olist', 'person')$$, 'frame of %: cannot subtract frames: row % is not there', 'once more: they are gone');

SELECT * FROM finish();
ROLLBACK;
