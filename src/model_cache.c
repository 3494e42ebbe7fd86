/*-------------------------------------------------------------------------
 *
 * model_cache.c
 *	  What makes scoring with a decoded model fast: finding a level by hash,
 *	  and finding that the model of this row is the model of the last row.
 *
 * Decoding a model takes a thousand times as long as scoring a row with it, and
 * a scalar sub-select hands every row the same toast pointer, so the cache
 * compares the argument as it stands, before any detoasting.  It lives in
 * fn_extra, which in PL/pgSQL survives the abort of a subtransaction: whatever
 * happens during a decode, the cache is either empty or whole.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "access/detoast.h"
#include "utils/memutils.h"

/* ------------------------------------------------------------------------
 * Levels: open addressing, at most half full, never changed once made
 * ------------------------------------------------------------------------
 */

typedef struct LevelSlot
{
	uint32		hash;
	int32		index;			/* -1: free */
} LevelSlot;

typedef struct LevelLookup
{
	uint32		mask;
	LevelSlot	slots[FLEXIBLE_ARRAY_MEMBER];
} LevelLookup;

static inline uint64
Mix(uint64 h)
{
	h *= UINT64CONST(0x9E3779B97F4A7C15);
	return h ^ (h >> 32);
}

/* Eight bytes at a time; the last ones overlap instead of a loop. */
static inline uint32
HashText(const char *s, int len)
{
	uint64		h = (uint64) len + 1;
	uint64		w;
	uint32		low;
	uint32		high;

	if (len >= 8)
	{
		const char *last = s + len - 8;

		for (; s < last; s += 8)
		{
			memcpy(&w, s, 8);
			h = Mix(h ^ w);
		}
		memcpy(&w, last, 8);
	}
	else if (len >= 4)
	{
		memcpy(&low, s, 4);
		memcpy(&high, s + len - 4, 4);
		w = low | (uint64) high << 32;
	}
	else if (len > 0)
		w = (unsigned char) s[0] | (unsigned char) s[len / 2] << 8 |
			(unsigned char) s[len - 1] << 16;
	else
		w = 0;

	return (uint32) Mix(Mix(h ^ w));
}

static inline uint32
HashNumber(double x)
{
	uint64		bits;

	x += 0.0;					/* -0 and 0 are one value */
	memcpy(&bits, &x, sizeof(bits));
	return (uint32) Mix(Mix(bits));
}

void
FeatureMakeLookup(Feature *f)
{
	LevelLookup *lookup;
	uint32		size = 2;

	f->lookup = NULL;
	if (f->kind != FEATURE_LEVELS || f->nlevels == 0)
		return;

	while (size < 2 * (uint32) f->nlevels)
		size *= 2;
	lookup = palloc(offsetof(LevelLookup, slots) + sizeof(LevelSlot) * size);
	lookup->mask = size - 1;
	for (uint32 i = 0; i < size; i++)
		lookup->slots[i].index = -1;

	for (int i = 0; i < f->nlevels; i++)
	{
		const Level *level = &f->levels[i];
		uint32		hash = level->text != NULL ?
			HashText(level->text, level->len) : HashNumber(level->number);
		uint32		at = hash & lookup->mask;

		while (lookup->slots[at].index >= 0)
			at = (at + 1) & lookup->mask;
		lookup->slots[at].hash = hash;
		lookup->slots[at].index = i;
	}
	f->lookup = lookup;
}

/* Without a lookup: the levels are sorted. */
static int
BisectLevel(const Feature *f, const char *text, int len, double number)
{
	int			low = 0;
	int			high = f->nlevels - 1;

	while (low <= high)
	{
		int			mid = low + (high - low) / 2;
		const Level *level = &f->levels[mid];
		int			cmp;

		if (level->text == NULL)
			cmp = number < level->number ? -1 : number > level->number;
		else if ((cmp = memcmp(text, level->text, Min(len, level->len))) == 0)
			cmp = len - level->len;

		if (cmp == 0)
			return mid;
		if (cmp < 0)
			high = mid - 1;
		else
			low = mid + 1;
	}
	return -1;
}

int
FeatureFindLevel(const Feature *f, const char *text, int len, double number)
{
	const LevelLookup *lookup = f->lookup;
	const LevelSlot *slot;
	uint32		hash;
	uint32		at;

	if (lookup == NULL)
		return BisectLevel(f, text, len, number);

	if (f->levels[0].text != NULL)
	{
		hash = HashText(text, len);
		for (at = hash & lookup->mask;
			 (slot = &lookup->slots[at])->index >= 0;
			 at = (at + 1) & lookup->mask)
		{
			const Level *level = &f->levels[slot->index];

			if (slot->hash == hash && level->len == len &&
				memcmp(level->text, text, len) == 0)
				return slot->index;
		}
		return -1;
	}

	hash = HashNumber(number);
	for (at = hash & lookup->mask;
		 (slot = &lookup->slots[at])->index >= 0;
		 at = (at + 1) & lookup->mask)
		if (slot->hash == hash && f->levels[slot->index].number == number)
			return slot->index;
	return -1;
}

/* ------------------------------------------------------------------------
 * The model of a query
 * ------------------------------------------------------------------------
 */

/*
 * Is this the value that was decoded?  The same toast pointer is; so is the
 * same place in memory with the same header, because the header has lengths and
 * checksums; any other place is compared in full.
 */
static bool
IsCached(const ModelCache *cache, const struct varlena *value)
{
	Size		size = VARSIZE_ANY(value);

	if (size != VARSIZE_ANY(cache->key))
		return false;
	if ((Pointer) value == cache->key_pointer &&
		VARATT_IS_4B_U(value) && size > MODEL_HEADER_SIZE + VARHDRSZ)
		size = MODEL_HEADER_SIZE + VARHDRSZ;
	return memcmp(value, cache->key, size) == 0;
}

static void
Remember(ModelCache *cache, struct varlena *value, bool constant)
{
	MemoryContext cxt = cache->cxt;
	Model	   *model;
	struct varlena *key = NULL;
	const char *why;

	/* empty until everything is there */
	cache->model = NULL;
	cache->key = NULL;
	MemoryContextReset(cxt);

	model = MemoryContextAllocZero(cxt, sizeof(Model));
	why = ModelDecodeInto(model, PointerGetDatum(value), true, cxt);
	if (why != NULL)
		ModelRefuse(model, why);
	if (!constant)
	{
		key = MemoryContextAlloc(cxt, VARSIZE_ANY(value));
		memcpy(key, value, VARSIZE_ANY(value));
	}

	cache->key = key;
	cache->key_pointer = (Pointer) value;
	cache->constant = constant;
	cache->generation++;
	cache->model = model;
}

/* Pointers into memory say nothing about the bytes behind them. */
static struct varlena *
ModelValue(Datum model)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(model);

	if (VARATT_IS_EXTERNAL(value) && !VARATT_IS_EXTERNAL_ONDISK(value))
		value = detoast_external_attr(value);
	return value;
}

/* Is this model the one remembered? */
bool
ModelCacheHas(const ModelCache *cache, Datum model)
{
	return cache->model != NULL &&
		(cache->constant || IsCached(cache, ModelValue(model)));
}

/* The scoring part of a model. */
Model *
ModelCacheGet(ModelCache *cache, Datum model, bool constant, MemoryContext parent)
{
	struct varlena *value;

	if (cache->model != NULL && cache->constant)
		return cache->model;

	value = ModelValue(model);
	if (cache->model != NULL && IsCached(cache, value))
	{
		cache->key_pointer = (Pointer) value;
		return cache->model;
	}

	if (cache->cxt == NULL)
		cache->cxt = AllocSetContextCreate(parent, "leadscore model",
										   ALLOCSET_DEFAULT_SIZES);
	Remember(cache, value, constant);
	return cache->model;
}
