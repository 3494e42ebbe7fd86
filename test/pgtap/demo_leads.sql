-- The demo's leads: the same on every server, and a training finds the model
-- that made them.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS leadscore;
CREATE SCHEMA demo_leads;
SET search_path = demo_leads, public;
\ir ../demo/generate_leads.sql

SELECT plan(13);

SELECT is(count(*), 25000::bigint, '25,000 leads') FROM leads;

-- by hand from PostgreSQL 15 on x86-64; every column but none of its formatting
SELECT is(md5(string_agg(concat_ws('|', lead_id, extract(epoch FROM created_date)::bigint,
		coalesce(city, '-'), first_platform_c, first_utm_medium_c, first_utm_source_c,
		total_leads_dropped, referred_lead, syllabus, fee_component_click, chat_clicked,
		download_syllabus, careers, call_us_button_clicked, emi_plans_clicked,
		whatsapp_chat_click, coalesce(extract(epoch FROM won_at)::bigint::text, '-')),
		E'\n' ORDER BY lead_id)),
	'e401635f7deb5299354370e3d59db9db', 'exactly these') FROM leads;

SELECT ok(bool_and(won_at > created_date AND won_at < '2025-07-01'), 'won after they came, before today')
FROM leads WHERE won_at IS NOT NULL;

-- What made them, as generate_leads.sql says; the levels against the reference
-- level of the fit.  4.5 standard errors: one honest coefficient in 100,000 fails.
CREATE TABLE truth (name text, weight float8);
INSERT INTO truth VALUES
	('total_leads_dropped', -0.35), ('referred_lead', 0.9), ('syllabus', 0.45),
	('fee_component_click', 0.8), ('chat_clicked', 0.5), ('download_syllabus', 0.7),
	('call_us_button_clicked', 1.1), ('emi_plans_clicked', 0.9),
	('first_platform_c=call centre', 1.3 - 0.1), ('first_utm_medium_c=display', -1.2 + 0.2);

CREATE TABLE fitted AS
SELECT c.*
FROM (SELECT lead_train(lead_label(created_date, won_at, '90 days', '2025-07-01'), l,
		'{"exclude": ["lead_id", "created_date", "won_at"], "columns": {"city": {"max_levels": 40}}}') AS model
	FROM leads l WHERE created_date < '2025-04-01') m, lead_coefficients(model) c;

SELECT cmp_ok(abs(estimate - weight) / std_error, '<', 4.5::float8,
	format('%s is found: %s for %s', name, round(estimate::numeric, 2), weight))
FROM truth LEFT JOIN fitted USING (name) ORDER BY name;

SELECT * FROM finish();
DROP SCHEMA demo_leads CASCADE;
