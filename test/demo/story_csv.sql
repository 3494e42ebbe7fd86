-- # 1. The table
--
-- What the file holds: @FILE@, column @LABEL_TEXT@ is the outcome.

SELECT count(*) AS leads, count(*) FILTER (WHERE @LABEL@) AS won,
	count(*) FILTER (WHERE NOT @LABEL@) AS not_won,
	count(*) FILTER (WHERE @LABEL@ IS NULL) AS not_known_yet
FROM leads;

SELECT format_type(atttypid, atttypmod) AS type, count(*) AS columns,
	left(string_agg(attname, ', ' ORDER BY attnum), 80) AS names
FROM pg_attribute WHERE attrelid = 'leads'::regclass AND attnum > 0
GROUP BY 1 ORDER BY 2 DESC, 1;

-- # 2. Training
--
-- One aggregate over whole rows makes a model, which is one value. A fifth of the
-- rows, chosen by a hash of what they say, is kept back to judge. What the training
-- leaves out, and why, it says.

CREATE VIEW training AS SELECT * FROM leads l WHERE lead_fold(l::text, 5, 42) <> 0;
CREATE VIEW kept_back AS SELECT * FROM leads l WHERE lead_fold(l::text, 5, 42) = 0;

CREATE TABLE models AS
SELECT 'first' AS name, lead_train(@LABEL@, t@OPTIONS@) AS model
FROM training t;

-- # 3. What the model says of itself

WITH summary AS (
	SELECT line, n, max(n) FILTER (WHERE line = '---') OVER () AS table_end
	FROM models, regexp_split_to_table(lead_summary(model), '\n') WITH ORDINALITY AS l(line, n)
)
SELECT CASE n WHEN 31 THEN '(… SELECT lead_summary(model) FROM models shows all)' ELSE line END AS summary
FROM summary WHERE n <= 31 OR n >= table_end ORDER BY n;

-- The fifteen coefficients that move the scores most: the estimate times the
-- spread of its column. An odds ratio of 2 doubles the odds.

SELECT c.name, round(std_estimate::numeric, 3) AS std_estimate,
	estimate::numeric(20, 6), odds_ratio::numeric(20, 4), round(z::numeric, 1) AS z
FROM models, lead_coefficients(model) c
WHERE c.name <> '(Intercept)'
ORDER BY abs(std_estimate) DESC, c.name LIMIT 15;

-- # 4. Is it any good?
--
-- The rows that were kept back, which the training has not seen. (An AUC close to 1
-- is no reason to rejoice: look for a column that is known only after the outcome.)

CREATE TABLE judged AS
SELECT lead_score((SELECT model FROM models), k) AS score, @LABEL@ AS won
FROM kept_back k;

SELECT n, positives, round(auc::numeric, 3) AS auc, round(auc_low::numeric, 3) AS auc_low,
	round(auc_high::numeric, 3) AS auc_high, round(log_loss::numeric, 3) AS log_loss,
	round(precision::numeric, 3) AS precision, round(recall::numeric, 3) AS recall
FROM (SELECT (lead_evaluate(score, won)).* FROM judged) quality;

-- Sort them by score and cut them into ten tiles of equal size. Calling only the
-- first tiles reaches most of those that can be won (percent_of_all_won).

SELECT tile, round(n::numeric) AS leads, round(positives::numeric) AS won,
	round(100 * rate::numeric, 1) AS percent_won, round(lift::numeric, 2) AS lift,
	round(100 * gain::numeric, 1) AS percent_of_all_won
FROM unnest((SELECT lead_lift(score, won, 10) FROM judged));

-- # 5. The best
--
-- @BEST_TEXT@

WITH best AS MATERIALIZED (
	SELECT b.*, lead_score((SELECT model FROM models), b) AS score
	FROM @BEST@ b
	ORDER BY lead_log_odds((SELECT model FROM models), b) DESC LIMIT 10
)
SELECT @SHOW@round(100 * score::numeric, 1) AS percent,
	lead_reasons((SELECT model FROM models), best, 2) AS reasons
FROM best ORDER BY lead_log_odds((SELECT model FROM models), best) DESC;

-- # 6. Every lead, scored
--
-- All of them, into a table.

CREATE TABLE scored AS
SELECT l.*, lead_score((SELECT model FROM models), l) AS score
FROM leads l;

SELECT count(*) AS scored, round(min(score)::numeric, 4) AS lowest,
	round(avg(score)::numeric, 4) AS mean, round(max(score)::numeric, 4) AS highest
FROM scored;
