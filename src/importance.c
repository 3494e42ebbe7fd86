/*-------------------------------------------------------------------------
 *
 * importance.c
 *	  lead_importance(): what a model owes to its columns.
 *
 *	(model)			gain and number of splits, as the trees were grown
 *	(model, frame)	permutation: how much worse the model is on the frame's rows
 *					when a column's values are dealt out anew among them (Breiman
 *					2001), for every family
 *
 * A split's gain is counted on the rows it was made from and flatters columns of
 * many levels; on rows that the model has not seen permutation does not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "framescore.h"
#include "treemodel.h"

PG_FUNCTION_INFO_V1(lead_importance);
Datum
lead_importance(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	int64	   *splits;
	double		sum = 0;

	if (model->trees == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a logistic regression has no splits"),
				 errhint("See lead_coefficients(), or lead_importance() with a frame.")));
	InitMaterializedSRF(fcinfo, 0);
	splits = TreeModelSplits(model);
	for (int i = 0; i < model->encoder->nfeatures; i++)
		sum += model->trees->gain[i];
	for (int i = 0; i < model->encoder->nfeatures; i++)
	{
		const char *name = model->encoder->features[i].name;
		Datum		values[4];
		bool		nulls[4] = {false};

		if (model->encoder->features[i].kind == FEATURE_OFFSET)
			continue;
		values[0] = CStringGetTextDatum(TextFromUtf8(name, strlen(name)));
		values[1] = Float8GetDatum(model->trees->gain[i]);
		values[2] = Float8GetDatum(sum > 0 ? model->trees->gain[i] / sum : 0);
		values[3] = Int64GetDatum(splits[i]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* Rows to be scored again and again: their terms, positives last. */
typedef struct Sample
{
	const FrameScorer *scorer;
	int			nterms;
	int64		n;
	int64		nneg;
	double	   *terms;			/* n × nterms */
	double	   *score;
} Sample;

/* About `most` of the frame's rows, each drawn for itself. */
static void
TakeSample(Sample *s, const Frame *frame, int64 most, uint64 seed)
{
	uint64		key = TreeKey(seed, STREAM_HOLDOUT, 1);
	double		share = frame->rows > 0 ? (double) most / frame->rows : 1;
	uint32	   *rows[2];

	for (int label = 0; label < 2; label++)
	{
		PatternBlock block = {0};

		rows[label] = MemoryContextAllocHuge(CurrentMemoryContext,
											 sizeof(uint32) * Max(frame->npatterns, 1));
		while (FrameScan(frame, &block))
			for (int k = 0; k < block.n; k++)
			{
				int64		i = block.first + k;

				rows[label][i] = TreeSampleRows(TreePatternKey(key, i, label),
												label ? block.pos[k] : block.neg[k], share);
				s->n += rows[label][i];
			}
		if (label == 0)
			s->nneg = s->n;
	}
	s->terms = MemoryContextAllocHuge(CurrentMemoryContext,
									  sizeof(double) * Max(s->n * s->nterms, 1));
	s->score = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(s->n, 1));
	s->n = 0;
	for (int label = 0; label < 2; label++)
	{
		PatternBlock block = {0};

		while (FrameScan(frame, &block))
			for (int k = 0; k < block.n; k++)
				for (uint32 r = 0; r < rows[label][block.first + k]; r++)
				{
					TREE_CHECK_WALK(r + 1);
					FrameScorerTerms(s->scorer, block.cells + (Size) k * frame->stride,
									 s->terms + s->n++ * s->nterms);
				}
		pfree(rows[label]);
	}
}

/* The quality of the sample with the terms as they stand. */
static TreeQuality
JudgeSample(Sample *s)
{
	TreeQuality q;

	for (int64 i = 0; i < s->n; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		s->score[i] = FrameScorerOfTerms(s->scorer, s->terms + i * s->nterms);
	}
	TreeQualityOf(s->score, s->nneg, s->score + s->nneg, s->n - s->nneg, &q);
	return q;
}

/* Deal a column's terms out anew (Fisher and Yates); keep[] gets what they were. */
static void
Shuffle(Sample *s, int column, uint64 key, double *keep)
{
	double	   *term = s->terms + column;

	for (int64 i = 0; i < s->n; i++)
	{
		TREE_CHECK_WALK(i);
		keep[i] = term[i * s->nterms];
	}
	for (int64 i = s->n - 1; i > 0; i--)
	{
		int64		j = (int64) (TreeUniform(TreeDraw(key, i)) * (i + 1));
		double		swap = term[i * s->nterms];

		TREE_CHECK_WALK(i);
		term[i * s->nterms] = term[j * s->nterms];
		term[j * s->nterms] = swap;
	}
}

/* (model, frame, rows integer, seed integer) */
PG_FUNCTION_INFO_V1(lead_importance_frame);
Datum
lead_importance_frame(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	int32		most = PG_GETARG_INT32(2);
	int32		seed = PG_GETARG_INT32(3);
	Sample		s = {FrameScorerCreate(model, frame), model->encoder->nfeatures};
	TreeQuality whole;
	double	   *keep;

	if (most < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of rows must be at least 1, not %d", most)));
	InitMaterializedSRF(fcinfo, 0);
	TakeSample(&s, frame, most, (uint64) seed);
	keep = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(s.n, 1));
	whole = JudgeSample(&s);
	for (int c = 0; c < s.nterms; c++)
	{
		const char *name = model->encoder->features[c].name;
		TreeQuality q;
		Datum		values[3];
		bool		nulls[3] = {false};

		Shuffle(&s, c, TreeKey((uint64) seed, STREAM_PERMUTATION, c), keep);
		q = JudgeSample(&s);
		for (int64 i = 0; i < s.n; i++)
		{
			TREE_CHECK_WALK(i);
			s.terms[i * s.nterms + c] = keep[i];
		}
		values[0] = CStringGetTextDatum(TextFromUtf8(name, strlen(name)));
		values[1] = Float8GetDatum(whole.auc - q.auc);
		values[2] = Float8GetDatum(q.log_loss - whole.log_loss);
		nulls[1] = isnan(whole.auc - q.auc);
		nulls[2] = isnan(q.log_loss - whole.log_loss);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
