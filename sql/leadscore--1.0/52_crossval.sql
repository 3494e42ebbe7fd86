----------------------------------------------------------------------------
-- Cross-validation
----------------------------------------------------------------------------

-- lead_cv(frame, options): how good models of these options are on rows that they
-- have not seen.  Everything is learnt inside of a fold: levels, means, bins, model.
-- options		those of lead_fit(), of any family
-- folds		2 to 1000
-- seed			another seed divides the rows otherwise
-- folds_by		'hash': every row by itself, equal rows are divided, too; 'group': rows
--				of one group (the frame's role) stay together; 'time': rows are cut by
--				time (the frame's role) into folds + 1 blocks, and fold k is trained on
--				the blocks before and judged on the next; NULL: by group if there is one
-- threshold	a score that is not lower is taken for a positive
-- returns		a row per fold, counted from 0, and one whose fold is NULL: the scores of
--				all folds together (pooled).  n, positives: rows judged; skipped: rows
--				whose fold has no model, which needs {"untrainable": "null"}; trained: rows
--				that the fold's model was trained on.  What one class alone leaves
--				undefined is NULL.  Rows count as rows, whatever weight the training
--				gives them.  The same rows in any order give the same result
-- NULL			no frame: no rows; folds, seed, threshold: an error
-- errors		those of lead_fit(), with the fold; no such role; times that are NULL, or
--				too few to be cut
-- source		Hastie, Tibshirani, Friedman, The Elements of Statistical Learning,
--				2nd ed. 2009, section 7.10
CREATE FUNCTION lead_cv(frame leadframe, options jsonb DEFAULT NULL,
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL,
	threshold float8 DEFAULT 0.5,
	OUT fold integer, OUT n bigint, OUT positives bigint, OUT auc float8,
	OUT average_precision float8, OUT log_loss float8, OUT brier float8,
	OUT "precision" float8, OUT recall float8, OUT f1 float8, OUT accuracy float8,
	OUT lift_10 float8, OUT mean_score float8, OUT skipped bigint, OUT trained bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000 ROWS 6;
COMMENT ON FUNCTION lead_cv(leadframe, jsonb, integer, bigint, text, float8) IS
'cross-validation: a row per fold, and one for all out-of-fold scores together';

-- lead_cv_scores(frame, options): the scores behind lead_cv(), for curves.  A row for
-- the rows of a fold that are equal; score is NULL where the fold has no model.
CREATE FUNCTION lead_cv_scores(frame leadframe, options jsonb DEFAULT NULL,
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL,
	OUT fold integer, OUT score float8, OUT positives bigint, OUT negatives bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION lead_cv_scores(leadframe, jsonb, integer, bigint, text) IS
'the out-of-fold scores of a cross-validation, with the positives and negatives that have them';
