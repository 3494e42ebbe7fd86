/*-------------------------------------------------------------------------
 *
 * forest.c
 *	  Random forests: trees of rows drawn anew, averaged (Breiman 2001).
 *
 * A tree draws every row a Poisson number of times, which is the bootstrap of
 * many rows without the need to know how many there are (Oza and Russell 2001);
 * a row that was not drawn is out of the bag of that tree.  The rows of a
 * pattern draw each for itself, as if they were rows of a table.
 *
 * A leaf says the share of positives among its rows, and the forest the mean of
 * its leaves.  What the trees that did not see a row say of it is its
 * out-of-bag score, an honest one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "tree.h"

#define MOST_DRAWS			16

typedef struct Forest
{
	const TreeData *data;
	const ForestOptions *options;
	uint64		upto[MOST_DRAWS];	/* draws below upto[k] mean at most k times */
	uint64		key;			/* of the rows of the tree at hand */
	double		mean_weight;
	double		unit;
	TreeGrower *grower;
	TreeRow    *rows;
	/* per row, pattern by pattern, its positives first */
	double	   *oob_sum;
	uint32	   *oob_trees;
} Forest;

/* The distribution function of Poisson's law. */
static void
PoissonTable(Forest *f)
{
	double		p = exp(-f->options->subsample),
				sum = 0;

	for (int k = 0; k < MOST_DRAWS; k++)
	{
		sum += p;
		f->upto[k] = k == MOST_DRAWS - 1 || sum >= 1 ? PG_UINT64_MAX :
			(uint64) ldexp(sum, 64);
		p *= f->options->subsample / (k + 1);
	}
}

/* How often the k-th row of a key is drawn. */
static inline int
Times(const Forest *f, uint64 key, uint32 k)
{
	uint64		u = TreeDraw(key, k);
	int			times = 0;

	while (times < MOST_DRAWS - 1 && u >= f->upto[times])
		times++;
	return times;
}

/* A row's weight; 1 on average, for only its share of all counts. */
static inline double
Weight(const Forest *f, int64 i)
{
	return f->data->weight != NULL ? f->data->weight[i] / f->mean_weight : 1;
}

/* The rows of a tree; false where there are none of any weight. */
static bool
DrawRows(Forest *f)
{
	const TreeData *d = f->data;
	double		scale = 1 / f->unit;
	bool		any = false;

	for (int64 i = 0; i < d->n; i++)
	{
		double		w = Weight(f, i),
					of[2];
		int64		drawn[2] = {0, 0};

		TREE_CHECK_WALK(i);
		for (int label = 0; label < 2; label++)
		{
			uint32		rows = label ? d->pos[i] : d->neg[i];
			uint64		key = TreePatternKey(f->key, i, label);

			for (uint32 k = 0; k < rows; k++)
			{
				TREE_CHECK_WALK(k + 1);
				drawn[label] += Times(f, key, k);
			}
			of[label] = w * d->class_weight[label] * drawn[label];
		}
		f->rows[i].sum.g = -(int64) rint(of[1] * scale);
		f->rows[i].sum.h = (int64) rint((of[0] + of[1]) * scale);
		f->rows[i].sum.n = w > 0 ? drawn[0] + drawn[1] : 0;
		any |= (f->rows[i].sum.h > 0);
	}
	return any;
}

/* The unit of the sums; no tree draws eight times as many rows as there are. */
static double
UnitFor(const Forest *f)
{
	const TreeData *d = f->data;
	double		sum = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		TREE_CHECK_WALK(i);
		sum += Weight(f, i) *
			((double) d->pos[i] * d->class_weight[1] +
			 (double) d->neg[i] * d->class_weight[0]);
	}
	return ldexp(1, ilogb(sum) + 4 - 61);
}

/* Shares as they are without the class weights. */
static void
CorrectLeaves(const Forest *f, TreeEnsemble *e)
{
	const double *cw = f->data->class_weight;

	for (int i = e->first[e->ntrees - 1]; i < e->nnodes; i++)
		if (e->nodes[i].kind == TREE_LEAF)
		{
			double		p = e->nodes[i].value;

			e->nodes[i].value = p * cw[0] / (p * cw[0] + (1 - p) * cw[1]);
		}
}

/* What the last tree says of the rows that it has not seen. */
static void
AddOutOfBag(Forest *f, const TreeEnsemble *e)
{
	const TreeData *d = f->data;
	int64		row = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		double		value = -1;

		TREE_CHECK_WALK(i);
		for (int label = 1; label >= 0; label--)
		{
			uint32		rows = label ? d->pos[i] : d->neg[i];
			uint64		key = TreePatternKey(f->key, i, label);

			for (uint32 k = 0; k < rows; k++, row++)
			{
				TREE_CHECK_WALK(k + 1);
				if (TreeDraw(key, k) >= f->upto[0])
					continue;
				if (value < 0)
					value = TreePatternValue(e, e->ntrees - 1, d, i);
				f->oob_sum[row] += value;
				f->oob_trees[row]++;
			}
		}
	}
}

/* Rows that every tree has seen have no say. */
static void
JudgeOutOfBag(const Forest *f, int64 rows[2], TreeQuality *q)
{
	const TreeData *d = f->data;
	double	   *scores[2];
	int64		n[2] = {0, 0},
				row = 0;

	for (int label = 0; label < 2; label++)
		scores[label] = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(double) * Max(rows[label], 1));
	for (int64 i = 0; i < d->n; i++)
		for (int label = 1; label >= 0; label--)
			for (uint32 k = 0; k < (label ? d->pos[i] : d->neg[i]); k++, row++)
			{
				TREE_CHECK_WALK(row);
				if (f->oob_trees[row] > 0)
					scores[label][n[label]++] = f->oob_sum[row] / f->oob_trees[row];
			}
	TreeQualityOf(scores[0], n[0], scores[1], n[1], q);
	pfree(scores[0]);
	pfree(scores[1]);
}

ForestFit *
ForestGrow(const TreeData *data, const ForestOptions *o)
{
	ForestFit  *fit = palloc0(sizeof(ForestFit));
	TreeEnsemble *e = fit->trees = TreeEnsembleCreate(FAMILY_FOREST);
	Forest		f = {data, o};
	int64		rows[2] = {0, 0};
	double		weights = 0;
	bool		weighted = (data->class_weight[0] != data->class_weight[1]);

	for (int64 i = 0; i < data->n; i++)
	{
		TREE_CHECK_WALK(i);
		rows[0] += data->neg[i];
		rows[1] += data->pos[i];
		if (data->weight != NULL)
			weights += data->weight[i] * ((double) data->neg[i] + data->pos[i]);
	}
	f.mean_weight = weights / (rows[0] + rows[1]);
	PoissonTable(&f);
	f.unit = UnitFor(&f);
	f.grower = TreeGrowerCreate(data, &o->growth);
	f.rows = TreeGrowerRows(f.grower);
	f.oob_sum = MemoryContextAllocExtended(CurrentMemoryContext,
										   sizeof(double) * Max(rows[0] + rows[1], 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	f.oob_trees = MemoryContextAllocExtended(CurrentMemoryContext,
											 sizeof(uint32) * Max(rows[0] + rows[1], 1),
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int t = 0; t < o->trees; t++)
	{
		o->report(t + 1, data->n);
		f.key = TreeKey(o->seed, STREAM_ROWS, t);
		while (!DrawRows(&f))
			f.key = TreeMix(f.key); /* few rows: none of them was drawn */
		(void) TreeGrow(f.grower, e, TreeKey(o->seed, STREAM_COLUMNS, t), f.unit, NULL);
		if (weighted && o->correct)
			CorrectLeaves(&f, e);
		AddOutOfBag(&f, e);
	}
	fit->has_oob = true;
	JudgeOutOfBag(&f, rows, &fit->oob);
	return fit;
}
