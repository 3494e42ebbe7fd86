/*-------------------------------------------------------------------------
 *
 * framepart.c
 *	  Some rows of a frame as a frame of their own: the one that they alone would
 *	  have made.
 *
 * Nothing of the other rows stays in it, neither a value in a dictionary nor a
 * count, so what is learnt from it is learnt from its rows alone.  Two things
 * cannot be known: how many of the rows are NULL in a column that the frame only
 * counts, for which their share among all stands, and the range of its times.
 * Such columns never get into a model.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "framebuild.h"

static void *
CopyArray(const void *from, int n, Size size)
{
	void	   *to;

	if (from == NULL)
		return NULL;
	to = palloc_extended(size * Max(n, 1), MCXT_ALLOC_HUGE);
	memcpy(to, from, size * n);
	return to;
}

/* The patterns that have rows left. */
static void
KeepPatterns(Frame *part, const Frame *frame, const uint32 *pos, const uint32 *neg)
{
	PatternBlock block = {0};

	part->npatterns = part->rows = part->positives = 0;
	while (FrameScan(frame, &block))
		for (int k = 0; k < block.n; k++)
		{
			int64		i = block.first + k,
						n = part->npatterns;

			if (pos[i] == 0 && neg[i] == 0)
				continue;
			memcpy(part->cells + n * frame->stride, block.cells + (Size) k * frame->stride,
				   frame->stride);
			part->pos[n] = pos[i];
			part->neg[n] = neg[i];
			part->rows += (int64) pos[i] + neg[i];
			part->positives += pos[i];
			part->npatterns++;
		}
}

static int64
CountNulls(const Frame *part, const FrameColumn *c)
{
	int64		nulls = 0;

	for (int64 i = 0; i < part->npatterns; i++)
	{
		uint64		v = ReadCell(part->cells + i * part->stride + c->offset, c->width);

		if (i % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (v == (c->store == STORE_NUMBERS ? FRAME_NULL_BITS : 0))
			nulls += (int64) part->pos[i] + part->neg[i];
	}
	return nulls;
}

/* pos[i] positives and neg[i] negatives of each pattern; the frame stays as it is. */
Frame *
FramePart(const Frame *frame, const uint32 *pos, const uint32 *neg)
{
	Frame		part = *frame;
	FrameBuilder *b = FrameBuilderCreate(CurrentMemoryContext, frame->max_distinct, 0);

	part.unknown = 0;
	part.hashes = NULL;
	part.file = NULL;
	part.cells = AllocRows((Size) frame->stride * frame->npatterns);
	part.pos = AllocRows(sizeof(uint32) * frame->npatterns);
	part.neg = AllocRows(sizeof(uint32) * frame->npatterns);
	KeepPatterns(&part, frame, pos, neg);
	part.columns = CopyArray(frame->columns, frame->ncolumns, sizeof(FrameColumn));
	for (int i = 0; i < part.ncolumns; i++)
	{
		FrameColumn *c = &part.columns[i];

		c->numbers = CopyArray(c->numbers, c->nvalues, sizeof(double));
		c->texts = CopyArray(c->texts, c->nvalues, sizeof(char *));
		c->lengths = CopyArray(c->lengths, c->nvalues, sizeof(int));
		c->nulls = FrameColumnHasCells(c) ? CountNulls(&part, c) :
			(int64) rint((double) c->nulls / Max(frame->rows, 1) * part.rows);
		if (c->store == STORE_DICTIONARY)
			PruneDictionary(&part, c);
	}
	FrameBuilderAbsorb(b, &part);	/* which copies what it keeps */
	pfree(part.cells);
	pfree(part.pos);
	pfree(part.neg);
	return FrameBuilderFinish(b, 0);
}
