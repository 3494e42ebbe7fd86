-- What the registry says: results to read, warnings, and what it refuses.
CREATE SCHEMA reg;
SET search_path = reg, public;
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE TABLE leads AS
SELECT i AS id, ('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city, i * 31 % 11 AS clicks,
	timestamptz '2025-01-01 00:00+00' + i * interval '1 hour' AS created, jsonb '{}' AS doc,
	i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 AS won
FROM generate_series(1, 1000) AS i;
CREATE VIEW source AS SELECT id, city, clicks, created, won FROM leads;

-- a training is one row to read
SELECT model, version, status, rows, round(auc::numeric, 4) AS auc, round(log_loss::numeric, 4) AS log_loss,
	round("precision"::numeric, 4) AS precision, round(recall::numeric, 4) AS recall, live, verdict, held_out, error
FROM lead_train_model('main', 'source', 'won', key => 'id');
SELECT model, version, status, live, verdict FROM lead_train_model('main', 'leads', 'clicks > 5 AND won', key => 'id', exclude => '{doc}');
SELECT model, version, status, live, verdict FROM lead_retrain('main', gate => '{"promote": "never"}');
SELECT version, live, aliases, rows, positives, held_out, verdict FROM lead_versions('main');
SELECT alias, version, action, reason, live_until IS NULL AS now FROM lead_deployments('main');
SELECT model, alias, version, replaced, reason FROM lead_promote('main', 3, reason => 'by hand');
SELECT model, alias, version, replaced, reason FROM lead_rollback('main');

-- a failed one, too
\set VERBOSITY default
SELECT model, version, status, live, error
FROM lead_train_model('leaky', 'SELECT *, CASE WHEN won THEN 1 ELSE 2 END AS stage FROM source', 'won', key => 'id');
\set VERBOSITY terse
SELECT "check", severity, "column", detail FROM leadscore.checks ORDER BY position;
SELECT lead_score('leaky', l) FROM leads l;

-- references
SELECT lead_score('nobody', l) FROM leads l;
SELECT lead_score('main@7', l) FROM leads l;
SELECT lead_score('main@challenger', l) FROM leads l;
\set VERBOSITY default
SELECT lead_score('main@', l) FROM leads l;
SELECT lead_score('main@0', l) FROM leads l;
SELECT lead_score('main@12345678901', l) FROM leads l;
SELECT lead_score('', l) FROM leads l;
SELECT lead_score('@champion', l) FROM leads l;
SELECT lead_score('main@a@b', l) FROM leads l;
SELECT lead_score('\x4c536d6f64656c', l) FROM leads l;
SELECT lead_summary('nobody');
SELECT lead_score('main', '{"city": "Pune"}');
SELECT lead_score('main', '{"city": "Pune"}'::jsonb);
\set VERBOSITY terse

-- names
SELECT lead_train_model('', 'leads', 'won');
SELECT lead_train_model('a@b', 'leads', 'won');
SELECT lead_train_model(E'a\nb', 'leads', 'won');
SELECT lead_train_model(repeat('x', 201), 'leads', 'won');
SELECT lead_train_model(NULL, 'leads', 'won');
SELECT lead_promote('main', 1, '3');
SELECT lead_promote('main', 1, 'a@b');
SELECT lead_promote('main', 1, '');
SELECT lead_promote('main', 9);
SELECT lead_promote('nobody', 1);
SELECT lead_rollback('main', 'challenger');
SELECT lead_drop_alias('main', 'challenger');
SELECT lead_retrain('nobody');
SELECT * FROM lead_validate('nobody');
SELECT lead_prune('main', 0);
SELECT lead_prune('nobody');
SELECT lead_drop_model('nobody');
SELECT lead_drop_version('main', 1);

-- sources that are no source
\set VERBOSITY default
SELECT lead_train_model('x', 'nowhere', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT * FROM nowhere', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT * FROM leads; DROP TABLE leads', 'won', key => 'id');
SELECT lead_train_model('x', 'leads; DROP TABLE leads', 'won', key => 'id');
SELECT lead_train_model('x', 'leads) AS s; DROP TABLE leads; --', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT * FROM leads) AS s; DROP TABLE leads; --', 'won', key => 'id');
SELECT lead_train_model('x', 'WITH gone AS (DELETE FROM leads RETURNING *) SELECT * FROM gone', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT * FROM (WITH gone AS (DELETE FROM leads RETURNING *) SELECT * FROM gone) AS g', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT * INTO copy FROM leads', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT * FROM leads FOR UPDATE', 'won', key => 'id');
SELECT lead_train_model('x', 'DELETE FROM leads RETURNING *', 'won', key => 'id');
SELECT lead_train_model('x', 'SELECT $1', 'won', key => 'id');
SELECT lead_train_model('x', 'leads_id_seq', 'won', key => 'id');
SELECT count(*) FROM leads;
\set VERBOSITY terse

-- labels that are no label
SELECT lead_train_model('x', 'leads', 'lost', key => 'id');
SELECT lead_train_model('x', 'leads', 'won, id', key => 'id');
SELECT lead_train_model('x', 'leads', 'won AS label', key => 'id');
SELECT lead_train_model('x', 'leads', 'won FROM leads', key => 'id');
SELECT lead_train_model('x', 'leads', 'won) AS label, (SELECT 1', key => 'id');
SELECT lead_train_model('x', 'leads', 'won; DROP TABLE leads', key => 'id');
SELECT lead_train_model('x', 'leads', 'won /*', key => 'id');
SELECT lead_train_model('x', 'leads', '*', key => 'id');
SELECT lead_train_model('x', 'leads', 's.*', key => 'id');
SELECT lead_train_model('x', 'leads', 'DEFAULT', key => 'id');
SELECT lead_train_model('x', 'leads', '$1', key => 'id');
SELECT lead_train_model('x', 'leads', '', key => 'id');
SELECT lead_train_model('x', 'leads', 'count(*) > 1', key => 'id');
SELECT lead_train_model('x', 'leads', 'rank() OVER () = 1', key => 'id');
SELECT lead_train_model('x', 'leads', 'generate_series(1, 2) = 1', key => 'id');
SELECT lead_train_model('x', 'source', 'city', key => 'id');
SELECT status, error FROM lead_train_model('counts', 'source', 'clicks', key => 'id');
SELECT status, error FROM lead_train_model('comment', 'source', 'won -- is it?', key => 'id');

-- other arguments
SELECT lead_train_model('x', 'source', 'won');
SELECT lead_train_model('x', 'source', 'won', key => 'nowhere');
SELECT lead_train_model('x', 'source', 'won', key => 'id"; DROP TABLE leads; --');
SELECT lead_train_model('x', 'source', 'won', time_column => 'nowhere');
SELECT lead_train_model('x', 'source', 'won', key => 'id', features => '{city,"x) FROM leads; --"}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', exclude => '{nowhere}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', features => '{city}', exclude => '{city}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', options => '{"lamda": 1}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', options => '{"names": ["city"]}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', options => '[]');
SELECT lead_train_model('x', 'source', 'won', key => 'id', holdout => '{"by": "luck"}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', holdout => '{"share": 2}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', holdout => '{"shares": 0.2}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', holdout => '"none"');
SELECT lead_train_model('x', 'source', 'won', holdout => '{"by": "time"}');
SELECT lead_train_model('x', 'source', 'won', holdout => '{"column": "city"}');
SELECT lead_train_model('x', 'source', 'won', key => 'created');
SELECT lead_train_model('x', NULL, 'won');
SELECT lead_train_model('x', 'source', NULL);
SELECT lead_train_model('x', 'source', 'won', key => 'id', gate => '{"min_auc": 75}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', gate => '{"min_acu": 0.75}');
SELECT lead_train_model('x', 'source', 'won', key => 'id', gate => '{"promote": "perhaps"}');
SELECT lead_retrain('main', options => '{"exclude": ["city"]}');
SELECT lead_retrain('main', options => '{"lamda": 1}');
SELECT lead_grant('nobody', 'reader');
SELECT lead_grant('postgres"; DROP TABLE leads; --', 'reader');
SELECT lead_grant(current_user, 'king');
SELECT lead_revoke('nobody');
-- a capacity: how many leads a day there are is counted, and said
SELECT lead_create_scored_view('timed', 'leads', 'timed_view', grades => '{"capacity": 5}', reasons => 0)
FROM lead_train_model('timed', 'leads', 'won', key => 'id', exclude => '{doc}', time_column => 'created');
SELECT lead_create_scored_view('timed', 'leads', 'timed_view', grades => '{"capacity": 5, "per_day": 24}', reasons => 0, replace => true);

SELECT count(*) FROM leadscore.runs WHERE model = 'x';
SELECT name, last_version FROM leadscore.models ORDER BY name;

SET client_min_messages = warning;
DROP SCHEMA reg CASCADE;
SELECT lead_drop_model(name, true) FROM leadscore.models;
