/* leadscore 1.0: every object, in the order of the README's reference */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION leadscore" to load this file. \quit

----------------------------------------------------------------------------
-- Labels and folds
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Frames
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Training
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Looking into a model
----------------------------------------------------------------------------

CREATE FUNCTION lead_summary(model bytea) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_summary(bytea) IS
	'what a model is and how well it fits, to read like R''s summary of a glm';

CREATE FUNCTION lead_coefficients(model bytea,
	OUT "column" text, OUT level text, OUT name text,
	OUT estimate float8, OUT std_error float8, OUT z float8, OUT p float8,
	OUT ci_low float8, OUT ci_high float8,
	OUT odds_ratio float8, OUT odds_low float8, OUT odds_high float8,
	OUT std_estimate float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 50;
COMMENT ON FUNCTION lead_coefficients(bytea) IS
	'a row per design column: estimate, standard error, test, interval, odds ratio';

CREATE FUNCTION lead_covariance(model bytea) RETURNS float8[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_covariance(bytea) IS
	'covariance of the coefficients in design order; NULL where the fit has none';

CREATE FUNCTION lead_encoded_names(model bytea) RETURNS text[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_encoded_names(bytea) IS
	'names of the design columns, in the order of lead_encode';

CREATE FUNCTION lead_info(model bytea) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_info(bytea) IS
	'everything a model knows about itself, as one document';

----------------------------------------------------------------------------
-- Scores
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Explanations
----------------------------------------------------------------------------

----------------------------------------------------------------------------
-- Quality of a score
----------------------------------------------------------------------------
