/*-------------------------------------------------------------------------
 *
 * logistic.c
 *	  Logistic regression: maximum likelihood and ridge by Newton's method.
 *
 * Minimised is Σ w·logloss + λ(α‖β‖₁ + (1-α)/2 ‖β‖²), the intercept (column 0)
 * not penalised.  A pass over the rows costs as many multiplications as a row
 * has pairs of non-zero entries; nothing of size rows × columns is made.
 *
 * Newton's method converges quadratically near the solution, so what counts is
 * how near it starts.  With many rows one pass over ever larger parts of them
 * makes the start, and two or three over all of them the fit.
 *
 * Sums are added in the order of the rows, block by block: the same rows in the
 * same order give the same bits.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "logistic.h"

#define DEFAULT_ITERATIONS	100
/* Firth's scoring converges linearly: slow where a column has a long tail */
#define DEFAULT_FIRTH_ITERATIONS	500
#define DEFAULT_TOLERANCE	1e-10

/* With so many rows a step of this size may be the last: see Newton() */
#define SETTLED_STEP		5e-9

#define MAX_DAMPINGS		30
#define SEPARATION_FROM		8	/* iterations before a fit is suspect */

/*
 * A fit of separated classes runs on while each step divides what is left of
 * their loss by e; the decrement is what is left.
 */
#define STILL_RUNNING		1e-3
#define SUPREMUM_LEFT		1e-10

double
LogitPenalty(const LogitWork *w, const double *beta)
{
	double		sum = 0;

	for (int j = 1; j < w->p; j++)
		sum += w->lambda1 * fabs(beta[j]) + 0.5 * w->ridge[j] * beta[j] * beta[j];
	return sum;
}

static void
AddOffset(LogitWork *w, const DesignBlock *b)
{
	for (int i = 0; i < b->n && b->offset; i++)
		w->eta[i] += b->offset[i];
}

/* The linear predictor of each row. */
void
BlockEta(LogitWork *w, const DesignBlock *b, const double *beta)
{
	BlockDots(w, b, beta, w->eta);
	AddOffset(w, b);
}

/* One pass over the rows: add up gradient and Hessian of their loss at beta. */
void
AddPass(LogitWork *w, const double *beta)
{
	RowCursor	cursor = {0};
	LossSums	sums = {0};

	GramBegin(w);
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		BlockEta(w, b, beta);
		BlockLoss(b->n, w->eta, w->positives, w->negatives, w->residual, w->weight,
				  &sums);
		BlockGram(w, b, w->residual, w->weight, w->hessian);
	}
	GramEnd(w, w->gradient, w->hessian);
	w->loss = sums.loss;
	w->positive = sums.positive;
	w->negative = sums.negative;
}

/*
 * One pass over the rows: loss, gradient and Hessian at beta, the ridge
 * included in the last two.  Returns the objective.
 */
double
LogitPass(LogitWork *w, const double *beta)
{
	memset(w->gradient, 0, sizeof(double) * w->p);
	memset(w->hessian, 0, sizeof(double) * Tri(w->p));
	AddPass(w, beta);
	for (int j = 1; j < w->p; j++)
	{
		w->gradient[j] += w->ridge[j] * beta[j];
		w->hessian[Tri(j) + j] += w->ridge[j];
	}
	return w->loss + LogitPenalty(w, beta);
}

/* One pass over the rows: loss of intercept and offset alone, and its derivatives. */
static double
NullPass(LogitWork *w, double intercept, double *gradient, double *hessian)
{
	RowCursor	cursor = {0};
	LossSums	sums = {0};

	*gradient = *hessian = 0;
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		for (int i = 0; i < b->n || i % DESIGN_LANES != 0; i++)
			w->eta[i] = intercept;
		AddOffset(w, b);
		BlockLoss(b->n, w->eta, w->positives, w->negatives, w->residual, w->weight,
				  &sums);
		for (int i = 0; i < b->n; i++)
		{
			*gradient += w->residual[i];
			*hessian += w->weight[i];
		}
	}
	return sums.loss;
}

/*
 * Maximum likelihood of the intercept alone, next to the offset if there is
 * one.  Sets *intercept and returns the log-likelihood.
 */
static double
NullModel(LogitWork *w, double *intercept)
{
	double		negative = w->design->weights[0] * w->options->class_weight[0];
	double		positive = w->design->weights[1] * w->options->class_weight[1];
	double		low = -DBL_MAX;
	double		high = DBL_MAX;
	double		b0 = 0;
	double		loss = 0;

	/* one class only: there is no maximum, but a place to start from */
	if (positive <= 0 || negative <= 0)
	{
		*intercept = positive > 0 ? 3 : negative > 0 ? -3 : 0;
		return 0;
	}
	if (!w->design->has_offset)
	{
		double		total = positive + negative;

		*intercept = log(positive / negative);
		return positive * log(positive / total) + negative * log(negative / total);
	}

	for (int iteration = 0; iteration < 200; iteration++)
	{
		double		gradient;
		double		hessian;
		double		step;

		loss = NullPass(w, b0, &gradient, &hessian);

		/* the loss is convex: the sign of the gradient brackets the minimum */
		if (gradient > 0)
			high = b0;
		else
			low = b0;
		step = hessian > 0 ? -gradient / hessian : 0;
		if (fabs(step) <= 1e-9 * (1 + fabs(b0)) && hessian > 0)
		{
			*intercept = b0 + step;
			return -loss;
		}
		if (step == 0 || fabs(step) > 2)
			step = gradient > 0 ? -2 : 2;
		if (b0 + step >= high || b0 + step <= low)
			b0 = (low + high) / 2;
		else
			b0 += step;
	}
	*intercept = b0;
	return -loss;
}

/*
 * The error a coefficient would have alone, in the null model or near it: what is
 * far below it is small whatever the coefficient.  Not taken later, as it
 * grows without bound when a fit runs away.  `share` is that of the rows read.
 */
void
SetUnits(LogitWork *w, double share)
{
	for (int j = 0; j < w->p; j++)
	{
		double		h = w->hessian[Tri(j) + j];

		if (w->unit[j] == 0 && h > 0)
			w->unit[j] = sqrt(share / h);
	}
}

/* The largest component of the step, next to its coefficient or its error. */
double
StepSize(const LogitWork *w)
{
	double		largest = 0;

	for (int j = 0; j < w->p; j++)
		if (w->step[j] != 0)
			largest = Max(largest, fabs(w->step[j]) /
						  Max(fabs(w->beta[j]), w->unit[j]));
	return largest;
}

double
MaxGradient(const LogitWork *w)
{
	double		largest = 0;

	for (int j = 0; j < w->p; j++)
		if (!w->dropped[j])
			largest = Max(largest, fabs(w->gradient[j]));
	return largest;
}

/*
 * Factor the Hessian.  When a fit runs away it becomes singular to the digit:
 * then the diagonal is raised until it can be factored, which shortens the step.
 */
void
HessianFactor(LogitWork *w)
{
	for (double boost = 1e-12; boost < 1e3; boost *= 10)
	{
		if (CholeskyFactor(w->factor, w->scale, w->dropped, NULL, w->hessian,
						   w->p, 1e-15, false))
			return;
		for (int j = 0; j < w->p; j++)
		{
			double	   *h = &w->hessian[Tri(j) + j];

			*h = *h > 0 ? *h * (1 + boost) : 1;
		}
	}
	elog(ERROR, "Hessian could not be factored");
}

/* Solve for the step from gradient and factor; returns -gradient · step. */
double
SolveStep(LogitWork *w)
{
	for (int j = 0; j < w->p; j++)
		w->step[j] = -w->gradient[j];
	CholeskySolve(w->factor, w->scale, w->step, w->p);
	return -Dot(w->step, w->gradient, w->p);
}

static double
TryStep(LogitWork *w)
{
	for (int j = 0; j < w->p; j++)
		w->trial[j] = w->beta[j] + w->step[j];
	return LogitPass(w, w->trial);
}

/*
 * The objective rose along Newton's step: a level whose probability is near 0 or
 * 1 has so little curvature that the step goes far beyond its goal.  To shorten
 * all of the step for the sake of one level would be slow; adding a share of
 * the null model's curvature to the diagonal holds back just that level.
 * Returns the objective at w->trial; leaves w at w->beta where nothing helped.
 */
static double
DampedStep(LogitWork *w, double limit)
{
	double		share = 0.1;

	for (int k = 0; k < MAX_DAMPINGS; k++, share *= 4)
	{
		double		next;

		LogitPass(w, w->beta);
		for (int j = 0; j < w->p; j++)
			if (w->unit[j] > 0)
				w->hessian[Tri(j) + j] += share / (w->unit[j] * w->unit[j]);
		HessianFactor(w);
		SolveStep(w);
		next = TryStep(w);
		if (next <= limit)
			return next;
	}
	LogitPass(w, w->beta);
	HessianFactor(w);
	return INFINITY;
}

/*
 * The start does not know of aliasing: a dropped column's coefficient goes to
 * the columns that it is a combination of, which changes linear predictors by
 * rounding only; but that can be large where coefficients are.  Returns whether
 * there was any.
 */
static bool
ExpressDropped(LogitWork *w)
{
	bool		any = false;

	for (int j = 0; j < w->p; j++)
	{
		if (!w->dropped[j] || w->beta[j] == 0)
			continue;
		for (int k = 0; k < w->p; k++)
			w->trial[k] = w->hessian[Tri(Max(j, k)) + Min(j, k)];
		CholeskySolve(w->factor, w->scale, w->trial, w->p);
		for (int k = 0; k < w->p; k++)
			w->beta[k] += w->beta[j] * w->trial[k];
		w->beta[j] = 0;
		any = true;
	}
	return any;
}

/*
 * Newton's method from w->beta.  `fit` is NULL for a sample, where neither
 * history nor separation matters.
 *
 * The step that is found to be tiny is still taken: it squares the error, and
 * the Hessian before it differs from the one after it by as little.  Of many rows,
 * where a pass is dear, the step that is found to be smaller than anybody cares
 * for is the last, provided that by this one and the one before it the next would
 * be tiny: then standard errors are off by some 1e-9 at most, estimates by nothing.
 */
LogitStop
Newton(LogitWork *w, LogitFit *fit, int max_iterations, double tolerance)
{
	int			p = w->p;
	double		objective = LogitPass(w, w->beta);
	double		previous = INFINITY;
	double		last = 0;		/* size of the last step, if it was Newton's */
	int			noisy = 0;
	bool		factored = false;
	bool		many = w->design->nrows >= MANY_ROWS;

	if (fit && many && !(objective <= -fit->null_log_likelihood))
	{
		/* a start that is worse than none */
		memset(w->beta, 0, sizeof(double) * p);
		w->beta[0] = w->null_intercept;
		objective = LogitPass(w, w->beta);
	}
	SetUnits(w, 1);
	if (fit && w->options->lambda == 0)
	{
		FindAliased(w);
		factored = !ExpressDropped(w);
		if (!factored)
			objective = LogitPass(w, w->beta);
	}

	for (int iteration = 1;; iteration++)
	{
		double		decrement;
		double		slack = 1e-13 * (fabs(objective) + w->loss);
		double		next;
		double		size;
		bool		small;

		if (!factored)
			HessianFactor(w);
		factored = false;
		decrement = SolveStep(w);
		size = StepSize(w);
		small = (size <= tolerance ||
				 (many && size <= SETTLED_STEP &&
				  size * size * size <= tolerance * last * last)) &&
			decrement <= tolerance * tolerance * p +
			1e-14 * fabs(objective);
		if (w->options->estimates_only && w->options->lambda > 0 && size <= ESTIMATE_STEP)
			small = true;

		if (small || (!fit && iteration > max_iterations))
		{
			for (int j = 0; j < p; j++)
				w->beta[j] += w->step[j];
			if (fit)
			{
				fit->history[fit->iterations++] = objective - decrement / 2;
				fit->objective = objective;
			}
			return LOGIT_CONVERGED;
		}
		if (fit)
		{
			fit->objective = objective;
			if (iteration > max_iterations)
				return LOGIT_MAX_ITERATIONS;
			if (w->options->lambda == 0 && iteration >= SEPARATION_FROM &&
				(w->options->supremum ? size > STILL_RUNNING && decrement <= SUPREMUM_LEFT :
				 FindSeparation(w, fit)))
				return LOGIT_SEPARATED;

			/* what a step promises is rounding, and falls no more */
			if (decrement <= 1e-13 * fabs(objective) && decrement > previous / 2)
				noisy++;
			else
				noisy = 0;
			previous = decrement;
			if (noisy >= 3)
				return LOGIT_STALLED;
		}

		next = TryStep(w);
		last = size;
		if (!(next <= objective + slack))
		{
			next = DampedStep(w, objective + slack);
			last = 0;
		}
		if (!(next <= objective + slack))
			return LOGIT_STALLED;
		memcpy(w->beta, w->trial, sizeof(double) * p);
		objective = next;
		if (fit)
			fit->history[fit->iterations++] = objective;
	}
}

static LogitWork *
MakeWork(const DesignSource *design, const LogitOptions *options)
{
	LogitWork  *w = palloc0(sizeof(LogitWork));
	int			p = design->ncolumns;
	int			ndense = design->ndense;
	int			width = CrossWidth(ndense);

	w->design = design;
	w->options = options;
	w->p = p;
	w->stride = DESIGN_BLOCK_ROWS;
	w->lambda1 = options->lambda * options->alpha;
	w->ridge = palloc0(sizeof(double) * p);
	for (int j = 1; j < p; j++)
		w->ridge[j] = options->lambda * (1 - options->alpha);
	w->dropped = palloc0(sizeof(bool) * p);
	w->beta = palloc0(sizeof(double) * p);
	w->trial = palloc0(sizeof(double) * p);
	w->step = palloc0(sizeof(double) * p);
	w->unit = palloc0(sizeof(double) * p);
	w->gradient = palloc0(sizeof(double) * p);
	w->scale = palloc0(sizeof(double) * p);
	w->hessian = HugeAlloc0(Tri(p), sizeof(double));
	w->factor = HugeAlloc0(Tri(p), sizeof(double));
	w->positives = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	w->negatives = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	w->eta = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	w->residual = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	w->weight = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	w->weighted = HugeAlloc0((size_t) ndense * DESIGN_BLOCK_ROWS, sizeof(double));
	w->lines = HugeAlloc0((size_t) width * DESIGN_BLOCK_ROWS, sizeof(double));
	w->dense_beta = palloc0(sizeof(double) * (ndense + 1));
	w->dense_gradient = palloc0(sizeof(double) * (ndense + 1));
	w->dense_gram = HugeAlloc0(Tri(ndense + 1), sizeof(double));
	w->cross = HugeAlloc0((size_t) width * p, sizeof(double));
	w->row_index = palloc(sizeof(int) * p);
	w->row_value = palloc(sizeof(double) * p);
	return w;
}

static void
FreeWork(LogitWork *w)
{
	pfree(w->ridge);
	pfree(w->dropped);
	pfree(w->beta);
	pfree(w->trial);
	pfree(w->step);
	pfree(w->unit);
	pfree(w->gradient);
	pfree(w->scale);
	pfree(w->hessian);
	pfree(w->factor);
	pfree(w->positives);
	pfree(w->negatives);
	pfree(w->eta);
	pfree(w->residual);
	pfree(w->weight);
	pfree(w->weighted);
	pfree(w->lines);
	pfree(w->dense_beta);
	pfree(w->dense_gradient);
	pfree(w->dense_gram);
	pfree(w->cross);
	pfree(w->row_index);
	pfree(w->row_value);
	pfree(w);
}

/*
 * Fit.  Everything in the result lies in the current memory context.
 */
LogitFit *
LogitSolve(const DesignSource *design, const LogitOptions *options)
{
	LogitWork  *w = MakeWork(design, options);
	LogitFit   *fit = palloc0(sizeof(LogitFit));
	int			p = w->p;
	int			iterations = options->max_iterations > 0 ?
	options->max_iterations :
	options->firth ? DEFAULT_FIRTH_ITERATIONS : DEFAULT_ITERATIONS;
	double		tolerance = options->tolerance > 0 ?
	options->tolerance : DEFAULT_TOLERANCE;

	w->fit = fit;
	fit->history = palloc0(sizeof(double) * (iterations + 1));
	fit->null_log_likelihood = NullModel(w, &w->null_intercept);
	w->beta[0] = w->null_intercept;
	if (options->start != NULL)
		memcpy(w->beta, options->start->beta, sizeof(double) * p);
	else if (design->nrows >= MANY_ROWS && w->lambda1 == 0)
		StartFromSamples(w);

	if (w->lambda1 > 0)
		fit->stop = PenalisedDescent(w, fit, iterations, tolerance);
	else if (options->firth)
		fit->stop = FirthScoring(w, fit, iterations, tolerance);
	else
		fit->stop = Newton(w, fit, iterations, tolerance);

	fit->beta = palloc(sizeof(double) * p);
	fit->aliased = palloc(sizeof(bool) * p);
	for (int j = 0; j < p; j++)
	{
		bool		aliased = w->dropped[j] && options->lambda == 0;

		fit->beta[j] = aliased ? 0 : w->beta[j];
		fit->aliased[j] = aliased;
		fit->naliased += aliased;
	}
	if (w->lambda1 == 0)
		fit->gradient_norm = MaxGradient(w);
	fit->log_likelihood = -w->loss;
	fit->condition = NAN;
	if (w->lambda1 == 0 && !options->estimates_only)
		LogitCovariance(w, fit);
	FreeWork(w);
	return fit;
}

/*
 * All coefficients stay 0 while no gradient of the model without columns is
 * larger than the penalty's slope.  Of a ridge, alpha 0, there is no such λ.
 */
double
LogitLambdaMax(const DesignSource *design, const LogitOptions *options)
{
	LogitWork  *w = MakeWork(design, options);
	double		largest = 0;

	(void) NullModel(w, &w->null_intercept);
	w->beta[0] = w->null_intercept;
	(void) LogitPass(w, w->beta);
	for (int j = 1; j < w->p; j++)
		largest = Max(largest, fabs(w->gradient[j]));
	FreeWork(w);
	return largest / options->alpha;
}
