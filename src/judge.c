/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  Models judged on a frame: scores, quality, comparison.  No mathematics.
 *
 * The rows that were held back are framed in the scan that trains the model,
 * and every version is judged on such a frame: the table is not read again, and
 * two versions meet on the very same rows.  Rows count as rows here, whatever
 * weight the training gave them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "delong.h"
#include "framescore.h"
#include "metrics.h"

/* lead_score_frame(model, frame): a row per pattern */
PG_FUNCTION_INFO_V1(lead_score_frame);
Datum
lead_score_frame(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	FrameScorer *scorer = FrameScorerCreate(model, frame);
	PatternBlock block = {0};

	InitMaterializedSRF(fcinfo, 0);
	while (FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			Datum		values[3];
			bool		nulls[3] = {false, false, false};

			values[0] = Float8GetDatum(FrameScorerScore(scorer,
														block.cells + (Size) i * frame->stride));
			values[1] = Int64GetDatum(block.pos[i]);
			values[2] = Int64GetDatum(block.neg[i]);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	PG_RETURN_NULL();
}

/* The score of every row of a frame, by label: pos has its positives, neg the others. */
void
FrameScorePairs(const Model *model, const Frame *frame, double *pos, double *neg)
{
	FrameScorer *scorer = FrameScorerCreate(model, frame);
	PatternBlock block = {0};

	while (FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			double		score = FrameScorerScore(scorer,
												 block.cells + (Size) i * frame->stride);

			for (uint32 k = 0; k < block.pos[i]; k++)
				*pos++ = score;
			for (uint32 k = 0; k < block.neg[i]; k++)
				*neg++ = score;
		}
}

/* Room for the scores of the rows of one label, of a frame that may be judged. */
double *
FrameScoresAlloc(const Frame *frame, bool label)
{
	int64		n = label ? frame->positives : frame->rows - frame->positives;

	if (frame->rows > PAIRS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot evaluate more than %lld pairs of score and label",
						(long long) PAIRS_MAX)));
	return MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * Max(n, 1));
}

/* The pairs of score and label that stand behind a frame; NULL if there are none. */
Ties *
FrameTies(const Model *model, const Frame *frame)
{
	double	   *pos = FrameScoresAlloc(frame, true),
			   *neg = FrameScoresAlloc(frame, false);

	if (frame->rows == 0)
		return NULL;
	FrameScorePairs(model, frame, pos, neg);
	return TiesMake(neg, frame->rows - frame->positives, pos, frame->positives);
}

/* lead_evaluate_frame(model, frame, threshold) → lead_evaluation */
PG_FUNCTION_INFO_V1(lead_evaluate_frame);
Datum
lead_evaluate_frame(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	double		threshold = PG_GETARG_FLOAT8(2);

	if (isnan(threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must not be NaN")));
	return EvaluationRow(fcinfo, FrameTies(model, frame), frame->unknown, threshold);
}

/* lead_compare(champion, challenger, frame): the second against the first */
PG_FUNCTION_INFO_V1(lead_compare);
Datum
lead_compare(PG_FUNCTION_ARGS)
{
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(2));
	FrameScorer *scorer[2];
	ScoredPattern *patterns;
	PatternBlock block = {0};
	PairedAuc	paired;
	TupleDesc	desc;
	Datum		values[10];
	bool		nulls[10] = {false};
	int			i = 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int k = 0; k < 2; k++)
		scorer[k] = FrameScorerCreate(ModelDecode(PG_GETARG_DATUM(k), true), frame);
	patterns = MemoryContextAllocHuge(CurrentMemoryContext,
									  sizeof(ScoredPattern) * Max(frame->npatterns, 1));
	while (FrameScan(frame, &block))
		for (int j = 0; j < block.n; j++)
		{
			ScoredPattern *p = &patterns[block.first + j];

			for (int k = 0; k < 2; k++)
				p->score[k] = FrameScorerScore(scorer[k],
											   block.cells + (Size) j * frame->stride);
			p->pos = block.pos[j];
			p->neg = block.neg[j];
		}
	ComparePaired(patterns, frame->npatterns, &paired);

	values[i++] = Int64GetDatum(paired.pos + paired.neg);
	values[i++] = Int64GetDatum(paired.pos);
	PutFloat(values, nulls, i++, paired.auc[0]);
	PutFloat(values, nulls, i++, paired.auc[1]);
	PutFloat(values, nulls, i++, paired.delta);
	PutFloat(values, nulls, i++, paired.error);
	PutFloat(values, nulls, i++, paired.low);
	PutFloat(values, nulls, i++, paired.high);
	PutFloat(values, nulls, i++, paired.log_loss[0]);
	PutFloat(values, nulls, i++, paired.log_loss[1]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
