/*-------------------------------------------------------------------------
 *
 * boost.c
 *	  Gradient boosting of trees for the logistic loss.
 *
 * Every tree is a Newton step (Friedman 2001; Chen and Guestrin 2016): with
 * margin f and p = 1 / (1 + exp(-f)) a row of weight w has the gradient
 * w (p - y) and the second derivative w p (1 - p), and a leaf adds
 * -rate·G / (H + λ) to the margin of its rows.  A pattern stands for all its rows
 * at once.
 *
 * With early stopping a part of the rows is held out, by the draw of each row (or
 * of its group).  Trees are added until the log loss there has not improved for
 * so many trees, and those after the best one are dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "tree.h"

#define INTERCEPT_ITERATIONS	50

typedef struct Boost
{
	const TreeData *data;
	const BoostOptions *options;
	double		unit;
	double	   *margin;			/* per pattern, its offset included */
	uint32	   *held[2];		/* rows held out, by label; NULL without */
	int64		nheld[2];
	TreeGrower *grower;
	TreeRow    *rows;
	bool	   *use;			/* columns of the tree at hand, or NULL */
} Boost;

static void *
PerPattern(const TreeData *d, Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, size * Max(d->n, 1));
}

static double
Weight(const TreeData *d, int64 i)
{
	return d->weight != NULL ? d->weight[i] : 1;
}

/* Rows of a pattern that are not held out. */
static uint32
Rows(const Boost *b, int64 i, int positive)
{
	uint32		n = positive ? b->data->pos[i] : b->data->neg[i];

	return b->held[positive] != NULL ? n - b->held[positive][i] : n;
}

static void
HoldOut(Boost *b)
{
	const TreeData *d = b->data;
	uint64		key = TreeKey(b->options->seed, STREAM_HOLDOUT, 0);
	double		share = b->options->holdout;

	if (b->options->early_stopping == 0)
		return;
	for (int label = 0; label < 2; label++)
	{
		const uint32 *rows = label ? d->pos : d->neg;

		b->held[label] = PerPattern(d, sizeof(uint32));
		for (int64 i = 0; i < d->n; i++)
		{
			TREE_CHECK_WALK(i);
			if (d->group == NULL)
				b->held[label][i] = TreeSampleRows(TreePatternKey(key, i, label),
												   rows[i], share);
			else
				b->held[label][i] = TreeUniform(TreeDraw(key, d->group[i])) < share ?
					rows[i] : 0;
			b->nheld[label] += b->held[label][i];
		}
	}
}

/*
 * Where all margins begin: the intercept that fits best by itself, next to the
 * offset if there is one; NaN where one class is left alone.
 */
static double
Intercept(const Boost *b)
{
	const TreeData *d = b->data;
	double		sums[2] = {0, 0},
				base;

	for (int64 i = 0; i < d->n; i++)
	{
		TREE_CHECK_WALK(i);
		for (int label = 0; label < 2; label++)
			sums[label] += Weight(d, i) * d->class_weight[label] * Rows(b, i, label);
	}
	if (sums[0] <= 0 || sums[1] <= 0)
		return NAN;				/* all rows of a class were held out */
	base = log(sums[1] / sums[0]);
	for (int k = 0; k < INTERCEPT_ITERATIONS && d->offset != NULL; k++)
	{
		double		G = 0,
					H = 0,
					step;

		for (int64 i = 0; i < d->n; i++)
		{
			double		p = Sigmoid(base + d->offset[i]),
						w1 = Weight(d, i) * d->class_weight[1] * Rows(b, i, 1),
						w0 = Weight(d, i) * d->class_weight[0] * Rows(b, i, 0);

			TREE_CHECK_WALK(i);
			G += w0 * p - w1 * (1 - p);
			H += (w0 + w1) * p * (1 - p);
		}
		step = H > 0 ? Min(Max(-G / H, -2), 2) : 0;
		base += step;
		if (fabs(step) < 1e-12)
			break;
	}
	return base;
}

/* The unit of the sums: the finest one in which all of them fit. */
static double
UnitFor(const TreeData *d)
{
	double		sum = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		TREE_CHECK_WALK(i);
		sum += Weight(d, i) * ((double) d->pos[i] * d->class_weight[1] +
							   (double) d->neg[i] * d->class_weight[0]);
	}
	return ldexp(1, ilogb(sum) + 1 - 61);
}

/* Gradients at the margins, of the rows that this tree is to see. */
static void
Differentiate(Boost *b, int tree)
{
	const TreeData *d = b->data;
	uint64		key = TreeKey(b->options->seed, STREAM_ROWS, tree);
	double		scale = 1 / b->unit;

	for (int64 i = 0; i < d->n; i++)
	{
		uint32		pos = Rows(b, i, 1),
					neg = Rows(b, i, 0);
		double		p = Sigmoid(b->margin[i]),
					w = Weight(d, i),
					w1,
					w0;

		TREE_CHECK_WALK(i);
		if (b->options->subsample < 1)
		{
			pos = TreeSampleRows(TreePatternKey(key, i, 1), pos, b->options->subsample);
			neg = TreeSampleRows(TreePatternKey(key, i, 0), neg, b->options->subsample);
		}
		w1 = w * d->class_weight[1] * pos;
		w0 = w * d->class_weight[0] * neg;
		b->rows[i].sum.g = (int64) rint((w0 * p - w1 * (1 - p)) * scale);
		b->rows[i].sum.h = (int64) rint((w0 + w1) * p * (1 - p) * scale);
		b->rows[i].sum.n = w > 0 ? (int64) pos + neg : 0;
	}
}

static void
ChooseColumns(Boost *b, int tree)
{
	int			n = b->data->ncolumns,
				k = Max(1, (int) rint(b->options->colsample * n));
	uint64		key = TreeKey(b->options->seed, STREAM_COLUMNS, tree);
	int		   *order;

	if (k >= n)
		return;
	if (b->use == NULL)
		b->use = palloc(sizeof(bool) * n);
	memset(b->use, 0, sizeof(bool) * n);
	order = palloc(sizeof(int) * n);
	for (int c = 0; c < n; c++)
		order[c] = c;
	for (int i = 0; i < k; i++)
	{
		int			j = i + (int) (TreeUniform(TreeDraw(key, i)) * (n - i));

		b->use[order[j]] = true;
		order[j] = order[i];
	}
	pfree(order);
}

/* Add the last tree to all margins: rows it was grown from lie in its leaves. */
static void
AddTree(Boost *b, const TreeEnsemble *e)
{
	const TreeLeafRows *leaves;
	bool		all;
	int			tree = e->ntrees - 1,
				n = TreeGrowerLeaves(b->grower, &leaves, &all);

	for (int k = 0; k < n; k++)
	{
		double		value = e->nodes[e->first[tree] + leaves[k].node].value;

		for (int64 i = 0; i < leaves[k].n; i++)
		{
			TREE_CHECK_WALK(i);
			b->margin[leaves[k].rows[i]] += value;
		}
	}
	for (int64 i = 0; i < b->data->n && !all; i++)
	{
		TREE_CHECK_WALK(i);
		if (b->rows[i].sum.n == 0)
			b->margin[i] += TreePatternValue(e, tree, b->data, i);
	}
}

/* Mean log loss of the rows held out, by their weights. */
static double
HoldoutLoss(const Boost *b, double prior_correction)
{
	const TreeData *d = b->data;
	double		loss = 0,
				sum = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		double		f = b->margin[i] + prior_correction,
					w = Weight(d, i),
					pos = w * b->held[1][i],
					neg = w * b->held[0][i];

		TREE_CHECK_WALK(i);
		if (pos > 0)
			loss += pos * Log1pExp(-f);
		if (neg > 0)
			loss += neg * Log1pExp(f);
		sum += pos + neg;
	}
	return sum > 0 ? loss / sum : 0;
}

/* The quality of the trees kept on the rows held out. */
static void
JudgeHoldout(Boost *b, BoostFit *fit)
{
	const TreeData *d = b->data;
	const TreeEnsemble *e = fit->trees;
	double	   *scores[2];
	int64		n[2] = {0, 0};

	for (int label = 0; label < 2; label++)
		scores[label] = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(double) * Max(b->nheld[label], 1));
	for (int64 i = 0; i < d->n; i++)
	{
		double		f = e->base + (d->offset != NULL ? d->offset[i] : 0);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (b->held[0][i] + b->held[1][i] == 0)
			continue;
		for (int t = 0; t < e->ntrees; t++)
			f += TreePatternValue(e, t, d, i);
		for (int label = 0; label < 2; label++)
			for (uint32 k = 0; k < b->held[label][i]; k++)
				scores[label][n[label]++] = Sigmoid(f);
	}
	fit->has_holdout = true;
	TreeQualityOf(scores[0], n[0], scores[1], n[1], &fit->holdout);
	pfree(scores[0]);
	pfree(scores[1]);
}

static void
KeepTrees(TreeEnsemble *e, int n)
{
	e->ntrees = n;
	e->nnodes = e->first[n];
}

BoostFit *
BoostGrow(const TreeData *data, const BoostOptions *o)
{
	BoostFit   *fit = palloc0(sizeof(BoostFit));
	TreeEnsemble *e = fit->trees = TreeEnsembleCreate(FAMILY_BOOST);
	Boost		b = {data, o};
	bool		sampled = (o->subsample < 1 || o->colsample < 1);
	int			best = 0;
	double		best_loss;

	HoldOut(&b);
	if (o->early_stopping > 0 && b.nheld[0] + b.nheld[1] == 0)
		return NULL;
	e->base = Intercept(&b);
	if (isnan(e->base))
		return NULL;
	b.unit = UnitFor(data);
	b.grower = TreeGrowerCreate(data, &o->growth);
	b.rows = TreeGrowerRows(b.grower);
	b.margin = PerPattern(data, sizeof(double));
	for (int64 i = 0; i < data->n; i++)
	{
		TREE_CHECK_WALK(i);
		b.margin[i] = e->base + (data->offset != NULL ? data->offset[i] : 0);
	}
	best_loss = o->early_stopping > 0 ? HoldoutLoss(&b, o->prior_correction) : 0;
	for (int t = 0; t < o->trees; t++)
	{
		bool		split;

		o->report(t + 1, data->n);
		Differentiate(&b, t);
		ChooseColumns(&b, t);
		split = TreeGrow(b.grower, e, TreeKey(o->seed, STREAM_COLUMNS, t), b.unit, b.use);
		if (!split && !sampled && t > 0)
		{
			KeepTrees(e, t);	/* nor would any later one */
			break;
		}
		AddTree(&b, e);
		if (o->early_stopping > 0)
		{
			double		loss = HoldoutLoss(&b, o->prior_correction);

			if (loss < best_loss)
			{
				best = t + 1;
				best_loss = loss;
			}
			else if (t + 1 - best >= o->early_stopping)
				break;
		}
	}
	fit->grown = e->ntrees;
	if (o->early_stopping > 0)
		KeepTrees(e, Max(best, 1));
	e->base += o->prior_correction;
	if (o->early_stopping > 0)
		JudgeHoldout(&b, fit);
	return fit;
}
