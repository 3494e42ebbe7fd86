/*-------------------------------------------------------------------------
 *
 * profilecount.c
 *	  A column of a profile while rows are counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "profilecount.h"

#define FIRST_SLOTS			16
#define SMALL_FROM			256	/* rows: for fewer it is not worth the memory */

static bool
IsWhole(CellType type)
{
	return type == CELL_INT2 || type == CELL_INT4 || type == CELL_INT8;
}

void
CounterInit(Counter *c, MemoryContext cxt, char *name, CellType type, int position)
{
	CellClass	class = CellTypeClass(type);

	memset(c, 0, sizeof(*c));
	c->cxt = cxt;
	c->column.name = name;
	c->column.type = type;
	c->column.position = position;
	c->column.store = class == CLASS_NONE ? PROFILE_COUNTED :
		class == CLASS_TEXT ? PROFILE_LEVELS : PROFILE_NUMBERS;
	c->summed = ProfileKeepsSums(type);
	c->asked = IsWhole(type) ? 0 : SMALL_FROM;
}

/* ---- numbers ---- */

static inline NumberCount *
FindNumber(NumberCount *slots, int capacity, double x)
{
	uint64		at = ProfileHashNumber(x);

	for (;; at++)
	{
		NumberCount *slot = &slots[at & (capacity - 1)];

		if (slot->rows == 0 || slot->x == x)
			return slot;
	}
}

/* Make the table anew; small numbers go to their places, if they have them. */
static void
ResizeNumbers(Counter *c, int capacity)
{
	NumberCount *slots = MemoryContextAllocZero(c->cxt, sizeof(NumberCount) * capacity);

	c->n = 0;
	for (int i = 0; i < c->capacity; i++)
	{
		const NumberCount *from = &c->numbers[i];

		if (from->rows == 0)
			continue;
		if (from->x >= 0 && from->x < c->nsmall)
		{
			c->small[(int) from->x] = from->rows;
			continue;
		}
		*FindNumber(slots, capacity, from->x) = *from;
		c->n++;
	}
	if (c->numbers != NULL)
		pfree(c->numbers);
	c->numbers = slots;
	c->capacity = capacity;
	c->last_slot = NULL;
}

/* From now on small numbers are counted by their place. */
static void
PlaceSmallNumbers(Counter *c)
{
	c->small = MemoryContextAllocZero(c->cxt, sizeof(int64) * SMALL_NUMBERS);
	c->nsmall = SMALL_NUMBERS;
	if (c->grid == NULL)
		ResizeNumbers(c, c->capacity);
}

static void
GrowMantissas(Counter *c)
{
	int			pages = c->grid->capacity;
	MantissaSums *sums = MemoryContextAllocZero(c->cxt, sizeof(MantissaSums) * pages);

	if (c->mantissas != NULL)
	{
		memcpy(sums, c->mantissas, sizeof(MantissaSums) * c->mantissa_pages);
		pfree(c->mantissas);
	}
	c->mantissas = sums;
	c->mantissa_pages = pages;
}

/* The cell of a number; cells of a page follow each other. */
static inline int32
GridPlace(Counter *c, uint64 number)
{
	int32		cell = GridCell(c->grid, c->grid->bits, number);

	if (unlikely(cell < 0))
	{
		GridTrim(c->grid);
		GridAddPage(c->grid, number);
		if (c->summed && c->grid->npages > c->mantissa_pages)
			GrowMantissas(c);
		cell = GridCell(c->grid, c->grid->bits, number);
	}
	return cell;
}

static void
AddToGrid(Counter *c, double x)
{
	uint64		number = DoubleBits(x);
	int32		cell = GridPlace(c, number);

	ProfileSketch(c->column.sketch, ProfileHashNumber(x));
	c->grid->rows[cell]++;
	if (c->summed)
		MantissaAdd(&c->mantissas[cell >> c->grid->bits], number);
}

static void
NumbersToGrid(Counter *c)
{
	MemoryContext old = MemoryContextSwitchTo(c->cxt);

	c->grid = GridCreate();
	c->column.sketch = palloc0(PROFILE_SKETCH);
	if (c->summed)
		c->column.sums = palloc0(sizeof(PowerSums));
	for (int i = 0; i < c->capacity; i++)
		if (c->numbers[i].rows > 0)
		{
			int32		cell = GridPlace(c, DoubleBits(c->numbers[i].x));

			c->grid->rows[cell] += c->numbers[i].rows;
			ProfileTakeNumber(&c->column, &c->numbers[i]);
		}
	pfree(c->numbers);
	c->numbers = NULL;
	c->capacity = c->n = 0;
	c->last_slot = NULL;
	MemoryContextSwitchTo(old);
}

static inline void
Widen(ProfileColumn *column, double x)
{
	if (!column->ranged)
		column->low = column->high = x;
	column->ranged = true;
	if (x < column->low)
		column->low = x;
	if (x > column->high)
		column->high = x;
}

/* False if it would be one too many. */
static bool
CountExactly(Counter *c, double exact, double x)
{
	NumberCount *slot;

	if (2 * c->n >= c->capacity)
		ResizeNumbers(c, Max(2 * c->capacity, FIRST_SLOTS));
	slot = FindNumber(c->numbers, c->capacity, x);
	if (slot->rows == 0 && c->n >= PROFILE_NUMBERS_EXACT)
		return false;
	c->n += (slot->rows == 0);
	slot->x = x;
	slot->rows++;
	c->last = exact;
	c->last_slot = slot;
	return true;
}

void
CountNumber(Counter *c, double exact)
{
	double		x;

	if (c->last_slot != NULL && c->last == exact)
	{
		c->last_slot->rows++;
		if (c->asked == SMALL_FROM)
			return;
	}
	else
	{
		Widen(&c->column, exact);
		x = ProfileNumber(c->column.type, exact);
		if (c->grid == NULL && !CountExactly(c, exact, x))
			NumbersToGrid(c);
		if (c->grid != NULL)
			AddToGrid(c, x);
	}
	if (c->asked < SMALL_FROM && exact >= 0 && exact < SMALL_NUMBERS &&
		++c->asked == SMALL_FROM)
		PlaceSmallNumbers(c);
}

/* ---- levels ---- */

static LevelSlot *
FindLevel(LevelSlot *slots, int capacity, const TextKey *key)
{
	uint32		at = TextKeyPlace(key);

	for (;; at++)
	{
		LevelSlot  *slot = &slots[at & (capacity - 1)];

		if (slot->rows == 0 || SameText(&slot->key, key))
			return slot;
	}
}

static void
GrowLevels(Counter *c)
{
	int			capacity = Max(2 * c->capacity, FIRST_SLOTS);
	LevelSlot  *slots = MemoryContextAllocZero(c->cxt, sizeof(LevelSlot) * capacity);

	for (int i = 0; i < c->capacity; i++)
		if (c->levels[i].rows > 0)
			*FindLevel(slots, capacity, &c->levels[i].key) = c->levels[i];
	if (c->levels != NULL)
		pfree(c->levels);
	c->levels = slots;
	c->capacity = capacity;
}

/* The levels so far, sorted, as `column` has them. */
static void
ListLevels(const Counter *c, ProfileColumn *column)
{
	column->n = 0;
	column->levels = palloc(sizeof(LevelCount) * Max(c->n, 1));
	for (int i = 0; i < c->capacity; i++)
		if (c->levels[i].rows > 0)
		{
			LevelCount *l = &column->levels[column->n++];

			l->text = c->levels[i].key.text;
			l->len = c->levels[i].key.len;
			l->rows = c->levels[i].rows;
		}
	qsort(column->levels, column->n, sizeof(LevelCount), ProfileCompareLevels);
}

static void
LevelsToHashes(Counter *c)
{
	MemoryContext old = MemoryContextSwitchTo(c->cxt);

	ListLevels(c, &c->column);
	ProfileHashLevels(&c->column);
	for (int i = 0; i < c->capacity; i++)
		if (c->levels[i].rows > 0)
			pfree(unconstify(char *, c->levels[i].key.text));
	pfree(c->levels);
	c->levels = NULL;
	MemoryContextSwitchTo(old);
}

static void
CountHashed(Counter *c, const char *text, int len)
{
	uint64		hash = ProfileHashText(text, len);

	c->column.hashed[hash >> 56]++;
	ProfileSketch(c->column.sketch, hash);
}

void
CountLevel(Counter *c, const char *text, int len)
{
	if (c->column.store == PROFILE_LEVELS)
	{
		TextKey		key = MakeTextKey(text, len);
		LevelSlot  *slot;

		if (2 * c->n >= c->capacity)
			GrowLevels(c);
		slot = FindLevel(c->levels, c->capacity, &key);
		if (slot->rows > 0)
		{
			slot->rows++;
			return;
		}
		if (c->n < PROFILE_LEVELS_EXACT && c->level_bytes + len <= PROFILE_LEVEL_BYTES)
		{
			char	   *copy = MemoryContextAlloc(c->cxt, Max(len, 1));

			memcpy(copy, text, len);
			slot->key = key;
			slot->key.text = copy;
			slot->rows = 1;
			c->n++;
			c->level_bytes += len;
			return;
		}
		LevelsToHashes(c);
	}
	CountHashed(c, text, len);
}

/* Of a type that is not counted only. */
void
CountCell(Counter *c, const Cell *cell)
{
	if (cell->isnull)
		c->column.nulls++;
	else if (c->column.store == PROFILE_NUMBERS)
		CountNumber(c, cell->number);
	else
		CountLevel(c, cell->text, cell->len);
}

/* ---- the result ---- */

static int
CompareNumbers(const void *a, const void *b)
{
	double		x = ((const NumberCount *) a)->x,
				y = ((const NumberCount *) b)->x;

	return x < y ? -1 : x > y;
}

/* Copies of what the grid has beside its counts. */
static void
FinishGrid(const Counter *c, ProfileColumn *out)
{
	out->bits = c->grid->bits;
	out->sketch = palloc(PROFILE_SKETCH);
	memcpy(out->sketch, c->column.sketch, PROFILE_SKETCH);
	if (!c->summed)
		return;
	out->sums = palloc(sizeof(PowerSums));
	*out->sums = *c->column.sums;
	for (int e = 0; e < 1 << (64 - MANTISSA_BITS); e++)
	{
		int32		cell = GridCell(c->grid, c->grid->bits, (uint64) e << MANTISSA_BITS);

		if (cell >= 0)
			PowerSumsAddMantissas(out->sums, e, &c->mantissas[cell >> c->grid->bits]);
	}
}

static void
FinishNumbers(const Counter *c, ProfileColumn *out)
{
	NumberCount *counted = c->numbers;
	int			ncounted = c->capacity,
				n = 0;

	out->bits = MANTISSA_BITS;
	if (c->grid != NULL)
	{
		FinishGrid(c, out);
		counted = GridCounts(c->grid, &ncounted);
	}
	out->numbers = palloc(sizeof(NumberCount) * Max(ncounted + c->nsmall, 1));
	for (int i = 0; i < c->nsmall; i++)
		if (c->small[i] > 0)
		{
			out->numbers[n].x = i;
			out->numbers[n].rows = c->small[i];
			Widen(out, i);
			if (c->grid != NULL)
				ProfileTakeNumber(out, &out->numbers[n]);
			n++;
		}
	for (int i = 0; i < ncounted; i++)
		if (counted[i].rows > 0)
			out->numbers[n++] = counted[i];
	qsort(out->numbers, n, sizeof(NumberCount), CompareNumbers);
	out->n = n;
	ProfileTrimNumbers(out);
}

void
CounterColumn(const Counter *c, ProfileColumn *out)
{
	*out = c->column;
	if (out->store == PROFILE_LEVELS)
		ListLevels(c, out);
	else if (out->store == PROFILE_NUMBERS)
		FinishNumbers(c, out);
	else if (out->sketch != NULL)
	{
		out->sketch = palloc(PROFILE_SKETCH);
		memcpy(out->sketch, c->column.sketch, PROFILE_SKETCH);
	}
}
