/*-------------------------------------------------------------------------
 *
 * treescore.c
 *	  What trees say of a row of bins, fast.
 *
 * A walk down a tree waits for memory at every step, and a processor that has to
 * guess the way guesses wrong.  So the ways are looked up instead of decided:
 * each column has a table of bits, one row a bin, one bit a split, set where the
 * bin goes right.  A lead picks its row of each table once; a step is then "the
 * left child plus my bit", the same for thresholds, NULLs and sets, without a
 * branch.  A leaf is its own left child and has bit 0 of its column, which is
 * never set, so trees of different depth run side by side, LANES at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "tree.h"

#define LANES	8

typedef struct TableNode
{
	int32		child;			/* the left one; the right one follows it */
	uint32		bit;			/* of the column's table */
	uint16		column;
} TableNode;

typedef struct TableColumn
{
	Size		stride;			/* bytes of a row */
	uint32		nbits;
	uint8	   *bits;
} TableColumn;

struct TreeTable
{
	const TreeEnsemble *trees;
	const TreeColumn *columns;
	int			ncolumns;
	TableColumn *tables;
	const uint8 **row;			/* per column: that of the lead at hand */
	int			ngroups;		/* of LANES trees */
	int		   *depth;			/* per group: of its deepest tree */
	int		   *root;			/* per tree, filled up to whole groups */
	TableNode  *nodes;
	double	   *value;			/* per node */
	int			nnodes;
};

/* The bit of a node's split; thresholds that are the same share one. */
typedef struct BitNames
{
	uint32		of_threshold[2][TREE_MAX_BINS]; /* 0: none yet */
} BitNames;

static uint32
BitOf(TableColumn *c, BitNames *names, const TreeNode *node)
{
	uint32	   *bit;

	if (node->kind == TREE_SET)
		return c->nbits++;
	bit = &names->of_threshold[node->null_left][node->last];
	if (*bit == 0)
		*bit = c->nbits++;
	return *bit;
}

/* Copy a tree's node and those below to `to`; returns how deep they go. */
static int
CopyNodes(TreeTable *t, BitNames *names, const TreeNode *first, int node, int to)
{
	const TreeNode *from = first + node;
	TableNode  *n = &t->nodes[to];
	int			left,
				right;

	if (from->kind == TREE_LEAF)
	{
		n->child = to;
		t->value[to] = from->value;
		return 0;
	}
	n->child = t->nnodes;
	n->column = from->column;
	n->bit = BitOf(&t->tables[from->column], &names[from->column], from);
	t->nnodes += 2;
	left = CopyNodes(t, names, first, node + 1, n->child);
	right = CopyNodes(t, names, first, from->right, n->child + 1);
	return 1 + Max(left, right);
}

static void
FillBits(TreeTable *t)
{
	const TreeEnsemble *e = t->trees;
	uint32	   *next = palloc(sizeof(uint32) * t->ncolumns);
	BitNames   *names = palloc0(sizeof(BitNames) * t->ncolumns);

	for (int c = 0; c < t->ncolumns; c++)
	{
		TableColumn *table = &t->tables[c];

		next[c] = 1;
		table->stride = (table->nbits + 7) / 8;
		table->bits = MemoryContextAllocExtended(CurrentMemoryContext,
												 table->stride * t->columns[c].nbins,
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	/* the same nodes in the same order get the same bits again */
	for (int i = 0; i < e->nnodes; i++)
	{
		const TreeNode *node = &e->nodes[i];
		TableColumn *table = &t->tables[node->column];
		uint32		bit,
					fresh = next[node->column];

		if (node->kind == TREE_LEAF)
			continue;
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		table->nbits = fresh;
		bit = BitOf(table, &names[node->column], node);
		next[node->column] = table->nbits;
		if (bit != fresh)
			continue;
		for (int b = 0; b < t->columns[node->column].nbins; b++)
			if (!TreeGoesLeft(e, node, t->columns, b))
				table->bits[b * table->stride + (bit >> 3)] |= 1 << (bit & 7);
	}
	pfree(next);
	pfree(names);
}

/* In the current context; ensemble and columns must outlive it. */
TreeTable *
TreeTableCreate(const TreeEnsemble *e, const TreeColumn *columns, int ncolumns)
{
	TreeTable  *t = palloc0(sizeof(TreeTable));
	BitNames   *names = palloc0(sizeof(BitNames) * ncolumns);

	t->trees = e;
	t->columns = columns;
	t->ncolumns = ncolumns;
	t->tables = palloc0(sizeof(TableColumn) * ncolumns);
	t->row = palloc(sizeof(uint8 *) * ncolumns);
	for (int c = 0; c < ncolumns; c++)
		t->tables[c].nbits = 1; /* bit 0 is never set */
	t->ngroups = (e->ntrees + LANES - 1) / LANES;
	t->depth = palloc0(sizeof(int) * t->ngroups);
	t->root = palloc0(sizeof(int) * t->ngroups * LANES);
	/* one leaf more, of value 0: what the last group is filled up with */
	t->nodes = MemoryContextAllocExtended(CurrentMemoryContext,
										  sizeof(TableNode) * ((Size) e->nnodes + 1),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	t->value = MemoryContextAllocExtended(CurrentMemoryContext,
										  sizeof(double) * ((Size) e->nnodes + 1),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	t->nnodes = 1;
	for (int k = 0; k < e->ntrees; k++)
	{
		int			depth;

		CHECK_FOR_INTERRUPTS();
		t->root[k] = t->nnodes++;
		depth = CopyNodes(t, names, e->nodes + e->first[k], 0, t->root[k]);
		t->depth[k / LANES] = Max(t->depth[k / LANES], depth);
	}
	pfree(names);
	FillBits(t);
	return t;
}

/* A node's value where some bins are not known: the mean of both ways there. */
static double
MeanValue(const TreeTable *t, const TreeNode *first, const TreeNode *node,
		  const int16 *bins)
{
	const TreeNode *right;

	while (node->kind != TREE_LEAF)
	{
		int			bin = bins[node->column];

		right = first + node->right;
		if (bin == TREE_UNKNOWN)
			return (MeanValue(t, first, node + 1, bins) * node[1].cover +
					MeanValue(t, first, right, bins) * right->cover) / node->cover;
		node = TreeGoesLeft(t->trees, node, t->columns, bin) ? node + 1 : right;
	}
	return node->value;
}

static double
SumOfMeans(const TreeTable *t, const int16 *bins)
{
	const TreeEnsemble *e = t->trees;
	double		sum = 0;

	for (int k = 0; k < e->ntrees; k++)
	{
		const TreeNode *first = e->nodes + e->first[k];

		sum += MeanValue(t, first, first, bins);
	}
	return sum;
}

static double
SumOfLeaves(const TreeTable *t)
{
	const uint8 *const *row = t->row;
	const TableNode *nodes = t->nodes;
	double		sum = 0;

	for (int g = 0; g < t->ngroups; g++)
	{
		int32		at[LANES];

		memcpy(at, t->root + g * LANES, sizeof(at));
		for (int d = t->depth[g]; d > 0; d--)
			for (int k = 0; k < LANES; k++)
			{
				const TableNode *n = &nodes[at[k]];

				at[k] = n->child + ((row[n->column][n->bit >> 3] >> (n->bit & 7)) & 1);
			}
		for (int k = 0; k < LANES; k++)
			sum += t->value[at[k]];
	}
	return sum;
}

double
TreeTableValue(const TreeTable *t, const int16 *bins)
{
	bool		known = true;
	double		sum;

	for (int c = 0; c < t->ncolumns; c++)
	{
		known &= (bins[c] != TREE_UNKNOWN);
		t->row[c] = t->tables[c].bits + t->tables[c].stride * bins[c];
	}
	sum = known ? SumOfLeaves(t) : SumOfMeans(t, bins);
	return t->trees->family == FAMILY_FOREST ? sum / t->trees->ntrees :
		t->trees->base + sum;
}
