----------------------------------------------------------------------------
-- Scores that are to be right
----------------------------------------------------------------------------

CREATE FUNCTION lead_pairs_method_bool_transfn(state internal, score float8, label boolean, method text)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_method_bool_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_pairs_method_int_transfn(state internal, score float8, label bigint, method text)
RETURNS internal
AS 'MODULE_PATHNAME', 'lead_pairs_method_int_transfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_calibration_map_finalfn(state internal)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'lead_calibration_map_finalfn'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_calibration_map(score, label, method): the map from scores of rows that a model was
-- not fitted to, to the shares of positives among such rows.  It never falls.
-- score		raw: of lead_uncalibrated(model), or of lead_cv_scores(); in [0, 1]
-- score, label	NULL in either is skipped
-- method		'platt': sigmoid(intercept + slope × log-odds of the score), scores within 1e-6
--				of 0 or 1 counting as that far; targets (p + 1) / (p + 2) and 1 / (q + 2) for p
--				positives and q negatives; two parameters, so for hundreds of rows
--				'isotonic': the rising steps nearest to the labels, straight between the last
--				score of a step and the first of the next, level beyond the ends; a rate is
--				taken for no surer than Platt's targets; for thousands of rows.  Beyond 4,096
--				steps neighbours are joined
-- returns		the map as a document, for lead_calibrate(); the same pairs in any order give
--				the same
-- errors		no pairs, labels of one kind, scores outside [0, 1], an unknown method.
--				WARNING: higher scores have no better outcomes, so all become the same
-- source		Platt 1999; Lin, Lin, Weng, A note on Platt's probabilistic outputs, Machine
--				Learning 68 (2007); Zadrozny, Elkan, Transforming classifier scores into
--				accurate multiclass probability estimates, KDD 2002
CREATE AGGREGATE lead_calibration_map(score float8, label boolean, method text) (
	SFUNC = lead_pairs_method_bool_transfn, STYPE = internal,
	FINALFUNC = lead_calibration_map_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_calibration_map(float8, boolean, text) IS
'a calibration of scores, ''platt'' or ''isotonic'', as a document for lead_calibrate()';

CREATE AGGREGATE lead_calibration_map(score float8, label bigint, method text) (
	SFUNC = lead_pairs_method_int_transfn, STYPE = internal,
	FINALFUNC = lead_calibration_map_finalfn,
	COMBINEFUNC = lead_pairs_combine,
	SERIALFUNC = lead_pairs_serialize, DESERIALFUNC = lead_pairs_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_calibration_map(float8, bigint, text) IS
'a calibration of scores, ''platt'' or ''isotonic'', as a document for lead_calibrate()';

-- lead_calibrate(model, map): the model with that calibration, instead of one that it may
-- have.  Its scores, wherever they are asked for, are calibrated; its coefficients, trees and
-- contributions stay those of the raw score.
-- map			of lead_calibration_map(), or lead_info(other)->'calibration'
CREATE FUNCTION lead_calibrate(model bytea, map jsonb)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lead_calibrate_map'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_calibrate(bytea, jsonb) IS
'the model with its scores calibrated by a map of lead_calibration_map()';

-- lead_calibrate(model, frame, method): the same in one, from the raw scores of the rows in a
-- frame, which the model was not trained on; their weights do not count.
CREATE FUNCTION lead_calibrate(model bytea, frame leadframe, method text)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lead_calibrate_frame'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_calibrate(bytea, leadframe, text) IS
'the model with its scores calibrated to the outcomes in a frame that it was not trained on';

-- lead_uncalibrated(model): the model without its calibration, byte for byte as it was before.
CREATE FUNCTION lead_uncalibrated(model bytea)
RETURNS bytea
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_uncalibrated(bytea) IS
'the model without its calibration: its scores are the raw ones';
