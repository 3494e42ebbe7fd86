/*-------------------------------------------------------------------------
 *
 * blocks.c
 *	  The inner loops of the solver: blocks of design rows, their products with
 *	  coefficients, and the sums of their squares.
 *
 * Only non-zero entries are touched, unless most are: then four rows at a time
 * are written out, which a processor multiplies faster than it finds them.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "miscadmin.h"

#include "logistic.h"

/*
 * Fetch the next block of the pass.  This is the only loop over data, hence the
 * place to look for interrupts.
 */
bool
NextBlock(LogitWork *w, RowCursor *cursor)
{
	int64		left = w->design->nrows - cursor->next;

	if (left <= 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	memset(&cursor->block, 0, sizeof(DesignBlock));
	w->design->fill(w->design->arg, cursor->next, (int) Min(left, w->chunk),
					&cursor->block);
	cursor->next += w->stride;
	return true;
}

/*
 * The product of each row with beta, offsets not included.  Columns must ascend
 * within a row: BlockGram() writes below the diagonal only.
 */
void
BlockDots(const LogitWork *w, const DesignBlock *b, const double *beta,
		  double *dot)
{
	bool		bad = false;

	for (int i = 0; i < b->n; i++)
	{
		double		sum = beta[0];
		int			previous = 0;

		for (int k = b->start[i]; k < b->start[i + 1]; k++)
		{
			sum += b->value[k] * beta[b->index[k]];
			bad |= b->index[k] <= previous;
			previous = b->index[k];
		}
		bad |= previous >= w->p;
		dot[i] = sum;
	}
	if (bad)
		elog(ERROR, "design columns of a row are out of order or range");
}

/* BlockGram() for blocks with few zeros: four rows at a time, written out. */
static void
BlockGramDense(LogitWork *w, const DesignBlock *b, const double *residual,
			   const double *weight, double *gradient, double *gram)
{
	for (int first = 0; first < b->n; first += 4)
	{
		double		four[4] = {0, 0, 0, 0};

		memset(w->dense, 0, sizeof(double) * 4 * w->p);
		for (int i = first; i < Min(first + 4, b->n); i++)
		{
			double	   *x = w->dense + (size_t) (i - first) * w->p;

			four[i - first] = weight[i];
			x[0] = 1;
			for (int k = b->start[i]; k < b->start[i + 1]; k++)
				x[b->index[k]] = b->value[k];
			AddMultiple(gradient, residual[i], x, w->p);
		}
		GramAddFour(gram, w->dense, four, w->p);
	}
}

/*
 * gradient += Σ residual x and gram += Σ weight x xᵀ over the rows of a block.
 * The columns of the block have been checked by BlockDots().
 */
void
BlockGram(LogitWork *w, const DesignBlock *b, const double *residual,
		  const double *weight, double *gradient, double *gram)
{
	int64		entries = b->start[b->n] - b->start[0];

	if (entries > 12 && entries * 2 > (int64) b->n * w->p)
	{
		BlockGramDense(w, b, residual, weight, gradient, gram);
		return;
	}
	for (int i = 0; i < b->n; i++)
	{
		int			start = b->start[i];
		int			n = b->start[i + 1] - start;
		const int  *index = b->index + start;
		const double *value = b->value + start;
		double		r = residual[i];

		if (weight[i] == 0 && r == 0)
			continue;
		gradient[0] += r;
		gram[0] += weight[i];
		for (int k = 0; k < n; k++)
		{
			double	   *row = gram + Tri(index[k]);
			double		wx = weight[i] * value[k];

			gradient[index[k]] += r * value[k];
			row[0] += wx;
			for (int j = 0; j <= k; j++)
				row[index[j]] += wx * value[j];
		}
	}
}
