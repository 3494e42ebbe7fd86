----------------------------------------------------------------------------
-- Scores
----------------------------------------------------------------------------

-- The planner passes a row's columns instead of the row where it can: see
-- src/rewrite.c.
CREATE FUNCTION lead_score_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

COMMENT ON FUNCTION lead_score_support(internal) IS
'planner support: turns the row argument of lead_score and lead_log_odds into columns';

CREATE FUNCTION lead_score_values(model bytea, names jsonb, VARIADIC "values" "any")
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_score_values'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION lead_score_values(model bytea, names jsonb, VARIADIC "values" "any") IS
'probability that the label is true, for values with their names in a JSON array';

CREATE FUNCTION lead_log_odds_values(model bytea, names jsonb, VARIADIC "values" "any")
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_log_odds_values'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION lead_log_odds_values(model bytea, names jsonb, VARIADIC "values" "any") IS
'log-odds of the score, for values with their names in a JSON array';

CREATE FUNCTION lead_score(model bytea, features record)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_score'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
SUPPORT @extschema@.lead_score_support;

COMMENT ON FUNCTION lead_score(model bytea, features record) IS
'probability that the label is true, for a row';

CREATE FUNCTION lead_score(model bytea, features jsonb)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_score_json'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_score(model bytea, features jsonb) IS
'probability that the label is true, for a JSON object whose keys are the columns';

CREATE FUNCTION lead_log_odds(model bytea, features record)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_log_odds'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
SUPPORT @extschema@.lead_score_support;

COMMENT ON FUNCTION lead_log_odds(model bytea, features record) IS
'log-odds of the score, for a row';

CREATE FUNCTION lead_log_odds(model bytea, features jsonb)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_log_odds_json'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_log_odds(model bytea, features jsonb) IS
'log-odds of the score, for a JSON object whose keys are the columns';

CREATE FUNCTION lead_encode(model bytea, features record)
RETURNS float8[]
AS 'MODULE_PATHNAME', 'lead_encode'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_encode(model bytea, features record) IS
'design row of a lead, in the order of lead_encoded_names; an offset has no place in it, trees have none';

----------------------------------------------------------------------------
-- Explanations
----------------------------------------------------------------------------

-- lead_explain(model, features): a row per column, the strongest first, then what the
-- average lead has; contributions add up to the log-odds, of a forest to the
-- probability (unit says which).  Of a calibrated model these rows add up to the raw
-- score, which is the value of one row more, (calibration): with it they add up as ever.  A line's are its terms above the average; those of
-- trees are exact path-dependent Shapley values (Lundberg, Erion, Lee 2018), which
-- take milliseconds for a large forest.
CREATE FUNCTION lead_explain(model bytea, features record)
RETURNS TABLE ("column" text, value text, contribution float8, unit text)
AS 'MODULE_PATHNAME', 'lead_explain'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;

COMMENT ON FUNCTION lead_explain(model bytea, features record) IS
'what each column of a row adds to the log-odds, or a forest''s probability, of the average lead';

CREATE FUNCTION lead_explain(model bytea, features jsonb)
RETURNS TABLE ("column" text, value text, contribution float8, unit text)
AS 'MODULE_PATHNAME', 'lead_explain_json'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;

COMMENT ON FUNCTION lead_explain(model bytea, features jsonb) IS
'what each key of a JSON object adds to the log-odds, or a forest''s probability, of the average lead';

CREATE FUNCTION lead_reasons(model bytea, features record, n integer DEFAULT 3)
RETURNS text
AS 'MODULE_PATHNAME', 'lead_reasons'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_reasons(model bytea, features record, n integer) IS
'the n strongest reasons for the score of a row, in one line';

CREATE FUNCTION lead_reasons(model bytea, features jsonb, n integer DEFAULT 3)
RETURNS text
AS 'MODULE_PATHNAME', 'lead_reasons_json'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_reasons(model bytea, features jsonb, n integer) IS
'the n strongest reasons for the score of a JSON object, in one line';

CREATE FUNCTION lead_unseen(model bytea, features record)
RETURNS text[]
AS 'MODULE_PATHNAME', 'lead_unseen'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_unseen(model bytea, features record) IS
'columns of a row whose value training never saw';

CREATE FUNCTION lead_unseen(model bytea, features jsonb)
RETURNS text[]
AS 'MODULE_PATHNAME', 'lead_unseen_json'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lead_unseen(model bytea, features jsonb) IS
'keys of a JSON object whose value training never saw';
