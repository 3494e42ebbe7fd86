/* leadscore 1.0: every object, in the order of the README's reference */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION leadscore" to load this file. \quit

----------------------------------------------------------------------------
-- Labels and folds
----------------------------------------------------------------------------

CREATE FUNCTION lead_label(created timestamptz, won_at timestamptz, horizon interval, as_of timestamptz)
RETURNS boolean
AS 'MODULE_PATHNAME', 'lead_label'
LANGUAGE C STABLE PARALLEL SAFE;	-- timestamptz + interval depends on TimeZone
COMMENT ON FUNCTION lead_label(timestamptz, timestamptz, interval, timestamptz) IS
'true: won within the horizon and by as_of; false: the horizon has passed without; NULL: not known at as_of';

CREATE FUNCTION lead_fold(key text, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(text, integer, bigint) IS
'fold of a key, 0 to k - 1, by a hash that is the same on every server and for ever';

CREATE FUNCTION lead_fold(key bigint, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_bigint'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(bigint, integer, bigint) IS
'fold of a number, the same as that of its decimal digits as text';

CREATE FUNCTION lead_fold(key uuid, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(uuid, integer, bigint) IS
'fold of a uuid, the same as that of its 36 characters in lower case';

CREATE FUNCTION lead_fold(key date, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(date, integer, bigint) IS
'fold of a date, the same as that of its ISO 8601 text, whatever DateStyle is';

----------------------------------------------------------------------------
-- Frames
----------------------------------------------------------------------------

CREATE TYPE leadframe;

CREATE FUNCTION leadframe_in(cstring) RETURNS leadframe
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_out(leadframe) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_recv(internal) RETURNS leadframe
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_send(leadframe) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE leadframe (
	INPUT = leadframe_in,
	OUTPUT = leadframe_out,
	RECEIVE = leadframe_recv,
	SEND = leadframe_send,
	STORAGE = extended
);
COMMENT ON TYPE leadframe IS
'a training set as one value: dictionaries per column, equal rows counted once';

-- Support functions of the aggregates below; not for direct use.
CREATE FUNCTION lead_frame_transfn(internal, "any", record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_transfn(internal, "any", record, jsonb)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_columns_transfn(internal, "any", jsonb, VARIADIC "any")
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_union_transfn(internal, leadframe)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_combine(internal, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_serialize(internal)
RETURNS bytea AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_frame_deserialize(bytea, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_frame_finalfn(internal)
RETURNS leadframe AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_frame(label, features): the training set of some rows.
-- label		boolean or integer 0/1; NULL: outcome not known, counted and left out
-- features		a row with names: a whole table row, a sub-select, a view
-- returns		NULL over no rows; the same rows in any order: the same bytes
-- errors		a label other than 0/1, a column of a type that cannot be a
--				feature, NaN or infinity, options that change between rows
CREATE AGGREGATE lead_frame(label "any", features record) (
	SFUNC = lead_frame_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame("any", record) IS
'the training set of some rows as one value';

CREATE AGGREGATE lead_frame(label "any", features record, options jsonb) (
	SFUNC = lead_frame_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame("any", record, jsonb) IS
'the training set of some rows as one value, with options';

-- lead_frame_columns(label, options, value, …): the same from single values,
-- faster than a whole row; {"names": [...]} names them.
CREATE AGGREGATE lead_frame_columns(label "any", options jsonb, VARIADIC "any") (
	SFUNC = lead_frame_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame_columns("any", jsonb, VARIADIC "any") IS
'the training set of some rows given by the columns, whose names are in the options';

-- lead_frame(leadframe): the union of frames, columns matched by name; a column
-- that a frame lacks counts as NULL in its rows.  NULL frames are passed over.
CREATE AGGREGATE lead_frame(frame leadframe) (
	SFUNC = lead_frame_union_transfn,
	STYPE = internal, SSPACE = 1048576,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame(leadframe) IS
'the union of frames; a column that a frame lacks counts as NULL in its rows';

CREATE FUNCTION lead_frame_union(leadframe, leadframe)
RETURNS leadframe AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_frame_union(leadframe, leadframe) IS
'the union of two frames; what || does';

CREATE OPERATOR || (
	LEFTARG = leadframe,
	RIGHTARG = leadframe,
	FUNCTION = lead_frame_union,
	COMMUTATOR = OPERATOR(||)
);
COMMENT ON OPERATOR || (leadframe, leadframe) IS
'the union of two frames';

-- Equal frames are equal bytes: they hold the same rows.
CREATE FUNCTION leadframe_eq(leadframe, leadframe) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE FUNCTION leadframe_ne(leadframe, leadframe) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE FUNCTION leadframe_hash(leadframe) RETURNS integer
AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR = (
	LEFTARG = leadframe, RIGHTARG = leadframe, FUNCTION = leadframe_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (leadframe, leadframe) IS 'do the frames hold the same rows?';

CREATE OPERATOR <> (
	LEFTARG = leadframe, RIGHTARG = leadframe, FUNCTION = leadframe_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (leadframe, leadframe) IS 'do the frames hold different rows?';

CREATE OPERATOR CLASS leadframe_ops DEFAULT FOR TYPE leadframe USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 leadframe_hash(leadframe);

-- lead_describe(frame): a row per column: what is in it, and what a fit with
-- default options would do with it.  rows, nulls, distinct count labelled rows;
-- mean and sd are weighted if the frame has a weight.
CREATE FUNCTION lead_describe(frame leadframe,
	OUT "column" text, OUT type text, OUT kind text, OUT rows bigint,
	OUT nulls bigint, OUT "distinct" bigint, OUT min text, OUT max text,
	OUT mean double precision, OUT sd double precision,
	OUT most_frequent text, OUT treatment text)
RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe(leadframe) IS
'a row per column of a frame: its values, and what a fit would do with it';

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

-- lead_train(label, features): a logistic regression of the label on the row.
-- label		boolean or integer 0/1; NULL: outcome not known, counted and left out
-- features		a row with names; the label's own column, identifiers, constants
--				and times are left out and said
-- returns		a model; the same rows in any order give the same bytes
-- errors		no rows, one class only, fewer rows than coefficients, nothing to
--				learn from, a column that alone determines the label, more than
--				5,000 design columns; see lead_frame() for those of the rows
-- method		maximum likelihood by Newton steps on the grouped rows; McCullagh
--				and Nelder, Generalized Linear Models, 2nd ed. 1989, chapter 4
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
'train a model with options: logistic regression of the label on the row';

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
'design row of a lead, in the order of lead_encoded_names; an offset has no place in it';

----------------------------------------------------------------------------
-- Explanations
----------------------------------------------------------------------------

CREATE FUNCTION lead_explain(model bytea, features record)
RETURNS TABLE ("column" text, value text, contribution float8, unit text)
AS 'MODULE_PATHNAME', 'lead_explain'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;

COMMENT ON FUNCTION lead_explain(model bytea, features record) IS
'what each column of a row adds to the log-odds of the average lead';

CREATE FUNCTION lead_explain(model bytea, features jsonb)
RETURNS TABLE ("column" text, value text, contribution float8, unit text)
AS 'MODULE_PATHNAME', 'lead_explain_json'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;

COMMENT ON FUNCTION lead_explain(model bytea, features jsonb) IS
'what each key of a JSON object adds to the log-odds of the average lead';

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

----------------------------------------------------------------------------
-- Quality of a score
----------------------------------------------------------------------------

CREATE TYPE lead_evaluation AS (
	n bigint,
	positives bigint,
	skipped bigint,
	auc float8,
	auc_low float8,
	auc_high float8,
	average_precision float8,
	log_loss float8,
	brier float8,
	ks float8,
	gini float8,
	threshold float8,
	accuracy float8,
	precision float8,
	recall float8,
	specificity float8,
	f1 float8,
	tp bigint,
	fp bigint,
	tn bigint,
	fn bigint,
	best_f1_threshold float8,
	best_f1 float8,
	best_youden_threshold float8,
	best_youden float8
);
COMMENT ON TYPE lead_evaluation IS
'how good a score is, as lead_evaluate() finds it; what is undefined is NULL';
COMMENT ON COLUMN lead_evaluation.n IS 'pairs of score and label';
COMMENT ON COLUMN lead_evaluation.positives IS 'pairs whose label is true';
COMMENT ON COLUMN lead_evaluation.skipped IS 'rows left out because score or label is NULL';
COMMENT ON COLUMN lead_evaluation.auc IS 'area under the ROC curve, ties by half';
COMMENT ON COLUMN lead_evaluation.auc_low IS 'lower end of its 95 % interval (DeLong), at least 0';
COMMENT ON COLUMN lead_evaluation.auc_high IS 'upper end of its 95 % interval (DeLong), at most 1';
COMMENT ON COLUMN lead_evaluation.average_precision IS 'Σ (R_k - R_k-1) P_k over the distinct scores';
COMMENT ON COLUMN lead_evaluation.log_loss IS 'mean, natural logarithm, scores clipped by 2.2e-16; NULL if a score lies outside [0, 1]';
COMMENT ON COLUMN lead_evaluation.brier IS 'mean squared distance of score and label; NULL if a score lies outside [0, 1]';
COMMENT ON COLUMN lead_evaluation.ks IS 'greatest distance of the distributions of scores of the two classes';
COMMENT ON COLUMN lead_evaluation.gini IS '2 × auc - 1';
COMMENT ON COLUMN lead_evaluation.threshold IS 'a score that is not lower is taken for a positive, in the columns up to fn';
COMMENT ON COLUMN lead_evaluation.precision IS 'share of true positives among the scores taken for positives';
COMMENT ON COLUMN lead_evaluation.best_f1_threshold IS 'the observed score with the greatest f1, the lower one of equals';
COMMENT ON COLUMN lead_evaluation.best_youden_threshold IS 'the observed score with the greatest recall + specificity - 1, the lower one of equals';

CREATE TYPE lead_roc_point AS (
	threshold float8,
	fpr float8,
	tpr float8,
	tp bigint,
	fp bigint
);
COMMENT ON TYPE lead_roc_point IS 'a point of lead_roc_curve()';

CREATE TYPE lead_pr_point AS (
	threshold float8,
	precision float8,
	recall float8,
	tp bigint,
	fp bigint
);
COMMENT ON TYPE lead_pr_point IS 'a point of lead_pr_curve()';

CREATE TYPE lead_lift_tile AS (
	tile integer,
	n float8,
	positives float8,
	rate float8,
	lift float8,
	gain float8,
	cumulative_lift float8,
	min_score float8,
	max_score float8
);
COMMENT ON TYPE lead_lift_tile IS
'a tile of lead_lift(): the first has the highest scores; gain is the share of all positives up to this tile';

CREATE TYPE lead_calibration_bin AS (
	bin integer,
	n bigint,
	positives bigint,
	min_score float8,
	max_score float8,
	mean_score float8,
	rate float8,
	low float8,
	high float8
);
COMMENT ON TYPE lead_calibration_bin IS
'a bin of lead_calibration(): what the scores expected, what happened, and its 95 % interval (Wilson)';

-- the state of the aggregates below: scores of negatives and of positives

CREATE FUNCTION lead_pairs_bool_transfn(state internal, score float8, label boolean)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_bool_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_int_transfn(state internal, score float8, label bigint)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_int_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_threshold_bool_transfn(state internal, score float8, label boolean, threshold float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_threshold_bool_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_threshold_int_transfn(state internal, score float8, label bigint, threshold float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_threshold_int_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_tiles_bool_transfn(state internal, score float8, label boolean, tiles integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_tiles_bool_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_tiles_int_transfn(state internal, score float8, label bigint, tiles integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_tiles_int_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_bins_bool_transfn(state internal, score float8, label boolean, bins integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_bins_bool_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_bins_int_transfn(state internal, score float8, label bigint, bins integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_bins_int_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_combine(a internal, b internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_serialize(state internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lead_pairs_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_pairs_deserialize(bytes bytea, state internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_evaluate_finalfn(state internal)
RETURNS lead_evaluation
AS 'MODULE_PATHNAME', 'lead_evaluate_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_evaluate(score float8, label boolean) (
	SFUNC = lead_pairs_bool_transfn, STYPE = internal,
	FINALFUNC = lead_evaluate_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_evaluate(float8, boolean) IS
'how good a score is, in one row: AUC with interval, losses, counts at a threshold (0.5), best thresholds';

CREATE AGGREGATE lead_evaluate(score float8, label bigint) (
	SFUNC = lead_pairs_int_transfn, STYPE = internal,
	FINALFUNC = lead_evaluate_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_evaluate(float8, bigint) IS
'how good a score is, in one row: AUC with interval, losses, counts at a threshold (0.5), best thresholds';

CREATE AGGREGATE lead_evaluate(score float8, label boolean, threshold float8) (
	SFUNC = lead_pairs_threshold_bool_transfn, STYPE = internal,
	FINALFUNC = lead_evaluate_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_evaluate(float8, boolean, float8) IS
'how good a score is, in one row: AUC with interval, losses, counts at a threshold (0.5), best thresholds';

CREATE AGGREGATE lead_evaluate(score float8, label bigint, threshold float8) (
	SFUNC = lead_pairs_threshold_int_transfn, STYPE = internal,
	FINALFUNC = lead_evaluate_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_evaluate(float8, bigint, float8) IS
'how good a score is, in one row: AUC with interval, losses, counts at a threshold (0.5), best thresholds';

CREATE FUNCTION lead_roc_curve_finalfn(state internal)
RETURNS lead_roc_point[]
AS 'MODULE_PATHNAME', 'lead_roc_curve_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_roc_curve(score float8, label boolean) (
	SFUNC = lead_pairs_bool_transfn, STYPE = internal,
	FINALFUNC = lead_roc_curve_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_roc_curve(float8, boolean) IS
'ROC curve, read with unnest(): as scikit-learn''s roc_curve, collinear points dropped';

CREATE AGGREGATE lead_roc_curve(score float8, label bigint) (
	SFUNC = lead_pairs_int_transfn, STYPE = internal,
	FINALFUNC = lead_roc_curve_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_roc_curve(float8, bigint) IS
'ROC curve, read with unnest(): as scikit-learn''s roc_curve, collinear points dropped';

CREATE FUNCTION lead_pr_curve_finalfn(state internal)
RETURNS lead_pr_point[]
AS 'MODULE_PATHNAME', 'lead_pr_curve_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_pr_curve(score float8, label boolean) (
	SFUNC = lead_pairs_bool_transfn, STYPE = internal,
	FINALFUNC = lead_pr_curve_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_pr_curve(float8, boolean) IS
'precision and recall by threshold, read with unnest(): as scikit-learn''s precision_recall_curve';

CREATE AGGREGATE lead_pr_curve(score float8, label bigint) (
	SFUNC = lead_pairs_int_transfn, STYPE = internal,
	FINALFUNC = lead_pr_curve_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_pr_curve(float8, bigint) IS
'precision and recall by threshold, read with unnest(): as scikit-learn''s precision_recall_curve';

CREATE FUNCTION lead_lift_finalfn(state internal)
RETURNS lead_lift_tile[]
AS 'MODULE_PATHNAME', 'lead_lift_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_lift(score float8, label boolean) (
	SFUNC = lead_pairs_bool_transfn, STYPE = internal,
	FINALFUNC = lead_lift_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_lift(float8, boolean) IS
'lift and gain by tiles (10), the highest scores first, read with unnest(); ties are cut in proportion';

CREATE AGGREGATE lead_lift(score float8, label bigint) (
	SFUNC = lead_pairs_int_transfn, STYPE = internal,
	FINALFUNC = lead_lift_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_lift(float8, bigint) IS
'lift and gain by tiles (10), the highest scores first, read with unnest(); ties are cut in proportion';

CREATE AGGREGATE lead_lift(score float8, label boolean, tiles integer) (
	SFUNC = lead_pairs_tiles_bool_transfn, STYPE = internal,
	FINALFUNC = lead_lift_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_lift(float8, boolean, integer) IS
'lift and gain by tiles (10), the highest scores first, read with unnest(); ties are cut in proportion';

CREATE AGGREGATE lead_lift(score float8, label bigint, tiles integer) (
	SFUNC = lead_pairs_tiles_int_transfn, STYPE = internal,
	FINALFUNC = lead_lift_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_lift(float8, bigint, integer) IS
'lift and gain by tiles (10), the highest scores first, read with unnest(); ties are cut in proportion';

CREATE FUNCTION lead_calibration_finalfn(state internal)
RETURNS lead_calibration_bin[]
AS 'MODULE_PATHNAME', 'lead_calibration_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_calibration(score float8, label boolean) (
	SFUNC = lead_pairs_bool_transfn, STYPE = internal,
	FINALFUNC = lead_calibration_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_calibration(float8, boolean) IS
'expected and observed rates by quantile bins (10), read with unnest(); equal scores stay together';

CREATE AGGREGATE lead_calibration(score float8, label bigint) (
	SFUNC = lead_pairs_int_transfn, STYPE = internal,
	FINALFUNC = lead_calibration_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_calibration(float8, bigint) IS
'expected and observed rates by quantile bins (10), read with unnest(); equal scores stay together';

CREATE AGGREGATE lead_calibration(score float8, label boolean, bins integer) (
	SFUNC = lead_pairs_bins_bool_transfn, STYPE = internal,
	FINALFUNC = lead_calibration_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_calibration(float8, boolean, integer) IS
'expected and observed rates by quantile bins (10), read with unnest(); equal scores stay together';

CREATE AGGREGATE lead_calibration(score float8, label bigint, bins integer) (
	SFUNC = lead_pairs_bins_int_transfn, STYPE = internal,
	FINALFUNC = lead_calibration_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_calibration(float8, bigint, integer) IS
'expected and observed rates by quantile bins (10), read with unnest(); equal scores stay together';

CREATE FUNCTION lead_ece_finalfn(state internal)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_ece_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_ece(score float8, label boolean) (
	SFUNC = lead_pairs_bool_transfn, STYPE = internal,
	FINALFUNC = lead_ece_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_ece(float8, boolean) IS
'expected calibration error: mean distance of expected and observed rates over quantile bins (10)';

CREATE AGGREGATE lead_ece(score float8, label bigint) (
	SFUNC = lead_pairs_int_transfn, STYPE = internal,
	FINALFUNC = lead_ece_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_ece(float8, bigint) IS
'expected calibration error: mean distance of expected and observed rates over quantile bins (10)';

CREATE AGGREGATE lead_ece(score float8, label boolean, bins integer) (
	SFUNC = lead_pairs_bins_bool_transfn, STYPE = internal,
	FINALFUNC = lead_ece_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_ece(float8, boolean, integer) IS
'expected calibration error: mean distance of expected and observed rates over quantile bins (10)';

CREATE AGGREGATE lead_ece(score float8, label bigint, bins integer) (
	SFUNC = lead_pairs_bins_int_transfn, STYPE = internal,
	FINALFUNC = lead_ece_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_ece(float8, bigint, integer) IS
'expected calibration error: mean distance of expected and observed rates over quantile bins (10)';

----------------------------------------------------------------------------
-- The life of a model
----------------------------------------------------------------------------

/*
 * Plain tables in the schema leadscore; whoever reads them sees all there is.
 *
 *	models			a name and what it is for
 *	experiments		a drawer of runs; a model's own unless another is named
 *	runs			one training: who, when, of what (spec), how it ended
 *	  params		what was chosen, key and value, as text
 *	  metrics		numbers with a step: the solver's loss has one per iteration
 *	  tags			anything
 *	  artifacts		documents: the summary, …
 *	  checks		what was found in the data before the training
 *	  verdicts		what the gate said, and its numbers
 *	versions		name + number -> model bytes; a number is never used again
 *	  holdouts		the rows that judged a version, as a frame: kept apart,
 *					because a frame holds data and a reader may not see it
 *	aliases			name + alias -> version: what is live is "champion"
 *	deployments		every change of an alias, for ever; no foreign key, so that
 *					it outlives the versions
 *
 * References point up this list and never in a circle, so that a dump can be
 * restored.  There are no triggers but those of the foreign keys.  Readers of
 * the registry need SELECT, trainers also write; lead_grant() gives both.
 *
 * A run's spec is the whole recipe, with every name resolved and qualified, so
 * that it means the same under any search_path:
 *
 *	source		 what stands after FROM: schema.table, or (SELECT …)
 *	written		 {source, label}: as the user wrote them
 *	label		 an expression over the source's columns, which it calls s.…
 *	features	 [{name, type}, …] in order
 *	label_columns	columns that the label is computed from
 *	key, time	 columns, or null
 *	options		 of encoding and fit, as for lead_train()
 *	holdout		 {by: key | time | group | column | none, column, share, seed}
 *	gate		 thresholds and margins, see lead_train_model()
 *	refit		 train the published model on all rows
 *
 * Functions for people have the prefix lead_ and live with the others; what
 * they are made of is in the schema leadscore.  Functions that run what a user
 * wrote (a source, a label) leave search_path alone and qualify their own
 * names; all others pin it.  A model is changed under leadscore.lock(name).
 *
 *	lead_train_model(name, source, label, …)	-> lead_run, one readable row
 *	lead_retrain(name, …)						-> lead_run
 *	lead_validate(name)							-> check, severity, column, detail
 *	lead_model(reference)						-> bytea; reference is 'name' (the
 *					champion), 'name@alias' or 'name@3', as for lead_score()
 *	lead_model(name, alias [, as_of]), lead_model(name, version)	-> bytea
 *	lead_model_version(reference)				-> integer
 *	lead_promote(name, version [, alias, reason])	-> lead_deployment
 *	lead_rollback(name [, alias, reason])		-> lead_deployment
 *	lead_drop_alias(name, alias [, reason])		-> lead_deployment
 *	lead_versions(name), lead_deployments(name)	-> rows
 *	lead_drop_version(name, version), lead_drop_model(name [, force]),
 *	lead_prune(name [, keep])
 *	lead_score_frame(model, frame)				-> score, positives, negatives
 *	lead_grant(role, level), lead_revoke(role)
 *	leadscore.lock(name [, wait])				-> boolean, until the transaction ends
 */

CREATE SCHEMA leadscore;
GRANT USAGE ON SCHEMA leadscore TO @extowner@ WITH GRANT OPTION;
COMMENT ON SCHEMA leadscore IS 'models, runs, versions and what is live: see the README of leadscore';

CREATE TABLE leadscore.models (
	name text PRIMARY KEY CHECK (name <> '' AND length(name) <= 200 AND name !~ '[@[:cntrl:]]'),
	description text,
	last_version integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	created_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE leadscore.models IS 'the named models';
COMMENT ON COLUMN leadscore.models.last_version IS 'the greatest version number ever given: none is used twice';

CREATE TABLE leadscore.experiments (
	experiment_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	name text NOT NULL UNIQUE CHECK (name <> '' AND length(name) <= 256),
	description text,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE leadscore.experiments IS 'drawers of runs; a model has one of its own name unless told otherwise';

CREATE TABLE leadscore.runs (
	run_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	experiment_id bigint NOT NULL REFERENCES leadscore.experiments,
	model text NOT NULL REFERENCES leadscore.models ON UPDATE CASCADE,
	action text NOT NULL CHECK (action IN ('train', 'retrain')),
	status text NOT NULL CHECK (status IN ('running', 'finished', 'failed')),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended_at timestamptz,
	started_by text NOT NULL DEFAULT current_user,
	spec jsonb NOT NULL,
	description text,
	rows bigint,
	positives bigint,
	unknown bigint,
	held_out bigint,
	data_from timestamptz,
	data_to timestamptz,
	fingerprint text,
	extension_version text NOT NULL,
	server_version text NOT NULL DEFAULT current_setting('server_version'),
	error text,
	sqlstate text
);
CREATE INDEX ON leadscore.runs (model, started_at);
COMMENT ON TABLE leadscore.runs IS 'a row per training, failed ones included';
COMMENT ON COLUMN leadscore.runs.spec IS 'the whole recipe: lead_retrain() repeats it';
COMMENT ON COLUMN leadscore.runs.rows IS 'labelled rows trained on';
COMMENT ON COLUMN leadscore.runs.positives IS 'of these, labels that are true';
COMMENT ON COLUMN leadscore.runs.unknown IS 'rows of the source whose label is NULL';
COMMENT ON COLUMN leadscore.runs.held_out IS 'labelled rows held out';
COMMENT ON COLUMN leadscore.runs.data_from IS 'earliest time of a labelled row, where a time column is named';
COMMENT ON COLUMN leadscore.runs.data_to IS 'latest time of a labelled row, where a time column is named';
COMMENT ON COLUMN leadscore.runs.fingerprint IS 'of the rows trained on, whatever order they came in; comparable within a version of leadscore';

CREATE TABLE leadscore.params (
	run_id uuid NOT NULL REFERENCES leadscore.runs ON DELETE CASCADE,
	key text NOT NULL,
	value text NOT NULL,
	PRIMARY KEY (run_id, key)
);
COMMENT ON TABLE leadscore.params IS 'what was chosen for a run';

CREATE TABLE leadscore.metrics (
	run_id uuid NOT NULL REFERENCES leadscore.runs ON DELETE CASCADE,
	key text NOT NULL,
	step bigint NOT NULL DEFAULT 0,
	value double precision NOT NULL,
	recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (run_id, key, step)
);
COMMENT ON TABLE leadscore.metrics IS 'numbers of a run; train.loss has a step per iteration of the solver, the others are of step 0';

CREATE TABLE leadscore.tags (
	run_id uuid NOT NULL REFERENCES leadscore.runs ON DELETE CASCADE,
	key text NOT NULL,
	value text NOT NULL,
	PRIMARY KEY (run_id, key)
);
COMMENT ON TABLE leadscore.tags IS 'what people want to remember of a run';

CREATE TABLE leadscore.artifacts (
	run_id uuid NOT NULL REFERENCES leadscore.runs ON DELETE CASCADE,
	path text NOT NULL,
	body text,
	bytes bytea,
	PRIMARY KEY (run_id, path),
	CHECK ((body IS NULL) <> (bytes IS NULL))
);
COMMENT ON TABLE leadscore.artifacts IS 'documents of a run, text or bytes';

CREATE TABLE leadscore.checks (
	run_id uuid NOT NULL REFERENCES leadscore.runs ON DELETE CASCADE,
	position integer NOT NULL,
	"check" text NOT NULL,
	severity text NOT NULL CHECK (severity IN ('error', 'warning', 'info')),
	"column" text,
	detail text NOT NULL,
	PRIMARY KEY (run_id, position)
);
COMMENT ON TABLE leadscore.checks IS 'what the checks before a training found; an error stopped it';

CREATE TABLE leadscore.verdicts (
	run_id uuid PRIMARY KEY REFERENCES leadscore.runs ON DELETE CASCADE,
	verdict text NOT NULL CHECK (verdict IN
		('first', 'better', 'good enough', 'worse', 'too few rows to tell', 'below threshold')),
	passed boolean NOT NULL,
	champion_version integer,
	numbers jsonb NOT NULL,
	decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE leadscore.verdicts IS 'what the gate said of a run''s version, and the numbers it went by';

CREATE TABLE leadscore.versions (
	name text NOT NULL REFERENCES leadscore.models ON UPDATE CASCADE,
	version integer NOT NULL CHECK (version > 0),
	run_id uuid NOT NULL REFERENCES leadscore.runs,
	model bytea NOT NULL,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	created_by text NOT NULL DEFAULT current_user,
	description text,
	PRIMARY KEY (name, version)
);
-- what scores a lead stands first in the bytes and is read alone
ALTER TABLE leadscore.versions ALTER COLUMN model SET STORAGE EXTERNAL;
CREATE INDEX ON leadscore.versions (run_id);
COMMENT ON TABLE leadscore.versions IS 'the models themselves: lead_versions(name) shows them side by side';

CREATE TABLE leadscore.holdouts (
	name text NOT NULL,
	version integer NOT NULL,
	frame leadframe NOT NULL,
	PRIMARY KEY (name, version),
	FOREIGN KEY (name, version) REFERENCES leadscore.versions ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE leadscore.holdouts IS 'the rows that judged a version; not for readers, for it holds data';

CREATE TABLE leadscore.aliases (
	name text NOT NULL,
	alias text NOT NULL CHECK (alias <> '' AND length(alias) <= 200 AND alias !~ '[@[:cntrl:]]' AND alias !~ '^[0-9]+$'),
	version integer NOT NULL,
	PRIMARY KEY (name, alias),
	FOREIGN KEY (name, version) REFERENCES leadscore.versions ON UPDATE CASCADE
);
CREATE INDEX ON leadscore.aliases (name, version);
COMMENT ON TABLE leadscore.aliases IS 'which version a word stands for now; "champion" is what lead_score() by name uses';

CREATE TABLE leadscore.deployments (
	deployment_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	name text NOT NULL,
	alias text NOT NULL,
	version integer,
	action text NOT NULL CHECK (action IN ('promote', 'rollback', 'remove')),
	replaced integer,
	in_force bigint,
	before bigint,
	deployed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	deployed_by text NOT NULL DEFAULT current_user,
	reason text,
	run_id uuid
);
CREATE INDEX ON leadscore.deployments (name, alias, deployment_id);
COMMENT ON TABLE leadscore.deployments IS 'every change of an alias, for ever: what was live when, who did it, why';
COMMENT ON COLUMN leadscore.deployments.version IS 'live from now on; NULL: nothing';
COMMENT ON COLUMN leadscore.deployments.replaced IS 'the version that was live until now';
COMMENT ON COLUMN leadscore.deployments.in_force IS 'a rollback: the deployment that it brought back';
COMMENT ON COLUMN leadscore.deployments.before IS 'a promotion: the deployment that a rollback of it brings back';

-- Data of all of these go into dumps, and the sequences go on.
SELECT pg_catalog.pg_extension_config_dump('leadscore.models', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.experiments', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.runs', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.params', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.metrics', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.tags', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.artifacts', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.checks', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.verdicts', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.versions', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.holdouts', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.aliases', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.deployments', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.experiments_experiment_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.deployments_deployment_id_seq', '');

-- The extension belongs to the superuser that its script ran as; its owner's
-- rights are given here.  The history can be added to, not rewritten.
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON
	leadscore.models, leadscore.experiments, leadscore.runs, leadscore.params, leadscore.metrics,
	leadscore.tags, leadscore.artifacts, leadscore.checks, leadscore.verdicts, leadscore.versions,
	leadscore.holdouts, leadscore.aliases TO @extowner@ WITH GRANT OPTION;
GRANT SELECT, INSERT ON leadscore.deployments TO @extowner@ WITH GRANT OPTION;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA leadscore TO @extowner@ WITH GRANT OPTION;

----------------------------------------------------------------------------
-- Models by name: 'name' (its champion), 'name@alias', 'name@3'
----------------------------------------------------------------------------

CREATE FUNCTION lead_model(reference text)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lead_model'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_model(text) IS
'the model behind ''name'' (its champion), ''name@alias'' or ''name@3''';

CREATE FUNCTION lead_model_version(reference text)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_model_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_model_version(text) IS
'the number of the version behind ''name'' (its champion), ''name@alias'' or ''name@3''';

-- What takes a model takes its name.  STABLE, for a promotion changes the
-- result, and with the caller's privileges on the tables.

CREATE FUNCTION lead_score_values(model text, names jsonb, VARIADIC "values" "any")
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_score_values'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_score_values(text, jsonb, "any") IS
'probability that the label is true, by the name of a model, for values with their names in a JSON array';

CREATE FUNCTION lead_score(model text, features record)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_score'
LANGUAGE C STABLE STRICT PARALLEL SAFE
SUPPORT @extschema@.lead_score_support;
COMMENT ON FUNCTION lead_score(text, record) IS
'probability that the label is true, by the name of a model, for a row';

CREATE FUNCTION lead_score(model text, features jsonb)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_score_json'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_score(text, jsonb) IS
'probability that the label is true, by the name of a model, for a JSON object';

CREATE FUNCTION lead_log_odds_values(model text, names jsonb, VARIADIC "values" "any")
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_log_odds_values'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_log_odds_values(text, jsonb, "any") IS
'log-odds of the score, by the name of a model, for values with their names in a JSON array';

CREATE FUNCTION lead_log_odds(model text, features record)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_log_odds'
LANGUAGE C STABLE STRICT PARALLEL SAFE
SUPPORT @extschema@.lead_score_support;
COMMENT ON FUNCTION lead_log_odds(text, record) IS
'log-odds of the score, by the name of a model, for a row';

CREATE FUNCTION lead_log_odds(model text, features jsonb)
RETURNS float8
AS 'MODULE_PATHNAME', 'lead_log_odds_json'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_log_odds(text, jsonb) IS
'log-odds of the score, by the name of a model, for a JSON object';

CREATE FUNCTION lead_encode(model text, features record)
RETURNS float8[]
AS 'MODULE_PATHNAME', 'lead_encode'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_encode(text, record) IS
'design row of a lead, by the name of a model';

CREATE FUNCTION lead_explain(model text, features record)
RETURNS TABLE ("column" text, value text, contribution float8, unit text)
AS 'MODULE_PATHNAME', 'lead_explain'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION lead_explain(text, record) IS
'what each column of a row adds to the log-odds of the average lead, by the name of a model';

CREATE FUNCTION lead_reasons(model text, features record, n integer DEFAULT 3)
RETURNS text
AS 'MODULE_PATHNAME', 'lead_reasons'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_reasons(text, record, integer) IS
'the n strongest reasons for the score of a row, by the name of a model';

CREATE FUNCTION lead_unseen(model text, features record)
RETURNS text[]
AS 'MODULE_PATHNAME', 'lead_unseen'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_unseen(text, record) IS
'columns of a row whose value training never saw, by the name of a model';

CREATE FUNCTION lead_explain(model text, features jsonb)
RETURNS TABLE ("column" text, value text, contribution float8, unit text)
AS 'MODULE_PATHNAME', 'lead_explain_json'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION lead_explain(text, jsonb) IS
'what each column of a JSON object adds to the log-odds of the average lead, by the name of a model';

CREATE FUNCTION lead_reasons(model text, features jsonb, n integer DEFAULT 3)
RETURNS text
AS 'MODULE_PATHNAME', 'lead_reasons_json'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_reasons(text, jsonb, integer) IS
'the n strongest reasons for the score of a JSON object, by the name of a model';

CREATE FUNCTION lead_unseen(model text, features jsonb)
RETURNS text[]
AS 'MODULE_PATHNAME', 'lead_unseen_json'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_unseen(text, jsonb) IS
'columns of a JSON object whose value training never saw, by the name of a model';

CREATE FUNCTION lead_summary(model text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_summary(lead_model(model));
COMMENT ON FUNCTION lead_summary(text) IS 'what a model is and how well it fits, by its name';

CREATE FUNCTION lead_covariance(model text) RETURNS float8[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_covariance(lead_model(model));
COMMENT ON FUNCTION lead_covariance(text) IS 'covariance of the coefficients, by the name of a model';

CREATE FUNCTION lead_encoded_names(model text) RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_encoded_names(lead_model(model));
COMMENT ON FUNCTION lead_encoded_names(text) IS 'names of the design columns, by the name of a model';

CREATE FUNCTION lead_info(model text) RETURNS jsonb
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_info(lead_model(model));
COMMENT ON FUNCTION lead_info(text) IS 'everything a model knows about itself, by its name';

CREATE FUNCTION lead_coefficients(model text,
	OUT "column" text, OUT level text, OUT name text,
	OUT estimate float8, OUT std_error float8, OUT z float8, OUT p float8,
	OUT ci_low float8, OUT ci_high float8,
	OUT odds_ratio float8, OUT odds_low float8, OUT odds_high float8,
	OUT std_estimate float8) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 50
BEGIN ATOMIC
	SELECT * FROM lead_coefficients(lead_model(model));
END;
COMMENT ON FUNCTION lead_coefficients(text) IS 'a row per design column, by the name of a model';
