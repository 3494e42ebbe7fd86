----------------------------------------------------------------------------
-- From which score on is a lead taken?
----------------------------------------------------------------------------

CREATE TYPE lead_threshold_choice AS (
	n bigint,
	positives bigint,
	skipped bigint,
	threshold float8,
	value float8,
	tp bigint,
	fp bigint,
	tn bigint,
	fn bigint,
	precision float8,
	recall float8,
	specificity float8,
	f1 float8,
	share float8,
	note text
);
COMMENT ON TYPE lead_threshold_choice IS
'a threshold as lead_threshold() chooses it, and what a score that is not lower, taken for a positive, gets right and wrong';
COMMENT ON COLUMN lead_threshold_choice.n IS 'pairs of score and label';
COMMENT ON COLUMN lead_threshold_choice.skipped IS 'rows left out because score or label is NULL';
COMMENT ON COLUMN lead_threshold_choice.threshold IS 'an observed score, or infinity: take nobody; NULL where there is none, see note';
COMMENT ON COLUMN lead_threshold_choice.value IS 'of what was asked for: f1, recall + specificity - 1, the cost of all pairs; the recall for min_precision, share, capacity, the precision for min_recall';
COMMENT ON COLUMN lead_threshold_choice.share IS 'of all pairs, those that are taken';
COMMENT ON COLUMN lead_threshold_choice.note IS 'why there is no threshold';

CREATE FUNCTION lead_pairs_criterion_bool_transfn(state internal, score float8, label boolean, options jsonb)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_criterion_bool_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_criterion_int_transfn(state internal, score float8, label bigint, options jsonb)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_criterion_int_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_threshold_finalfn(state internal)
RETURNS lead_threshold_choice
AS 'MODULE_PATHNAME', 'lead_threshold_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_threshold(score, label, options): the best threshold over all distinct scores,
-- exactly; pairs of equal score are taken together.  options name one purpose:
--	{"best": "f1"}		the greatest F1
--	{"best": "youden"}	the greatest recall + specificity - 1 (Youden 1950)
--	{"cost_fp": 1, "cost_fn": 20}	the least cost; also cost_tp and cost_tn, 0 if not
--						given, a gain being a negative cost; taking nobody is a choice
--	{"min_precision": 0.8}	the greatest recall with a precision of at least that
--	{"min_recall": 0.9}	the fewest taken with a recall of at least that
--	{"share": 0.1}		the most that are no more than this share of all pairs
--	{"capacity": 200}	the most that are no more than so many pairs
-- score, label	as of lead_evaluate(): NULL in either is skipped and counted, NaN is an error
-- returns		one row.  Of thresholds that are equally good the lowest, but of those with
--				the same positives under min_precision the highest.  Without a threshold,
--				because no precision is so high, the highest score is shared by too many, or
--				labels are of one kind, the columns from threshold on are NULL and note says why
-- errors		options that are unknown, contradict each other or change from row to row
CREATE AGGREGATE lead_threshold(score float8, label boolean, options jsonb) (
	SFUNC = lead_pairs_criterion_bool_transfn, STYPE = internal,
	FINALFUNC = lead_threshold_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_threshold(float8, boolean, jsonb) IS
'the score from which on a lead is best taken: by F1, Youden, costs, precision, recall, share or capacity';

CREATE AGGREGATE lead_threshold(score float8, label bigint, options jsonb) (
	SFUNC = lead_pairs_criterion_int_transfn, STYPE = internal,
	FINALFUNC = lead_threshold_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_threshold(float8, bigint, jsonb) IS
'the score from which on a lead is best taken: by F1, Youden, costs, precision, recall, share or capacity';

-- lead_threshold_frame(model, frame, options): the same of a model's scores of the rows in
-- a frame, which it should not have been trained on.
CREATE FUNCTION lead_threshold_frame(model bytea, frame leadframe, options jsonb)
RETURNS lead_threshold_choice
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_threshold_frame(bytea, leadframe, jsonb) IS
'lead_threshold() of a model''s scores of the rows in a frame';

-- lead_cv_threshold(frame, options): the same of the out-of-fold scores that models of
-- fit_options have in lead_cv(): no row is kept from the training for it.
-- fit_options, folds, seed, folds_by		as of lead_cv()
CREATE FUNCTION lead_cv_threshold(frame leadframe, options jsonb, fit_options jsonb DEFAULT NULL,
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL)
RETURNS lead_threshold_choice
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	SELECT lead_threshold(s.score, r.won, options)
	FROM lead_cv_scores(frame, fit_options, folds, seed, folds_by) AS s,
		LATERAL (SELECT true AS won FROM pg_catalog.generate_series(1, s.positives)
			UNION ALL SELECT false FROM pg_catalog.generate_series(1, s.negatives)) AS r;
END;
COMMENT ON FUNCTION lead_cv_threshold(leadframe, jsonb, jsonb, integer, bigint, text) IS
'lead_threshold() of the out-of-fold scores of a cross-validation';
