/*-------------------------------------------------------------------------
 *
 * profiling.c
 *	  The aggregates and functions that make profiles.
 *
 *	lead_profile(features)			rows -> leadprofile
 *	lead_profile(model, features)	the same, with what each column adds to the
 *									score, and the scores
 *	lead_profile(leadprofile)		profiles -> their union; also ||
 *	lead_profile(leadframe)			of a training set
 *	lead_profile(model)				of what the model was trained on
 *
 * A state counts the rows that it was given; profiles that were added, or came
 * from another process, are kept beside as one.  A state travels as the bytes of
 * its profile, which lose nothing that counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "bytes.h"
#include "leadprofile.h"
#include "textkey.h"
#include "train.h"
#include "valuetype.h"

typedef struct LevelSlot
{
	TextKey		key;
	int64		rows;			/* 0: free */
} LevelSlot;

/*
 * A column while rows are counted.  Values lie in a table of `capacity` slots,
 * a power of 2; beyond the limit numbers go to a grid, texts to hashed cells.
 */
typedef struct Counter
{
	/* what every row needs, together */
	double		last;			/* number that came last, not rounded, and its slot */
	NumberCount *last_slot;
	bool		integer;		/* CELL_INT4 */

	MemoryContext cxt;
	ProfileColumn column;		/* all but the values */
	int			capacity;
	int			n;
	NumberCount *numbers;
	LevelSlot  *levels;
	int64		level_bytes;
	NumberGrid *grid;
} Counter;

typedef struct ProfileState
{
	MemoryContext cxt;
	RowInput	in;
	Counter    *counters;		/* per column of the row; unnamed if dropped */
	Cell	   *cells;
	int64		rows;
	/* with a model */
	ModelCache	cache;
	uint64		generation;
	uint32		model_checksum;
	uint32		model_bytes;
	Binding		binding;
	Cell	   *sources;
	double	   *contribution;
	ExactSum   *sums;
	Counter		score;
	/* profiles that were added */
	MemoryContext merged_cxt;
	Profile    *merged;
} ProfileState;

#define FIRST_SLOTS		16

/* ---- one column ---- */

static void
CounterInit(Counter *c, MemoryContext cxt, char *name, CellType type, int position)
{
	CellClass	class = CellTypeClass(type);

	memset(c, 0, sizeof(*c));
	c->cxt = cxt;
	c->column.name = name;
	c->column.type = type;
	c->column.position = position;
	c->integer = (type == CELL_INT4);
	c->column.store = class == CLASS_NONE ? PROFILE_COUNTED :
		class == CLASS_TEXT ? PROFILE_LEVELS : PROFILE_NUMBERS;
}

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

static void
GrowNumbers(Counter *c)
{
	int			capacity = Max(2 * c->capacity, FIRST_SLOTS);
	NumberCount *slots = MemoryContextAllocZero(c->cxt, sizeof(NumberCount) * capacity);

	for (int i = 0; i < c->capacity; i++)
		if (c->numbers[i].rows > 0)
			*FindNumber(slots, capacity, c->numbers[i].x) = c->numbers[i];
	if (c->numbers != NULL)
		pfree(c->numbers);
	c->numbers = slots;
	c->capacity = capacity;
	c->last_slot = NULL;
}

static void
AddToGrid(Counter *c, double x, int64 rows)
{
	uint64		number = DoubleBits(x);
	int32		cell = GridCell(c->grid, c->grid->bits, number);

	if (cell < 0)
	{
		GridTrim(c->grid);
		GridAddPage(c->grid, number);
		cell = GridCell(c->grid, c->grid->bits, number);
	}
	c->grid->rows[cell] += rows;
}

static void
NumbersToGrid(Counter *c)
{
	MemoryContext old = MemoryContextSwitchTo(c->cxt);

	c->grid = GridCreate();
	c->column.sketch = palloc0(PROFILE_SKETCH);
	for (int i = 0; i < c->capacity; i++)
		if (c->numbers[i].rows > 0)
		{
			ProfileSketch(c->column.sketch, ProfileHashNumber(c->numbers[i].x));
			AddToGrid(c, c->numbers[i].x, c->numbers[i].rows);
		}
	pfree(c->numbers);
	c->numbers = NULL;
	c->last_slot = NULL;
	MemoryContextSwitchTo(old);
}

/* The same number as before: most columns of leads hardly ever change. */
static inline bool
CountAgain(Counter *c, double exact)
{
	if (c->last_slot == NULL || c->last != exact)
		return false;
	c->last_slot->rows++;
	return true;
}

static void
CountNumber(Counter *c, double exact)
{
	double		x;

	if (CountAgain(c, exact))
		return;
	if (!c->column.ranged)
		c->column.low = c->column.high = exact;
	c->column.ranged = true;
	if (exact < c->column.low)
		c->column.low = exact;
	if (exact > c->column.high)
		c->column.high = exact;
	x = ProfileNumber(c->column.type, exact);
	if (c->grid == NULL)
	{
		NumberCount *slot;

		if (2 * c->n >= c->capacity)
			GrowNumbers(c);
		slot = FindNumber(c->numbers, c->capacity, x);
		if (slot->rows > 0 || c->n < PROFILE_NUMBERS_EXACT)
		{
			c->n += (slot->rows == 0);
			slot->x = x;
			slot->rows++;
			c->last = exact;
			c->last_slot = slot;
			return;
		}
		NumbersToGrid(c);
	}
	ProfileSketch(c->column.sketch, ProfileHashNumber(x));
	AddToGrid(c, x, 1);
}

static LevelSlot *
FindLevel(LevelSlot *slots, int capacity, const TextKey *key)
{
	uint64		at = TextKeyHash(key);

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

static int
CompareLevels(const void *x, const void *y)
{
	const LevelCount *a = x,
			   *b = y;
	int			cmp = memcmp(a->text, b->text, Min(a->len, b->len));

	return cmp != 0 ? cmp : a->len - b->len;
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
	qsort(column->levels, column->n, sizeof(LevelCount), CompareLevels);
}

static void
CountHashed(Counter *c, const char *text, int len)
{
	uint64		hash = ProfileHashText(text, len);

	c->column.hashed[hash >> 56]++;
	ProfileSketch(c->column.sketch, hash);
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

static void
CountCell(Counter *c, const Cell *cell)
{
	if (cell->isnull)
		c->column.nulls++;
	else if (c->column.store == PROFILE_NUMBERS)
		CountNumber(c, cell->number);
	else
		CountLevel(c, cell->text, cell->len);
}

static int
CompareNumbers(const void *a, const void *b)
{
	double		x = ((const NumberCount *) a)->x,
				y = ((const NumberCount *) b)->x;

	return x < y ? -1 : x > y;
}

/* What was counted, in the current context; texts stay where they are. */
static void
FinishColumn(const Counter *c, ProfileColumn *out)
{
	*out = c->column;
	if (out->sketch != NULL)
	{
		out->sketch = palloc(PROFILE_SKETCH);
		memcpy(out->sketch, c->column.sketch, PROFILE_SKETCH);
	}
	if (out->store == PROFILE_LEVELS)
		ListLevels(c, out);
	if (out->store != PROFILE_NUMBERS)
		return;
	if (c->grid != NULL)
	{
		out->numbers = GridCounts(c->grid, &out->n);
		out->bits = c->grid->bits;
	}
	else
	{
		out->bits = MANTISSA_BITS;
		out->n = 0;
		out->numbers = palloc(sizeof(NumberCount) * Max(c->n, 1));
		for (int i = 0; i < c->capacity; i++)
			if (c->numbers[i].rows > 0)
				out->numbers[out->n++] = c->numbers[i];
		qsort(out->numbers, out->n, sizeof(NumberCount), CompareNumbers);
	}
	ProfileTrimNumbers(out);
}

/* ---- states ---- */

static ProfileState *
StateCreate(FunctionCallInfo fcinfo)
{
	MemoryContext cxt;
	ProfileState *st;

	if (!AggCheckCallContext(fcinfo, &cxt))
		elog(ERROR, "aggregate function called in non-aggregate context");
	st = MemoryContextAllocZero(cxt, sizeof(ProfileState));
	st->cxt = cxt;
	return st;
}

static ProfileState *
StateOfCall(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? StateCreate(fcinfo) : (ProfileState *) PG_GETARG_POINTER(0);
}

static void
BindRow(ProfileState *st)
{
	const RowShape *shape = st->in.shape;

	st->counters = MemoryContextAllocZero(st->cxt, sizeof(Counter) * Max(shape->ncolumns, 1));
	st->cells = MemoryContextAllocZero(st->cxt, sizeof(Cell) * Max(shape->ncolumns, 1));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		const RowColumn *col = &shape->columns[i];

		if (col->name == NULL)
			continue;
		if (st->cache.model != NULL && strcmp(col->name, PROFILE_SCORE) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("the row has a column \"%s\" already, as that of the scores is called",
							PROFILE_SCORE),
					 errhint("Give it another name in a sub-select.")));
		CounterInit(&st->counters[i], st->cxt, MemoryContextStrdup(st->cxt, col->name),
					col->type, i);
	}
}

static void
BindModelToRow(ProfileState *st)
{
	const Model *model = st->cache.model;

	BindModel(&st->binding, model, st->in.shape, st->cxt);
	if (st->sums != NULL)
		return;
	st->sums = MemoryContextAllocZero(st->cxt, sizeof(ExactSum) * Max(model->encoder->nsources, 1));
	st->contribution = MemoryContextAlloc(st->cxt, sizeof(double) * Max(model->encoder->nsources, 1));
	st->sources = MemoryContextAlloc(st->cxt, sizeof(Cell) * Max(model->encoder->nsources, 1));
	CounterInit(&st->score, st->cxt, PROFILE_SCORE, CELL_FLOAT8, LEADSCORE_MAX_COLUMNS);
}

static void
AddRow(ProfileState *st)
{
	const RowShape *shape = st->in.shape;
	bool		keep = st->cache.model != NULL;	/* the cells, to be scored */

	for (int i = 0; i < shape->ncolumns; i++)
	{
		Counter    *c = &st->counters[i];
		bool		isnull = st->in.nulls[i];

		if (c->integer && !isnull && !keep)
		{
			double		x = DatumGetInt32(st->in.values[i]);

			if (!CountAgain(c, x))
				CountNumber(c, x);
			continue;
		}
		if (c->column.name == NULL)
			continue;
		if (c->column.store == PROFILE_COUNTED || (isnull && !keep))
		{
			c->column.nulls += isnull;
			continue;
		}
		CellRead(&shape->columns[i], st->in.values[i], isnull, &st->cells[i]);
		CountCell(c, &st->cells[i]);
	}
	st->rows++;
}

static void
AddScore(ProfileState *st)
{
	const Model *model = st->cache.model;
	double		average,
				eta;

	for (int i = 0; i < model->encoder->nsources; i++)
		st->sources[i] = st->cells[st->binding.column[i]];
	eta = ModelContributions(model, st->sources, st->contribution, &average);
	for (int i = 0; i < model->encoder->nsources; i++)
		ExactAdd(&st->sums[i], st->contribution[i]);
	CountNumber(&st->score, Sigmoid(eta));
}

static void
ReadRow(ProfileState *st, Datum row)
{
	const RowShape *was = st->in.shape;
	bool		fresh = RowInputRecord(&st->in, DatumGetHeapTupleHeader(row), st->cxt);

	if (!fresh)
		return;
	if (was != NULL)
		CheckSameColumns(was, st->in.shape);
	else
		BindRow(st);
	if (st->cache.model != NULL)
		BindModelToRow(st);
}

static void
NullRow(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("a row to profile is NULL"),
			 errhint("Leave it out with FILTER; an outer join may have made it.")));
}

/* (state, features record) */
PG_FUNCTION_INFO_V1(lead_profile_transfn);
Datum
lead_profile_transfn(PG_FUNCTION_ARGS)
{
	ProfileState *st = StateOfCall(fcinfo);

	if (PG_ARGISNULL(1))
		NullRow();
	ReadRow(st, PG_GETARG_DATUM(1));
	AddRow(st);
	PG_RETURN_POINTER(st);
}

static void
TakeModel(ProfileState *st, Datum model)
{
	(void) ModelCacheGet(&st->cache, model, false, st->cxt);
	if (st->cache.generation == st->generation)
		return;
	if (st->generation != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model must be the same for every row"),
				 errhint("Group by what tells the models apart.")));
	else
	{
		struct varlena *bytes = PG_DETOAST_DATUM_PACKED(model);

		st->model_checksum = ChecksumOf(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
		st->model_bytes = VARSIZE_ANY_EXHDR(bytes);
		st->generation = st->cache.generation;
	}
}

/* (state, model bytea, features record) */
PG_FUNCTION_INFO_V1(lead_profile_model_transfn);
Datum
lead_profile_model_transfn(PG_FUNCTION_ARGS)
{
	ProfileState *st = StateOfCall(fcinfo);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the model is NULL")));
	if (PG_ARGISNULL(2))
		NullRow();
	TakeModel(st, PG_GETARG_DATUM(1));
	ReadRow(st, PG_GETARG_DATUM(2));
	AddRow(st);
	AddScore(st);
	PG_RETURN_POINTER(st);
}

/* The rows that were counted, as a profile in the current context. */
static Profile *
FinishRows(const ProfileState *st)
{
	Profile    *p = palloc0(sizeof(Profile));
	const RowShape *shape = st->in.shape;
	const Model *model = st->cache.model;

	p->rows = st->rows;
	if (shape == NULL)
		return p;
	p->columns = palloc0(sizeof(ProfileColumn) * (shape->ncolumns + 1));
	for (int i = 0; i < shape->ncolumns; i++)
		if (st->counters[i].column.name != NULL)
			FinishColumn(&st->counters[i], &p->columns[p->ncolumns++]);
	if (model != NULL)
	{
		FinishColumn(&st->score, &p->columns[p->ncolumns++]);
		p->model_checksum = st->model_checksum;
		p->model_bytes = st->model_bytes;
		p->nterms = model->encoder->nsources;
		p->terms = palloc0(sizeof(ProfileTerm) * Max(p->nterms, 1));
		for (int i = 0; i < p->nterms; i++)
		{
			p->terms[i].name = model->encoder->sources[i].name;
			p->terms[i].sum = st->sums[i];
		}
	}
	ProfileSort(p);
	return p;
}

static Profile *
StateProfile(const ProfileState *st)
{
	if (st->merged == NULL)
		return FinishRows(st);
	if (st->rows == 0)
		return st->merged;
	return ProfileUnion(st->merged, FinishRows(st));
}

/* Add a profile to those that were added. */
static void
MergeProfile(ProfileState *st, const Profile *p)
{
	MemoryContext cxt = AllocSetContextCreate(st->cxt, "leadscore profile",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	Profile		empty = {0};

	st->merged = ProfileUnion(st->merged != NULL ? st->merged : &empty, p);
	MemoryContextSwitchTo(old);
	if (st->merged_cxt != NULL)
		MemoryContextDelete(st->merged_cxt);
	st->merged_cxt = cxt;
}

/* (state, leadprofile): NULL profiles are passed over */
PG_FUNCTION_INFO_V1(lead_profile_union_transfn);
Datum
lead_profile_union_transfn(PG_FUNCTION_ARGS)
{
	ProfileState *st;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	st = StateOfCall(fcinfo);
	MergeProfile(st, ProfileDecode(PG_GETARG_VARLENA_P(1)));
	PG_RETURN_POINTER(st);
}

PG_FUNCTION_INFO_V1(lead_profile_combine);
Datum
lead_profile_combine(PG_FUNCTION_ARGS)
{
	ProfileState *a;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	a = StateOfCall(fcinfo);
	MergeProfile(a, StateProfile((ProfileState *) PG_GETARG_POINTER(1)));
	PG_RETURN_POINTER(a);
}

PG_FUNCTION_INFO_V1(lead_profile_serialize);
Datum
lead_profile_serialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	PG_RETURN_BYTEA_P(ProfileEncode(StateProfile((ProfileState *) PG_GETARG_POINTER(0))));
}

PG_FUNCTION_INFO_V1(lead_profile_deserialize);
Datum
lead_profile_deserialize(PG_FUNCTION_ARGS)
{
	ProfileState *st;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	st = palloc0(sizeof(ProfileState));
	st->cxt = CurrentMemoryContext;
	MergeProfile(st, ProfileDecode(PG_GETARG_VARLENA_P(0)));
	PG_RETURN_POINTER(st);
}

PG_FUNCTION_INFO_V1(lead_profile_finalfn);
Datum
lead_profile_finalfn(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(ProfileEncode(StateProfile((ProfileState *) PG_GETARG_POINTER(0))));
}

/* ---- other ways to a profile ---- */

PG_FUNCTION_INFO_V1(lead_profile_union);
Datum
lead_profile_union(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(ProfileEncode(ProfileUnion(ProfileDecode(PG_GETARG_VARLENA_P(0)),
												 ProfileDecode(PG_GETARG_VARLENA_P(1)))));
}

PG_FUNCTION_INFO_V1(lead_profile_frame);
Datum
lead_profile_frame(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(ProfileEncode(ProfileOfFrame(FrameDecode(PG_GETARG_VARLENA_P(0)))));
}

PG_FUNCTION_INFO_V1(lead_profile_model);
Datum
lead_profile_model(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(ProfileEncode(ProfileOfModel(ModelDecode(PG_GETARG_DATUM(0), false))));
}

/* ---- the type ---- */

static void
CheckProfile(const struct varlena *bytes)
{
	(void) ProfileDecode(bytes);
}

PG_FUNCTION_INFO_V1(leadprofile_in);
Datum
leadprofile_in(PG_FUNCTION_ARGS)
{
	return ValueIn(fcinfo, "leadprofile", CheckProfile);
}

PG_FUNCTION_INFO_V1(leadprofile_recv);
Datum
leadprofile_recv(PG_FUNCTION_ARGS)
{
	return ValueRecv(fcinfo, CheckProfile);
}
