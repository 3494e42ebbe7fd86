----------------------------------------------------------------------------
-- The shape of MLflow
----------------------------------------------------------------------------

-- Milliseconds since 1970, as MLflow counts time.
CREATE FUNCTION leadscore.milliseconds(at timestamptz)
RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN floor(extract(epoch FROM at) * 1000)::bigint;

-- A run's id as MLflow writes it: 32 hexadecimal digits.
CREATE FUNCTION leadscore.run_uuid(run uuid)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(run::text, '-', '');

CREATE VIEW leadscore.mlflow_experiments AS
SELECT experiment_id::integer, name::varchar(256), ('leadscore:' || experiment_id)::varchar(256) AS artifact_location,
	'active'::varchar(32) AS lifecycle_stage, leadscore.milliseconds(created_at) AS creation_time,
	leadscore.milliseconds(updated_at) AS last_update_time
FROM leadscore.experiments;
COMMENT ON VIEW leadscore.mlflow_experiments IS 'experiments as MLflow''s table of this name';

CREATE VIEW leadscore.mlflow_runs AS
SELECT leadscore.run_uuid(r.run_id)::varchar(32) AS run_uuid,
	(coalesce(r.model || ' ' || v.version, r.model || ' trial ' || (r.spec #>> '{tuning,trial}'),
		r.model || CASE r.action WHEN 'tune' THEN ' tuning' ELSE ' ' || r.status END))::varchar(250) AS name,
	'JOB'::varchar(20) AS source_type, (r.spec #>> '{written,source}')::varchar(500) AS source_name,
	r.action::varchar(50) AS entry_point_name, r.started_by::varchar(256) AS user_id,
	upper(r.status)::varchar(9) AS status, leadscore.milliseconds(r.started_at) AS start_time,
	leadscore.milliseconds(r.ended_at) AS end_time, NULL::bigint AS deleted_time,
	r.extension_version::varchar(50) AS source_version, 'active'::varchar(20) AS lifecycle_stage,
	('leadscore:' || leadscore.run_uuid(r.run_id))::varchar(200) AS artifact_uri, r.experiment_id::integer
FROM leadscore.runs AS r LEFT JOIN leadscore.versions AS v USING (run_id);
COMMENT ON VIEW leadscore.mlflow_runs IS 'runs as MLflow''s table of this name';

CREATE VIEW leadscore.mlflow_params AS
SELECT key::varchar(250), value::varchar(8000), leadscore.run_uuid(run_id)::varchar(32) AS run_uuid
FROM leadscore.params;
COMMENT ON VIEW leadscore.mlflow_params IS 'parameters as MLflow''s table of this name';

CREATE VIEW leadscore.mlflow_metrics AS
SELECT key::varchar(250), value, leadscore.milliseconds(recorded_at) AS timestamp,
	leadscore.run_uuid(run_id)::varchar(32) AS run_uuid, step, false AS is_nan
FROM leadscore.metrics;
COMMENT ON VIEW leadscore.mlflow_metrics IS 'metrics as MLflow''s table of this name, with their history';

CREATE VIEW leadscore.mlflow_latest_metrics AS
SELECT DISTINCT ON (run_uuid, key) * FROM leadscore.mlflow_metrics ORDER BY run_uuid, key, step DESC;
COMMENT ON VIEW leadscore.mlflow_latest_metrics IS 'the last step of each metric, as MLflow''s table of this name';

CREATE VIEW leadscore.mlflow_tags AS
SELECT key::varchar(250), value::varchar(8000), leadscore.run_uuid(run_id)::varchar(32) AS run_uuid
FROM leadscore.tags;
COMMENT ON VIEW leadscore.mlflow_tags IS 'tags as MLflow''s table of this name';

CREATE VIEW leadscore.mlflow_registered_models AS
SELECT name::varchar(256), leadscore.milliseconds(created_at) AS creation_time,
	leadscore.milliseconds(coalesce((SELECT max(v.created_at) FROM leadscore.versions AS v WHERE v.name = m.name), m.created_at))
		AS last_updated_time, description::varchar(5000)
FROM leadscore.models AS m;
COMMENT ON VIEW leadscore.mlflow_registered_models IS 'models as MLflow''s table of this name';

CREATE VIEW leadscore.mlflow_model_versions AS
SELECT v.name::varchar(256), v.version, leadscore.milliseconds(v.created_at) AS creation_time,
	leadscore.milliseconds(coalesce((SELECT max(d.deployed_at) FROM leadscore.deployments AS d
		WHERE d.name = v.name AND v.version IN (d.version, d.replaced)), v.created_at)) AS last_updated_time,
	v.description::varchar(5000), v.created_by::varchar(256) AS user_id,
	CASE WHEN EXISTS (SELECT FROM leadscore.aliases AS a WHERE a.name = v.name AND a.version = v.version AND a.alias = 'champion')
		THEN 'Production' ELSE 'None' END::varchar(20) AS current_stage,
	format('leadscore:%s@%s', v.name, v.version)::varchar(500) AS source,
	leadscore.run_uuid(v.run_id)::varchar(32) AS run_id, NULL::varchar(500) AS run_link,
	'READY'::varchar(20) AS status, NULL::varchar(500) AS status_message
FROM leadscore.versions AS v;
COMMENT ON VIEW leadscore.mlflow_model_versions IS 'versions as MLflow''s table of this name; what is live is in stage Production';

CREATE VIEW leadscore.mlflow_registered_model_aliases AS
SELECT name::varchar(256), alias::varchar(256), version FROM leadscore.aliases;
COMMENT ON VIEW leadscore.mlflow_registered_model_aliases IS 'aliases as MLflow''s table of this name';

GRANT SELECT ON leadscore.mlflow_experiments, leadscore.mlflow_runs, leadscore.mlflow_params, leadscore.mlflow_metrics,
	leadscore.mlflow_latest_metrics, leadscore.mlflow_tags, leadscore.mlflow_registered_models,
	leadscore.mlflow_model_versions, leadscore.mlflow_registered_model_aliases TO @extowner@ WITH GRANT OPTION;
