/*-------------------------------------------------------------------------
 *
 * treegrow.c
 *	  Growing one tree from sums of gradients.
 *
 * A node of the tree is a range of patterns.  Its histogram has, per bin of every
 * column, the sum of the gradients there.  Only the smaller of two children is
 * counted, the larger is what its parent and sibling leave.  Nodes with fewer
 * cells than there are bins have no histogram: their columns are counted one by
 * one when they are looked at.
 *
 * With gradients G and second derivatives H a leaf takes the value -G/(H + λ), and
 * a split gains
 *
 *		G_l²/(H_l + λ) + G_r²/(H_r + λ) - G²/(H + λ)
 *
 * (Friedman 2001; Chen and Guestrin 2016, equation 7 less its constants).  With
 * G = -positives, H = rows, λ = 0 that is the decrease of Gini's impurity, and
 * the leaf the share of positives: a tree of a forest is the same tree.
 *
 * Which split that is, treesplit.c finds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "treegrow.h"

#define ROWS_PER_INTERRUPT	16384

/* ---- histograms ---- */

static TreeSum *
TakeHistogram(TreeGrower *g)
{
	if (g->nunused > 0)
		return g->unused[--g->nunused];
	return MemoryContextAllocHuge(CurrentMemoryContext, sizeof(TreeSum) * g->nbins);
}

static void
GiveHistogram(TreeGrower *g, GrowNode *node)
{
	if (node->hist == NULL)
		return;
	if (g->nunused == g->unused_room)
	{
		g->unused_room = Max(16, 2 * g->unused_room);
		g->unused = g->unused == NULL ?
			palloc(sizeof(TreeSum *) * g->unused_room) :
			repalloc(g->unused, sizeof(TreeSum *) * g->unused_room);
	}
	g->unused[g->nunused++] = node->hist;
	node->hist = NULL;
}

#define AHEAD	16				/* rows that are fetched before they are needed */

#define COUNT_CELLS(cells) \
	for (int64 i = begin; i < end; i++) \
	{ \
		const TreeRow *row = &g->row[g->rows[i]]; \
		const TreeSum s = row->sum; \
		int			n = TREE_ROW_CELLS(row); \
		\
		if (i + AHEAD < end) \
			__builtin_prefetch(&g->row[g->rows[i + AHEAD]]); \
		if (i + AHEAD / 2 < end) \
			__builtin_prefetch(&(cells)[TREE_ROW_START(&g->row[g->rows[i + AHEAD / 2]])]); \
		for (int c = 0; c < n; c++) \
			TreeSumAdd(&hist[(cells)[TREE_ROW_START(row) + c]], &s); \
	}

/* Count a node's cells, all columns. */
static void
CountNode(TreeGrower *g, GrowNode *node)
{
	const TreeData *d = g->data;
	TreeSum    *hist = node->hist = TakeHistogram(g);

	memset(hist, 0, sizeof(TreeSum) * g->nbins);
	for (int64 begin = node->begin, end; begin < node->end; begin = end)
	{
		end = Min(node->end, begin + ROWS_PER_INTERRUPT);
		CHECK_FOR_INTERRUPTS();
		if (d->narrow != NULL)
			COUNT_CELLS(d->narrow)
		else
			COUNT_CELLS(d->wide)
	}
	for (int c = 0; c < d->ncolumns; c++)
	{
		TreeSum    *bins = hist + d->first_bin[c];
		TreeSum		rest = node->sum;

		for (int b = 0; b < d->columns[c].nbins; b++)
			rest = TreeSumLess(rest, &bins[b]);
		bins[d->columns[c].most] = rest;	/* was 0 */
	}
}

/* Is a histogram of all columns less work than counting some when needed? */
static bool
IsLarge(const TreeGrower *g, const GrowNode *node)
{
	int			looked = g->growth.mtry > 0 ? g->growth.mtry : g->data->ncolumns;

	return (node->end - node->begin) * looked >= g->nbins;
}

/* ---- growing ---- */

static int
AddGrowNode(TreeGrower *g, int64 begin, int64 end, const TreeSum *sum, int depth,
			uint64 key)
{
	GrowNode   *node;

	if (g->nnodes == g->room)
	{
		g->room *= 2;
		g->nodes = repalloc_huge(g->nodes, sizeof(GrowNode) * g->room);
		g->open = repalloc_huge(g->open, sizeof(int) * g->room);
	}
	node = &g->nodes[g->nnodes];
	memset(node, 0, offsetof(GrowNode, split));
	node->begin = begin;
	node->end = end;
	node->sum = *sum;
	node->depth = depth;
	node->key = key;
	node->low = -INFINITY;
	node->high = INFINITY;
	node->split.gain = 0;
	return g->nnodes++;
}

/* Rows of a node that go left come first; both sides stay in their order. */
static int64
Partition(TreeGrower *g, const GrowNode *node)
{
	const Split *s = &node->split;
	const TreeColumn *c = &g->data->columns[s->column];
	const uint8 *bins = g->data->bins[s->column];
	uint8		goes_left[TREE_MAX_BINS];
	int64		left = node->begin,
				right = 0;

	for (int k = 0; k < c->nbins; k++)
		goes_left[k] = s->kind == TREE_SET ? TreeSetHas(s->set, k) :
			k == c->null_bin ? s->null_left : k <= s->last;
	for (int64 i = node->begin; i < node->end; i++)
	{
		uint32		row = g->rows[i];
		uint8		l = goes_left[bins[row]];

		TREE_CHECK_WALK(i);
		g->rows[left] = row;
		g->spare[right] = row;
		left += l;
		right += !l;
	}
	memcpy(g->rows + left, g->spare, sizeof(uint32) * right);
	return left;
}

/* The value of a leaf of these sums below a node. */
static double
ValueOf(const TreeGrower *g, const GrowNode *node, const TreeSum *sum)
{
	return TreeLeafValue(node, sum->g * g->unit, sum->h * g->unit, g->growth.lambda);
}

/* What a monotone column leaves its children. */
static void
BoundChildren(TreeGrower *g, const GrowNode *node, GrowNode *left, GrowNode *right)
{
	int			monotone = node->split.kind == TREE_THRESHOLD ?
		g->data->columns[node->split.column].monotone : 0;
	double		middle;

	left->low = right->low = node->low;
	left->high = right->high = node->high;
	if (monotone == 0)
		return;
	middle = (ValueOf(g, node, &left->sum) +
			  ValueOf(g, node, &right->sum)) / 2;
	if (monotone > 0)
		left->high = right->low = middle;
	else
		left->low = right->high = middle;
}

/* Histograms of two children where they pay, of which one by subtraction. */
static void
CountChildren(TreeGrower *g, GrowNode *node, GrowNode *left, GrowNode *right)
{
	bool		left_smaller = left->end - left->begin < right->end - right->begin;
	GrowNode   *small = left_smaller ? left : right,
			   *large = left_smaller ? right : left;

	if (left->depth >= g->growth.depth || node->hist == NULL || !IsLarge(g, large))
	{
		GiveHistogram(g, node);
		return;
	}
	CountNode(g, small);
	large->hist = node->hist;
	node->hist = NULL;
	for (int b = 0; b < g->nbins; b++)
		large->hist[b] = TreeSumLess(large->hist[b], &small->hist[b]);
	if (!IsLarge(g, small))
		GiveHistogram(g, small);
}

/* A node that may be split waits; one that may not is a leaf. */
static void
OpenOrClose(TreeGrower *g, int i, const bool *use)
{
	TreeFindSplit(g, &g->nodes[i], use);
	if (g->nodes[i].split.gain > 0)
		g->open[g->nopen++] = i;
	else
		GiveHistogram(g, &g->nodes[i]);
}

static void
SplitNode(TreeGrower *g, int i, const bool *use)
{
	GrowNode	node = g->nodes[i];
	TreeSum		right = TreeSumLess(node.sum, &node.split.left);
	int64		middle = Partition(g, &node);
	int			l = AddGrowNode(g, node.begin, middle, &node.split.left,
								node.depth + 1, TreeDraw(node.key, UINT64CONST(1) << 32));
	int			r = AddGrowNode(g, middle, node.end, &right,
								node.depth + 1, TreeDraw(node.key, UINT64CONST(1) << 33));

	if (g->monotone)
		BoundChildren(g, &node, &g->nodes[l], &g->nodes[r]);
	CountChildren(g, &node, &g->nodes[l], &g->nodes[r]);
	node.left = l;
	node.right = r;
	g->nodes[i] = node;
	OpenOrClose(g, r, use);
	OpenOrClose(g, l, use);
}

/* The node to split next: the last one, or the one that gains most. */
static int
NextOpen(TreeGrower *g)
{
	int			at = g->nopen - 1,
				i;

	for (int k = 0; k < g->nopen && g->growth.leaves > 0; k++)
		if (g->nodes[g->open[k]].split.gain > g->nodes[g->open[at]].split.gain)
			at = k;
	i = g->open[at];
	memmove(g->open + at, g->open + at + 1, sizeof(int) * (--g->nopen - at));
	return i;
}

/* The nodes in preorder, into the ensemble. */
static void
EmitNode(TreeGrower *g, TreeEnsemble *e, int i, int first)
{
	const GrowNode *from = &g->nodes[i];
	int			at = TreeEnsembleAddNode(e);
	TreeNode   *node = &e->nodes[at];

	node->cover = from->sum.n;
	if (from->left == 0)
	{
		double		value = g->growth.rate *
			ValueOf(g, from, &from->sum);

		node->kind = TREE_LEAF;
		node->value = Min(Max(value, -TREE_MAX_VALUE), TREE_MAX_VALUE);
		g->leaves[g->nleaves].node = at - first;
		g->leaves[g->nleaves].rows = g->rows + from->begin;
		g->leaves[g->nleaves++].n = from->end - from->begin;
		return;
	}
	node->kind = from->split.kind;
	node->column = from->split.column;
	node->gain = from->split.gain;
	if (node->kind == TREE_SET)
	{
		int			set = TreeEnsembleAddSet(e);

		memcpy(e->sets + (Size) set * TREE_SET_BYTES, from->split.set, TREE_SET_BYTES);
		node->set = set;
	}
	else
	{
		node->last = from->split.last;
		node->null_left = from->split.null_left;
	}
	EmitNode(g, e, from->left, first);
	e->nodes[at].right = e->nnodes - first;
	EmitNode(g, e, from->right, first);
}

bool
TreeGrow(TreeGrower *g, TreeEnsemble *e, uint64 key, double unit, const bool *use)
{
	int64		n = 0;
	TreeSum		sum = {0};
	int			nleaves = 1,
				first = e->nnodes;

	for (int64 i = 0; i < g->data->n; i++)
	{
		TREE_CHECK_WALK(i);
		g->rows[n] = (uint32) i;
		n += (g->row[i].sum.n > 0);
		if (g->row[i].sum.n > 0)
			TreeSumAdd(&sum, &g->row[i].sum);
	}
	g->unit = unit;
	g->nrows = sum.n;
	g->nnodes = g->nopen = g->nleaves = 0;
	(void) AddGrowNode(g, 0, n, &sum, 0, key);
	if (n > 0 && IsLarge(g, &g->nodes[0]))
		CountNode(g, &g->nodes[0]);
	OpenOrClose(g, 0, use);
	while (g->nopen > 0 && (g->growth.leaves == 0 || nleaves < g->growth.leaves))
	{
		SplitNode(g, NextOpen(g), use);
		nleaves++;
	}
	while (g->nopen > 0)
		GiveHistogram(g, &g->nodes[g->open[--g->nopen]]);
	if (g->leaves != NULL)
		pfree(g->leaves);
	g->leaves = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(TreeLeafRows) * nleaves);
	EmitNode(g, e, 0, first);
	TreeEnsembleEndTree(e);
	return nleaves > 1;
}

TreeRow *
TreeGrowerRows(TreeGrower *g)
{
	return g->row;
}

/* The leaves of the last tree; *all says that no pattern was left out. */
int
TreeGrowerLeaves(const TreeGrower *g, const TreeLeafRows **leaves, bool *all)
{
	*leaves = g->leaves;
	*all = (g->nodes[0].end == g->data->n);
	return g->nleaves;
}

/* In the current context, which must last as long. */
TreeGrower *
TreeGrowerCreate(const TreeData *data, const TreeGrowth *growth)
{
	TreeGrower *g = palloc0(sizeof(TreeGrower));

	g->data = data;
	g->growth = *growth;
	g->nbins = data->first_bin[data->ncolumns];
	for (int c = 0; c < data->ncolumns; c++)
		g->monotone |= (data->columns[c].monotone != 0);
	g->row = (TreeRow *) TYPEALIGN(sizeof(TreeRow),
								   MemoryContextAllocHuge(CurrentMemoryContext,
														  sizeof(TreeRow) * (data->n + 2)));
	for (int64 i = 0; i < data->n; i++)
	{
		TREE_CHECK_WALK(i);
		g->row[i].cells = (uint64) data->start[i] << 16 |
			(uint64) (data->start[i + 1] - data->start[i]);
	}
	g->rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (data->n + 1));
	g->spare = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (data->n + 1));
	g->candidates = palloc(sizeof(int) * Max(data->ncolumns, 1));
	g->room = 64;
	g->nodes = palloc(sizeof(GrowNode) * g->room);
	g->open = palloc(sizeof(int) * g->room);
	return g;
}
