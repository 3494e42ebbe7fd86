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
	CATEGORY = 'L', PREFERRED = true,	-- what an untyped literal is where a leadprofile would do as well
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

-- lead_describe_label(frame): what each column says about the label by itself, a
-- row per level or bin.
-- options		bins (10), min_count (20), max_levels (255), exclude, and by column
--				bins, min_count, max_levels, as: {"columns": {"age": {"bins": 5}}}
-- level		of texts the most frequent first; levels of fewer than min_count
--				rows, and those beyond max_levels, are "(other)"; NULL is "(null)".
--				Numbers of at most `bins` values have a row each, others quantile
--				bins [lower, upper), the last one closed; a number that fills a bin
--				stands alone; intervals are in seconds
-- rate			positives / rows, with its 95 % interval (Wilson 1927)
-- woe			weight of evidence: ln of the share of the positives that is here over
--				that of the negatives; above 0 where there are more positives than on
--				average.  Where one of the two is missing half a row is added to both
--				(Zeng 2014)
-- iv			its part of the information value, woe times the difference of the
--				two shares (Siddiqi, Credit Risk Scorecards, 2006)
-- information_value	of the column: the sum
-- auc			of the column alone, 0.5 to 1.  Numbers: as they are or turned round,
--				NULLs left out.  Categories: by the rates of these very rows, so a
--				little too high, the more so the more levels there are
-- NULL			no frame: no rows; one class only: woe, iv and auc are NULL
-- Rows count; a weight does not.  Columns that the frame has only counted, times
-- above all, have no rows here.
CREATE FUNCTION lead_describe_label(frame leadframe, options jsonb DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT cell integer, OUT level text,
	OUT lower double precision, OUT upper double precision,
	OUT rows bigint, OUT share double precision, OUT positives bigint,
	OUT rate double precision, OUT rate_low double precision,
	OUT rate_high double precision, OUT woe double precision,
	OUT iv double precision, OUT information_value double precision,
	OUT auc double precision)
RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe_label(leadframe, jsonb) IS
'what each column says about the label: rate, weight of evidence, information value by level or bin';

-- lead_describe_label_columns(frame): the same, a row per column.
-- strength		Siddiqi's words for the information value: none (below 0.02), weak
--				(0.1), medium (0.3), strong (0.5), suspicious
-- chance_value	the information value that chance exceeds with 5 %: χ² of the cells
--				less one, times 1/positives + 1/negatives
-- p_value		Pearson's χ² of the cells against the label; cells that expect fewer
--				than 5 rows of either class are one
-- p_adjusted	Benjamini and Hochberg over the columns; beyond_chance: below 0.05
-- direction	of a number: rising if more of it means more positives, or falling
-- lowest_…, highest_…	the level or bin with the lowest and the highest rate, of
--				those with min_count rows
-- note			why a fit would leave the column out
CREATE FUNCTION lead_describe_label_columns(frame leadframe, options jsonb DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT rows bigint, OUT missing double precision,
	OUT cells integer, OUT information_value double precision, OUT strength text,
	OUT chance_value double precision, OUT p_value double precision,
	OUT p_adjusted double precision, OUT beyond_chance boolean,
	OUT auc double precision, OUT direction text, OUT lowest_level text,
	OUT lowest_rate double precision, OUT highest_level text,
	OUT highest_rate double precision, OUT note text)
RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe_label_columns(leadframe, jsonb) IS
'which columns say something about the label: information value, AUC alone, chance';

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
-- Profiles and drift
----------------------------------------------------------------------------

CREATE TYPE leadprofile;

CREATE FUNCTION leadprofile_in(cstring) RETURNS leadprofile
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadprofile_out(leadprofile) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadprofile_recv(internal) RETURNS leadprofile
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadprofile_send(leadprofile) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE leadprofile (
	INPUT = leadprofile_in,
	OUTPUT = leadprofile_out,
	RECEIVE = leadprofile_recv,
	SEND = leadprofile_send,
	CATEGORY = 'L',
	STORAGE = extended
);
COMMENT ON TYPE leadprofile IS
'how the values of each column of some rows are distributed, in a few kilobytes';

-- Support functions of the aggregates below; not for direct use.
CREATE FUNCTION lead_profile_transfn(internal, record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_model_transfn(internal, bytea, record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_union_transfn(internal, leadprofile)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_combine(internal, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_serialize(internal)
RETURNS bytea AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_profile_deserialize(bytea, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_profile_finalfn(internal)
RETURNS leadprofile AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_profile(features): how the values of each column are distributed.
-- features		a row with names: a whole table row, a sub-select, a view; columns
--				of types that cannot be features are counted only
-- returns		NULL over no rows; the same rows in any order: the same bytes
-- exact		up to 1,000 different numbers and 2,000 different texts of 64 kB
--				together; beyond, numbers count by their leading bits, texts by a
--				hash, and the number of different ones is an estimate (3 %);
--				times count by days (UTC)
-- errors		NaN or infinity, a row that is NULL
CREATE AGGREGATE lead_profile(features record) (
	SFUNC = lead_profile_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(record) IS
'how the values of each column are distributed, in a few kilobytes';

-- lead_profile(model, features): the same; also what each column adds to the
-- log-odds above the average lead of the training (exact sums), and the scores,
-- as a column "(score)".  One model for all rows.
CREATE AGGREGATE lead_profile(model bytea, features record) (
	SFUNC = lead_profile_model_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(bytea, record) IS
'how the values of each column are distributed, what they add to the score, and the scores';

-- lead_profile(leadprofile): the profile of all their rows, columns matched by
-- name; a column that a profile lacks counts as NULL in its rows.  NULL profiles
-- are passed over; those made with different models are an error.
CREATE AGGREGATE lead_profile(profile leadprofile) (
	SFUNC = lead_profile_union_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(leadprofile) IS
'the profile of the rows of several profiles';

CREATE FUNCTION lead_profile_union(leadprofile, leadprofile)
RETURNS leadprofile AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile_union(leadprofile, leadprofile) IS
'the profile of the rows of both; what || does';

CREATE OPERATOR || (
	LEFTARG = leadprofile,
	RIGHTARG = leadprofile,
	FUNCTION = lead_profile_union,
	COMMUTATOR = OPERATOR(||)
);
COMMENT ON OPERATOR || (leadprofile, leadprofile) IS
'the profile of the rows of both';

CREATE FUNCTION lead_profile(frame leadframe)
RETURNS leadprofile AS 'MODULE_PATHNAME', 'lead_profile_frame'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile(leadframe) IS
'the profile of the features of a training set';

-- Of columns that the training left out only rows and NULLs are known; of more
-- than 1,000 levels the rarer ones are counted together.
CREATE FUNCTION lead_profile(model bytea)
RETURNS leadprofile AS 'MODULE_PATHNAME', 'lead_profile_model'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile(bytea) IS
'the profile of the rows that a model was trained on';

-- Equal profiles are equal bytes.
CREATE FUNCTION leadprofile_eq(leadprofile, leadprofile) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE FUNCTION leadprofile_ne(leadprofile, leadprofile) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR = (
	LEFTARG = leadprofile, RIGHTARG = leadprofile, FUNCTION = leadprofile_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (leadprofile, leadprofile) IS 'do the profiles say the same?';

CREATE OPERATOR <> (
	LEFTARG = leadprofile, RIGHTARG = leadprofile, FUNCTION = leadprofile_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (leadprofile, leadprofile) IS 'do the profiles say different things?';

-- lead_describe(profile): a row per column.  distinct is an estimate where exact
-- is false; quartiles, mean, sd (population), skewness and zeros are those of the
-- rounded numbers then; quartiles lie between two values linearly.
-- alerts	empty; mostly missing (more than half); constant; imbalanced (a value
--			has more than 90 %); unique (at least 100 rows, 95 % different); high
--			cardinality (more than 50 levels); skewed (beyond 2)
CREATE FUNCTION lead_describe(profile leadprofile,
	OUT "column" text, OUT type text, OUT kind text, OUT rows bigint,
	OUT nulls bigint, OUT missing double precision, OUT "distinct" bigint,
	OUT exact boolean, OUT min text, OUT q25 double precision,
	OUT median double precision, OUT q75 double precision, OUT max text,
	OUT mean double precision, OUT sd double precision,
	OUT skewness double precision, OUT zeros bigint, OUT most_frequent text,
	OUT alerts text[])
RETURNS SETOF record AS 'MODULE_PATHNAME', 'lead_describe_profile'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe(leadprofile) IS
'a row per column of a profile: missing values, distinct, quartiles, moments, levels, alerts';

-- lead_drift(reference, current): a row per column.
-- method	"auto" follows Evidently's defaults.  Up to 1,000 rows in the reference:
--			ks for numbers of more than 5 values, chisquare for more than 2
--			values, else z; beyond: wasserstein for numbers of more than 5 values,
--			else jensenshannon.  psi and jensenshannon bin numbers of more than 20
--			values by Sturges' rule.  Times are compared on request only.
-- options	{"method": …, "threshold": …, "alpha": 0.05,
--			"columns": {"city": {"method": "psi", "threshold": 0.2}}}
-- drifted	the statistic, or a test's p-value, has crossed the threshold: 0.1 for
--			a distance, 0.05 for a test
-- p_value	of a test its own; for wasserstein that of ks; for psi and
--			jensenshannon of chi-square scaled by the rows, sparse cells pooled
-- chance_threshold		psi or distance that chance alone exceeds with alpha
-- p_adjusted			Benjamini and Hochberg over the columns, of p_value; for
--						chisquare, which takes the reference for the truth, of that of
--						the jensenshannon of the same counts
-- beyond_chance		p_adjusted is below alpha
-- impact_log_odds		change of the mean log-odds that the column makes: of rows
--						profiled with a model against those of the reference, if
--						that was profiled with it too, else against its training
-- impact_points		the same in percentage points, first-order: times the mean
--						of score × (1 - score) on the reference, or if it has no
--						scores, on the current side
-- note					why nothing was measured
-- impact_exact			false where it follows from values that were rounded, or is not
--						known though the model needs the column; NULL for the others
-- impact_against		"reference", or "training" where only the current side was
--						profiled with a model and that is not handed over
-- model				for the impact where profiles were made without it: then it
--						follows from the counted values
CREATE FUNCTION lead_drift(reference leadprofile, current leadprofile, options jsonb DEFAULT NULL,
	model bytea DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT method text,
	OUT statistic double precision, OUT p_value double precision,
	OUT threshold double precision, OUT drifted boolean,
	OUT chance_threshold double precision, OUT p_adjusted double precision,
	OUT beyond_chance boolean, OUT rows_before bigint, OUT rows_now bigint,
	OUT missing_before double precision, OUT missing_now double precision,
	OUT new_levels bigint, OUT vanished_levels bigint,
	OUT out_of_range double precision, OUT impact_log_odds double precision,
	OUT impact_points double precision, OUT note text,
	OUT impact_exact boolean, OUT impact_against text)
RETURNS SETOF record AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_drift(leadprofile, leadprofile, jsonb, bytea) IS
'what changed from one profile to another, column by column, and how much it moves the score';

-- Support function of the one below; not for direct use.
CREATE FUNCTION lead_drift_share(double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- lead_drift_summary(reference, current): the verdict on the whole, in one row.
-- options, model		as of lead_drift()
-- measured				columns that have a verdict; the scores count as one
-- share				drifted columns of those
-- drifted				the share is at least drift_share, 0.5 by default
-- beyond_chance		columns whose change chance hardly explains
-- score_…				of the scores, where both profiles were made with a model
-- missing_…			mean over the columns
-- impact_log_odds		of all columns together; impact_exact is false where one of
--						them was rounded or is not known
-- columns_that_matter	up to three: by impact where there is one, else drifted ones
--						by how far beyond their threshold
-- not_measured			columns that have no verdict: lead_drift() has a note why
-- changed_columns		of those the ones that came or went, have another type or no
--						values on one side
CREATE FUNCTION lead_drift_summary(reference leadprofile, current leadprofile,
	options jsonb DEFAULT NULL, drift_share double precision DEFAULT 0.5,
	model bytea DEFAULT NULL,
	OUT measured bigint, OUT drifted_columns bigint, OUT share double precision,
	OUT drifted boolean, OUT beyond_chance bigint,
	OUT score_statistic double precision, OUT score_drifted boolean,
	OUT missing_before double precision, OUT missing_now double precision,
	OUT impact_log_odds double precision, OUT impact_points double precision,
	OUT columns_that_matter text[], OUT impact_exact boolean,
	OUT not_measured bigint, OUT changed_columns text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH d AS (SELECT * FROM lead_drift(reference, current, options, model)),
		 matter AS (
			SELECT "column", row_number() OVER (ORDER BY abs(impact_log_odds) DESC NULLS LAST,
					CASE WHEN method IN ('psi', 'jensenshannon', 'wasserstein') THEN statistic / nullif(threshold, 0)
						 ELSE threshold / nullif(p_value, 0) END DESC NULLS FIRST,
					"column" COLLATE "C") AS place
			FROM d WHERE kind <> 'score' AND (drifted OR impact_log_odds <> 0)),
		 total AS (
			SELECT count(drifted) AS measured, count(*) FILTER (WHERE drifted) AS drifted_columns,
				   count(*) - count(drifted) AS not_measured,
				   count(*) FILTER (WHERE beyond_chance) AS beyond_chance,
				   max(statistic) FILTER (WHERE kind = 'score') AS score_statistic,
				   bool_or(drifted) FILTER (WHERE kind = 'score') AS score_drifted,
				   avg(missing_before) FILTER (WHERE kind <> 'score') AS missing_before,
				   avg(missing_now) FILTER (WHERE kind <> 'score') AS missing_now,
				   sum(impact_log_odds) AS impact_log_odds, sum(impact_points) AS impact_points,
				   bool_and(impact_exact) AS impact_exact,
				   array_agg("column" ORDER BY "column" COLLATE "C")
					FILTER (WHERE kind <> 'score' AND note <> ALL
						('{a time,an identifier,only counted,too many levels to compare}')) AS changed_columns
			FROM d)
	SELECT t.measured, t.drifted_columns, s.share, s.share >= lead_drift_share(drift_share),
		   t.beyond_chance, t.score_statistic, t.score_drifted, t.missing_before, t.missing_now,
		   t.impact_log_odds, t.impact_points,
		   (SELECT array_agg(m."column" ORDER BY m.place) FROM matter m WHERE m.place <= 3),
		   t.impact_exact, t.not_measured, t.changed_columns
	FROM total t, LATERAL (SELECT t.drifted_columns::double precision / nullif(t.measured, 0) AS share) s;
END;
COMMENT ON FUNCTION lead_drift_summary(leadprofile, leadprofile, jsonb, double precision, bytea) IS
'the verdict on the drift of all columns in one row: share drifted, score, missing values, impact';

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
	cut jsonb,
	seen jsonb,
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
COMMENT ON COLUMN leadscore.runs.cut IS 'a hold-out by time takes the rows later than this';
COMMENT ON COLUMN leadscore.runs.seen IS 'a hold-out by time: the latest of its times';
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

----------------------------------------------------------------------------
-- Models judged on frames
----------------------------------------------------------------------------

-- lead_score_frame(model, frame): a row per pattern of a frame, with its score
-- and the rows that have it.  Errors name a column that the frame lacks.
CREATE FUNCTION lead_score_frame(model bytea, frame leadframe,
	OUT score float8, OUT positives bigint, OUT negatives bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_score_frame(bytea, leadframe) IS
'the scores of the rows in a frame, equal rows together';

CREATE FUNCTION lead_evaluate_frame(model bytea, frame leadframe, threshold float8 DEFAULT 0.5)
RETURNS lead_evaluation
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_evaluate_frame(bytea, leadframe, float8) IS
'how good a model is on the rows of a frame: lead_evaluate() of its scores';

-- lead_compare(champion, challenger, frame): which is better on the same rows?
-- delta is the challenger's AUC less the champion's, with its 95 % interval
-- (DeLong, paired); what one class alone leaves undefined is NULL.
CREATE FUNCTION lead_compare(champion bytea, challenger bytea, frame leadframe,
	OUT n bigint, OUT positives bigint,
	OUT champion_auc float8, OUT challenger_auc float8,
	OUT delta float8, OUT std_error float8, OUT low float8, OUT high float8,
	OUT champion_log_loss float8, OUT challenger_log_loss float8)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_compare(bytea, bytea, leadframe) IS
'two models on the same rows: AUC of both, the difference with its interval, log loss of both';

-- the same by name
CREATE FUNCTION lead_score_frame(model text, frame leadframe,
	OUT score float8, OUT positives bigint, OUT negatives bigint)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT * FROM lead_score_frame(lead_model(model), frame);
END;
COMMENT ON FUNCTION lead_score_frame(text, leadframe) IS 'the scores of the rows in a frame, by the name of a model';

CREATE FUNCTION lead_evaluate_frame(model text, frame leadframe, threshold float8 DEFAULT 0.5)
RETURNS lead_evaluation
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_evaluate_frame(lead_model(model), frame, threshold);
COMMENT ON FUNCTION lead_evaluate_frame(text, leadframe, float8) IS 'how good a model is on the rows of a frame, by its name';

CREATE FUNCTION lead_compare(champion text, challenger text, frame leadframe,
	OUT n bigint, OUT positives bigint,
	OUT champion_auc float8, OUT challenger_auc float8,
	OUT delta float8, OUT std_error float8, OUT low float8, OUT high float8,
	OUT champion_log_loss float8, OUT challenger_log_loss float8)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT * FROM lead_compare(lead_model(champion), lead_model(challenger), frame);
END;
COMMENT ON FUNCTION lead_compare(text, text, leadframe) IS 'two models on the same rows, by their names';

CREATE TYPE lead_trained AS (
	model bytea,
	rows bigint,
	positives bigint,
	unknown bigint,
	fingerprint text,
	columns jsonb
);
COMMENT ON TYPE lead_trained IS 'a model and what is known of the rows it was trained on, as lead_training() finds it';

CREATE FUNCTION lead_training_finalfn(internal)
RETURNS lead_trained AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_facts_finalfn(internal)
RETURNS lead_trained AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE lead_training(label "any", features record, options jsonb) (
	SFUNC = lead_train_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_training_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_training("any", record, jsonb) IS
'lead_train() with the counts, the fingerprint of the rows and facts about the columns; the model is NULL where a fit can only fail';

CREATE AGGREGATE lead_training_columns(label "any", options jsonb, VARIADIC "any") (
	SFUNC = lead_train_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_training_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_training_columns("any", jsonb, VARIADIC "any") IS
'lead_train() with the counts, the fingerprint of the rows and facts about the columns; the model is NULL where a fit can only fail, by the columns';

CREATE AGGREGATE lead_facts(label "any", features record, options jsonb) (
	SFUNC = lead_train_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_facts_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_facts("any", record, jsonb) IS
'what lead_training() finds, without training';

CREATE AGGREGATE lead_facts_columns(label "any", options jsonb, VARIADIC "any") (
	SFUNC = lead_train_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_facts_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_facts_columns("any", jsonb, VARIADIC "any") IS
'what lead_training() finds, without training, by the columns';

----------------------------------------------------------------------------
-- A model's recipe
----------------------------------------------------------------------------

-- One change of a model at a time.  The lock goes with the transaction.
CREATE FUNCTION leadscore.lock(name text, wait boolean DEFAULT true)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR pg_try_advisory_xact_lock(hashtext('leadscore'), hashtext(name)) THEN
		RETURN true;
	END IF;
	IF wait THEN
		RAISE NOTICE 'model "%" is being changed by another session: waiting', name;
		PERFORM pg_advisory_xact_lock(hashtext('leadscore'), hashtext(name));
	END IF;
	RETURN wait;
END;
$$;
COMMENT ON FUNCTION leadscore.lock(text, boolean) IS
'lock a model until the transaction ends; false if another session has it and wait is false';

-- An error unless the text is one query that only reads.
CREATE FUNCTION leadscore.check_query(query text) RETURNS void
AS 'MODULE_PATHNAME', 'lead_check_query' LANGUAGE C STABLE STRICT;

-- An expression over a relation's columns, with every name qualified; the
-- relation's columns as s.…, and which of them it needs.
CREATE FUNCTION leadscore.resolve_expression(relation regclass, written text,
	OUT expression text, OUT type regtype, OUT columns text[])
AS 'MODULE_PATHNAME', 'lead_resolve_expression' LANGUAGE C STABLE STRICT;

-- The relation of this name under the caller's search_path; NULL if there is
-- none, or if the text is no name.
CREATE FUNCTION leadscore.relation_named(written text)
RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
BEGIN
	RETURN pg_catalog.to_regclass(written);
EXCEPTION WHEN syntax_error OR invalid_name OR feature_not_supported THEN
	RETURN NULL;
END;
$$;

-- What to write for a relation whose name was given without the quotes that it
-- needs, also behind a schema; NULL if there is none.
CREATE FUNCTION leadscore.quoted_relation(written text)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	dot pg_catalog.int4 := pg_catalog.strpos(written, '.');
	tried pg_catalog.text;
BEGIN
	FOREACH tried IN ARRAY ARRAY[pg_catalog.quote_ident(written), pg_catalog.concat(
		pg_catalog.quote_ident(pg_catalog.substr(written, 1, GREATEST(dot OPERATOR(pg_catalog.-) 1, 0))), '.',
		pg_catalog.quote_ident(pg_catalog.substr(written, dot OPERATOR(pg_catalog.+) 1)))]
	LOOP
		IF leadscore.relation_named(tried) IS NOT NULL THEN
			RETURN tried;
		END IF;
	END LOOP;
	RETURN NULL;
END;
$$;

-- A view's query that means the same under any search_path and DateStyle.
CREATE FUNCTION leadscore.view_query(view regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = '' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres'
AS $$ SELECT rtrim(pg_get_viewdef(view), E' ;\n') $$;

-- What stands after FROM for a source, and a relation that has its columns: the
-- source itself, or a temporary view of a query, which the caller drops.
CREATE FUNCTION leadscore.resolve_source(written text,
	OUT relation regclass, OUT source text, OUT is_query boolean)
LANGUAGE plpgsql
AS $$
DECLARE
	quoted pg_catalog.text;
BEGIN
	relation := leadscore.relation_named(written);
	is_query := relation IS NULL;
	IF NOT is_query THEN
		source := leadscore.relation_name(relation);
		RETURN;
	END IF;
	IF written OPERATOR(pg_catalog.!~*) '^[\s(]*(select|with|values|table|/\*|--)' THEN
		quoted := leadscore.quoted_relation(written);
		RAISE EXCEPTION 'source "%" does not exist', written
			USING ERRCODE = 'undefined_table', HINT = CASE WHEN quoted IS NULL THEN 'Name a table or view, or write one SELECT.'
				ELSE pg_catalog.format('A source is SQL, which reads this name only in double quotes: write %L.', quoted) END;
	END IF;
	PERFORM leadscore.check_query(written);
	EXECUTE pg_catalog.concat('CREATE TEMPORARY VIEW "leadscore source" AS ', written);
	relation := 'pg_temp."leadscore source"';
	source := pg_catalog.concat('(', leadscore.view_query(relation), ')');
END;
$$;

CREATE FUNCTION leadscore.relation_name(relation regclass)
RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
BEGIN
	SELECT r.relname, r.relkind, r.relpersistence, n.nspname INTO c
	FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace
	WHERE r.oid = relation;
	IF c.relkind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE EXCEPTION '"%" is no table or view', c.relname USING ERRCODE = 'wrong_object_type';
	END IF;
	RETURN format('%I.%I', CASE WHEN c.relpersistence = 't' THEN 'pg_temp' ELSE c.nspname END, c.relname);
END;
$$;

-- The columns of a relation as [{"name": …, "type": …}, …].
CREATE FUNCTION leadscore.columns_of(relation regclass)
RETURNS jsonb
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, NULL))
		ORDER BY attnum), '[]')
	FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;

-- Does one unique index see to it that the column has no value twice?
CREATE FUNCTION leadscore.is_unique(relation regclass, "column" text)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
			AND i.indpred IS NULL AND a.attname = "column")
$$;

CREATE FUNCTION leadscore.primary_key(relation regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.attname::text FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1
$$;

-- An error unless all keys of an object are among those known.
CREATE FUNCTION leadscore.check_keys(what text, given jsonb, known text[])
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bad text;
BEGIN
	IF given IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(given) <> 'object' THEN
		RAISE EXCEPTION '% must be a JSON object', what USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Its keys are: %s.', array_to_string(known, ', '));
	END IF;
	SELECT min(k) INTO bad FROM jsonb_object_keys(given) AS k WHERE k <> ALL (known);
	IF bad IS NOT NULL THEN
		RAISE EXCEPTION 'unknown key "%" in %', bad, what USING ERRCODE = 'invalid_parameter_value',
			HINT = format('The keys are: %s.', array_to_string(known, ', '));
	END IF;
END;
$$;

-- A number of an object, or NULL; an error if it is no number from low to high.
CREATE FUNCTION leadscore.number_of(what text, given jsonb, key text, low float8, high float8)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	x float8;
BEGIN
	IF NOT coalesce(given ? key, false) THEN
		RETURN NULL;
	END IF;
	IF jsonb_typeof(given->key) = 'number' THEN
		x := (given->>key)::float8;
	END IF;
	IF x IS NULL OR x < low OR x > high THEN
		RAISE EXCEPTION 'invalid value for "%" in %', key, what USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('It must be a number from %s to %s.', low, high);
	END IF;
	RETURN x;
END;
$$;

-- An error unless the source has all of these columns.
CREATE FUNCTION leadscore.check_columns(what text, wanted text[], columns jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lacking text;
BEGIN
	SELECT w INTO lacking FROM unnest(wanted) WITH ORDINALITY AS u(w, i)
	WHERE NOT columns @> jsonb_build_array(jsonb_build_object('name', w)) ORDER BY i LIMIT 1;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION 'the source has no column "%"', lacking
			USING ERRCODE = 'undefined_column', DETAIL = format('It is named as %s.', what),
				HINT = format('Its columns are: %s.',
					(SELECT string_agg(c->>'name', ', ') FROM jsonb_array_elements(columns) AS c));
	END IF;
END;
$$;

-- An error unless these are options of encoding and fit.
CREATE FUNCTION leadscore.check_options(options jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'lead_check_options' LANGUAGE C IMMUTABLE STRICT;

-- A gate, checked.  A key that is null is one that is not there.
CREATE FUNCTION leadscore.check_gate(gate jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k text;
BEGIN
	PERFORM leadscore.check_keys('gate', gate, '{min_auc,min_precision,min_recall,max_log_loss,threshold,
		margin,log_loss_ratio,min_rows,min_positives,promote,too_few}');
	gate := jsonb_strip_nulls(gate);
	FOREACH k IN ARRAY '{min_auc,min_precision,min_recall,threshold,margin}'::text[] LOOP
		PERFORM leadscore.number_of('gate', gate, k, 0, 1);
	END LOOP;
	PERFORM leadscore.number_of('gate', gate, 'max_log_loss', 0, 1e9);
	PERFORM leadscore.number_of('gate', gate, 'log_loss_ratio', 0.1, 10);
	PERFORM leadscore.number_of('gate', gate, 'min_rows', 0, 1e15);
	PERFORM leadscore.number_of('gate', gate, 'min_positives', 0, 1e15);
	IF gate ? 'promote' AND gate->>'promote' NOT IN ('passed', 'always', 'never') THEN
		RAISE EXCEPTION 'invalid value for "promote" in gate' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "passed", "always" or "never".';
	END IF;
	IF gate ? 'too_few' AND gate->>'too_few' NOT IN ('keep', 'promote') THEN
		RAISE EXCEPTION 'invalid value for "too_few" in gate' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "keep" or "promote".';
	END IF;
END;
$$;

-- The type behind a domain, and behind domains over domains.
CREATE FUNCTION leadscore.base_type(type regtype)
RETURNS regtype
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE b AS (
		SELECT type::oid AS oid
		UNION ALL
		SELECT t.typbasetype FROM b JOIN pg_type AS t USING (oid) WHERE t.typtype = 'd'
	)
	SELECT b.oid::regtype FROM b JOIN pg_type AS t USING (oid) WHERE t.typtype <> 'd'
$$;

-- An error unless the column's order is that of time: texts are sorted by letters.
CREATE FUNCTION leadscore.check_time_column(relation regclass, "column" text)
RETURNS void
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type regtype := (SELECT atttypid FROM pg_attribute WHERE attrelid = relation AND attname = "column" AND NOT attisdropped);
BEGIN
	IF leadscore.base_type(type) NOT IN ('date', 'timestamp', 'timestamptz', 'smallint', 'integer', 'bigint',
		'numeric', 'real', 'double precision') THEN
		RAISE EXCEPTION 'the time column "%" is of type %, not a date or timestamp', "column", type
			USING ERRCODE = 'datatype_mismatch', DETAIL = 'The latest rows are held out by its order; a number that grows with time will do, too.',
				HINT = 'Cast it in the source: a SELECT, or a view.';
	END IF;
END;
$$;

-- A hold-out, complete: {by, column, share, seed}.
CREATE FUNCTION leadscore.make_holdout(holdout jsonb, relation regclass, columns jsonb, key text, time_column text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	way text := holdout->>'by';
	col text := holdout->>'column';
	type text;
BEGIN
	PERFORM leadscore.check_keys('holdout', holdout, '{by,column,share,seed}');
	PERFORM leadscore.number_of('holdout', holdout, 'share', 0.01, 0.9);
	PERFORM leadscore.number_of('holdout', holdout, 'seed', -9e15, 9e15);
	IF (holdout->>'seed')::numeric <> round((holdout->>'seed')::numeric) THEN
		RAISE EXCEPTION 'invalid value for "seed" in holdout' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be an integer.';
	END IF;
	way := coalesce(way, CASE WHEN col IS NOT NULL THEN 'column' WHEN time_column IS NOT NULL THEN 'time' ELSE 'key' END);
	col := CASE way WHEN 'key' THEN coalesce(col, key) WHEN 'time' THEN coalesce(col, time_column) ELSE col END;
	IF way NOT IN ('key', 'time', 'group', 'column', 'none') THEN
		RAISE EXCEPTION 'invalid value for "by" in holdout' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "key", "time", "group", "column" or "none".';
	END IF;
	IF way = 'none' THEN
		RETURN '{"by": "none"}';
	END IF;
	IF col IS NULL THEN
		RAISE EXCEPTION 'which rows are to be held out?' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = CASE way WHEN 'key' THEN 'There is no key column whose hash could tell, and no time column.'
				ELSE format('Hold-out by %s needs a column.', way) END,
			HINT = CASE way WHEN 'key' THEN 'Name the column that identifies a lead, key => ''lead_id'', or do without: holdout => ''{"by": "none"}''.'
				ELSE format('Write {"by": "%s", "column": …}.', way) END;
	END IF;
	PERFORM leadscore.check_columns('column of the hold-out', ARRAY[col], columns);
	IF way = 'time' THEN
		PERFORM leadscore.check_time_column(relation, col);
	END IF;
	SELECT c->>'type' INTO type FROM jsonb_array_elements(columns) AS c WHERE c->>'name' = col;
	IF way = 'column' AND type <> 'boolean' THEN
		RAISE EXCEPTION 'column "%" has type %, not boolean', col, type USING ERRCODE = 'datatype_mismatch',
			HINT = 'A hold-out by column takes the rows where it is true.';
	END IF;
	RETURN jsonb_build_object('by', way, 'column', col) || CASE way WHEN 'column' THEN '{}'
		WHEN 'time' THEN jsonb_build_object('share', coalesce((holdout->>'share')::numeric, 0.2))
		ELSE jsonb_build_object('share', coalesce((holdout->>'share')::numeric, 0.2),
			'seed', coalesce((holdout->>'seed')::numeric::bigint, 0)) END;
END;
$$;

-- Strings of an option that may be one string or an array of them.
CREATE FUNCTION leadscore.names_of(given jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE jsonb_typeof(given) WHEN 'string' THEN ARRAY[given #>> '{}']
		WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(given)) ELSE '{}' END
$$;

-- The recipe of a training, from what was asked for and what it resolved to.
CREATE FUNCTION leadscore.make_spec(relation regclass, source text, is_query boolean,
	label text, label_type regtype, label_columns text[], written jsonb, features text[], exclude text[], key text, time_column text, options jsonb,
	holdout jsonb, gate jsonb, refit boolean)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns jsonb := leadscore.columns_of(relation);
	options jsonb := coalesce(make_spec.options, '{}');
	key text := coalesce(make_spec.key, leadscore.primary_key(relation));
	roles text[];
	unwanted text[];
	derived text[];
	chosen text[];
	spec jsonb;
BEGIN
	IF leadscore.base_type(label_type) NOT IN ('boolean', 'smallint', 'integer', 'bigint') THEN
		RAISE EXCEPTION 'the label must be boolean or integer, not %', label_type USING ERRCODE = 'datatype_mismatch',
			HINT = 'Write a condition that is true for a converted lead.';
	END IF;
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF options ? 'names' THEN
		RAISE EXCEPTION 'option "names" does not act here' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Choose columns with features => or exclude =>.';
	END IF;
	PERFORM leadscore.check_options(options);
	PERFORM leadscore.check_gate(gate);
	PERFORM leadscore.check_columns('feature', features, columns);
	PERFORM leadscore.check_columns('column to exclude', exclude || leadscore.names_of(options->'exclude'), columns);
	PERFORM leadscore.check_columns('key', ARRAY[key], columns) WHERE key IS NOT NULL;
	PERFORM leadscore.check_columns('time column', ARRAY[time_column], columns) WHERE time_column IS NOT NULL;
	PERFORM leadscore.check_time_column(relation, time_column);
	holdout := leadscore.make_holdout(holdout, relation, columns, key, time_column);

	roles := ARRAY(SELECT options->>r FROM unnest('{weight,offset,group,time}'::text[]) AS r WHERE options ? r);
	unwanted := array_remove(exclude || leadscore.names_of(options->'exclude') || key
		|| CASE WHEN holdout->>'by' = 'column' THEN holdout->>'column' END
		|| CASE WHEN NOT coalesce(options->'columns' ? time_column, false) THEN time_column END, NULL);
	IF features IS NULL THEN
		-- what the label is computed from knows the label
		SELECT array_agg(l) INTO derived FROM unnest(label_columns) AS l
		WHERE l <> ALL (unwanted) AND l <> ALL (roles) AND NOT coalesce(options->'columns' ? l, false);
		IF derived IS NOT NULL AND label <> format('s.%I', derived[1]) THEN
			RAISE NOTICE 'left out %: the label is computed from %',
				CASE WHEN cardinality(derived) = 1 THEN 'column ' ELSE 'columns ' END
				|| (SELECT string_agg('"' || d || '"', ', ') FROM unnest(derived) AS d),
				CASE WHEN cardinality(derived) = 1 THEN 'it' ELSE 'them' END;
		END IF;
		unwanted := unwanted || derived;
	END IF;
	chosen := ARRAY(SELECT c->>'name' FROM jsonb_array_elements(columns) WITH ORDINALITY AS e(c, i)
		WHERE c->>'name' = ANY (roles)
			OR CASE WHEN features IS NULL THEN c->>'name' <> ALL (unwanted)
				ELSE c->>'name' = ANY (features) AND c->>'name' <> ALL (coalesce(exclude, '{}')) END
		ORDER BY i);
	IF cardinality(chosen) = 0 THEN
		RAISE EXCEPTION 'no column is left to learn from' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	spec := jsonb_build_object(
		'written', written,
		'source', source,
		'scan', CASE WHEN is_query OR (SELECT relkind = 'v' FROM pg_class WHERE oid = relation)
			THEN 'query' ELSE 'table' END,
		'columns', columns,
		'label', label,
		'label_columns', to_jsonb(label_columns),
		'features', to_jsonb(chosen),
		'key', key,
		'key_unique', key IS NOT NULL AND leadscore.is_unique(relation, key),
		'time', time_column,
		-- what is meant today must not depend on the session of tomorrow
		'options', options - 'exclude' || jsonb_build_object('timezone',
			coalesce(options->>'timezone', current_setting('TimeZone'))),
		'holdout', holdout,
		'gate', coalesce(jsonb_strip_nulls(gate), '{}'),
		'refit', coalesce(refit, false));
	PERFORM leadscore.held_out(spec);	-- an error now rather than in the run
	RETURN spec;
END;
$$;

-- What the session of the training had set, to be set again.
CREATE FUNCTION leadscore.current_settings()
RETURNS jsonb
LANGUAGE sql STABLE
RETURN pg_catalog.jsonb_build_object('search_path', pg_catalog.current_setting('search_path'),
	'TimeZone', pg_catalog.current_setting('TimeZone'),
	'DateStyle', pg_catalog.current_setting('DateStyle'),
	'IntervalStyle', pg_catalog.current_setting('IntervalStyle'));

----------------------------------------------------------------------------
-- The one query of a training
----------------------------------------------------------------------------

-- A column of the source, s.…, as what lead_fold() takes.
CREATE FUNCTION leadscore.fold_argument(spec jsonb, "column" text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text;
BEGIN
	SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = "column";
	IF type IN ('smallint', 'integer', 'bigint') THEN
		RETURN format('s.%I::pg_catalog.int8', "column");
	ELSIF type IN ('uuid', 'date') THEN
		RETURN format('s.%I', "column");
	ELSIF type IN ('real', 'double precision', 'timestamp without time zone', 'timestamp with time zone', 'interval',
		'json', 'jsonb', 'bytea') THEN
		RAISE EXCEPTION 'column "%" of type % cannot tell which rows are held out', "column", type
			USING ERRCODE = 'datatype_mismatch', HINT = 'Take a number, text, uuid or date.';
	END IF;
	RETURN format('s.%I::pg_catalog.text', "column");
END;
$$;

-- Is a row of s held out?  A cut by time is the one given, or else c.cut.
CREATE FUNCTION leadscore.held_out(spec jsonb, cut text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	h jsonb := spec->'holdout';
	col text := h->>'column';
	share numeric := (h->>'share')::numeric;
	parts integer := CASE WHEN 1 / share = round(1 / share) THEN round(1 / share) ELSE 1000 END;
	seed bigint := h->>'seed';
	type text;
BEGIN
	CASE h->>'by'
		WHEN 'none' THEN
			RETURN 'false';
		WHEN 'column' THEN
			RETURN format('COALESCE(s.%I, false)', col);
		WHEN 'time' THEN
			SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = col;
			RETURN format('COALESCE(s.%I OPERATOR(pg_catalog.>) %s, false)', col,
				CASE WHEN cut IS NULL THEN 'c.cut' ELSE format('%L::%s', cut, type) END);
		ELSE
			-- a fifth is fold 0 of 5, as one would write it by hand
			RETURN format('COALESCE(@extschema@.lead_fold(%s, %s, %s) OPERATOR(pg_catalog.<) %s, false)',
				leadscore.fold_argument(spec, col), parts, seed, greatest(1, round(share * parts)));
	END CASE;
END;
$$;

-- Those of a spec's options that act when a frame is built, for the rows that
-- judge: without weights, for rows count as rows there.
CREATE FUNCTION leadscore.frame_options(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('max_distinct', 10000000, 'timezone', spec #> '{options,timezone}',
			'offset', spec #> '{options,offset}'))
		|| coalesce((SELECT jsonb_build_object('columns', jsonb_object_agg(key, jsonb_build_object('parts', value->'parts')))
			FROM jsonb_each(spec #> '{options,columns}') WHERE value ? 'parts' HAVING count(*) > 0), '{}')
$$;

-- Columns that a spec's model is scored with.
CREATE FUNCTION leadscore.scored_columns(spec jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(SELECT f FROM jsonb_array_elements_text(spec->'features') WITH ORDINALITY AS e(f, i)
		WHERE f IS DISTINCT FROM spec #>> '{options,weight}' AND f IS DISTINCT FROM spec #>> '{options,group}'
			AND f IS DISTINCT FROM spec #>> '{options,time}'
		ORDER BY i)
$$;

-- Rows that a champion has not been trained on.  NULL where it has seen all, or
-- cannot be scored because the columns of the source lack some of its own.
CREATE FUNCTION leadscore.not_seen(champion jsonb, columns jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN EXISTS (SELECT FROM unnest(leadscore.scored_columns(champion)) AS c
			WHERE NOT columns @> jsonb_build_array(jsonb_build_object('name', c))) THEN NULL
		-- its rows are told by a column of this name and type
		WHEN NOT columns @> (SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(champion->'columns') AS c
			WHERE c->>'name' = champion #>> '{holdout,column}') THEN NULL
		WHEN champion #>> '{holdout,by}' = 'none' THEN NULL
		WHEN champion #>> '{holdout,by}' <> 'time' THEN
			CASE WHEN NOT (champion->>'refit')::boolean THEN leadscore.held_out(champion) END
		WHEN (champion->>'refit')::boolean THEN
			CASE WHEN champion #>> '{holdout,seen}' IS NOT NULL THEN leadscore.held_out(champion, champion #>> '{holdout,seen}') END
		WHEN champion #>> '{holdout,cut}' IS NOT NULL THEN leadscore.held_out(champion, champion #>> '{holdout,cut}') END
$$;

-- An aggregate over columns of s, or over a row where they are too many.
CREATE FUNCTION leadscore.aggregate(function text, names text[], options jsonb, filter text, alias text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN cardinality(names) <= 97 THEN
		format('@extschema@.%I(t.label, %L::pg_catalog.jsonb, %s) FILTER (WHERE %s) AS %I', function || '_columns',
			options || jsonb_build_object('names', to_jsonb(names)),
			(SELECT string_agg(format('s.%I', n), ', ' ORDER BY i) FROM unnest(names) WITH ORDINALITY AS u(n, i)),
			filter, alias)
	ELSE
		format('@extschema@.%I(t.label, (SELECT r FROM (SELECT %s) AS r), %L::pg_catalog.jsonb) FILTER (WHERE %s) AS %I', function,
			(SELECT string_agg(format('s.%1$I AS %1$I', n), ', ' ORDER BY i) FROM unnest(names) WITH ORDINALITY AS u(n, i)),
			options, filter, alias)
	END
$$;

-- The source in one scan: the model and what is known of its rows (`training`,
-- and `refitted` on all), the rows held out as a frame (`holdout`) and those
-- of them that the champion has not seen either (`common`, where these are
-- others), and counts.  With fit false the same without a model.
CREATE FUNCTION leadscore.training_query(spec jsonb, champion jsonb DEFAULT NULL, fit boolean DEFAULT true)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text[] := ARRAY(SELECT jsonb_array_elements_text(spec->'features'));
	options jsonb := spec->'options';
	source text := spec->>'source';
	held text := leadscore.held_out(spec);
	unseen text := leadscore.not_seen(champion, spec->'columns');
	scored text[] := leadscore.scored_columns(spec);
	frame_options jsonb := leadscore.frame_options(spec);
	"time" text := spec->>'time';
	type text;
	extra text[];
	prefix text := '';
	"from" text;
BEGIN
	SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = "time";
	IF unseen IS NOT NULL THEN
		-- the champion must find its columns, too
		extra := ARRAY(SELECT x FROM unnest(leadscore.scored_columns(champion)) AS x
			WHERE x <> ALL (scored));
		scored := scored || extra;
		frame_options := leadscore.frame_options(champion) || frame_options
			|| coalesce((SELECT jsonb_build_object('columns', jsonb_object_agg(c, jsonb_build_object('parts', parts)))
				FROM (SELECT c, jsonb_agg(DISTINCT p) AS parts
					FROM unnest(ARRAY[leadscore.frame_options(champion), leadscore.frame_options(spec)]) AS o,
						jsonb_each(o->'columns') AS e(c, v), jsonb_array_elements(
							CASE jsonb_typeof(v->'parts') WHEN 'array' THEN v->'parts' ELSE jsonb_build_array(v->'parts') END) AS p
					WHERE c = ANY (scored) GROUP BY c) AS u HAVING count(*) > 0), '{}');
	END IF;
	IF (spec #>> '{holdout,by}') = 'time' THEN
		-- what is computed is computed once; a table is read again for its times
		IF spec->>'scan' = 'query' THEN
			prefix := format('WITH "leadscore source" AS MATERIALIZED (SELECT * FROM %s AS s) ', source);
			source := '"leadscore source"';
		END IF;
		"from" := format(' CROSS JOIN (SELECT pg_catalog.percentile_disc(%s) WITHIN GROUP (ORDER BY s.%I) AS cut FROM %s AS s'
			' WHERE (%s) IS NOT NULL) AS c', 1 - (spec #>> '{holdout,share}')::numeric, spec #>> '{holdout,column}',
			source, spec->>'label');
	END IF;
	RETURN prefix || 'SELECT '
		|| leadscore.aggregate(CASE WHEN fit THEN 'lead_training' ELSE 'lead_facts' END, names, options, 'NOT t.held', 'training')
		|| ', ' || CASE WHEN fit AND (spec->>'refit')::boolean
			THEN leadscore.aggregate('lead_training', names, options, 'true', 'refitted')
			ELSE 'NULL::@extschema@.lead_trained AS refitted' END
		|| ', ' || CASE WHEN fit AND held <> 'false'
			THEN leadscore.aggregate('lead_frame', scored, frame_options, 't.held', 'holdout')
			ELSE 'NULL::@extschema@.leadframe AS holdout' END
		|| ', ' || CASE WHEN fit AND held <> 'false' AND unseen IS NOT NULL AND unseen <> held
			THEN leadscore.aggregate('lead_frame', scored, frame_options, 't.held AND ' || unseen, 'common')
			ELSE 'NULL::@extschema@.leadframe AS common' END
		|| ', pg_catalog.count(*) AS total, pg_catalog.count(t.label) AS labelled'
		|| ', pg_catalog.count(t.label) FILTER (WHERE t.held) AS held_out'
		|| CASE WHEN type IN ('date', 'timestamp without time zone', 'timestamp with time zone')
			THEN format(', pg_catalog.min(s.%1$I) FILTER (WHERE t.label IS NOT NULL)::pg_catalog.timestamptz AS data_from'
				', pg_catalog.max(s.%1$I) FILTER (WHERE t.label IS NOT NULL)::pg_catalog.timestamptz AS data_to', "time")
			ELSE ', NULL::pg_catalog.timestamptz AS data_from, NULL::pg_catalog.timestamptz AS data_to' END
		|| CASE WHEN (spec #>> '{holdout,by}') = 'time'
			THEN format(', pg_catalog.to_jsonb(pg_catalog.min(c.cut)) AS cut'
				', pg_catalog.to_jsonb(pg_catalog.max(s.%I) FILTER (WHERE t.label IS NOT NULL)) AS seen', spec #>> '{holdout,column}')
			ELSE ', NULL::pg_catalog.jsonb AS cut, NULL::pg_catalog.jsonb AS seen' END
		|| CASE WHEN spec->>'key' IS NOT NULL AND NOT (spec->>'key_unique')::boolean
			THEN format(', pg_catalog.count(s.%1$I) OPERATOR(pg_catalog.-) pg_catalog.count(DISTINCT s.%1$I) AS duplicates', spec->>'key')
			ELSE ', 0::pg_catalog.int8 AS duplicates' END
		|| format(' FROM %s AS s', source) || coalesce("from", '')
		|| format(' CROSS JOIN LATERAL (SELECT (%s) AS label, %s AS held) AS t', spec->>'label', held);
END;
$$;
COMMENT ON FUNCTION leadscore.training_query(jsonb, jsonb, boolean) IS
'the query that trains by a recipe: one scan of the source';

----------------------------------------------------------------------------
-- Checks before a training
----------------------------------------------------------------------------

-- What is wrong with the rows, or remarkable.  columns are facts as
-- lead_training() finds them, before those of the last version or NULL.
CREATE FUNCTION leadscore.judge_rows(spec jsonb, columns jsonb, before jsonb,
	rows bigint, positives bigint, unknown bigint, duplicates bigint, held_out bigint,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	min_rows bigint := coalesce((spec #>> '{gate,min_rows}')::bigint, 50);
	min_positives bigint := coalesce((spec #>> '{gate,min_positives}')::bigint, 10);
	allowed text[] := leadscore.names_of(spec #> '{options,allow}');
BEGIN
	severity := 'error';
	"check" := 'rows';
	IF rows < min_rows THEN
		detail := format('%s labelled rows to train on, at least %s are demanded', rows, min_rows);
		RETURN NEXT;
	END IF;
	"check" := 'outcomes';
	IF least(positives, rows - positives) < min_positives THEN
		detail := format('%s labels are true and %s false, at least %s of each are demanded',
			positives, rows - positives, min_positives);
		RETURN NEXT;
	END IF;

	-- leaks: each column once, for the strongest reason
	RETURN QUERY
	SELECT 'leak', 'error', f->>'column', CASE
		WHEN f->>'left_out' = 'determines the label' THEN concat('it alone determines the label: ', f->>'detail')
		WHEN (f->>'filled_false')::bigint = 0 AND (f->>'nulls')::bigint > 0
			THEN format('it is filled in %s times, and only where the label is true', f->>'filled_true')
		ELSE format('it alone has an AUC of %s', round((f->>'auc')::numeric, 4)) END
	FROM jsonb_array_elements(columns) AS f
	WHERE positives BETWEEN 1 AND rows - 1 AND f->>'source' <> ALL (allowed) AND f->>'column' <> ALL (allowed)
		AND (f->>'left_out' = 'determines the label' OR (f->>'auc')::float8 > 0.99
			OR (f->>'filled_false')::bigint = 0 AND (f->>'filled_true')::bigint >= 20 AND (f->>'nulls')::bigint > 0);

	severity := 'warning';
	"check" := 'hold-out';
	IF spec #>> '{holdout,by}' <> 'none' AND held_out < 50 THEN
		detail := format('%s labelled rows are held out: too few to judge a model', held_out);
		RETURN NEXT;
	END IF;
	"check" := 'duplicates';
	IF duplicates > 0 THEN
		"column" := spec->>'key';
		detail := format('%s rows have a key that occurred before', duplicates);
		RETURN NEXT;
		"column" := NULL;
	END IF;
	RETURN QUERY
	SELECT CASE f->>'left_out' WHEN 'identifier' THEN 'identifier' ELSE 'values' END, 'warning', f->>'column',
		concat('left out: ', f->>'detail')
	FROM jsonb_array_elements(columns) AS f WHERE f->>'left_out' IN ('identifier', 'too many values');
	-- levels with twenty rows that came, or went
	RETURN QUERY
	SELECT 'new level', 'warning', n->>'column', format('"%s" in %s rows', l.key, l.value)
	FROM jsonb_array_elements(columns) AS n JOIN jsonb_array_elements(before) AS o ON o->>'column' = n->>'column',
		jsonb_each(n->'levels') AS l
	WHERE o ? 'levels' AND NOT o->'levels' ? l.key AND l.value::text::bigint >= 20;
	RETURN QUERY
	SELECT 'vanished level', 'warning', o->>'column', format('"%s", %s rows at the last version', l.key, l.value)
	FROM jsonb_array_elements(columns) AS n JOIN jsonb_array_elements(before) AS o ON o->>'column' = n->>'column',
		jsonb_each(o->'levels') AS l
	WHERE n ? 'levels' AND NOT n->'levels' ? l.key AND l.value::text::bigint >= 20;

	severity := 'info';
	"check" := 'unknown';
	IF unknown > 0 THEN
		detail := format('the outcome of %s rows is not known yet', unknown);
		RETURN NEXT;
	END IF;
	RETURN QUERY
	SELECT 'constant', 'info', f->>'column', concat('left out: ', f->>'detail')
	FROM jsonb_array_elements(columns) AS f WHERE f->>'left_out' = 'constant';
END;
$$;

-- What the fit found out about separation: as lead_info() has it, NULL where
-- there is none.  Columns that together determine the label are as sure a leak as
-- one that does alone; who chose what to do about it, or allows one, has seen it.
CREATE FUNCTION leadscore.judge_separation(options jsonb, separation jsonb,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'separation', CASE WHEN is_full AND NOT options ? 'separation' AND NOT allowed THEN 'error' ELSE 'warning' END,
		CASE cardinality(names) WHEN 1 THEN names[1] END,
		format(CASE WHEN is_full THEN 'the classes are completely separated by %s: together they determine the label'
			ELSE 'the classes are partly separated by %s: the model was fitted with %s' END,
			(SELECT string_agg(format('"%s"', n), ', ' ORDER BY i) FROM unnest(names[:5]) WITH ORDINALITY AS u(n, i))
				|| CASE WHEN cardinality(names) > 5 THEN format(' and %s more', cardinality(names) - 5) ELSE '' END,
			CASE separation->>'handled' WHEN 'firth' THEN 'Firth''s penalty' ELSE 'a ridge penalty of lambda = 1' END)
	FROM (SELECT (separation->>'full')::boolean AS is_full, leadscore.names_of(separation->'columns') AS names) AS f,
		-- "city=Oslo", "visits is null" and "created.hour=7" are of a column, too
		LATERAL (SELECT EXISTS (SELECT FROM unnest(leadscore.names_of(options->'allow')) AS a, unnest(names) AS n
			WHERE n = a OR left(n, length(a) + 1) IN (a || '=', a || ' ', a || '.')) AS allowed) AS l
	WHERE separation IS NOT NULL
$$;

-- Columns of the recipe against those the source has now.
CREATE FUNCTION leadscore.judge_columns(spec jsonb, now jsonb,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH needed AS (
		SELECT jsonb_array_elements_text((spec->'features') || (spec->'label_columns')
			|| jsonb_path_query_array(spec, '$.key ? (@ != null)') || jsonb_path_query_array(spec, '$.time ? (@ != null)')
			|| jsonb_path_query_array(spec, '$.holdout.column ? (@ != null)')) AS name
	), was AS (
		SELECT c->>'name' AS name, c->>'type' AS type FROM jsonb_array_elements(spec->'columns') AS c
	), is_now AS (
		SELECT c->>'name' AS name, c->>'type' AS type FROM jsonb_array_elements(now) AS c
	)
	SELECT 'column', 'error', was.name, concat('the source has lost it; its type was ', was.type)
	FROM was WHERE name IN (SELECT name FROM needed) AND name NOT IN (SELECT name FROM is_now)
	UNION ALL
	SELECT 'type', 'error', was.name, format('it has type %s, and had %s', is_now.type, was.type)
	FROM was JOIN is_now USING (name) WHERE name IN (SELECT name FROM needed) AND was.type <> is_now.type
	UNION ALL
	SELECT 'column', 'info', is_now.name, 'the source has it since; lead_train_model() can use it'
	FROM is_now WHERE name NOT IN (SELECT name FROM was)
$$;

----------------------------------------------------------------------------
-- A run, from its start to its end
----------------------------------------------------------------------------

CREATE TYPE lead_run AS (
	model text,
	version integer,
	status text,
	rows bigint,
	auc float8,
	log_loss float8,
	precision float8,
	recall float8,
	live boolean,
	verdict text,
	held_out bigint,
	error text,
	run_id uuid
);
COMMENT ON TYPE lead_run IS 'a training in one row';
COMMENT ON COLUMN lead_run.rows IS 'labelled rows trained on';
COMMENT ON COLUMN lead_run.auc IS 'on the rows held out, as are log_loss, precision and recall';
COMMENT ON COLUMN lead_run.live IS 'is this version the champion now?';
COMMENT ON COLUMN lead_run.verdict IS 'what the gate said';

-- A run as a row to read.
CREATE FUNCTION leadscore.run_row(run uuid)
RETURNS lead_run
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.model, v.version, r.status, r.rows, m.auc, m.log_loss, m.precision, m.recall,
		CASE WHEN v.version IS NOT NULL THEN EXISTS (SELECT FROM leadscore.aliases AS a
			WHERE a.name = v.name AND a.version = v.version AND a.alias = 'champion') ELSE false END,
		d.verdict, r.held_out, r.error, r.run_id
	FROM leadscore.runs AS r
		LEFT JOIN leadscore.versions AS v USING (run_id)
		LEFT JOIN leadscore.verdicts AS d USING (run_id)
		LEFT JOIN (SELECT run_id, max(value) FILTER (WHERE key = 'auc') AS auc,
				max(value) FILTER (WHERE key = 'log_loss') AS log_loss,
				max(value) FILTER (WHERE key = 'precision') AS precision,
				max(value) FILTER (WHERE key = 'recall') AS recall
			FROM leadscore.metrics WHERE run_id = run GROUP BY run_id) AS m USING (run_id)
	WHERE r.run_id = run
$$;

-- Parameters as MLflow has them: a key and a text, nested objects flattened.
CREATE FUNCTION leadscore.params_of(spec jsonb, OUT key text, OUT value text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT k, v #>> '{}' FROM jsonb_each(spec->'written') AS e(k, v) WHERE jsonb_typeof(v) <> 'null'
	UNION ALL
	SELECT k, spec->>k FROM unnest('{key,time,refit}'::text[]) AS k WHERE spec->>k IS NOT NULL
	UNION ALL
	SELECT 'features', (SELECT string_agg(f, ', ') FROM jsonb_array_elements_text(spec->'features') AS f)
	UNION ALL
	SELECT concat(part, '.', k), v #>> '{}' FROM unnest('{options,holdout,gate}'::text[]) AS part, jsonb_each(spec->part) AS e(k, v)
$$;

CREATE FUNCTION leadscore.start_run(name text, action text, spec jsonb, description text,
	experiment text, tags jsonb)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	drawer bigint;
	run uuid;
BEGIN
	PERFORM leadscore.lock(name);
	INSERT INTO leadscore.models AS m (name, last_version)
	SELECT start_run.name, coalesce(max(d.version), 0) FROM leadscore.deployments AS d WHERE d.name = start_run.name
	ON CONFLICT DO NOTHING;
	INSERT INTO leadscore.experiments AS e (name) VALUES (coalesce(experiment, name))
	ON CONFLICT ON CONSTRAINT experiments_name_key DO UPDATE SET updated_at = clock_timestamp()
	RETURNING e.experiment_id INTO drawer;
	INSERT INTO leadscore.runs AS r (experiment_id, model, action, status, spec, description, extension_version)
	VALUES (drawer, name, action, 'running', spec, description,
		(SELECT x.extversion FROM pg_extension AS x WHERE x.extname = 'leadscore'))
	RETURNING r.run_id INTO run;
	INSERT INTO leadscore.params SELECT run, p.key, p.value FROM leadscore.params_of(spec) AS p;
	IF tags IS NOT NULL THEN
		INSERT INTO leadscore.tags SELECT run, t.key, coalesce(t.value, '') FROM jsonb_each_text(tags) AS t;
	END IF;
	RETURN run;
END;
$$;

CREATE FUNCTION leadscore.put_checks(run uuid, spec jsonb, trained lead_trained, unknown bigint,
	duplicates bigint, held_out bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before jsonb := leadscore.last_columns((SELECT model FROM leadscore.runs WHERE run_id = run));
BEGIN
	INSERT INTO leadscore.checks
	WITH found AS (SELECT * FROM leadscore.judge_rows(spec, trained.columns, before, trained.rows, trained.positives, unknown,
		duplicates, held_out))
	SELECT run, (SELECT count(*) FROM leadscore.checks AS c WHERE c.run_id = run) + row_number() OVER (), j.*
	FROM (SELECT * FROM found
		UNION ALL
		SELECT * FROM leadscore.judge_separation(spec->'options', @extschema@.lead_info(trained.model)->'separation')
		WHERE NOT EXISTS (SELECT FROM found AS f WHERE f."check" = 'leak')) AS j;	-- which separates as well
END;
$$;

-- Numbers of an evaluation, or of an information document, as metrics.
CREATE FUNCTION leadscore.put_metrics(run uuid, prefix text, numbers jsonb, keys text[])
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.metrics (run_id, key, value)
	SELECT run, prefix || k, (numbers->>k)::float8 FROM unnest(keys) AS k WHERE jsonb_typeof(numbers->k) = 'number'
$$;

-- The gate.  numbers are those of lead_compare(), or NULL where there is no
-- champion, evaluation those of lead_evaluate_frame() or NULL.
CREATE FUNCTION leadscore.judge(gate jsonb, champion integer, compared jsonb, evaluation jsonb,
	OUT verdict text, OUT passed boolean, OUT failed text[])
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	margin float8 := coalesce((gate->>'margin')::float8, 0.01);
	ratio float8 := coalesce((gate->>'log_loss_ratio')::float8, 1.01);
	low float8 := (compared->>'low')::float8;
	high float8 := (compared->>'high')::float8;
BEGIN
	-- a threshold that can't be checked is not met
	failed := ARRAY(
		SELECT k FROM unnest('{auc,precision,recall}'::text[]) AS k
		WHERE gate ? ('min_' || k) AND NOT coalesce((evaluation->>k)::float8 >= (gate->>('min_' || k))::float8, false)
		UNION ALL
		SELECT 'log_loss' WHERE gate ? 'max_log_loss'
			AND NOT coalesce((evaluation->>'log_loss')::float8 <= (gate->>'max_log_loss')::float8, false));
	verdict := CASE
		WHEN cardinality(failed) > 0 THEN 'below threshold'
		WHEN champion IS NULL THEN 'first'
		WHEN low IS NULL THEN 'too few rows to tell'
		WHEN low > -margin AND NOT coalesce((compared->>'challenger_log_loss')::float8
			<= ratio * (compared->>'champion_log_loss')::float8, false) THEN 'worse'
		WHEN low > 0 THEN 'better'
		WHEN low > -margin THEN 'good enough'
		WHEN high < 0 THEN 'worse'
		ELSE 'too few rows to tell' END;
	passed := CASE coalesce(gate->>'promote', 'passed')
		WHEN 'always' THEN true
		WHEN 'never' THEN false
		ELSE verdict IN ('first', 'better', 'good enough')
			OR verdict = 'too few rows to tell' AND coalesce(gate->>'too_few', 'keep') = 'promote' END;
END;
$$;
COMMENT ON FUNCTION leadscore.judge(jsonb, integer, jsonb, jsonb) IS
'passes where the challenger''s AUC is at most margin (0.01) worse, for certain, and its log loss at most log_loss_ratio (1.01) times the champion''s';

-- A run that failed: recorded, and said.
CREATE FUNCTION leadscore.fail_run(run uuid, message text, detail text, hint text, state text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	name text;
BEGIN
	UPDATE leadscore.runs SET status = 'failed', ended_at = clock_timestamp(), sqlstate = state,
		error = concat_ws(E'\n', message, 'DETAIL:  ' || nullif(detail, ''), 'HINT:  ' || nullif(hint, ''))
	WHERE run_id = run RETURNING model INTO name;
	hint := coalesce(nullif(hint, ''), 'leadscore.runs has the record.');
	IF detail <> '' THEN
		RAISE WARNING 'training of model "%" failed: %', name, message USING DETAIL = detail, HINT = hint;
	ELSE
		RAISE WARNING 'training of model "%" failed: %', name, message USING HINT = hint;
	END IF;
END;
$$;

-- True unless the checks found an error, which then has failed the run.
CREATE FUNCTION leadscore.checks_passed(run uuid)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found record;
BEGIN
	SELECT count(*) AS n, string_agg(c.line, E'\n' ORDER BY c.i) FILTER (WHERE c.i <= 10) AS lines INTO found
	FROM (SELECT row_number() OVER (ORDER BY c.position) AS i, concat(CASE WHEN c."column" IS NULL THEN c."check"
			ELSE format('column "%s"', c."column") END, ': ', rtrim(c.detail, '.'), '.') AS line
		FROM leadscore.checks AS c WHERE c.run_id = run AND c.severity = 'error') AS c;
	IF found.n = 0 THEN
		RETURN true;
	END IF;
	PERFORM leadscore.fail_run(run, 'the checks found ' || CASE found.n WHEN 1 THEN 'an error' ELSE found.n || ' errors' END,
		found.lines, 'leadscore.checks has all. Exclude a column, insist with the option "allow", or see to the rows.', '22000');
	RETURN false;
END;
$$;

-- Before anything is read: has the source the columns that the recipe needs?
CREATE FUNCTION leadscore.source_fits(run uuid, spec jsonb)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation regclass := CASE WHEN left(spec->>'source', 1) <> '(' THEN to_regclass(spec->>'source') END;
BEGIN
	IF relation IS NOT NULL THEN
		INSERT INTO leadscore.checks
		SELECT run, row_number() OVER (), j.* FROM leadscore.judge_columns(spec, leadscore.columns_of(relation)) AS j;
	END IF;
	RETURN leadscore.checks_passed(run);
END;
$$;

-- A recipe with the columns that the source has now.
CREATE FUNCTION leadscore.with_columns(spec jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN left(spec->>'source', 1) = '(' THEN spec
	ELSE jsonb_set(spec, '{columns}', leadscore.columns_of((spec->>'source')::regclass)) END;

-- Point an alias to a version, or to none, and write it down.
CREATE FUNCTION leadscore.deploy(name text, alias text, version integer, action text, reason text,
	run uuid DEFAULT NULL, in_force bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	old integer;
	before bigint;
	id bigint;
BEGIN
	SELECT a.version INTO old FROM leadscore.aliases AS a WHERE a.name = name AND a.alias = alias;
	IF action = 'promote' THEN
		-- what a rollback brings back: the last one, or what that one brought back
		SELECT coalesce(d.in_force, d.deployment_id) INTO before FROM leadscore.deployments AS d
		WHERE d.name = name AND d.alias = alias ORDER BY d.deployment_id DESC LIMIT 1;
	END IF;
	IF version IS NULL THEN
		DELETE FROM leadscore.aliases AS a WHERE a.name = name AND a.alias = alias;
	ELSE
		INSERT INTO leadscore.aliases AS a (name, alias, version) VALUES (name, alias, version)
		ON CONFLICT ON CONSTRAINT aliases_pkey DO UPDATE SET version = excluded.version;
	END IF;
	INSERT INTO leadscore.deployments AS d (name, alias, version, action, replaced, in_force, before, reason, run_id)
	VALUES (name, alias, version, action, old, in_force, before, reason, run)
	RETURNING d.deployment_id INTO id;
	RETURN id;
END;
$$;

-- What became of the one query: the version, its quality, the gate.
CREATE FUNCTION leadscore.finish_run(run uuid, spec jsonb, trained lead_trained, refitted lead_trained,
	holdout leadframe, common leadframe, champion integer, champion_spec jsonb, cut jsonb, seen jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	name text;
	description text;
	number integer;
	published bytea := coalesce((refitted).model, (trained).model);
	info jsonb := @extschema@.lead_info((trained).model);
	evaluation jsonb;
	compared jsonb;
	unseen text := leadscore.not_seen(champion_spec, spec->'columns');
	obstacle text;
	found record;
	gate jsonb := spec->'gate';
BEGIN
	UPDATE leadscore.runs AS r SET cut = cut, seen = seen
	WHERE r.run_id = run RETURNING r.model, r.description INTO name, description;
	UPDATE leadscore.models AS m SET last_version = m.last_version + 1 WHERE m.name = name
	RETURNING m.last_version INTO number;
	INSERT INTO leadscore.versions (name, version, run_id, model, description)
	VALUES (name, number, run, published, description);
	IF holdout IS NOT NULL THEN
		INSERT INTO leadscore.holdouts VALUES (name, number, holdout);
		PERFORM leadscore.keep_score_quantiles(name, number, (trained).model, holdout);
		evaluation := to_jsonb(@extschema@.lead_evaluate_frame((trained).model, holdout, coalesce((gate->>'threshold')::float8, 0.5)));
	END IF;

	IF (evaluation->>'positives')::bigint IN (0, (evaluation->>'n')::bigint) AND (evaluation->>'n')::bigint > 0 THEN
		INSERT INTO leadscore.checks
		SELECT run, 1 + count(*), 'hold-out', 'warning', NULL,
			'the rows held out have one outcome only: there is no AUC, and nothing can be compared'
		FROM leadscore.checks AS c WHERE c.run_id = run;
	END IF;

	PERFORM leadscore.put_metrics(run, '', evaluation, '{auc,auc_low,auc_high,average_precision,log_loss,brier,ks,threshold,
		accuracy,precision,recall,specificity,f1}');
	PERFORM leadscore.put_metrics(run, 'train.', info, '{log_likelihood,deviance,aic,bic,mcfadden_r2,iterations,gradient_norm,condition_number}');
	INSERT INTO leadscore.metrics (run_id, key, step, value)
	SELECT run, 'train.loss', h.i, (h.v #>> '{}')::float8
	FROM jsonb_array_elements(info->'history') WITH ORDINALITY AS h(v, i) WHERE jsonb_typeof(h.v) = 'number';
	INSERT INTO leadscore.artifacts (run_id, path, body) VALUES
		(run, 'summary.txt', @extschema@.lead_summary(published)),
		(run, 'columns.json', jsonb_pretty((trained).columns));

	IF champion IS NOT NULL AND holdout IS NOT NULL THEN
		IF unseen IS NULL THEN
			obstacle := 'It has seen all rows, or the source lacks columns that it needs.';
		ELSIF unseen <> leadscore.held_out(spec) AND common IS NULL THEN
			obstacle := 'It has seen all rows that are held out now.';
		ELSE
			BEGIN
				compared := to_jsonb(@extschema@.lead_compare(
					(SELECT v.model FROM leadscore.versions AS v WHERE v.name = name AND v.version = champion),
					(trained).model, coalesce(common, holdout)));
			EXCEPTION WHEN undefined_column OR datatype_mismatch THEN
				obstacle := upper(left(SQLERRM, 1)) || substr(SQLERRM, 2) || '.';
			END;
		END IF;
		IF obstacle IS NOT NULL THEN
			RAISE WARNING 'version % of model "%" cannot be compared with the champion, version %', number, name, champion
				USING DETAIL = obstacle, HINT = format('lead_promote(%L, %s) makes it live without a gate.', name, number);
		END IF;
	END IF;
	SELECT * INTO found FROM leadscore.judge(gate, champion, compared, evaluation);
	INSERT INTO leadscore.verdicts (run_id, verdict, passed, champion_version, numbers)
	VALUES (run, found.verdict, found.passed, champion, jsonb_strip_nulls(jsonb_build_object('gate', gate, 'compared', compared,
		'not_compared', obstacle, 'evaluation', evaluation, 'below', to_jsonb(found.failed))));
	IF found.passed THEN
		PERFORM leadscore.deploy(name, 'champion', number, 'promote', 'the gate: ' || found.verdict, run);
	END IF;
	UPDATE leadscore.runs AS r SET status = 'finished', ended_at = clock_timestamp() WHERE r.run_id = run;
END;
$$;

-- A training by its recipe.  Leaves search_path alone, because the source and
-- the label may call functions that need it.
CREATE FUNCTION leadscore.train(name text, action text, spec jsonb, description text, experiment text, tags jsonb)
RETURNS lead_run
LANGUAGE plpgsql
AS $$
DECLARE
	run pg_catalog.uuid := leadscore.start_run(name, action, spec, description, experiment, tags);
	champion integer;
	champion_spec pg_catalog.jsonb;
	data record;
	here pg_catalog.jsonb := leadscore.current_settings();
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	state pg_catalog.text;
BEGIN
	SELECT c.version, c.spec INTO champion, champion_spec FROM leadscore.champion(name) AS c;
	BEGIN
		IF leadscore.source_fits(run, spec) THEN
			spec := leadscore.with_columns(spec);
			PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
			EXECUTE leadscore.training_query(spec, champion_spec) INTO data;
			PERFORM leadscore.set_settings(here);
			PERFORM leadscore.record_data(run, data.training, data.total, data.labelled, data.held_out, data.data_from, data.data_to);
			PERFORM leadscore.put_checks(run, spec, data.training, data.total OPERATOR(pg_catalog.-) data.labelled,
				data.duplicates, data.held_out);
			IF leadscore.checks_passed(run) THEN
				PERFORM leadscore.finish_run(run, spec, data.training, data.refitted, data.holdout, data.common,
					champion, champion_spec, data.cut, data.seen);
			END IF;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
			state = RETURNED_SQLSTATE;
		PERFORM leadscore.fail_run(run, message, detail, hint, state);
	END;
	RETURN leadscore.run_row(run);
END;
$$;
COMMENT ON FUNCTION leadscore.train(text, text, jsonb, text, text, jsonb) IS 'a training by its recipe, from the lock to the gate';

CREATE FUNCTION leadscore.champion(name text, OUT version integer, OUT spec jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.version, jsonb_set(r.spec, '{holdout}', r.spec->'holdout' || jsonb_build_object('cut', r.cut, 'seen', r.seen))
	FROM leadscore.aliases AS a JOIN leadscore.versions AS v USING (name, version) JOIN leadscore.runs AS r USING (run_id)
	WHERE a.name = $1 AND a.alias = 'champion'
$$;

CREATE FUNCTION leadscore.record_data(run uuid, trained lead_trained, total bigint, labelled bigint, held_out bigint,
	data_from timestamptz, data_to timestamptz)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE leadscore.runs AS r SET rows = (trained).rows, positives = (trained).positives, unknown = total - labelled,
		held_out = record_data.held_out, data_from = record_data.data_from, data_to = record_data.data_to,
		fingerprint = (trained).fingerprint
	WHERE r.run_id = run
$$;

-- Settings for the rest of the transaction.
CREATE FUNCTION leadscore.set_settings(settings jsonb)
RETURNS void
LANGUAGE sql
BEGIN ATOMIC
	SELECT pg_catalog.set_config(s.key, s.value, true) FROM pg_catalog.jsonb_each_text(settings) AS s
	WHERE s.key IN ('search_path', 'TimeZone', 'DateStyle', 'IntervalStyle');
END;

-- lead_train_model(name, source, label, …): the next version of a named model.
-- name			of the model; new, or one that is there
-- source		a table or view, or the text of one SELECT
-- label		a column of the source, or a condition on its columns
-- features		columns to learn from; default all but those below
-- exclude		columns to leave out
-- key			the column that tells one lead from another; default the primary key
-- time_column	the column that tells when a lead was created
-- options		of encoding and fit, as for lead_train()
-- holdout		{"by": "key" | "time" | "group" | "column" | "none", "column": …,
--				"share": 0.2, "seed": 0}; default: the latest fifth where a time
--				column is named, else a fifth by hash of the key
-- gate			{"min_auc", "min_precision", "min_recall", "max_log_loss",
--				"threshold": 0.5, "margin": 0.01, "log_loss_ratio": 1.01,
--				"promote": "passed" | "always" | "never", "too_few": "keep" |
--				"promote", "min_rows": 50, "min_positives": 10}
-- refit		publish a model of all rows instead of the one that was judged
-- returns		one row; status is "failed" where the training failed, which is
--				recorded and a WARNING
-- errors		what can't be understood: an unknown source, column, option
CREATE FUNCTION lead_train_model(name text, source text, label text, features text[] DEFAULT NULL, exclude text[] DEFAULT NULL,
	key text DEFAULT NULL, time_column text DEFAULT NULL, options jsonb DEFAULT NULL, holdout jsonb DEFAULT NULL,
	gate jsonb DEFAULT NULL, refit boolean DEFAULT false, description text DEFAULT NULL, experiment text DEFAULT NULL,
	tags jsonb DEFAULT NULL)
RETURNS lead_run
LANGUAGE plpgsql
AS $$
DECLARE
	resolved record;
	labelled record;
	spec pg_catalog.jsonb;
BEGIN
	PERFORM leadscore.check_name(name);
	IF source IS NULL OR label IS NULL THEN
		RAISE EXCEPTION 'source and label must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF pg_catalog.jsonb_typeof(tags) OPERATOR(pg_catalog.<>) 'object' THEN
		RAISE EXCEPTION 'tags must be a JSON object' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Write {"key": "value", …}.';
	END IF;
	SELECT * INTO resolved FROM leadscore.resolve_source(source);
	SELECT * INTO labelled FROM leadscore.resolve_expression(resolved.relation, label);
	spec := leadscore.make_spec(resolved.relation, resolved.source, resolved.is_query, labelled.expression,
		labelled.type, labelled.columns,
		pg_catalog.jsonb_build_object('source', source, 'label', label), features, exclude, key, time_column, options,
		holdout, gate, refit);
	spec := pg_catalog.jsonb_set(spec, '{settings}', leadscore.current_settings());
	IF resolved.is_query THEN
		DROP VIEW pg_temp."leadscore source";
	END IF;
	RETURN leadscore.train(name, 'train', spec, description, experiment, tags);
END;
$$;
COMMENT ON FUNCTION lead_train_model(text, text, text, text[], text[], text, text, jsonb, jsonb, jsonb, boolean, text, text, jsonb) IS
'train the next version of a named model, judge it on rows held out, and let the gate decide whether it goes live';

CREATE FUNCTION leadscore.check_name(name text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR name = '' OR length(name) > 200 OR name ~ '[@[:cntrl:]]' OR name LIKE '\\x%' THEN
		RAISE EXCEPTION 'invalid name of a model: "%"', coalesce(name, '(null)') USING ERRCODE = 'invalid_name',
			DETAIL = 'A name has 1 to 200 characters, no @ and no control characters, and does not begin with \x.';
	END IF;
END;
$$;

-- What another role wrote is run with the rights of whoever runs it: an error
-- unless its author has these rights anyway, or is one who gives them out.
-- Authors are what current_user was; trainers cannot write them.
CREATE FUNCTION leadscore.check_author(what text, author text, hint text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF author = current_user OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = author
		AND (pg_has_role(r.oid, current_user, 'MEMBER') OR has_schema_privilege(r.oid, 'leadscore', 'USAGE WITH GRANT OPTION'))) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION '% was written by role "%"', what, author USING ERRCODE = 'insufficient_privilege',
		DETAIL = format('It would run with the rights of role "%s".', current_user), HINT = hint;
END;
$$;
COMMENT ON FUNCTION leadscore.check_author(text, text, text) IS 'an error where another role''s recipe would run with more rights than that role has';

-- Has the current role trained this model by the same words before?  Of a recipe
-- only source and label are run as they stand, under its search_path.
CREATE FUNCTION leadscore.own_words(name text, spec jsonb)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM leadscore.runs AS r WHERE r.model = name AND r.started_by = current_user
	AND r.spec->'source' = own_words.spec->'source' AND r.spec->'label' = own_words.spec->'label'
	AND r.spec #> '{settings,search_path}' = own_words.spec #> '{settings,search_path}');
COMMENT ON FUNCTION leadscore.own_words(text, jsonb) IS 'has the current role trained this model by the same source and label before?';

-- The recipe of the last version, or of the last run where there is none.
-- adopt: it may be another role's
CREATE FUNCTION leadscore.last_spec(name text, adopt boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	spec jsonb;
	author text;
BEGIN
	SELECT r.spec, r.started_by INTO spec, author FROM leadscore.runs AS r LEFT JOIN leadscore.versions AS v USING (run_id)
	WHERE r.model = name ORDER BY v.version DESC NULLS LAST, r.started_at DESC LIMIT 1;
	IF spec IS NULL THEN
		RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object',
			HINT = 'lead_train_model() makes one; leadscore.models lists them.';
	END IF;
	IF adopt IS NOT TRUE AND NOT leadscore.own_words(name, spec) THEN
		PERFORM leadscore.check_author(format('the recipe of model "%s"', name), author,
			format('Look at spec in leadscore.runs; lead_retrain(%L, adopt => true) makes it your own.', name));
	END IF;
	RETURN spec;
END;
$$;

-- lead_retrain(name): the next version by the recipe of the last one.
-- options	are put over those stored, key by key
-- gate		so is the gate; {"min_auc": null} takes a key out, so its default counts
-- adopt	take over a recipe that another role wrote
CREATE FUNCTION lead_retrain(name text, options jsonb DEFAULT NULL, gate jsonb DEFAULT NULL, description text DEFAULT NULL,
	tags jsonb DEFAULT NULL, adopt boolean DEFAULT false)
RETURNS lead_run
LANGUAGE plpgsql
AS $$
DECLARE
	spec pg_catalog.jsonb;
BEGIN
	PERFORM leadscore.lock(name);	-- before the recipe is read: the model may be about to go
	spec := leadscore.merged_spec(leadscore.last_spec(name, adopt), options, gate);
	RETURN leadscore.train(name, 'retrain', spec, description, leadscore.last_experiment(name), tags);
END;
$$;
COMMENT ON FUNCTION lead_retrain(text, jsonb, jsonb, text, jsonb, boolean) IS
'train the next version of a model by the recipe of its last one';

CREATE FUNCTION leadscore.last_experiment(name text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT e.name FROM leadscore.runs AS r JOIN leadscore.experiments AS e USING (experiment_id)
	WHERE r.model = $1 ORDER BY r.started_at DESC LIMIT 1
$$;

CREATE FUNCTION leadscore.merged_spec(spec jsonb, options jsonb, gate jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF options ?| '{names,exclude}' THEN
		RAISE EXCEPTION 'other columns are another recipe' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Call lead_train_model() with the same name.';
	END IF;
	PERFORM leadscore.check_options(options);
	PERFORM leadscore.check_gate(gate);
	RETURN jsonb_set(jsonb_set(spec, '{options}', spec->'options' || coalesce(options, '{}')),
		'{gate}', jsonb_strip_nulls(spec->'gate' || coalesce(gate, '{}')));
END;
$$;

-- lead_validate(name): what the checks before a training say of the source as it
-- is now.  Reads it once, trains nothing, writes nothing.  A source that is gone, or
-- fails, is an error row as well.
CREATE FUNCTION lead_validate(name text,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql
AS $$
DECLARE
	spec pg_catalog.jsonb := leadscore.last_spec(name);
	relation pg_catalog.regclass := CASE WHEN pg_catalog.left(spec OPERATOR(pg_catalog.->>) 'source', 1) OPERATOR(pg_catalog.<>) '('
		THEN pg_catalog.to_regclass(spec OPERATOR(pg_catalog.->>) 'source') END;
	data record;
	more pg_catalog.text;
	before pg_catalog.jsonb := leadscore.last_columns(name);
	here pg_catalog.jsonb := leadscore.current_settings();
BEGIN
	IF relation IS NOT NULL THEN
		RETURN QUERY SELECT * FROM leadscore.judge_columns(spec, leadscore.columns_of(relation)) AS j;
		IF EXISTS (SELECT FROM leadscore.judge_columns(spec, leadscore.columns_of(relation)) AS j
			WHERE j.severity OPERATOR(pg_catalog.=) 'error') THEN
			RETURN;
		END IF;
	END IF;
	BEGIN
		PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
		EXECUTE leadscore.training_query(spec, NULL, false) INTO data;
		PERFORM leadscore.set_settings(here);
	EXCEPTION WHEN OTHERS THEN
		"check" := 'source';
		severity := 'error';
		GET STACKED DIAGNOSTICS detail = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL;
		detail := pg_catalog.concat_ws(': ', 'it cannot be read', detail, CASE WHEN pg_catalog.length(more) OPERATOR(pg_catalog.>) 0 THEN more END);
		RETURN NEXT;
		RETURN;
	END;
	RETURN QUERY SELECT * FROM leadscore.judge_rows(spec, (data.training).columns, before, (data.training).rows,
		(data.training).positives, data.total OPERATOR(pg_catalog.-) data.labelled, data.duplicates, data.held_out) AS j;
END;
$$;
COMMENT ON FUNCTION lead_validate(text) IS 'what the checks before a training say of a model''s source as it is now';

-- The facts that the last version was trained on.
CREATE FUNCTION leadscore.last_columns(name text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.body::jsonb FROM leadscore.versions AS v JOIN leadscore.artifacts AS a USING (run_id)
	WHERE v.name = $1 AND a.path = 'columns.json' ORDER BY v.version DESC LIMIT 1
$$;

----------------------------------------------------------------------------
-- What is live
----------------------------------------------------------------------------

CREATE TYPE lead_deployment AS (
	model text,
	alias text,
	version integer,
	replaced integer,
	deployed_at timestamptz,
	deployed_by text,
	reason text
);
COMMENT ON TYPE lead_deployment IS 'a change of an alias';

CREATE FUNCTION leadscore.deployment_row(id bigint)
RETURNS lead_deployment
LANGUAGE sql	-- VOLATILE: it sees what its argument has just written
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT name, alias, version, replaced, deployed_at, deployed_by, reason
	FROM leadscore.deployments WHERE deployment_id = id
$$;

-- An error unless there is such a model, or, where that is enough, was.
CREATE FUNCTION leadscore.require_model(name text, past boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = name)
		OR past AND EXISTS (SELECT FROM leadscore.deployments AS d WHERE d.name = name) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object',
		HINT = 'lead_train_model() makes one; leadscore.models lists them.';
END;
$$;

CREATE FUNCTION leadscore.require_version(name text, version integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM leadscore.require_model(name);
	IF NOT EXISTS (SELECT FROM leadscore.versions AS v WHERE v.name = name AND v.version = version) THEN
		RAISE EXCEPTION 'model "%" has no version %', name, version USING ERRCODE = 'undefined_object',
			HINT = format('lead_versions(%L) shows those there are.', name);
	END IF;
END;
$$;

-- lead_promote(name, version [, alias]): the version is what the alias means,
-- from this transaction on.  The gate is not asked.
CREATE FUNCTION lead_promote(name text, version integer, alias text DEFAULT 'champion', reason text DEFAULT NULL)
RETURNS lead_deployment
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_version(name, version);
	IF alias IS NULL OR alias = '' OR length(alias) > 200 OR alias ~ '[@[:cntrl:]]' OR alias ~ '^[0-9]+$' THEN
		RAISE EXCEPTION 'invalid alias: "%"', coalesce(alias, '(null)') USING ERRCODE = 'invalid_name',
			DETAIL = 'An alias has 1 to 200 characters, no @ and no control characters, and is no number.';
	END IF;
	RETURN leadscore.deployment_row(leadscore.deploy(name, alias, version, 'promote', reason));
END;
$$;
COMMENT ON FUNCTION lead_promote(text, integer, text, text) IS 'make a version what an alias means; the champion is what is live';

-- The deployment that lead_rollback() would bring back, NULL if there is none.
-- Versions that were dropped are passed over.
CREATE FUNCTION leadscore.rollback_target(name text, alias text)
RETURNS leadscore.deployments
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	last leadscore.deployments;
	target leadscore.deployments;
	next bigint;
BEGIN
	SELECT d.* INTO last FROM leadscore.deployments AS d
	WHERE d.name = name AND d.alias = alias ORDER BY d.deployment_id DESC LIMIT 1;
	next := CASE last.action WHEN 'rollback' THEN
		(SELECT d.before FROM leadscore.deployments AS d WHERE d.deployment_id = last.in_force)
		ELSE coalesce(last.before, CASE WHEN last.action = 'remove' THEN last.deployment_id END) END;
	LOOP
		SELECT d.* INTO target FROM leadscore.deployments AS d WHERE d.deployment_id = next;
		EXIT WHEN target.deployment_id IS NULL
			OR EXISTS (SELECT FROM leadscore.versions AS v WHERE v.name = name AND v.version = target.version);
		next := coalesce(target.before, CASE WHEN target.action = 'remove' THEN
			(SELECT max(d.deployment_id) FROM leadscore.deployments AS d
			WHERE d.name = name AND d.alias = alias AND d.deployment_id < target.deployment_id) END);
	END LOOP;
	RETURN target;
END;
$$;
COMMENT ON FUNCTION leadscore.rollback_target(text, text) IS 'the deployment that a rollback of an alias would bring back';

-- lead_rollback(name [, alias]): undo the last promotion; again: the one before.
-- Versions that were dropped are passed over.
CREATE FUNCTION lead_rollback(name text, alias text DEFAULT 'champion', reason text DEFAULT NULL)
RETURNS lead_deployment
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	last leadscore.deployments;
	target leadscore.deployments;
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_model(name);
	SELECT d.* INTO last FROM leadscore.deployments AS d
	WHERE d.name = name AND d.alias = alias ORDER BY d.deployment_id DESC LIMIT 1;
	IF last.deployment_id IS NULL THEN
		RAISE EXCEPTION 'model "%" never had a %', name, alias USING ERRCODE = 'undefined_object',
			HINT = 'lead_promote() makes a version live.';
	END IF;
	target := leadscore.rollback_target(name, alias);
	IF target.deployment_id IS NULL THEN
		RAISE EXCEPTION 'model "%" had no other % before', name, alias USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('lead_deployments(%L) shows the history.', name);
	END IF;
	RETURN leadscore.deployment_row(leadscore.deploy(name, alias, target.version, 'rollback',
		coalesce(reason, format('rollback from version %s', last.version)), NULL, coalesce(target.in_force, target.deployment_id)));
END;
$$;
COMMENT ON FUNCTION lead_rollback(text, text, text) IS 'undo the last promotion; once more: the one before it';

CREATE FUNCTION lead_drop_alias(name text, alias text, reason text DEFAULT NULL)
RETURNS lead_deployment
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_model(name);
	IF NOT EXISTS (SELECT FROM leadscore.aliases AS a WHERE a.name = name AND a.alias = alias) THEN
		RAISE EXCEPTION 'model "%" has no %', name, alias USING ERRCODE = 'undefined_object';
	END IF;
	RETURN leadscore.deployment_row(leadscore.deploy(name, alias, NULL, 'remove', reason));
END;
$$;
COMMENT ON FUNCTION lead_drop_alias(text, text, text) IS 'an alias means nothing from now on; its history stays';

-- lead_model(name, alias [, as_of]): the model that the alias stands for, or
-- stood for then.
CREATE FUNCTION lead_model(name text, alias text, as_of timestamptz DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	number integer;
	bytes bytea;
BEGIN
	IF name IS NULL OR alias IS NULL THEN
		RETURN NULL;
	END IF;
	IF as_of IS NULL OR alias ~ '^[0-9]+$' THEN
		RETURN @extschema@.lead_model(name || '@' || alias);
	END IF;
	PERFORM leadscore.require_model(name, past => true);
	SELECT d.version INTO number FROM leadscore.deployments AS d
	WHERE d.name = name AND d.alias = alias AND d.deployed_at <= as_of ORDER BY d.deployment_id DESC LIMIT 1;
	IF number IS NULL THEN
		RAISE EXCEPTION 'model "%" had no % at %', name, alias, as_of USING ERRCODE = 'undefined_object',
			HINT = format('lead_deployments(%L) shows the history.', name);
	END IF;
	SELECT v.model INTO bytes FROM leadscore.versions AS v WHERE v.name = name AND v.version = number;
	IF bytes IS NULL THEN
		RAISE EXCEPTION 'version % of model "%" has been dropped', number, name USING ERRCODE = 'undefined_object',
			DETAIL = format('It was %s at %s.', alias, as_of);
	END IF;
	RETURN bytes;
END;
$$;
COMMENT ON FUNCTION lead_model(text, text, timestamptz) IS 'the model that an alias stands for, or stood for at a time';

CREATE FUNCTION lead_model(name text, version integer)
RETURNS bytea
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_model(name || '@' || version);
COMMENT ON FUNCTION lead_model(text, integer) IS 'a version of a model';

-- lead_versions(name): a row per version, the newest first; an error if there is no
-- such model.
CREATE FUNCTION lead_versions(name text,
	OUT version integer, OUT live boolean, OUT aliases text[], OUT created_at timestamptz, OUT created_by text,
	OUT rows bigint, OUT positives bigint, OUT held_out bigint, OUT auc float8, OUT log_loss float8,
	OUT "precision" float8, OUT recall float8, OUT verdict text, OUT fingerprint text, OUT description text, OUT run_id uuid)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT leadscore.require_model($1);
	SELECT v.version, 'champion' = ANY (a.aliases), a.aliases, v.created_at, v.created_by, r.rows, r.positives, r.held_out,
		x.auc, x.log_loss, x.precision, x.recall, x.verdict, r.fingerprint, v.description, v.run_id
	FROM leadscore.versions AS v
		JOIN leadscore.runs AS r USING (run_id)
		CROSS JOIN LATERAL (SELECT coalesce(array_agg(s.alias ORDER BY s.alias), '{}') AS aliases FROM leadscore.aliases AS s
			WHERE s.name = v.name AND s.version = v.version) AS a
		CROSS JOIN LATERAL leadscore.run_row(v.run_id) AS x
	WHERE v.name = $1
	ORDER BY v.version DESC
$$;
COMMENT ON FUNCTION lead_versions(text) IS 'the versions of a model side by side, the newest first';

-- lead_deployments(name): what was live when.  live_until is NULL for what is.  Also
-- of models that were dropped.
CREATE FUNCTION lead_deployments(name text,
	OUT alias text, OUT version integer, OUT live_from timestamptz, OUT live_until timestamptz,
	OUT action text, OUT deployed_by text, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT leadscore.require_model($1, past => true);
	SELECT d.alias, d.version, d.deployed_at, lead(d.deployed_at) OVER (PARTITION BY d.alias ORDER BY d.deployment_id),
		d.action, d.deployed_by, d.reason
	FROM leadscore.deployments AS d WHERE d.name = $1
	ORDER BY d.deployment_id DESC
$$;
COMMENT ON FUNCTION lead_deployments(text) IS 'what was live when, who did it and why, the newest first';

----------------------------------------------------------------------------
-- Deleting
----------------------------------------------------------------------------

CREATE FUNCTION leadscore.drop_versions(name text, versions integer[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	runs uuid[];
BEGIN
	WITH gone AS (
		DELETE FROM leadscore.versions AS v WHERE v.name = name AND v.version = ANY (versions) RETURNING v.run_id
	)
	SELECT array_agg(g.run_id) INTO runs FROM gone AS g;
	DELETE FROM leadscore.runs AS r WHERE r.run_id = ANY (runs)
		AND NOT EXISTS (SELECT FROM leadscore.versions AS v WHERE v.run_id = r.run_id);
END;
$$;

-- lead_drop_version(name, version): with its run.  An error while an alias
-- points to it.  What was live when stays in the history.
CREATE FUNCTION lead_drop_version(name text, version integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	used text;
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_version(name, version);
	SELECT string_agg(a.alias, ', ' ORDER BY a.alias) INTO used FROM leadscore.aliases AS a
	WHERE a.name = name AND a.version = version;
	IF used IS NOT NULL THEN
		RAISE EXCEPTION 'version % of model "%" is in use', version, name USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Its aliases are: %s.', used), HINT = 'lead_promote() another version, or lead_drop_alias() first.';
	END IF;
	PERFORM leadscore.drop_versions(name, ARRAY[version]);
END;
$$;
COMMENT ON FUNCTION lead_drop_version(text, integer) IS 'delete a version that no alias points to, with its run';

-- lead_drop_model(name [, force]): all versions and runs.  An error while it
-- has an alias, unless force.  The history of what was live stays.
CREATE FUNCTION lead_drop_model(name text, force boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	used text;
BEGIN
	PERFORM leadscore.lock(name);
	IF NOT EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = name) THEN
		RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	SELECT string_agg(format('%s (version %s)', a.alias, a.version), ', ' ORDER BY a.alias) INTO used
	FROM leadscore.aliases AS a WHERE a.name = name;
	IF used IS NOT NULL AND force IS NOT TRUE THEN
		RAISE EXCEPTION 'model "%" is in use', name USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Its aliases are: %s.', used), HINT = format('lead_drop_model(%L, force => true) drops it all the same.', name);
	END IF;
	PERFORM leadscore.deploy(name, a.alias, NULL, 'remove', 'the model was dropped') FROM leadscore.aliases AS a WHERE a.name = name;
	PERFORM @extschema@.lead_unschedule(j.name, j.action) FROM leadscore.jobs AS j WHERE j.name = name;
	DELETE FROM leadscore.versions AS v WHERE v.name = name;
	DELETE FROM leadscore.runs AS r WHERE r.model = name;
	DELETE FROM leadscore.models AS m WHERE m.name = name;
	DELETE FROM leadscore.experiments AS e WHERE e.name = name
		AND NOT EXISTS (SELECT FROM leadscore.runs AS r WHERE r.experiment_id = e.experiment_id);
END;
$$;
COMMENT ON FUNCTION lead_drop_model(text, boolean) IS 'delete a model with all versions and runs; what was live when stays known';

-- lead_prune(name, keep): delete all but the newest versions, and failed runs
-- older than those.  Kept besides: what an alias points to, and what
-- lead_rollback() would bring back.  Returns how many versions went.
CREATE FUNCTION lead_prune(name text, keep integer DEFAULT 10)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	unwanted integer[];
BEGIN
	IF keep IS NULL OR keep < 1 THEN
		RAISE EXCEPTION 'keep must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM leadscore.lock(name);
	IF NOT EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = name) THEN
		RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	SELECT coalesce(array_agg(v.version), '{}') INTO unwanted
	FROM (SELECT v.version, row_number() OVER (ORDER BY v.version DESC) AS age FROM leadscore.versions AS v WHERE v.name = name) AS v
	WHERE v.age > keep
		AND NOT EXISTS (SELECT FROM leadscore.aliases AS a WHERE a.name = name AND a.version = v.version)
		AND v.version NOT IN (SELECT b.version FROM leadscore.rollback_targets(name) AS b WHERE b.version IS NOT NULL);
	PERFORM leadscore.drop_versions(name, unwanted);
	DELETE FROM leadscore.runs AS r WHERE r.model = name AND r.status = 'failed'
		AND r.started_at < (SELECT min(v.created_at) FROM (SELECT v.created_at FROM leadscore.versions AS v
			WHERE v.name = name ORDER BY v.version DESC LIMIT keep) AS v);
	RETURN cardinality(unwanted);
END;
$$;
COMMENT ON FUNCTION lead_prune(text, integer) IS 'delete old versions: all but the newest, what is live, and what a rollback would bring back';

-- What lead_rollback() would bring back, per alias.
CREATE FUNCTION leadscore.rollback_targets(name text, OUT alias text, OUT version integer)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.alias, (leadscore.rollback_target($1, d.alias)).version
	FROM (SELECT DISTINCT d.alias FROM leadscore.deployments AS d WHERE d.name = $1) AS d
$$;

----------------------------------------------------------------------------
-- Who may do what
----------------------------------------------------------------------------

-- lead_grant(role, level): 'reader' may score by name and see all but the rows
-- held out, 'trainer' may also train, promote and drop.  Both still need
-- their rights on the leads themselves.
CREATE FUNCTION lead_grant(role text, level text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
BEGIN
	IF level IS NULL OR level NOT IN ('reader', 'trainer') THEN
		RAISE EXCEPTION 'unknown level "%"', coalesce(level, '(null)') USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The levels are: reader, trainer.';
	END IF;
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', coalesce(role, '(null)') USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT has_schema_privilege('leadscore', 'USAGE WITH GRANT OPTION') THEN
		RAISE EXCEPTION 'permission denied to grant rights on the registry' USING ERRCODE = 'insufficient_privilege',
			HINT = 'Whoever created the extension may.';
	END IF;
	EXECUTE format('GRANT USAGE ON SCHEMA leadscore TO %I', role);
	FOR t IN SELECT c.oid, c.relname, c.relkind FROM pg_class AS c
		WHERE c.relnamespace = 'leadscore'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') LOOP
		IF t.relkind = 'S' THEN
			CONTINUE WHEN level = 'reader';
			EXECUTE format('GRANT USAGE ON SEQUENCE leadscore.%I TO %I', t.relname, role);
		ELSIF level = 'trainer' AND t.relname IN ('runs', 'score_tables') THEN
			-- who wrote what will run again is not to be forged
			EXECUTE format('GRANT SELECT, DELETE, INSERT (%2$s) ON leadscore.%1$I TO %3$I', t.relname,
				(SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum > 0
					AND NOT a.attisdropped AND a.attname <> ALL ('{started_by,created_by}')), role);
			IF t.relname = 'runs' THEN
				EXECUTE format('GRANT UPDATE (status, ended_at, description, rows, positives, unknown, held_out, data_from, data_to,
					cut, seen, fingerprint, error, sqlstate) ON leadscore.runs TO %I', role);
			END IF;
		ELSIF level = 'trainer' AND t.relkind <> 'v' THEN
			EXECUTE format('GRANT SELECT, INSERT%s ON leadscore.%I TO %I',
				CASE WHEN t.relname = 'deployments' THEN '' ELSE ', UPDATE, DELETE' END, t.relname, role);
		ELSIF t.relname <> 'holdouts' THEN
			EXECUTE format('GRANT SELECT ON leadscore.%I TO %I', t.relname, role);
		END IF;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION lead_grant(text, text) IS 'give a role the rights of a reader or of a trainer';

CREATE FUNCTION lead_revoke(role text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	others text;
BEGIN
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', coalesce(role, '(null)') USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT has_schema_privilege('leadscore', 'USAGE WITH GRANT OPTION') THEN
		RAISE EXCEPTION 'permission denied to revoke rights on the registry' USING ERRCODE = 'insufficient_privilege',
			HINT = 'Whoever created the extension may.';
	END IF;
	EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA leadscore FROM %I', role);
	EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA leadscore FROM %I', role);
	EXECUTE format('REVOKE ALL ON SCHEMA leadscore FROM %I', role);
	-- one takes away what one gave; what is left another role gave
	SELECT string_agg(DISTINCT format('"%s"', pg_get_userbyid(g.grantor)), ', ') INTO others
	FROM (SELECT nspacl AS acl FROM pg_namespace WHERE nspname = 'leadscore'
		UNION ALL SELECT relacl FROM pg_class WHERE relnamespace = 'leadscore'::regnamespace) AS o, aclexplode(o.acl) AS g
	WHERE g.grantee = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = role);
	IF others IS NOT NULL THEN
		RAISE WARNING 'role "%" still has rights on the registry', role
			USING DETAIL = format('They were given by %s.', others), HINT = 'Let that role call lead_revoke().';
	END IF;
END;
$$;
COMMENT ON FUNCTION lead_revoke(text) IS 'take from a role what lead_grant() gave it';

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
	(coalesce(r.model || ' ' || v.version, r.model || ' ' || r.status))::varchar(250) AS name,
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

----------------------------------------------------------------------------
-- Scores for people and BI tools
----------------------------------------------------------------------------

/*
 *	lead_create_scored_view(model, source, view, …)	-> the view's name: always up to
 *					date, computed when it is read
 *	CALL lead_refresh_scores(model, …)	-> a table of scores, kept up to date by runs
 *	lead_grade_cuts(model, grades)		-> float8[3], where D ends, C ends, B ends
 *	lead_grade(score, cuts)				-> 'A' … 'D'
 *
 * grades says how scores become grades, as jsonb:
 *	{"quantiles": [0.25, 0.5, 0.75]}	(default) of the scores of the rows that were
 *						held out when the version was trained, never of those fitted:
 *						the best quarter of them is A
 *	{"cuts": [0.2, 0.4, 0.6]}			fixed scores
 *	{"capacity": 50, "per_day": 400}	we call 50 of 400 leads a day: the best 50 of
 *						400 held-out leads are A, the next 50 B, the next 50 C
 *
 * Everything runs with the caller's privileges.
 */

-- A name to be created, qualified as CREATE would have it; schema is the caller's current
-- one.
CREATE FUNCTION leadscore.qualify(name text, schema text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts text[] := parse_ident(name);
BEGIN
	IF cardinality(parts) = 1 THEN
		parts := schema || parts;
	END IF;
	IF cardinality(parts) <> 2 OR parts[1] IS NULL THEN
		RAISE EXCEPTION 'no schema to create "%" in', name USING ERRCODE = 'invalid_schema_name';
	END IF;
	RETURN format('%I.%I', parts[1], parts[2]);
END;
$$;
COMMENT ON FUNCTION leadscore.qualify(text, text) IS 'the qualified name of what is to be created';

-- What stands after FROM for a source: a table, a view, or one SELECT.
CREATE FUNCTION leadscore.source_of(written text) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
	resolved record;
BEGIN
	IF written IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT * INTO resolved FROM leadscore.resolve_source(written);
	IF resolved.is_query THEN
		DROP VIEW pg_temp."leadscore source";
	END IF;
	RETURN resolved.source;
END;
$$;
COMMENT ON FUNCTION leadscore.source_of(text) IS 'what stands after FROM for a source, the same under any search_path';

-- 1,001 quantiles of the held-out scores: the frame that judged a version is not for
-- readers, how its scores are distributed is.
CREATE TABLE leadscore.score_quantiles (
	name text NOT NULL,
	version integer NOT NULL,
	rows bigint NOT NULL,
	quantiles float8[] NOT NULL CHECK (cardinality(quantiles) = 1001),
	PRIMARY KEY (name, version),
	FOREIGN KEY (name, version) REFERENCES leadscore.versions ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE leadscore.score_quantiles IS 'distribution of a version''s scores on the rows held out';
COMMENT ON COLUMN leadscore.score_quantiles.quantiles IS 'the smallest, 999 between, the greatest';

-- What lead_refresh_scores() was told when it was called first.
CREATE TABLE leadscore.score_tables (
	name text PRIMARY KEY REFERENCES leadscore.models ON UPDATE CASCADE ON DELETE CASCADE,
	source text NOT NULL,
	key text NOT NULL,
	target text NOT NULL,
	grades jsonb NOT NULL,
	reasons integer NOT NULL CHECK (reasons BETWEEN 0 AND 100),
	created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	created_by text NOT NULL DEFAULT current_user
);
COMMENT ON TABLE leadscore.score_tables IS 'where the scores of a model are kept, and of which rows';
COMMENT ON COLUMN leadscore.score_tables.source IS 'what stands after FROM';
COMMENT ON COLUMN leadscore.score_tables.created_by IS 'who said so; the job of another role does not run it';

CREATE TABLE leadscore.score_runs (
	score_run_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	name text NOT NULL REFERENCES leadscore.models ON UPDATE CASCADE ON DELETE CASCADE,
	version integer,
	target text NOT NULL,
	status text NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'interrupted')),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended_at timestamptz,
	started_by text NOT NULL DEFAULT current_user,
	rows_read bigint NOT NULL DEFAULT 0,
	rows_scored bigint NOT NULL DEFAULT 0,
	batches integer NOT NULL DEFAULT 0,
	rows_a bigint NOT NULL DEFAULT 0,
	rows_b bigint NOT NULL DEFAULT 0,
	rows_c bigint NOT NULL DEFAULT 0,
	rows_d bigint NOT NULL DEFAULT 0,
	share_a float8 GENERATED ALWAYS AS (rows_a / nullif(rows_scored, 0)::float8) STORED,
	share_b float8 GENERATED ALWAYS AS (rows_b / nullif(rows_scored, 0)::float8) STORED,
	share_c float8 GENERATED ALWAYS AS (rows_c / nullif(rows_scored, 0)::float8) STORED,
	share_d float8 GENERATED ALWAYS AS (rows_d / nullif(rows_scored, 0)::float8) STORED,
	mean_score float8,
	error text,
	sqlstate text
);
CREATE INDEX ON leadscore.score_runs (name, started_at);
COMMENT ON TABLE leadscore.score_runs IS 'a row per run of lead_refresh_scores(), written as it goes on';
COMMENT ON COLUMN leadscore.score_runs.rows_read IS 'rows of the source that were looked at';
COMMENT ON COLUMN leadscore.score_runs.rows_scored IS 'of these, new, changed or scored by another version';
COMMENT ON COLUMN leadscore.score_runs.rows_a IS 'of the rows scored, those of grade A';
COMMENT ON COLUMN leadscore.score_runs.mean_score IS 'of the rows scored';

SELECT pg_catalog.pg_extension_config_dump('leadscore.score_quantiles', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.score_tables', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.score_runs', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.score_runs_score_run_id_seq', '');

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON
	leadscore.score_quantiles, leadscore.score_tables, leadscore.score_runs TO @extowner@ WITH GRANT OPTION;
GRANT USAGE, SELECT, UPDATE ON SEQUENCE leadscore.score_runs_score_run_id_seq TO @extowner@ WITH GRANT OPTION;

-- Keeps the distribution of a version's held-out scores.
-- model	as it was when it was judged: a refit has seen these rows
CREATE FUNCTION leadscore.keep_score_quantiles(name text, version integer, model bytea, holdout leadframe)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO leadscore.score_quantiles
	SELECT $1, $2, count(*),
		   percentile_cont((SELECT array_agg(i / 1000.0::float8 ORDER BY i) FROM generate_series(0, 1000) AS i))
				WITHIN GROUP (ORDER BY f.score)
	FROM @extschema@.lead_score_frame($3, $4) AS f, LATERAL generate_series(1, f.positives + f.negatives)
	HAVING count(*) > 0
$$;
COMMENT ON FUNCTION leadscore.keep_score_quantiles(text, integer, bytea, leadframe) IS
'keeps how the scores of a version''s held-out rows are distributed, for grades';

-- grades, checked and complete: {"quantiles" | "cuts": three ascending numbers} or
-- {"capacity", "per_day"}; NULL: the default.
-- errors: what is wrong with grades
CREATE FUNCTION leadscore.check_grades(grades jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	way text;
	bounds float8[];
	hint CONSTANT text := 'Write {"quantiles": [0.25, 0.5, 0.75]}, {"cuts": [0.2, 0.4, 0.6]} or {"capacity": 50, "per_day": 400}.';
BEGIN
	IF grades IS NULL THEN
		RETURN '{"quantiles": [0.25, 0.5, 0.75]}';
	END IF;
	IF jsonb_typeof(grades) <> 'object' THEN
		RAISE EXCEPTION 'grades must be a JSON object' USING ERRCODE = 'invalid_parameter_value', HINT = hint;
	END IF;
	SELECT string_agg(k, ', ' ORDER BY k COLLATE "C") INTO way FROM jsonb_object_keys(grades) AS k;
	IF way IN ('quantiles', 'cuts') THEN
		IF jsonb_typeof(grades->way) <> 'array' OR jsonb_array_length(grades->way) <> 3
			OR EXISTS (SELECT FROM jsonb_array_elements(grades->way) AS e WHERE jsonb_typeof(e) <> 'number') THEN
			RAISE EXCEPTION '"%" of grades must be an array of three numbers: where grade D ends, where C, where B', way
				USING ERRCODE = 'invalid_parameter_value', HINT = hint;
		END IF;
		SELECT array_agg(e::float8 ORDER BY o) INTO bounds
		FROM jsonb_array_elements(grades->way) WITH ORDINALITY AS a(e, o);
		IF bounds[1] < 0 OR bounds[1] >= bounds[2] OR bounds[2] >= bounds[3] OR bounds[3] > 1 THEN
			RAISE EXCEPTION '"%" of grades must ascend within 0 and 1', way
				USING ERRCODE = 'invalid_parameter_value', HINT = hint;
		END IF;
	ELSIF way IN ('capacity', 'capacity, per_day') THEN
		IF EXISTS (SELECT FROM jsonb_each(grades) AS e
				   WHERE jsonb_typeof(e.value) <> 'number' OR e.value::text::numeric <= 0) THEN
			RAISE EXCEPTION '"capacity" and "per_day" of grades must be positive numbers'
				USING ERRCODE = 'invalid_parameter_value', HINT = hint;
		END IF;
	ELSE
		RAISE EXCEPTION 'grades must name one way, not "%"', coalesce(way, '')
			USING ERRCODE = 'invalid_parameter_value', HINT = hint;
	END IF;
	RETURN grades;
END;
$$;
COMMENT ON FUNCTION leadscore.check_grades(jsonb) IS 'grades, checked; NULL gives the default';

-- lead_grade_cuts(model, grades): the scores from which on a lead is C, B, A.
-- model	'name' (its champion), 'name@alias' or 'name@3'
-- returns	NULL where quantiles or a capacity are asked for and the version has no
--			held-out rows
-- errors	a model that does not exist, grades that say nothing
CREATE FUNCTION lead_grade_cuts(model text, grades jsonb DEFAULT NULL) RETURNS float8[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	live integer := @extschema@.lead_model_version(model);
	checked jsonb := leadscore.check_grades(grades);
	quantiles float8[];
	capacity float8;
	shares float8[];
BEGIN
	IF checked ? 'cuts' THEN
		RETURN (SELECT array_agg(e::float8 ORDER BY o)
				FROM jsonb_array_elements(checked->'cuts') WITH ORDINALITY AS a(e, o));
	END IF;
	SELECT q.quantiles INTO quantiles FROM leadscore.score_quantiles AS q
	WHERE q.name = split_part(model, '@', 1) AND q.version = live;
	IF checked ? 'capacity' THEN
		IF NOT checked ? 'per_day' THEN
			RAISE EXCEPTION 'grades by capacity need "per_day", the number of new leads a day'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
		capacity := (checked->>'capacity')::float8 / (checked->>'per_day')::float8;
		shares := ARRAY[1 - 3 * capacity, 1 - 2 * capacity, 1 - capacity];
	ELSE
		SELECT array_agg(e::float8 ORDER BY o) INTO shares
		FROM jsonb_array_elements(checked->'quantiles') WITH ORDINALITY AS a(e, o);
	END IF;
	-- below the smallest quantile lies every score; between two of them, a line
	RETURN (SELECT array_agg(CASE
				WHEN quantiles IS NULL THEN NULL
				WHEN s <= 0 THEN '-infinity'
				WHEN s = 1 THEN quantiles[1001]
				ELSE quantiles[floor(1000 * s)::integer + 1]
					 + (1000 * s - floor(1000 * s))
					 * (quantiles[floor(1000 * s)::integer + 2] - quantiles[floor(1000 * s)::integer + 1])
			END ORDER BY o)
			FROM unnest(shares) WITH ORDINALITY AS a(s, o) HAVING quantiles IS NOT NULL);
END;
$$;
COMMENT ON FUNCTION lead_grade_cuts(text, jsonb) IS
'scores from which on a lead is of grade C, B, A: by quantiles of the held-out scores, fixed, or by capacity';

-- One expression, so that the planner can put it in the place of the call.
CREATE FUNCTION lead_grade(score float8, cuts float8[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ARRAY['D', 'C', 'B', 'A'])[1 + pg_catalog.width_bucket(score, cuts)];
COMMENT ON FUNCTION lead_grade(float8, float8[]) IS
'grade A to D of a score; cuts as lead_grade_cuts() gives them';

-- grades, checked, with what they need: a capacity without per_day counts the source's
-- leads of the last 28 days, or of fewer if it has fewer, back from the latest one.
-- model	whose version has to have held-out rows unless the cuts are fixed
-- source	what stands after FROM; spec: the recipe, with the time column and the settings that
--			the source is read under
CREATE FUNCTION leadscore.complete_grades(model text, grades jsonb, source text, spec jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	checked jsonb := leadscore.check_grades(grades);
	here jsonb := leadscore.current_settings();
	source_time text;
	earliest timestamptz;
	latest timestamptz;
	leads bigint;
	per_day float8;
BEGIN
	IF checked ? 'capacity' AND NOT checked ? 'per_day' THEN
		IF spec->>'time' IS NULL THEN
			RAISE EXCEPTION 'grades by capacity need "per_day", the number of new leads a day'
				USING ERRCODE = 'invalid_parameter_value',
					HINT = 'It can be counted only where the model was trained with a time column.';
		END IF;
		source_time := format('leadscore_row.%I::pg_catalog.timestamptz', spec->>'time');
		PERFORM leadscore.set_settings(spec->'settings');
		EXECUTE format('SELECT pg_catalog.min(%1$s), pg_catalog.max(%1$s) FROM %2$s AS leadscore_row', source_time, source)
		INTO earliest, latest;
		EXECUTE format('SELECT pg_catalog.count(*) FROM %2$s AS leadscore_row WHERE %1$s OPERATOR(pg_catalog.>) $1', source_time, source)
		INTO leads USING latest OPERATOR(pg_catalog.-) interval '28 days';
		PERFORM leadscore.set_settings(here);
		per_day := leads / (extract(epoch FROM least(interval '28 days', greatest(latest - earliest, interval '1 day'))) / 86400);
		IF per_day IS NULL OR per_day <= 0 THEN
			RAISE EXCEPTION 'grades by capacity need "per_day": the source has no leads to count'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
		checked := checked || jsonb_build_object('per_day', per_day);
	END IF;
	IF @extschema@.lead_grade_cuts(model, checked) IS NULL THEN
		RAISE EXCEPTION 'version % of model "%" has no held-out rows to grade by',
				@extschema@.lead_model_version(model), split_part(model, '@', 1)
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Train with a hold-out, or give fixed cuts: {"cuts": [0.2, 0.4, 0.6]}.';
	END IF;
	RETURN checked;
END;
$$;
COMMENT ON FUNCTION leadscore.complete_grades(text, jsonb, text, jsonb) IS
'grades, checked, a capacity with the leads a day; an error where there is nothing to grade by';

-- The recipe of a version: of 'name' (its champion), 'name@alias' or 'name@3'.
CREATE FUNCTION leadscore.spec_of(model text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT r.spec FROM leadscore.versions AS v JOIN leadscore.runs AS r USING (run_id)
		WHERE v.name = split_part($1, '@', 1) AND v.version = @extschema@.lead_model_version($1));
COMMENT ON FUNCTION leadscore.spec_of(text) IS 'the recipe by which a version was trained';

-- What stands after FROM for the leads that a version was trained on.
CREATE FUNCTION leadscore.source_of_model(model text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found record;
BEGIN
	SELECT r.model, r.spec, r.started_by INTO found
	FROM leadscore.versions AS v JOIN leadscore.runs AS r USING (run_id)
	WHERE v.name = split_part(source_of_model.model, '@', 1) AND v.version = @extschema@.lead_model_version(source_of_model.model);
	IF NOT leadscore.own_words(found.model, found.spec) THEN
		PERFORM leadscore.check_author(format('the source of model "%s"', model), found.started_by,
			'Give the source yourself: source => ''…''.');
	END IF;
	RETURN found.spec->>'source';
END;
$$;
COMMENT ON FUNCTION leadscore.source_of_model(text) IS 'the source that a version was trained on';

-- The columns of what stands after FROM, as columns_of() gives them.
CREATE FUNCTION leadscore.columns_of_source(source text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns jsonb;
BEGIN
	IF NOT starts_with(source, '(') THEN
		RETURN leadscore.columns_of(source::regclass);
	END IF;
	EXECUTE concat('CREATE TEMPORARY VIEW "leadscore source" AS SELECT * FROM ', source, ' AS leadscore_row');
	columns := leadscore.columns_of('pg_temp."leadscore source"');
	DROP VIEW pg_temp."leadscore source";
	RETURN columns;
END;
$$;
COMMENT ON FUNCTION leadscore.columns_of_source(text) IS 'the columns of a source, found without reading it';

-- Checks that a source has the columns that a model is given a row of.
-- key		one more, NULL for none
-- errors	the first column that is missing
CREATE FUNCTION leadscore.check_source(model text, source text, key text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns jsonb := leadscore.columns_of_source(source);
	info jsonb := @extschema@.lead_info(@extschema@.lead_model(model));
	missing text;
	needed text;
BEGIN
	SELECT (array_agg(n.name ORDER BY n.o) FILTER (WHERE NOT columns @> jsonb_build_array(jsonb_build_object('name', n.name))))[1],
		   string_agg(n.name, ', ' ORDER BY n.o)
	INTO missing, needed
	FROM (SELECT c.name, min(c.o) AS o
		  FROM (SELECT key AS name, 0 AS o
				UNION ALL SELECT c->>'source', o FROM jsonb_array_elements(info->'columns') WITH ORDINALITY AS a(c, o)
				UNION ALL SELECT info->'roles'->>'offset', 1000000) AS c
		  WHERE c.name IS NOT NULL GROUP BY c.name) AS n;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'column "%" of model "%" does not exist in the source', missing, model
			USING ERRCODE = 'undefined_column', DETAIL = format('Columns needed: %s.', needed),
				HINT = 'Columns are matched by name. Give a source that has it, or a SELECT that adds it, as NULL if its value is not known.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_source(text, text, text) IS 'an error where a source lacks a column of a model';

-- lead_create_scored_view(model, source, view, …): a view of leads with their scores,
-- computed when it is read, by the version that is live then.
-- model	'name' (its champion), 'name@alias' or 'name@3'
-- source	a table, a view, or one SELECT; NULL: what the model was trained on
-- view		its name; NULL: the model's, followed by _scored
-- grades	see lead_grade_cuts(); a capacity without per_day counts the source's leads
-- reasons	how many, 0 for no such column
-- replace	a view of this name may be there already, with the same columns in front
-- returns	the view's name, qualified.  Its columns: those of the source, then score,
--			score_100 (integer), grade, model_version, reasons
-- errors	a source without a column of the model, or with one of these names; no held-out
--			rows to grade by; a view to be replaced that has other columns
--
-- From PostgreSQL 15 on the view is a security invoker: who reads it needs the rights on
-- the source and on the registry.  On 14 there is no such thing: the source is read with
-- the rights of the view's owner, its row security included; the registry with the
-- reader's.
CREATE FUNCTION lead_create_scored_view(model text, source text DEFAULT NULL, view text DEFAULT NULL,
	grades jsonb DEFAULT NULL, reasons integer DEFAULT 3, replace boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN leadscore.create_scored_view(model, leadscore.source_of(source), view, pg_catalog.current_schema()::pg_catalog.text,
		grades, reasons, replace);
END;
$$;
COMMENT ON FUNCTION lead_create_scored_view(text, text, text, jsonb, integer, boolean) IS
'makes a view of leads with score, score_100, grade, model_version and reasons, by the version that is live';

CREATE FUNCTION leadscore.create_scored_view(model text, source text, view text, schema text, grades jsonb, reasons integer,
	replace boolean) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	spec jsonb;
	relation text;
	checked jsonb;
	target text;
BEGIN
	IF model IS NULL THEN
		RAISE EXCEPTION 'the model is NULL' USING ERRCODE = 'null_value_not_allowed';
	ELSIF reasons IS NULL OR reasons NOT BETWEEN 0 AND 100 THEN
		RAISE EXCEPTION 'the number of reasons must be between 0 and 100' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	spec := leadscore.spec_of(model);
	relation := coalesce(source, leadscore.source_of_model(model));
	PERFORM leadscore.check_source(model, relation, NULL);
	checked := leadscore.complete_grades(model, grades, relation, spec);
	target := leadscore.qualify(coalesce(view, quote_ident(split_part(model, '@', 1) || '_scored')), schema);

	-- a column goes before a row of the same name, so the row has an unlikely one
	BEGIN
		EXECUTE format('CREATE %1$s VIEW %2$s %3$s AS
			SELECT leadscore_row.*, leadscore_score.score,
				round(100 * leadscore_score.score)::integer AS score_100,
				@extschema@.lead_grade(leadscore_score.score, (SELECT @extschema@.lead_grade_cuts(%4$L, %5$L))) AS grade,
				(SELECT @extschema@.lead_model_version(%4$L)) AS model_version %6$s
			FROM %7$s AS leadscore_row,
				LATERAL (SELECT @extschema@.lead_score(%4$L::text, leadscore_row) AS score) AS leadscore_score',
			CASE WHEN replace THEN 'OR REPLACE' END, target,
			CASE WHEN current_setting('server_version_num')::integer >= 150000 THEN 'WITH (security_invoker = true)' END,
			model, checked,
			CASE WHEN reasons > 0 THEN
				format(', @extschema@.lead_reasons(%L::text, leadscore_row, %s) AS reasons', model, reasons) END,
			relation);
	EXCEPTION WHEN invalid_table_definition THEN
		RAISE EXCEPTION 'view % cannot be replaced, its columns would change: %', target, SQLERRM
			USING ERRCODE = 'invalid_table_definition',
				HINT = format('DROP VIEW %s first; that tells what depends on it.', target);
	WHEN duplicate_column THEN
		RAISE EXCEPTION 'the source has a column that the view adds: %', SQLERRM
			USING ERRCODE = 'duplicate_column',
				HINT = 'The view adds score, score_100, grade, model_version and reasons; name the source''s column otherwise in a SELECT.';
	END;
	EXECUTE format('COMMENT ON VIEW %s IS %L', target, format('leads with their score by model %s, grades by %s', model, checked));
	RETURN target;
END;
$$;
COMMENT ON FUNCTION leadscore.create_scored_view(text, text, text, text, jsonb, integer, boolean) IS
'the work of lead_create_scored_view(), for a source that is resolved';

/*
 * Runs of a model, by a schedule or by hand, never overlap: each holds an advisory lock,
 * a lock of the session, because the run commits on its way, that goes with an error that
 * nobody catches.  The registry's own lock
 * (leadscore.lock) is another one, so that nobody waits for a long scoring to promote.
 */
CREATE FUNCTION leadscore.job_lock_key(name text, OUT class integer, OUT object integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (pg_catalog.hashtext('leadscore run'), pg_catalog.hashtext(name));
COMMENT ON FUNCTION leadscore.job_lock_key(text) IS 'the two keys of the advisory lock of a model''s runs';

CREATE FUNCTION leadscore.take_run_lock(class integer, object integer) RETURNS boolean
AS 'MODULE_PATHNAME', 'lead_take_run_lock' LANGUAGE C STRICT;
COMMENT ON FUNCTION leadscore.take_run_lock(integer, integer) IS
'takes an advisory lock of the session that goes when a transaction aborts; false: it is taken';

CREATE FUNCTION leadscore.take_job_lock(name text) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT leadscore.take_run_lock(k.class, k.object) FROM leadscore.job_lock_key(name) AS k $$;
COMMENT ON FUNCTION leadscore.take_job_lock(text) IS 'takes the lock of a model''s runs for this session; false: it is taken';

CREATE FUNCTION leadscore.give_job_lock() RETURNS void
AS 'MODULE_PATHNAME', 'lead_give_run_lock' LANGUAGE C;
COMMENT ON FUNCTION leadscore.give_job_lock() IS 'gives the lock of a model''s runs back';

-- Raises an error that was recorded.
CREATE FUNCTION leadscore.raise_failure(failure jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '%', coalesce(failure->>'message', 'unknown error')
		USING ERRCODE = coalesce(failure->>'sqlstate', 'P0001'),
			DETAIL = coalesce(nullif(failure->>'detail', ''), 'The run is recorded with this error.'),
			HINT = coalesce(nullif(failure->>'hint', ''), 'See leadscore.job_runs and leadscore.score_runs.');
END;
$$;
COMMENT ON FUNCTION leadscore.raise_failure(jsonb) IS 'raises an error that was recorded before';

-- lead_refresh_scores: a table of scores, and the runs that keep it up to date.
--
-- The table has the key, score, grade, reasons, model_version, scored_at, and the
-- fingerprint of what the score was computed from: the values of the model's columns, and
-- what the grades and reasons are asked to be.  A row is scored when it is new, when its
-- fingerprint has changed, or when another version is live.  Every scoring is also a row
-- of <table>_history.

-- <table>_history; a qualified name in, a qualified name out
CREATE FUNCTION leadscore.history_of(target text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT format('%I.%I', p[1], p[2] || '_history') FROM parse_ident(target) AS p);
COMMENT ON FUNCTION leadscore.history_of(text) IS 'the table with the history of a table of scores';

-- Checks that a table can hold scores: the columns that leadscore makes, maybe more, and
-- one row for each key.
CREATE FUNCTION leadscore.check_score_table(target regclass, key text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation pg_class;
	lacking text;
BEGIN
	SELECT c.* INTO relation FROM pg_class AS c WHERE c.oid = target;
	SELECT format('It has no column "%s"%s.', n.name, ' of type ' || n.type::regtype) INTO lacking
	FROM (VALUES (1, key, NULL), (2, 'score', 'float8'), (3, 'grade', 'text'), (4, 'reasons', 'text'), (5, 'model_version', 'int4'),
			(6, 'scored_at', 'timestamptz'), (7, 'fingerprint', 'int8')) AS n(o, name, type)
	WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = n.name AND a.attnum > 0
		AND NOT a.attisdropped AND a.atttypid = coalesce(n.type::regtype, a.atttypid))
	ORDER BY n.o LIMIT 1;
	IF relation.relkind NOT IN ('r', 'p') THEN
		lacking := 'It is not a table.';
	ELSIF lacking IS NULL AND NOT leadscore.is_unique(target, key) THEN
		lacking := format('It has no unique index on column "%s" alone.', key);
	END IF;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION '"%" is not a table of scores', relation.relname
			USING ERRCODE = 'wrong_object_type', DETAIL = lacking,
				HINT = 'target is the table to write the scores to, made where there is none: give another name. The leads to score are the source.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_score_table(regclass, text) IS 'an error where a table cannot hold scores';

-- Checks that a table can go on as the history of a table of scores, which may be a new one.
CREATE FUNCTION leadscore.check_score_history(history regclass, target regclass, key text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation pg_class;
	lacking text;
BEGIN
	SELECT c.* INTO relation FROM pg_class AS c WHERE c.oid = history;
	SELECT format('It has no column "%s" of type %s.', t.attname, format_type(t.atttypid, NULL)) INTO lacking
	FROM pg_attribute AS t
	WHERE t.attrelid = target AND NOT t.attisdropped
		AND t.attname = ANY (ARRAY[key, 'score', 'grade', 'reasons', 'model_version', 'scored_at'])
		AND NOT EXISTS (SELECT FROM pg_attribute AS h WHERE h.attrelid = history AND h.attname = t.attname AND h.attnum > 0
			AND NOT h.attisdropped AND h.atttypid = t.atttypid)
	ORDER BY t.attnum LIMIT 1;
	IF relation.relkind NOT IN ('r', 'p') THEN
		lacking := 'It is not a table.';
	END IF;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION '"%" is not a history of "%"', relation.relname, (SELECT c.relname FROM pg_class AS c WHERE c.oid = target)
			USING ERRCODE = 'wrong_object_type', DETAIL = lacking,
				HINT = 'Every scoring is also written there: rename or drop what is in the way, or give another target.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_score_history(regclass, regclass, text) IS
'an error where a table cannot be the history of a table of scores';

-- Sets a table of scores up, or changes what it is to hold; NULL: as before, else the
-- default.  source is resolved, target is not; schema is the caller's current one.
CREATE FUNCTION leadscore.score_table(name text, source text, target text, schema text, grades jsonb, reasons integer)
RETURNS leadscore.score_tables
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	spec jsonb := leadscore.spec_of(name);
	known leadscore.score_tables;
	made leadscore.score_tables;
BEGIN
	IF strpos(name, '@') > 0 THEN
		RAISE EXCEPTION 'scores are kept for what is live: give the model''s name without "@"'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF reasons NOT BETWEEN 0 AND 100 THEN
		RAISE EXCEPTION 'the number of reasons must be between 0 and 100' USING ERRCODE = 'invalid_parameter_value';
	ELSIF spec->>'key' IS NULL THEN
		RAISE EXCEPTION 'model "%" has no key column', name
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Train it with a key, which tells one lead from another.';
	END IF;
	SELECT t.* INTO known FROM leadscore.score_tables AS t WHERE t.name = score_table.name;
	IF known.name IS NOT NULL AND (source IS NULL OR target IS NULL) THEN
		PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', name), known.created_by,
			'Give source and target yourself, or look at leadscore.score_tables.');
	END IF;
	made := known;
	made.name := name;
	made.key := spec->>'key';
	made.source := coalesce(source, known.source, leadscore.source_of_model(name));
	made.target := CASE WHEN target IS NULL AND known.name IS NOT NULL THEN known.target
		ELSE leadscore.qualify(coalesce(target, quote_ident(name || '_scores')), schema) END;
	made.reasons := coalesce(reasons, known.reasons, 3);
	made.grades := CASE WHEN grades IS NULL AND known.name IS NOT NULL THEN known.grades
		ELSE leadscore.complete_grades(name, grades, made.source, spec) END;
	PERFORM leadscore.check_source(name, made.source, made.key);

	IF to_regclass(made.target) IS NOT NULL THEN
		PERFORM leadscore.check_score_table(made.target::regclass, made.key);
	ELSE
		EXECUTE format('CREATE TABLE %s AS SELECT s.%I, NULL::float8 AS score, NULL::text AS grade, NULL::text AS reasons,
				NULL::integer AS model_version, NULL::timestamptz AS scored_at, NULL::bigint AS fingerprint
			FROM %s AS s WITH NO DATA', made.target, made.key, made.source);
		EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%I), ALTER score SET NOT NULL, ALTER model_version SET NOT NULL,
			ALTER scored_at SET NOT NULL, ALTER fingerprint SET NOT NULL', made.target, made.key);
		EXECUTE format('COMMENT ON TABLE %s IS %L', made.target, 'scores by model ' || name);
	END IF;
	IF to_regclass(leadscore.history_of(made.target)) IS NOT NULL THEN
		PERFORM leadscore.check_score_history(leadscore.history_of(made.target)::regclass, made.target::regclass, made.key);
	ELSE
		EXECUTE format('CREATE TABLE %s AS SELECT t.%I, t.score, t.grade, t.reasons, t.model_version, t.scored_at
			FROM %s AS t WITH NO DATA', leadscore.history_of(made.target), made.key, made.target);
		EXECUTE format('CREATE INDEX ON %s (%I, scored_at)', leadscore.history_of(made.target), made.key);
		EXECUTE format('COMMENT ON TABLE %s IS %L', leadscore.history_of(made.target), 'every scoring by model ' || name);
	END IF;
	IF made.target <> known.target THEN
		RAISE NOTICE 'target changed from % to %', known.target, made.target
			USING DETAIL = format('Calls that name none, and the job "score" of model "%s", write there from now on.', name);
	END IF;
	IF made.source <> known.source THEN
		RAISE NOTICE 'source changed from % to %', known.source, made.source
			USING DETAIL = format('Calls that name none, and the job "score" of model "%s", read it from now on.', name);
	END IF;
	IF made IS DISTINCT FROM known THEN
		DELETE FROM leadscore.score_tables AS t WHERE t.name = score_table.name;
		INSERT INTO leadscore.score_tables (name, source, key, target, grades, reasons)
		VALUES (made.name, made.source, made.key, made.target, made.grades, made.reasons);
	END IF;
	RETURN made;
END;
$$;
COMMENT ON FUNCTION leadscore.score_table(text, text, text, text, jsonb, integer) IS
'sets up the table that holds a model''s scores';

-- A notice where each batch will read a whole table: it has no index in the order of the
-- key, and more rows than one batch.
CREATE FUNCTION leadscore.tell_unindexed(name text, batch_size integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t leadscore.score_tables;
	relation regclass;
	more boolean;
BEGIN
	SELECT s.* INTO t FROM leadscore.score_tables AS s WHERE s.name = tell_unindexed.name;
	relation := CASE WHEN NOT starts_with(t.source, '(') THEN t.source::regclass END;
	IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'm'))
		OR EXISTS (SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
				   JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
				   JOIN pg_opclass AS o ON o.oid = i.indclass[0]
				   WHERE i.indrelid = relation AND a.attname = t.key AND i.indisvalid AND i.indpred IS NULL
						AND o.opcdefault AND o.opcmethod = (SELECT am.oid FROM pg_am AS am WHERE am.amname = 'btree')
						AND i.indcollation[0] = a.attcollation) THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s OFFSET $1)', t.source) INTO more USING batch_size;
	IF more THEN
		RAISE NOTICE 'source % has no index on "%": each batch of % reads all of it', t.source, t.key, batch_size
			USING HINT = format('CREATE INDEX ON %s (%I), or give a greater batch_size.', t.source, t.key);
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.tell_unindexed(text, integer) IS
'a notice where each batch of a scoring will read a whole table';

-- After a run that failed: what its call was told is forgotten, so that the next one does
-- as the last that went well.  A cancelled run is gone on with as it was begun.
-- former	the row of leadscore.score_tables before the call, all NULL for none
-- returns	the failure, with what became of it
CREATE FUNCTION leadscore.forget_told(name text, former leadscore.score_tables, failure jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told leadscore.score_tables;
BEGIN
	SELECT t.* INTO told FROM leadscore.score_tables AS t WHERE t.name = forget_told.name;
	IF failure->>'sqlstate' = '57014' OR told IS NOT DISTINCT FROM former THEN
		RETURN failure;
	END IF;
	DELETE FROM leadscore.score_tables AS t WHERE t.name = forget_told.name;
	IF former.name IS NOT NULL THEN
		INSERT INTO leadscore.score_tables SELECT former.*;
	END IF;
	RETURN failure || jsonb_build_object('detail', concat_ws(' ', failure->>'detail',
		'The run is recorded with this error; what the call was told is not kept.'));
END;
$$;
COMMENT ON FUNCTION leadscore.forget_told(text, leadscore.score_tables, jsonb) IS
'puts back where scores are kept, after a run that failed';

-- The operator of a type's order, 3 "=" or 5 ">", as the type's index has it and whatever
-- search_path hides: leads are read in the order of the key.
CREATE FUNCTION leadscore.order_operator(type regtype, strategy integer) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base oid := coalesce((WITH RECURSIVE d AS (SELECT type::oid AS oid UNION ALL
		SELECT t.typbasetype FROM pg_type AS t JOIN d ON t.oid = d.oid WHERE t.typtype = 'd')
		SELECT d.oid FROM d JOIN pg_type AS t ON t.oid = d.oid WHERE t.typtype <> 'd'), type);
	found text;
BEGIN
	SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) INTO found
	FROM pg_opclass AS c
	JOIN pg_amop AS a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype
	JOIN pg_operator AS o ON o.oid = a.amopopr
	JOIN pg_namespace AS n ON n.oid = o.oprnamespace
	WHERE c.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree') AND c.opcdefault AND a.amopstrategy = strategy
		AND (c.opcintype = base
			OR c.opcintype = 'anyenum'::regtype AND EXISTS (SELECT FROM pg_type WHERE oid = base AND typtype = 'e')
			OR EXISTS (SELECT FROM pg_cast WHERE castsource = base AND casttarget = c.opcintype AND castmethod = 'b' AND castcontext = 'i'))
	ORDER BY c.opcintype <> base, c.opcintype <> 'text'::regtype LIMIT 1;
	IF found IS NULL THEN
		RAISE EXCEPTION 'a key of type % has no order to read leads by', type::text USING ERRCODE = 'datatype_mismatch',
			HINT = 'Take a number, text, uuid or time.';
	END IF;
	RETURN found;
END;
$$;
COMMENT ON FUNCTION leadscore.order_operator(regtype, integer) IS 'the operator of a type''s default order';

-- The statement that scores a batch: $1 the model, $2 the cuts of grades, $3 the last key
-- of the batch before or NULL, $4 the version, $5 the size.  It returns how many rows it
-- read, the last key, how many had no key or one of another, and of the rows scored how
-- many, how many of each grade, and the sum of the scores.
--
-- A lead's old score is looked up in the index (LIMIT sees to that): a join would read the
-- whole table for every batch.  Texts are hashed by their bytes, whatever their collation
-- takes for equal.
CREATE FUNCTION leadscore.score_statement(t leadscore.score_tables, model bytea) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	info jsonb := @extschema@.lead_info(model);
	inputs text;
	seed bigint;
	key_type oid;
	key_cast text;
BEGIN
	-- a column of the model, or the time that a column of the model is a part of
	SELECT string_agg(CASE WHEN is_text THEN format('leadscore_row.%I::pg_catalog.text COLLATE pg_catalog."C"', f.name)
			ELSE format('leadscore_row.%I', f.name) END, ', ' ORDER BY f.name COLLATE "C")
	INTO inputs
	FROM (SELECT f AS name, bool_or(c->>'type' = 'text') AS is_text
		  FROM jsonb_array_elements_text(leadscore.spec_of(t.name)->'features') AS f,
			   jsonb_array_elements(info->'columns') AS c
		  WHERE c->>'name' = f OR starts_with(c->>'name', f || '.')
		  GROUP BY f) AS f;
	IF info->'roles' ? 'offset' THEN
		inputs := concat_ws(', ', inputs, format('leadscore_row.%I', info->'roles'->>'offset'));
	END IF;
	IF inputs IS NULL THEN
		RAISE EXCEPTION 'model "%" has no columns', t.name USING ERRCODE = 'internal_error';
	END IF;
	seed := hashtextextended(concat_ws('|', inputs, t.grades, t.reasons), 0);
	SELECT a.atttypid, format_type(a.atttypid, a.atttypmod) INTO key_type, key_cast
	FROM pg_attribute AS a WHERE a.attrelid = t.target::regclass AND a.attname = t.key;
	IF key_type IS NULL THEN
		RAISE EXCEPTION '% has no column "%"', t.target, t.key USING ERRCODE = 'undefined_column';
	END IF;

	RETURN format('
		WITH batch AS MATERIALIZED (
			SELECT leadscore_row.%1$I AS key, pg_catalog.hash_record_extended(ROW(%2$s), %3$L) AS fingerprint,
				leadscore_row AS lead
			FROM %4$s AS leadscore_row
			WHERE $3 IS NULL OR leadscore_row.%1$I %5$s $3::%6$s
			ORDER BY leadscore_row.%1$I FETCH FIRST $5 ROWS WITH TIES
		), stale AS MATERIALIZED (
			SELECT b.* FROM batch AS b LEFT JOIN LATERAL (SELECT t.* FROM %7$s AS t WHERE t.%1$I %10$s b.key LIMIT 1) AS t ON true
			WHERE b.key IS NOT NULL AND (t.%1$I IS NULL OR t.model_version OPERATOR(pg_catalog.<>) $4
				OR t.fingerprint OPERATOR(pg_catalog.<>) b.fingerprint)
		), scored AS MATERIALIZED (
			SELECT s.key, s.fingerprint, p.score, @extschema@.lead_grade(p.score, $2) AS grade, %9$s AS reasons
			FROM stale AS s, LATERAL (SELECT @extschema@.lead_score($1, s.lead) AS score OFFSET 0) AS p
		), written AS (
			INSERT INTO %7$s AS t (%1$I, score, grade, reasons, model_version, scored_at, fingerprint)
			SELECT s.key, s.score, s.grade, s.reasons, $4, pg_catalog.now(), s.fingerprint FROM scored AS s
			ON CONFLICT (%1$I) DO UPDATE SET score = excluded.score, grade = excluded.grade, reasons = excluded.reasons,
				model_version = excluded.model_version, scored_at = excluded.scored_at, fingerprint = excluded.fingerprint
		), told AS (
			INSERT INTO %8$s (%1$I, score, grade, reasons, model_version, scored_at)
			SELECT s.key, s.score, s.grade, s.reasons, $4, pg_catalog.now() FROM scored AS s
		)
		SELECT r.rows_read, r.last_key, r.without_key, r.repeated, c.* FROM
			(SELECT pg_catalog.count(*) AS rows_read, pg_catalog.count(*) FILTER (WHERE b.key IS NULL) AS without_key,
				pg_catalog.count(b.key) OPERATOR(pg_catalog.-) pg_catalog.count(DISTINCT b.key) AS repeated,
				(pg_catalog.array_agg(b.key ORDER BY b.key DESC) FILTER (WHERE b.key IS NOT NULL))[1]::pg_catalog.text AS last_key
			 FROM batch AS b) AS r,
			(SELECT pg_catalog.count(*) AS rows_scored,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''A'') AS rows_a,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''B'') AS rows_b,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''C'') AS rows_c,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''D'') AS rows_d,
				coalesce(pg_catalog.sum(s.score), 0) AS sum_score FROM scored AS s) AS c',
		t.key, inputs, seed, t.source, leadscore.order_operator(key_type, 5), key_cast, t.target, leadscore.history_of(t.target),
		CASE WHEN t.reasons = 0 THEN 'NULL::pg_catalog.text'
			ELSE format('@extschema@.lead_reasons($1, s.lead, %s)', t.reasons) END,
		leadscore.order_operator(key_type, 3));
END;
$$;
COMMENT ON FUNCTION leadscore.score_statement(leadscore.score_tables, bytea) IS
'the statement that scores a batch of leads';

-- A run begins: its row in leadscore.score_runs.  Whoever calls it holds the model's lock.
CREATE FUNCTION leadscore.begin_scores(name text, schema text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t leadscore.score_tables;
	run bigint;
BEGIN
	-- under the lock, what still seems to run was broken off
	UPDATE leadscore.score_runs AS r SET status = 'interrupted'
	WHERE r.name = begin_scores.name AND r.status = 'running';
	SELECT s.* INTO t FROM leadscore.score_tables AS s WHERE s.name = begin_scores.name;
	IF t.name IS NOT NULL THEN
		PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', t.name), t.created_by,
			'Call lead_refresh_scores() with source and target, or look at leadscore.score_tables.');
	END IF;
	IF t.name IS NULL OR to_regclass(t.target) IS NULL OR to_regclass(leadscore.history_of(t.target)) IS NULL THEN
		t := leadscore.score_table(name, NULL, NULL, schema, NULL, NULL);
	END IF;
	INSERT INTO leadscore.score_runs AS r (name, version, target, status)
	VALUES (name, @extschema@.lead_model_version(name), t.target, 'running')
	RETURNING r.score_run_id INTO run;
	RETURN run;
END;
$$;
COMMENT ON FUNCTION leadscore.begin_scores(text, text) IS 'notes that a scoring begins';

-- Scores a batch, the rows after a key, by the version that the run began with, and
-- counts it.  The source is read under the settings of the model's training.
-- last		in: the last key of the batch before, NULL at first; out: of this one
-- more		there may be another batch
CREATE FUNCTION leadscore.score_batch(run bigint, size integer, INOUT last text, OUT more boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	t leadscore.score_tables;
	reference text;
	live integer;
	model bytea;
	cuts float8[];
	statement text;
	here jsonb := leadscore.current_settings();
	batch record;
	repeated boolean := false;
BEGIN
	SELECT s.* INTO t FROM leadscore.score_tables AS s JOIN leadscore.score_runs AS r USING (name) WHERE r.score_run_id = run;
	PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', t.name), t.created_by,
		'Call lead_refresh_scores() with source and target, or look at leadscore.score_tables.');
	SELECT r.version, r.name || '@' || r.version INTO live, reference FROM leadscore.score_runs AS r WHERE r.score_run_id = run;
	model := @extschema@.lead_model(reference);
	cuts := @extschema@.lead_grade_cuts(reference, t.grades);
	statement := leadscore.score_statement(t, model);
	PERFORM leadscore.set_settings(leadscore.spec_of(reference)->'settings');
	BEGIN
		EXECUTE statement INTO batch USING model, cuts, last, live, size;
	EXCEPTION WHEN cardinality_violation THEN
		repeated := true;	-- ON CONFLICT met a key twice
	END;
	PERFORM leadscore.set_settings(here);
	IF NOT repeated THEN
		repeated := batch.repeated > 0;
	END IF;
	IF repeated THEN
		RAISE EXCEPTION 'key column "%" has a value more than once', t.key
			USING ERRCODE = 'cardinality_violation', HINT = 'A lead is scored once: give a source with one row for each key.';
	ELSIF batch.without_key > 0 THEN
		RAISE EXCEPTION 'key column "%" is NULL in some rows', t.key USING ERRCODE = 'null_value_not_allowed';
	END IF;
	UPDATE leadscore.score_runs AS r
	SET rows_read = r.rows_read + batch.rows_read, rows_scored = r.rows_scored + batch.rows_scored,
		batches = r.batches + 1,
		rows_a = r.rows_a + batch.rows_a, rows_b = r.rows_b + batch.rows_b,
		rows_c = r.rows_c + batch.rows_c, rows_d = r.rows_d + batch.rows_d,
		mean_score = (coalesce(r.mean_score, 0) * r.rows_scored + batch.sum_score)
			/ nullif(r.rows_scored + batch.rows_scored, 0)
	WHERE r.score_run_id = run;
	last := batch.last_key;
	more := batch.rows_read >= size;
END;
$$;
COMMENT ON FUNCTION leadscore.score_batch(bigint, integer, text) IS 'scores the batch of leads after a key';

-- A run ends, by itself or by a failure, which may have come before its row was written.
CREATE FUNCTION leadscore.end_scores(run bigint, name text, failure jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r leadscore.score_runs;
BEGIN
	IF run IS NULL THEN
		INSERT INTO leadscore.score_runs AS s (name, target, status, ended_at, error, sqlstate)
		SELECT m.name, '', 'failed', clock_timestamp(), failure->>'message', failure->>'sqlstate'
		FROM leadscore.models AS m WHERE m.name = end_scores.name;
		RETURN NULL;
	END IF;
	UPDATE leadscore.score_runs AS s
	SET status = CASE WHEN failure IS NULL THEN 'finished' ELSE 'failed' END, ended_at = clock_timestamp(),
		error = failure->>'message', sqlstate = failure->>'sqlstate'
	WHERE s.score_run_id = run RETURNING * INTO r;
	RETURN format('%s of %s leads scored by version %s, in %s', r.rows_scored, r.rows_read, r.version, r.target);
END;
$$;
COMMENT ON FUNCTION leadscore.end_scores(bigint, text, jsonb) IS 'notes how a scoring ended';

-- What went wrong, as raise_failure() raises it again.
CREATE FUNCTION leadscore.failure(message text, detail text, hint text, sqlstate text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN jsonb_build_object('message', message, 'detail', nullif(detail, ''), 'hint', nullif(hint, ''), 'sqlstate', sqlstate);
COMMENT ON FUNCTION leadscore.failure(text, text, text, text) IS 'an error, to be recorded';

-- Scores what is new, changed or scored by another version, batch by batch, each
-- committed; failure says why it broke off.  What was committed stays, and the next run
-- goes on from there.  Whoever calls it holds the model's lock.
CREATE PROCEDURE leadscore.refresh_scores(name text, batch_size integer, INOUT result text, INOUT failure jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
	run pg_catalog.int8;
	last pg_catalog.text;
	more pg_catalog.bool := true;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	code pg_catalog.text;
BEGIN
	BEGIN
		run := leadscore.begin_scores(name, pg_catalog.current_schema()::pg_catalog.text);
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
		failure := leadscore.failure(message, detail, hint, code);
	END;
	COMMIT;
	WHILE failure IS NULL AND more LOOP
		BEGIN
			SELECT b.last, b.more INTO last, more FROM leadscore.score_batch(run, batch_size, last) AS b;
		EXCEPTION WHEN query_canceled OR OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
				hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
			failure := leadscore.failure(message, detail, hint, code);
		END;
		COMMIT;
	END LOOP;
	result := leadscore.end_scores(run, name, failure);
	COMMIT;
END;
$$;
COMMENT ON PROCEDURE leadscore.refresh_scores(text, integer, text, jsonb) IS
'scores leads batch by batch; the work of lead_refresh_scores() and of the job "score"';

-- CALL lead_refresh_scores(name, …): the scores of a model's leads, in a table.
-- name		a model; its champion scores
-- target	the table, made if it isn't there; the first time: the model's name, followed
--			by _scores, in the current schema
-- source	a table, a view, or one SELECT, with the model's columns and its key; the first
--			time: what the model was trained on.  An index on the key makes batches cheap
-- grades	see lead_grade_cuts(); reasons: how many, at the first time 3
-- batch_size	leads per transaction
-- What is given is kept for the next calls, and for the job "score", unless this one fails
-- by anything but a cancel.
-- errors	what broke the run off, once it is recorded in leadscore.score_runs; not within a
--			transaction block.  Another run under way is no error: it says so and leaves
CREATE PROCEDURE lead_refresh_scores(name text, target text DEFAULT NULL, source text DEFAULT NULL,
	grades jsonb DEFAULT NULL, reasons integer DEFAULT NULL, batch_size integer DEFAULT 10000)
LANGUAGE plpgsql
AS $$
DECLARE
	result pg_catalog.text;
	failure pg_catalog.jsonb;
	former leadscore.score_tables;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	code pg_catalog.text;
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'the name of the model is NULL' USING ERRCODE = 'null_value_not_allowed';
	ELSIF batch_size IS NULL OR batch_size OPERATOR(pg_catalog.<) 1 THEN
		RAISE EXCEPTION 'batch_size must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	COMMIT;		-- impossible in a transaction block: better here than after the work
	IF NOT leadscore.take_job_lock(name) THEN
		RAISE NOTICE 'another run of model "%" is under way', name;
		RETURN;
	END IF;
	BEGIN
		SELECT t.* INTO former FROM leadscore.score_tables AS t WHERE t.name OPERATOR(pg_catalog.=) lead_refresh_scores.name;
		PERFORM leadscore.score_table(name, leadscore.source_of(source), target,
			pg_catalog.current_schema()::pg_catalog.text, grades, reasons);
		PERFORM leadscore.tell_unindexed(name, batch_size);
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
		-- before a run has begun nothing can be recorded of it
		failure := leadscore.failure(message, coalesce(nullif(detail, ''), 'No run was begun.'),
			coalesce(nullif(hint, ''), 'Call lead_refresh_scores() again when this is mended.'), code);
	END;
	COMMIT;
	IF failure IS NULL THEN
		CALL leadscore.refresh_scores(name, batch_size, result, failure);
		IF failure IS NOT NULL THEN
			failure := leadscore.forget_told(name, former, failure);
			COMMIT;
		END IF;
	END IF;
	PERFORM leadscore.give_job_lock();
	IF failure IS NOT NULL THEN
		PERFORM leadscore.raise_failure(failure);
	END IF;
	RAISE NOTICE '%', result;
END;
$$;
COMMENT ON PROCEDURE lead_refresh_scores(text, text, text, jsonb, integer, integer) IS
'scores a model''s leads into a table: what is new, changed or scored by another version';

----------------------------------------------------------------------------
-- On a schedule
----------------------------------------------------------------------------

/*
 *	lead_schedule(name, action, cron)	-> lead_scheduled: a job of pg_cron
 *	lead_unschedule(name, action)		-> lead_scheduled
 *	CALL lead_run_job(name, action)		what pg_cron calls, and any other scheduler may
 *	leadscore.lead_jobs					a row per job: last run, result, overdue?
 *
 * actions: retrain (lead_retrain), score (lead_refresh_scores), monitor (the checks of
 * lead_validate), prune (lead_prune).
 *
 * The log is our own: pg_cron's has no row for a run that it never began.  Two runs of
 * one model never overlap; the second is logged as skipped and leaves.
 */

CREATE TABLE leadscore.jobs (
	job_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	name text NOT NULL REFERENCES leadscore.models ON UPDATE CASCADE,
	action text NOT NULL CHECK (action IN ('retrain', 'score', 'monitor', 'prune')),
	schedule text NOT NULL,
	timezone text NOT NULL,
	scheduled_in text NOT NULL,
	scheduled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	scheduled_by text NOT NULL DEFAULT current_user,
	UNIQUE (name, action)
);
COMMENT ON TABLE leadscore.jobs IS 'what lead_schedule() was asked for';
COMMENT ON COLUMN leadscore.jobs.timezone IS 'in which pg_cron reads the schedule';
COMMENT ON COLUMN leadscore.jobs.scheduled_in IS 'the database that pg_cron lives in';

CREATE TABLE leadscore.job_runs (
	job_run_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	name text NOT NULL,
	action text NOT NULL,
	status text NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'skipped', 'interrupted')),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	ended_at timestamptz,
	started_by text NOT NULL DEFAULT current_user,
	pid integer NOT NULL DEFAULT pg_backend_pid(),
	result text,
	error text,
	sqlstate text
);
CREATE INDEX ON leadscore.job_runs (name, action, started_at);
COMMENT ON TABLE leadscore.job_runs IS 'a row per run of lead_run_job(); no foreign key, so that it outlives the model';

SELECT pg_catalog.pg_extension_config_dump('leadscore.jobs', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.job_runs', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.jobs_job_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('leadscore.job_runs_job_run_id_seq', '');

GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON
	leadscore.jobs, leadscore.job_runs TO @extowner@ WITH GRANT OPTION;
GRANT USAGE, SELECT, UPDATE ON SEQUENCE leadscore.jobs_job_id_seq, leadscore.job_runs_job_run_id_seq
	TO @extowner@ WITH GRANT OPTION;

----------------------------------------------------------------------------
-- When was a job due?
----------------------------------------------------------------------------

-- A field of a cron schedule as its numbers: "*", "7", "1-5", "*/10", "8-18/2", names
-- where there are any, and lists of these.
-- errors: whatever cron does not take
CREATE FUNCTION leadscore.cron_field(field text, low integer, high integer, names text[] DEFAULT '{}')
RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text;
	bounds text[];
	first integer;
	last integer;
	step integer;
	numbers integer[] := '{}';
BEGIN
	FOREACH part IN ARRAY string_to_array(lower(field), ',') LOOP
		bounds := regexp_match(part, '^(?:(\*)|([0-9]{1,4}|[a-z]{3})(?:-([0-9]{1,4}|[a-z]{3}))?)(?:/([0-9]{1,4}))?$');
		-- a name counts from the lowest number on
		first := CASE WHEN bounds[1] = '*' THEN low
			WHEN bounds[2] ~ '^[0-9]' THEN bounds[2]::integer
			ELSE array_position(names, bounds[2]) - 1 + low END;
		last := CASE WHEN bounds[1] = '*' THEN high
			WHEN bounds[3] IS NULL THEN first
			WHEN bounds[3] ~ '^[0-9]' THEN bounds[3]::integer
			ELSE array_position(names, bounds[3]) - 1 + low END;
		step := coalesce(bounds[4]::integer, 1);
		IF bounds IS NULL OR first IS NULL OR last IS NULL OR first < low OR last > high OR first > last
			OR step < 1 OR (bounds[4] IS NOT NULL AND bounds[1] IS NULL AND bounds[3] IS NULL) THEN
			RAISE EXCEPTION 'invalid cron schedule: "%" is not a field of %-%', field, low, high
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
		numbers := numbers || ARRAY(SELECT generate_series(first, last, step));
	END LOOP;
	RETURN numbers;
END;
$$;
COMMENT ON FUNCTION leadscore.cron_field(text, integer, integer, text[]) IS
'the numbers that a field of a cron schedule stands for';

-- The last time, until "at", at which a schedule was due; NULL if there was none in
-- eight years (30 February) or it is due at a start of the server only (@reboot).
-- As in cron, a day fits when both its fields do; if neither begins with "*", one of the
-- two is enough.
-- schedule		five fields, "@daily" and the like, "30 seconds"
-- errors		a schedule that is none, an unknown time zone
CREATE FUNCTION leadscore.cron_due(schedule text, at timestamptz, timezone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	local timestamp := at AT TIME ZONE timezone;
	fields text[] := regexp_split_to_array(btrim(schedule, E' \t'), '[ \t]+');
	minutes integer[];
	hours integer[];
	days integer[];
	months integer[];
	weekdays integer[];
	now_minute CONSTANT integer := extract(hour FROM local) * 60 + extract(minute FROM local);
	day date;
	minute integer;
	day_fits boolean;
	weekday_fits boolean;
BEGIN
	IF schedule ~ '^[1-5]?[0-9] seconds?$' AND schedule !~ '^0' THEN
		RETURN at - schedule::interval;
	END IF;
	IF cardinality(fields) = 1 THEN
		fields := CASE lower(fields[1])
			WHEN '@hourly' THEN '{0,*,*,*,*}'
			WHEN '@daily' THEN '{0,0,*,*,*}'
			WHEN '@midnight' THEN '{0,0,*,*,*}'
			WHEN '@weekly' THEN '{0,0,*,*,0}'
			WHEN '@monthly' THEN '{0,0,1,*,*}'
			WHEN '@yearly' THEN '{0,0,1,1,*}'
			WHEN '@annually' THEN '{0,0,1,1,*}'
			WHEN '@reboot' THEN '{@reboot}'
			ELSE '{}' END;
		IF fields[1] = '@reboot' THEN
			RETURN NULL;
		END IF;
	END IF;
	IF cardinality(fields) <> 5 THEN
		RAISE EXCEPTION 'invalid cron schedule: "%"', schedule
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Five fields: minute, hour, day of the month, month, day of the week; "30 3 * * *" is at 3:30 every day.';
	END IF;
	minutes := leadscore.cron_field(fields[1], 0, 59);
	hours := leadscore.cron_field(fields[2], 0, 23);
	days := CASE WHEN fields[3] = '$' THEN '{}' ELSE leadscore.cron_field(fields[3], 1, 31) END;
	months := leadscore.cron_field(fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}');
	weekdays := leadscore.cron_field(fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
	IF 7 = ANY (weekdays) THEN
		weekdays := weekdays || 0;
	END IF;

	FOR back IN 0 .. 8 * 366 LOOP
		day := local::date - back;
		CONTINUE WHEN extract(month FROM day) <> ALL (months);
		day_fits := CASE WHEN fields[3] = '$' THEN extract(day FROM day + 1) = 1
			ELSE extract(day FROM day) = ANY (days) END;
		weekday_fits := extract(dow FROM day) = ANY (weekdays);
		CONTINUE WHEN NOT CASE WHEN fields[3] LIKE '*%' OR fields[5] LIKE '*%'
			THEN day_fits AND weekday_fits ELSE day_fits OR weekday_fits END;
		SELECT max(h * 60 + m) INTO minute FROM unnest(hours) AS h, unnest(minutes) AS m
		WHERE back > 0 OR h * 60 + m <= now_minute;
		IF minute IS NOT NULL THEN
			RETURN (day + make_interval(mins => minute)) AT TIME ZONE timezone;
		END IF;
	END LOOP;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION leadscore.cron_due(text, timestamptz, text) IS
'the last time until then at which a cron schedule was due';

----------------------------------------------------------------------------
-- Jobs
----------------------------------------------------------------------------

CREATE TYPE lead_scheduled AS (job_id bigint, state text, statement text);
COMMENT ON TYPE lead_scheduled IS
'what became of a job: "scheduled", "unscheduled", or the statement that is to be run in another database';

-- Where pg_cron lives: a database, or NULL where it is not to be found.  The setting is
-- for superusers; others see its scheduler among the sessions.
CREATE FUNCTION leadscore.cron_database() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(
		(SELECT current_database()::text FROM pg_extension WHERE extname = 'pg_cron'),
		(SELECT setting FROM pg_settings WHERE name = 'cron.database_name'),
		(SELECT datname::text FROM pg_stat_activity WHERE application_name = 'pg_cron scheduler' LIMIT 1))
$$;
COMMENT ON FUNCTION leadscore.cron_database() IS 'the database that pg_cron lives in; NULL: none found';

CREATE FUNCTION leadscore.cron_timezone() RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN coalesce(nullif(current_setting('cron.timezone', true), ''), 'GMT');
EXCEPTION WHEN insufficient_privilege THEN
	RETURN 'GMT';
END;
$$;
COMMENT ON FUNCTION leadscore.cron_timezone() IS
'the time zone of pg_cron''s schedules; GMT where it has no such setting or does not show it';

-- A name of a pg_cron job, which has 63 bytes at most.
CREATE FUNCTION leadscore.cron_job_name(job_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN format('leadscore %s in %s', job_id,
	CASE WHEN octet_length(current_database()) <= 32 THEN current_database()::text ELSE md5(current_database()) END);
COMMENT ON FUNCTION leadscore.cron_job_name(bigint) IS 'what a job is called in pg_cron';

-- Takes a job away from pg_cron in this database, as far as it shows it to this role.
CREATE FUNCTION leadscore.unschedule_in_cron(job_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	taken bigint := 0;
BEGIN
	IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
		EXECUTE 'SELECT count(cron.unschedule(jobid)) FROM cron.job WHERE jobname = $1 AND database = current_database()'
		INTO taken USING leadscore.cron_job_name(job_id);
	END IF;
	RETURN taken;
END;
$$;
COMMENT ON FUNCTION leadscore.unschedule_in_cron(bigint) IS 'takes a job away from pg_cron; how many there were';

CREATE FUNCTION leadscore.check_action(action text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF action IS NULL OR action NOT IN ('retrain', 'score', 'monitor', 'prune') THEN
		RAISE EXCEPTION 'unknown action "%"', coalesce(action, '')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Actions are retrain, score, monitor and prune.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_action(text) IS 'an error unless it is an action';

-- lead_schedule(name, action, cron): runs an action on a schedule.
-- name		a model; action: retrain, score, monitor or prune
-- cron		minute, hour, day of the month, month, day of the week, in pg_cron's time zone
-- returns	the job; a second call for the same model and action changes its schedule.
--			Where pg_cron lives in another database, the job is written down and state
--			and statement say what to run there
-- errors	unknown model or action, invalid schedule, no pg_cron
CREATE FUNCTION lead_schedule(name text, action text, cron text) RETURNS lead_scheduled
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	home text := leadscore.cron_database();
	job bigint;
	planner text;
	command text;
	statement text;
BEGIN
	PERFORM leadscore.check_action(action);
	IF name IS NULL OR NOT EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = lead_schedule.name) THEN
		RAISE EXCEPTION 'model "%" does not exist', coalesce(name, '') USING ERRCODE = 'undefined_object';
	END IF;
	IF action IN ('retrain', 'monitor') THEN
		PERFORM leadscore.last_spec(name);		-- another role's recipe would fail every time
	END IF;
	IF cron IS NULL THEN
		RAISE EXCEPTION 'the schedule is NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM leadscore.cron_due(cron, now(), 'GMT');
	IF home IS NULL OR (home = current_database() AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron')) THEN
		RAISE EXCEPTION 'pg_cron is not in this database'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE WHEN home IS NULL THEN 'It does not run on this server.'
					ELSE 'It runs on this server for this database, but its extension is missing.' END,
				HINT = CASE WHEN home IS NULL THEN format('As an administrator: install the package postgresql-%s-cron, set '
						'shared_preload_libraries = ''pg_cron'' and cron.database_name = ''%s'', restart the server. Then here: ',
						current_setting('server_version_num')::integer / 10000, current_database()) ELSE '' END
					|| format('CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO %I. Without pg_cron, any scheduler can run: %s',
						current_user, leadscore.job_command(name, action));
	END IF;

	-- pg_cron keeps jobs apart by role: another role's would go on beside the new one
	IF home = current_database() THEN
		SELECT j.job_id, j.scheduled_by INTO job, planner FROM leadscore.jobs AS j
		WHERE j.name = lead_schedule.name AND j.action = lead_schedule.action AND j.scheduled_by <> current_user;
		IF FOUND AND leadscore.unschedule_in_cron(job) = 0 THEN
			RAISE EXCEPTION 'this job was scheduled by role "%"', planner
				USING ERRCODE = 'insufficient_privilege', HINT = 'Let that role, or a superuser, call lead_unschedule() first.';
		END IF;
	END IF;
	INSERT INTO leadscore.jobs AS j (name, action, schedule, timezone, scheduled_in)
	VALUES (name, action, cron, leadscore.cron_timezone(), home)
	ON CONFLICT ON CONSTRAINT jobs_name_action_key DO UPDATE
		SET schedule = excluded.schedule, timezone = excluded.timezone, scheduled_in = excluded.scheduled_in,
			scheduled_at = clock_timestamp(), scheduled_by = current_user
	RETURNING j.job_id INTO job;
	command := leadscore.job_command(name, action);

	IF home = current_database() THEN
		BEGIN
			EXECUTE 'SELECT cron.schedule($1, $2, $3)' USING leadscore.cron_job_name(job), cron, command;
		EXCEPTION WHEN insufficient_privilege THEN
			RAISE EXCEPTION '%', SQLERRM USING ERRCODE = 'insufficient_privilege',
				HINT = format('As an administrator: GRANT USAGE ON SCHEMA cron TO %I.', current_user);
		END;
		RETURN (job, 'scheduled'::text, NULL::text)::@extschema@.lead_scheduled;
	END IF;
	statement := format('SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
		leadscore.cron_job_name(job), cron, command, current_database(), current_user);
	RAISE NOTICE 'pg_cron lives in database "%"; run there: %', home, statement;
	RETURN (job, format('to be scheduled in database %I', home), statement);
END;
$$;
COMMENT ON FUNCTION lead_schedule(text, text, text) IS
'runs an action of a model (retrain, score, monitor, prune) on a cron schedule, by pg_cron';

-- What the scheduler runs; every name qualified.
CREATE FUNCTION leadscore.job_command(name text, action text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN format('CALL @extschema@.lead_run_job(%L, %L)', name, action);
COMMENT ON FUNCTION leadscore.job_command(text, text) IS 'the statement that runs a job';

-- lead_unschedule(name, action): ends what lead_schedule() began.  Its log stays.
CREATE FUNCTION lead_unschedule(name text, action text) RETURNS lead_scheduled
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	job leadscore.jobs;
	statement text;
BEGIN
	PERFORM leadscore.check_action(action);
	DELETE FROM leadscore.jobs AS j
	WHERE j.name = lead_unschedule.name AND j.action = lead_unschedule.action
	RETURNING * INTO job;
	IF job IS NULL THEN
		RAISE EXCEPTION 'model "%" has no job "%"', name, action USING ERRCODE = 'undefined_object';
	END IF;
	IF job.scheduled_in <> current_database() THEN
		statement := format('SELECT cron.unschedule(%L);', leadscore.cron_job_name(job.job_id));
		RAISE NOTICE 'pg_cron lives in database "%"; run there: %', job.scheduled_in, statement;
		RETURN (job.job_id, format('to be unscheduled in database %I', job.scheduled_in), statement);
	END IF;
	IF leadscore.unschedule_in_cron(job.job_id) = 0 THEN
		RAISE WARNING 'pg_cron shows you no such job'
			USING DETAIL = format('It was scheduled by %s, or it is gone already.', job.scheduled_by);
	END IF;
	RETURN (job.job_id, 'unscheduled'::text, NULL::text)::@extschema@.lead_scheduled;
END;
$$;
COMMENT ON FUNCTION lead_unschedule(text, text) IS 'ends a job that lead_schedule() began';

-- A run begins: its row in the log; NULL and a row "skipped" if another run of the model
-- is under way.  Holds the lock until leadscore.end_job() or the end of the session.
CREATE FUNCTION leadscore.begin_job(name text, action text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	run bigint;
BEGIN
	INSERT INTO leadscore.job_runs AS r (name, action, status) VALUES (name, action, 'running')
	RETURNING r.job_run_id INTO run;
	IF leadscore.take_job_lock(name) THEN
		-- nobody else has the lock: what still seems to run was broken off
		UPDATE leadscore.job_runs AS r SET status = 'interrupted'
		WHERE r.name = begin_job.name AND r.status = 'running' AND r.job_run_id <> run;
		RETURN run;
	END IF;
	UPDATE leadscore.job_runs AS r
	SET status = 'skipped', ended_at = clock_timestamp(), result = 'another run of the model was under way'
	WHERE r.job_run_id = run;
	RETURN NULL;
END;
$$;
COMMENT ON FUNCTION leadscore.begin_job(text, text) IS 'notes that a run begins and takes the model''s lock; NULL if it is taken';

-- A run ends: {"result", "failure", "skipped"} go into the log.  Returns them without NULLs.
CREATE FUNCTION leadscore.end_job(run bigint, outcome jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told jsonb := jsonb_strip_nulls(outcome);
BEGIN
	UPDATE leadscore.job_runs AS r
	SET status = CASE WHEN told ? 'skipped' THEN 'skipped' WHEN told ? 'failure' THEN 'failed' ELSE 'succeeded' END,
		ended_at = clock_timestamp(),
		result = CASE WHEN told ? 'skipped' THEN 'a training was under way' ELSE told->>'result' END,
		error = told->'failure'->>'message', sqlstate = told->'failure'->>'sqlstate'
	WHERE r.job_run_id = run;
	PERFORM leadscore.give_job_lock();
	RETURN told;
END;
$$;
COMMENT ON FUNCTION leadscore.end_job(bigint, jsonb) IS 'notes how a run ended and gives the model''s lock back';

-- What an action does and how it went: {"result": text, "failure": {"message", "sqlstate"}},
-- or {"skipped": true}.
CREATE FUNCTION leadscore.job_action(name text, action text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	run @extschema@.lead_run;
	found text;
	errors bigint;
BEGIN
	IF action = 'retrain' THEN
		IF NOT leadscore.lock(name, wait => false) THEN
			RETURN '{"skipped": true}';
		END IF;
		run := @extschema@.lead_retrain(name);
		IF run.status = 'failed' THEN
			RETURN jsonb_build_object('failure', leadscore.failure(run.error, NULL, NULL, 'P0001'));
		END IF;
		RETURN jsonb_build_object('result', format('version %s, AUC %s, %s', run.version,
			coalesce(round(run.auc::numeric, 4)::text, 'not judged'), CASE WHEN run.live THEN 'live' ELSE 'not live: ' || run.verdict END));
	ELSIF action = 'prune' THEN
		RETURN jsonb_build_object('result', format('%s versions dropped', @extschema@.lead_prune(name)));
	ELSE	-- monitor
		SELECT count(*) FILTER (WHERE v.severity = 'error'),
			coalesce(string_agg(format('%s: %s', v.severity, v.detail), '; '), 'nothing found')
		INTO errors, found FROM @extschema@.lead_validate(name) AS v;
		RETURN jsonb_strip_nulls(jsonb_build_object('result', found, 'failure', CASE WHEN errors > 0 THEN leadscore.failure(
			format('%s errors in the data of model "%s": %s', errors, name, found), NULL, NULL, '22000') END));
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.job_action(text, text) IS 'does what a job is for, scoring aside';

-- CALL lead_run_job(name, action): runs an action now, with a row in the log
-- (leadscore.job_runs).  While another run of the model is under way it says so and
-- leaves.
-- errors	those of the action, raised again once the log says so and is committed, so
--			that the scheduler sees them too; not within a transaction block
CREATE PROCEDURE lead_run_job(name text, action text)
LANGUAGE plpgsql
AS $$
DECLARE
	run pg_catalog.int8;
	outcome pg_catalog.jsonb;
	result pg_catalog.text;
	failure pg_catalog.jsonb;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	code pg_catalog.text;
BEGIN
	PERFORM leadscore.check_action(action);
	COMMIT;		-- impossible in a transaction block: better here than after the work
	run := leadscore.begin_job(name, action);
	COMMIT;
	IF run IS NULL THEN
		RAISE NOTICE 'another run of model "%" is under way', name;
		RETURN;
	END IF;

	IF action OPERATOR(pg_catalog.=) 'score' THEN
		CALL leadscore.refresh_scores(name, 10000, result, failure);
		outcome := pg_catalog.jsonb_build_object('result', result, 'failure', failure);
	ELSE
		BEGIN
			outcome := leadscore.job_action(name, action);
		EXCEPTION WHEN query_canceled OR OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
				hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
			outcome := pg_catalog.jsonb_build_object('failure', leadscore.failure(message, detail, hint, code));
		END;
	END IF;
	outcome := leadscore.end_job(run, outcome);
	COMMIT;
	PERFORM leadscore.tell_outcome(name, outcome);
END;
$$;
COMMENT ON PROCEDURE lead_run_job(text, text) IS
'runs an action of a model (retrain, score, monitor, prune) and logs it; what a scheduler calls';

CREATE FUNCTION leadscore.tell_outcome(name text, outcome jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF outcome ? 'failure' THEN
		PERFORM leadscore.raise_failure(outcome->'failure');
	ELSIF outcome ? 'skipped' THEN
		RAISE NOTICE 'a training of model "%" is under way', name;
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.tell_outcome(text, jsonb) IS 'raises the error that a run ended with, once it is logged';

-- Overdue: no run has begun since a time at which it was due, five minutes ago or more.  A run whose session is gone
-- is interrupted; on a standby the locks of the primary cannot be seen.
CREATE VIEW leadscore.lead_jobs AS
SELECT j.job_id, j.name AS model, j.action, j.schedule, j.timezone,
	r.started_at AS last_run,
	coalesce(r.ended_at, CASE WHEN status.now = 'running' THEN clock_timestamp() END) - r.started_at AS duration,
	status.now AS status, r.result, r.error,
	leadscore.cron_due(j.schedule, now(), j.timezone) AS last_due,
	coalesce(due.due > j.scheduled_at AND (r.started_at IS NULL OR r.started_at < due.due), false) AS overdue,
	j.scheduled_in, j.scheduled_by, j.scheduled_at
FROM leadscore.jobs AS j
LEFT JOIN LATERAL (
	SELECT * FROM leadscore.job_runs AS r WHERE r.name = j.name AND r.action = j.action
	ORDER BY r.started_at DESC, r.job_run_id DESC LIMIT 1) AS r ON true
CROSS JOIN LATERAL leadscore.cron_due(j.schedule, now() - interval '5 minutes', j.timezone) AS due(due)
CROSS JOIN LATERAL (
	SELECT CASE WHEN r.status = 'running' AND NOT pg_is_in_recovery() AND NOT EXISTS (
		SELECT FROM pg_locks AS l, leadscore.job_lock_key(j.name) AS k
		WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted AND l.pid = r.pid
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.classid = (k.class::bigint & 4294967295)::oid AND l.objid = (k.object::bigint & 4294967295)::oid)
		THEN 'interrupted' ELSE r.status END) AS status(now);
COMMENT ON VIEW leadscore.lead_jobs IS 'the scheduled jobs: last run, how long, result, error, overdue?';
GRANT SELECT ON leadscore.lead_jobs TO @extowner@ WITH GRANT OPTION;
