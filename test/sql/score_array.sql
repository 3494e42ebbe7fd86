-- lead_score_array(): all documents of a JSON array, by the version that is live.
SET client_min_messages = error;
CREATE TABLE sa_leads AS
SELECT i AS id, (ARRAY['Pune', 'Delhi', 'Agra'])[1 + i % 3] AS city, i % 7 AS clicks, (i * 7919) % 97 < 30 + 5 * (i % 7) AS won
FROM generate_series(1, 600) AS i;
SELECT version FROM lead_train_model('sa', 'sa_leads', 'won', key => 'id');
SELECT version FROM lead_train_model('sa', 'sa_leads', 'won', key => 'id', options => '{"family": "forest", "trees": 20}', gate => '{"promote": "never"}');
SELECT version FROM lead_train_model('sa', 'sa_leads', 'won', key => 'id', options => '{"calibrate": "platt", "lambda": 100}', gate => '{"promote": "never"}');
SELECT version FROM lead_train_model('sa', 'sa_leads', 'won', key => 'id', options => '{"calibrate": "isotonic", "family": "forest", "trees": 20}', gate => '{"promote": "never"}');

-- the same bits as one by one, in the order of the array
WITH documents AS (SELECT jsonb_agg(to_jsonb(l) ORDER BY id DESC) AS d FROM sa_leads AS l WHERE id <= 50)
SELECT model, version, cardinality(scores) AS n,
	scores = (SELECT array_agg(lead_score(model, to_jsonb(l)) ORDER BY id DESC) FROM sa_leads AS l WHERE id <= 50) AS same
FROM documents, (VALUES ('sa'), ('sa@1'), ('sa@2'), ('sa@3'), ('sa@4')) AS m(model), lead_score_array(model, d);

-- an object is an array of one; nothing is nothing; NULL is NULL
SELECT version, scores = ARRAY[lead_score('sa', '{"city": "Pune", "clicks": 3}'::jsonb)] AS same
FROM lead_score_array('sa', '{"city": "Pune", "clicks": 3}');
SELECT * FROM lead_score_array('sa', '[]');
SELECT * FROM lead_score_array('sa', NULL);

-- the document and the column that an error is about
\set VERBOSITY default
\set SHOW_CONTEXT always
SELECT lead_score_array('sa', '[{"city": "Pune", "clicks": 3}, {"city": "Pune"}]');
SELECT lead_score_array('sa', '[{"city": "Pune", "clicks": "3"}]');
SELECT lead_score_array('sa', '[{"city": "Pune", "clicks": 1}, {"city": "Pune", "clicks": 1e400}]');
SELECT lead_score_array('sa', '[{"city": "Pune", "clicks": 1}, 5]');
SELECT lead_score_array('sa', '[[]]');
SELECT lead_score_array('sa', '"text"');
SELECT lead_score_array('nobody', '[]');

\set SHOW_CONTEXT never
DO $$
DECLARE col text;
BEGIN
	PERFORM lead_score('sa', '{"city": "Pune"}'::jsonb);
EXCEPTION WHEN undefined_column THEN
	GET STACKED DIAGNOSTICS col = COLUMN_NAME;
	RAISE EXCEPTION 'missing: %', col;
END
$$;

SELECT lead_drop_model('sa', force => true);
DROP TABLE sa_leads;
