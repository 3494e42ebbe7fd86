/*-------------------------------------------------------------------------
 *
 * framefinish.c
 *	  The canonical frame of all that a builder has collected.
 *
 * Finishing sorts the dictionaries, decides which columns of numbers have few
 * enough to get one, and has all rows merged in the order of their hashes, with
 * the codes of the sorted dictionaries (framemerge.c).  Nothing of the order of
 * arrival is left then, which is what makes a frame the same for any order, any
 * number of workers and any limit of memory.
 *
 * The builder is not changed: an aggregate's final function may be called
 * more than once on one state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "framebuild.h"

/* ---- columns that were stored plainly for the time being ---- */

/* Does the function want no more? */
typedef bool (*NumberVisitor) (void *arg, uint64 bits);

static bool
VisitCells(const BuilderColumn *bc, const Layout *l, int column,
		   const uint8 *cells, int size, int64 n, NumberVisitor visit, void *arg)
{
	if (column >= l->ncolumns || l->widths[column] != 8)
		return false;			/* codes: their numbers are in the dictionary */
	cells += l->offsets[column];
	for (int64 r = 0; r < n; r++, cells += size)
	{
		uint64		bits = ReadCell(cells, 8);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (bits != FRAME_NULL_BITS && visit(arg, bits))
			return true;
	}
	return false;
}

static bool
VisitRun(const BuilderColumn *bc, const Run *run, int column,
		 NumberVisitor visit, void *arg)
{
	int			size = RowSize(run->layout.stride);
	uint8	   *row;
	bool		done = false;

	if (RunNumbers(run, column) != NULL)
		for (int k = 0; k < run->ncodes[column] && !done; k++)
			done = visit(arg, DoubleBits(RunNumbers(run, column)[k]));
	if (done || run->file == NULL)
		return done || VisitCells(bc, &run->layout, column, run->cells,
								  run->layout.stride, run->nrows, visit, arg);
	row = palloc(size);
	if (BufFileSeek(run->file, 0, 0, SEEK_SET) != 0)
		elog(ERROR, "could not rewind temporary file");
	for (int64 r = 0; r < run->nrows && !done; r++)
	{
		ReadExactly(run->file, row, size);
		done = VisitCells(bc, &run->layout, column, RowCells(row), size, 1, visit, arg);
	}
	pfree(row);
	return done;
}

/* Every number of a column, some of them more than once, until it is enough. */
static void
VisitNumbers(const FrameBuilder *b, int column, NumberVisitor visit, void *arg)
{
	const BuilderColumn *bc = b->columns[column];

	for (int k = 0; k < bc->c.nvalues; k++)
		if (visit(arg, DoubleBits(bc->c.numbers[k])))
			return;
	for (int i = b->nsegments - 1; i >= 0; i--)
	{
		const Segment *s = b->segments[i];

		for (int64 first = 0; first < SegmentRows(s); first += ChunkRows(s))
			if (VisitCells(bc, &s->layout, column, RowCells(SegmentRow(s, first)),
						   s->size, Min(SegmentRows(s) - first, ChunkRows(s)), visit, arg))
				return;
	}
	for (int i = 0; i < b->nruns; i++)
		if (VisitRun(bc, b->runs[i], column, visit, arg))
			return;
}

/*
 * A lower bound of how many numbers there are: each sets one of many bits.  For
 * numbers without end it says "enough" after little more than the limit.
 */
#define SKETCH_BITS		(1 << 20)

typedef struct Sketch
{
	uint64	   *words;
	int			nset;
} Sketch;

static bool
SketchNumber(void *arg, uint64 bits)
{
	Sketch	   *s = arg;
	uint32		k = NumberHash(0, bits) % SKETCH_BITS;
	uint64		bit = UINT64CONST(1) << (k & 63);

	s->nset += (s->words[k >> 6] & bit) == 0;
	s->words[k >> 6] |= bit;
	return s->nset > FRAME_MAX_NUMBERS;
}

static bool
CollectNumber(void *arg, uint64 bits)
{
	numdict_hash *values = arg;
	bool		found;

	numdict_insert(values, bits, &found);
	return values->members > FRAME_MAX_NUMBERS;
}

/*
 * The numbers of a column that stores them plainly, if they are few enough for
 * a dictionary after all; else NULL.
 */
static numdict_hash *
FewNumbers(const FrameBuilder *b, int column)
{
	Sketch		sketch = {palloc0(SKETCH_BITS / 8), 0};
	numdict_hash *values;

	VisitNumbers(b, column, SketchNumber, &sketch);
	pfree(sketch.words);
	if (sketch.nset > FRAME_MAX_NUMBERS)
		return NULL;
	values = numdict_create(CurrentMemoryContext, sketch.nset, NULL);
	VisitNumbers(b, column, CollectNumber, values);
	if (values->members <= FRAME_MAX_NUMBERS)
		return values;
	numdict_destroy(values);
	return NULL;
}

/* ---- columns ---- */

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

static void
CopyDictionary(const BuilderColumn *bc, SortedValue *v)
{
	for (int k = 0; k < bc->c.nvalues; k++)
	{
		bool		text = (CellTypeClass(bc->c.type) == CLASS_TEXT);

		v[k].number = text ? 0 : bc->c.numbers[k];
		v[k].text = text ? bc->c.texts[k] : NULL;
		v[k].len = text ? bc->c.lengths[k] : 0;
		v[k].code = k + 1;
	}
}

static void
CopyNumbers(numdict_hash *values, SortedValue *v)
{
	numdict_iterator it;
	NumberEntry *e;

	numdict_start_iterate(values, &it);
	for (int k = 0; (e = numdict_iterate(values, &it)) != NULL; k++)
	{
		v[k].number = BitsDouble(e->bits);
		v[k].text = NULL;
	}
}

/*
 * A column of the frame from one of the builder.  *map gets the builder's codes
 * in terms of the sorted dictionary (or NULL), *values the codes of plain
 * numbers that are few (or NULL).
 */
static void
FinishColumn(const FrameBuilder *b, int column, FrameColumn *c, uint32 **map,
			 numdict_hash **values)
{
	const BuilderColumn *bc = b->columns[column];
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
	*values = NULL;
	if (c->low > c->high)
		c->low = c->high = 0;
	if (bc->provisional)
		*values = FewNumbers(b, column);
	if (*values != NULL)
		c->store = STORE_DICTIONARY;
	if (c->store != STORE_DICTIONARY)
	{
		c->width = StoreWidth(c);
		return;
	}

	c->nvalues = *values != NULL ? (*values)->members : bc->c.nvalues;
	c->width = CodeWidth(c->nvalues);
	v = palloc_extended(sizeof(SortedValue) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
	if (*values != NULL)
		CopyNumbers(*values, v);
	else
		CopyDictionary(bc, v);
	SortValues(v, c->nvalues);

	if (*values == NULL)
	{
		*map = palloc_extended(sizeof(uint32) * (c->nvalues + 1), MCXT_ALLOC_HUGE);
		(*map)[0] = 0;
	}
	if (text)
	{
		c->texts = palloc_extended(sizeof(char *) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
		c->lengths = palloc(sizeof(int) * Max(c->nvalues, 1));
	}
	else
		c->numbers = palloc(sizeof(double) * Max(c->nvalues, 1));
	for (int k = 0; k < c->nvalues; k++)
	{
		if (*map != NULL)
			(*map)[v[k].code] = k + 1;
		else
			numdict_lookup(*values, DoubleBits(v[k].number))->code = k + 1;
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

/* ---- the frame ---- */

typedef struct ColumnOrder
{
	int			column;
	int			position;
	const char *name;
} ColumnOrder;

static int
CompareColumns(const void *a, const void *b)
{
	const ColumnOrder *x = a,
			   *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The builder's columns in the order of the frame. */
static int *
OrderColumns(const FrameBuilder *b)
{
	ColumnOrder *order = palloc(sizeof(ColumnOrder) * Max(b->ncolumns, 1));
	int		   *columns = palloc(sizeof(int) * Max(b->ncolumns, 1));

	for (int i = 0; i < b->ncolumns; i++)
	{
		order[i].column = i;
		order[i].position = b->columns[i]->c.position;
		order[i].name = b->columns[i]->c.name;
	}
	qsort(order, b->ncolumns, sizeof(ColumnOrder), CompareColumns);
	for (int i = 0; i < b->ncolumns; i++)
		columns[i] = order[i].column;
	pfree(order);
	return columns;
}

static Frame *
Finish(const FrameBuilder *b, Size limit, bool hashes)
{
	Frame	   *f = palloc0(sizeof(Frame));
	int		   *columns = OrderColumns(b);
	Target		target = {{b->ncolumns}};
	RowSink		sink;
	int64		n = SegmentedRows(b);

	f->rows = b->rows;
	f->positives = b->positives;
	f->unknown = b->unknown;
	f->max_distinct = b->max_distinct;
	f->timezone = b->timezone ? pstrdup(b->timezone) : NULL;
	f->ncolumns = b->ncolumns;
	f->columns = palloc0(sizeof(FrameColumn) * Max(b->ncolumns, 1));
	target.columns = columns;
	target.layout.widths = palloc(sizeof(int) * Max(b->ncolumns, 1));
	target.layout.offsets = palloc(sizeof(int) * Max(b->ncolumns, 1));
	target.maps = palloc(sizeof(uint32 *) * Max(b->ncolumns, 1));
	target.values = palloc(sizeof(numdict_hash *) * Max(b->ncolumns, 1));
	for (int j = 0; j < f->ncolumns; j++)
	{
		FrameColumn *c = &f->columns[j];

		FinishColumn(b, columns[j], c, &target.maps[j], &target.values[j]);
		c->offset = f->stride;
		f->stride += c->width;
		target.layout.widths[j] = c->width;
		target.layout.offsets[j] = c->offset;
	}
	target.layout.stride = f->stride;

	for (int i = 0; i < b->nruns; i++)
		n += b->runs[i]->nrows;
	if (limit > 0 && n * (f->stride + 8) > limit)
		SinkToFile(&sink, f->stride);
	else
		SinkToMemory(&sink, f->stride, n, hashes);
	MergeRows(b, true, b->runs, b->nruns, &target, &sink);
	FrameTakeRows(f, &sink);
	return f;
}

Frame *
FrameBuilderFinish(const FrameBuilder *b, Size limit)
{
	return Finish(b, limit, false);
}

Frame *
FrameBuilderFinishState(const FrameBuilder *b)
{
	return Finish(b, 0, true);
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
