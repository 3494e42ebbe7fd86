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
 *
 * Newton's steps over many different scores cost a pass each, so they are
 * taken on cells of nearly equal log-odds first.  From where they end one pass
 * over the scores themselves is enough: the error of a step goes as the square
 * of the step.
 * ------------------------------------------------------------------------
 */
#define ODDS_CELLS		16384
#define STEP_CELLS		1e-13	/* steps end below this, relative */
#define STEP_AFTER		1e-7	/* the same where cells have told the start */

typedef struct OddsPoint
{
	double		z;				/* log-odds of a score */
	double		pos;
	double		neg;
} OddsPoint;

/* Ascending by z. */
typedef struct Odds
{
	int64		n;
	OddsPoint  *point;
} Odds;

/* Clipped as the log loss is: a score of 0 or 1 has no log-odds. */
static inline double
LogOddsOf(double score)
{
	double		p = Min(Max(score, DBL_EPSILON), 1 - DBL_EPSILON);

	return log(p / (1 - p));
}

static Odds
OddsOfTies(const Ties *ties)
{
	Odds		o = {ties->count};

	o.point = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(OddsPoint) * ties->count);
	for (int64 i = 0; i < o.n; i++)
	{
		const Tie  *t = &ties->tie[i];

		CHECK_WALK(i);
		o.point[i].z = LogOddsOf(t->score);
		o.point[i].pos = t->pos;
		o.point[i].neg = t->neg;
	}
	return o;
}

/* The same in cells of equal width, each at the mean of its rows. */
static Odds
OddsInCells(const Odds *all)
{
	Odds		o = {0};
	double		first = all->point[0].z;
	double		width = (all->point[all->n - 1].z - first) / ODDS_CELLS;
	int			last = -1;

	o.point = palloc0(sizeof(OddsPoint) * (ODDS_CELLS + 1));
	for (int64 i = 0; i < all->n; i++)
	{
		const OddsPoint *x = &all->point[i];
		int			cell = width > 0 ? (int) ((x->z - first) / width) : 0;
		OddsPoint  *c;

		CHECK_WALK(i);
		if (cell != last)
			o.n++;
		last = cell;
		c = &o.point[o.n - 1];
		c->z += (x->pos + x->neg) * x->z;
		c->pos += x->pos;
		c->neg += x->neg;
	}
	for (int i = 0; i < o.n; i++)
		o.point[i].z /= o.point[i].pos + o.point[i].neg;
	return o;
}

/* Does one log-odds divide the classes?  Then no slope is the likeliest. */
static bool
IsSeparated(const Odds *o)
{
	int64		first[2] = {0, 0};	/* point with a negative, a positive */
	int64		last[2] = {o->n - 1, o->n - 1};

	while (o->point[first[0]].neg == 0)
		first[0]++;
	while (o->point[first[1]].pos == 0)
		first[1]++;
	while (o->point[last[0]].neg == 0)
		last[0]--;
	while (o->point[last[1]].pos == 0)
		last[1]--;
	return o->point[last[0]].z <= o->point[first[1]].z ||
		o->point[last[1]].z <= o->point[first[0]].z;
}

/*
 * The log-likelihood of logit P(y) = beta[0] + beta[1] z, its first and its
 * negated second derivatives.  z is taken less `mean`, over `sd`; blocks are
 * summed plainly, the blocks with care.
 */
typedef struct Derivatives
{
	Sum			gradient[2];
	Sum			hessian[3];		/* 00, 01, 11 */
} Derivatives;

static double
LikelihoodAt(const Odds *o, double mean, double sd, const double *beta)
{
	Sum			sum = {0, 0};

	for (int64 k = 0; k < o->n; k++)
	{
		const OddsPoint *x = &o->point[k];
		double		eta = beta[0] + beta[1] * ((x->z - mean) / sd);

		CHECK_WALK(k);
		SumAdd(&sum, (eta < 0 ? x->pos : -x->neg) * eta -
			   (x->pos + x->neg) * log1p(exp(-fabs(eta))));
	}
	return SumValue(&sum);
}

static void
DerivativesAt(const Odds *o, double mean, double sd, const double *beta, Derivatives *d)
{
	memset(d, 0, sizeof(*d));
	for (int64 begin = 0; begin < o->n; begin += ODDS_CELLS)
	{
		int64		end = Min(begin + ODDS_CELLS, o->n);
		double		gradient[2] = {0, 0};
		double		hessian[3] = {0, 0, 0};

		CHECK_FOR_INTERRUPTS();
		for (int64 k = begin; k < end; k++)
		{
			const OddsPoint *x = &o->point[k];
			double		z = (x->z - mean) / sd;
			double		eta = beta[0] + beta[1] * z;
			double		e = exp(-fabs(eta));
			double		likely = 1 / (1 + e);	/* of the likelier outcome */
			double		p = eta < 0 ? e * likely : likely;
			double		rest = eta < 0 ? likely : e * likely;
			double		residual = x->pos * rest - x->neg * p;
			double		weight = (x->pos + x->neg) * p * rest;

			gradient[0] += residual;
			gradient[1] += residual * z;
			hessian[0] += weight;
			hessian[1] += weight * z;
			hessian[2] += weight * z * z;
		}
		for (int i = 0; i < 2; i++)
			SumAdd(&d->gradient[i], gradient[i]);
		for (int i = 0; i < 3; i++)
			SumAdd(&d->hessian[i], hessian[i]);
	}
}

/*
 * Calibration in the large: the intercept a of logit P(y) = a + log-odds, from
 * *a on.  The expected number of positives grows with a, and at the ends of the
 * bracket it is too low and too high, so that steps cannot run away.  Returns
 * the information.
 */
static double
FitIntercept(const Odds *o, double base, double tolerance, double *a)
{
	double		low = base - o->point[o->n - 1].z;
	double		high = base - o->point[0].z;
	double		information = 0;

	for (int i = 0; i < 200; i++)
	{
		double		beta[2] = {*a, 1};
		Derivatives here;
		double		gradient;
		double		next;
		bool		close;

		DerivativesAt(o, 0, 1, beta, &here);
		information = SumValue(&here.hessian[0]);
		gradient = SumValue(&here.gradient[0]);
		if (gradient > 0)
			low = *a;
		else
			high = *a;
		next = *a + gradient / information;
		if (!(next >= low && next <= high))
			next = (low + high) / 2;
		close = fabs(next - *a) <= tolerance * Max(fabs(*a), 1);
		*a = next;
		if (close)
			break;
	}
	return information;
}

/*
 * logit P(y) = beta[0] + beta[1] z, from beta on; a step that loses likelihood
 * is halved.  *error is that of beta[1].  False: there is no likeliest slope.
 */
static bool
FitSlope(const Odds *o, double mean, double sd, double tolerance, double *beta, double *error)
{
	for (int i = 0; i < 200; i++)
	{
		Derivatives here;
		double		h00,
					h01,
					h11;
		double		g0,
					g1;
		double		determinant;
		double		step[2];
		double		before;

		DerivativesAt(o, mean, sd, beta, &here);
		h00 = SumValue(&here.hessian[0]);
		h01 = SumValue(&here.hessian[1]);
		h11 = SumValue(&here.hessian[2]);
		g0 = SumValue(&here.gradient[0]);
		g1 = SumValue(&here.gradient[1]);
		determinant = h00 * h11 - h01 * h01;
		step[0] = (h11 * g0 - h01 * g1) / determinant;
		step[1] = (h00 * g1 - h01 * g0) / determinant;
		if (!(determinant > 0))
			return false;
		if (Max(fabs(step[0]), fabs(step[1])) <= tolerance * Max(fabs(beta[0]) + fabs(beta[1]), 1))
		{
			beta[0] += step[0];
			beta[1] += step[1];
			*error = sqrt(h00 / determinant);
			return true;
		}
		before = LikelihoodAt(o, mean, sd, beta);
		for (int half = 0; half < 60; half++)
		{
			double		trial[2] = {beta[0] + step[0], beta[1] + step[1]};

			if (LikelihoodAt(o, mean, sd, trial) >= before - 1e-12 * fabs(before))
			{
				memcpy(beta, trial, sizeof(trial));
				break;
			}
			step[0] /= 2;
			step[1] /= 2;
		}
	}
	return false;
}

/* Mean and deviation of the log-odds: scaled by them the Hessian is well behaved. */
static void
OddsMoments(const Odds *o, double n, double *mean, double *sd)
{
	Sum			sum = {0, 0};
	Sum			squares = {0, 0};

	for (int64 i = 0; i < o->n; i++)
	{
		CHECK_WALK(i);
		SumAdd(&sum, (o->point[i].pos + o->point[i].neg) * o->point[i].z);
	}
	*mean = SumValue(&sum) / n;
	for (int64 i = 0; i < o->n; i++)
	{
		double		d = o->point[i].z - *mean;

		CHECK_WALK(i);
		SumAdd(&squares, (o->point[i].pos + o->point[i].neg) * d * d);
	}
	*sd = sqrt(SumValue(&squares) / n);
}

/*
 * NaN where a likeliest value is not there: scores that are no probabilities,
 * one class only; of the slope also where all scores are equal, or divide the
 * classes.  The intervals are Wald's.
 */
void
CalibrationOf(const Ties *ties, Calibration *c)
{
	double		base = LogOddsOf(Share(ties->pos, ties->n));
	double		beta[2] = {base, 0};
	Odds		all;
	Odds		start;
	double		a;
	double		information;
	double		mean;
	double		sd;
	double		error;
	bool		many;

	c->slope = c->slope_low = c->slope_high = get_float8_nan();
	c->intercept = c->intercept_low = c->intercept_high = get_float8_nan();
	if (!ties->probability || ties->pos == 0 || ties->neg == 0)
		return;
	all = OddsOfTies(ties);
	many = all.n > 2 * ODDS_CELLS;
	start = many ? OddsInCells(&all) : all;

	a = base - (start.point[0].z + start.point[start.n - 1].z) / 2;
	information = FitIntercept(&start, base, STEP_CELLS, &a);
	if (many)
		information = FitIntercept(&all, base, STEP_AFTER, &a);
	c->intercept = a;
	c->intercept_low = a - Z_95 / sqrt(information);
	c->intercept_high = a + Z_95 / sqrt(information);

	OddsMoments(&start, ties->n, &mean, &sd);
	if (!IsSeparated(&all) && FitSlope(&start, mean, sd, STEP_CELLS, beta, &error) &&
		(!many || FitSlope(&all, mean, sd, STEP_AFTER, beta, &error)))
	{
		c->slope = beta[1] / sd;
		c->slope_low = c->slope - Z_95 * error / sd;
		c->slope_high = c->slope + Z_95 * error / sd;
	}
	if (many)
		pfree(start.point);
	pfree(all.point);
}
