/*-------------------------------------------------------------------------
 *
 * outofbag.c
 *	  The out-of-bag scores of a forest's own training rows.
 *
 * Which rows a tree has drawn is a matter of the seed and of the rows' place in the
 * frame, so nothing has to be stored: from the same frame the same rows are drawn
 * again.  That it is the same the quality tells, which the model has kept; a
 * calibration, which came later, is applied after that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"

#include "fit.h"
#include "leadprofile.h"
#include "outofbag.h"
#include "scoremap.h"
#include "treemodel.h"

typedef struct Listed
{
	NumberCount *scores[2];		/* by label, every row by itself */
	int64		n[2];
} Listed;

static void
ListScore(void *sink, bool positive, double score)
{
	Listed	   *l = sink;
	NumberCount *c = &l->scores[positive][l->n[positive]++];

	c->x = score;
	c->rows = 1;
}

static bool
Same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

/*
 * The scores by label, as the model's account says them to be: its seed and
 * subsample, and the quality that they must have.
 */
static void
ScoresOf(Model *model, const Frame *frame, const OutOfBag *said, Listed *l)
{
	static const double even[2] = {1, 1};
	ForestOptions o = {0};
	TreeQuality q;
	double	   *scores[2];

	if (!ModelIsForest(model))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("only a forest has out-of-bag scores"),
				 errhint("Judge other models on rows held out, or see lead_cv().")));
	o.trees = model->trees->ensemble->ntrees;
	o.seed = (uint64) said->seed;
	o.subsample = said->subsample;
	o.growth.depth = 1;
	for (int label = 0; label < 2; label++)
		l->scores[label] = MemoryContextAllocHuge(CurrentMemoryContext,
												  sizeof(NumberCount) * Max(frame->rows, 1));
	ForestOutOfBag(model->trees->ensemble, TreeDataOf(FrameStatsCompute(frame), model, even),
				   &o, ListScore, l);
	for (int label = 0; label < 2; label++)
	{
		scores[label] = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(double) * Max(l->n[label], 1));
		for (int64 i = 0; i < l->n[label]; i++)
		{
			TREE_CHECK_WALK(i);
			scores[label][i] = l->scores[label][i].x;
		}
	}
	TreeQualityOf(scores[0], l->n[0], scores[1], l->n[1], &q);
	if (q.rows != said->rows || !Same(q.auc, said->auc) || !Same(q.log_loss, said->log_loss))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the forest was not grown from this frame"),
				 errdetail("Out of bag it had %lld rows and a log loss of %.6g, here %lld and %.6g.",
						   (long long) said->rows, said->log_loss, (long long) q.rows, q.log_loss),
				 errhint("Give the very frame that it was fitted from.")));
	pfree(scores[0]);
	pfree(scores[1]);
	for (int label = 0; label < 2; label++)
		for (int64 i = 0; i < l->n[label] && model->map != NULL; i++)
		{
			TREE_CHECK_WALK(i);
			l->scores[label][i].x = ModelScore(model, l->scores[label][i].x);
		}
}

/* The scores of all rows, each by itself, for a profile. */
NumberCount *
OutOfBagScores(Model *model, const Frame *frame, const OutOfBag *said, int64 *n)
{
	Listed		l = {{NULL, NULL}};

	ScoresOf(model, frame, said, &l);
	*n = l.n[0] + l.n[1];
	memcpy(l.scores[0] + l.n[0], l.scores[1], sizeof(NumberCount) * l.n[1]);
	return l.scores[0];
}

/* From the arguments of a function, beginning with this one. */
OutOfBag
OutOfBagArgs(FunctionCallInfo fcinfo, int first)
{
	OutOfBag	said;

	said.seed = PG_GETARG_INT64(first);
	said.subsample = PG_GETARG_FLOAT8(first + 1);
	said.rows = PG_GETARG_INT64(first + 2);
	said.auc = PG_GETARG_FLOAT8(first + 3);
	said.log_loss = PG_GETARG_FLOAT8(first + 4);
	return said;
}

/* (model, frame, seed, subsample, rows, auc, log loss): a row per lead */
PG_FUNCTION_INFO_V1(lead_out_of_bag_scores);
Datum
lead_out_of_bag_scores(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	OutOfBag	said = OutOfBagArgs(fcinfo, 2);
	Listed		l = {{NULL, NULL}};

	InitMaterializedSRF(fcinfo, 0);
	ScoresOf(model, frame, &said, &l);
	for (int label = 0; label < 2; label++)
		for (int64 i = 0; i < l.n[label]; i++)
		{
			Datum		values[3];
			bool		nulls[3] = {false};

			TREE_CHECK_WALK(i);
			values[0] = Float8GetDatum(l.scores[label][i].x);
			values[1] = Int64GetDatum(label);
			values[2] = Int64GetDatum(1 - label);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	PG_RETURN_NULL();
}
