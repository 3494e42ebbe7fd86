/*-------------------------------------------------------------------------
 *
 * folds.c
 *	  Which rows of a frame are held out in which fold.
 *
 * A frame counts equal rows and knows no keys.  So a row's fold is drawn from
 * its values, its label and its number among the rows that are equal to it:
 * equal rows are spread over the folds as if each had come by itself, the order
 * of rows cannot matter, and rows that are added later move no other.  The
 * folds are of about the same size, not of exactly the same.
 *
 * By group all rows with the same value of the group are in the same fold, and
 * every fold has as many groups; NULL is a group of its own.  By time the rows are cut into one block more than there
 * are folds, of about the same size: a fold's model learns from all blocks before
 * and is judged on the next, which is what happens to leads (Hyndman and
 * Athanasopoulos, Forecasting, 3rd ed. 2021, section 5.10).  Rows of the same
 * time stay in the same block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "folds.h"
#include "framebuild.h"
#include "radix.h"
#include "tree.h"

static void *
AllocPerPattern(const Frame *frame, Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, size * Max(frame->npatterns, 1));
}

/* ---- hashes of values: the same on every machine ---- */

static uint64
HashBytes(uint64 seed, const char *bytes, int len)
{
	uint64		h = Mix64(seed ^ (uint64) len);

	for (int i = 0; i < len; i++)
		h = Mix64(h ^ (uint8) bytes[i]);
	return h;
}

static uint64
HashNumber(uint64 seed, double x)
{
	return Mix64(Mix64(seed) ^ DoubleBits(x));
}

/* Of each value of a dictionary; [0], NULL, has none. */
static uint64 *
HashDictionary(const FrameColumn *c, uint64 seed)
{
	uint64	   *hash = palloc_extended(sizeof(uint64) * (c->nvalues + 1), MCXT_ALLOC_HUGE);

	hash[0] = 0;
	for (int k = 0; k < c->nvalues; k++)
	{
		if (k % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		hash[k + 1] = c->texts != NULL ? HashBytes(seed, c->texts[k], c->lengths[k]) :
			HashNumber(seed, c->numbers[k]);
	}
	return hash;
}

/* Add the hashes of one column's cells to those of the patterns. */
static void
HashColumn(const Frame *frame, const FrameColumn *c, uint64 *key)
{
	uint64		seed = HashBytes(0, c->name, strlen(c->name));
	uint64	   *of_code = c->store == STORE_DICTIONARY ? HashDictionary(c, seed) : NULL;
	PatternBlock block = {0};

	if (!FrameColumnHasCells(c))
		return;
	while (FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			const uint8 *pattern = block.cells + (Size) i * frame->stride;
			double		x;

			if (of_code != NULL)
				key[block.first + i] += of_code[FrameCode(c, pattern)];
			else if (FrameNumber(c, pattern, &x))
				key[block.first + i] += HashNumber(seed, x);
		}
	if (of_code != NULL)
		pfree(of_code);
}

/* ---- folds ---- */

static inline int
FoldOfKey(uint64 key, uint64 n, int folds)
{
	return (int) (TreeUniform(TreeDraw(key, n)) * folds);
}

static const FrameColumn *
RequireRole(const Frame *frame, ColumnRole role, const char *name)
{
	const FrameColumn *c = FrameFindRole(frame, role);

	if (c == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot make folds by %s: the frame has no %s", name, name),
				 errhint("Build the frame with {\"%s\": \"…\"}, or choose other folds.", name)));
	return c;
}

static void
DrawKeys(FoldSplit *s, const Frame *frame, uint64 seed)
{
	s->key = AllocPerPattern(frame, sizeof(uint64));
	for (int64 i = 0; i < frame->npatterns; i++)
		s->key[i] = TreeMix(seed);
	for (int i = 0; i < frame->ncolumns; i++)
		HashColumn(frame, &frame->columns[i], s->key);
}

/* Deal the groups to the folds in the order of their hashes. */
static void
DealGroups(FoldSplit *s, const Frame *frame, uint64 seed)
{
	const FrameColumn *group = RequireRole(frame, ROLE_GROUP, "group");
	int64		n = frame->npatterns,
				ngroups = 0;
	uint64	   *key = AllocPerPattern(frame, sizeof(uint64)),
			   *groups = AllocPerPattern(frame, sizeof(uint64)),
			   *scratch = AllocPerPattern(frame, sizeof(uint64));

	s->block = AllocPerPattern(frame, sizeof(int));
	memset(key, 0, sizeof(uint64) * n);
	HashColumn(frame, group, key);
	for (int64 i = 0; i < n; i++)
		groups[i] = key[i] = TreeDraw(TreeMix(seed), key[i]);
	RadixSortU64(groups, scratch, n);
	for (int64 i = 0; i < n; i++)
		if (ngroups == 0 || groups[i] != groups[ngroups - 1])
			groups[ngroups++] = groups[i];
	if (n > 0 && ngroups < s->folds)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot make %d folds of %lld groups", s->folds, (long long) ngroups),
				 errdetail("The group is column \"%s\".",
						   TextFromUtf8(group->name, strlen(group->name))),
				 errhint("Use fewer folds, or leave \"calibrate\" out, which makes 5.")));
	for (int64 i = 0; i < n; i++)
	{
		int64		low = 0,
					high = ngroups - 1;

		while (low < high)
		{
			int64		middle = low + (high - low) / 2;

			if (groups[middle] < key[i])
				low = middle + 1;
			else
				high = middle;
		}
		s->block[i] = (int) (low % s->folds);
	}
	pfree(key);
	pfree(groups);
	pfree(scratch);
}

typedef struct TimedPattern
{
	double		at;
	int64		pattern;
} TimedPattern;

/* PostgreSQL's sort with interrupts, which libc's qsort() could not serve. */
#define ST_SORT SortByTime
#define ST_ELEMENT_TYPE TimedPattern
#define ST_COMPARE(a, b) (((a)->at > (b)->at) - ((a)->at < (b)->at))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/* The patterns in the order of their times. */
static TimedPattern *
OrderByTime(const Frame *frame, const FrameColumn *time)
{
	TimedPattern *order = AllocPerPattern(frame, sizeof(TimedPattern));
	PatternBlock block = {0};

	if (time->nulls > 0)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("cannot make folds by time: column \"%s\" is NULL in %lld rows",
						TextFromUtf8(time->name, strlen(time->name)),
						(long long) time->nulls),
				 errhint("Leave these rows out of the frame, or choose other folds.")));
	while (FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			TimedPattern *p = &order[block.first + i];

			p->pattern = block.first + i;
			(void) FrameNumber(time, block.cells + (Size) i * frame->stride, &p->at);
		}
	SortByTime(order, frame->npatterns);
	return order;
}

static void
CutTime(FoldSplit *s, const Frame *frame)
{
	const FrameColumn *time = RequireRole(frame, ROLE_TIME, "time");
	TimedPattern *order = OrderByTime(frame, time);
	int			blocks = s->folds + 1;
	int			last = -1;
	int64		rows = 0,
				before = 0;		/* rows of earlier times */

	s->block = AllocPerPattern(frame, sizeof(int));
	for (int64 i = 0; i < frame->npatterns; i++)
	{
		int64		p = order[i].pattern;
		int			block;

		if (i % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (i > 0 && order[i].at > order[i - 1].at)
			before = rows;
		rows += (int64) frame->pos[p] + frame->neg[p];
		block = (int) (before * blocks / frame->rows);
		if (block > last + 1)
			break;
		s->block[p] = last = block;
	}
	if (frame->npatterns > 0 && (rows < frame->rows || last < s->folds))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot make %d folds by time", s->folds),
				 errdetail("Too many rows have the same time in column \"%s\" to cut them into %d blocks.",
						   TextFromUtf8(time->name, strlen(time->name)), blocks),
				 errhint("Use fewer folds.")));
	pfree(order);
}

FoldSplit *
FoldSplitCreate(const Frame *frame, FoldsBy by, int folds, uint64 seed)
{
	FoldSplit  *s = palloc0(sizeof(FoldSplit));

	s->by = by;
	s->folds = folds;
	s->seed = seed;
	if (by == FOLDS_BY_HASH)
		DrawKeys(s, frame, seed);
	else if (by == FOLDS_BY_GROUP)
		DealGroups(s, frame, seed);
	else
		CutTime(s, frame);
	return s;
}

/* Of n equal rows with a label, how many are held out in the fold. */
static uint32
HeldOfEqual(uint64 key, int label, uint32 n, int fold, int folds)
{
	uint64		labelled = TreeDraw(key, label);
	uint32		held = 0;

	for (uint32 k = 0; k < n; k++)
	{
		if (k % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		held += (FoldOfKey(labelled, k, folds) == fold);
	}
	return held;
}

void
FoldCounts(const FoldSplit *s, const Frame *frame, int fold, FoldSide side,
		   uint32 *pos, uint32 *neg)
{
	PatternBlock block = {0};

	while (FrameScan(frame, &block))
		for (int k = 0; k < block.n; k++)
		{
			int64		i = block.first + k;

			pos[i] = neg[i] = 0;
			if (s->by == FOLDS_BY_HASH)
			{
				pos[i] = HeldOfEqual(s->key[i], 1, block.pos[k], fold, s->folds);
				neg[i] = HeldOfEqual(s->key[i], 0, block.neg[k], fold, s->folds);
				if (side == FOLD_TRAINED)
				{
					pos[i] = block.pos[k] - pos[i];
					neg[i] = block.neg[k] - neg[i];
				}
			}
			else if (s->by == FOLDS_BY_GROUP ? (s->block[i] == fold) == (side == FOLD_HELD) :
					 side == FOLD_HELD ? s->block[i] == fold + 1 : s->block[i] <= fold)
			{
				pos[i] = block.pos[k];
				neg[i] = block.neg[k];
			}
		}
}

static uint32
KeepOfEqual(uint64 key, uint32 n, double share)
{
	uint32		kept = 0;

	for (uint32 k = 0; k < n; k++)
	{
		if (k % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		kept += (TreeUniform(TreeDraw(key, k)) < share);
	}
	return kept;
}

/* Draws of another stream than those of the folds: the labels there are 0 and 1. */
void
FoldThin(const FoldSplit *s, const Frame *frame, double share, uint32 *pos, uint32 *neg)
{
	FoldSplit	draw = {0};

	if (share >= 1)
		return;
	if (s->key != NULL)
		draw.key = s->key;
	else
		DrawKeys(&draw, frame, s->seed);
	for (int64 i = 0; i < frame->npatterns; i++)
	{
		pos[i] = KeepOfEqual(TreeDraw(draw.key[i], 3), pos[i], share);
		neg[i] = KeepOfEqual(TreeDraw(draw.key[i], 2), neg[i], share);
	}
	if (s->key == NULL)
		pfree(draw.key);
}
