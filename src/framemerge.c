/*-------------------------------------------------------------------------
 *
 * framemerge.c
 *	  Rows of segments and runs, merged in the order of their hashes and
 *	  rewritten in the terms of a target: the canonical frame, or a run.
 *
 * A row's hash is a sum over its values, so it is known before the codes are:
 * rows in memory are ordered by sorting their hashes, which can be done digit by
 * digit, and runs are ordered already.  Rows with the same hash are ordered by
 * their bytes in the target, and equal ones become one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "framebuild.h"
#include "radix.h"

#define PREFETCH_AHEAD	12

/* ---- rewriting a row ---- */

/* code -> code, one after the other */
static uint32 *
Compose(const uint32 *first, int n, const uint32 *second)
{
	uint32	   *both = palloc_extended(sizeof(uint32) * (n + 1), MCXT_ALLOC_HUGE);

	for (int k = 0; k <= n; k++)
		both[k] = second[first[k]];
	return both;
}

/* The numbers of a frame's codes, where the builder had a dictionary then. */
static double *
NumbersOf(const uint32 *map, int n, const double *numbers)
{
	double	   *of = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int k = 1; k <= n; k++)
		of[k - 1] = numbers[map[k] - 1];
	return of;
}

static bool
IsIdentity(const uint32 *codes, int n)
{
	for (int k = 0; k <= n; k++)
		if (codes[k] != (uint32) k)
			return false;
	return true;
}

static const double *
PlainNumbers(const FrameBuilder *b, int column, const Run *run)
{
	const double *numbers = b->columns[column]->c.numbers;

	if (RunNumbers(run, column) != NULL)
		return RunNumbers(run, column);
	if (RunMap(run, column) != NULL)
		return NumbersOf(RunMap(run, column), run->ncodes[column], numbers);
	return numbers;
}

/* How column j of the target comes from the rows of a layout. */
static CellPlan
PlanCell(const FrameBuilder *b, const Layout *l, const Run *run, const Target *t,
		 int j, int *ncodes)
{
	int			i = t->columns[j];
	const FrameColumn *c = &b->columns[i]->c;
	const uint32 *map = RunMap(run, i);
	CellPlan	cell = {0};

	*ncodes = map ? run->ncodes[i] : c->nvalues;
	if (i < l->ncolumns)
	{
		cell.from = l->offsets[i];
		cell.from_width = l->widths[i];
	}
	cell.to = t->layout.offsets[j];
	cell.to_width = t->layout.widths[j];
	if (c->store == STORE_NUMBERS)
	{
		cell.values = t->values ? t->values[j] : NULL;
		cell.plain = (cell.values == NULL);
		if (cell.from_width > 0 && cell.from_width < 8)
			cell.numbers = PlainNumbers(b, i, run);
	}
	else if (cell.from_width > 0)
	{
		cell.codes = t->maps == NULL ? map :
			map ? Compose(map, *ncodes, t->maps[j]) : t->maps[j];
		/* workers that saw the same values have the same dictionary */
		if (cell.codes != NULL && IsIdentity(cell.codes, *ncodes))
			cell.codes = NULL;
	}
	return cell;
}

/* How the rows of a layout become those of the target; `run` if they are one's. */
static RowPlan
PlanRows(const FrameBuilder *b, const Layout *l, const Run *run, const Target *t)
{
	RowPlan		p = {0};
	int			n = Max(t->layout.ncolumns, 1);

	p.cells = palloc0(sizeof(CellPlan) * n);
	p.maps = palloc(256 * n);
	for (int pass = 0; pass < 2; pass++)
		for (int j = 0; j < t->layout.ncolumns; j++)
		{
			int			ncodes;
			CellPlan	cell;
			bool		narrow;

			if (t->layout.widths[j] == 0)
				continue;
			cell = PlanCell(b, l, run, t, j, &ncodes);
			if (cell.from_width == cell.to_width && cell.from == cell.to &&
				cell.codes == NULL && cell.values == NULL)
			{
				p.ncopied = Min(l->stride, t->layout.stride);
				continue;
			}
			narrow = (cell.from_width == 1 && cell.to_width == 1 && cell.values == NULL);
			if (narrow != (pass == 0))
				continue;
			for (int code = 0; narrow && code <= ncodes; code++)
				p.maps[p.ncells][code] = cell.codes ? cell.codes[code] : code;
			p.nnarrow += narrow;
			p.cells[p.ncells++] = cell;
		}
	return p;
}

/* One cell whose code or number is `v` in the source. */
static inline uint64
TargetCell(const CellPlan *c, uint64 v)
{
	if (c->from_width == 0)
		return c->plain ? FRAME_NULL_BITS : 0;
	if (c->plain || c->values != NULL)
	{
		if (c->from_width < 8)	/* a code, from when there were few */
			v = v == 0 ? FRAME_NULL_BITS : DoubleBits(c->numbers[v - 1]);
		if (c->values != NULL)
			v = v == FRAME_NULL_BITS ? 0 : numdict_lookup(c->values, v)->code;
		return v;
	}
	return c->codes != NULL ? c->codes[v] : v;
}

/* One row in the target's terms. */
static inline void
RewriteRow(const RowPlan *p, const uint8 *in, uint8 *out)
{
	memcpy(out, in, p->ncopied);
	for (int k = 0; k < p->nnarrow; k++)
		out[p->cells[k].to] = p->maps[k][in[p->cells[k].from]];
	for (int k = p->nnarrow; k < p->ncells; k++)
	{
		const CellPlan *c = &p->cells[k];

		WriteCell(out + c->to, c->to_width,
				  TargetCell(c, ReadCell(in + c->from, c->from_width)));
	}
}

/* ---- where rows come from ---- */

/*
 * A stream of rows in the order of their hashes.  It stands at a row, or `left`
 * is 0.
 */
typedef struct RowSource
{
	uint32		hash;			/* of the row it stands at */
	int64		left;			/* rows, that one included */
	const RowPlan *plan;
	const uint8 *cells;
	uint32		pos;
	uint32		neg;

	/* segments: their rows, numbered through, in the order of the keys */
	const FrameBuilder *b;
	RowPlan    *plans;
	int64	   *first;
	uint64	   *keys;			/* hash << 32 | row */
	/* runs */
	const Run  *run;
	RowPlan		run_plan;
	int64		next;
	/* in files */
	FileRows	file;
	int			at;				/* row of file.rows */
} RowSource;

int64
SegmentedRows(const FrameBuilder *b)
{
	int64		n = 0;

	for (int i = 0; i < b->nsegments; i++)
		n += SegmentRows(b->segments[i]);
	return n;
}

static inline int
SegmentOfRow(const RowSource *src, uint32 row)
{
	int			i = src->b->nsegments - 1;	/* the last is the largest by far */

	while (row < src->first[i])
		i--;
	return i;
}

static inline void
PrefetchRow(const RowSource *src, uint32 row)
{
	int			i = SegmentOfRow(src, row);
	const Segment *s = src->b->segments[i];
	const char *p = (const char *) SegmentRow(s, row - src->first[i]);

	for (int k = 0; k < s->size; k += 64)
		__builtin_prefetch(p + k);
	__builtin_prefetch(p + s->size - 1);
}

static inline void
NextSegmentRow(RowSource *src)
{
	uint64		key = src->keys[src->next];
	int			i = SegmentOfRow(src, (uint32) key);
	const RowHead *row = SegmentRow(src->b->segments[i], (uint32) key - src->first[i]);

	if (src->left > PREFETCH_AHEAD)
		PrefetchRow(src, (uint32) src->keys[src->next + PREFETCH_AHEAD]);
	src->next++;
	src->plan = &src->plans[i];
	src->hash = row->hash;
	src->pos = row->pos;
	src->neg = row->neg;
	src->cells = RowCells(row);
}

static inline void
NextFileRow(RowSource *src)
{
	const RowHead *row;

	if (src->at == src->file.n)
	{
		(void) ReadNextRows(&src->file);
		src->at = 0;
	}
	row = (const RowHead *) (src->file.rows + (size_t) src->at++ * src->file.size);
	src->hash = row->hash;
	src->pos = row->pos;
	src->neg = row->neg;
	src->cells = RowCells(row);
}

static inline void
NextFrameRow(RowSource *src)
{
	int64		r = src->next++;

	src->hash = src->run->hashes[r];
	src->pos = src->run->pos[r];
	src->neg = src->run->neg[r];
	src->cells = src->run->cells + r * src->run->layout.stride;
}

/* Stand at the next row, if one is left. */
static inline void
FetchRow(RowSource *src)
{
	if (src->left == 0)
		return;
	if (src->keys != NULL)
		NextSegmentRow(src);
	else if (src->file.rows != NULL)
		NextFileRow(src);
	else
		NextFrameRow(src);
}

static inline void
SkipRow(RowSource *src)
{
	src->left--;
	FetchRow(src);
}

static void
OpenSegments(RowSource *src, const FrameBuilder *b, const Target *t)
{
	int64		n = SegmentedRows(b),
				k = 0;
	uint64	   *scratch;

	if (n >= PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a frame cannot hold more than %u different rows", PG_UINT32_MAX)));
	src->b = b;
	src->left = n;
	src->keys = AllocRows(sizeof(uint64) * n);
	src->plans = palloc(sizeof(RowPlan) * Max(b->nsegments, 1));
	src->first = palloc(sizeof(int64) * Max(b->nsegments, 1));
	for (int i = 0; i < b->nsegments; i++)
	{
		const Segment *s = b->segments[i];

		src->plans[i] = PlanRows(b, &s->layout, NULL, t);
		src->first[i] = k;
		for (int64 r = 0; r < SegmentRows(s); r++, k++)
		{
			if (r % ROWS_PER_INTERRUPT == 0)
				CHECK_FOR_INTERRUPTS();
			src->keys[k] = (uint64) SegmentRow(s, r)->hash << 32 | (uint64) k;
		}
	}
	scratch = AllocRows(sizeof(uint64) * n);
	RadixSortUpper32(src->keys, scratch, n);
	pfree(scratch);
}

static void
OpenRun(RowSource *src, const FrameBuilder *b, const Run *run, const Target *t)
{
	src->run = run;
	src->left = run->nrows;
	src->run_plan = PlanRows(b, &run->layout, run, t);
	src->plan = &src->run_plan;
	if (run->file != 0)
		OpenRows(&src->file, run);
}

/* ---- where rows go ---- */

/* `cells`: room for those of `most` rows, or NULL */
void
SinkToMemory(RowSink *sink, uint8 *cells, int stride, int64 most, bool hashes)
{
	memset(sink, 0, sizeof(RowSink));
	sink->stride = stride;
	sink->cells = cells != NULL ? cells : AllocRows((Size) stride * most + 8);
	sink->pos = AllocRows(sizeof(uint32) * most);
	sink->neg = AllocRows(sizeof(uint32) * most);
	if (hashes)
		sink->hashes = AllocRows(sizeof(uint32) * most);
}

/* The file belongs to the current context and resource owner. */
void
SinkToFile(RowSink *sink, int stride)
{
	memset(sink, 0, sizeof(RowSink));
	sink->stride = stride;
	sink->size = RowSize(stride);
	sink->buffer = palloc0(Max(FILE_BUFFER, sink->size));
	sink->file = CreateRowFile();
}

static void
FlushSink(RowSink *sink)
{
	WriteRows(sink->file, sink->nrows - sink->nbuffered, sink->nbuffered, sink->size,
			  sink->buffer);
	sink->nbuffered = 0;
}

/* Where the cells of the next row go. */
static inline uint8 *
SinkCells(RowSink *sink)
{
	if (sink->file == 0)
		return sink->cells + sink->nrows * sink->stride;
	if ((sink->nbuffered + 1) * sink->size > Max(FILE_BUFFER, sink->size))
		FlushSink(sink);
	return RowCells(sink->buffer + (size_t) sink->nbuffered * sink->size);
}

static inline void
SinkRow(RowSink *sink, uint32 hash, uint32 pos, uint32 neg)
{
	RowHead    *row;

	if (sink->file == 0)
	{
		if (sink->hashes != NULL)
			sink->hashes[sink->nrows] = hash;
		sink->pos[sink->nrows] = pos;
		sink->neg[sink->nrows++] = neg;
		return;
	}
	row = (RowHead *) (sink->buffer + (size_t) sink->nbuffered++ * sink->size);
	row->hash = hash;
	row->pos = pos;
	row->neg = neg;
	sink->nrows++;
}

/* ---- merging ---- */

typedef struct TiedRow
{
	uint8	   *cells;
	uint32		pos;
	uint32		neg;
} TiedRow;

#define ST_SORT SortTiedRows
#define ST_ELEMENT_TYPE TiedRow
#define ST_COMPARE_ARG_TYPE size_t
#define ST_COMPARE(a, b, stride) memcmp((a)->cells, (b)->cells, *(stride))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

typedef struct Ties
{
	int64		n;
	int64		room;
	TiedRow    *rows;
} Ties;

/* Sort the rows by their bytes, equal ones as one. */
static void
CombineTies(Ties *ties, size_t stride)
{
	int64		last = 0;

	CHECK_FOR_INTERRUPTS();
	if (ties->n < 2)
		return;
	SortTiedRows(ties->rows, ties->n, &stride);
	for (int64 i = 1; i < ties->n; i++)
	{
		TiedRow    *row = &ties->rows[i];

		if (memcmp(ties->rows[last].cells, row->cells, stride) == 0)
		{
			AddCount(&ties->rows[last].pos, row->pos);
			AddCount(&ties->rows[last].neg, row->neg);
		}
		else if (++last < i)
		{
			TiedRow		other = ties->rows[last];	/* its room is used again */

			ties->rows[last] = *row;
			*row = other;
		}
	}
	ties->n = last + 1;
}

/*
 * Room for another row.  Segments that gave up looking for equal rows may hold
 * very many: they become one as soon as room is short.
 */
static void
GrowTies(Ties *ties, int stride)
{
	int64		room = Max(8, ties->room * 2);

	CombineTies(ties, stride);
	if (ties->n < ties->room / 2)
		return;
	ties->rows = ties->rows == NULL ? palloc(sizeof(TiedRow) * room) :
		repalloc_huge(ties->rows, sizeof(TiedRow) * room);
	for (int64 i = ties->room; i < room; i++)
		ties->rows[i].cells = palloc(Max(stride, 1));
	ties->room = room;
}

static void
AddTie(Ties *ties, const RowSource *src, int stride)
{
	TiedRow    *row;

	if (ties->n == ties->room)
		GrowTies(ties, stride);
	row = &ties->rows[ties->n++];
	RewriteRow(src->plan, src->cells, row->cells);
	row->pos = src->pos;
	row->neg = src->neg;
}

/* Rows of the same hash in the order of their bytes, equal ones as one. */
static void
SinkTies(RowSink *sink, Ties *ties, uint32 hash)
{
	CombineTies(ties, sink->stride);
	for (int64 i = 0; i < ties->n; i++)
	{
		const TiedRow *row = &ties->rows[i];

		memcpy(SinkCells(sink), row->cells, sink->stride);
		SinkRow(sink, hash, row->pos, row->neg);
	}
	ties->n = 0;
}

/* The lowest hash of all sources; how many rows stand there. */
static inline int
LowestHash(RowSource *sources, int n, uint32 *hash, RowSource **source)
{
	int			found = 0;

	for (int i = 0; i < n; i++)
	{
		if (sources[i].left == 0 || (found > 0 && sources[i].hash > *hash))
			continue;
		if (found == 0 || sources[i].hash < *hash)
		{
			*hash = sources[i].hash;
			*source = &sources[i];
			found = 0;
		}
		found++;
	}
	return found;
}

void
MergeRows(const FrameBuilder *b, bool segments, Run **runs, int nruns,
		  const Target *target, RowSink *sink)
{
	RowSource  *sources = palloc0(sizeof(RowSource) * (nruns + 1));
	int			nsources = 0,
				standing;
	RowSource  *src = NULL;
	uint32		hash = 0;
	Ties		ties = {0};
	int64		total = 0,
				merged;

	if (segments)
		OpenSegments(&sources[nsources++], b, target);
	for (int i = 0; i < nruns; i++)
		OpenRun(&sources[nsources++], b, runs[i], target);
	for (int i = 0; i < nsources; i++)
		FetchRow(&sources[i]);

	for (int i = 0; i < nsources; i++)
		total += sources[i].left;

	for (int64 steps = 0; (standing = LowestHash(sources, nsources, &hash, &src)) > 0; steps++)
	{
		if (steps % ROWS_PER_INTERRUPT == 0)
		{
			CHECK_FOR_INTERRUPTS();
			merged = total;
			for (int i = 0; i < nsources; i++)
				merged -= sources[i].left;
			ProgressReport("merging equal rows", 0, merged, total);
		}
		if (standing == 1)
		{
			uint8	   *cells = SinkCells(sink);
			uint32		pos = src->pos,
						neg = src->neg;

			RewriteRow(src->plan, src->cells, cells);
			SkipRow(src);
			if (src->left == 0 || src->hash != hash)
			{
				SinkRow(sink, hash, pos, neg);
				continue;
			}
			/* another one of the same hash: the first goes back */
			AddTie(&ties, src, sink->stride);
			ties.rows[0].pos = pos;
			ties.rows[0].neg = neg;
			memcpy(ties.rows[0].cells, cells, sink->stride);
		}
		for (int i = 0; i < nsources; i++)
			while (sources[i].left > 0 && sources[i].hash == hash)
			{
				AddTie(&ties, &sources[i], sink->stride);
				SkipRow(&sources[i]);
			}
		SinkTies(sink, &ties, hash);
	}
	if (sink->file != 0)
	{
		FlushSink(sink);
		pfree(sink->buffer);
		sink->buffer = NULL;
	}
	for (int i = 0; i < nsources; i++)
	{
		if (sources[i].keys != NULL)
			pfree(sources[i].keys);
		if (sources[i].file.rows != NULL)
			pfree(sources[i].file.rows);
	}
	pfree(sources);
}
