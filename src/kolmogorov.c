/*-------------------------------------------------------------------------
 *
 * kolmogorov.c
 *	  How likely chance makes two distribution functions part by so much.
 *
 * For two samples it is counted exactly while that is cheap.  Beyond, SciPy's
 * ks_2samp takes the distribution of one sample of n·m / (n + m) rows, and so do
 * we.  Which way is the right one for which n and d is Simard and L'Ecuyer's:
 * Computing the Two-Sided Kolmogorov-Smirnov Distribution, Journal of
 * Statistical Software 39 (2011), 11.  Where they have Pomeranz' recursion we
 * take the matrix of Durbin, which is exact, too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "distance.h"

#define STEPS_PER_INTERRUPT 1024
#define SMALL_SAMPLE	140
#define SMIRNOV_MAX		1000000	/* rows: beyond, the sum is a formula */

/* ---- two samples ---- */

/*
 * All orders of the n + m numbers are equally likely, each is a path on the
 * lattice from (0, 0) to (n, m).  The chance to leave the band |i·m - j·n| < h
 * is added up at the steps that leave it, so small ones keep their digits.  at[j]
 * is the chance to come by (i, j) without having left.
 */
double
KolmogorovTwoSamples(int64 n, int64 m, int64 h)
{
	double	   *at = palloc0(sizeof(double) * (m + 1));
	double		left = 0;
	int64		first = 0,
				next;

	at[0] = 1;
	for (int64 i = 0; i <= n; i++)
	{
		/* up to the first beyond the band, from the first inside in the row before */
		int64		last = Min((i * m + h) / n + 1, m);

		if (i % STEPS_PER_INTERRUPT == 0 || last - first > STEPS_PER_INTERRUPT)
			CHECK_FOR_INTERRUPTS();
		next = Max((i * m - h) / n, 0);
		for (int64 j = first; j <= last; j++)
		{
			double		chance = at[j],
						along;

			if (chance == 0)
				continue;
			if (llabs(i * m - j * n) >= h)
			{
				left += chance;
				at[j] = 0;
				continue;
			}
			if (i + j == n + m)
				break;
			along = (double) (m - j) / (n - i + m - j);
			if (j < m)
				at[j + 1] += chance * along;
			at[j] = chance * (1 - along);
		}
		first = next;
	}
	pfree(at);
	return Min(left, 1);
}

/* ---- one sample, one side ---- */

/* ln n! less Stirling's formula, n > 0 */
static double
StirlingRest(double n)
{
	double		square = 1 / (n * n);

	if (n < 16)
		return lgamma(n + 1) - (n + 0.5) * log(n) + n - log(2 * M_PI) / 2;
	return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - square / 1188) *
									 square) * square) * square) / n;
}

/*
 * Smirnov (1944): x Σ C(n, j) (x + j/n)^(j-1) (1 - x - j/n)^(n-j).  A term is
 * x / (x + j/n) of a binomial chance, which Loader's saddle-point form (Fast and
 * Accurate Computation of Binomial Probabilities, 2000) gives without powers of
 * large numbers.
 */
static double
SmirnovTail(int64 n, double x)
{
	double		t = n * x,
				sum = exp(n * log1p(-x)),
				rest = StirlingRest(n);

	if (n > SMIRNOV_MAX)
		return exp(-(6 * t + 1) * (6 * t + 1) / (18.0 * n));
	for (int64 j = 1; j < n - t; j++)
	{
		double		k = n - j,
					deviance = (t - j * log1p(t / j)) - (t + k * log1p(-t / k));

		if (j % STEPS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		sum += t / (t + j) * sqrt(n / (2 * M_PI * j * k)) *
			exp(rest - StirlingRest(j) - StirlingRest(k) - deviance);
	}
	return sum;
}

/* ---- one sample, both sides ---- */

typedef struct Scaled
{
	double	   *x;				/* m × m */
	int			exponent;		/* times 2 to this */
} Scaled;

/* a times b, into `to` */
static void
Multiply(Scaled *to, const Scaled *a, const Scaled *b, int m)
{
	int			exponent;

	CHECK_FOR_INTERRUPTS();
	memset(to->x, 0, sizeof(double) * m * m);
	for (int i = 0; i < m; i++)
		for (int k = 0; k < m; k++)
		{
			double		f = a->x[i * m + k];

			for (int j = 0; f != 0 && j < m; j++)
				to->x[i * m + j] += f * b->x[k * m + j];
		}
	(void) frexp(to->x[m / 2 * m + m / 2], &exponent);
	for (int i = 0; i < m * m; i++)
		to->x[i] = ldexp(to->x[i], -exponent);
	to->exponent = a->exponent + b->exponent + exponent;
}

/*
 * P(D < d): Durbin's matrix, its power and the scaling as in Marsaglia, Tsang and
 * Wang, Evaluating Kolmogorov's Distribution, Journal of Statistical Software 8
 * (2003), 18.  k - h = n·d, 0 ≤ h < 1.
 */
static double
DurbinBelow(int64 n, double d)
{
	int			k = (int) ceil(n * d),
				m = 2 * k - 1,
				exponent;
	double		h = k - n * d,
				factorial = 1,
				corner,
				p;
	Scaled		power,
				result,
				spare;

	power.x = palloc0(sizeof(double) * m * m);
	result.x = palloc0(sizeof(double) * m * m);
	spare.x = palloc(sizeof(double) * m * m);
	power.exponent = result.exponent = 0;
	for (int j = 0; j < m; j++)
	{
		for (int i = Max(j - 1, 0); i < m; i++)
			if (j > 0)
				power.x[i * m + j] = exp(-lgamma(i - j + 2));
		factorial /= j + 1;
		power.x[j * m] = (1 - pow(h, j + 1)) * factorial;
		result.x[j * m + j] = 1;
	}
	corner = (1 - 2 * pow(h, m) + pow(Max(2 * h - 1, 0), m)) * factorial;
	for (int j = 1; j < m; j++)
		power.x[(m - 1) * m + j] = power.x[(m - 1 - j) * m];
	power.x[(m - 1) * m] = corner;

	for (int64 left = n; left > 0; left /= 2)
	{
		Scaled		old;

		if (left % 2 == 1)
		{
			Multiply(&spare, &result, &power, m);
			old = result;
			result = spare;
			spare = old;
		}
		Multiply(&spare, &power, &power, m);
		old = power;
		power = spare;
		spare = old;
	}
	p = result.x[(k - 1) * m + k - 1];
	for (int64 i = 1; i <= n; i++)
	{
		p = frexp(p * i / n, &exponent);
		result.exponent += exponent;
	}
	pfree(power.x);
	pfree(result.x);
	pfree(spare.x);
	return ldexp(p, result.exponent);
}

/*
 * P(D < d) for large n: Kolmogorov's limit with terms in 1/√n, 1/n and n^(-3/2)
 * (Pelz and Good, Approximating the Lower Tail-areas of the Kolmogorov-Smirnov
 * One-sample Statistic, Journal of the Royal Statistical Society B 38 (1976)).
 */
static double
PelzGoodBelow(int64 n, double d)
{
	double		z = sqrt((double) n) * d,
				z2 = z * z,
				z4 = z2 * z2,
				z6 = z4 * z2,
				pi2 = M_PI * M_PI,
				pi4 = pi2 * pi2,
				sum[4] = {0, 0, 0, 0};

	for (int k = 1; k <= 20; k++)
	{
		double		a = (k - 0.5) * (k - 0.5),
					odd = exp(-a * pi2 / (2 * z2)),
					b = (double) k * k,
					even = exp(-b * pi2 / (2 * z2));

		sum[0] += odd;
		sum[1] += (pi2 * a - z2) * odd;
		sum[2] += (6 * z6 + 2 * z4 + pi2 * (2 * z4 - 5 * z2) * a +
				   pi4 * (1 - 2 * z2) * a * a) * odd / 72 -
			pi2 * b * even * z4 / 36;
		sum[3] += (pi4 * pi2 * a * a * a * (5 - 30 * z2) +
				   pi4 * a * a * (-60 * z2 + 212 * z4) +
				   pi2 * a * (135 * z4 - 96 * z6) - 30 * z6 - 90 * z6 * z2) * odd / 6480 +
			(3 * pi2 * b * z2 - pi4 * b * b) * even * z4 / 216;
	}
	return sqrt(2 * M_PI) *
		(sum[0] / z + sum[1] / (6 * z4 * sqrt((double) n)) +
		 sum[2] / (z6 * z * n) + sum[3] / (z6 * z4 * n * sqrt((double) n)));
}

/* P(D ≥ d), d the largest distance of n rows from their distribution. */
double
KolmogorovTail(int64 n, double d)
{
	double		t = n * d,
				below;

	if (d >= 1 || t * d >= 370)
		return 0;
	if (t <= 0.5)
		return 1;
	if (t <= 1)
		below = exp(StirlingRest(n) + log(2 * M_PI * n) / 2 - n + n * log(2 * t - 1));
	else if (t >= n - 1)
		return 2 * pow(1 - d, n);
	else if (d >= 0.5 || t * d > (n <= SMALL_SAMPLE ? 4 : 2.2))
		return 2 * SmirnovTail(n, d);	/* both sides never, or hardly ever */
	else if (n <= SMALL_SAMPLE || (n <= 100000 && t * sqrt(d) <= 1.4))
		below = DurbinBelow(n, d);
	else
		below = PelzGoodBelow(n, d);
	return Max(1 - below, 0);
}
