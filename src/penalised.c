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
#define KKT_TOLERANCE	1e-10	/* of the largest gradient of the empty model */

/* The quadratic model with the intercept eliminated, written out in full. */
typedef struct QuadraticModel
{
	int			p;
	double	   *h;				/* p × p; row and column 0 unused */
	double	   *gradient;		/* of the model at `beta` */
	double	   *beta;
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

/*
 * Newton's step of the model on the non-zero coefficients.  Taken only as far as
 * no sign changes; returns whether that was all the way.
 */
static bool
SolveActive(QuadraticModel *m, double lambda1)
{
	int			p = m->p;
	int		   *active = palloc(sizeof(int) * p);
	double	   *step = palloc(sizeof(double) * p);
	double	   *scale = palloc(sizeof(double) * p);
	bool	   *dropped = palloc0(sizeof(bool) * p);
	double	   *a;
	double	   *l;
	int			n = 0;
	bool		whole = false;

	for (int j = 1; j < p; j++)
		if (m->beta[j] != 0)
			active[n++] = j;
	a = HugeAlloc0(Tri(n), sizeof(double));
	l = HugeAlloc0(Tri(n), sizeof(double));
	for (int i = 0; i < n; i++)
	{
		int			ai = active[i];

		CHECK_FOR_INTERRUPTS();
		step[i] = -m->gradient[ai] - (m->beta[ai] > 0 ? lambda1 : -lambda1);
		for (int j = 0; j <= i; j++)
			a[Tri(i) + j] = m->h[(size_t) ai * p + active[j]];
	}
	if (n > 0 && CholeskyFactor(l, scale, dropped, NULL, a, n, 1e-12, false))
	{
		double		share = 1;
		int			hit = -1;

		CholeskySolve(l, scale, step, n);
		for (int i = 0; i < n; i++)
		{
			double		now = m->beta[active[i]];

			if (now * (now + share * step[i]) < 0)
			{
				share = -now / step[i];
				hit = i;
			}
		}
		for (int i = 0; i < n; i++)
			Move(m, active[i], i == hit ? -m->beta[active[i]] : share * step[i]);
		whole = hit < 0;
	}
	pfree(active);
	pfree(step);
	pfree(scale);
	pfree(dropped);
	pfree(a);
	pfree(l);
	return whole;
}

/* Minimise model and penalty until nothing is violated by more than `goal`. */
static void
MinimiseModel(QuadraticModel *m, double lambda1, double goal)
{
	for (int round = 0; round < MAX_SWEEPS / 10; round++)
	{
		CHECK_FOR_INTERRUPTS();
		if (Sweep(m, lambda1, false) <= goal)
			return;
		for (int k = 0; k < 10 && Sweep(m, lambda1, true) > goal; k++)
			;
		for (int k = 0; k < 10 && !SolveActive(m, lambda1); k++)
			;
	}
}

LogitStop
PenalisedDescent(LogitWork *w, LogitFit *fit, int max_iterations,
				 double tolerance)
{
	int			p = w->p;
	double		lambda1 = w->lambda1;
	double		objective = LogitPass(w, w->beta);
	double		largest = Max(lambda1, MaxGradient(w));
	LogitStop	stop = LOGIT_MAX_ITERATIONS;
	QuadraticModel m;

	m.p = p;
	m.h = HugeAlloc0((size_t) p * p, sizeof(double));
	m.gradient = palloc0(sizeof(double) * p);
	m.beta = palloc0(sizeof(double) * p);
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
		if (worst <= KKT_TOLERANCE * largest && StepSize(w) <= tolerance)
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
	return stop;
}
