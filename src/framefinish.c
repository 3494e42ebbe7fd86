/*-------------------------------------------------------------------------
 *
 * framefinish.c
 *	  The canonical frame of all that a builder has collected.
 *
 * Finishing sorts the dictionaries, rewrites all rows with the sorted codes,
 * puts them into the order of a 32-bit hash of their bytes (ties by the bytes
 * themselves), and adds up equal ones.  Nothing of the order of arrival is
 * left then, which is what makes a frame the same for any order and any number
 * of workers.  Hashes can be sorted by their digits, which bytes of any length
 * can't; and rows are rewritten twice, once for the hash and once for good,
 * because that is cheaper than keeping another copy of them.
 *
 * The builder is not changed: an aggregate's final function may be called
 * more than once on one state.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "framebuild.h"
#include "radix.h"

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

/* How a cell of a segment becomes a cell of the frame. */
typedef struct CellPlan
{
	int			from;			/* offset in the segment's rows */
	int			from_width;		/* 0: the column did not exist, or counted */
	int			to;
	int			to_width;
	const uint32 *map;			/* dictionaries: old code -> new */
	int			ncodes;
	const double *numbers;		/* old dictionary, where numbers are plain now */
} CellPlan;

typedef struct SegmentPlan
{
	const Segment *s;
	int64		first;			/* number of its first row */
	int64		nrows;
	int			ncells;
	CellPlan   *cells;
	bool		verbatim;		/* numbers only, each where it stays */
	bool		narrow;			/* all codes one byte wide, before and after */
	uint8		(*maps)[256];	/* if so: the maps as bytes */
} SegmentPlan;

static void
MakeByteMaps(SegmentPlan *p)
{
	p->maps = palloc0(256 * Max(p->ncells, 1));
	for (int k = 0; k < p->ncells; k++)
		for (int code = 0; code <= p->cells[k].ncodes; code++)
			p->maps[k][code] = p->cells[k].map[code];
}

static SegmentPlan *
PlanSegments(const FrameBuilder *b, BuilderColumn **sorted, const Frame *f,
			 uint32 **maps)
{
	SegmentPlan *plans = palloc0(sizeof(SegmentPlan) * Max(b->nsegments, 1));
	int		   *built = palloc(sizeof(int) * Max(f->ncolumns, 1));
	int64		first = 0;

	for (int j = 0; j < f->ncolumns; j++)
		for (built[j] = 0; b->columns[built[j]] != sorted[j]; built[j]++)
			;
	for (int i = 0; i < b->nsegments; i++)
	{
		SegmentPlan *p = &plans[i];

		p->s = b->segments[i];
		p->first = first;
		p->nrows = SegmentRows(p->s);
		first += p->nrows;
		p->cells = palloc0(sizeof(CellPlan) * Max(f->ncolumns, 1));
		p->narrow = true;
		p->verbatim = (p->s->stride == f->stride);
		for (int j = 0; j < f->ncolumns; j++)
		{
			const FrameColumn *c = &f->columns[j];
			CellPlan   *cell = &p->cells[p->ncells];

			if (!FrameColumnHasCells(c))
				continue;
			if (built[j] < p->s->ncolumns)
			{
				cell->from = p->s->offsets[built[j]];
				cell->from_width = p->s->widths[built[j]];
			}
			cell->to = c->offset;
			cell->to_width = c->width;
			cell->map = maps[j];
			cell->numbers = sorted[j]->c.numbers;
			cell->ncodes = c->nvalues;
			if (cell->from_width != 1 || cell->to_width != 1)
				p->narrow = false;
			if (cell->from_width != 8 || cell->to_width != 8 || cell->from != cell->to)
				p->verbatim = false;
			p->ncells++;
		}
		if (p->narrow)			/* else they would be large for nothing */
			MakeByteMaps(p);
	}
	pfree(built);
	return plans;
}

static inline uint64
ReadCell(const uint8 *p, int width)
{
	uint16		v16;
	uint32		v32;
	uint64		v64;

	switch (width)
	{
		case 1:
			return *p;
		case 2:
			memcpy(&v16, p, 2);
			return v16;
		case 4:
			memcpy(&v32, p, 4);
			return v32;
		case 8:
			memcpy(&v64, p, 8);
			return v64;
	}
	return 0;
}

static inline void
WriteCell(uint8 *p, int width, uint64 v)
{
	uint16		v16 = (uint16) v;
	uint32		v32 = (uint32) v;

	switch (width)
	{
		case 1:
			*p = (uint8) v;
			break;
		case 2:
			memcpy(p, &v16, 2);
			break;
		case 4:
			memcpy(p, &v32, 4);
			break;
		case 8:
			memcpy(p, &v, 8);
			break;
	}
}

/* One row in the canonical layout. */
static inline void
RewriteRow(const SegmentPlan *p, int64 row, uint8 *out)
{
	const uint8 *in = p->s->cells + row * p->s->stride;

	if (p->verbatim)
	{
		memcpy(out, in, p->s->stride);
		return;
	}
	if (p->narrow)
	{
		for (int k = 0; k < p->ncells; k++)
			out[p->cells[k].to] = p->maps[k][in[p->cells[k].from]];
		return;
	}
	for (int k = 0; k < p->ncells; k++)
	{
		const CellPlan *c = &p->cells[k];
		uint64		v = ReadCell(in + c->from, c->from_width);

		if (c->map != NULL)
			v = c->map[v];
		else if (c->from_width == 0)
			v = FRAME_NULL_BITS;
		else if (c->from_width < 8)	/* a code, from when there were few */
			v = v == 0 ? FRAME_NULL_BITS : DoubleBits(c->numbers[v - 1]);
		WriteCell(out + c->to, c->to_width, v);
	}
}

/* The rows of a builder in canonical terms, by number. */
typedef struct RowSet
{
	const SegmentPlan *plans;
	int			nplans;
	int			stride;
} RowSet;

static inline const SegmentPlan *
PlanOfRow(const RowSet *set, uint32 row)
{
	int			i = set->nplans - 1;	/* the last is the largest by far */

	while (row < set->plans[i].first)
		i--;
	return &set->plans[i];
}

static inline void
FetchRow(const RowSet *set, uint32 row, uint8 *out)
{
	const SegmentPlan *p = PlanOfRow(set, row);

	RewriteRow(p, row - p->first, out);
}

/*
 * All rows in the order of the upper half of their hashes; ties are in the
 * order of arrival yet.  A key is hash << 32 | row.
 */
static uint64 *
OrderRows(const RowSet *set, int64 n)
{
	uint64	   *keys = palloc_extended(sizeof(uint64) * Max(n, 1), MCXT_ALLOC_HUGE);
	uint64	   *scratch = palloc_extended(sizeof(uint64) * Max(n, 1), MCXT_ALLOC_HUGE);
	uint8	   *cells = palloc0(set->stride + 8);

	for (int i = 0; i < set->nplans; i++)
	{
		const SegmentPlan *p = &set->plans[i];

		for (int64 r = 0; r < p->nrows; r++)
		{
			if (r % ROWS_PER_INTERRUPT == 0)
				CHECK_FOR_INTERRUPTS();
			RewriteRow(p, r, cells);
			keys[p->first + r] =
				(HashBytes64(cells, set->stride) & UINT64CONST(0xffffffff00000000)) |
				(uint64) (p->first + r);
		}
	}
	RadixSortU64(keys, scratch, n);
	pfree(cells);
	pfree(scratch);
	return keys;
}

#define KeyHash(key)	((uint32) ((key) >> 32))
#define KeyRow(key)		((uint32) (key))

typedef struct TiedRow
{
	const uint8 *cells;
	uint32		row;
} TiedRow;

#define ST_SORT SortTiedRows
#define ST_ELEMENT_TYPE TiedRow
#define ST_COMPARE_ARG_TYPE RowSet
#define ST_COMPARE(a, b, set) memcmp((a)->cells, (b)->cells, (set)->stride)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

static void
AddRowCounts(Frame *f, const RowSet *set, uint32 row)
{
	const SegmentPlan *p = PlanOfRow(set, row);

	AddCount(&f->pos[f->npatterns - 1], p->s->pos[row - p->first]);
	AddCount(&f->neg[f->npatterns - 1], p->s->neg[row - p->first]);
}

/* Append rows of the same hash in the order of their bytes, equal ones as one. */
static void
AppendTied(Frame *f, const RowSet *set, const uint64 *keys, int64 n)
{
	TiedRow    *rows = palloc_extended(sizeof(TiedRow) * n, MCXT_ALLOC_HUGE);
	uint8	   *cells = palloc_extended((Size) n * set->stride + 8, MCXT_ALLOC_HUGE);

	for (int64 i = 0; i < n; i++)
	{
		if (i % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		FetchRow(set, KeyRow(keys[i]), cells + i * set->stride);
		rows[i].cells = cells + i * set->stride;
		rows[i].row = KeyRow(keys[i]);
	}
	SortTiedRows(rows, n, unconstify(RowSet *, set));
	for (int64 i = 0; i < n; i++)
	{
		if (i == 0 || memcmp(rows[i - 1].cells, rows[i].cells, set->stride) != 0)
		{
			memcpy(f->cells + f->npatterns * f->stride, rows[i].cells, set->stride);
			f->pos[f->npatterns] = f->neg[f->npatterns] = 0;
			f->npatterns++;
		}
		AddRowCounts(f, set, rows[i].row);
	}
	pfree(rows);
	pfree(cells);
}

#define PREFETCH_AHEAD	8

static void
PrefetchRow(const RowSet *set, uint32 row)
{
	const SegmentPlan *p = PlanOfRow(set, row);

	__builtin_prefetch(p->s->cells + (row - p->first) * p->s->stride);
	__builtin_prefetch(&p->s->pos[row - p->first]);
	__builtin_prefetch(&p->s->neg[row - p->first]);
}

static void
CollectRows(Frame *f, const RowSet *set, const uint64 *keys, int64 n)
{
	f->cells = palloc_extended((Size) f->stride * n + 8, MCXT_ALLOC_HUGE);
	f->pos = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	f->neg = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int64 i = 0, end; i < n; i = end)
	{
		if (i % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (i + PREFETCH_AHEAD < n)
			PrefetchRow(set, KeyRow(keys[i + PREFETCH_AHEAD]));
		for (end = i + 1; end < n && KeyHash(keys[end]) == KeyHash(keys[i]); end++)
			;
		if (end - i > 1)
		{
			AppendTied(f, set, keys + i, end - i);
			continue;
		}
		FetchRow(set, KeyRow(keys[i]), f->cells + f->npatterns * f->stride);
		f->pos[f->npatterns] = f->neg[f->npatterns] = 0;
		f->npatterns++;
		AddRowCounts(f, set, KeyRow(keys[i]));
	}
}

Frame *
FrameBuilderFinish(const FrameBuilder *b)
{
	Frame	   *f = palloc0(sizeof(Frame));
	BuilderColumn **sorted = palloc(sizeof(BuilderColumn *) * Max(b->ncolumns, 1));
	uint32	  **maps = palloc0(sizeof(uint32 *) * Max(b->ncolumns, 1));
	RowSet		set;
	int64		n = 0;
	uint64	   *keys;

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
		n += SegmentRows(b->segments[i]);
	if (n >= PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a frame cannot hold more than %u different rows", PG_UINT32_MAX)));
	set.plans = PlanSegments(b, sorted, f, maps);
	set.nplans = b->nsegments;
	set.stride = f->stride;
	keys = OrderRows(&set, n);
	CollectRows(f, &set, keys, n);
	pfree(keys);
	return f;
}

void
FrameRead(const Frame *frame, int64 first, int n, PatternBlock *block)
{
	block->first = first;
	block->n = n;
	block->cells = frame->cells + first * frame->stride;
	block->pos = frame->pos + first;
	block->neg = frame->neg + first;
}

bool
FrameScan(const Frame *frame, PatternBlock *block)
{
	int64		next = block->first + block->n;

	CHECK_FOR_INTERRUPTS();
	if (next >= frame->npatterns)
		return false;
	FrameRead(frame, next, (int) Min(frame->npatterns - next, PATTERN_BLOCK_ROWS),
			  block);
	return true;
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
