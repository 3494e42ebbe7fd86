/*-------------------------------------------------------------------------
 *
 * treegrow.h
 *	  A tree on its way, for treegrow.c and treesplit.c alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_TREEGROW_H
#define LEADSCORE_TREEGROW_H

#include "tree.h"

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
	int64		nrows;			/* that it is grown from */
	int			nnodes;
	int			room;
	GrowNode   *nodes;
	int		   *open;
	int			nopen;
	int			nleaves;
	TreeLeafRows *leaves;
};

static inline void
TreeSumAdd(TreeSum *a, const TreeSum *b)
{
	a->g += b->g;
	a->h += b->h;
	a->n += b->n;
}

static inline TreeSum
TreeSumLess(TreeSum a, const TreeSum *b)
{
	a.g -= b->g;
	a.h -= b->h;
	a.n -= b->n;
	return a;
}

/* The value of a leaf of these sums, as far as a node's bounds allow it. */
static inline double
TreeLeafValue(const GrowNode *node, double G, double H, double lambda)
{
	return Min(Max(-G / (H + lambda), node->low), node->high);
}

/* treesplit.c: the best split of a node, if it may have one */
extern void TreeFindSplit(TreeGrower *g, GrowNode *node, const bool *use);

#endif							/* LEADSCORE_TREEGROW_H */
