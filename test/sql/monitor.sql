-- lead_monitor, lead_watch, lead_check: what they refuse, and how; the numbers are in pgtap
SET client_min_messages = warning;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE TABLE watched (id int PRIMARY KEY, "Stadt der ""Kundin""" text, clicks int, created timestamptz, won boolean);
INSERT INTO watched SELECT i, (ARRAY['Köln','Bonn','O''Fallon'])[1 + i * 7 % 3], i * 31 % 11, timestamptz '2024-01-01' + i * interval '1 hour', i * 31 % 11 + i * 7919 % 23 > 14
FROM generate_series(1, 1000) AS i;
SELECT status, live FROM lead_train_model('it''s "ours"', 'watched', 'won', time_column => 'created');
SELECT status, live FROM lead_train_model('timeless', 'watched', 'won', exclude => '{created}');
SELECT status, live FROM lead_train_model('idle', 'watched', 'won', gate => '{"promote": "never"}');

-- who is watched, and how
SELECT lead_monitor('nobody');
SELECT lead_monitor(NULL);
SELECT lead_monitor('idle');
SELECT lead_watch('nobody');
SELECT lead_monitor('timeless', period => '1 day');
SELECT lead_monitor('timeless', until => '2024-02-01');
SELECT lead_watch('timeless', maturity => '1 day');
SELECT lead_monitor('it''s "ours"', period => '-1 day');
SELECT lead_monitor('it''s "ours"', maturity => '-1 day');
SELECT lead_monitor('it''s "ours"', scores => 'old');
SELECT lead_monitor('it''s "ours"', scores => 'recorded');
SELECT lead_monitor('it''s "ours"', source => 'nowhere');
SELECT lead_monitor('it''s "ours"', source => 'DELETE FROM watched');
SELECT lead_watch('it''s "ours"', options => '{"limit": 1}');
SELECT lead_watch('it''s "ours"', options => '[]');
SELECT lead_watch('it''s "ours"', options => '{"drift_share": 2}');
SELECT lead_watch('it''s "ours"', options => '{"method": "best"}');
SELECT lead_watch('it''s "ours"', options => '{"columns": {"town": {"threshold": 1}}}');
SELECT lead_watch('it''s "ours"', options => '{"columns": {"clicks": {"method": "chisquare", "limit": 1}}}');
SELECT count(*) FROM leadscore.watches;
SELECT count(*) FROM leadscore.monitor_run;

-- names with quotes
SELECT monitor_run_id, model, version, window_from, window_to, rows, measured, drifted_columns, drifted, score_drifted, labelled, unmatured, errors, note
FROM lead_monitor('it''s "ours"', period => '5 days', until => '2024-02-10', maturity => '1 day');
SELECT "column", kind, method, drifted, rows, missing_now, note FROM leadscore.monitor_latest;
ALTER TABLE watched RENAME "Stadt der ""Kundin""" TO "Stadt";
ALTER TABLE watched ALTER clicks TYPE text;
SELECT rows, errors, note FROM lead_monitor('it''s "ours"');
SELECT "check", severity, "column", detail FROM leadscore.monitor_finding ORDER BY "column";
ALTER TABLE watched DROP created;
SELECT rows, errors, note FROM lead_monitor('it''s "ours"', period => '5 days', until => '2024-02-10');
SELECT "check", severity, "column", detail FROM leadscore.monitor_finding WHERE monitor_run_id = 3 ORDER BY position;
DROP TABLE watched;
SELECT rows, measured, labelled, errors, note FROM lead_monitor('it''s "ours"');
SELECT "check", severity, "column", detail FROM leadscore.monitor_finding WHERE monitor_run_id = 4;

-- rules
SELECT lead_check('nobody');
SELECT lead_check('timeless');
SELECT lead_assert('timeless');
SELECT lead_set_checks('nobody', '{}');
SELECT lead_set_checks('idle', '{}');
SELECT lead_set_checks('timeless', '1');
SELECT lead_set_checks('timeless', '{"beauty": 1}');
SELECT lead_set_checks('timeless', '[1]');
SELECT lead_set_checks('timeless', '[{"metric": "rows", "min": 1}]');
SELECT lead_set_checks('timeless', '[{"limit": 1}]');
SELECT lead_set_checks('timeless', '[{"metric": "rows"}]');
SELECT lead_set_checks('timeless', '{"rows": null}');
SELECT lead_set_checks('timeless', '{"rows": "many"}');
SELECT lead_set_checks('timeless', '{"rows": -1}');
SELECT lead_set_checks('timeless', '[{"metric": "rows", "limit": 1, "severity": "fatal"}]');
SELECT lead_set_checks('timeless', '[{"metric": "rows", "limit": 1, "column": "clicks"}]');
SELECT lead_set_checks('timeless', '[{"metric": "missing_share", "limit": 1, "column": "town"}]');
SELECT count(*) FROM leadscore.check_rules;
SELECT * FROM lead_check('it''s "ours"');
SELECT lead_assert('it''s "ours"');
SELECT lead_set_checks('it''s "ours"', '[{"metric": "missing_share", "column": "Stadt der \"Kundin\"", "limit": 0.5}, {"metric": "source", "severity": "warning"}]');
SELECT * FROM lead_check('it''s "ours"');
SELECT lead_assert('it''s "ours"');
SELECT metric, "of", needs_limit, meaning FROM leadscore.check_metrics();

SELECT lead_drop_model(name, true) FROM leadscore.models;
SELECT count(*) FROM leadscore.monitor_run;
