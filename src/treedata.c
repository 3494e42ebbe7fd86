/*-------------------------------------------------------------------------
 *
 * treedata.c
 *	  What trees are grown from and into: binned patterns, ensembles of nodes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "metrics.h"
#include "tree.h"

/* cells of a bin number that fits 16 bits take half the memory */
#define NARROW_BINS			65536

/* ---- ensembles ---- */

TreeEnsemble *
TreeEnsembleCreate(TreeFamily family)
{
	TreeEnsemble *e = palloc0(sizeof(TreeEnsemble));

	e->family = family;
	e->trees_room = 128;
	e->first = palloc0(sizeof(int) * (e->trees_room + 1));
	e->nodes_room = 1024;
	e->nodes = palloc(sizeof(TreeNode) * e->nodes_room);
	e->sets_room = 64;
	e->sets = palloc(TREE_SET_BYTES * e->sets_room);
	return e;
}

/* The new node, all zero. */
int
TreeEnsembleAddNode(TreeEnsemble *e)
{
	if (e->nnodes == e->nodes_room)
	{
		e->nodes_room *= 2;
		e->nodes = repalloc_huge(e->nodes, sizeof(TreeNode) * e->nodes_room);
	}
	memset(&e->nodes[e->nnodes], 0, sizeof(TreeNode));
	return e->nnodes++;
}

/* The new set, empty. */
int
TreeEnsembleAddSet(TreeEnsemble *e)
{
	if (e->nsets == e->sets_room)
	{
		e->sets_room *= 2;
		e->sets = repalloc_huge(e->sets, (Size) TREE_SET_BYTES * e->sets_room);
	}
	memset(e->sets + (Size) e->nsets * TREE_SET_BYTES, 0, TREE_SET_BYTES);
	return e->nsets++;
}

/* The nodes added since the last tree are one. */
void
TreeEnsembleEndTree(TreeEnsemble *e)
{
	if (e->ntrees == e->trees_room)
	{
		e->trees_room *= 2;
		e->first = repalloc(e->first, sizeof(int) * (e->trees_room + 1));
	}
	e->first[++e->ntrees] = e->nnodes;
}

double
TreePatternValue(const TreeEnsemble *e, int tree, const TreeData *data, int64 row)
{
	const TreeNode *first = e->nodes + e->first[tree],
			   *node = first;

	while (node->kind != TREE_LEAF)
		node = TreeGoesLeft(e, node, data->columns, data->bins[node->column][row]) ?
			node + 1 : first + node->right;
	return node->value;
}

/* Splits from a node to its farthest leaf. */
int
TreeDepth(const TreeNode *first, int node)
{
	const TreeNode *n = first + node;
	int			left,
				right;

	if (n->kind == TREE_LEAF)
		return 0;
	/* not within Max(), which takes the longer way twice at every level */
	left = TreeDepth(first, node + 1);
	right = TreeDepth(first, n->right);
	return 1 + Max(left, right);
}

/* ---- data ---- */

/*
 * With bins, columns' nbins and n there: find what each column mostly has, and
 * list the other cells by row.
 */
void
TreeDataIndex(TreeData *d)
{
	int64	   *at;
	int64		ncells = 0;

	d->first_bin = palloc(sizeof(int) * (d->ncolumns + 1));
	d->first_bin[0] = 0;
	d->start = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * (d->n + 2));
	memset(d->start, 0, sizeof(int64) * (d->n + 2));
	for (int c = 0; c < d->ncolumns; c++)
	{
		int64		count[TREE_MAX_BINS] = {0};
		TreeColumn *column = &d->columns[c];

		d->first_bin[c + 1] = d->first_bin[c] + column->nbins;
		for (int64 i = 0; i < d->n; i++)
		{
			TREE_CHECK_WALK(i);
			count[d->bins[c][i]]++;
		}
		column->most = 0;
		for (int b = 1; b < column->nbins; b++)
			if (count[b] > count[column->most])
				column->most = b;
		ncells += d->n - count[column->most];
		for (int64 i = 0; i < d->n; i++)
		{
			TREE_CHECK_WALK(i);
			d->start[i + 2] += (d->bins[c][i] != column->most);
		}
	}
	for (int64 i = 2; i <= d->n + 1; i++)
	{
		TREE_CHECK_WALK(i);
		d->start[i] += d->start[i - 1];
	}
	at = d->start + 1;			/* moves to the row's end as it is filled */
	if (d->first_bin[d->ncolumns] <= NARROW_BINS)
		d->narrow = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint16) * (ncells + 1));
	else
		d->wide = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (ncells + 1));
	for (int c = 0; c < d->ncolumns; c++)
	{
		for (int64 i = 0; i < d->n; i++)
		{
			int			bin = d->bins[c][i];

			TREE_CHECK_WALK(i);
			if (bin == d->columns[c].most)
				continue;
			if (d->narrow != NULL)
				d->narrow[at[i]++] = d->first_bin[c] + bin;
			else
				d->wide[at[i]++] = d->first_bin[c] + bin;
		}
	}
}

/* ---- samples ---- */

/* The key of the rows of one class of a pattern. */
uint64
TreePatternKey(uint64 key, int64 row, int positive)
{
	return TreeDraw(key, 2 * (uint64) row + positive);
}

uint32
TreeSampleRows(uint64 key, uint32 n, double share)
{
	uint32		taken = 0;

	if (share >= 1)
		return n;
	for (uint32 k = 0; k < n; k++)
	{
		TREE_CHECK_WALK(k + 1);
		taken += (TreeUniform(TreeDraw(key, k)) < share);
	}
	return taken;
}

/* ---- quality ---- */

void
TreeQualityOf(const double *neg, int64 nneg, const double *pos, int64 npos,
			  TreeQuality *q)
{
	Ties	   *ties;
	Quality		quality;

	memset(q, 0, sizeof(TreeQuality));
	q->rows = nneg + npos;
	q->auc = q->log_loss = q->brier = NAN;
	if (q->rows == 0 || q->rows > PAIRS_MAX)
		return;
	ties = TiesMake(neg, nneg, pos, npos);
	QualityOf(ties, 0.5, &quality);
	q->auc = quality.auc;
	q->log_loss = quality.log_loss;
	q->brier = quality.brier;
	TiesFree(ties);
}
