----------------------------------------------------------------------------
-- What a model owes to its columns
----------------------------------------------------------------------------

-- lead_importance(model): what the splits on each column of a model of trees
-- gained when it was grown, their share of all gain, and how many they are.
-- Gain is in units of the loss (boosting) or of Gini's impurity, in rows (forest).
-- NULL model: no rows.  An error for a logistic regression, which has no splits.
CREATE FUNCTION lead_importance(model bytea,
	OUT "column" text, OUT gain float8, OUT gain_share float8, OUT splits bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION lead_importance(bytea) IS
'a row per column of a model of trees: gain and number of its splits';

-- lead_importance(model, frame): how much worse a model of any family is on the
-- rows of a frame when a column's values are dealt out anew among them: the fall
-- of AUC and the rise of log loss.  Use rows that the model was not trained on.
-- rows		about how many rows to draw from the frame; all if it has fewer
-- seed		another seed draws other rows and deals otherwise
-- source	Breiman, Random Forests, Machine Learning 45 (2001), section 10
CREATE FUNCTION lead_importance(model bytea, frame leadframe,
	rows integer DEFAULT 20000, seed integer DEFAULT 0,
	OUT "column" text, OUT auc_drop float8, OUT log_loss_rise float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lead_importance_frame'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION lead_importance(bytea, leadframe, integer, integer) IS
'a row per column: how much worse a model is on a frame with the column shuffled';

-- line_of(model): the model if it is a line, which has coefficients; else NULL.
CREATE FUNCTION leadscore.line_of(model bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN lead_info(model) ? 'coefficients' THEN model END;
COMMENT ON FUNCTION leadscore.line_of(bytea) IS 'a model if it is a logistic regression, else NULL';

CREATE FUNCTION lead_importance(model text,
	OUT "column" text, OUT gain float8, OUT gain_share float8, OUT splits bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 20
BEGIN ATOMIC
	SELECT * FROM lead_importance(lead_model(model));
END;
COMMENT ON FUNCTION lead_importance(text) IS
'gain and number of splits per column, by the name of a model of trees';

CREATE FUNCTION lead_importance(model text, frame leadframe,
	rows integer DEFAULT 20000, seed integer DEFAULT 0,
	OUT "column" text, OUT auc_drop float8, OUT log_loss_rise float8)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000000 ROWS 20
BEGIN ATOMIC
	SELECT * FROM lead_importance(lead_model(model), frame, rows, seed);
END;
COMMENT ON FUNCTION lead_importance(text, leadframe, integer, integer) IS
'permutation importance per column, by the name of a model';
