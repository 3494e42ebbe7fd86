-- The life of a model on real leads: CodePro's by the split that its references
-- were made with, Olist's by time and by landing page.
BEGIN;
\set here `test -r ../shared/data/codepro/model_input.csv.gz && test -r ../shared/data/olist_funnel/closed_deals.csv.gz && echo true || echo false`
\if :here
\else
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(1);
SELECT skip('../shared/data/codepro and ../shared/data/olist_funnel are not here');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
\ir lib/reference.psql
SELECT plan(37);
SET LOCAL client_min_messages = error;

CREATE TABLE codepro_input (lead_id int, created_date timestamp, city_tier int,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int,
	career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro_input FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
\copy reference_summary FROM '../shared/data/codepro/reference_glm_summary.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (test_n, test_auc, test_logloss, test_accuracy, test_precision, test_recall))
\copy reference_in FROM '../shared/data/codepro/reference_glm_train_split_no_medium.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('train_split_no_medium');
ALTER TABLE codepro_input ADD COLUMN is_test boolean;
UPDATE codepro_input SET is_test = split = 'test';

-- by the reference's own split: the numbers are R's
SELECT is((SELECT concat_ws(' ', status, version, rows, held_out, live, verdict, error) FROM lead_train_model('codepro', 'codepro_input', 'app_complete_flag',
	features => '{total_leads_droppped,referred_lead,city_tier,first_platform_c,first_utm_source_c}', key => 'lead_id', holdout => '{"column": "is_test"}',
	options => '{"reference": "first", "min_count": 1, "columns": {"city_tier": {"as": "categorical"}}}',
	gate => '{"min_auc": 0.75, "min_precision": 0.65, "min_recall": 0.75}')), 'finished 1 19992 4999 t first', 'trained, judged, live');
SELECT pg_temp.agrees(lead_model('codepro'), 'train_split_no_medium');
SELECT cmp_ok(abs(m.auc - s.test_auc::float8) + abs(m.log_loss - s.test_logloss::float8) + abs(m.precision - s.test_precision::float8) + abs(m.recall - s.test_recall::float8), '<', 1e-10::float8,
	'AUC, log loss, precision and recall on the test split are R''s')
FROM lead_versions('codepro') m, reference_summary s WHERE s.model = 'train_split_no_medium';
SELECT is((SELECT value FROM leadscore.metrics WHERE key = 'train.iterations'), (SELECT count(*) FROM leadscore.metrics WHERE key = 'train.loss')::float8, 'a loss per iteration');

-- a challenger with a column more is better, one with a column less is worse
SELECT results_eq($$SELECT verdict, live FROM lead_train_model('codepro', 'codepro_input', 'app_complete_flag', exclude => '{split,is_test,created_date}', key => 'lead_id', holdout => '{"column": "is_test"}')$$,
	$$VALUES ('better', true)$$, 'all columns: better');
SELECT results_eq($$SELECT verdict, live FROM lead_train_model('codepro', 'codepro_input', 'app_complete_flag', features => '{total_leads_droppped,referred_lead}', key => 'lead_id', holdout => '{"column": "is_test"}')$$,
	$$VALUES ('worse', false)$$, 'two columns: worse');
SELECT results_eq($$SELECT verdict, live FROM lead_train_model('codepro', 'codepro_input', 'app_complete_flag', exclude => '{split,is_test,created_date}', key => 'lead_id', holdout => '{"column": "is_test"}', gate => '{"min_recall": 0.99}')$$,
	$$VALUES ('below threshold', false)$$, 'a recall that is not reached');
SELECT is((numbers #>> '{compared,n}')::int, 4999, 'champion and challenger met on the test split') FROM leadscore.verdicts WHERE verdict = 'worse';
SELECT is(numbers->'below', '["recall"]', 'the verdict has its reason') FROM leadscore.verdicts WHERE verdict = 'below threshold';
SELECT cmp_ok(abs(c.delta - ((e.numbers #>> '{evaluation,auc}')::float8 - c.champion_auc)), '<', 1e-12::float8, 'the stored rows say the same later')
FROM leadscore.holdouts h JOIN leadscore.versions v USING (name, version) JOIN leadscore.verdicts e USING (run_id),
	lead_compare(lead_model('codepro', 1), lead_model('codepro', 2), h.frame) c WHERE version = 2;

-- lead_id separates the classes, for the file is sorted: as a key it does no harm, as a feature it is found
SELECT is((SELECT status FROM lead_train_model('leak', 'codepro_input', 'app_complete_flag', exclude => '{split}', features => '{lead_id,referred_lead}', key => 'lead_id', options => '{"allow": ["referred_lead"], "columns": {"lead_id": {"bins": 20}}}')), 'finished', 'an identifier is left out');
SELECT ok(EXISTS (SELECT FROM leadscore.checks JOIN leadscore.runs USING (run_id) WHERE model = 'leak' AND "check" = 'identifier' AND "column" = 'lead_id'), 'and that is said');

-- the same recipe a month later
CREATE TABLE growing AS SELECT * FROM codepro_input WHERE created_date < '2021-12-01';
SELECT is((SELECT concat_ws(' ', status, live) FROM lead_train_model('monthly', 'growing', 'app_complete_flag', exclude => '{split,is_test}', key => 'lead_id', time_column => 'created_date')), 'finished t', 'trained up to December');
INSERT INTO growing SELECT * FROM codepro_input WHERE created_date >= '2021-12-01';
SELECT is((SELECT concat_ws(' ', status, version) FROM lead_retrain('monthly')), 'finished 2', 'trained again in January');
SELECT ok((SELECT data_to FROM leadscore.runs WHERE model = 'monthly' ORDER BY started_at LIMIT 1) < (SELECT data_to FROM leadscore.runs WHERE model = 'monthly' ORDER BY started_at DESC LIMIT 1), 'on newer rows');
SELECT is((SELECT (numbers #>> '{compared,n}')::bigint FROM leadscore.verdicts JOIN leadscore.versions USING (run_id) WHERE name = 'monthly' AND version = 2),
	(SELECT count(*) FROM growing WHERE created_date > (SELECT max((cut #>> '{}')::timestamp) FROM leadscore.runs WHERE model = 'monthly')),
	'judged on rows that neither has seen');

-- Olist: a seller's landing page as the group
CREATE TABLE mql (mql_id text PRIMARY KEY, first_contact_date date, landing_page_id text, origin text);
CREATE TABLE deals (mql_id text PRIMARY KEY, seller_id text, sdr_id text, sr_id text, won_date timestamp,
	business_segment text, lead_type text, lead_behaviour_profile text, has_company text, has_gtin text,
	average_stock text, business_type text, declared_product_catalog_size float8, declared_monthly_revenue float8);
\copy mql FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
\copy deals FROM PROGRAM 'zcat ../shared/data/olist_funnel/closed_deals.csv.gz' CSV HEADER
\set funnel '''SELECT m.*, d.seller_id, d.lead_type FROM mql m LEFT JOIN deals d USING (mql_id)'''
SELECT is((SELECT error FROM lead_train_model('olist', :funnel, 'seller_id IS NOT NULL', key => 'mql_id', time_column => 'first_contact_date')),
	E'the checks found an error\nDETAIL:  column "lead_type": it is filled in ' || (SELECT count(lead_type) FROM mql JOIN deals USING (mql_id)
		WHERE first_contact_date <= (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY first_contact_date) FROM mql))
	|| E' times, and only where the label is true.\nHINT:  leadscore.checks has all. Exclude a column, insist with the option "allow", or see to the rows.', 'what only sellers have is found');
SELECT is((SELECT concat_ws(' ', status, live, held_out) FROM lead_train_model('olist', :funnel, 'seller_id IS NOT NULL', key => 'mql_id', exclude => '{lead_type}', time_column => 'first_contact_date')),
	'finished t ' || (SELECT count(*) FROM mql WHERE first_contact_date > (SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY first_contact_date) FROM mql)),
	'judged on the latest, no day torn apart');
SELECT ok(held_out BETWEEN 1500 AND 1600, 'nearly a fifth') FROM leadscore.runs WHERE model = 'olist' AND held_out IS NOT NULL ORDER BY started_at DESC LIMIT 1;
SELECT is((SELECT status FROM lead_train_model('olist', :funnel, 'seller_id IS NOT NULL', key => 'mql_id', exclude => '{lead_type}', holdout => '{"by": "group", "column": "landing_page_id"}')), 'finished', 'judged on landing pages that training has not seen');
SELECT is((SELECT held_out FROM leadscore.runs WHERE model = 'olist' ORDER BY started_at DESC LIMIT 1), (SELECT count(*) FROM mql WHERE lead_fold(landing_page_id, 5) = 0), 'whole pages');

-- with a horizon for the label late winners are losers that have what winners get: it is found all the same
CREATE VIEW sellers AS SELECT m.*, d.won_date, d.business_segment, d.lead_behaviour_profile, d.declared_monthly_revenue,
	lead_label(first_contact_date::timestamptz, won_date::timestamptz, '60 days', '2018-11-15') AS won FROM mql AS m LEFT JOIN deals AS d USING (mql_id);
SELECT is((SELECT status FROM lead_train_model('sellers', 'sellers', 'won', key => 'mql_id', time_column => 'first_contact_date')), 'failed', 'a leak that is not pure');
SELECT set_eq($$SELECT severity, "column" FROM leadscore.checks JOIN leadscore.runs USING (run_id) WHERE model = 'sellers' AND "check" = 'leak'$$,
	$$VALUES ('error', 'business_segment'), ('error', 'declared_monthly_revenue'), ('warning', 'lead_behaviour_profile')$$, 'by what only deals have');
SELECT is((SELECT status FROM lead_train_model('sellers', 'sellers', 'won', key => 'mql_id', features => '{origin,won_date}', time_column => 'first_contact_date',
	options => '{"columns": {"won_date": {"parts": ["dow"]}}}')), 'failed', 'so does a part of the time they were won');
SELECT ok(auc > 0.98, 'allowed, it is too good') FROM lead_train_model('too good', 'sellers', 'won', key => 'mql_id', time_column => 'first_contact_date', exclude => '{won_date}',
	options => '{"allow": ["business_segment", "declared_monthly_revenue"]}');
SELECT ok(detail LIKE 'the AUC on the rows held out is 0.99%: look for a column that knows the outcome' AND severity = 'warning', 'and that is said')
FROM leadscore.checks JOIN leadscore.runs USING (run_id) WHERE model = 'too good' AND "check" = 'leak' AND "column" IS NULL;
SELECT is((SELECT count(*) FROM leadscore.checks JOIN leadscore.runs USING (run_id) WHERE model IN ('codepro', 'monthly', 'olist') AND "check" = 'leak' AND NOT coalesce("column" = 'lead_type', false)), 0::bigint, 'honest columns are not suspected');

SELECT * FROM finish();
ROLLBACK;
