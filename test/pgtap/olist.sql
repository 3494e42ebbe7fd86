-- Olist: 8,000 sellers who asked for contact, 842 of whom were won.
--
-- References: reference_glm_*.csv (Newton in R 4.2, treatment contrasts).  Their base
-- level of origin is the missing one, so the reference is "(null)" here; the landing
-- page's is the first by bytes.
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
\ir lib/reference.psql
SELECT plan(39);

CREATE TEMP TABLE mql (mql_id text PRIMARY KEY, first_contact_date date, landing_page_id text, origin text);
CREATE TEMP TABLE deals (mql_id text PRIMARY KEY, seller_id text, sdr_id text, sr_id text, won_date timestamp,
	business_segment text, lead_type text, lead_behaviour_profile text, has_company text, has_gtin text,
	average_stock text, business_type text, declared_product_catalog_size float8, declared_monthly_revenue float8);
\copy mql FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
\copy deals FROM PROGRAM 'zcat ../shared/data/olist_funnel/closed_deals.csv.gz' CSV HEADER

-- landing: the page if it has at least 100 leads, else others; month: of the first contact.
CREATE TEMP TABLE leads AS
SELECT mql_id, d.mql_id IS NOT NULL AS won, origin,
	   CASE WHEN count(*) OVER (PARTITION BY landing_page_id) >= 100 THEN landing_page_id ELSE 'others' END AS landing,
	   to_char(first_contact_date, 'YYYY-MM') AS first_contact_month,
	   first_contact_date, landing_page_id
FROM mql LEFT JOIN deals d USING (mql_id);

\copy reference_summary FROM '../shared/data/olist_funnel/reference_glm_summary.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (test_n, test_auc, test_logloss, test_accuracy, test_precision, test_recall))
\copy reference_in FROM '../shared/data/olist_funnel/reference_glm_origin.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('origin');
\copy reference_in FROM '../shared/data/olist_funnel/reference_glm_origin_landing.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('origin_landing');

\set factors '{"reference": "first", "min_count": 1, "columns": {"origin": {"reference": "(null)"}}}'
CREATE TEMP TABLE m (fit text PRIMARY KEY, model bytea);

----------------------------------------------------------------------------
-- Maximum likelihood, coefficient by coefficient
----------------------------------------------------------------------------

INSERT INTO m SELECT 'origin', lead_train(won, r, :'factors') FROM leads, LATERAL (SELECT origin) r;
INSERT INTO m SELECT 'origin_landing', lead_train(won, r, :'factors') FROM leads, LATERAL (SELECT origin, landing) r;
SELECT pg_temp.agrees(model, fit) FROM m ORDER BY fit;
SELECT pg_temp.scores_agree((SELECT lead_evaluate(lead_score(m.model, leads), won) FROM leads), fit) FROM m ORDER BY fit;
-- Another coding is the same model.
SELECT cmp_ok(max(abs(lead_score(a.model, leads) - lead_score(b.model, leads))), '<', 1e-12::float8, 'the reference level changes no score')
FROM leads, (SELECT model FROM m WHERE fit = 'origin_landing') a,
	 (SELECT lead_train(won, r, '{"min_count": 1}') AS model FROM leads, LATERAL (SELECT origin, landing) r) b;
-- A missing origin is information: 23.3 % of 60 leads were won.
SELECT cmp_ok(abs(lead_score(model, '{"origin": null}'::jsonb) - 14 / 60.0::float8), '<', 1e-12::float8, 'a missing origin is a level: its share of won leads')
FROM m WHERE fit = 'origin';
SELECT cmp_ok(abs(lead_score(model, '{"origin": "unknown"}'::jsonb) - w.rate), '<', 1e-12::float8, 'and is not the level unknown')
FROM m, (SELECT avg(won::int)::float8 AS rate FROM leads WHERE origin = 'unknown') w WHERE fit = 'origin';

----------------------------------------------------------------------------
-- Separation: the four leads of the first month were all lost
----------------------------------------------------------------------------

\set month 'leads, LATERAL (SELECT origin, landing, first_contact_month) r'
INSERT INTO m SELECT 'separated', lead_train(won, r, :'factors'::jsonb - 'reference') FROM :month;
INSERT INTO m SELECT 'firth', lead_train(won, r, :'factors'::jsonb - 'reference' || '{"separation": "firth"}') FROM :month;
SELECT is(lead_info(model)->'separation', jsonb_build_object('full', false, 'columns', '["first_contact_month=2017-06"]'::jsonb, 'handled', CASE fit WHEN 'firth' THEN 'firth' ELSE 'ridge' END),
		  fit || ': the first month is named')
FROM m WHERE fit IN ('separated', 'firth') ORDER BY fit;
PREPARE with_error AS SELECT lead_train(won, r, :'factors'::jsonb - 'reference' || '{"separation": "error"}') FROM :month;
SELECT throws_ok('with_error', '22000', 'the classes are partly separated by "first_contact_month=2017-06"', 'separation: an error on request');
-- As the reference the level has no column, and is named all the same.
PREPARE with_error_first AS SELECT lead_train(won, r, :'factors'::jsonb || '{"separation": "error"}') FROM :month;
SELECT throws_ok('with_error_first', '22000', 'the classes are partly separated by "first_contact_month=2017-06"', 'separation: the reference level is named, too');
SELECT is((SELECT count(*) FROM leads WHERE lead_score(model, leads) > 0 AND lead_score(model, leads) < 1), 8000::bigint, fit || ': all probabilities finite')
FROM m WHERE fit IN ('separated', 'firth') ORDER BY fit;
SELECT ok((e).log_loss BETWEEN 0.30494187010488705 AND 0.308 AND (e).auc > 0.72, fit || ': close above the infimum of the log loss')
FROM (SELECT fit, (SELECT lead_evaluate(lead_score(m.model, leads), won) FROM leads) AS e FROM m WHERE fit IN ('separated', 'firth')) x ORDER BY fit;
-- With the default min_count the four leads are too few even for "other" and count as the average lead.
SELECT is(lead_info(model)->'separation', NULL, 'defaults: four leads of a month separate nothing')
FROM (SELECT lead_train(won, r) AS model FROM :month) d;
-- Where the next rare level joins them, nothing is separated.
SELECT ok(NOT lead_info(model) ? 'separation' AND (lead_info(model)->>'converged')::bool, 'min_count 300: no separation')
FROM (SELECT lead_train(won, r, '{"min_count": 300}') AS model FROM :month) d;

----------------------------------------------------------------------------
-- The most natural call
----------------------------------------------------------------------------

INSERT INTO m SELECT 'natural', lead_train(won, leads) FROM leads;
SELECT is((SELECT jsonb_object_agg(o->>'column', o->>'reason') FROM jsonb_array_elements(lead_info(model)->'left_out') o),
	'{"won": "label", "mql_id": "identifier", "first_contact_date": "time"}'::jsonb, 'the whole row: label, key and date left out')
FROM m WHERE fit = 'natural';
-- What exists for won leads only gives the label away.
CREATE TEMP TABLE deal_types AS SELECT l.won, l.origin, d.business_segment IS NOT NULL AS has_segment, d.declared_monthly_revenue FROM leads l LEFT JOIN deals d USING (mql_id);
SELECT throws_ok($$ SELECT lead_train(won, deal_types) FROM deal_types $$, '22000', 'column "declared_monthly_revenue" alone determines the label', 'a column of the deals gives the label away');

SELECT * FROM finish();
ROLLBACK;
