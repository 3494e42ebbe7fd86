/*-------------------------------------------------------------------------
 *
 * fit.c
 *	  A frame and options in, a model out: the order of the steps.
 *
 *	1. screen the columns and fit the encoder (encoder.c)
 *	2. make the design (design.c) and solve (logistic.c)
 *	3. when the classes are separated, do what the options say
 *	4. put the coefficients back on the scale of the data, collect the
 *	   statistics, write the account (account.c) and the bytes (model.c)
 *	5. with "calibrate", do the same in folds and map the scores (calibrate.c)
 *
 * What can't be fitted at all is an error with the counts in it; with
 * "untrainable": "null" it is NULL and a NOTICE, so that one poor segment of
 * a GROUP BY need not end the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fit.h"
#include "scoremap.h"

/* Models of more design columns keep standard errors but no covariance. */
#define COVARIANCE_MAX_DESIGN	2000
#define VIF_MAX_DESIGN			1000

/* λ of the fit that takes the place of a separated one. */
#define SEPARATION_LAMBDA		1.0

/* No model can come of this: an error, or false where NULL was asked for. */
bool
Untrainable(const Options *opt, int sqlstate, const char *message,
			const char *detail, const char *hint)
{
	if (opt->untrainable_null)
		FitTell(opt, NOTICE, psprintf("no model: %s", message), detail, NULL);
	else
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg("cannot train a model: %s", message),
				 errdetail_internal("%s", detail),
				 errhint("%s", hint)));
	return false;
}

bool
CheckLabels(const FrameStats *s, const Options *opt)
{
	const Frame *f = s->frame;
	char	   *counts = psprintf("%lld rows are positive, %lld negative, %lld have no label.",
								  (long long) f->positives,
								  (long long) (f->rows - f->positives),
								  (long long) f->unknown);

	if (f->rows == 0)
		return Untrainable(opt, ERRCODE_DATA_EXCEPTION, "there are no labelled rows",
						   counts, "Check the FROM and WHERE clauses and the label.");
	if (f->positives == 0 || f->positives == f->rows)
		return Untrainable(opt, ERRCODE_DATA_EXCEPTION, "all labels are the same",
						   counts, "A model needs leads that converted and leads that did not.");
	if (s->weight_pos <= 0 || s->weight_pos >= s->weight_sum)
		return Untrainable(opt, ERRCODE_DATA_EXCEPTION, "all labels with a weight are the same",
						   counts, "Rows of weight 0 do not count.");
	return true;
}

/* The columns with the most design columns, for the error. */
static char *
WidestFeatures(const Encoder *enc)
{
	StringInfoData buf;
	int		   *width = palloc0(sizeof(int) * Max(enc->nfeatures, 1));

	initStringInfo(&buf);
	for (int j = 1; j < enc->ncolumns; j++)
		width[enc->design[j].feature]++;
	for (int shown = 0; shown < 3; shown++)
	{
		int			best = -1;

		for (int k = 0; k < enc->nfeatures; k++)
			if (width[k] > 0 && (best < 0 || width[k] > width[best]))
				best = k;
		if (best < 0)
			break;
		appendStringInfo(&buf, "%s\"%s\" has %d", shown == 0 ? "" : ", ",
						 TextFromUtf8(enc->features[best].name,
									  strlen(enc->features[best].name)),
						 width[best]);
		width[best] = 0;
	}
	return buf.data;
}

/* Every column left out and why, five at most, for the error. */
static char *
LeftOutReasons(const FitReport *report)
{
	StringInfoData buf;
	int			n = 0;
	ListCell   *lc;

	if (report->left_out == NIL)
		return "The rows have no columns for it.";
	initStringInfo(&buf);
	foreach(lc, report->left_out)
	{
		const LeftOut *l = lfirst(lc);

		if (++n <= 5)
			appendStringInfo(&buf, "%s\"%s\" (%s)", n > 1 ? ", " : "Left out: ",
							 TextFromUtf8(l->column, strlen(l->column)), l->reason);
	}
	if (n > 5)
		appendStringInfo(&buf, " and %d more", n - 5);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

bool
CheckColumnsLeft(const FittedEncoder *fe, const Options *opt)
{
	if (fe->encoder->ncolumns == 1)
		return Untrainable(opt, ERRCODE_DATA_EXCEPTION, "no column is left to learn from",
						   LeftOutReasons(&fe->report),
						   "Add columns, lower \"min_count\", or look at lead_describe(lead_frame(…)).");
	return true;
}

static bool
CheckDesign(const FrameStats *s, const FittedEncoder *fe, const Options *opt)
{
	const Encoder *enc = fe->encoder;

	if (enc->ncolumns > LEADSCORE_MAX_DESIGN)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model would have %d design columns, the limit is %d",
						enc->ncolumns, LEADSCORE_MAX_DESIGN),
				 errdetail("Of these column %s.", WidestFeatures(enc)),
				 errhint("Lower \"max_levels\", raise \"min_count\", or exclude columns.")));
	if (!CheckColumnsLeft(fe, opt))
		return false;
	if (opt->lambda == 0 && !opt->firth && s->frame->rows < enc->ncolumns)
		return Untrainable(opt, ERRCODE_DATA_EXCEPTION, "there are fewer rows than coefficients",
						   psprintf("%lld labelled rows, %d coefficients.",
									(long long) s->frame->rows, enc->ncolumns),
						   "Use fewer columns, raise \"min_count\", or penalise with {\"lambda\": 1}.");
	return true;
}

void
ClassWeights(const FrameStats *s, const Options *opt, LogitOptions *lo)
{
	lo->class_weight[0] = lo->class_weight[1] = 1;
	if (opt->class_weight_kind == CLASS_WEIGHT_GIVEN)
	{
		lo->class_weight[0] = opt->class_weight[0];
		lo->class_weight[1] = opt->class_weight[1];
	}
	else if (opt->class_weight_kind == CLASS_WEIGHT_BALANCED)
	{
		lo->class_weight[0] = s->weight_sum / (2 * (s->weight_sum - s->weight_pos));
		lo->class_weight[1] = s->weight_sum / (2 * s->weight_pos);
	}
	if (opt->class_weight_kind != CLASS_WEIGHT_NONE && !opt->correct && opt->calibrate == MAP_NONE)
		FitTell(opt, WARNING, "scores of this model are no probabilities",
				"The classes are weighted and \"correct\" is false, so the base rate is not that of the data.",
				NULL);
}

/* Components of a direction below this share of the largest are its noise. */
#define DIRECTION_NOISE		0.01

/*
 * What the direction says of a feature's levels does not depend on which of
 * them is the reference: adding a constant to all and taking it from the
 * intercept is the same direction.  Of these take the one with the most zeros,
 * so that a separating reference level is named and not all the others.
 * values[0] is the reference, the others are the feature's columns.
 */
static void
ShiftToMostZeros(double *values, int n, double tolerance)
{
	int			best = 0,
				best_count = 0;

	for (int i = 0; i < n; i++)
	{
		int			count = 0;

		for (int j = 0; j < n; j++)
			if (fabs(values[j] - values[i]) <= tolerance)
				count++;
		if (count > best_count)
		{
			best = i;
			best_count = count;
		}
	}
	for (int i = n - 1; i >= 0; i--)
		if (i != best)
			values[i] -= values[best];
	values[best] = 0;
}

/* The level of a feature that has no column, as "city=Paris". */
static char *
ReferenceName(const Encoder *enc, const Feature *f)
{
	DesignKind	kind = DESIGN_NULL_LEVEL;
	int			level = -1;

	for (int k = 0; k < f->nlevels; k++)
		if (f->levels[k].column == DESIGN_NONE)
		{
			kind = DESIGN_LEVEL;
			level = k;
		}
	for (int k = 0; f->kind == FEATURE_BINS && k <= f->nedges; k++)
		if (f->bin_columns[k] == DESIGN_NONE)
		{
			kind = DESIGN_BIN;
			level = k;
		}
	if (level < 0 && f->other_column == DESIGN_NONE)
		kind = DESIGN_OTHER;
	return psprintf("%s=%s", f->name, FeatureLevelText(enc, f, kind, level));
}

/* The design columns that separate the classes, as names. */
static List *
SeparatingColumns(const Encoder *enc, const LogitFit *fit)
{
	List	   *names = NIL;
	double		noise = 0;
	double	   *values = palloc(sizeof(double) * enc->ncolumns);

	for (int j = 1; j < enc->ncolumns; j++)
		noise = Max(noise, fabs(fit->direction[j]) * DIRECTION_NOISE);
	for (int j = 1, n; j < enc->ncolumns; j += n)
	{
		const Feature *f = &enc->features[enc->design[j].feature];
		bool		levels = (f->kind != FEATURE_NUMBER);

		values[0] = 0;
		for (n = 0; j + n < enc->ncolumns &&
			 enc->design[j + n].feature == enc->design[j].feature; n++)
			values[n + 1] = fit->direction[j + n];
		if (levels)
			ShiftToMostZeros(values, n + 1, noise);
		if (levels && fabs(values[0]) > noise)
			names = lappend(names, ReferenceName(enc, f));
		for (int k = 0; k < n; k++)
			if (fabs(values[k + 1]) > noise)
				names = lappend(names, DesignColumnName(enc, j + k));
	}
	return names;
}

static char *
JoinNames(const List *names)
{
	StringInfoData buf;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, names)
		if (++n <= 5)
			appendStringInfo(&buf, "%s\"%s\"", n > 1 ? ", " : "",
							 TextFromUtf8(lfirst(lc), strlen(lfirst(lc))));
	if (n > 5)
		appendStringInfo(&buf, " and %d more", n - 5);
	return buf.data;
}

/* Say that there is no maximum, and what is done instead. */
static void
ReportSeparation(FitAccount *a, const Options *opt)
{
	const char *kind = a->full_separation ? "completely" : "partly";
	char	   *names = JoinNames(a->separated);

	if (opt->separation == SEPARATION_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the classes are %s separated by %s", kind, names),
				 errdetail("The likelihood has no maximum: these coefficients would grow without end."),
				 errhint("Use {\"separation\": \"ridge\"} or {\"separation\": \"firth\"}, raise \"min_count\", or exclude the column.")));
	FitTell(opt, WARNING, psprintf("the classes are %s separated by %s", kind, names),
			psprintf("The likelihood has no maximum. The model was fitted with %s.",
					 opt->separation == SEPARATION_FIRTH ? "Firth's penalty instead" :
					 "a ridge penalty of lambda = 1 instead; it has no p-values"),
			a->full_separation ?
			"Columns that separate all leads usually know the outcome: exclude them." :
			"Raise \"min_count\" to pool rare levels, exclude the column, or choose \"lambda\" yourself.");
	a->separation_handled = opt->separation == SEPARATION_FIRTH ? "firth" : "ridge";
}

static void
ReportConvergence(const LogitFit *fit, const Options *opt)
{
	if (fit->stop == LOGIT_CONVERGED)
		return;
	FitTell(opt, WARNING,
			psprintf("training did not converge after %d iterations", fit->iterations),
			psprintf("The largest component of the gradient is %g.", fit->gradient_norm),
			"Raise \"max_iterations\", or penalise with \"lambda\".");
}

static Inference
InferenceOf(const LogitOptions *lo, const LogitFit *fit)
{
	if (fit->cov == NULL)
		return INFERENCE_NONE;
	if (lo->lambda > 0)
		return INFERENCE_PENALISED;
	return lo->robust ? INFERENCE_ROBUST : INFERENCE_WALD;
}

/* Generalised VIF of every feature. */
static double *
FeatureVif(const Encoder *enc, const LogitFit *fit)
{
	double	   *vif = palloc(sizeof(double) * Max(enc->nfeatures, 1));
	int		   *first = palloc(sizeof(int) * Max(enc->nfeatures, 1));
	int		   *last = palloc(sizeof(int) * Max(enc->nfeatures, 1));

	for (int k = 0; k < enc->nfeatures; k++)
	{
		first[k] = 1;
		last[k] = 0;			/* no column: an offset */
	}
	for (int j = enc->ncolumns - 1; j >= 1; j--)
	{
		int			k = enc->design[j].feature;

		first[k] = j;
		if (last[k] == 0)
			last[k] = j;
	}
	LogitGvif(fit->cov, fit->aliased, enc->ncolumns, enc->nfeatures, first, last, vif);
	return vif;
}

static void
ModelStatistics(Model *m, const Options *opt, const LogitFit *fit)
{
	int			p = m->encoder->ncolumns;

	if (fit->cov == NULL)
		return;
	m->std_error = palloc(sizeof(double) * p);
	for (int j = 0; j < p; j++)
		m->std_error[j] = fit->aliased[j] ? NAN : sqrt(fit->cov[(int64) j * p + j]);
	if (m->inference != INFERENCE_PENALISED && p <= VIF_MAX_DESIGN)
		m->vif = FeatureVif(m->encoder, fit);
	if (p <= COVARIANCE_MAX_DESIGN && opt->covariance)
	{
		double	   *packed = palloc_extended(sizeof(double) * p * (p + 1) / 2, MCXT_ALLOC_HUGE);
		int64		n = 0;

		for (int i = 0; i < p; i++)
			for (int j = 0; j <= i; j++)
				packed[n++] = fit->cov[(int64) i * p + j];
		m->cov = packed;
	}
}

static void
ReportFit(int iteration, int64 row, int64 rows)
{
	ProgressReport("fitting the model", iteration, row, rows);
}

/* Solve for an encoder; coefficients and covariance on the raw scale. */
static LogitFit *
SolveFor(const FrameStats *s, const FittedEncoder *fe, const Options *opt,
		 const LogitOptions *lo, FrameDesign **design)
{
	LogitFit   *fit;

	*design = FrameDesignCreate(s, fe, lo->lambda == 0 || opt->standardize);
	fit = LogitSolve(&(*design)->source, lo);
	ShareStart(opt, fe->encoder->ncolumns, fit);
	if (fit->stop != LOGIT_SEPARATED)
		FrameDesignDescale(*design, fe->encoder->ncolumns, fit->beta, fit->cov);
	return fit;
}

/* The model without "calibrate", whatever the options say of it. */
bytea *
FitUncalibrated(FrameStats *s, const Options *opt)
{
	FitAccount	a = {0};
	Model		m = {0};
	LogitOptions lo = {0};
	FittedEncoder *fe;
	FrameDesign *design;
	LogitFit   *fit;

	if (opt->family != FAMILY_LOGISTIC)
		return FitTrees(s, opt);
	if (!CheckLabels(s, opt))
		return NULL;
	fe = SharedEncoder(s, opt, opt->lambda > 0);
	if (fe == NULL)
		return NULL;
	ReportLeftOut(&fe->report, opt);
	if (!CheckDesign(s, fe, opt))
		return NULL;

	lo.lambda = opt->lambda;
	lo.alpha = opt->alpha;
	lo.firth = opt->firth;
	lo.robust = opt->robust;
	lo.max_iterations = opt->max_iterations;
	lo.tolerance = opt->tolerance;
	lo.report = ReportFit;
	lo.start = SharedStart(opt, fe->encoder->ncolumns);
	lo.estimates_only = (opt->shared != NULL);
	ClassWeights(s, opt, &lo);
	fit = SolveFor(s, fe, opt, &lo, &design);

	if (fit->stop == LOGIT_SEPARATED)
	{
		a.full_separation = fit->full_separation;
		a.separated = SeparatingColumns(fe->encoder, fit);
		ReportSeparation(&a, opt);
		lo.robust = false;
		lo.start = NULL;
		if (opt->separation == SEPARATION_FIRTH)
			lo.firth = true;
		else
		{
			lo.lambda = SEPARATION_LAMBDA;
			fe = SharedEncoder(s, opt, true);
			if (!CheckDesign(s, fe, opt))
				return NULL;
		}
		fit = SolveFor(s, fe, opt, &lo, &design);
	}
	ReportConvergence(fit, opt);

	if (opt->class_weight_kind != CLASS_WEIGHT_NONE && opt->correct)
	{
		a.prior_correction = -log(lo.class_weight[1] / lo.class_weight[0]);
		fit->beta[0] += a.prior_correction;
	}
	m.encoder = fe->encoder;
	m.coef = fit->beta;
	m.aliased = fit->aliased;
	m.mean = design->mean;
	m.mean_offset = design->mean_offset;
	m.sd = design->sd;
	m.confidence = opt->confidence;
	m.inference = InferenceOf(&lo, fit);
	ModelStatistics(&m, opt, fit);

	a.stats = s;
	a.opt = opt;
	a.fe = fe;
	a.logit_options = &lo;
	a.fit = fit;
	a.model = &m;
	m.info = FitAccountJson(&a);
	return ModelEncode(&m);
}

bytea *
FitModel(FrameStats *s, const Options *opt)
{
	FitMessages said = {CurrentMemoryContext, NIL};
	Options		once = *opt;
	bytea	   *model;

	if (opt->calibrate == MAP_NONE)
		return FitUncalibrated(s, opt);
	/* what the folds would say as well is said once */
	once.messages = &said;
	model = FitUncalibrated(s, &once);
	FitMessagesTell(opt, &said, 1, NULL);
	return model == NULL ? NULL : CalibrateByFolds(model, s->frame, opt, &said);
}

/* Ridge has no such lambda: that of lasso is where a search may begin. */
double
FitLambdaMax(FrameStats *s, const Options *opt)
{
	LogitOptions lo = {0};
	FittedEncoder *fe;
	FrameDesign *design;

	if (!CheckLabels(s, opt) || (fe = EncoderFit(s, opt, true)) == NULL ||
		!CheckDesign(s, fe, opt))
		return NAN;
	lo.alpha = opt->alpha > 0 ? opt->alpha : 1;
	ClassWeights(s, opt, &lo);
	design = FrameDesignCreate(s, fe, opt->standardize);
	return LogitLambdaMax(&design->source, &lo);
}
