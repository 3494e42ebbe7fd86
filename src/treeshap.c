/*-------------------------------------------------------------------------
 *
 * treeshap.c
 *	  Why trees say what they say: Shapley values, exact, in polynomial time.
 *
 * The players are the columns of the row.  A coalition's worth is what a tree says
 * of a row of which only those columns are known: at a split on another column
 * both ways count by their cover ("path-dependent").  Lundberg, Erion, Lee:
 * "Consistent individualized feature attribution for tree ensembles" (2018).
 *
 * A leaf is reached by the product of its players' factors: 1 or 0 of one that is
 * known, its share of ways of one that is not.  Shapley's weight of a coalition of
 * s out of d - 1 others is the integral of t^s (1 - t)^(d - 1 - s) over [0, 1], so
 * all coalitions together are that of a product of d - 1 factors linear in t, a
 * polynomial, which Gauss's rule with d/2 points integrates exactly.  Nothing is
 * subtracted but 1 - zero, which keeps every digit in the deepest tree, as the
 * paper's algorithm 2 with its own binomial weights does not.  O(leaves · depth²).
 *
 * A value that training has not seen is never known: its splits always count
 * both ways, and its column gets nothing from them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "tree.h"

#define NOBODY	(-2)			/* a split that no player decides */
#define MAX_POINTS	((TREE_MAX_DEPTH + 1) / 2)

/* A player on the way to a leaf. */
typedef struct PathElement
{
	int			player;
	double		zero;			/* share of ways that go on if it is not known */
	double		one;			/* 1 if its value goes on this way, else 0 */
} PathElement;

typedef struct Shap
{
	const TreeEnsemble *trees;
	const TreeColumn *columns;
	const int  *player;
	const int16 *bins;
	double	   *phi;
	const TreeNode *first;		/* of the tree at hand */
	int			npoints;		/* of the rule */
	double		point[MAX_POINTS];	/* in (0, 1) */
	double		weight[MAX_POINTS];
} Shap;

/*
 * Gauss's rule with n points on [0, 1], exact up to the degree 2n - 1: the zeros of
 * Legendre's polynomial by Newton's method (Press et al., Numerical Recipes,
 * section 4.6).
 */
static void
MakeRule(Shap *s, int n)
{
	s->npoints = n;
	for (int i = 0; i < n; i++)
	{
		double		z = cos(M_PI * (i + 0.75) / (n + 0.5)),
					slope = 1;

		for (int k = 0; k < 10; k++)
		{
			double		p = 1,
						before = 0;

			for (int j = 1; j <= n; j++)
			{
				double		next = ((2 * j - 1) * z * p - (j - 1) * before) / j;

				before = p;
				p = next;
			}
			slope = n * (z * p - before) / (z * z - 1);
			z -= p / slope;
		}
		s->point[i] = (1 + z) / 2;
		s->weight[i] = 1 / ((1 - z * z) * slope * slope);
	}
}

/* What a player puts into the product at t. */
static inline double
Factor(double t, double zero, double one)
{
	return zero + t * (one - zero);
}

/*
 * A leaf's value counts for each player on the way to it: Shapley's weights of the
 * coalitions of the others, summed, are the integral of their product.
 */
static void
AddLeaf(const Shap *s, const PathElement *path, int n, const double *product,
		double value)
{
	for (int i = 0; i < n; i++)
	{
		double		zero = path[i].zero,
					one = path[i].one,
					sum = 0;

		for (int q = 0; q < s->npoints; q++)
			sum += product[q] / Factor(s->point[q], zero, one);
		s->phi[path[i].player] += sum * (one - zero) * value;
	}
}

/*
 * `path` has n elements, `product` their factors and the rule's weight at each of
 * its points; both are copied.  `share`: of the ways of splits whose values are not
 * known.
 */
static void
Recurse(const Shap *s, const TreeNode *node, const PathElement *parent, int n,
		const double *before, double zero, double one, int player, double share)
{
	PathElement path[TREE_MAX_DEPTH];
	double		product[MAX_POINTS];
	const TreeNode *hot,
			   *cold;
	double		in_zero = 1,
				in_one = 1;
	int			mine,
				known;

	memcpy(product, before, sizeof(double) * s->npoints);
	if (n > 0)
		memcpy(path, parent, sizeof(PathElement) * n);
	if (player != NOBODY)
	{
		path[n++] = (PathElement) {player, zero, one};
		for (int q = 0; q < s->npoints; q++)
			product[q] *= Factor(s->point[q], zero, one);
	}
	if (node->kind == TREE_LEAF)
	{
		AddLeaf(s, path, n, product, node->value * share);
		return;
	}
	hot = node + 1;
	cold = s->first + node->right;
	known = s->bins[node->column];
	if (known == TREE_UNKNOWN)
	{
		Recurse(s, hot, path, n, product, 0, 0, NOBODY, share * hot->cover / node->cover);
		Recurse(s, cold, path, n, product, 0, 0, NOBODY, share * cold->cover / node->cover);
		return;
	}
	if (!TreeGoesLeft(s->trees, node, s->columns, known))
	{
		const TreeNode *swap = hot;

		hot = cold;
		cold = swap;
	}
	mine = s->player[node->column];
	for (int i = 0; i < n; i++)
		if (path[i].player == mine)
		{
			in_zero = path[i].zero;
			in_one = path[i].one;
			path[i] = path[--n];
			for (int q = 0; q < s->npoints; q++)
				product[q] /= Factor(s->point[q], in_zero, in_one);
			break;
		}
	Recurse(s, hot, path, n, product, in_zero * hot->cover / node->cover, in_one, mine, share);
	Recurse(s, cold, path, n, product, in_zero * cold->cover / node->cover, 0, mine, share);
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
	int			depth = 1;
	double		mean = 0,
				scale = e->family == FAMILY_FOREST ? 1.0 / e->ntrees : 1;

	for (int t = 0; t < e->ntrees; t++)
		depth = Max(depth, TreeDepth(e->nodes + e->first[t], 0));
	MakeRule(&s, (Min(depth, Max(nplayers, 1)) + 1) / 2);
	for (int t = 0; t < e->ntrees; t++)
	{
		CHECK_FOR_INTERRUPTS();
		s.first = e->nodes + e->first[t];
		Recurse(&s, s.first, NULL, 0, s.weight, 0, 0, NOBODY, 1);
		mean += MeanOfTree(s.first, e->first[t + 1] - e->first[t]);
	}
	for (int k = 0; k < nplayers; k++)
		phi[k] += sum[k] * scale;
	pfree(sum);
	return e->base + mean * scale;
}
