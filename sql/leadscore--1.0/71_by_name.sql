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

-- lead_score_array(model, documents): the scores of all documents of a JSON array, in
-- its order, and the version that gave them: one statement, one version.
-- documents	an array of objects, each as for lead_score(); an object is an array of one
-- scores		probabilities, as many as there are documents
-- errors		as of lead_score(); the context has the position of the document, from 1
CREATE FUNCTION lead_score_array(model text, documents jsonb, OUT version integer, OUT scores float8[])
AS 'MODULE_PATHNAME'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_score_array(text, jsonb) IS
'probabilities for all objects of a JSON array, by the name of a model, and its version';

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

CREATE FUNCTION lead_profile(model text) RETURNS leadprofile
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_profile(lead_model(model));
COMMENT ON FUNCTION lead_profile(text) IS 'the profile of the rows that a model was trained on, by its name';

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

-- The rows of the frame that a forest was grown from, each by itself, with what the
-- trees that have not seen it say: lead_out_of_bag() with what the model's account
-- says of the draws and of the quality that they gave.
CREATE FUNCTION leadscore.out_of_bag_scores(model bytea, frame leadframe,
	seed bigint, subsample float8, rows bigint, auc float8, log_loss float8,
	OUT score float8, OUT positives bigint, OUT negatives bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lead_out_of_bag_scores'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION leadscore.out_of_bag_scores(bytea, leadframe, bigint, float8, bigint, float8, float8) IS
'the out-of-bag scores of a forest';
CREATE FUNCTION leadscore.out_of_bag_profile(model bytea, frame leadframe,
	seed bigint, subsample float8, rows bigint, auc float8, log_loss float8)
RETURNS leadprofile
AS 'MODULE_PATHNAME', 'lead_profile_out_of_bag'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION leadscore.out_of_bag_profile(bytea, leadframe, bigint, float8, bigint, float8, float8) IS
'lead_profile() of a forest''s own rows, with their out-of-bag scores';
-- What a model says of its draws; of one that draws nothing, what no forest says.
CREATE FUNCTION leadscore.bag_of(model bytea,
	OUT seed bigint, OUT subsample float8, OUT rows bigint, OUT auc float8, OUT log_loss float8)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce((i->>'seed')::bigint, 0), coalesce((i->>'subsample')::float8, 1),
		coalesce((i #>> '{out_of_bag,rows}')::bigint, 0), coalesce((i #>> '{out_of_bag,auc}')::float8, 'NaN'),
		coalesce((i #>> '{out_of_bag,log_loss}')::float8, 'NaN')
	FROM lead_info(model) AS i;
END;
COMMENT ON FUNCTION leadscore.bag_of(bytea) IS 'seed, share and quality of a forest''s draws';

-- lead_out_of_bag(model, frame): the honest scores of the rows that a forest was grown
-- from: of each the mean of the trees that have not drawn it.
-- frame	the very frame that the forest was fitted from, by lead_fit() or as
--			lead_train() of the same rows and options makes it
-- returns	a row per lead that some tree has not seen: its score, and 1 positive or 1
--			negative, as lead_score_frame() gives them
-- NULL		no rows
-- errors	a model that is no forest; another frame
-- source	Breiman, Random Forests, Machine Learning 45 (2001), section 3.1
CREATE FUNCTION lead_out_of_bag(model bytea, frame leadframe,
	OUT score float8, OUT positives bigint, OUT negatives bigint)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	SELECT s.score, s.positives, s.negatives
	FROM leadscore.bag_of(model) AS b, leadscore.out_of_bag_scores(model, frame, b.seed, b.subsample, b.rows, b.auc, b.log_loss) AS s;
END;
COMMENT ON FUNCTION lead_out_of_bag(bytea, leadframe) IS
'what the trees of a forest say of the rows that they have not seen, a row per lead';

-- The scores of rows that judge a model: held out, or its own out of the bag.
CREATE FUNCTION leadscore.judging_scores(model bytea, frame leadframe, out_of_bag boolean,
	OUT score float8, OUT positives bigint, OUT negatives bigint)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000000
BEGIN ATOMIC
	SELECT s.score, s.positives, s.negatives FROM lead_score_frame(model, frame) AS s WHERE NOT out_of_bag
	UNION ALL
	SELECT s.score, s.positives, s.negatives FROM lead_out_of_bag(model, frame) AS s WHERE out_of_bag;
END;
COMMENT ON FUNCTION leadscore.judging_scores(bytea, leadframe, boolean) IS 'scores of held-out rows, or out-of-bag scores';

-- lead_profile(model, frame): as the aggregate lead_profile(model, features) over the
-- rows of the frame, of the columns that the model needs.
CREATE FUNCTION lead_profile(model bytea, frame leadframe)
RETURNS leadprofile AS 'MODULE_PATHNAME', 'lead_profile_model_frame'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile(bytea, leadframe) IS
'the profile of a training set: values, what the columns of a model add to the score, and the scores';

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

-- lead_training(frame, options): the same of a frame; options as for lead_fit()
CREATE FUNCTION lead_training(frame leadframe, options jsonb DEFAULT NULL)
RETURNS lead_trained AS 'MODULE_PATHNAME', 'lead_training_frame' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_training(leadframe, jsonb) IS
'lead_fit() with the counts, the fingerprint of the rows and facts about the columns; the model is NULL where a fit can only fail';

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
-- How much of a model is to be updated
----------------------------------------------------------------------------

-- lead_ladder(champion, frame, alpha): what outcomes that a model has not seen ask for.
-- The full refit (maximum likelihood on the model's own design columns) is tested
-- against the model as it is, against a moved intercept and against a moved intercept
-- with a slope; the first that it does not beat at alpha is the step, else "full".
-- champion		coefficients are those of the bytes, whatever the training penalised
-- frame		outcomes of both kinds; its weights and the model's offset count
-- log_likelihood_…		of keep: lp, intercept: a + lp, slope: a + b·lp, full
-- df_full		coefficients of the full refit that the rows can tell
-- p_…			likelihood ratio of the full refit against each, chi-square
-- intercept, slope		a and b of the step; NULL for full
-- separated	the full refit has no maximum: its likelihood is the supremum
-- errors		no labels, labels of one kind, a column that the frame lacks
-- method		Vergouwe et al., A closed testing procedure to select an appropriate
--				method for updating prediction models, Statistics in Medicine 36 (2017)
CREATE FUNCTION lead_ladder(champion bytea, frame leadframe, alpha float8 DEFAULT 0.05,
	OUT n bigint, OUT positives bigint,
	OUT log_likelihood_keep float8, OUT log_likelihood_intercept float8,
	OUT log_likelihood_slope float8, OUT log_likelihood_full float8,
	OUT df_full integer, OUT p_keep float8, OUT p_intercept float8, OUT p_slope float8,
	OUT step text, OUT intercept float8, OUT slope float8, OUT separated boolean)
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_ladder(bytea, leadframe, float8) IS
'what new outcomes ask for by closed testing: keep the model, move its intercept, its slope as well, or train anew';

-- lead_recalibrate(model, frame, step): the model with log-odds a + lp ("intercept") or
-- a + b·lp ("slope"), a and b by maximum likelihood on the rows of the frame.
-- returns		a model like any other; its standard errors are those of the training
--				for "intercept" (the intercept has none), NULL for "slope"; lead_info()
--				lists its "recalibrations"
-- errors		those of lead_ladder(), an unknown step, a slope that is not positive
CREATE FUNCTION lead_recalibrate(model bytea, frame leadframe, step text)
RETURNS bytea
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_recalibrate(bytea, leadframe, text) IS
'the model with its intercept, or intercept and slope, fitted to the outcomes in a frame';

CREATE FUNCTION lead_ladder(champion text, frame leadframe, alpha float8 DEFAULT 0.05,
	OUT n bigint, OUT positives bigint,
	OUT log_likelihood_keep float8, OUT log_likelihood_intercept float8,
	OUT log_likelihood_slope float8, OUT log_likelihood_full float8,
	OUT df_full integer, OUT p_keep float8, OUT p_intercept float8, OUT p_slope float8,
	OUT step text, OUT intercept float8, OUT slope float8, OUT separated boolean)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT * FROM lead_ladder(lead_model(champion), frame, alpha);
END;
COMMENT ON FUNCTION lead_ladder(text, leadframe, float8) IS
'what new outcomes ask for by closed testing, by the name of a model';
