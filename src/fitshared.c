/*-------------------------------------------------------------------------
 *
 * fitshared.c
 *	  What fits of the same rows with other options hand on to each other.
 *
 * Trials of a tuning differ in a few options.  Where these do not change how the
 * columns are encoded, all have one encoder; and lines that differ in lambda alone go
 * along a path of falling penalties, each from the coefficients of the one before
 * (Friedman, Hastie, Tibshirani, Journal of Statistical Software 33 (2010)).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "fit.h"

/* Options that have no say in how columns are encoded; of any other it is assumed. */
static const char *const not_encoding[] = {
	"alpha", "calibrate", "class_weight", "colsample", "confidence", "correct", "covariance", "depth",
	"early_stopping", "firth", "holdout", "lambda", "leaves", "max_iterations", "min_gain",
	"min_leaf", "mtry", "rate", "robust", "seed", "separation", "standardize", "subsample",
	"tolerance", "trees",
};

static const char *const along_path[] = {"lambda"};

typedef struct KnownEncoder
{
	Jsonb	   *options;
	bool		penalised;
	FittedEncoder *fe;
} KnownEncoder;

/* The options but for some. */
static Jsonb *
Without(const Jsonb *options, const char *const *names, int n)
{
	Datum		texts[lengthof(not_encoding)];

	if (options == NULL)
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	for (int i = 0; i < n; i++)
		texts[i] = CStringGetTextDatum(names[i]);
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete_array, JsonbPGetDatum(options),
											  PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false,
																			  TYPALIGN_INT))));
}

static bool
SameJsonb(Jsonb *a, Jsonb *b)
{
	return compareJsonbContainers(&a->root, &b->root) == 0;
}

FittedEncoder *
SharedEncoder(const FrameStats *stats, const Options *opt, bool penalised)
{
	FitShared  *shared = opt->shared;
	MemoryContext old;
	KnownEncoder *k;
	ListCell   *lc;
	Jsonb	   *options;

	if (shared == NULL)
		return EncoderFit(stats, opt, penalised);
	options = Without(opt->given, not_encoding, lengthof(not_encoding));
	foreach(lc, shared->encoders)
	{
		k = lfirst(lc);
		if (k->penalised == penalised && SameJsonb(k->options, options))
			return k->fe;
	}
	old = MemoryContextSwitchTo(shared->cxt);
	k = palloc0(sizeof(KnownEncoder));
	k->penalised = penalised;
	k->fe = EncoderFit(stats, opt, penalised);
	k->options = Without(opt->given, not_encoding, lengthof(not_encoding));
	shared->encoders = lappend(shared->encoders, k);
	MemoryContextSwitchTo(old);
	return k->fe;
}

const LogitStart *
SharedStart(const Options *opt, int p)
{
	const FitShared *shared = opt->shared;

	if (shared == NULL || shared->path == NULL || shared->p != p || opt->lambda <= 0 ||
		opt->lambda > shared->lambda ||
		!SameJsonb(shared->path, Without(opt->given, along_path, lengthof(along_path))))
		return NULL;
	return &shared->start;
}

void
ShareStart(const Options *opt, int p, const LogitFit *fit)
{
	FitShared  *shared = opt->shared;
	MemoryContext old;

	if (shared == NULL)
		return;
	shared->path = NULL;
	MemoryContextReset(shared->path_cxt);
	if (fit->stop != LOGIT_CONVERGED || opt->lambda <= 0)
		return;
	old = MemoryContextSwitchTo(shared->path_cxt);
	shared->lambda = opt->lambda;
	shared->p = p;
	shared->start.beta = memcpy(palloc_extended(sizeof(double) * p, MCXT_ALLOC_HUGE),
								fit->beta, sizeof(double) * p);
	shared->start.null_gradient = fit->null_gradient;
	shared->path = Without(opt->given, along_path, lengthof(along_path));
	MemoryContextSwitchTo(old);
}
