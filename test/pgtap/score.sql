-- Scores, explanations and design rows: what must hold for every row of models
-- of every kind.  The reference values are the definitions themselves: at the
-- maximum of the likelihood the scores add up to the positives, in all and
-- within every level that has a column; log-odds are the design row times the
-- coefficients; the parts of an explanation add up to them.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET client_min_messages = warning;
SELECT plan(41);

CREATE TEMP TABLE leads AS
SELECT i AS id,
       CASE WHEN i % 97 < 4 THEN 'rare ' || i % 97 WHEN i % 11 = 0 THEN NULL
            ELSE (ARRAY['Paris','London','Rome','Wien','Zürich'])[1 + i * 7 % 5] END AS city,
       i * 13 % 17 AS calls,
       nullif(i * 31 % 23, 5) AS visits,
       (i * 71 % 101) / 7.0 AS amount,
       i * 3 % 5 = 1 AS asked,
       timestamptz '2023-01-01 00:00+00' + i * interval '5 hours 17 minutes' AS created,
       (i % 10) / 20.0 AS base,
       (i * 37 % 41) + (i * 13 % 17) + CASE WHEN i * 7 % 5 = 2 THEN 8 ELSE 0 END > 31 AS won
FROM generate_series(1, 3000) i;

CREATE TEMP TABLE models AS
SELECT 'plain' AS kind, lead_train(won, l, '{"exclude": ["id", "base", "created"]}') AS model FROM leads l
UNION ALL SELECT 'ridge', lead_train(won, l, '{"exclude": ["id", "base"], "lambda": 1, "timezone": "Europe/Vienna", "columns": {"created": {"parts": ["hour", "dow"]}}}') FROM leads l
UNION ALL SELECT 'lasso', lead_train(won, l, '{"exclude": ["id", "base", "created"], "lambda": 3, "alpha": 1}') FROM leads l
UNION ALL SELECT 'bins', lead_train(won, l, '{"exclude": ["id", "base", "created"], "lambda": 0.1, "columns": {"amount": {"bins": 5}, "calls": {"transform": "log1p"}, "visits": {"as": "categorical"}}}') FROM leads l
UNION ALL SELECT 'offset', lead_train(won, l, '{"exclude": ["id", "created"], "offset": "base"}') FROM leads l
UNION ALL SELECT 'complete', lead_train(won, l, '{"exclude": ["id", "base", "created"], "lambda": 0.5}') FROM leads l WHERE city !~ 'rare' AND visits IS NOT NULL;

-- 'complete' meets cities and NULLs here that it never saw
CREATE TEMP TABLE s AS
SELECT kind, model, l, won, city, base,
       lead_score(model, l) AS score,
       lead_log_odds(model, l) AS log_odds,
       lead_encode(model, l) AS design
FROM models, leads l;
CREATE TEMP TABLE c AS
SELECT kind, array_agg(coalesce(estimate, 0) ORDER BY n) AS coef, array_agg(name ORDER BY n) AS names
FROM models, LATERAL lead_coefficients(model) WITH ORDINALITY AS x("column", level, name, estimate, std_error, z, p, ci_low, ci_high, odds_ratio, odds_low, odds_high, std_estimate, n)
GROUP BY kind;

SELECT ok(bool_and(float8send(score) = float8send(lead_score(model, (SELECT s.l)))
               AND float8send(log_odds) = float8send(lead_log_odds(model, (SELECT s.l)))), kind || ': a record gives the same bits')
FROM s GROUP BY kind ORDER BY kind;
SELECT ok(bool_and(float8send(score) = float8send(lead_score_values(model, '["won","base","created","asked","amount","visits","calls","city","id"]',
                   (l).won, (l).base, (l).created, (l).asked, (l).amount, (l).visits, (l).calls, (l).city, (l).id))), kind || ': values give the same bits')
FROM s GROUP BY kind ORDER BY kind;
SELECT ok(bool_and(float8send(score) = float8send(lead_score(model, to_jsonb(l)))), kind || ': a document gives the same bits')
FROM s GROUP BY kind ORDER BY kind;
SELECT ok(bool_and(abs(log_odds - ln(score / (1 - score))) < 1e-9 * greatest(1, abs(log_odds))), 'score is the logistic of the log-odds') FROM s;

SELECT ok(max(abs(log_odds - CASE WHEN kind = 'offset' THEN base ELSE 0 END
                  - (SELECT sum(d * b) FROM unnest(design, coef) u(d, b)))) < 1e-12, kind || ': design times coefficients is the log-odds')
FROM s JOIN c USING (kind) GROUP BY kind ORDER BY kind;
SELECT ok(bool_and(design[1] = 1 AND array_length(design, 1) = array_length(lead_encoded_names(model), 1)), 'the design row has a place for every name') FROM s;

CREATE TEMP TABLE x AS
SELECT kind, id, log_odds, e."column", e.contribution, n
FROM (SELECT *, (l).id FROM s WHERE (l).id <= 300) s,
     LATERAL lead_explain(model, l) WITH ORDINALITY AS e("column", value, contribution, unit, n);
SELECT ok(max(d) < 1e-12, kind || ': contributions add up to the log-odds')
FROM (SELECT kind, id, abs(sum(contribution) - min(log_odds)) AS d FROM x GROUP BY 1, 2) q GROUP BY kind ORDER BY kind;
SELECT ok(bool_and(contribution_is_sorted), 'the strongest comes first, the average lead last')
FROM (SELECT "column" = '(average lead)' AND next IS NULL
             OR next = '(average lead)' OR abs(contribution) > abs(next_contribution)
             OR abs(contribution) = abs(next_contribution) AND "column" COLLATE "C" < next COLLATE "C" AS contribution_is_sorted
      FROM (SELECT *, lead("column") OVER w AS next, lead(contribution) OVER w AS next_contribution
            FROM x WINDOW w AS (PARTITION BY kind, id ORDER BY n)) q) r;
SELECT is(count(DISTINCT contribution), count(DISTINCT kind), 'the average lead is one of the model')
FROM x WHERE "column" = '(average lead)';
-- the average of what is above the average is nothing (over the rows trained on)
SELECT ok(max(abs(m)) < 1e-10, 'contributions average to zero over the training rows')
FROM (SELECT avg(e.contribution) AS m
      FROM models, leads l, lead_explain(model, l) e
      WHERE kind IN ('plain', 'offset') AND e."column" <> '(average lead)' GROUP BY kind, e."column") q;

-- the likelihood's own equations
SELECT ok(abs(sum(score) - count(*) FILTER (WHERE won)) < 1e-6, kind || ': scores add up to the positives')
FROM s WHERE kind IN ('plain', 'offset') GROUP BY kind ORDER BY kind;
SELECT ok(max(abs(d)) < 1e-6, 'and do so within every city')
FROM (SELECT sum(score) - count(*) FILTER (WHERE won) AS d FROM s
      WHERE kind = 'plain' GROUP BY CASE WHEN city ~ 'rare' THEN 'other' ELSE city END) q;

SELECT ok(bool_and(lead_unseen(model, l) @> ARRAY['city'] = (city IS NULL OR city ~ 'rare')), 'unseen: cities') FROM s WHERE kind = 'complete';
SELECT ok(bool_and(lead_unseen(model, l) @> ARRAY['visits'] = ((l).visits IS NULL)), 'unseen: NULLs') FROM s WHERE kind = 'complete';
SELECT is(count(*), 0::bigint, 'unseen: nothing of what was trained on')
FROM s WHERE kind = 'plain' AND lead_unseen(model, l) <> '{}';

SELECT * FROM finish();
ROLLBACK;
