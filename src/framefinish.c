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

#define COLUMNS_AT_ONCE	64

/* Does the function want no more? */
typedef bool (*NumberVisitor) (void *arg, uint64 bits);

/* Who wants the numbers of a column, until it is enough. */
typedef struct Visitor
{
	int			column;
	NumberVisitor visit;
	void	   *arg;
	bool		done;
} Visitor;

static void
VisitValues(Visitor *v, const double *numbers, int n)
{
	for (int k = 0; k < n && !v->done; k++)
		v->done = v->visit(v->arg, DoubleBits(numbers[k]));
}

static void
VisitCells(Visitor *v, const Layout *l, const uint8 *cells, int size, int64 n)
{
	if (v->column >= l->ncolumns || l->widths[v->column] != 8)
		return;					/* codes: their numbers are in the dictionary */
	cells += l->offsets[v->column];
	for (int64 r = 0; r < n && !v->done; r++, cells += size)
	{
		uint64		bits = ReadCell(cells, 8);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (bits != FRAME_NULL_BITS)
			v->done = v->visit(v->arg, bits);
	}
}

/* All that is in memory. */
static void
VisitMemory(const FrameBuilder *b, Visitor *v)
{
	VisitValues(v, b->columns[v->column]->c.numbers, b->columns[v->column]->c.nvalues);
	for (int i = b->nsegments - 1; i >= 0; i--)
	{
		const Segment *s = b->segments[i];

		for (int64 first = 0; first < SegmentRows(s) && !v->done; first += ChunkRows(s))
			VisitCells(v, &s->layout, RowCells(SegmentRow(s, first)), s->size,
					   Min(SegmentRows(s) - first, ChunkRows(s)));
	}
	for (int i = 0; i < b->nruns; i++)
	{
		const Run  *run = b->runs[i];

		if (run->file != 0)
			continue;
		if (RunNumbers(run, v->column) != NULL)
			VisitValues(v, RunNumbers(run, v->column), run->ncodes[v->column]);
		VisitCells(v, &run->layout, run->cells, run->layout.stride, run->nrows);
	}
}

static bool
AllDone(const Visitor *v, int n)
{
	for (int i = 0; i < n; i++)
		if (!v[i].done)
			return false;
	return true;
}

/* A file, read once for all visitors. */
static void
VisitFile(const Run *run, Visitor *v, int n)
{
	FileRows	r;

	if (AllDone(v, n))
		return;
	OpenRows(&r, run);
	while (!AllDone(v, n) && ReadNextRows(&r))
		for (int i = 0; i < n; i++)
			VisitCells(&v[i], &run->layout, RowCells(r.rows), r.size, r.n);
	pfree(r.rows);
}

/* Every number of some columns, some of them more than once. */
static void
VisitNumbers(const FrameBuilder *b, Visitor *v, int n)
{
	for (int i = 0; i < n; i++)
		VisitMemory(b, &v[i]);
	for (int i = 0; i < b->nruns; i++)
		if (b->runs[i]->file != 0)
			VisitFile(b->runs[i], v, n);
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

/* Which of some columns have few numbers: their sets, by column; the others' are NULL. */
static void
CollectFew(const FrameBuilder *b, const int *columns, int n, numdict_hash **values)
{
	Visitor		visitors[COLUMNS_AT_ONCE];
	Sketch		sketches[COLUMNS_AT_ONCE];
	int			nfew = 0;

	for (int i = 0; i < n; i++)
	{
		sketches[i].words = palloc0(SKETCH_BITS / 8);
		sketches[i].nset = 0;
		visitors[i] = (Visitor) {columns[i], SketchNumber, &sketches[i]};
	}
	VisitNumbers(b, visitors, n);
	for (int i = 0; i < n; i++)
	{
		pfree(sketches[i].words);
		if (sketches[i].nset > FRAME_MAX_NUMBERS)
			continue;
		values[columns[i]] = numdict_create(CurrentMemoryContext, sketches[i].nset, NULL);
		visitors[nfew++] = (Visitor) {columns[i], CollectNumber, values[columns[i]]};
	}
	VisitNumbers(b, visitors, nfew);
	for (int i = 0; i < nfew; i++)
		if (visitors[i].done)
		{
			numdict_destroy(values[visitors[i].column]);
			values[visitors[i].column] = NULL;
		}
}

/*
 * The numbers of columns that store them plainly for the time being, where they
 * are few enough for a dictionary after all; else NULL.  Some columns at a time:
 * most are told apart by a sketch, and the rows may have to be read from files.
 */
static numdict_hash **
FewNumbers(const FrameBuilder *b)
{
	numdict_hash **values = palloc0(sizeof(numdict_hash *) * Max(b->ncolumns, 1));
	int			columns[COLUMNS_AT_ONCE];
	int			n = 0;

	for (int i = 0; i < b->ncolumns; i++)
	{
		if (b->columns[i]->provisional)
			columns[n++] = i;
		if (n == COLUMNS_AT_ONCE || (n > 0 && i == b->ncolumns - 1))
		{
			CollectFew(b, columns, n, values);
			n = 0;
		}
	}
	return values;
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
 * in terms of the sorted dictionary (or NULL); `values` are plain numbers that
 * are few (or NULL), and get their codes.
 */
static void
FinishColumn(const FrameBuilder *b, int column, FrameColumn *c, uint32 **map,
			 numdict_hash *values)
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
	if (c->low > c->high)
		c->low = c->high = 0;
	if (values != NULL)
		c->store = STORE_DICTIONARY;
	if (c->store != STORE_DICTIONARY)
	{
		c->width = StoreWidth(c);
		return;
	}

	c->nvalues = values != NULL ? values->members : bc->c.nvalues;
	c->width = CodeWidth(c->nvalues);
	v = palloc_extended(sizeof(SortedValue) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
	if (values != NULL)
		CopyNumbers(values, v);
	else
		CopyDictionary(bc, v);
	SortValues(v, c->nvalues);

	if (values == NULL)
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
			numdict_lookup(values, DoubleBits(v[k].number))->code = k + 1;
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

/* All but the patterns; *target gets how rows become those. */
static Frame *
FinishColumns(const FrameBuilder *b, Target *target)
{
	Frame	   *f = palloc0(sizeof(Frame));
	int		   *columns = OrderColumns(b);
	numdict_hash **values = FewNumbers(b);

	f->rows = b->rows;
	f->positives = b->positives;
	f->unknown = b->unknown;
	f->max_distinct = b->max_distinct;
	f->timezone = b->timezone ? pstrdup(b->timezone) : NULL;
	f->ncolumns = b->ncolumns;
	f->columns = palloc0(sizeof(FrameColumn) * Max(b->ncolumns, 1));
	memset(target, 0, sizeof(Target));
	target->columns = columns;
	target->layout.ncolumns = b->ncolumns;
	target->layout.widths = palloc(sizeof(int) * Max(b->ncolumns, 1));
	target->layout.offsets = palloc(sizeof(int) * Max(b->ncolumns, 1));
	target->maps = palloc(sizeof(uint32 *) * Max(b->ncolumns, 1));
	target->values = palloc(sizeof(numdict_hash *) * Max(b->ncolumns, 1));
	for (int j = 0; j < f->ncolumns; j++)
	{
		FrameColumn *c = &f->columns[j];

		target->values[j] = values[columns[j]];
		FinishColumn(b, columns[j], c, &target->maps[j], target->values[j]);
		c->offset = f->stride;
		f->stride += c->width;
		target->layout.widths[j] = c->width;
		target->layout.offsets[j] = c->offset;
	}
	target->layout.stride = f->stride;
	return f;
}

static void
FinishPatterns(const FrameBuilder *b, Frame *f, const Target *target, RowSink *sink)
{
	MergeRows(b, true, b->runs, b->nruns, target, sink);
	FrameTakeRows(f, sink);
}

/* As many patterns as there can be: rows, before equal ones are merged. */
static int64
MostPatterns(const FrameBuilder *b)
{
	int64		n = SegmentedRows(b);

	for (int i = 0; i < b->nruns; i++)
		n += b->runs[i]->nrows;
	return n;
}

Frame *
FrameBuilderFinish(const FrameBuilder *b, Size limit)
{
	Target		target;
	Frame	   *f = FinishColumns(b, &target);
	int64		most = MostPatterns(b);
	RowSink		sink;

	if (limit > 0 && most * (f->stride + 8) > limit)
		SinkToFile(&sink, f->stride);
	else
		SinkToMemory(&sink, NULL, f->stride, most, false);
	FinishPatterns(b, f, &target, &sink);
	return f;
}

bytea *
FrameBuilderEncode(const FrameBuilder *b)
{
	Target		target;
	Frame	   *f = FinishColumns(b, &target);
	int64		most = MostPatterns(b);
	StringInfoData buf;
	RowSink		sink;

	SinkToMemory(&sink, FrameEncodeBegin(&buf, f, most), f->stride, most, false);
	FinishPatterns(b, f, &target, &sink);
	return FrameEncodeEnd(&buf, f);
}

void
FrameBuilderPutState(StringInfo buf, const FrameBuilder *b)
{
	Target		target;
	Frame	   *f = FinishColumns(b, &target);
	int64		most = MostPatterns(b);
	RowSink		sink;

	SinkToMemory(&sink, FrameStateBegin(buf, f, most), f->stride, most, true);
	FinishPatterns(b, f, &target, &sink);
	FrameStateEnd(buf, f);
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
