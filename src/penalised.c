/*-------------------------------------------------------------------------
 *
 * penalised.c
 *	  Lasso and elastic net: proximal Newton, as in glmnet (Friedman, Hastie &
 *	  Tibshirani 2010), but converged to the optimality conditions.
 *
 * Each iteration replaces the loss by its quadratic model at the present
 * coefficients, minimises model and penalty by coordinate descent, and goes
 * along the resulting step as far as the objective falls.  The intercept, which
 * bears no penalty, is eliminated from the model first: that centres the columns
 * and is what coordinate descent needs to be quick.  Once the set of non-zero
 * coefficients and their signs are known, the model on them is an ordinary
 * system of equations, and is solved as such to get the last digits.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "logistic.h"

#define MAX_HALVINGS	40
#define MAX_SWEEPS		10000
#define MAX_SOLVES		1000	/* a sign changes in each but the last */
#define ROUNDING_GOALS	100
#define KKT_TOLERANCE	1e-10	/* of the largest gradient of the empty model */

/* The quadratic model with the intercept eliminated, written out in full. */
typedef struct QuadraticModel
{
	int			p;
	double	   *h;				/* p × p; row and column 0 unused */
	double	   *gradient;		/* of the model at `beta` */
	double	   *beta;

	/* the part of it that SolveActive() looks at: of p, but packed matrices */
	int		   *active;
	double	   *step;
	double	   *scale;
	bool	   *dropped;
	double	   *part;
	double	   *factor;
} QuadraticModel;

static double
SoftThreshold(double x, double t)
{
	return x > t ? x - t : x < -t ? x + t : 0;
}

/*
 * How far from optimal: a non-zero coefficient's gradient must be the penalty's
 * slope, that of a zero within it.
 */
static double
Violation(double gradient, double beta, double lambda1)
{
	if (beta > 0)
		return fabs(gradient + lambda1);
	if (beta < 0)
		return fabs(gradient - lambda1);
	return Max(0, fabs(gradient) - lambda1);
}

static void
BuildModel(const LogitWork *w, QuadraticModel *m)
{
	int			p = w->p;
	double		h00 = w->hessian[0];

	for (int i = 1; i < p; i++)
	{
		double		hi = w->hessian[Tri(i)];

		CHECK_FOR_INTERRUPTS();
		m->gradient[i] = w->gradient[i] - hi / h00 * w->gradient[0];
		m->beta[i] = w->beta[i];
		for (int j = 1; j <= i; j++)
			m->h[(size_t) i * p + j] = m->h[(size_t) j * p + i] =
				w->hessian[Tri(i) + j] - hi * (w->hessian[Tri(j)] / h00);
	}
}

/* Move one coefficient, and the gradient with it. */
static void
Move(QuadraticModel *m, int j, double by)
{
	CHECK_FOR_INTERRUPTS();
	m->beta[j] += by;
	AddMultiple(m->gradient + 1, by, m->h + (size_t) j * m->p + 1, m->p - 1);
}

/* One sweep; returns the largest violation met. */
static double
Sweep(QuadraticModel *m, double lambda1, bool active_only)
{
	double		worst = 0;

	for (int j = 1; j < m->p; j++)
	{
		double		h = m->h[(size_t) j * m->p + j];
		double		violation = Violation(m->gradient[j], m->beta[j], lambda1);

		if ((active_only && m->beta[j] == 0) || h <= 0 || violation == 0)
			continue;
		worst = Max(worst, violation);
		Move(m, j, SoftThreshold(h * m->beta[j] - m->gradient[j], lambda1) / h -
			 m->beta[j]);
	}
	return worst;
}

/* A coefficient that becomes 0 on the way along a step. */
typedef struct Crossing
{
	double		at;				/* share of the step */
	int			i;				/* among the active ones */
} Crossing;

static int
CompareCrossings(const void *a, const void *b)
{
	const Crossing *x = a;
	const Crossing *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->i - y->i;
}

/*
 * Go along `step` to where model and penalty are least, and not beyond the first
 * crossing where they do not fall at all.  `slope` is theirs at the start, `bend`
 * that of the slope.  The slope rises wherever a coefficient changes its sign; if it
 * stops falling just there, that coefficient is 0 from now on.  Returns whether
 * no coefficient came to 0.
 */
static bool
GoAlong(QuadraticModel *m, const int *active, const double *step, int n,
		double slope, double bend, double lambda1)
{
	Crossing   *crossing = palloc(sizeof(Crossing) * Max(n, 1));
	double		share = bend > 0 ? -slope / bend : INFINITY;
	int			ncrossings = 0;
	bool		stopped = false;
	int			passed = 0;

	for (int i = 0; i < n; i++)
		if (m->beta[active[i]] * step[i] < 0)
		{
			crossing[ncrossings].at = -m->beta[active[i]] / step[i];
			crossing[ncrossings++].i = i;
		}
	qsort(crossing, ncrossings, sizeof(Crossing), CompareCrossings);
	for (; passed < ncrossings && crossing[passed].at <= share; passed++)
	{
		slope += 2 * lambda1 * fabs(step[crossing[passed].i]);
		if (slope + bend * crossing[passed].at >= 0)
		{
			share = crossing[passed].at;
			stopped = true;
			break;
		}
		share = bend > 0 ? -slope / bend : INFINITY;
	}
	pfree(crossing);
	if (isinf(share))
		return true;			/* flat without a crossing: nowhere to go */
	for (int i = 0; i < n; i++)
	{
		double		beta = m->beta[active[i]];

		/* others may become 0 in the same place */
		Move(m, active[i], stopped && fabs(beta + share * step[i]) <= 1e-12 * fabs(beta) ?
			 -beta : share * step[i]);
	}
	return !stopped && passed == 0;
}

/*
 * A step that takes one of the columns out that are a combination of others: loss
 * does not change along it, the penalty falls until a coefficient is 0.
 */
static void
ExchangeDependent(QuadraticModel *m, int n, int dependent, double lambda1)
{
	const int  *active = m->active;
	double	   *step = m->step;
	double		slope = 0;

	for (int i = 0; i < n; i++)
		step[i] = -m->h[(size_t) active[i] * m->p + active[dependent]];
	CholeskySolve(m->factor, m->scale, step, n);
	step[dependent] = 1;
	for (int i = 0; i < n; i++)
		slope += step[i] * (m->beta[active[i]] > 0 ? lambda1 : -lambda1);
	if (slope > 0)
	{
		slope = -slope;
		for (int i = 0; i < n; i++)
			step[i] = -step[i];
	}
	(void) GoAlong(m, active, step, n, slope, 0, lambda1);
}

/*
 * Newton's step of the model on the non-zero coefficients, as far as model and
 * penalty fall.  Returns whether that was all the way, with all signs kept.
 */
static bool
SolveActive(QuadraticModel *m, double lambda1)
{
	int			p = m->p;
	int		   *active = m->active;
	double	   *step = m->step;
	double		slope = 0;
	int			n = 0;

	for (int j = 1; j < p; j++)
		if (m->beta[j] != 0)
			active[n++] = j;
	for (int i = 0; i < n; i++)
	{
		int			ai = active[i];

		CHECK_FOR_INTERRUPTS();
		step[i] = -m->gradient[ai] - (m->beta[ai] > 0 ? lambda1 : -lambda1);
		for (int j = 0; j <= i; j++)
			m->part[Tri(i) + j] = m->h[(size_t) ai * p + active[j]];
	}
	if (n <= 0)
		return true;
	memset(m->dropped, 0, sizeof(bool) * n);
	(void) CholeskyFactor(m->factor, m->scale, m->dropped, NULL, m->part, n, 1e-12, true);
	for (int i = 0; i < n; i++)
		if (m->dropped[i])
		{
			ExchangeDependent(m, n, i, lambda1);
			return false;
		}
	CholeskySolve(m->factor, m->scale, step, n);
	for (int i = 0; i < n; i++)
		slope += step[i] * (m->gradient[active[i]] +
							(m->beta[active[i]] > 0 ? lambda1 : -lambda1));
	if (!(slope < 0))
		return true;			/* already there, to the digit */
	return GoAlong(m, active, step, n, slope, -slope, lambda1);
}

/*
 * Minimise model and penalty until nothing is violated by more than `goal`, or by
 * little more and rounding is all that is left.
 */
static void
MinimiseModel(QuadraticModel *m, double lambda1, double goal)
{
	double		last = INFINITY;

	for (int round = 0; round < MAX_SWEEPS / 10; round++)
	{
		double		worst = Sweep(m, lambda1, false);

		CHECK_FOR_INTERRUPTS();
		if (worst <= goal || (worst <= ROUNDING_GOALS * goal && worst >= last / 2))
			return;
		last = worst;
		for (int k = 0; k < 10 && Sweep(m, lambda1, true) > goal; k++)
			;
		for (int k = 0; k < MAX_SOLVES && !SolveActive(m, lambda1); k++)
			;
	}
}

/* Is the step small, and no coefficient's sign another after it? */
static bool
LastStep(const LogitWork *w, const QuadraticModel *m)
{
	for (int j = 1; j < w->p; j++)
		if ((m->beta[j] > 0) != (w->beta[j] > 0) || (m->beta[j] < 0) != (w->beta[j] < 0))
			return false;
	return StepSize(w) <= ESTIMATE_STEP;
}

LogitStop
PenalisedDescent(LogitWork *w, LogitFit *fit, int max_iterations,
				 double tolerance)
{
	int			p = w->p;
	double		lambda1 = w->lambda1;
	double		objective = LogitPass(w, w->beta);
	double		largest;
	LogitStop	stop = LOGIT_MAX_ITERATIONS;
	QuadraticModel m;

	fit->null_gradient = w->options->start != NULL ?
		w->options->start->null_gradient : MaxGradient(w);
	largest = Max(lambda1, fit->null_gradient);
	m.p = p;
	m.h = HugeAlloc0((size_t) p * p, sizeof(double));
	m.gradient = palloc0(sizeof(double) * p);
	m.beta = palloc0(sizeof(double) * p);
	m.active = palloc(sizeof(int) * p);
	m.step = palloc(sizeof(double) * p);
	m.scale = palloc(sizeof(double) * p);
	m.dropped = palloc(sizeof(bool) * p);
	m.part = HugeAlloc0(Tri(p), sizeof(double));
	m.factor = HugeAlloc0(Tri(p), sizeof(double));
	SetUnits(w, 1);

	for (int iteration = 1;; iteration++)
	{
		double		worst = fabs(w->gradient[0]);
		double		share = 1;
		double		slack = 1e-13 * (fabs(objective) + w->loss);
		double		next = INFINITY;
		double		shift;

		for (int j = 1; j < p; j++)
			worst = Max(worst, Violation(w->gradient[j], w->beta[j], lambda1));
		fit->gradient_norm = worst;

		BuildModel(w, &m);
		MinimiseModel(&m, lambda1, 1e-13 * largest);
		shift = w->gradient[0];
		for (int j = 1; j < p; j++)
		{
			w->step[j] = m.beta[j] - w->beta[j];
			shift += w->hessian[Tri(j)] * w->step[j];
		}
		w->step[0] = -shift / w->hessian[0];
		if ((worst <= KKT_TOLERANCE * largest && StepSize(w) <= tolerance) ||
			(w->options->estimates_only && LastStep(w, &m)))
		{
			for (int j = 0; j < p; j++)
				w->beta[j] = j == 0 ? w->beta[0] + w->step[0] : m.beta[j];
			fit->history[fit->iterations++] = objective;
			stop = LOGIT_CONVERGED;
			break;
		}
		if (iteration > max_iterations)
			break;

		for (int halvings = 0; halvings <= MAX_HALVINGS; halvings++, share /= 2)
		{
			/* a whole step must reach zeros exactly */
			for (int j = 0; j < p; j++)
				w->trial[j] = j > 0 && share == 1 ? m.beta[j] :
					w->beta[j] + share * w->step[j];
			next = LogitPass(w, w->trial);
			if (next <= objective + slack)
				break;
		}
		if (!(next <= objective + slack))
		{
			LogitPass(w, w->beta);
			stop = LOGIT_STALLED;
			break;
		}
		memcpy(w->beta, w->trial, sizeof(double) * p);
		objective = next;
		fit->history[fit->iterations++] = objective;
	}
	fit->objective = objective;
	pfree(m.h);
	pfree(m.gradient);
	pfree(m.beta);
	pfree(m.active);
	pfree(m.step);
	pfree(m.scale);
	pfree(m.dropped);
	pfree(m.part);
	pfree(m.factor);
	return stop;
}
