/*-------------------------------------------------------------------------
 *
 * coefficient.c
 *	  What the statistics of a model say about one coefficient: Wald's z, its
 *	  p-value and interval, the odds ratio.  Whatever is unknown is NaN.
 *
 * Penalised estimates are biased towards 0, so that z, p and an interval around
 * them would promise an error rate that they do not keep: only the standard
 * error (of the penalised Hessian) is given.  Lasso and elastic net have none.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

/*
 * erfc() keeps its relative precision far into the tail, where 1 - Phi(z) has
 * lost every digit: P(|Z| >= 37) is 5.7e-300.
 */
double
NormalTwoSided(double z)
{
	return erfc(fabs(z) * M_SQRT1_2);
}

/*
 * Halley's iteration on the lower tail, from the rational approximation
 * 26.2.23 of Abramowitz and Stegun (error below 4.5e-4).  Each step triples
 * the digits, so three reach full precision.
 */
double
NormalQuantile(double p)
{
	double		tail = p < 0.5 ? p : 1 - p;
	double		t = sqrt(-2 * log(tail));
	double		x;

	x = (2.515517 + t * (0.802853 + t * 0.010328)) /
		(1 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;

	for (int i = 0; i < 3; i++)
	{
		double		error = 0.5 * erfc(-x * M_SQRT1_2) - tail;
		double		step = error * sqrt(2 * M_PI) * exp(x * x / 2);

		x -= step / (1 + x * step / 2);
	}
	return p < 0.5 ? x : -x;
}

void
ModelCoefficient(const Model *model, int column, Coefficient *c)
{
	double		reach;

	c->estimate = c->std_error = c->z = c->p = NAN;
	c->ci_low = c->ci_high = NAN;
	c->odds_ratio = c->odds_low = c->odds_high = NAN;
	c->std_estimate = NAN;
	if (model->aliased[column])
		return;

	c->estimate = model->coef[column];
	c->odds_ratio = exp(c->estimate);
	if (column > 0)
		c->std_estimate = c->estimate * model->sd[column];

	if (model->inference == INFERENCE_NONE || model->std_error == NULL)
		return;
	c->std_error = model->std_error[column];
	if (model->inference == INFERENCE_PENALISED || !(c->std_error > 0))
		return;

	c->z = c->estimate / c->std_error;
	c->p = NormalTwoSided(c->z);
	reach = NormalQuantile(0.5 + model->confidence / 2) * c->std_error;
	c->ci_low = c->estimate - reach;
	c->ci_high = c->estimate + reach;
	c->odds_low = exp(c->ci_low);
	c->odds_high = exp(c->ci_high);
}
