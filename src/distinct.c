/*-------------------------------------------------------------------------
 *
 * distinct.c
 *	  How many different numbers a plainly stored column has, exactly.
 *
 * Whole numbers in a narrow range, as keys are, have a bit each in a map.  All
 * others go into a hash set of limited size: where they may not fit, it takes
 * one share of the hash values after another, scan by scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "fit.h"

#define MOST_BYTES		Min((int64) maintenance_work_mem * 1024 / 2, INT64CONST(1) << 27)
#define LEAST_BITS		10		/* of the number of slots */
/* numbers that go into so many slots with few collisions */
#define FITTING(bits)	((INT64CONST(1) << (bits)) / 4 * 3)
/* beyond it not every whole number is a double */
#define WHOLE_LIMIT		9007199254740992.0

typedef struct DistinctCount
{
	const Frame *frame;
	const FrameColumn *column;
	int64		distinct;
	int64		repeats;		/* rows with a number that was seen before */
	int64		most;			/* repeats at which it is given up */
} DistinctCount;

/* ---- a bit for every whole number of a range ---- */

/* False: there are numbers that are not whole. */
static bool
CountInMap(DistinctCount *d, double least, Size bytes)
{
	int64		low = (int64) least;
	uint8	   *map = palloc_extended(bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	PatternBlock block = {0};

	while (d->repeats <= d->most && FrameScan(d->frame, &block))
	{
		const uint8 *pattern = block.cells;
		int64		distinct = 0,
					rows = 0;

		for (int r = 0; r < block.n; r++, pattern += d->frame->stride)
		{
			double		x;
			int64		k;

			if (!FrameNumber(d->column, pattern, &x))
				continue;
			k = (int64) x - low;
			if ((double) (k + low) != x)
			{
				pfree(map);
				return false;
			}
			rows += (int64) block.pos[r] + block.neg[r];
			distinct += (~map[k / 8] >> k % 8) & 1;
			map[k / 8] |= 1 << k % 8;
		}
		d->distinct += distinct;
		d->repeats += rows - distinct;
	}
	pfree(map);
	return true;
}

/* ---- a hash set ---- */

/* One to one: equal hashes are equal numbers. */
static inline uint64
MixBits(uint64 b)
{
	b ^= b >> 32;
	b *= UINT64CONST(0xd6e8feb86659fd93);
	b ^= b >> 32;
	b *= UINT64CONST(0xd6e8feb86659fd93);
	return b ^ b >> 32;
}

/* Hashes that begin with the bits of `share`.  False: too many for the slots. */
static bool
CountShare(DistinctCount *d, uint64 *slots, int bits, uint64 seed,
		   uint64 share, int share_bits)
{
	uint64		mask = (UINT64CONST(1) << bits) - 1;
	uint64		empty = MixBits(FRAME_NULL_BITS ^ seed);	/* no number's */
	uint64		hashes[PATTERN_BLOCK_ROWS];
	int64		used = 0;
	PatternBlock block = {0};

	for (uint64 i = 0; i <= mask; i++)
		slots[i] = empty;
	while (d->repeats <= d->most && FrameScan(d->frame, &block))
	{
		const uint8 *pattern = block.cells;
		int			n = 0;
		int64		distinct = 0,
					rows = 0;

		if (used + block.n > (int64) mask)
			return false;
		/* ask for all slots before the first is needed */
		for (int r = 0; r < block.n; r++, pattern += d->frame->stride)
		{
			uint64		hash = MixBits(FrameNumberBits(d->column, pattern) ^ seed);

			if (hash == empty || (share_bits > 0 && hash >> (64 - share_bits) != share))
				continue;
			__builtin_prefetch(&slots[hash & mask], 1);
			hashes[n++] = hash;
			rows += (int64) block.pos[r] + block.neg[r];
		}
		for (int i = 0; i < n; i++)
		{
			uint64		k = hashes[i] & mask;

			while (slots[k] != empty && slots[k] != hashes[i])
				k = (k + 1) & mask;
			distinct += (slots[k] == empty);
			slots[k] = hashes[i];
		}
		used += distinct;
		d->distinct += distinct;
		d->repeats += rows - distinct;
	}
	return true;
}

static bool
CountShares(DistinctCount *d, uint64 *slots, int bits, int share_bits)
{
	uint64		seed;

	/* nobody can make numbers that collide; the count is the same for any seed */
	if (!pg_strong_random(&seed, sizeof(seed)))
		seed = 0;
	d->distinct = d->repeats = 0;
	for (uint64 share = 0; share < UINT64CONST(1) << share_bits; share++)
		if (!CountShare(d, slots, bits, seed, share, share_bits))
			return false;
	return true;
}

static void
CountInSet(DistinctCount *d, int64 n)
{
	int			bits = LEAST_BITS,
				share_bits = 0;
	uint64	   *slots;

	while (FITTING(bits) < n && (int64) sizeof(uint64) << (bits + 1) <= MOST_BYTES)
		bits++;
	while (FITTING(bits) < n >> share_bits)
		share_bits++;
	slots = palloc_extended(sizeof(uint64) << bits, MCXT_ALLOC_HUGE);
	while (!CountShares(d, slots, bits, share_bits))
		share_bits++;
	pfree(slots);
}

/*
 * The different numbers of a plainly stored column; -1 if more than `most` of
 * its rows repeat a number, as soon as that is known.
 */
int64
CountDistinctUnless(const Frame *f, const FrameColumn *c, const ColumnStats *cs,
					int64 most)
{
	DistinctCount d = {f, c, 0, 0, most};
	int64		n = Min(f->npatterns, cs->nonnull);
	double		bytes = (cs->max - floor(cs->min)) / 8 + 1;

	if (n == 0)
		return 0;
	if (bytes > Min(MOST_BYTES, n * 16) || cs->min <= -WHOLE_LIMIT ||
		cs->max >= WHOLE_LIMIT || !CountInMap(&d, cs->min, (Size) bytes))
		CountInSet(&d, n);
	return d.repeats <= most ? d.distinct : -1;
}

/* The same without looking at statistics, however many rows repeat. */
int64
CountDistinctNumbers(const Frame *f, const FrameColumn *c)
{
	DistinctCount d = {f, c, 0, 0, PG_INT64_MAX};

	CountInSet(&d, f->npatterns);
	return d.distinct;
}
