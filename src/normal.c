/*-------------------------------------------------------------------------
 *
 * normal.c
 *	  The normal distribution, for p-values and confidence intervals.
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
