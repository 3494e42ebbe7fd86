/*-------------------------------------------------------------------------
 *
 * association.c
 *	  What one column says about the label: counts in, numbers out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "association.h"
#include "distance.h"

static int
CompareGroup(const void *a, const void *b)
{
	double		x = ((const ValueGroup *) a)->order;
	double		y = ((const ValueGroup *) b)->order;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

int64
GroupsSort(ValueGroup *groups, int64 n)
{
	int64		left = 0;

	qsort(groups, n, sizeof(ValueGroup), CompareGroup);
	for (int64 i = 0; i < n; i++)
	{
		if (left > 0 && groups[left - 1].order == groups[i].order)
		{
			groups[left - 1].pos += groups[i].pos;
			groups[left - 1].neg += groups[i].neg;
		}
		else
			groups[left++] = groups[i];
	}
	return left;
}

double
GroupsAuc(const ValueGroup *groups, int64 n)
{
	double		sum = 0;
	int64		pos = 0,
				neg = 0;

	for (int64 i = 0; i < n; i++)
	{
		sum += (double) groups[i].pos * (neg + groups[i].neg / 2.0);
		pos += groups[i].pos;
		neg += groups[i].neg;
	}
	if (pos == 0 || neg == 0)
		return NAN;
	return sum / pos / neg;
}

/*
 * Of a cell that has one class only the logarithm is infinite; there half a row
 * is added to both counts, as SAS does (Zeng, A Necessary Condition for a Good
 * Binning Algorithm in Credit Scoring, Applied Mathematical Sciences 8 (2014)).
 */
double
WeightOfEvidence(int64 pos, int64 neg, int64 all_pos, int64 all_neg)
{
	double		half = pos == 0 || neg == 0 ? 0.5 : 0;

	if (all_pos == 0 || all_neg == 0)
		return NAN;
	return log((pos + half) / all_pos) - log((neg + half) / all_neg);
}

double
LabelChiSquare(const ValueGroup *cells, int n, int *df)
{
	int64	   *pos = palloc(sizeof(int64) * Max(n, 1)),
			   *neg = palloc(sizeof(int64) * Max(n, 1)),
				all_pos = 0,
				all_neg = 0;
	double		rate,
				statistic = 0;

	for (int i = 0; i < n; i++)
	{
		all_pos += pos[i] = cells[i].pos;
		all_neg += neg[i] = cells[i].neg;
	}
	n = all_pos > 0 && all_neg > 0 ? PoolSparse(pos, neg, n) : 1;
	*df = n - 1;
	rate = (double) all_pos / ((double) all_pos + all_neg);
	for (int i = 0; i < n && n > 1; i++)
	{
		double		rows = (double) pos[i] + neg[i],
					d = pos[i] - rows * rate;

		statistic += d * d / (rows * rate * (1 - rate));
	}
	pfree(pos);
	pfree(neg);
	return n > 1 ? statistic : NAN;
}
