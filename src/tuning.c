/*-------------------------------------------------------------------------
 *
 * tuning.c
 *	  leadscore.run_trials(): many options, each cross-validated on the same folds.
 *	  No mathematics.
 *
 * What the trials have in common is made once: the rows of each fold with their
 * statistics, as far as there is memory to keep them, and their encoders; lines
 * that differ in lambda alone start where the last one ended (fitshared.c).  What is
 * not kept is made anew and the same, so that memory changes no result.
 *
 * A trial runs in a subtransaction: an error is its result and not the end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "crossval.h"
#include "fit.h"
#include "framescore.h"
#include "metrics.h"

#define TRIAL_COLUMNS	11

/* What trials are compared by. */
typedef struct Metric
{
	const char *name;
	size_t		offset;			/* in Quality */
	bool		low;			/* is less better? */
	bool		taken;			/* is it of those that are taken, who may be none? */
} Metric;

#define METRIC(name, low, taken)	{#name, offsetof(Quality, name), low, taken}

static const Metric metrics[] = {
	METRIC(log_loss, true, false), METRIC(auc, false, false), METRIC(brier, true, false),
	METRIC(average_precision, false, false), METRIC(precision, false, true),
	METRIC(recall, false, false), METRIC(f1, false, true), METRIC(accuracy, false, false),
	METRIC(lift_10, false, false),
};

/* A fold and what its fits share; `rows` and below are in cxt, if they are there. */
typedef struct TunedFold
{
	MemoryContext cxt;
	FrameStats *trained;		/* NULL: to be made */
	Frame	   *held;
	Size		counted;		/* of Tuning.kept */
	FitShared	shared;
} TunedFold;

typedef struct Tuning
{
	const Frame *frame;
	FoldSplit  *split;
	const Metric *metric;
	double		threshold;
	double		share;			/* of the rows that train */
	TimestampTz until;			/* start nothing later; or DT_NOEND */
	TunedFold  *folds;
	Size		kept;			/* bytes of folds that stay */
	FitMessages messages;
	double		best;			/* mean so far; NaN */
	double	   *pos;			/* out-of-fold scores of the trial */
	double	   *neg;
} Tuning;

/* One trial: what came out. */
typedef struct Trial
{
	int			done;			/* folds */
	double	   *values;			/* the metric of each */
	int64		npos;
	int64		nneg;
	double		mean;
	double		standard_error;
	ErrorData  *error;			/* or NULL */
} Trial;

static bool
TimeIsUp(const Tuning *t)
{
	return t->until != DT_NOEND && GetCurrentTimestamp() >= t->until;
}

/* ---- folds ---- */

static void
MakeFold(Tuning *t, TunedFold *f, int fold)
{
	Size		size = sizeof(uint32) * Max(t->frame->npatterns, 1);
	uint32	   *pos,
			   *neg;
	Frame	   *part;

	MemoryContextSwitchTo(f->cxt);
	pos = MemoryContextAllocHuge(f->cxt, size);
	neg = MemoryContextAllocHuge(f->cxt, size);
	FoldCounts(t->split, t->frame, fold, FOLD_HELD, pos, neg);
	f->held = FramePart(t->frame, pos, neg);
	FoldCounts(t->split, t->frame, fold, FOLD_TRAINED, pos, neg);
	FoldThin(t->split, t->frame, t->share, pos, neg);
	part = FramePart(t->frame, pos, neg);
	pfree(pos);
	pfree(neg);
	f->trained = FrameStatsCompute(part);
}

static void
DropFold(Tuning *t, TunedFold *f)
{
	t->kept -= f->counted;
	f->counted = 0;
	f->trained = NULL;
	f->shared.encoders = NIL;
	MemoryContextReset(f->cxt);
}

/* A fold is kept as long as all that are need no more than leadscore.work_mem. */
static void
KeepOrDrop(Tuning *t, TunedFold *f)
{
	t->kept -= f->counted;
	f->counted = MemoryContextMemAllocated(f->cxt, true);
	t->kept += f->counted;
	if (t->kept > LeadscoreWorkMem())
		DropFold(t, f);
}

/*
 * The metric of a fold; NaN where its rows have none, whatever the trial.  A trial
 * that takes nobody there has 0, as in scikit-learn: left out it would be compared
 * by the folds where it was lucky.
 */
static double
MetricOf(const Metric *metric, const Quality *q)
{
	double		value = *(const double *) ((const char *) q + metric->offset);

	return metric->taken && isnan(value) ? 0 : value;
}

static void
RunTrialOnFold(Tuning *t, Trial *trial, Options *opt, int fold)
{
	TunedFold  *f = &t->folds[fold];
	MemoryContext work = CurrentMemoryContext;
	bytea	   *bytes = NULL;
	Quality		q;

	ProgressFold(fold + 1, t->split->folds);
	if (f->trained == NULL)
		MakeFold(t, f, fold);
	MemoryContextSwitchTo(work);
	opt->shared = &f->shared;
	if (f->held->rows > 0)
		bytes = FitModel(f->trained, opt);
	trial->values[trial->done] = NAN;
	if (bytes != NULL)
	{
		Model	   *model = ModelDecode(PointerGetDatum(bytes), true);
		double	   *pos = t->pos + trial->npos,
				   *neg = t->neg + trial->nneg;
		int64		npos = f->held->positives,
					nneg = f->held->rows - npos;
		Ties	   *ties;

		FrameScorePairs(model, f->held, pos, neg);
		ties = TiesMake(neg, nneg, pos, npos);
		QualityOf(ties, t->threshold, &q);
		trial->values[trial->done] = MetricOf(t->metric, &q);
		trial->npos += npos;
		trial->nneg += nneg;
	}
	trial->done++;
	KeepOrDrop(t, f);
}

/* ---- trials ---- */

/* The mean over the folds that have the metric, and its standard error. */
static void
Summarise(Trial *trial)
{
	double		squares = 0;
	int			n = 0;

	trial->mean = trial->standard_error = NAN;
	for (int i = 0; i < trial->done; i++)
		if (!isnan(trial->values[i]))
		{
			trial->mean = n == 0 ? trial->values[i] : trial->mean + trial->values[i];
			n++;
		}
	trial->mean /= n;
	for (int i = 0; i < trial->done; i++)
		if (!isnan(trial->values[i]))
			squares += (trial->values[i] - trial->mean) * (trial->values[i] - trial->mean);
	if (n > 1)
		trial->standard_error = sqrt(squares / (n - 1) / n);
}

static void
RunFolds(Tuning *t, Trial *trial, const Jsonb *given, MemoryContext work)
{
	/* the first fold of all is judged whatever the time */
	for (int fold = 0; fold < t->split->folds; fold++)
	{
		Options    *opt;

		if ((fold > 0 || !isnan(t->best)) && TimeIsUp(t))
			break;
		opt = OptionsParse(given, OPTIONS_FIT);
		CheckColumnsExist(t->frame, opt);
		opt->messages = &t->messages;
		RunTrialOnFold(t, trial, opt, fold);
		MemoryContextReset(work);
	}
}

/* An error but a cancel is the result of the trial, as PL/pgSQL has it for OTHERS. */
static void
RunTrial(Tuning *t, Trial *trial, const Jsonb *given, MemoryContext work)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(work);
	PG_TRY();
	{
		RunFolds(t, trial, given, work);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		trial->error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	MemoryContextReset(work);
	if (trial->error == NULL)
		return;
	if (trial->error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		trial->error->sqlerrcode == ERRCODE_ASSERT_FAILURE)
		ReThrowError(trial->error);
	/* the fold at work may be half made */
	if (trial->done < t->split->folds && t->folds[trial->done].trained == NULL)
		DropFold(t, &t->folds[trial->done]);
}

static char *
Note(const Trial *trial)
{
	const ErrorData *e = trial->error;

	if (e == NULL)
		return NULL;
	return e->detail == NULL ? e->message : psprintf("%s: %s", e->message, e->detail);
}

static void
PutTrial(Tuning *t, ReturnSetInfo *rsinfo, int number, const Trial *trial, double ms)
{
	Datum		values[TRIAL_COLUMNS] = {0};
	bool		nulls[TRIAL_COLUMNS] = {0};
	char	   *note = Note(trial);
	Quality		q;

	q.auc = q.log_loss = q.brier = NAN;
	if (trial->error == NULL && trial->npos + trial->nneg > 0)
	{
		Ties	   *ties = TiesMake(t->neg, trial->nneg, t->pos, trial->npos);

		QualityOf(ties, t->threshold, &q);
		TiesFree(ties);
	}
	values[0] = Int32GetDatum(number);
	values[1] = Int32GetDatum(trial->done);
	PutFloat(values, nulls, 2, trial->error == NULL ? trial->mean : NAN);
	PutFloat(values, nulls, 3, trial->error == NULL ? trial->standard_error : NAN);
	PutFloat(values, nulls, 4, q.auc);
	PutFloat(values, nulls, 5, q.log_loss);
	PutFloat(values, nulls, 6, q.brier);
	PutFloat(values, nulls, 7, ms);
	nulls[8] = nulls[10] = (note == NULL);
	nulls[9] = (note == NULL || trial->error->hint == NULL);
	if (note != NULL)
	{
		values[8] = CStringGetTextDatum(note);
		values[10] = CStringGetTextDatum(unpack_sql_state(trial->error->sqlerrcode));
	}
	if (!nulls[9])
		values[9] = CStringGetTextDatum(trial->error->hint);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
RunTrials(Tuning *t, ReturnSetInfo *rsinfo, Datum *trials, int n)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "leadscore trial",
											   ALLOCSET_DEFAULT_SIZES),
				put = AllocSetContextCreate(CurrentMemoryContext, "leadscore result",
											ALLOCSET_DEFAULT_SIZES),
				old = MemoryContextSwitchTo(put);

	t->best = NAN;
	for (int i = 0; i < n; i++)
	{
		Trial		trial = {0};
		instr_time	began,
					took;

		CHECK_FOR_INTERRUPTS();
		if (!isnan(t->best) && TimeIsUp(t))
			break;
		ProgressTrial(i + 1, n, isnan(t->best) ? NULL : psprintf("%s %.4f", t->metric->name, t->best));
		INSTR_TIME_SET_CURRENT(began);
		trial.values = palloc(sizeof(double) * t->split->folds);
		RunTrial(t, &trial, DatumGetJsonbP(trials[i]), work);
		INSTR_TIME_SET_CURRENT(took);
		INSTR_TIME_SUBTRACT(took, began);
		Summarise(&trial);
		PutTrial(t, rsinfo, i + 1, &trial, INSTR_TIME_GET_MILLISEC(took));
		if (trial.error == NULL && !isnan(trial.mean) &&
			(isnan(t->best) || (t->metric->low ? trial.mean < t->best : trial.mean > t->best)))
			t->best = trial.mean;
		MemoryContextReset(put);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	MemoryContextDelete(put);
}

/* ---- SQL ---- */

static const Metric *
ReadMetric(FunctionCallInfo fcinfo, int arg)
{
	StringInfoData known;
	char	   *given;

	RefuseNull(fcinfo, arg, "metric");
	given = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	initStringInfo(&known);
	for (int i = 0; i < lengthof(metrics); i++)
	{
		if (strcmp(given, metrics[i].name) == 0)
			return &metrics[i];
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", metrics[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\"", given),
			 errhint("The metrics are: %s.", known.data)));
	return NULL;
}

static TunedFold *
MakeFolds(int n)
{
	TunedFold  *folds = palloc0(sizeof(TunedFold) * n);

	for (int i = 0; i < n; i++)
	{
		folds[i].cxt = folds[i].shared.cxt =
			AllocSetContextCreate(CurrentMemoryContext, "leadscore tuned fold", ALLOCSET_DEFAULT_SIZES);
		folds[i].shared.path_cxt =
			AllocSetContextCreate(CurrentMemoryContext, "leadscore path", ALLOCSET_SMALL_SIZES);
	}
	return folds;
}

/* (frame, trials, folds, seed, folds_by, metric, threshold, share, until) */
PG_FUNCTION_INFO_V1(lead_run_trials);
Datum
lead_run_trials(PG_FUNCTION_ARGS)
{
	Tuning		t = {0};
	Datum	   *trials;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	t.metric = ReadMetric(fcinfo, 5);
	RefuseNull(fcinfo, 6, "threshold");
	t.threshold = PG_GETARG_FLOAT8(6);
	if (isnan(t.threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must not be NaN")));
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(7))
		PG_RETURN_NULL();
	t.share = PG_GETARG_FLOAT8(7);
	t.until = PG_ARGISNULL(8) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(8);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), JSONBOID, -1, false, TYPALIGN_INT,
					  &trials, NULL, &n);
	t.frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	t.split = ReadFoldSplit(fcinfo, 2, t.frame);
	t.folds = MakeFolds(t.split->folds);
	t.messages.cxt = CurrentMemoryContext;
	t.pos = FrameScoresAlloc(t.frame, true);
	t.neg = FrameScoresAlloc(t.frame, false);
	PG_TRY();
	{
		RunTrials(&t, (ReturnSetInfo *) fcinfo->resultinfo, trials, n);
	}
	PG_FINALLY();
	{
		ProgressFold(0, 0);
		ProgressTrial(0, 0, NULL);
	}
	PG_END_TRY();
	ProgressEnd();
	FitMessagesSay(&t.messages, 0);
	PG_RETURN_NULL();
}

/* (frame, options): NULL where no model can come of them */
PG_FUNCTION_INFO_V1(lead_lambda_max);
Datum
lead_lambda_max(PG_FUNCTION_ARGS)
{
	const Frame *frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	Options    *opt = OptionsParse(PG_GETARG_JSONB_P(1), OPTIONS_FIT);
	FitMessages unsaid = {CurrentMemoryContext, NIL};
	double		lambda;

	CheckColumnsExist(frame, opt);
	opt->messages = &unsaid;
	lambda = FitLambdaMax(FrameStatsCompute(frame), opt);
	if (isnan(lambda))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(lambda);
}

PG_FUNCTION_INFO_V1(lead_option_is_whole);
Datum
lead_option_is_whole(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(OptionIsWhole(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* An error unless these are options of lead_fit(). */
PG_FUNCTION_INFO_V1(lead_check_fit_options);
Datum
lead_check_fit_options(PG_FUNCTION_ARGS)
{
	(void) OptionsParse(PG_GETARG_JSONB_P(0), OPTIONS_FIT);
	PG_RETURN_VOID();
}
