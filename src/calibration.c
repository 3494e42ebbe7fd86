/*-------------------------------------------------------------------------
 *
 * calibration.c
 *	  Do scores mean what they say?  Bins of scores with what happened in them,
 *	  and the logistic regression of the label on the score's log-odds (Cox 1958;
 *	  Steyerberg, Clinical Prediction Models, 2019).  No Datum in here.
 *
 * Everything is a walk over the ties from the lowest score up, so the same
 * pairs give the same bits whatever order they came in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>

#include "utils/memutils.h"

#include "metrics.h"

/* Interval of a share at 95 %, Wilson (1927). */
void
WilsonInterval(double part, double whole, double *low, double *high)
{
	double		p = part / whole;
	double		z2 = Z_95 * Z_95;
	double		centre = (p + z2 / (2 * whole)) / (1 + z2 / whole);
	double		half = Z_95 * sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole);

	*low = part == 0 ? 0 : Max(centre - half, 0.0);
	*high = part == whole ? 1 : Min(centre + half, 1.0);
}

/*
 * Quantile bins from the lowest score up.  Equal scores stay together: a tie
 * goes as a whole to the bin in which the middle of its positions lies, the
 * upper one if that is a border.  Bins that get nothing are left out, and the
 * others keep their number.  NULL where the scores are no probabilities.
 */
CalibrationBin *
CalibrationBins(const Ties *ties, int bins, int *nbins)
{
	CalibrationBin *result;
	CalibrationBin *bin = NULL;
	Sum			sum = {0, 0};
	int64		below = 0;

	*nbins = 0;
	if (!ties->probability)
		return NULL;
	result = AllocPoints(Min(bins, ties->count), sizeof(CalibrationBin));
	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];
		int64		size = t->pos + t->neg;
		int			number;

		CHECK_WALK(i);
		number = 1 + (int) (((2 * below + size) * bins) / (2 * ties->n));
		if (bin == NULL || bin->bin != number)
		{
			bin = &result[(*nbins)++];
			memset(bin, 0, sizeof(CalibrationBin));
			bin->bin = number;
			bin->min_score = t->score;
			sum.sum = sum.error = 0;
		}
		bin->n += size;
		bin->positives += t->pos;
		bin->max_score = t->score;
		SumAdd(&sum, size * t->score);
		bin->mean_score = SumValue(&sum) / (double) bin->n;
		below += size;
	}
	for (int b = 0; b < *nbins; b++)
	{
		bin = &result[b];
		bin->rate = Share(bin->positives, bin->n);
		WilsonInterval(bin->positives, bin->n, &bin->low, &bin->high);
	}
	return result;
}

/*
 * Expected calibration error: Σ n_b / n × |observed - expected| over the bins.
 * NaN where the scores are no probabilities.
 */
double
CalibrationError(const Ties *ties, int bins)
{
	int			nbins;
	CalibrationBin *bin = CalibrationBins(ties, bins, &nbins);
	Sum			sum = {0, 0};

	if (bin == NULL)
		return get_float8_nan();
	for (int b = 0; b < nbins; b++)
		SumAdd(&sum, fabs((double) bin[b].positives - bin[b].n * bin[b].mean_score));
	pfree(bin);
	return SumValue(&sum) / (double) ties->n;
}

/* ------------------------------------------------------------------------
 * Regression on the log-odds
 * ------------------------------------------------------------------------
 */

/* Clipped as the log loss is: a score of 0 or 1 has no log-odds. */
static inline double
LogOddsOf(double score)
{
	double		p = Min(Max(score, DBL_EPSILON), 1 - DBL_EPSILON);

	return log(p) - log1p(-p);
}

/* 1 / (1 + e^-x), and what is left to 1, without overflow */
static inline double
Logistic(double x, double *rest)
{
	double		e = exp(-fabs(x));
	double		small = e / (1 + e);
	double		great = 1 / (1 + e);

	*rest = x < 0 ? great : small;
	return x < 0 ? small : great;
}

/*
 * Calibration in the large: the intercept a of logit P(y) = a + log-odds.  The
 * expected number of positives grows with a, and at the ends of the bracket it
 * is too low and too high, so that Newton's steps cannot run away.
 */
static void
CalibrationIntercept(const Ties *ties, Calibration *c)
{
	double		base = LogOddsOf(Share(ties->pos, ties->n));
	double		low = base - LogOddsOf(ties->tie[ties->count - 1].score);
	double		high = base - LogOddsOf(ties->tie[0].score);
	double		a = (low + high) / 2;
	double		information = 0;

	for (int i = 0; i < 200; i++)
	{
		Sum			gradient = {0, 0};
		Sum			hessian = {0, 0};
		double		next;

		for (int64 k = 0; k < ties->count; k++)
		{
			const Tie  *t = &ties->tie[k];
			double		rest;
			double		p = Logistic(a + LogOddsOf(t->score), &rest);

			CHECK_WALK(k);
			SumAdd(&gradient, t->pos * rest - t->neg * p);
			SumAdd(&hessian, (t->pos + t->neg) * p * rest);
		}
		information = SumValue(&hessian);
		if (SumValue(&gradient) > 0)
			low = a;
		else
			high = a;
		next = a + SumValue(&gradient) / information;
		if (!(next >= low && next <= high))
			next = (low + high) / 2;
		if (fabs(next - a) <= 1e-14 * Max(fabs(a), 1))
			break;
		a = next;
	}
	c->intercept = a;
	c->intercept_low = a - Z_95 / sqrt(information);
	c->intercept_high = a + Z_95 / sqrt(information);
}

/* Does one log-odds divide the classes?  Then no slope is the likeliest. */
static bool
IsSeparated(const Ties *ties)
{
	double		low[2] = {INFINITY, INFINITY};
	double		high[2] = {-INFINITY, -INFINITY};

	for (int64 i = 0; i < ties->count; i++)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		for (int side = 0; side < 2; side++)
			if ((side ? t->pos : t->neg) > 0)
			{
				double		x = LogOddsOf(t->score);

				low[side] = Min(low[side], x);
				high[side] = Max(high[side], x);
			}
	}
	return high[0] <= low[1] || high[1] <= low[0];
}

/* What a step of Newton's needs, of logit P(y) = beta[0] + beta[1] z */
typedef struct Likelihood
{
	Sum			value;
	Sum			gradient[2];
	Sum			hessian[3];		/* 00, 01, 11 */
} Likelihood;

static void
LikelihoodAt(const Ties *ties, double mean, double sd, const double *beta, Likelihood *l)
{
	memset(l, 0, sizeof(*l));
	for (int64 k = 0; k < ties->count; k++)
	{
		const Tie  *t = &ties->tie[k];
		double		z = (LogOddsOf(t->score) - mean) / sd;
		double		eta = beta[0] + beta[1] * z;
		double		rest;
		double		p = Logistic(eta, &rest);
		double		residual = t->pos * rest - t->neg * p;
		double		weight = (t->pos + t->neg) * p * rest;
		double		log_small = -log1p(exp(-fabs(eta)));	/* of the likelier outcome */

		CHECK_WALK(k);
		SumAdd(&l->value, t->pos * (log_small + Min(eta, 0)) + t->neg * (log_small - Max(eta, 0)));
		SumAdd(&l->gradient[0], residual);
		SumAdd(&l->gradient[1], residual * z);
		SumAdd(&l->hessian[0], weight);
		SumAdd(&l->hessian[1], weight * z);
		SumAdd(&l->hessian[2], weight * z * z);
	}
}

/*
 * The slope b of logit P(y) = a + b × log-odds, by Newton's method on log-odds
 * of mean 0 and deviation 1, from b = 0, where the Hessian is well behaved; a
 * step that loses likelihood is halved.  The interval is Wald's.
 */
static void
CalibrationSlope(const Ties *ties, Calibration *c)
{
	Sum			sum = {0, 0};
	Sum			squares = {0, 0};
	double		beta[2] = {LogOddsOf(Share(ties->pos, ties->n)), 0};
	double		mean,
				sd;
	Likelihood	here;

	for (int64 i = 0; i < ties->count; i++)
	{
		CHECK_WALK(i);
		SumAdd(&sum, (ties->tie[i].pos + ties->tie[i].neg) * LogOddsOf(ties->tie[i].score));
	}
	mean = SumValue(&sum) / ties->n;
	for (int64 i = 0; i < ties->count; i++)
	{
		double		d = LogOddsOf(ties->tie[i].score) - mean;

		CHECK_WALK(i);
		SumAdd(&squares, (ties->tie[i].pos + ties->tie[i].neg) * d * d);
	}
	sd = sqrt(SumValue(&squares) / ties->n);

	LikelihoodAt(ties, mean, sd, beta, &here);
	for (int i = 0; i < 200; i++)
	{
		double		h00 = SumValue(&here.hessian[0]),
					h01 = SumValue(&here.hessian[1]),
					h11 = SumValue(&here.hessian[2]);
		double		g0 = SumValue(&here.gradient[0]),
					g1 = SumValue(&here.gradient[1]);
		double		determinant = h00 * h11 - h01 * h01;
		double		step[2] = {(h11 * g0 - h01 * g1) / determinant,
		(h00 * g1 - h01 * g0) / determinant};

		if (!(determinant > 0))
			return;
		if (Max(fabs(step[0]), fabs(step[1])) <= 1e-12 * Max(fabs(beta[0]) + fabs(beta[1]), 1))
		{
			double		error = sqrt(h00 / determinant) / sd;

			c->slope = beta[1] / sd;
			c->slope_low = c->slope - Z_95 * error;
			c->slope_high = c->slope + Z_95 * error;
			return;
		}
		for (int half = 0; half < 60; half++)
		{
			double		trial[2] = {beta[0] + step[0], beta[1] + step[1]};
			double		before = SumValue(&here.value);
			Likelihood	there;

			LikelihoodAt(ties, mean, sd, trial, &there);
			if (SumValue(&there.value) >= before - 1e-12 * fabs(before))
			{
				memcpy(beta, trial, sizeof(beta));
				here = there;
				break;
			}
			step[0] /= 2;
			step[1] /= 2;
		}
	}
}

/*
 * NaN where a likeliest value is not there: scores that are no probabilities,
 * one class only; of the slope also where all scores are equal, or divide the
 * classes.
 */
void
CalibrationOf(const Ties *ties, Calibration *c)
{
	c->slope = c->slope_low = c->slope_high = get_float8_nan();
	c->intercept = c->intercept_low = c->intercept_high = get_float8_nan();
	if (!ties->probability || ties->pos == 0 || ties->neg == 0)
		return;
	CalibrationIntercept(ties, c);
	if (!IsSeparated(ties))
		CalibrationSlope(ties, c);
}
