/*-------------------------------------------------------------------------
 *
 * crossval.c
 *	  lead_cv(), lead_cv_scores(): how good models are on rows that they have not
 *	  seen, fold by fold.  No mathematics.
 *
 * For each fold a frame is made of the rows that train, as if the others had
 * never been (framepart.c), so all that a fit learns, levels, means, bins and
 * coefficients, it learns inside of the fold; its model scores the rows held out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "crossval.h"
#include "fit.h"
#include "framescore.h"
#include "metrics.h"

#define CV_COLUMNS			15
#define CV_SCORES_COLUMNS	4

/* A call: what is to be validated, and the fold at work. */
typedef struct Validation
{
	FunctionCallInfo fcinfo;
	const Frame *frame;
	Options    *opt;
	FoldSplit  *split;
	double		threshold;
	int			fold;			/* from 0 */
	int64		trained;		/* rows of the fold's model */
	/* out-of-fold scores of the folds so far */
	double	   *pos;
	double	   *neg;
	int64		npos;
	int64		nneg;
	int64		skipped;		/* rows without a score, for there was no model */
} Validation;

/* What is done with the rows held out and their model, NULL where there is none. */
typedef void (*FoldJudge) (Validation *v, const Model *model, const Frame *held);

/* ---- arguments ---- */

void
RefuseNull(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
}

/* "hash", "group" or "time"; NULL: by group if the frame has one, else by hash */
static FoldsBy
ReadFoldsBy(FunctionCallInfo fcinfo, int arg, const Frame *frame)
{
	static const char *const words[] = {"hash", "group", "time"};
	char	   *given;

	if (PG_ARGISNULL(arg))
		return FrameFindRole(frame, ROLE_GROUP) != NULL ? FOLDS_BY_GROUP : FOLDS_BY_HASH;
	given = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	for (int i = 0; i < lengthof(words); i++)
		if (strcmp(given, words[i]) == 0)
			return (FoldsBy) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("folds_by must be \"hash\", \"group\" or \"time\", not \"%s\"", given)));
	return FOLDS_BY_HASH;
}

static int
ReadFolds(FunctionCallInfo fcinfo, int arg)
{
	int32		folds;

	RefuseNull(fcinfo, arg, "folds");
	RefuseNull(fcinfo, arg + 1, "seed");
	folds = PG_GETARG_INT32(arg);
	if (folds < 2 || folds > FOLDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("folds must be from 2 to %d, not %d", FOLDS_MAX, folds)));
	return folds;
}

FoldSplit *
ReadFoldSplit(FunctionCallInfo fcinfo, int arg, const Frame *frame)
{
	int			folds = ReadFolds(fcinfo, arg);
	FoldsBy		by = ReadFoldsBy(fcinfo, arg + 2, frame);

	return FoldSplitCreate(frame, by, folds, (uint64) PG_GETARG_INT64(arg + 1));
}

/* (frame, options, folds integer, seed bigint, folds_by text); the frame is not NULL */
static void
ReadArguments(Validation *v, FunctionCallInfo fcinfo)
{
	(void) ReadFolds(fcinfo, 2);
	v->fcinfo = fcinfo;
	v->opt = OptionsParse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), OPTIONS_FIT);
	v->frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	CheckColumnsExist(v->frame, v->opt);
	v->split = ReadFoldSplit(fcinfo, 2, v->frame);
}

/* ---- folds ---- */

static Frame *
SideOfFold(const Validation *v, FoldSide side, uint32 *pos, uint32 *neg)
{
	FoldCounts(v->split, v->frame, v->fold, side, pos, neg);
	return FramePart(v->frame, pos, neg);
}

/* Errors of a fit say which fold they are of. */
static void
NameFold(void *arg)
{
	const Validation *v = arg;

	errcontext("fold %d of a cross-validation, counted from 0", v->fold);
}

static void
RunFold(Validation *v, FoldJudge judge)
{
	uint32	   *pos = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(uint32) * Max(v->frame->npatterns, 1)),
			   *neg = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(uint32) * Max(v->frame->npatterns, 1));
	Frame	   *held = SideOfFold(v, FOLD_HELD, pos, neg);
	Model	   *model = NULL;

	v->trained = 0;
	if (held->rows > 0)
	{
		Frame	   *part = SideOfFold(v, FOLD_TRAINED, pos, neg);
		bytea	   *bytes = FitModel(FrameStatsCompute(part), v->opt);

		v->trained = part->rows;
		if (bytes != NULL)
			model = ModelDecode(PointerGetDatum(bytes), true);
	}
	judge(v, model, held);
}

/* All folds, each in memory of its own; what the fits say is said in the end. */
static void
RunFolds(Validation *v, FoldJudge judge)
{
	FitMessages messages = {CurrentMemoryContext, NIL};
	ErrorContextCallback callback = {error_context_stack, NameFold, v};
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "leadscore fold",
											   ALLOCSET_DEFAULT_SIZES),
				old = MemoryContextSwitchTo(work);

	v->opt->messages = &messages;
	PG_TRY();
	{
		error_context_stack = &callback;
		for (v->fold = 0; v->fold < v->split->folds; v->fold++)
		{
			ProgressFold(v->fold + 1, v->split->folds);
			RunFold(v, judge);
			MemoryContextReset(work);
		}
		error_context_stack = callback.previous;
	}
	PG_FINALLY();
	{
		ProgressFold(0, 0);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	ProgressEnd();
	FitMessagesSay(&messages, v->split->folds);
}

/* ---- lead_cv ---- */

/* A row of the result: a fold, or all together where it is -1. */
static void
PutQuality(Validation *v, int fold, const double *neg, int64 nneg,
		   const double *pos, int64 npos, int64 skipped)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) v->fcinfo->resultinfo;
	Datum		values[CV_COLUMNS] = {0};
	bool		nulls[CV_COLUMNS];
	int			i = 0;

	memset(nulls, true, sizeof(nulls));
	nulls[0] = (fold < 0);
	nulls[1] = nulls[2] = nulls[13] = false;
	nulls[14] = (fold < 0);
	values[i++] = Int32GetDatum(fold);
	values[i++] = Int64GetDatum(npos + nneg);
	values[i++] = Int64GetDatum(npos);
	if (npos + nneg > 0)
	{
		Ties	   *ties = TiesMake(neg, nneg, pos, npos);
		Quality		q;

		QualityOf(ties, v->threshold, &q);
		TiesFree(ties);
		PutFloat(values, nulls, i++, q.auc);
		PutFloat(values, nulls, i++, q.average_precision);
		PutFloat(values, nulls, i++, q.log_loss);
		PutFloat(values, nulls, i++, q.brier);
		PutFloat(values, nulls, i++, q.precision);
		PutFloat(values, nulls, i++, q.recall);
		PutFloat(values, nulls, i++, q.f1);
		PutFloat(values, nulls, i++, q.accuracy);
		PutFloat(values, nulls, i++, q.lift_10);
		PutFloat(values, nulls, i++, q.mean_score);
	}
	values[13] = Int64GetDatum(skipped);
	values[14] = Int64GetDatum(v->trained);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
JudgeFold(Validation *v, const Model *model, const Frame *held)
{
	int64		npos = model != NULL ? held->positives : 0,
				nneg = model != NULL ? held->rows - held->positives : 0;

	if (model != NULL)
		FrameScorePairs(model, held, v->pos + v->npos, v->neg + v->nneg);
	PutQuality(v, v->fold, v->neg + v->nneg, nneg, v->pos + v->npos, npos,
			   held->rows - npos - nneg);
	v->npos += npos;
	v->nneg += nneg;
	v->skipped += held->rows - npos - nneg;
}

PG_FUNCTION_INFO_V1(lead_cv);
Datum
lead_cv(PG_FUNCTION_ARGS)
{
	Validation	v = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	RefuseNull(fcinfo, 5, "threshold");
	v.threshold = PG_GETARG_FLOAT8(5);
	if (isnan(v.threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must not be NaN")));
	ReadArguments(&v, fcinfo);
	v.pos = FrameScoresAlloc(v.frame, true);
	v.neg = FrameScoresAlloc(v.frame, false);
	RunFolds(&v, JudgeFold);
	PutQuality(&v, -1, v.neg, v.nneg, v.pos, v.npos, v.skipped);
	PG_RETURN_NULL();
}

/* ---- lead_cv_scores ---- */

/* A row per pattern of the fold. */
static void
PutScores(Validation *v, const Model *model, const Frame *held)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) v->fcinfo->resultinfo;
	FrameScorer *scorer = model != NULL ? FrameScorerCreate(model, held) : NULL;
	PatternBlock block = {0};

	while (FrameScan(held, &block))
		for (int i = 0; i < block.n; i++)
		{
			const uint8 *pattern = block.cells + (Size) i * held->stride;
			Datum		values[CV_SCORES_COLUMNS] = {Int32GetDatum(v->fold)};
			bool		nulls[CV_SCORES_COLUMNS] = {false};

			nulls[1] = (scorer == NULL);
			if (scorer != NULL)
				values[1] = Float8GetDatum(FrameScorerScore(scorer, pattern));
			values[2] = Int64GetDatum(block.pos[i]);
			values[3] = Int64GetDatum(block.neg[i]);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
}

PG_FUNCTION_INFO_V1(lead_cv_scores);
Datum
lead_cv_scores(PG_FUNCTION_ARGS)
{
	Validation	v = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	ReadArguments(&v, fcinfo);
	RunFolds(&v, PutScores);
	PG_RETURN_NULL();
}
