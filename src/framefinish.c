/*-------------------------------------------------------------------------
 *
 * framefinish.c
 *	  The canonical frame of all that a builder has collected.
 *
 * Finishing sorts the dictionaries, rewrites all rows with the sorted codes,
 * puts them into the order of a 64-bit hash of their bytes (ties by the bytes
 * themselves), and adds up equal ones.  Nothing of the order of arrival is
 * left then, which is what makes a frame the same for any order and any number
 * of workers.  Sorting by hash and not by the bytes costs a third, because
 * most comparisons end at the first eight bytes.
 *
 * The builder is not changed: an aggregate's final function may be called
 * more than once on one state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "framebuild.h"

static int
CompareColumns(const void *a, const void *b)
{
	const FrameColumn *x = &(*(BuilderColumn *const *) a)->c;
	const FrameColumn *y = &(*(BuilderColumn *const *) b)->c;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return strcmp(x->name, y->name);
}

typedef struct SortedValue
{
	double		number;
	const char *text;
	int			len;
	uint32		code;
} SortedValue;

static inline int
CompareSortedValues(const SortedValue *a, const SortedValue *b)
{
	if (a->text != NULL)
	{
		int			c = memcmp(a->text, b->text, Min(a->len, b->len));

		return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
	}
	return (a->number > b->number) - (a->number < b->number);
}

/* PostgreSQL's sort with interrupts, which libc's qsort() could not serve. */
#define ST_SORT SortValues
#define ST_ELEMENT_TYPE SortedValue
#define ST_COMPARE(a, b) CompareSortedValues(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * A column of the frame from one of the builder; *map gets the builder's codes
 * in terms of the sorted dictionary (or NULL).
 */
static void
FinishColumn(const BuilderColumn *bc, FrameColumn *c, uint32 **map)
{
	bool		text = (CellTypeClass(bc->c.type) == CLASS_TEXT);
	SortedValue *v;

	*c = bc->c;
	c->name = pstrdup(bc->c.name);
	c->source = pstrdup(bc->c.source);
	c->numbers = NULL;
	c->texts = NULL;
	c->lengths = NULL;
	c->nvalues = 0;
	*map = NULL;
	if (c->low > c->high)
		c->low = c->high = 0;
	if (c->store != STORE_DICTIONARY)
	{
		c->width = StoreWidth(c);
		return;
	}

	c->nvalues = bc->c.nvalues;
	c->width = CodeWidth(c->nvalues);
	v = palloc_extended(sizeof(SortedValue) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
	for (int k = 0; k < c->nvalues; k++)
	{
		v[k].number = text ? 0 : bc->c.numbers[k];
		v[k].text = text ? bc->c.texts[k] : NULL;
		v[k].len = text ? bc->c.lengths[k] : 0;
		v[k].code = k + 1;
	}
	SortValues(v, c->nvalues);

	*map = palloc_extended(sizeof(uint32) * (c->nvalues + 1), MCXT_ALLOC_HUGE);
	(*map)[0] = 0;
	if (text)
	{
		c->texts = palloc_extended(sizeof(char *) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
		c->lengths = palloc(sizeof(int) * Max(c->nvalues, 1));
	}
	else
		c->numbers = palloc(sizeof(double) * Max(c->nvalues, 1));
	for (int k = 0; k < c->nvalues; k++)
	{
		(*map)[v[k].code] = k + 1;
		if (text)
		{
			/* the builder's bytes may be gone before the frame is */
			c->texts[k] = pnstrdup(v[k].text, v[k].len);
			c->lengths[k] = v[k].len;
		}
		else
			c->numbers[k] = v[k].number;
	}
	pfree(v);
}

/* One column of one segment into the canonical layout. */
static void
RewriteCells(const Segment *s, int column, const BuilderColumn *bc,
			 const FrameColumn *c, const uint32 *map, uint8 *out, int stride)
{
	bool		absent = (column >= s->ncolumns || s->widths[column] == 0);
	FrameColumn from = {0};

	from.width = absent ? 0 : s->widths[column];
	from.offset = absent ? 0 : s->offsets[column];
	out += c->offset;
	for (int64 r = 0; r < s->nrows; r++, out += stride)
	{
		const uint8 *pattern = s->cells + r * s->stride;

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (c->store == STORE_NUMBERS)
		{
			uint64		bits = FRAME_NULL_BITS;

			if (from.width == 8)
				bits = FrameNumberBits(&from, pattern);
			else if (from.width > 0)
			{
				uint32		code = FrameCode(&from, pattern);

				if (code > 0)
					bits = DoubleBits(bc->c.numbers[code - 1]);
			}
			memcpy(out, &bits, 8);
		}
		else
		{
			uint32		code = map[FrameCode(&from, pattern)];
			uint16		code16 = (uint16) code;

			if (c->width == 1)
				*out = (uint8) code;
			else if (c->width == 2)
				memcpy(out, &code16, 2);
			else
				memcpy(out, &code, 4);
		}
	}
}

typedef struct HashedRow
{
	uint64		hash;
	uint32		row;
} HashedRow;

typedef struct RowOrder
{
	const uint8 *cells;
	int			stride;
} RowOrder;

static inline int
CompareHashedRows(const HashedRow *a, const HashedRow *b, const RowOrder *order)
{
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return memcmp(order->cells + (int64) a->row * order->stride,
				  order->cells + (int64) b->row * order->stride, order->stride);
}

#define ST_SORT SortHashedRows
#define ST_ELEMENT_TYPE HashedRow
#define ST_COMPARE_ARG_TYPE RowOrder
#define ST_COMPARE(a, b, arg) CompareHashedRows(a, b, arg)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

#define BUCKET_BITS 12

/*
 * Put rows into the order of their hashes: one pass into 4,096 buckets by the
 * leading bits, then each bucket by comparison, which mostly ends in the cache.
 */
static HashedRow *
OrderRows(const uint8 *cells, int stride, int64 n)
{
	HashedRow  *rows = palloc_extended(sizeof(HashedRow) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64	   *start = palloc0(sizeof(int64) * ((1 << BUCKET_BITS) + 1));
	int64	   *next = palloc(sizeof(int64) * (1 << BUCKET_BITS));
	uint64	   *hashes = palloc_extended(sizeof(uint64) * Max(n, 1), MCXT_ALLOC_HUGE);
	RowOrder	order = {cells, stride};

	for (int64 r = 0; r < n; r++)
	{
		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		hashes[r] = HashBytes64(cells + r * stride, stride);
		start[(hashes[r] >> (64 - BUCKET_BITS)) + 1]++;
	}
	for (int i = 0; i < (1 << BUCKET_BITS); i++)
	{
		start[i + 1] += start[i];
		next[i] = start[i];
	}
	for (int64 r = 0; r < n; r++)
	{
		HashedRow  *to = &rows[next[hashes[r] >> (64 - BUCKET_BITS)]++];

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		to->hash = hashes[r];
		to->row = (uint32) r;
	}
	for (int i = 0; i < (1 << BUCKET_BITS); i++)
		SortHashedRows(rows + start[i], start[i + 1] - start[i], &order);
	pfree(hashes);
	pfree(next);
	pfree(start);
	return rows;
}

/* Copy the rows in order, adding up equal ones. */
static void
MergeRows(Frame *f, const HashedRow *rows, const uint8 *cells,
		  const uint32 *pos, const uint32 *neg, int64 n)
{
	f->cells = palloc_extended(Max(f->stride, 1) * Max(n, 1), MCXT_ALLOC_HUGE);
	f->pos = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	f->neg = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	f->npatterns = 0;
	for (int64 r = 0; r < n; r++)
	{
		uint32		row = rows[r].row;
		const uint8 *cell = cells + (int64) row * f->stride;
		int64		last = f->npatterns - 1;

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (last < 0 || rows[r].hash != rows[r - 1].hash ||
			memcmp(f->cells + last * f->stride, cell, f->stride) != 0)
		{
			last = f->npatterns++;
			memcpy(f->cells + last * f->stride, cell, f->stride);
			f->pos[last] = f->neg[last] = 0;
		}
		AddCount(&f->pos[last], pos[row]);
		AddCount(&f->neg[last], neg[row]);
	}
}

Frame *
FrameBuilderFinish(const FrameBuilder *b)
{
	Frame	   *f = palloc0(sizeof(Frame));
	BuilderColumn **sorted = palloc(sizeof(BuilderColumn *) * Max(b->ncolumns, 1));
	uint32	  **maps = palloc0(sizeof(uint32 *) * Max(b->ncolumns, 1));
	int64		n = 0,
				done = 0;
	uint8	   *cells;
	uint32	   *pos,
			   *neg;
	HashedRow  *rows;

	f->rows = b->rows;
	f->positives = b->positives;
	f->unknown = b->unknown;
	f->max_distinct = b->max_distinct;
	f->timezone = b->timezone ? pstrdup(b->timezone) : NULL;
	f->ncolumns = b->ncolumns;
	f->columns = palloc0(sizeof(FrameColumn) * Max(b->ncolumns, 1));
	if (b->ncolumns > 0)
		memcpy(sorted, b->columns, sizeof(BuilderColumn *) * b->ncolumns);
	qsort(sorted, b->ncolumns, sizeof(BuilderColumn *), CompareColumns);
	for (int i = 0; i < f->ncolumns; i++)
	{
		FinishColumn(sorted[i], &f->columns[i], &maps[i]);
		f->columns[i].offset = f->stride;
		f->stride += f->columns[i].width;
	}

	for (int i = 0; i < b->nsegments; i++)
		n += b->segments[i]->nrows;
	if (n >= PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a frame cannot hold more than %u different rows", PG_UINT32_MAX)));
	cells = palloc_extended(Max(f->stride, 1) * Max(n, 1), MCXT_ALLOC_HUGE);
	pos = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	neg = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < b->nsegments; i++)
	{
		const Segment *s = b->segments[i];

		for (int j = 0; j < b->ncolumns; j++)
		{
			int			k = 0;

			if (!FrameColumnHasCells(&f->columns[j]))
				continue;
			while (b->columns[k] != sorted[j])
				k++;
			RewriteCells(s, k, sorted[j], &f->columns[j], maps[j],
						 cells + done * f->stride, f->stride);
		}
		memcpy(pos + done, s->pos, sizeof(uint32) * s->nrows);
		memcpy(neg + done, s->neg, sizeof(uint32) * s->nrows);
		done += s->nrows;
	}

	rows = OrderRows(cells, f->stride, n);
	MergeRows(f, rows, cells, pos, neg, n);
	pfree(rows);
	pfree(cells);
	pfree(pos);
	pfree(neg);
	return f;
}

const FrameColumn *
FrameFindColumn(const Frame *frame, const char *name)
{
	for (int i = 0; i < frame->ncolumns; i++)
		if (strcmp(frame->columns[i].name, name) == 0)
			return &frame->columns[i];
	return NULL;
}

const FrameColumn *
FrameFindRole(const Frame *frame, ColumnRole role)
{
	for (int i = 0; i < frame->ncolumns; i++)
		if (frame->columns[i].role == role)
			return &frame->columns[i];
	return NULL;
}
