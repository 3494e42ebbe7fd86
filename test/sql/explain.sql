-- Why a lead has its score: parts that add up, reasons in words, what is new.
SET client_min_messages = warning;
CREATE SCHEMA ex;
SET search_path = ex, public;
CREATE TABLE leads (city text, calls int, asked boolean, created date, won boolean);
INSERT INTO leads
SELECT CASE WHEN i % 100 < 3 THEN 'tiny' || i % 3 ELSE (ARRAY['Paris','London','Rome'])[1 + i % 3] END,
       nullif(i % 7, 6), i % 2 = 0, date '2024-01-01' + i % 90,
       (i * 7 % 11 + 2 * (i % 3) + i % 7) > 9
FROM generate_series(0, 999) i;
CREATE TABLE models (name text, model bytea);
-- "tiny" cities are pooled; created counts by its day of the week
INSERT INTO models
SELECT 'pooled', lead_train(won, l, '{"lambda": 1, "columns": {"created": {"parts": ["dow"]}}}') FROM leads l;
INSERT INTO models
SELECT 'listed', lead_train(won, l, '{"lambda": 1, "exclude": ["asked", "created"]}') FROM leads l WHERE city !~ 'tiny' AND calls IS NOT NULL;
INSERT INTO models
SELECT 'strict', lead_train(won, l, '{"lambda": 1, "unseen": "error", "exclude": ["asked", "created"]}') FROM leads l WHERE city !~ 'tiny' AND calls IS NOT NULL;
CREATE FUNCTION model(name text) RETURNS bytea STABLE LANGUAGE sql
AS 'SELECT model FROM ex.models m WHERE m.name = $1';

-- a row per column, the strongest first, the average lead last
SELECT "column", value, round(contribution::numeric, 6) AS contribution, unit
FROM leads l, lead_explain(model('pooled'), l) WHERE l = (SELECT l FROM leads l LIMIT 1);
SELECT "column", value, round(contribution::numeric, 6) AS contribution
FROM lead_explain(model('pooled'), '{"city": "Timbuktu", "calls": null, "asked": true, "created": "2024-02-29"}'::jsonb);
SELECT "column", value, round(contribution::numeric, 6) AS contribution
FROM lead_explain(model('listed'), '{"city": "Timbuktu", "calls": 2.5}'::jsonb);
SELECT "column", value, round(contribution::numeric, 6) AS contribution
FROM lead_explain(model('listed'), '{"city": null, "calls": null}'::jsonb);
SELECT e."column", count(*) FROM leads l, lead_explain(model('listed'), l) e GROUP BY 1 ORDER BY 1;
-- they add up
SELECT max(abs(total - log_odds)) < 1e-12 AS adds_up, count(*)
FROM (SELECT lead_log_odds(model('pooled'), l) AS log_odds,
             (SELECT sum(contribution) FROM lead_explain(model('pooled'), l)) AS total FROM leads l) q;
SELECT lead_explain(model('listed'), x) FROM (SELECT 'Rome' AS city, 7 AS calls) x LIMIT 0;
SELECT * FROM lead_explain(NULL, '{}'::jsonb);
SELECT * FROM lead_explain(model('listed'), NULL::leads);
SELECT * FROM lead_explain(model('listed'), '{"city": "Rome"}'::jsonb);

-- reasons
SELECT lead_reasons(model('listed'), x, 2) FROM (VALUES ('Paris', 0), ('Rome', 5), ('London', 2), ('Oslo', NULL), ('Oslo', 5)) x(city, calls);
SELECT lead_reasons(model('pooled'), '{"city": "Rome", "calls": null, "asked": true, "created": "2024-02-29"}'::jsonb, 9);
SELECT lead_reasons(model('pooled'), l) = lead_reasons(model('pooled'), l, 3) AS three_by_default FROM leads l LIMIT 1;
SELECT lead_reasons(model('listed'), x, 1) FROM (SELECT 'Rome' AS city, 1000 AS calls) x;
SELECT lead_reasons(model('listed'), x, 1) FROM (SELECT 'Rome' AS city, -1000 AS calls) x;
SELECT lead_reasons(model('listed'), x, 0) FROM (SELECT 'Rome' AS city, 1 AS calls) x;
SELECT lead_reasons(NULL, l, 1) IS NULL FROM leads l LIMIT 1;

-- what training never saw, also where scoring it is an error
SELECT lead_unseen(model('listed'), x) FROM (VALUES ('Paris', 0), ('Oslo', 1), ('Oslo', NULL), (NULL, NULL)) x(city, calls);
SELECT lead_unseen(model('strict'), '{"city": "Oslo", "calls": null}'::jsonb);
SELECT lead_score(model('strict'), '{"city": "Oslo", "calls": 1}'::jsonb);
SELECT lead_unseen(model('pooled'), '{"city": "Oslo", "calls": null, "asked": null, "created": null}'::jsonb);
SELECT unseen, count(*) FROM leads l, unnest(lead_unseen(model('listed'), l)) unseen GROUP BY 1 ORDER BY 1;

-- times and intervals in ISO 8601 and seconds, whatever the session says
SET DateStyle = 'German, DMY';
SET TimeZone = 'Asia/Kolkata';
CREATE TABLE timed AS
SELECT timestamp '2024-01-01 12:30:15.5' + i * interval '5 hours' AS t,
       timestamptz '2024-01-01 12:30:00+00' + i * interval '5 hours' AS tz,
       i % 9 * interval '90 minutes' AS waited, (i * 7) % 11 < 4 AS won
FROM generate_series(0, 299) i;
INSERT INTO models SELECT 'timed', lead_train(won, l, '{"lambda": 1, "min_count": 1, "timezone": "UTC", "columns": {"t": {"parts": ["hour"]}, "tz": {"parts": ["dow"]}}}') FROM timed l;
SELECT "column", value FROM lead_explain(model('timed'), (SELECT x FROM timed x WHERE waited = '90 minutes' LIMIT 1)) ORDER BY 1;
DROP SCHEMA ex CASCADE;
