----------------------------------------------------------------------------
-- Training
----------------------------------------------------------------------------

-- Support functions of the aggregates below; not for direct use.
CREATE FUNCTION lead_train_transfn(internal, "any", record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_train_transfn(internal, "any", record, jsonb)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_train_columns_transfn(internal, "any", jsonb, VARIADIC "any")
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_train_finalfn(internal)
RETURNS bytea AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_train(label, features): a logistic regression of the label on the row; with the
-- option "family" a random forest ("forest") or boosted trees ("boost").
-- label		boolean or integer 0/1; NULL: outcome not known, counted and left out
-- features		a row with names; the label's own column, identifiers, constants
--				and times are left out and said
-- returns		a model; the same rows in any order give the same bytes
-- errors		no rows, one class only, fewer rows than coefficients, nothing to
--				learn from, a column that alone determines the label, more than
--				5,000 design columns; see lead_frame() for those of the rows
-- method		maximum likelihood by Newton steps on the grouped rows; McCullagh
--				and Nelder, Generalized Linear Models, 2nd ed. 1989, chapter 4; trees as in
--				treegrow.c, forest.c and boost.c
CREATE AGGREGATE lead_train(label "any", features record) (
	SFUNC = lead_train_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_train_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_train("any", record) IS
'train a model: logistic regression of the label on the row';

CREATE AGGREGATE lead_train(label "any", features record, options jsonb) (
	SFUNC = lead_train_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_train_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_train("any", record, jsonb) IS
'train a model with options: logistic regression, forest or boosted trees of the label on the row';

-- lead_train_columns(label, options, value, …): the same from single values,
-- faster than a whole row; {"names": [...]} names them.
CREATE AGGREGATE lead_train_columns(label "any", options jsonb, VARIADIC "any") (
	SFUNC = lead_train_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_train_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_train_columns("any", jsonb, VARIADIC "any") IS
'train a model on columns given one by one, whose names are in the options';

-- lead_fit(frame, options): the same model as lead_train() of the frame's rows.
-- NULL frame: NULL.  Options that act when a frame is built are an error.
CREATE FUNCTION lead_fit(frame leadframe, options jsonb DEFAULT NULL)
RETURNS bytea AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_fit(leadframe, jsonb) IS
'train a model on a frame';

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
	'a row per design column: estimate, standard error, test, interval, odds ratio; trees have none';

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
