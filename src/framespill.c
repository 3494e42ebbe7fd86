/*-------------------------------------------------------------------------
 *
 * framespill.c
 *	  What does not fit into memory: rows in temporary files.
 *
 * A builder that grows beyond its limit writes its rows in the order of their
 * hashes to a file, a run, and goes on with empty segments.  In the end all
 * runs are merged with what is in memory.  A frame that is larger than the
 * limit lies in a file, too, and is read block by block.
 *
 * The files are PostgreSQL's own temporary files: temp_file_limit holds,
 * log_temp_files tells of them, and after an error they are gone.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/tablespace.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "framebuild.h"

/* As many runs of one level become one of the next. */
#define RUNS_PER_LEVEL		16

/*
 * A file of rows belongs to the current resource owner.  They are read and
 * written past PostgreSQL's BufFile, which would copy them by 8 kB.
 */
File
CreateRowFile(void)
{
	PrepareTempTablespaces();
	return OpenTemporaryFile(false);
}

/* Of so many rows, for EXPLAIN (BUFFERS). */
static inline int64
Blocks(int n, int size)
{
	return ((int64) n * size + BLCKSZ - 1) / BLCKSZ;
}

void
ReadRows(File file, int64 first, int n, int size, void *rows)
{
	char	   *p = rows;
	char	   *end = p + (Size) n * size;
	off_t		at = (off_t) first * size;

	while (p < end)
	{
		int			got = FileRead(file, p, end - p, at, WAIT_EVENT_BUFFILE_READ);

		if (got < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from a temporary file of a frame: %m")));
		if (got == 0)
			elog(ERROR, "a temporary file of a frame is too short");
		p += got;
		at += got;
	}
	pgBufferUsage.temp_blks_read += Blocks(n, size);
}

void
WriteRows(File file, int64 first, int n, int size, const void *rows)
{
	const char *p = rows;
	const char *end = p + (Size) n * size;
	off_t		at = (off_t) first * size;

	while (p < end)
	{
		int			put = FileWrite(file, unconstify(char *, p), end - p, at,
									WAIT_EVENT_BUFFILE_WRITE);

		if (put <= 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to a temporary file of a frame: %m")));
		p += put;
		at += put;
	}
	pgBufferUsage.temp_blks_written += Blocks(n, size);
}

void
OpenRows(FileRows *r, const Run *run)
{
	r->run = run;
	r->size = RowSize(run->layout.stride);
	r->next = 0;
	r->n = 0;
	r->rows = palloc(Max(FILE_BUFFER, r->size));
}

bool
ReadNextRows(FileRows *r)
{
	CHECK_FOR_INTERRUPTS();
	r->n = (int) Min(r->run->nrows - r->next, Max(FILE_BUFFER / r->size, 1));
	ReadRows(r->run->file, r->next, r->n, r->size, r->rows);
	r->next += r->n;
	return r->n > 0;
}

void
CloseRun(Run *run)
{
	if (run->file != 0)
		FileClose(run->file);
	run->file = 0;
	if (run->cells != NULL)
		pfree(run->cells);
	if (run->pos != NULL)
		pfree(run->pos);
	if (run->neg != NULL)
		pfree(run->neg);
	if (run->hashes != NULL)
		pfree(run->hashes);
	for (int i = 0; run->maps != NULL && i < run->layout.ncolumns; i++)
	{
		if (run->maps[i] != NULL)
			pfree(run->maps[i]);
		if (run->numbers[i] != NULL)
			pfree(run->numbers[i]);
	}
	if (run->maps != NULL)
	{
		pfree(run->maps);
		pfree(run->numbers);
		pfree(run->ncodes);
	}
	pfree(run->layout.widths);
	pfree(run->layout.offsets);
	pfree(run);
}

/* A run in a file of some runs, and of the segments if asked for. */
static Run *
WriteRun(FrameBuilder *b, bool segments, Run **runs, int nruns)
{
	MemoryContext work = AllocSetContextCreate(b->cxt, "leadscore spill",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(b->cxt);
	Run		   *run = palloc0(sizeof(Run));
	Target		target = {CurrentLayout(b)};
	int		   *columns;
	RowSink		sink;

	run->layout = target.layout;
	SinkToFile(&sink, target.layout.stride);
	run->file = sink.file;
	MemoryContextSwitchTo(work);
	columns = palloc(sizeof(int) * Max(b->ncolumns, 1));
	for (int i = 0; i < b->ncolumns; i++)
		columns[i] = i;
	target.columns = columns;
	MergeRows(b, segments, runs, nruns, &target, &sink);
	run->nrows = sink.nrows;
	for (int i = 0; i < nruns; i++)
		run->level = Max(run->level, runs[i]->level + 1);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return run;
}

static void
AppendRun(FrameBuilder *b, Run *run)
{
	b->runs = b->runs == NULL ? MemoryContextAlloc(b->cxt, sizeof(Run *)) :
		repalloc(b->runs, sizeof(Run *) * (b->nruns + 1));
	b->runs[b->nruns++] = run;
}

/* Take the runs that `wanted` chooses off the list; returns how many. */
static int
TakeRuns(FrameBuilder *b, bool files, int level, Run **taken)
{
	int			n = 0,
				kept = 0;

	for (int i = 0; i < b->nruns; i++)
	{
		Run		   *run = b->runs[i];

		if ((run->file != 0) == files && (!files || run->level == level))
			taken[n++] = run;
		else
			b->runs[kept++] = run;
	}
	b->nruns = kept;
	return n;
}

/* One more run; too many of one level are merged. */
void
AddRun(FrameBuilder *b, Run *run)
{
	AppendRun(b, run);
	if (b->limit == 0)
		return;
	for (int level = 0;; level++)
	{
		Run		  **taken;
		int			n = 0;

		for (int i = 0; i < b->nruns; i++)
			n += (b->runs[i]->file != 0 && b->runs[i]->level == level);
		if (n < RUNS_PER_LEVEL)
			return;
		taken = palloc(sizeof(Run *) * b->nruns);
		n = TakeRuns(b, true, level, taken);
		AppendRun(b, WriteRun(b, false, taken, n));
		for (int i = 0; i < n; i++)
			CloseRun(taken[i]);
		pfree(taken);
	}
}

/*
 * Write all rows that are in memory to a run, if they are too many.  Where it
 * is the dictionaries that are large, that would not help.
 */
void
SpillIfLarge(FrameBuilder *b)
{
	Size		rows = 0;
	Run		  **taken,
			   *run;
	int			n;

	if (b->limit == 0)
		return;
	for (int i = 0; i < b->nsegments; i++)
		rows += (Size) b->segments[i]->room * b->segments[i]->size;
	for (int i = 0; i < b->nruns; i++)
		if (b->runs[i]->file == 0)
			rows += (Size) b->runs[i]->nrows * RowSize(b->runs[i]->layout.stride);
	/* sorting them takes 16 bytes a row */
	if (rows < b->limit / 4 ||
		MemoryContextMemAllocated(b->cxt, true) - b->nfree * b->free_size +
		16 * SegmentedRows(b) < b->limit)
		return;

	taken = palloc(sizeof(Run *) * Max(b->nruns, 1));
	n = TakeRuns(b, false, 0, taken);
	run = WriteRun(b, true, taken, n);
	run->level = 0;
	for (int i = 0; i < n; i++)
		CloseRun(taken[i]);
	pfree(taken);
	FreeSegments(b);
	AddRun(b, run);
}

/* ---- frames ---- */

void
FrameRead(const Frame *f, int64 first, int n, PatternBlock *block)
{
	FrameFile  *file = f->file;

	block->first = first;
	block->n = n;
	if (file == NULL)
	{
		block->cells = f->cells + first * f->stride;
		block->pos = f->pos + first;
		block->neg = f->neg + first;
		return;
	}
	ReadRows(file->file, first, n, f->stride, file->rows);
	for (int i = 0; i < n; i++)
	{
		const RowHead *row = (const RowHead *) (file->rows + (size_t) i * f->stride);

		file->pos[i] = row->pos;
		file->neg[i] = row->neg;
	}
	block->cells = RowCells(file->rows);
	block->pos = file->pos;
	block->neg = file->neg;
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

/* In a file there is more between the cells of patterns: the rows' heads. */
void
FrameTakeRows(Frame *f, const RowSink *sink)
{
	f->npatterns = sink->nrows;
	f->cells = sink->cells;
	f->pos = sink->pos;
	f->neg = sink->neg;
	f->hashes = sink->hashes;
	if (sink->file == 0)
		return;
	f->stride = sink->size;
	f->file = palloc(sizeof(FrameFile));
	f->file->file = sink->file;
	f->file->rows = palloc((Size) f->stride * PATTERN_BLOCK_ROWS + sizeof(RowHead));
	f->file->pos = palloc(sizeof(uint32) * PATTERN_BLOCK_ROWS);
	f->file->neg = palloc(sizeof(uint32) * PATTERN_BLOCK_ROWS);
}

void
FrameClose(Frame *f)
{
	if (f->file != NULL)
		FileClose(f->file->file);
	f->file = NULL;
}
