-- # 1. Leads
--
-- 25,000 leads of a school that sells courses online: where they came from, where
-- they live, what they clicked, and when they paid, if they did. They are made up;
-- a script computed them, the same ones on every machine.

SELECT count(*) AS leads, count(won_at) AS won, count(*) - count(won_at) AS not_won,
	min(created_date)::date AS first_day, max(created_date)::date AS last_day
FROM leads;

SELECT lead_id, created_date::date, city, first_platform_c, first_utm_medium_c,
	syllabus, emi_plans_clicked, won_at::date
FROM leads ORDER BY lead_id LIMIT 5;

-- # 2. What is a success?
--
-- Today is 1 July 2025. A lead that paid within 90 days is a success, one that had
-- its 90 days and did not pay is none. A young lead that has not paid is neither:
-- its outcome is NULL, and nobody calls it lost.

CREATE VIEW outcomes AS
SELECT *, lead_label(created_date, won_at, '90 days', '2025-07-01') AS won
FROM leads;

SELECT won, count(*) AS leads, min(created_date)::date AS first_day, max(created_date)::date AS last_day
FROM outcomes GROUP BY won ORDER BY won;

-- # 3. Training
--
-- One aggregate over whole rows makes a model, which is one value. The months to
-- February train; March is kept back to judge. (From April on some leads have not
-- had their 90 days.) won_at knows the outcome, so it may not be a feature; the
twelve largest cities shall count one by one, the others together.

CREATE TABLE models AS
SELECT 'first' AS name,
	lead_train(won, o, '{"exclude": ["lead_id", "won_at"],
		"columns": {"city": {"max_levels": 12}}}') AS model
FROM outcomes o
WHERE created_date < '2025-03-01';

-- # 4. What the model says of itself

SELECT lead_summary(model) FROM models;

-- The ten coefficients that are the surest. An odds ratio of 2 doubles the odds.

SELECT c.name, round(estimate::numeric, 2) AS estimate, round(odds_ratio::numeric, 2) AS odds_ratio,
	round(odds_low::numeric, 2) AS low, round(odds_high::numeric, 2) AS high,
	round(z::numeric, 1) AS z
FROM models, lead_coefficients(model) c
WHERE c.name <> '(Intercept)'
ORDER BY abs(z) DESC NULLS LAST LIMIT 10;

-- # 5. Is it any good?
--
-- The leads of March, which the training has not seen.

CREATE VIEW judged AS
SELECT lead_score((SELECT model FROM models), o) AS score, won
FROM outcomes o
WHERE created_date >= '2025-03-01' AND created_date < '2025-04-01';

SELECT n, positives, round(auc::numeric, 3) AS auc, round(auc_low::numeric, 3) AS auc_low,
	round(auc_high::numeric, 3) AS auc_high, round(log_loss::numeric, 3) AS log_loss,
	round(precision::numeric, 3) AS precision, round(recall::numeric, 3) AS recall
FROM (SELECT (lead_evaluate(score, won)).* FROM judged) quality;

-- Sort them by score and cut them into ten tiles of equal size. Calling only the
-- first tiles reaches most of the buyers (percent_of_all_won).

SELECT tile, round(n::numeric) AS leads, round(positives::numeric) AS won,
	round(100 * rate::numeric, 1) AS percent_won, round(lift::numeric, 2) AS lift,
	round(100 * gain::numeric, 1) AS percent_of_all_won
FROM unnest((SELECT lead_lift(score, won, 10) FROM judged));

-- # 6. Whom to call today
--
-- The ten best of the leads that are still open, and why.

WITH best AS MATERIALIZED (
	SELECT o.*, lead_score((SELECT model FROM models), o) AS score
	FROM outcomes o WHERE won IS NULL
	ORDER BY score DESC, lead_id LIMIT 10
)
SELECT lead_id, city, round(100 * score::numeric, 1) AS percent,
	lead_reasons((SELECT model FROM models), best, 2) AS reasons
FROM best ORDER BY score DESC, lead_id;

-- # 7. Every lead, scored
--
-- All of them, into a table.

CREATE TABLE scores AS
SELECT lead_id, lead_score((SELECT model FROM models), o) AS score
FROM outcomes o;

SELECT count(*) AS scored, round(min(score)::numeric, 4) AS lowest,
	round(avg(score)::numeric, 4) AS mean, round(max(score)::numeric, 4) AS highest
FROM scores;
