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

#include "tree.h"

#define SET_SMOOTH		10.0
#define SET_LAMBDA		10.0
#define SET_MOST		32		/* levels on the side that has fewer */
#define SET_ROWS		100		/* from one cut to the next */
#define SET_SHARE		20		/* or all rows by this */
#define LEAST_HESSIAN	1e-3
/* gains below this share of H are rounding */
#define GAIN_NOISE		1e-12
#define ROWS_PER_INTERRUPT	65536

typedef struct Split
{
	double		gain;			/* 0: there is none */
	int			column;
	TreeNodeKind kind;
	int			last;
	bool		null_left;
	uint8		set[TREE_SET_BYTES];
	TreeSum		left;
} Split;

/* A node on its way; its rows are those from begin to end - 1. */
typedef struct GrowNode
{
	int			left;			/* children, 0: none yet */
	int			right;
	int			depth;
	int64		begin;
	int64		end;
	TreeSum		sum;
	TreeSum    *hist;			/* or NULL */
	uint64		key;
	double		low;			/* what monotone columns above allow its value */
	double		high;
	Split		split;
} GrowNode;

struct TreeGrower
{
	const TreeData *data;
	TreeGrowth	growth;
	bool		monotone;		/* some column is */
	int			nbins;			/* of all columns */
	TreeRow    *row;			/* per pattern */
	uint32	   *rows;			/* patterns, by node */
	uint32	   *spare;
	int		   *candidates;
	TreeSum		of_bin[TREE_MAX_BINS];

	TreeSum   **unused;			/* histograms */
	int			nunused;
	int			unused_room;

	/* the tree at hand */
	double		unit;
	int64		set_rows;
	int			nnodes;
	int			room;
	GrowNode   *nodes;
	int		   *open;
	int			nopen;
	int			nleaves;
	TreeLeafRows *leaves;
};

/* ---- sums ---- */

static inline void
Add(TreeSum *a, const TreeSum *b)
{
	a->g += b->g;
	a->h += b->h;
	a->n += b->n;
}

static inline TreeSum
Less(TreeSum a, const TreeSum *b)
{
	a.g -= b->g;
	a.h -= b->h;
	a.n -= b->n;
	return a;
}

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
			Add(&hist[(cells)[TREE_ROW_START(row) + c]], &s); \
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
			rest = Less(rest, &bins[b]);
		bins[d->columns[c].most] = rest;	/* was 0 */
	}
}

/* One column of a node. */
static const TreeSum *
ColumnSums(TreeGrower *g, const GrowNode *node, int column)
{
	const uint8 *bins = g->data->bins[column];

	if (node->hist != NULL)
		return node->hist + g->data->first_bin[column];
	memset(g->of_bin, 0, sizeof(TreeSum) * g->data->columns[column].nbins);
	for (int64 i = node->begin; i < node->end; i++)
		Add(&g->of_bin[bins[g->rows[i]]], &g->row[g->rows[i]].sum);
	return g->of_bin;
}

/* Is a histogram of all columns less work than counting some when needed? */
static bool
IsLarge(const TreeGrower *g, const GrowNode *node)
{
	int			looked = g->growth.mtry > 0 ? g->growth.mtry : g->data->ncolumns;

	return (node->end - node->begin) * looked >= g->nbins;
}

/* ---- splits ---- */

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
LeafValue(const Trial *t, double G, double H)
{
	return Min(Max(-G / (H + t->lambda), t->node->low), t->node->high);
}

static inline double
Score(const Trial *t, double G, double H)
{
	if (t->g->monotone)
	{
		double		v = LeafValue(t, G, H);

		return -(2 * G * v + (H + t->lambda) * v * v);
	}
	return G * G / (H + t->lambda);
}

/* The gain if `left` goes left; 0 if that may not be. */
static double
SplitGain(const Trial *t, const TreeSum *left)
{
	const TreeSum right = Less(t->node->sum, left);
	double		unit = t->g->unit;
	double		Hl = left->h * unit,
				Hr = right.h * unit,
				Gl = left->g * unit - t->mean * Hl,
				Gr = right.g * unit - t->mean * Hr;

	if (left->n < t->g->growth.min_leaf || right.n < t->g->growth.min_leaf ||
		Hl < LEAST_HESSIAN || Hr < LEAST_HESSIAN)
		return 0;
	if (t->monotone != 0 &&
		(LeafValue(t, Gr, Hr) - LeafValue(t, Gl, Hl)) * t->monotone < 0)
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
		Add(&left, &bins[k]);
		for (int null_left = 0; null_left <= (null.n > 0); null_left++)
		{
			TreeSum		side = left;
			double		gain;

			if (null_left)
				Add(&side, &null);
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
	int64		cut = 0;		/* rows left of the last one tried */
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

		Add(&left, &bins[sorted[i].bin]);
		if (n > 2 &&
			((i + 1 > SET_MOST && n - i - 1 > SET_MOST) ||
			 left.n - cut < t->g->set_rows || t->node->sum.n - left.n < t->g->set_rows))
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
static void
FindSplit(TreeGrower *g, GrowNode *node, const bool *use)
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

		g->rows[left] = row;
		g->spare[right] = row;
		left += l;
		right += !l;
	}
	memcpy(g->rows + left, g->spare, sizeof(uint32) * right);
	return left;
}

/* What a monotone column leaves its children. */
static void
BoundChildren(TreeGrower *g, const GrowNode *node, GrowNode *left, GrowNode *right)
{
	Trial		t = {g, node, 0, g->growth.lambda};
	int			monotone = node->split.kind == TREE_THRESHOLD ?
		g->data->columns[node->split.column].monotone : 0;
	double		middle;

	left->low = right->low = node->low;
	left->high = right->high = node->high;
	if (monotone == 0)
		return;
	middle = (LeafValue(&t, left->sum.g * g->unit, left->sum.h * g->unit) +
			  LeafValue(&t, right->sum.g * g->unit, right->sum.h * g->unit)) / 2;
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
		large->hist[b] = Less(large->hist[b], &small->hist[b]);
	if (!IsLarge(g, small))
		GiveHistogram(g, small);
}

/* A node that may be split waits; one that may not is a leaf. */
static void
OpenOrClose(TreeGrower *g, int i, const bool *use)
{
	FindSplit(g, &g->nodes[i], use);
	if (g->nodes[i].split.gain > 0)
		g->open[g->nopen++] = i;
	else
		GiveHistogram(g, &g->nodes[i]);
}

static void
SplitNode(TreeGrower *g, int i, const bool *use)
{
	GrowNode	node = g->nodes[i];
	TreeSum		right = Less(node.sum, &node.split.left);
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
	Trial		t = {g, from, 0, g->growth.lambda};
	int			at = TreeEnsembleAddNode(e);
	TreeNode   *node = &e->nodes[at];

	node->cover = from->sum.n;
	if (from->left == 0)
	{
		double		value = g->growth.rate *
			LeafValue(&t, from->sum.g * g->unit, from->sum.h * g->unit);

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
		g->rows[n] = (uint32) i;
		n += (g->row[i].sum.n > 0);
		if (g->row[i].sum.n > 0)
			Add(&sum, &g->row[i].sum);
	}
	g->unit = unit;
	g->set_rows = Min(SET_ROWS, sum.n / SET_SHARE);
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
		g->row[i].cells = (uint64) data->start[i] << 16 |
			(uint64) (data->start[i + 1] - data->start[i]);
	g->rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (data->n + 1));
	g->spare = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (data->n + 1));
	g->candidates = palloc(sizeof(int) * Max(data->ncolumns, 1));
	g->room = 64;
	g->nodes = palloc(sizeof(GrowNode) * g->room);
	g->open = palloc(sizeof(int) * g->room);
	return g;
}
