/*-------------------------------------------------------------------------
 *
 * calibrate.c
 *	  Scores of rows that a model has not seen, made into its calibration: glue
 *	  between pairs, frames, folds and models.  No mathematics.
 *
 * A model keeps one calibration at most.  A new one takes its place and is fitted
 * to the raw scores, so nothing is ever composed, and what lead_uncalibrated()
 * gives has the bytes of the model as it was trained.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "folds.h"
#include "framescore.h"
#include "scoremap.h"

/*
 * The folds of {"calibrate": …}: as many as lead_cv() has, but drawn otherwise, or
 * those within its folds would be the same again, less the one held out.
 */
#define CALIBRATION_FOLDS	5
#define CALIBRATION_SEED	PG_UINT64_MAX	/* that of seed => -1 */

static bytea *
WithMap(bytea *bytes, ScoreMap *map)
{
	Model	   *model = ModelDecode(PointerGetDatum(bytes), false);

	model->map = map;
	return ModelEncode(model);
}

static void
TellFlat(const ScoreMap *map, const Options *opt)
{
	if (ScoreMapIsFlat(map))
		FitTell(opt, WARNING, "the calibration makes all scores the same",
				"On these rows higher scores have no better outcomes.", NULL);
}

/* A map for pairs that were not fitted, or an error that says what they lack. */
static ScoreMap *
MapOfTies(const Ties *ties, MapMethod method)
{
	static const Options defaults = {0};
	int64		pos = ties != NULL ? ties->pos : 0,
				neg = ties != NULL ? ties->neg : 0;
	ScoreMap   *map;

	if (pos == 0 || neg == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("these rows cannot calibrate scores: %s",
						pos + neg == 0 ? "none has a score and a label" : "all labels are the same"),
				 errdetail("%lld rows are positive, %lld negative.", (long long) pos, (long long) neg),
				 errhint("Wait for outcomes of both kinds.")));
	if (!ties->probability)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("scores to be calibrated must lie between 0 and 1"),
				 errdetail("They lie between %s and %s.", NumberText(ties->tie[0].score),
						   NumberText(ties->tie[ties->count - 1].score))));
	map = ScoreMapFit(ties, method);
	TellFlat(map, &defaults);
	return map;
}

static MapMethod
MethodNamed(const char *name)
{
	for (int i = MAP_PLATT; i <= MAP_METHOD_LAST; i++)
		if (strcmp(name, map_method_names[i]) == 0)
			return (MapMethod) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown method \"%s\" of calibration", name),
			 errhint("The methods are platt and isotonic.")));
	return MAP_NONE;
}

void
RefuseCalibrated(const Model *model, const char *function)
{
	if (model->map != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s() needs a model without a calibration", function),
				 errdetail("The scores of this model are mapped by its calibration (%s).",
						   map_method_names[model->map->method]),
				 errhint("Calibrate it anew with lead_calibrate(), or see lead_uncalibrated().")));
}

/* ------------------------------------------------------------------------
 * Out-of-fold scores
 * ------------------------------------------------------------------------
 */

typedef struct FoldScores
{
	FoldRun		run;
	double	   *pos;
	double	   *neg;
	int64		npos;
	int64		nneg;
} FoldScores;

static void
CollectScores(FoldRun *run, const Model *model, const Frame *held)
{
	FoldScores *scores = (FoldScores *) run;

	if (model == NULL)
		return;
	FrameScorePairs(model, held, scores->pos + scores->npos, scores->neg + scores->nneg);
	scores->npos += held->positives;
	scores->nneg += held->rows - held->positives;
}

static void
NameCalibration(void *arg)
{
	errcontext("out-of-fold scores for \"calibrate\"");
}

/*
 * A model that was fitted to a frame, with the calibration that fits the scores of
 * the same options out of fold (scikit-learn's CalibratedClassifierCV with
 * ensemble=False); NULL where that cannot be and NULL was asked for.
 */
bytea *
CalibrateByFolds(bytea *model, const Frame *frame, const Options *opt, const FitMessages *known)
{
	Options		once = *opt;
	FoldScores	scores = {{.what = "a calibration", .frame = frame, .opt = &once,
	.uncalibrated = true}};
	bool		grouped = FrameFindRole(frame, ROLE_GROUP) != NULL;
	ErrorContextCallback callback = {error_context_stack, NameCalibration, NULL};
	ScoreMap   *map;

	error_context_stack = &callback;
	once.shared = NULL;			/* other rows */
	scores.run.split = FoldSplitCreate(frame, grouped ? FOLDS_BY_GROUP : FOLDS_BY_HASH,
									   CALIBRATION_FOLDS, CALIBRATION_SEED);
	scores.pos = FrameScoresAlloc(frame, true);
	scores.neg = FrameScoresAlloc(frame, false);
	FitFolds(&scores.run, CollectScores, known);
	error_context_stack = callback.previous;
	if (scores.npos == 0 || scores.nneg == 0)
	{
		(void) Untrainable(opt, ERRCODE_DATA_EXCEPTION, "the rows cannot be divided for \"calibrate\"",
						   "The labels of all that have an out-of-fold score are the same.",
						   "Leave \"calibrate\" out, or use more rows.");
		return NULL;
	}
	map = ScoreMapFit(TiesMake(scores.neg, scores.nneg, scores.pos, scores.npos),
					  (MapMethod) opt->calibrate);
	map->folds = CALIBRATION_FOLDS;
	TellFlat(map, opt);
	return WithMap(model, map);
}

/* ------------------------------------------------------------------------
 * SQL functions
 * ------------------------------------------------------------------------
 */

static void
ReadMethod(Datum given, PairChoice *choice)
{
	choice->kind = MethodNamed(TextDatumGetCString(given));
}

static const PairParam MethodParam = {"method", false, ReadMethod};

PG_FUNCTION_INFO_V1(lead_pairs_method_bool_transfn);
Datum
lead_pairs_method_bool_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, false, &MethodParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_method_int_transfn);
Datum
lead_pairs_method_int_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, true, &MethodParam);
}

/* lead_calibration_map(score, label, method) → jsonb */
PG_FUNCTION_INFO_V1(lead_calibration_map_finalfn);
Datum
lead_calibration_map_finalfn(PG_FUNCTION_ARGS)
{
	PairState  *state = PairsFinal(fcinfo);
	StringInfoData buf;

	if (state != NULL && (state->choice.kind < MAP_PLATT || state->choice.kind > MAP_METHOD_LAST))
		elog(ERROR, "no method of calibration");
	initStringInfo(&buf);
	ScoreMapJson(&buf, MapOfTies(PairsTies(state), state ? (MapMethod) state->choice.kind : MAP_PLATT));
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}

/* lead_calibrate(model, map) → bytea */
PG_FUNCTION_INFO_V1(lead_calibrate_map);
Datum
lead_calibrate_map(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(WithMap(PG_GETARG_BYTEA_PP(0), ScoreMapFromJson(PG_GETARG_JSONB_P(1))));
}

/* lead_calibrate(model, frame, method) → bytea */
PG_FUNCTION_INFO_V1(lead_calibrate_frame);
Datum
lead_calibrate_frame(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	MapMethod	method = MethodNamed(text_to_cstring(PG_GETARG_TEXT_PP(2)));

	model->map = NULL;
	model->map = MapOfTies(FrameTies(model, frame), method);
	PG_RETURN_BYTEA_P(ModelEncode(model));
}

/* lead_uncalibrated(model) → bytea */
PG_FUNCTION_INFO_V1(lead_uncalibrated);
Datum
lead_uncalibrated(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(WithMap(PG_GETARG_BYTEA_PP(0), NULL));
}
