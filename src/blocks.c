/*-------------------------------------------------------------------------
 *
 * blocks.c
 *	  Blocks of design rows: their products with coefficients, and the sums of
 *	  their squares.
 *
 * Of sparse columns only the entries are touched.  The sums of dense columns
 * are kept apart during a pass, as small matrices without gaps, and put where
 * they belong in the end.
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
	int64		first = w->first + cursor->next;
	int64		left = w->design->nrows - first;
	const double *class_weight = w->options->class_weight;
	DesignBlock *b = &cursor->block;

	if (left <= 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	if (w->options->report != NULL)
		w->options->report(w->fit->iterations + 1, first, w->design->nrows);
	memset(b, 0, sizeof(DesignBlock));
	w->design->fill(w->design->arg, first, (int) Min(left, DESIGN_BLOCK_ROWS), b);
	cursor->next += w->stride;

	for (int i = 0; i < b->n || i % DESIGN_LANES != 0; i++)
	{
		double		weight = b->weight ? b->weight[i] : 1.0;

		w->positives[i] = b->pos[i] * weight * class_weight[1];
		w->negatives[i] = b->neg[i] * weight * class_weight[0];
	}
	return true;
}

/* The product of each row with beta, offsets not included. */
void
BlockDots(LogitWork *w, const DesignBlock *b, const double *beta, double *dot)
{
	int			ndense = w->design->ndense;

	for (int k = 0; k < ndense; k++)
		w->dense_beta[k] = beta[w->design->dense_column[k]];
	for (int i = 0; i < b->n || i % DESIGN_LANES != 0; i++)
		dot[i] = beta[0];
	DenseDots(b->dense, w->dense_beta, ndense, b->n, dot);
	if (b->start[b->n] == 0)
		return;
	for (int i = 0; i < b->n; i++)
	{
		double		sum = dot[i];

		for (int k = b->start[i]; k < b->start[i + 1]; k++)
		{
			Assert(b->index[k] > (k > b->start[i] ? b->index[k - 1] : 0));
			Assert(b->index[k] < w->p);
			sum += b->value[k] * beta[b->index[k]];
		}
		dot[i] = sum;
	}
}

/*
 * A row with dense columns and entries together, by ascending column, in
 * w->row_index and w->row_value.  Returns their number.
 */
int
BlockRow(LogitWork *w, const DesignBlock *b, int row)
{
	const DesignSource *d = w->design;
	int			k = b->start[row];
	int			n = 0;

	for (int j = 0; j <= d->ndense; j++)
	{
		int			column = j < d->ndense ? d->dense_column[j] : w->p;

		for (; k < b->start[row + 1] && b->index[k] < column; k++, n++)
		{
			w->row_index[n] = b->index[k];
			w->row_value[n] = b->value[k];
		}
		if (j < d->ndense)
		{
			w->row_index[n] = column;
			w->row_value[n++] = b->dense[(size_t) j * DESIGN_BLOCK_ROWS + row];
		}
	}
	return n;
}

/* Begin to add up. */
void
GramBegin(LogitWork *w)
{
	int			ndense = w->design->ndense;

	memset(w->dense_gradient, 0, sizeof(double) * (ndense + 1));
	memset(w->dense_gram, 0, sizeof(double) * Tri(ndense + 1));
	memset(w->cross, 0, sizeof(double) * CrossWidth(ndense) * w->p);
}

/*
 * gradient += Σ residual x and gram += Σ weight x xᵀ, packed, over the rows of a
 * block; complete after GramEnd() only.
 */
void
BlockGram(LogitWork *w, const DesignBlock *b, const double *residual,
		  const double *weight, double *gram)
{
	int			ndense = w->design->ndense;

	DenseGram(b->dense, ndense, b->n, residual, weight, w->weighted,
			  w->dense_gradient, w->dense_gram);
	if (b->start[b->n] > 0)
		SparseGram(b, ndense, residual, weight, w->weighted, w->lines, w->cross, gram);
}

/* All rows are added: put in place what was summed apart. */
void
GramEnd(LogitWork *w, double *gradient, double *gram)
{
	int			ndense = w->design->ndense;
	const int  *column = w->design->dense_column;
	int			width = CrossWidth(ndense);

	gradient[0] += w->dense_gradient[0];
	gram[0] += w->dense_gram[0];
	for (int j = 1; j < w->p; j++)
	{
		const double *c = w->cross + (size_t) j * width;

		CHECK_FOR_INTERRUPTS();
		gradient[j] += c[0];
		gram[Tri(j)] += c[1];
		for (int k = 0; k < ndense; k++)	/* nothing if j is dense itself */
			gram[Tri(Max(j, column[k])) + Min(j, column[k])] += c[k + 2];
	}
	for (int i = 0; i < ndense; i++)
	{
		gradient[column[i]] += w->dense_gradient[i + 1];
		gram[Tri(column[i])] += w->dense_gram[Tri(i + 1)];
		for (int k = 0; k <= i; k++)
			gram[Tri(column[i]) + column[k]] += w->dense_gram[Tri(i + 1) + k + 1];
	}
}
