-- Live models on real leads: Olist's by the month, with outcomes that mature; CodePro's
-- by its last quarter, and its first and second half; campaign's, where nothing changes.
BEGIN;
\set here `test -r ../shared/data/codepro/model_input.csv.gz && test -r ../shared/data/olist_funnel/closed_deals.csv.gz && test -r ../shared/data/campaign/campaign_data.csv.gz && echo true || echo false`
\if :here
\else
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(1);
SELECT skip('../shared/data is not here');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(28);
SET LOCAL client_min_messages = error;
SET LOCAL timezone = 'UTC';

-- Olist as it was seen on a day: a lead is won once its deal is closed, lost after 60 days without
CREATE TABLE mql (mql_id text PRIMARY KEY, first_contact_date date, landing_page_id text, origin text);
CREATE TABLE deals (mql_id text PRIMARY KEY, seller_id text, sdr_id text, sr_id text, won_date timestamp,
	business_segment text, lead_type text, lead_behaviour_profile text, has_company text, has_gtin text,
	average_stock text, business_type text, declared_product_catalog_size float8, declared_monthly_revenue float8);
\copy mql FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
\copy deals FROM PROGRAM 'zcat ../shared/data/olist_funnel/closed_deals.csv.gz' CSV HEADER
CREATE TABLE clock AS SELECT date '2018-04-01' AS today;
CREATE VIEW funnel AS
SELECT m.*, lead_label(first_contact_date::timestamptz, CASE WHEN won_date < today THEN won_date END::timestamptz, interval '60 days', today::timestamptz) AS won
FROM clock, mql AS m LEFT JOIN deals AS d USING (mql_id) WHERE first_contact_date < today;
SELECT is((SELECT concat_ws(' ', status, live, rows + held_out) FROM lead_train_model('olist', 'SELECT * FROM funnel WHERE first_contact_date < ''2018-01-31''', 'won',
	key => 'mql_id', time_column => 'first_contact_date', options => '{"min_count": 50}')), 'finished t ' || (SELECT count(*) FROM mql WHERE first_contact_date < '2018-01-31'), 'Olist up to January');
SELECT is((lead_watch('olist', source => 'funnel', period => '1 month', maturity => '60 days')).source, 'public.funnel', 'watched by the month');
CREATE PROCEDURE pg_temp.look(day date) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE clock SET today = day;
	PERFORM lead_monitor('olist', until => day);
END $$;
CALL pg_temp.look('2018-05-01');
CALL pg_temp.look('2018-06-01');
CALL pg_temp.look('2018-07-01');
SELECT results_eq('SELECT rows, unmatured, previous_run_id IS NULL, note FROM leadscore.monitor_run ORDER BY monitor_run_id',
	$$VALUES ((SELECT count(*) FROM mql WHERE first_contact_date BETWEEN '2018-04-01' AND '2018-04-30'), (SELECT count(*) FROM mql WHERE first_contact_date BETWEEN '2018-04-01' AND '2018-04-30'), true, NULL),
		((SELECT count(*) FROM mql WHERE first_contact_date BETWEEN '2018-05-01' AND '2018-05-31'), (SELECT count(*) FROM mql WHERE first_contact_date BETWEEN '2018-05-01' AND '2018-05-31'), false, NULL),
		(0::bigint, 0::bigint, true, 'no lead in the window')$$, 'three months, the last without leads');
SELECT results_eq('SELECT labelled, positives FROM leadscore.monitor_run ORDER BY monitor_run_id',
	$$SELECT (SELECT count(*) FROM mql WHERE first_contact_date >= f AND first_contact_date < t),
		(SELECT count(*) FROM mql JOIN deals USING (mql_id) WHERE first_contact_date >= f AND first_contact_date < t AND won_date < first_contact_date + 60)
		FROM (VALUES (date '2018-01-31', date '2018-03-02'), ('2018-03-02', '2018-04-02'), ('2018-04-02', '2018-05-02')) AS v(f, t)$$,
	'outcomes of leads that are 60 days old, each lead once');
SELECT ok(bool_and(c."column" <> 'landing_page_id' OR c.drifted AND c.new_levels > 90) AND count(*) = 6, 'new landing pages, month by month') FROM leadscore.monitor_history AS c WHERE against = 'training';
SELECT ok(bool_and(low > 0.5), 'the market moved: far more leads are won than the scores say') FROM leadscore.monitor_quality WHERE metric = 'calibration_intercept';
SELECT ok(bool_and(CASE metric WHEN 'positive_rate' THEN value > 2 * mean WHEN 'mean_score' THEN value = mean END), 'as rate and mean score do')
FROM (SELECT *, max(value) FILTER (WHERE metric = 'mean_score') OVER (PARTITION BY at) AS mean FROM leadscore.monitor_quality) AS q WHERE metric IN ('positive_rate', 'mean_score');
SELECT ok(bool_and(low < reference_high AND high > reference_low AND value > 0.6), 'while the order of the leads holds') FROM leadscore.monitor_quality WHERE metric = 'auc';
-- the quality by hand
SELECT results_eq($$SELECT (lead_evaluate(lead_score('olist', f), f.won)).auc FROM funnel AS f WHERE first_contact_date >= '2018-03-02' AND first_contact_date < '2018-04-02'$$,
	$$SELECT value FROM leadscore.monitor_quality WHERE metric = 'auc' AND at = '2018-04-02'$$, 'AUC by hand');
SELECT ok(abs(c.impact_log_odds - (SELECT avg(lead_log_odds('olist', f)) - (SELECT contribution FROM funnel AS g, lead_explain('olist', g) WHERE "column" = '(average lead)' LIMIT 1) FROM funnel AS f
	WHERE first_contact_date BETWEEN '2018-05-01' AND '2018-05-31')) < 1e-12, 'the impacts add up to the change of the mean log-odds')
FROM (SELECT sum(impact_log_odds) AS impact_log_odds FROM leadscore.monitor_history WHERE against = 'training' AND window_to = '2018-06-01') AS c;
SELECT is((SELECT string_agg(concat_ws(' ', rule, severity, passed), ', ') FROM lead_check('olist') WHERE passed IS NOT NULL), 'source error t, rows error f, auc_drop error t, calibration_intercept warning f',
	'an empty month: outcomes are judged all the same');
SELECT throws_ok($$SELECT lead_assert('olist')$$, '23514', 'model "olist" fails a check: rows', 'and a job stops, for no leads come');
SELECT is(lead_set_checks('olist', '[{"metric": "rows", "limit": 100}, {"metric": "calibration_intercept", "limit": 0.5}]'), 2, 'it can be told what else to stop for');
SELECT throws_ok($$SELECT lead_assert('olist')$$, '23514', 'model "olist" fails 2 checks: rows, calibration_intercept');
-- a winner among the young would bias: what is left of April on the first of May
SELECT cmp_ok(young, '>', 2 * grown, 'only winners are known so early') FROM
	(SELECT avg(won::int)::float8 AS young FROM (SELECT lead_label(first_contact_date::timestamptz, CASE WHEN won_date < '2018-05-01' THEN won_date END::timestamptz, '60 days', '2018-05-01') AS won
		FROM mql LEFT JOIN deals USING (mql_id) WHERE first_contact_date BETWEEN '2018-04-01' AND '2018-04-30') AS x) AS y,
	(SELECT value AS grown FROM leadscore.monitor_quality WHERE metric = 'positive_rate' AND at = '2018-05-02') AS g;

-- CodePro, trained up to November, watched by the month
CREATE TABLE codepro (lead_id int PRIMARY KEY, created_date timestamp, city_tier int,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int,
	career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
CREATE TABLE growing AS SELECT * FROM codepro WHERE created_date < '2021-12-01';
SELECT is((SELECT concat_ws(' ', status, live) FROM lead_train_model('codepro', 'growing', 'app_complete_flag', exclude => '{split}', key => 'lead_id', time_column => 'created_date')), 'finished t', 'CodePro up to November');
INSERT INTO growing SELECT * FROM codepro WHERE created_date >= '2021-12-01';
SELECT is((SELECT (rows, labelled, errors, note)::text FROM lead_monitor('codepro', period => '1 month', until => '2022-01-01')),
	(SELECT format('(%s,%s,0,)', count(*), count(*)) FROM codepro WHERE created_date >= '2021-12-01' AND created_date < '2022-01-01'), 'December');
SELECT is((SELECT (rows, labelled)::text FROM lead_monitor('codepro', period => '1 month', until => '2022-02-01')),
	(SELECT format('(%1$s,%1$s)', count(*)) FROM codepro WHERE created_date >= '2022-01-01' AND created_date < '2022-02-01'), 'January');
SELECT is((SELECT count(*) FROM leadscore.monitor_history WHERE name = 'codepro' AND against = 'previous'), (SELECT count(*) FROM leadscore.monitor_latest WHERE name = 'codepro'), 'is compared with December');
SELECT ok(abs((m.value - x.auc)) < 1e-15, 'the AUC of January, by hand') FROM leadscore.monitor_quality AS m,
	(SELECT (lead_evaluate(lead_score('codepro', c), c.app_complete_flag)).auc FROM codepro AS c WHERE created_date >= '2022-01-01' AND created_date < '2022-02-01') AS x
WHERE name = 'codepro' AND metric = 'auc' AND at = '2022-02-01';
-- the sources lose their codes
UPDATE growing SET first_utm_source_c = 'new ' || first_utm_source_c, referred_lead = NULL WHERE created_date >= '2022-02-01';
SELECT is((lead_monitor('codepro', period => '1 month', until => '2022-03-01')).score_drifted, true, 'February with other codes');
SELECT ok(bool_or(rule = 'missing_rise' AND "column" = 'referred_lead') AND bool_or(rule = 'new_levels' AND "column" = 'first_utm_source_c') AND bool_or(rule = 'score_drift'),
	'the empty column, the new codes and the scores are alarms') FROM lead_check('codepro') WHERE NOT passed;
SELECT is((SELECT passed FROM lead_check('codepro') WHERE rule = 'auc_drop'), false, 'and what the model can no longer tell apart shows in the AUC');
SELECT cmp_ok(length(r.profile::text) / 2, '<', 100000, 'a look is kept in kilobytes') FROM leadscore.monitor_run AS r WHERE rows > 0 ORDER BY length(r.profile::text) DESC LIMIT 1;

-- campaign: no time column, no drift, no signal
CREATE TABLE campaign (id text PRIMARY KEY, goal int, raised float8, days int, backers int, category text, month text, country text, currency text, experience int, video text, social int, updates int, won int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER
SELECT is((SELECT concat_ws(' ', status, live) FROM lead_train_model('campaign', 'campaign', 'won', exclude => '{raised}')), 'finished t', 'campaign');
SELECT is((SELECT (rows, measured, drifted_columns, drifted, labelled, note)::text FROM lead_monitor('campaign')),
	(SELECT format('(100000,12,0,f,%s,"the quality leaves out %s leads that the version was trained on")', held_out, rows) FROM lead_versions('campaign')), 'nothing has drifted');
SELECT is((SELECT count(*) FROM lead_check('campaign') WHERE NOT passed), 0::bigint, 'no alarm');
SELECT throws_ok($$SELECT lead_monitor('campaign', period => '1 day')$$, '55000', 'model "campaign" has no time column to tell how old a lead is');
SELECT * FROM finish();
ROLLBACK;
