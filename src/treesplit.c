/*-------------------------------------------------------------------------
 *
 * treesplit.c
 *	  The best split of a node of a tree.
 *
 * Intervals are cut at a threshold, and NULL goes to the side that gains more.
 * Levels are sorted by G/H and cut like intervals, which finds the best of all
 * sets (Fisher 1958).  With many levels it finds too much, so G/H is drawn to
 * that of the node by SET_SMOOTH, and of more than two levels the smaller side
 * has at most SET_MOST, cuts are SET_ROWS rows apart (fewer where there are not
 * 2,000 in all), and λ is SET_LAMBDA more: the means and measures of LightGBM (Ke
 * et al. 2017).  What the node has not seen goes with the larger child.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "treegrow.h"

#define SET_SMOOTH		10.0
#define SET_LAMBDA		10.0
#define SET_MOST		32		/* levels on the side that has fewer */
#define SET_ROWS		100		/* from one cut to the next */
#define SET_SHARE		20		/* or all rows by this */
#define LEAST_HESSIAN	1e-3
/* gains below this share of H are rounding */
#define GAIN_NOISE		1e-12

/* One column of a node. */
static const TreeSum *
ColumnSums(TreeGrower *g, const GrowNode *node, int column)
{
	const uint8 *bins = g->data->bins[column];

	if (node->hist != NULL)
		return node->hist + g->data->first_bin[column];
	memset(g->of_bin, 0, sizeof(TreeSum) * g->data->columns[column].nbins);
	for (int64 i = node->begin; i < node->end; i++)
	{
		TREE_CHECK_WALK(i);
		TreeSumAdd(&g->of_bin[bins[g->rows[i]]], &g->row[g->rows[i]].sum);
	}
	return g->of_bin;
}

/* A node under examination, in doubles. */
typedef struct Trial
{
	const TreeGrower *g;
	const GrowNode *node;
	double		mean;			/* taken from gradients: of the node, or 0 */
	double		lambda;
	double		score;			/* without a split */
	int			monotone;
	Split	   *best;
} Trial;

static inline double
Score(const Trial *t, double G, double H)
{
	if (t->g->monotone)
	{
		double		v = TreeLeafValue(t->node, G, H, t->lambda);

		return -(2 * G * v + (H + t->lambda) * v * v);
	}
	return G * G / (H + t->lambda);
}

/* The gain if `left` goes left; 0 if that may not be. */
static double
SplitGain(const Trial *t, const TreeSum *left)
{
	const TreeSum right = TreeSumLess(t->node->sum, left);
	double		unit = t->g->unit;
	double		Hl = left->h * unit,
				Hr = right.h * unit,
				Gl = left->g * unit - t->mean * Hl,
				Gr = right.g * unit - t->mean * Hr;

	if (left->n < t->g->growth.min_leaf || right.n < t->g->growth.min_leaf ||
		Hl < LEAST_HESSIAN || Hr < LEAST_HESSIAN)
		return 0;
	if (t->monotone != 0 &&
		(TreeLeafValue(t->node, Gr, Hr, t->lambda) -
		 TreeLeafValue(t->node, Gl, Hl, t->lambda)) * t->monotone < 0)
		return 0;
	return Score(t, Gl, Hl) + Score(t, Gr, Hr) - t->score;
}

static void
TryThreshold(Trial *t, int column, const TreeSum *bins)
{
	const TreeColumn *c = &t->g->data->columns[column];
	int			nvalues = c->null_bin >= 0 ? c->nbins - 1 : c->nbins;
	TreeSum		none = {0},
				null = c->null_bin >= 0 ? bins[c->null_bin] : none,
				left = none;
	Split	   *best = t->best;
	int			found = -1,
				next;

	t->monotone = c->monotone;
	for (int k = 0; k < nvalues; k++)
	{
		if (bins[k].n == 0)
			continue;
		TreeSumAdd(&left, &bins[k]);
		for (int null_left = 0; null_left <= (null.n > 0); null_left++)
		{
			TreeSum		side = left;
			double		gain;

			if (null_left)
				TreeSumAdd(&side, &null);
			gain = SplitGain(t, &side);
			if (gain > best->gain)
			{
				found = k;
				best->gain = gain;
				best->null_left = null_left;
				best->left = side;
			}
		}
	}
	if (found < 0)
		return;
	best->kind = TREE_THRESHOLD;
	best->column = column;
	if (null.n == 0)
		best->null_left = (best->left.n * 2 >= t->node->sum.n);
	/* in the middle between what went left and what went right */
	for (next = found + 1; next < nvalues && bins[next].n == 0; next++)
		;
	best->last = next == nvalues ? nvalues - 1 : found + (next - 1 - found) / 2;
}

typedef struct SortedBin
{
	double		key;
	int			bin;
} SortedBin;

#define ST_SORT SortBins
#define ST_ELEMENT_TYPE SortedBin
#define ST_COMPARE(a, b) ((a)->key < (b)->key ? -1 : (a)->key > (b)->key ? 1 : \
						  (a)->bin - (b)->bin)
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

static void
TrySet(Trial *t, int column, const TreeSum *bins)
{
	const TreeColumn *c = &t->g->data->columns[column];
	SortedBin	sorted[TREE_MAX_BINS];
	int			n = 0,
				found = -1;
	TreeSum		left = {0};
	int64		cut = 0,		/* rows left of the last one tried */
				apart = Min(SET_ROWS, t->g->nrows / SET_SHARE);
	Split	   *best = t->best;
	double		lambda = t->lambda,
				score = t->score,
				G = t->node->sum.g * t->g->unit,
				H = t->node->sum.h * t->g->unit;

	for (int k = 0; k < c->nbins; k++)
		if (bins[k].n > 0)
		{
			sorted[n].bin = k;
			sorted[n++].key = (bins[k].g * t->g->unit + SET_SMOOTH * G / H) /
				(bins[k].h * t->g->unit + SET_SMOOTH);
		}
	if (n < 2)
		return;
	SortBins(sorted, n);
	t->monotone = 0;
	if (n > 2)
	{
		t->lambda += SET_LAMBDA;
		t->score = Score(t, G - t->mean * H, H);
	}
	for (int i = 0; i < n - 1; i++)
	{
		double		gain;

		TreeSumAdd(&left, &bins[sorted[i].bin]);
		if (n > 2 &&
			((i + 1 > SET_MOST && n - i - 1 > SET_MOST) ||
			 left.n - cut < apart || t->node->sum.n - left.n < apart))
			continue;
		cut = left.n;
		gain = SplitGain(t, &left);
		if (gain > best->gain)
		{
			found = i;
			best->gain = gain;
			best->left = left;
		}
	}
	t->lambda = lambda;
	t->score = score;
	if (found < 0)
		return;
	best->kind = TREE_SET;
	best->column = column;
	memset(best->set, 0, TREE_SET_BYTES);
	for (int i = 0; i <= found; i++)
		best->set[sorted[i].bin >> 3] |= 1 << (sorted[i].bin & 7);
	for (int k = 0; k < c->nbins && best->left.n * 2 >= t->node->sum.n; k++)
		if (bins[k].n == 0)
			best->set[k >> 3] |= 1 << (k & 7);
}

/* The best split of a node, if it may have one. */
void
TreeFindSplit(TreeGrower *g, GrowNode *node, const bool *use)
{
	Trial		t = {g, node, 0, g->growth.lambda};
	double		G = node->sum.g * g->unit,
				H = node->sum.h * g->unit,
				least;
	int			n = 0;

	node->split.gain = 0;
	if (node->depth >= g->growth.depth || node->sum.n < 2 * (int64) g->growth.min_leaf ||
		H < 2 * LEAST_HESSIAN)
		return;
	CHECK_FOR_INTERRUPTS();
	t.best = &node->split;
	if (g->growth.centred)
		t.mean = G / H;
	t.score = Score(&t, G - t.mean * H, H);
	least = t.best->gain = g->growth.min_gain + H * GAIN_NOISE;
	for (int c = 0; c < g->data->ncolumns; c++)
		if (use == NULL || use[c])
			g->candidates[n++] = c;
	for (int i = 0; i < n; i++)
	{
		int			column;

		if (g->growth.mtry > 0)
		{
			int			j = i + (int) (TreeUniform(TreeDraw(node->key, i)) * (n - i));

			if (i >= g->growth.mtry && t.best->gain > least)
				break;
			column = g->candidates[j];
			g->candidates[j] = g->candidates[i];
			g->candidates[i] = column;
		}
		column = g->candidates[i];
		if (g->data->columns[column].ordered)
			TryThreshold(&t, column, ColumnSums(g, node, column));
		else
			TrySet(&t, column, ColumnSums(g, node, column));
	}
	if (!(t.best->gain > least))
		t.best->gain = 0;
}
