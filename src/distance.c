/*-------------------------------------------------------------------------
 *
 * distance.c
 *	  How far two distributions are apart: counts in, numbers out.
 *
 * Definitions as Evidently's, whose own are SciPy's; see distance.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "distance.h"

#define FILL_SHARE		0.0001	/* for a cell without rows */
#define SPARSE_ROWS		5		/* expected in a cell, as a rule */
#define EXACT_ROWS		10000	/* of the larger side, as SciPy */
#define HUGE_NUMBER		1e150	/* its square might overflow */
#define CHANCE_SDS		9		/* standard deviations that are summed over */
#define CHANCE_STEPS	4		/* steps in one of them, at least */

static double
Total(const int64 *a, int n)
{
	int64		total = 0;

	for (int i = 0; i < n; i++)
		total += a[i];
	return (double) total;
}

/* What stands for the share of an empty cell. */
static double
FillOf(const int64 *a, int n, double total)
{
	double		least = INFINITY;

	for (int i = 0; i < n; i++)
		if (a[i] > 0)
			least = Min(least, a[i] / total);
	return least <= FILL_SHARE ? least / 1e6 : FILL_SHARE;
}

static inline double
StabilityTerm(double p, double q)
{
	return (p - q) * log(p / q);
}

double
PopulationStability(const int64 *a, const int64 *b, int n)
{
	double		na = Total(a, n),
				nb = Total(b, n),
				fill_a = FillOf(a, n, na),
				fill_b = FillOf(b, n, nb),
				sum = 0;

	for (int i = 0; i < n; i++)
		sum += StabilityTerm(a[i] > 0 ? a[i] / na : fill_a, b[i] > 0 ? b[i] / nb : fill_b);
	return sum;
}

static inline double
ShannonTerm(double p, double q)
{
	double		m = (p + q) / 2,
				sum = 0;

	if (p > 0)
		sum += p * log(p / m);
	if (q > 0)
		sum += q * log(q / m);
	return sum;
}

double
JensenShannon(const int64 *a, const int64 *b, int n)
{
	double		na = Total(a, n),
				nb = Total(b, n),
				sum = 0;

	for (int i = 0; i < n; i++)
		sum += ShannonTerm(a[i] / na, b[i] / nb);
	return sqrt(Max(sum, 0) / 2);
}

double
WassersteinNormed(const double *x, const int64 *a, const int64 *b, int n)
{
	double		na = Total(a, n),
				nb = Total(b, n),
				large = Max(fabs(x[0]), fabs(x[n - 1])),
				unit = large > HUGE_NUMBER ? 1 / large : 1,
				mean = 0,
				square = 0,
				area = 0;
	int64		below_a = 0,
				below_b = 0;

	for (int i = 0; i < n; i++)
		mean += x[i] * unit * (a[i] / na);
	for (int i = 0; i < n; i++)
	{
		double		d = x[i] * unit - mean;

		square += d * d * (a[i] / na);
		below_a += a[i];
		below_b += b[i];
		if (i < n - 1)
			area += fabs(below_a / na - below_b / nb) * (x[i + 1] * unit - x[i] * unit);
	}
	return area / Max(sqrt(square), 0.001 * unit);
}

/* ---- Kolmogorov and Smirnov ---- */

double
KolmogorovSmirnov(const int64 *a, const int64 *b, int n, double *p)
{
	int64		na = (int64) Total(a, n),
				nb = (int64) Total(b, n),
				below_a = 0,
				below_b = 0,
				most = 0;
	double		d = 0;
	bool		exact = Max(na, nb) <= EXACT_ROWS;

	for (int i = 0; i < n; i++)
	{
		below_a += a[i];
		below_b += b[i];
		d = Max(d, fabs((double) below_a / na - (double) below_b / nb));
		if (exact)
			most = Max(most, llabs(below_a * nb - below_b * na));
	}
	if (exact)
		*p = most == 0 ? 1 : KolmogorovTwoSamples(na, nb, most);
	else
		*p = KolmogorovTail((int64) rint((double) na * ((double) nb / ((double) na + nb))), d);
	return d;
}

/* ---- chi-square ---- */

/*
 * The upper regularised incomplete gamma function: for small x from the series of
 * the lower one, else by Lentz's continued fraction (Abramowitz and Stegun 6.5.29
 * and 6.5.31).
 */
static double
GammaUpper(double s, double x)
{
	double		scale = exp(s * log(x) - x - lgamma(s));

	if (x < s + 1)
	{
		double		term = 1 / s,
					sum = term;

		for (int k = 1; k < 100000 && term > sum * DBL_EPSILON / 4; k++)
		{
			term *= x / (s + k);
			sum += term;
		}
		return 1 - scale * sum;
	}
	else
	{
		double		b = x + 1 - s,
					c = 1 / DBL_MIN,
					d = 1 / b,
					f = d;

		for (int k = 1; k < 100000; k++)
		{
			double		step,
						an = -k * (k - s);

			b += 2;
			d = an * d + b;
			d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
			c = b + an / c;
			c = fabs(c) < DBL_MIN ? DBL_MIN : c;
			step = c * d;
			f *= step;
			if (fabs(step - 1) < DBL_EPSILON)
				break;
		}
		return scale * f;
	}
}

double
ChiSquareTail(double x, double df)
{
	if (df <= 0 || isnan(x))
		return NAN;
	if (x <= 0)
		return 1;
	if (isinf(x))
		return 0;
	return GammaUpper(df / 2, x / 2);
}

/* By bisection: it is needed once a column. */
double
ChiSquareAbove(double p, double df)
{
	double		low = 0,
				high = df + 10;

	while (ChiSquareTail(high, df) > p)
		high *= 2;
	for (int i = 0; i < 200 && high - low > high * DBL_EPSILON; i++)
	{
		double		middle = (low + high) / 2;

		if (ChiSquareTail(middle, df) > p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

double
ChiSquareFit(const int64 *a, const int64 *b, int n, double *p)
{
	double		scale = Total(b, n) / Total(a, n),
				statistic = 0;

	for (int i = 0; i < n; i++)
	{
		double		expected = a[i] * scale,
					d = b[i] - expected;

		if (expected > 0)
			statistic += d * d / expected;
		else if (b[i] > 0)
			statistic = INFINITY;
	}
	*p = n > 1 ? ChiSquareTail(statistic, n - 1) : 1;
	return statistic;
}

double
TwoShares(int64 hits_a, int64 rows_a, int64 hits_b, int64 rows_b, double *p)
{
	double		pooled = ((double) hits_a + hits_b) / ((double) rows_a + rows_b),
				variance = pooled * (1 - pooled) * (1.0 / rows_a + 1.0 / rows_b),
				z;

	if (variance <= 0)
	{
		*p = 1;
		return 0;
	}
	z = ((double) hits_a / rows_a - (double) hits_b / rows_b) / sqrt(variance);
	*p = erfc(fabs(z) / M_SQRT2);
	return z;
}

/* ---- what chance alone gives ---- */

int
PoolSparse(int64 *a, int64 *b, int n)
{
	double		na = Total(a, n),
				nb = Total(b, n),
				smaller = Min(na, nb) / (na + nb);
	int64		rest_a = 0,
				rest_b = 0;
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		if (((double) a[i] + b[i]) * smaller < SPARSE_ROWS)
		{
			rest_a += a[i];
			rest_b += b[i];
			continue;
		}
		a[left] = a[i];
		b[left++] = b[i];
	}
	if (rest_a + rest_b > 0)
	{
		a[left] = rest_a;
		b[left++] = rest_b;
	}
	return left;
}

/* One cell's share in a distance, over the splits that chance makes of its rows. */
typedef struct Moments
{
	double		mean;
	double		variance;
	double		slope;			/* regression on the rows of b */
	double		curve;			/* on the second Hermite polynomial of them */
} Moments;

/* What a split is of, and how the distance looks at it. */
typedef struct Split
{
	double		na;
	double		nb;
	double		fill_a;			/* 0 where zeros are not filled */
	double		fill_b;
	double		(*term) (double p, double q);
} Split;

/*
 * Of a cell of `rows` on both sides together b has a hypergeometric number.  All
 * of it that counts is summed up; where it is spread widely every so many rows do.
 */
static Moments
CellMoments(const Split *s, double rows)
{
	double		all = s->na + s->nb,
				mean = rows * (s->nb / all),
				sd = sqrt(mean * (1 - rows / all) * (s->na / Max(all - 1, 1))),
				low = ceil(Max(Max(0, rows - s->na), mean - CHANCE_SDS * sd - 20)),
				high = Min(Min(rows, s->nb), mean + CHANCE_SDS * sd + 20),
				step = Max(floor(sd / CHANCE_STEPS), 1),
				top = lgamma(mean + 1) + lgamma(rows - mean + 1) +
					lgamma(s->nb - mean + 1) + lgamma(s->na - rows + mean + 1),
				sums[5] = {0};
	Moments		m = {0};

	for (double x = low; x <= high; x += step)
	{
		double		weight = exp(top - lgamma(x + 1) - lgamma(rows - x + 1) -
								 lgamma(s->nb - x + 1) - lgamma(s->na - rows + x + 1)),
					z = sd > 0 ? (x - mean) / sd : 0,
					f = s->term(x < rows ? (rows - x) / s->na : s->fill_a,
								x > 0 ? x / s->nb : s->fill_b);

		sums[0] += weight;
		sums[1] += weight * f;
		sums[2] += weight * f * f;
		sums[3] += weight * f * z;
		sums[4] += weight * f * (z * z - 1);
	}
	m.mean = sums[1] / sums[0];
	m.variance = Max(sums[2] / sums[0] - m.mean * m.mean, 0);
	m.slope = sd > 0 ? sums[3] / sums[0] / sd : 0;
	m.curve = sums[4] / sums[0] / M_SQRT2;
	return m;
}

/*
 * The mean is exact.  So is the variance of what is linear in the rows; what is
 * quadratic in those of two cells correlates with the square of their correlation,
 * and the rest hardly does.  Of many rows in every cell that comes to χ² with n - 1
 * degrees of freedom, and a scaled χ² with these two moments it is taken to be.
 */
static double
SplitAbove(const Split *s, const int64 *a, const int64 *b, int n, double alpha)
{
	double		all = s->na + s->nb,
				unit = s->na * (s->nb / Max(all - 1, 1)),	/* times w(1 - w): variance */
				mean = 0,
				variance = 0,
				slopes = 0,
				curves = 0;

	for (int i = 0; i < n; i++)
	{
		double		rows = (double) a[i] + b[i],
					w = rows / all,
					u;
		Moments		m = CellMoments(s, rows);

		CHECK_FOR_INTERRUPTS();
		u = w < 1 ? m.curve * w / (1 - w) : 0;
		mean += m.mean;
		/* the cell's own linear part is w(1 - w), of which the sum takes w² */
		variance += m.variance + unit * m.slope * m.slope * w * w - u * u;
		slopes += m.slope * w;
		curves += u;
	}
	variance += curves * curves - unit * slopes * slopes;
	if (!(mean > 0 && variance > 0))
		return NAN;
	return ChiSquareAbove(alpha, 2 * mean * mean / variance) * variance / (2 * mean);
}

double
StabilityByChance(const int64 *a, const int64 *b, int n, double alpha)
{
	Split		s = {Total(a, n), Total(b, n), .term = StabilityTerm};

	s.fill_a = FillOf(a, n, s.na);
	s.fill_b = FillOf(b, n, s.nb);
	return SplitAbove(&s, a, b, n, alpha);
}

double
ShannonByChance(const int64 *a, const int64 *b, int n, double alpha)
{
	Split		s = {Total(a, n), Total(b, n), .term = ShannonTerm};

	return sqrt(SplitAbove(&s, a, b, n, alpha) / 2);
}

/* ---- Benjamini and Hochberg ---- */

void
AdjustFalseDiscovery(double *p, int n)
{
	int		   *order = palloc(sizeof(int) * Max(n, 1));
	int			m = 0;
	double		least = 1;

	for (int i = 0; i < n; i++)
	{
		int			at = m;

		if (isnan(p[i]))
			continue;
		for (; at > 0 && p[order[at - 1]] > p[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
		m++;
	}
	for (int k = m - 1; k >= 0; k--)
		p[order[k]] = least = Min(least, p[order[k]] * m / (k + 1));
	pfree(order);
}
