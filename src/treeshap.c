/*-------------------------------------------------------------------------
 *
 * treeshap.c
 *	  Why trees say what they say: Shapley values, exact, in polynomial time.
 *
 * The players are the columns of the row.  A coalition's worth is what a tree says
 * of a row of which only those columns are known: at a split on another column
 * both ways count by their cover ("path-dependent").  Lundberg, Erion, Lee:
 * "Consistent individualized feature attribution for tree ensembles" (2018),
 * algorithm 2, in O(leaves · depth²) a tree.
 *
 * A value that training has not seen is never known: its splits always count
 * both ways, and its column gets nothing from them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "tree.h"

#define NOBODY	(-2)			/* a split that no player decides */

/* A player on the way to a leaf. */
typedef struct PathElement
{
	int			player;			/* -1: before the first split */
	double		zero;			/* share of ways that go on if it is not known */
	double		one;			/* 1 if its value goes on this way, else 0 */
	double		weight;			/* of the coalitions of as many as stand before */
} PathElement;

typedef struct Shap
{
	const TreeEnsemble *trees;
	const TreeColumn *columns;
	const int  *player;
	const int16 *bins;
	double	   *phi;
	const TreeNode *first;		/* of the tree at hand */
} Shap;

/* EXTEND of the paper: one more player on the path of n elements. */
static void
Extend(PathElement *path, int n, double zero, double one, int player)
{
	path[n].player = player;
	path[n].zero = zero;
	path[n].one = one;
	path[n].weight = (n == 0 ? 1 : 0);
	for (int i = n - 1; i >= 0; i--)
	{
		path[i + 1].weight += one * path[i].weight * (i + 1) / (n + 1);
		path[i].weight = zero * path[i].weight * (n - i) / (n + 1);
	}
}

/* UNWIND: take the element `at` off a path whose last one is n. */
static void
Unwind(PathElement *path, int n, int at)
{
	double		one = path[at].one,
				zero = path[at].zero,
				next = path[n].weight;

	for (int i = n - 1; i >= 0; i--)
	{
		if (one != 0)
		{
			double		weight = path[i].weight;

			path[i].weight = next * (n + 1) / ((i + 1) * one);
			next = weight - path[i].weight * zero * (n - i) / (n + 1);
		}
		else
			path[i].weight = path[i].weight * (n + 1) / (zero * (n - i));
	}
	for (int i = at; i < n; i++)
	{
		path[i].player = path[i + 1].player;
		path[i].zero = path[i + 1].zero;
		path[i].one = path[i + 1].one;
	}
}

/* The sum of the weights that Unwind() would leave. */
static double
UnwoundSum(const PathElement *path, int n, int at)
{
	double		one = path[at].one,
				zero = path[at].zero,
				next = path[n].weight,
				sum = 0;

	for (int i = n - 1; i >= 0; i--)
	{
		if (one != 0)
		{
			double		weight = next * (n + 1) / ((i + 1) * one);

			sum += weight;
			next = path[i].weight - weight * zero * (n - i) / (n + 1);
		}
		else
			sum += path[i].weight * (n + 1) / (zero * (n - i));
	}
	return sum;
}

/*
 * `path` has n elements and room for more behind the caller's own, which it
 * copies; `share`: of the ways of splits whose values are not known.
 */
static void
Recurse(const Shap *s, const TreeNode *node, const PathElement *parent, int n,
		double zero, double one, int player, double share)
{
	PathElement path[TREE_MAX_DEPTH + 2];
	const TreeNode *hot,
			   *cold;
	double		in_zero = 1,
				in_one = 1;
	int			mine,
				known;

	if (n > 0)
		memcpy(path, parent, sizeof(PathElement) * n);
	if (player != NOBODY)
		Extend(path, n++, zero, one, player);
	if (node->kind == TREE_LEAF)
	{
		for (int i = 1; i < n; i++)
			s->phi[path[i].player] += UnwoundSum(path, n - 1, i) *
				(path[i].one - path[i].zero) * node->value * share;
		return;
	}
	hot = node + 1;
	cold = s->first + node->right;
	known = s->bins[node->column];
	if (known == TREE_UNKNOWN)
	{
		Recurse(s, hot, path, n, 0, 0, NOBODY, share * hot->cover / node->cover);
		Recurse(s, cold, path, n, 0, 0, NOBODY, share * cold->cover / node->cover);
		return;
	}
	if (!TreeGoesLeft(s->trees, node, s->columns, known))
	{
		const TreeNode *swap = hot;

		hot = cold;
		cold = swap;
	}
	mine = s->player[node->column];
	for (int i = 1; i < n; i++)
		if (path[i].player == mine)
		{
			in_zero = path[i].zero;
			in_one = path[i].one;
			Unwind(path, --n, i);
			break;
		}
	Recurse(s, hot, path, n, in_zero * hot->cover / node->cover, in_one, mine, share);
	Recurse(s, cold, path, n, in_zero * cold->cover / node->cover, 0, mine, share);
}

/* What a tree says on average. */
static double
MeanOfTree(const TreeNode *nodes, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		if (nodes[i].kind == TREE_LEAF)
			sum += nodes[i].value * (nodes[i].cover / nodes[0].cover);
	return sum;
}

double
TreeShapley(const TreeEnsemble *e, const TreeColumn *columns, const int *player,
			const int16 *bins, int nplayers, double *phi)
{
	double	   *sum = palloc0(sizeof(double) * Max(nplayers, 1));
	Shap		s = {e, columns, player, bins, sum};
	double		mean = 0,
				scale = e->family == FAMILY_FOREST ? 1.0 / e->ntrees : 1;

	for (int t = 0; t < e->ntrees; t++)
	{
		CHECK_FOR_INTERRUPTS();
		s.first = e->nodes + e->first[t];
		Recurse(&s, s.first, NULL, 0, 1, 1, -1, 1);
		mean += MeanOfTree(s.first, e->first[t + 1] - e->first[t]);
	}
	for (int k = 0; k < nplayers; k++)
		phi[k] += sum[k] * scale;
	pfree(sum);
	return e->base + mean * scale;
}
