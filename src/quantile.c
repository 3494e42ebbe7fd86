/*-------------------------------------------------------------------------
 *
 * quantile.c
 *	  The numbers of a column that stand at given ranks, exactly.
 *
 * Doubles have the order of their bits read as an integer, the negative ones
 * upside down.  One scan counts the rows by the leading bits of that key, the
 * next by the bits that follow where a rank fell, and so on, until the numbers
 * that are left are few enough to be sorted.  That is mostly two scans, in a
 * fixed memory.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "fit.h"

#define COUNTER_BITS	20		/* of the number of counters: 8 MB */
#define FEW_ROWS		100000	/* to be sorted */
#define SIGN_BIT		(UINT64CONST(1) << 63)

static inline uint64
NumberKey(double x)
{
	uint64		bits = DoubleBits(x);

	return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static inline double
KeyNumber(uint64 key)
{
	return BitsDouble(key & SIGN_BIT ? key ^ SIGN_BIT : ~key);
}

typedef struct KeyRows
{
	uint64		key;
	int64		rows;
} KeyRows;

#define ST_SORT SortKeyRows
#define ST_ELEMENT_TYPE KeyRows
#define ST_COMPARE(a, b) ((a)->key < (b)->key ? -1 : (a)->key > (b)->key)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * How far the ranks are known.  Keys have `common` leading bits in common, which
 * are left out; of the rest the first `known` are known for every rank.  A group
 * is what ranks have there, each once, in order.  maybe[] tells which of the
 * first bits that were counted occur in a group.
 */
typedef struct RankSearch
{
	const Frame *frame;
	const FrameColumn *column;
	int			common;
	int			known;
	int			ngroups;
	uint64	   *groups;
	int64		group_rows;		/* of all groups */
	int			first_bits;
	bool	   *maybe;
	int64	   *rows;			/* counters: those of a group together */
} RankSearch;

/* The group that a key belongs to, or -1. */
static inline int
FindGroup(const RankSearch *s, uint64 key)
{
	int			low = 0,
				high = s->ngroups - 1;

	if (s->known == 0)
		return 0;
	if (!s->maybe[key >> (64 - s->first_bits)])
		return -1;
	key >>= 64 - s->known;
	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (s->groups[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return s->groups[low] == key ? low : -1;
}

/* Rows of every group by the `bits` that follow. */
static void
CountGroups(RankSearch *s, int bits)
{
	uint64		mask = (UINT64CONST(1) << bits) - 1;
	int			shift = 64 - s->known - bits;
	PatternBlock block = {0};

	memset(s->rows, 0, sizeof(int64) * s->ngroups << bits);
	while (FrameScan(s->frame, &block))
	{
		const uint8 *pattern = block.cells;

		for (int r = 0; r < block.n; r++, pattern += s->frame->stride)
		{
			double		x;
			uint64		key;
			int			group;

			if (!FrameNumber(s->column, pattern, &x))
				continue;
			key = NumberKey(x) << s->common;
			group = FindGroup(s, key);
			if (group >= 0)
				s->rows[((int64) group << bits) + (key >> shift & mask)] +=
					(int64) block.pos[r] + block.neg[r];
		}
	}
}

/*
 * Follow every rank to its counter; keys[] and below get what that tells.
 * Ranks are in order, so that no counter is passed twice.
 */
static void
FollowRanks(RankSearch *s, NumberRank *ranks, uint64 *keys, int n, int bits)
{
	int64		at = 0,
				below = 0;
	int			group = -1,
				ngroups = 0;
	uint64	   *next = palloc(sizeof(uint64) * n);

	s->group_rows = 0;
	for (int i = 0; i < n; i++)
	{
		if (group < 0 || (s->known > 0 && s->groups[group] != keys[i]))
		{
			at = (int64) ++group << bits;
			below = ranks[i].below;
		}
		while (below + s->rows[at] <= ranks[i].rank)
			below += s->rows[at++];
		ranks[i].below = below;
		keys[i] = keys[i] << bits | (at - ((int64) group << bits));
		if (ngroups > 0 && next[ngroups - 1] == keys[i])
			continue;
		next[ngroups++] = keys[i];
		s->group_rows += s->rows[at];
	}
	pfree(s->groups);
	s->groups = next;
	s->ngroups = ngroups;
	s->known += bits;
}

/* All keys of the groups, few as they are, sorted and each once. */
static KeyRows *
CollectKeys(const RankSearch *s)
{
	KeyRows    *v = palloc(sizeof(KeyRows) * s->group_rows);
	int64		n = 0,
				last = 0;
	PatternBlock block = {0};

	while (FrameScan(s->frame, &block))
	{
		const uint8 *pattern = block.cells;

		for (int r = 0; r < block.n; r++, pattern += s->frame->stride)
		{
			double		x;
			uint64		key;

			if (!FrameNumber(s->column, pattern, &x))
				continue;
			key = NumberKey(x) << s->common;
			if (FindGroup(s, key) < 0)
				continue;
			v[n].key = key;
			v[n++].rows = (int64) block.pos[r] + block.neg[r];
		}
	}
	SortKeyRows(v, n);
	for (int64 i = 1; i < n; i++)
	{
		if (v[i].key == v[last].key)
			v[last].rows += v[i].rows;
		else
			v[++last] = v[i];
	}
	return v;
}

/* What is not known of the ranks yet, from the keys of their groups. */
static void
FinishRanks(RankSearch *s, NumberRank *ranks, uint64 *keys, int n)
{
	KeyRows    *v = CollectKeys(s),
			   *at = v;
	int64		below = 0;
	uint64		group = 0;

	for (int i = 0; i < n; i++)
	{
		if (i == 0 || keys[i] != group)
		{
			group = keys[i];
			below = ranks[i].below;
			while (at->key >> (64 - s->known) != group)
				at++;
		}
		while (below + at->rows <= ranks[i].rank)
			below += (at++)->rows;
		ranks[i].below = below;
		keys[i] = at->key;
	}
	s->known = 64;
	pfree(v);
}

static void
SearchRanks(const Frame *f, const FrameColumn *c, const ColumnStats *cs,
			NumberRank *ranks, int n)
{
	RankSearch	s = {f, c};
	uint64		low = NumberKey(cs->min),
				differ = low ^ NumberKey(cs->max);
	uint64	   *keys = palloc0(sizeof(uint64) * n);

	s.common = differ == 0 ? 64 : 63 - pg_leftmost_one_pos64(differ);
	s.ngroups = 1;
	s.groups = palloc(sizeof(uint64) * n);
	s.rows = palloc(sizeof(int64) << COUNTER_BITS);
	while (s.common + s.known < 64)
	{
		int			bits = Min(COUNTER_BITS - pg_ceil_log2_32(s.ngroups),
							   64 - s.common - s.known);

		CountGroups(&s, bits);
		FollowRanks(&s, ranks, keys, n, bits);
		if (s.maybe == NULL)
		{
			s.first_bits = bits;
			s.maybe = palloc0(sizeof(bool) << bits);
			for (int i = 0; i < s.ngroups; i++)
				s.maybe[s.groups[i]] = true;
		}
		if (s.common + s.known < 64 && s.group_rows <= FEW_ROWS)
			FinishRanks(&s, ranks, keys, n);
	}
	for (int i = 0; i < n; i++)
		ranks[i].value = s.known == 0 ? cs->min :
			KeyNumber((s.common > 0 ? low >> (64 - s.common) << (64 - s.common) : 0) |
					  keys[i] << (64 - s.known) >> s.common);
	pfree(s.groups);
	pfree(s.rows);
	if (s.maybe != NULL)
		pfree(s.maybe);
	pfree(keys);
}

/*
 * For n ranks in order, counting from 0 over the rows that are not NULL, the
 * number that stands there and how many rows have a lesser one.
 */
void
FindRanks(const Frame *f, const FrameColumn *c, const ColumnStats *cs,
		  NumberRank *ranks, int n)
{
	int64		below = 0;

	for (int i = 0; i < n; i++)
		ranks[i].below = 0;
	if (c->store == STORE_NUMBERS)
	{
		SearchRanks(f, c, cs, ranks, n);
		return;
	}
	for (int k = 0, i = 0; k < c->nvalues && i < n; k++)
	{
		int64		rows = cs->values[k + 1].pos + cs->values[k + 1].neg;

		for (; i < n && ranks[i].rank < below + rows; i++)
		{
			ranks[i].value = c->numbers[k];
			ranks[i].below = below;
		}
		below += rows;
	}
}
