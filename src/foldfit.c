/*-------------------------------------------------------------------------
 *
 * foldfit.c
 *	  A model for each fold of a frame, beside the rows that it has not seen.
 *
 * For each fold a frame is made of the rows that train, as if the others had
 * never been (framepart.c), so all that a fit learns, levels, means, bins and
 * coefficients, it learns inside of the fold.  What is done with the model and
 * the rows held out is the caller's: to judge it, or to collect their scores.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "fit.h"
#include "folds.h"

static Frame *
SideOfFold(const FoldRun *run, FoldSide side, uint32 *pos, uint32 *neg)
{
	FoldCounts(run->split, run->frame, run->fold, side, pos, neg);
	return FramePart(run->frame, pos, neg);
}

/* Errors of a fit say which fold they are of. */
static void
NameFold(void *arg)
{
	const FoldRun *run = arg;

	errcontext("fold %d of %s, counted from 0", run->fold, run->what);
}

static void
FitFold(FoldRun *run, FoldJudge judge)
{
	int64		npatterns = Max(run->frame->npatterns, 1);
	uint32	   *pos = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * npatterns),
			   *neg = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * npatterns);
	Frame	   *held = SideOfFold(run, FOLD_HELD, pos, neg);
	Model	   *model = NULL;

	run->trained = 0;
	if (held->rows > 0)
	{
		Frame	   *part = SideOfFold(run, FOLD_TRAINED, pos, neg);
		FrameStats *stats = FrameStatsCompute(part);
		bytea	   *bytes = run->uncalibrated ? FitUncalibrated(stats, run->opt) :
			FitModel(stats, run->opt);

		run->trained = part->rows;
		if (bytes != NULL)
			model = ModelDecode(PointerGetDatum(bytes), true);
	}
	judge(run, model, held);
}

/*
 * All folds, each in memory of its own; what the fits say is said in the end, but
 * for what is known already.  A fit may have folds within: they are part of the
 * fold that is at work, and what they have to say is collected with it.
 */
void
FitFolds(FoldRun *run, FoldJudge judge, const FitMessages *known)
{
	FitMessages messages = {CurrentMemoryContext, NIL};
	FitMessages *outer = run->opt->messages;
	ErrorContextCallback callback = {error_context_stack, NameFold, run};
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "leadscore fold",
											   ALLOCSET_DEFAULT_SIZES),
				old = MemoryContextSwitchTo(work);
	int			fold,
				folds;

	ProgressFoldGet(&fold, &folds);
	run->opt->messages = &messages;
	PG_TRY();
	{
		error_context_stack = &callback;
		for (run->fold = 0; run->fold < run->split->folds; run->fold++)
		{
			if (folds == 0)
				ProgressFold(run->fold + 1, run->split->folds);
			FitFold(run, judge);
			MemoryContextReset(work);
		}
		error_context_stack = callback.previous;
	}
	PG_FINALLY();
	{
		ProgressFold(fold, folds);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	ProgressEnd();
	run->opt->messages = outer;
	FitMessagesTell(run->opt, &messages, run->split->folds, known);
}
