/*-------------------------------------------------------------------------
 *
 * crossval.c
 *	  lead_cv(), lead_cv_scores(): how good models are on rows that they have not
 *	  seen, fold by fold (foldfit.c).  No mathematics.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "crossval.h"
#include "fit.h"
#include "framescore.h"
#include "metrics.h"

#define CV_COLUMNS			15
#define CV_SCORES_COLUMNS	4

/* A call: what is to be validated, and what came of it so far. */
typedef struct Validation
{
	FoldRun		run;
	FunctionCallInfo fcinfo;
	double		threshold;
	/* out-of-fold scores of the folds so far */
	double	   *pos;
	double	   *neg;
	int64		npos;
	int64		nneg;
	int64		skipped;		/* rows without a score, for there was no model */
} Validation;

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
	FoldRun    *run = &v->run;

	(void) ReadFolds(fcinfo, 2);
	v->fcinfo = fcinfo;
	run->what = "a cross-validation";
	run->opt = OptionsParse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), OPTIONS_FIT);
	run->frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	CheckColumnsExist(run->frame, run->opt);
	run->split = ReadFoldSplit(fcinfo, 2, run->frame);
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
	values[14] = Int64GetDatum(v->run.trained);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
JudgeFold(FoldRun *run, const Model *model, const Frame *held)
{
	Validation *v = (Validation *) run;
	int64		npos = model != NULL ? held->positives : 0,
				nneg = model != NULL ? held->rows - held->positives : 0;

	if (model != NULL)
		FrameScorePairs(model, held, v->pos + v->npos, v->neg + v->nneg);
	PutQuality(v, run->fold, v->neg + v->nneg, nneg, v->pos + v->npos, npos,
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
	v.pos = FrameScoresAlloc(v.run.frame, true);
	v.neg = FrameScoresAlloc(v.run.frame, false);
	FitFolds(&v.run, JudgeFold, NULL);
	PutQuality(&v, -1, v.neg, v.nneg, v.pos, v.npos, v.skipped);
	PG_RETURN_NULL();
}

/* ---- lead_cv_scores ---- */

/* A row per pattern of the fold. */
static void
PutScores(FoldRun *run, const Model *model, const Frame *held)
{
	Validation *v = (Validation *) run;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) v->fcinfo->resultinfo;
	FrameScorer *scorer = model != NULL ? FrameScorerCreate(model, held) : NULL;
	PatternBlock block = {0};

	while (FrameScan(held, &block))
		for (int i = 0; i < block.n; i++)
		{
			const uint8 *pattern = block.cells + (Size) i * held->stride;
			Datum		values[CV_SCORES_COLUMNS] = {Int32GetDatum(run->fold)};
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
	FitFolds(&v.run, PutScores, NULL);
	PG_RETURN_NULL();
}
