/*-------------------------------------------------------------------------
 *
 * aliasing.c
 *	  Columns that are linear combinations of columns before them.
 *
 * The Cholesky factor of the weighted Gram matrix, in the order of the columns,
 * shows them by a pivot of 0; the last of a dependent set is dropped, as R
 * does.  In doubles such a pivot is not exactly 0, and that of a column that is
 * independent but nearly not may be as small: then the rows decide.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "miscadmin.h"

#include "logistic.h"

/* A pivot below DEPENDENT may be rounding only; below NOISE it surely is. */
#define PIVOT_DEPENDENT		1e-7
#define PIVOT_NOISE			1e-13
#define RESIDUAL_NOISE		1e-15	/* squared, relative to the column */

/*
 * For the columns named in `suspect`, the squared residual on the columns kept
 * before them, relative to the column: one pass over the rows.
 */
static void
ColumnResiduals(LogitWork *w, const int *suspect, int n, double *ratio)
{
	double	   *combination = HugeAlloc0((size_t) n * w->p, sizeof(double));
	double	   *size = palloc0(sizeof(double) * n);
	double	   *dot = palloc(sizeof(double) * DESIGN_BLOCK_ROWS);
	RowCursor	cursor = {0};

	for (int s = 0; s < n; s++)
	{
		double	   *c = combination + (size_t) s * w->p;
		int			j = suspect[s];

		CHECK_FOR_INTERRUPTS();
		memcpy(c, w->hessian + Tri(j), sizeof(double) * j);
		CholeskySolve(w->factor, w->scale, c, j);
		for (int k = 0; k < j; k++)
			c[k] = -c[k];
		c[j] = 1;
		ratio[s] = 0;
	}
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		for (int s = 0; s < n; s++)
		{
			BlockDots(w, b, combination + (size_t) s * w->p, dot);
			for (int i = 0; i < b->n; i++)
				if (w->positives[i] + w->negatives[i] > 0)
					ratio[s] += dot[i] * dot[i];
		}
		for (int i = 0; i < b->n; i++)
		{
			int			entries = BlockRow(w, b, i);

			if (w->positives[i] + w->negatives[i] == 0)
				continue;
			for (int s = 0; s < n; s++)
				for (int k = 0; k < entries; k++)
					if (w->row_index[k] == suspect[s])
						size[s] += w->row_value[k] * w->row_value[k];
		}
	}
	for (int s = 0; s < n; s++)
		ratio[s] /= size[s] > 0 ? size[s] : 1;
	pfree(combination);
	pfree(size);
	pfree(dot);
}

/*
 * Drop the columns that are linear combinations of columns before them, with
 * the Hessian at hand as Gram matrix: which weights it has does not matter for
 * that.  Pivots that could be rounding or not are decided by the rows.
 */
void
FindAliased(LogitWork *w)
{
	int			p = w->p;
	bool	   *kept = palloc0(sizeof(bool) * p);
	double	   *pivot = palloc(sizeof(double) * p);
	int		   *suspect = palloc(sizeof(int) * p);
	double	   *ratio = palloc(sizeof(double) * p);
	double		tolerance = PIVOT_DEPENDENT;

	for (;;)
	{
		int			n = 0;
		bool		again = false;

		memset(w->dropped, 0, sizeof(bool) * p);
		CholeskyFactor(w->factor, w->scale, w->dropped, pivot, w->hessian, p,
					   tolerance, true);
		for (int j = 0; j < p; j++)
			if (w->dropped[j] && !kept[j] && pivot[j] > PIVOT_NOISE)
				suspect[n++] = j;
		if (n > 0)
			ColumnResiduals(w, suspect, n, ratio);
		for (int s = 0; s < n; s++)
			if (ratio[s] > RESIDUAL_NOISE)
				again = kept[suspect[s]] = true;
		if (!again)
			break;

		/*
		 * Some are independent after all, if barely.  Let the smallest of
		 * their pivots be good enough, and look at the rest once more.
		 */
		for (int j = 0; j < p; j++)
			if (kept[j] && w->dropped[j])
				tolerance = Min(tolerance, pivot[j] * 0.5);
	}
	w->has_dropped = false;
	for (int j = 0; j < p; j++)
		w->has_dropped |= w->dropped[j];
	pfree(kept);
	pfree(pivot);
	pfree(suspect);
	pfree(ratio);
}
