/*-------------------------------------------------------------------------
 *
 * delong.c
 *	  Is one score better than another on the same leads?  DeLong, DeLong and
 *	  Clarke-Pearson, Biometrics 44 (1988), 837-845; no Datum in here.
 *
 * The AUC of a score is the mean over positives of the share of negatives
 * below (ties by half), and the mean over negatives of the share of positives
 * above.  These shares are the structural components; the covariances of the
 * two scores' components give the variance of the difference, smaller than
 * that of either because both scores are wrong about the same leads.
 *
 * Equal leads come counted.  Sums run in the order of the patterns, so the
 * same patterns in the same order give the same bits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/float.h"

#include "delong.h"

#define Z_95			1.959963984540054	/* normal quantile of 0.975 */
#define WALK_BLOCK		0xFFFF	/* patterns between two looks for an interrupt */

typedef struct Ranked
{
	double		score;
	int64		pattern;
} Ranked;

/* Ties in the order of the patterns, so that there is one order only. */
static int
CompareRanked(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	return x->pattern < y->pattern ? -1 : x->pattern > y->pattern;
}

/*
 * The components of one score: for each pattern the share of negatives below
 * it, [0], and of positives above it, [1].
 */
static void
Components(const ScoredPattern *patterns, int64 n, int which,
		   int64 pos, int64 neg, double *component[2])
{
	Ranked	   *ranked = MemoryContextAllocHuge(CurrentMemoryContext,
												sizeof(Ranked) * Max(n, 1));
	int64		pos_below = 0,
				neg_below = 0;

	for (int64 i = 0; i < n; i++)
	{
		ranked[i].score = patterns[i].score[which];
		ranked[i].pattern = i;
	}
	qsort(ranked, n, sizeof(Ranked), CompareRanked);
	for (int64 i = 0, next; i < n; i = next)
	{
		int64		tied_pos = 0,
					tied_neg = 0;

		for (next = i; next < n && ranked[next].score == ranked[i].score; next++)
		{
			tied_pos += patterns[ranked[next].pattern].pos;
			tied_neg += patterns[ranked[next].pattern].neg;
		}
		for (int64 j = i; j < next; j++)
		{
			component[0][ranked[j].pattern] = (neg_below + tied_neg / 2.0) / neg;
			component[1][ranked[j].pattern] =
				(pos - pos_below - tied_pos / 2.0) / pos;
		}
		pos_below += tied_pos;
		neg_below += tied_neg;
	}
	pfree(ranked);
}

static double
LogLoss(const ScoredPattern *patterns, int64 n, int which, int64 rows)
{
	double		sum = 0;

	for (int64 i = 0; i < n; i++)
	{
		double		p = patterns[i].score[which];

		p = Max(DBL_EPSILON, Min(1 - DBL_EPSILON, p));
		sum -= patterns[i].pos * log(p) + patterns[i].neg * log1p(-p);
	}
	return sum / rows;
}

void
ComparePaired(const ScoredPattern *patterns, int64 n, PairedAuc *out)
{
	double	   *component[2][2];
	double		s11 = 0,
				s10 = 0;

	memset(out, 0, sizeof(*out));
	for (int64 i = 0; i < n; i++)
	{
		out->pos += patterns[i].pos;
		out->neg += patterns[i].neg;
	}
	out->delta = out->error = out->low = out->high = get_float8_nan();
	for (int k = 0; k < 2; k++)
	{
		out->auc[k] = get_float8_nan();
		out->log_loss[k] = out->pos + out->neg == 0 ? get_float8_nan() :
			LogLoss(patterns, n, k, out->pos + out->neg);
	}
	if (out->pos == 0 || out->neg == 0)
		return;

	for (int k = 0; k < 2; k++)
	{
		double		sum = 0;

		for (int c = 0; c < 2; c++)
			component[k][c] = MemoryContextAllocHuge(CurrentMemoryContext,
													 sizeof(double) * n);
		Components(patterns, n, k, out->pos, out->neg, component[k]);
		for (int64 i = 0; i < n; i++)
			sum += patterns[i].pos * component[k][0][i];
		out->auc[k] = sum / out->pos;
	}
	out->delta = out->auc[1] - out->auc[0];
	if (out->pos > 1 && out->neg > 1)
	{
		for (int64 i = 0; i < n; i++)
		{
			double		above = component[1][0][i] - component[0][0][i] - out->delta;
			double		below = component[1][1][i] - component[0][1][i] - out->delta;

			if ((i & WALK_BLOCK) == 0)
				CHECK_FOR_INTERRUPTS();
			s10 += patterns[i].pos * above * above;
			s11 += patterns[i].neg * below * below;
		}
		out->error = sqrt(s10 / (out->pos - 1) / out->pos +
						  s11 / (out->neg - 1) / out->neg);
		out->low = out->delta - Z_95 * out->error;
		out->high = out->delta + Z_95 * out->error;
	}
	for (int k = 0; k < 2; k++)
		for (int c = 0; c < 2; c++)
			pfree(component[k][c]);
}
