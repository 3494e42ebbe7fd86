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
	best_youden float8,
	calibration_slope float8,
	calibration_slope_low float8,
	calibration_slope_high float8,
	calibration_intercept float8,
	calibration_intercept_low float8,
	calibration_intercept_high float8,
	log_loss_low float8,
	log_loss_high float8,
	brier_low float8,
	brier_high float8,
	lift_10 float8,
	lift_10_low float8,
	lift_10_high float8,
	mean_score float8
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
COMMENT ON COLUMN lead_evaluation.calibration_slope IS 'slope of the logistic regression of the label on the score''s log-odds (Cox 1958), clipped as the log loss is; 1 is right, less: scores too extreme; NULL where all scores are equal or divide the classes, as in all columns from here if a score lies outside [0, 1]';
COMMENT ON COLUMN lead_evaluation.calibration_slope_low IS 'lower end of its 95 % interval (Wald)';
COMMENT ON COLUMN lead_evaluation.calibration_slope_high IS 'upper end of its 95 % interval (Wald)';
COMMENT ON COLUMN lead_evaluation.calibration_intercept IS 'calibration in the large: what is to be added to all log-odds for as many positives as there were; 0 is right, less: scores too high; NULL with one class only';
COMMENT ON COLUMN lead_evaluation.calibration_intercept_low IS 'lower end of its 95 % interval (Wald)';
COMMENT ON COLUMN lead_evaluation.calibration_intercept_high IS 'upper end of its 95 % interval (Wald)';
COMMENT ON COLUMN lead_evaluation.log_loss_low IS 'lower end of its 95 % interval (normal), at least 0';
COMMENT ON COLUMN lead_evaluation.log_loss_high IS 'upper end of its 95 % interval (normal)';
COMMENT ON COLUMN lead_evaluation.brier_low IS 'lower end of its 95 % interval (normal), at least 0';
COMMENT ON COLUMN lead_evaluation.brier_high IS 'upper end of its 95 % interval (normal)';
COMMENT ON COLUMN lead_evaluation.lift_10 IS 'rate of positives in the tenth with the highest scores, over that of all; also of scores that are no probabilities';
COMMENT ON COLUMN lead_evaluation.lift_10_low IS 'lower end of its 95 % interval: that of the tenth''s rate (Wilson), over the rate of all';
COMMENT ON COLUMN lead_evaluation.lift_10_high IS 'upper end of its 95 % interval';
COMMENT ON COLUMN lead_evaluation.mean_score IS 'mean of the scores';

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
