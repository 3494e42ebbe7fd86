/*-------------------------------------------------------------------------
 *
 * profilesource.c
 *	  The profile of a training set: of a frame, or as a model remembers it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "leadprofile.h"

/* The parts of times are numbers. */
static CellType
TypeOfColumn(const FrameColumn *c)
{
	return c->part != TRANSFORM_NONE ? CELL_INT4 : c->type;
}

/* ---- frames ---- */

/* Rows of each code, [0] NULL. */
static int64 **
CountCodes(const Frame *f)
{
	int64	  **rows = palloc0(sizeof(int64 *) * Max(f->ncolumns, 1));
	PatternBlock block = {0};

	for (int i = 0; i < f->ncolumns; i++)
		if (f->columns[i].store == STORE_DICTIONARY)
			rows[i] = palloc0(sizeof(int64) * (f->columns[i].nvalues + 1));
	while (FrameScan(f, &block))
		for (int i = 0; i < f->ncolumns; i++)
		{
			const uint8 *pattern = block.cells;

			if (rows[i] != NULL)
				for (int k = 0; k < block.n; k++, pattern += f->stride)
					rows[i][FrameCode(&f->columns[i], pattern)] += (int64) block.pos[k] + block.neg[k];
		}
	return rows;
}

static int
CompareNumbers(const void *a, const void *b)
{
	double		x = ((const NumberCount *) a)->x,
				y = ((const NumberCount *) b)->x;

	CHECK_FOR_INTERRUPTS();
	return x < y ? -1 : x > y;
}

/* All numbers of a column that has no dictionary, sorted; equal ones not joined. */
static NumberCount *
PlainNumbers(const Frame *f, const FrameColumn *c, int64 *n)
{
	NumberCount *numbers = palloc_extended(sizeof(NumberCount) * Max(f->npatterns, 1),
										   MCXT_ALLOC_HUGE);
	PatternBlock block = {0};

	*n = 0;
	while (FrameScan(f, &block))
		for (int k = 0; k < block.n; k++)
		{
			NumberCount *next = &numbers[*n];

			if (!FrameNumber(c, block.cells + (Size) k * f->stride, &next->x))
				continue;
			next->rows = (int64) block.pos[k] + block.neg[k];
			(*n)++;
		}
	qsort(numbers, *n, sizeof(NumberCount), CompareNumbers);
	return numbers;
}

static void
TakeNumbers(ProfileColumn *p, const Frame *f, const FrameColumn *c, const int64 *rows)
{
	NumberCount *numbers;
	int64		n = 0;

	if (c->store == STORE_NUMBERS)
		numbers = PlainNumbers(f, c, &n);
	else
	{
		numbers = palloc(sizeof(NumberCount) * Max(c->nvalues, 1));
		for (int k = 0; k < c->nvalues; k++)
			if (rows[k + 1] > 0)
			{
				numbers[n].x = c->numbers[k];
				numbers[n++].rows = rows[k + 1];
			}
	}
	p->store = PROFILE_NUMBERS;
	p->bits = MANTISSA_BITS;
	p->ranged = (n > 0);
	p->low = n > 0 ? numbers[0].x : 0;
	p->high = n > 0 ? numbers[n - 1].x : 0;
	for (int64 i = 0; i < n; i++)
		numbers[i].x = ProfileNumber(p->type, numbers[i].x);
	p->n = ProfileCoarsen(numbers, (int) n, MANTISSA_BITS);
	p->numbers = numbers;
	ProfileTrimNumbers(p);
}

static void
TakeLevels(ProfileColumn *p, const FrameColumn *c, const int64 *rows)
{
	int64		bytes = 0;

	p->store = PROFILE_LEVELS;
	p->levels = palloc_extended(sizeof(LevelCount) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
	for (int k = 0; k < c->nvalues; k++)
	{
		LevelCount *l = &p->levels[p->n];

		if (rows[k + 1] == 0)
			continue;
		l->text = c->texts[k];
		l->len = c->lengths[k];
		l->rows = rows[k + 1];
		bytes += l->len;
		p->n++;
	}
	if (p->n > PROFILE_LEVELS_EXACT || bytes > PROFILE_LEVEL_BYTES)
		ProfileHashLevels(p);
}

/* Of the features; shares texts with the frame. */
Profile *
ProfileOfFrame(const Frame *f)
{
	Profile    *p = palloc0(sizeof(Profile));
	int64	  **rows = CountCodes(f);

	p->rows = f->rows;
	p->columns = palloc0(sizeof(ProfileColumn) * Max(f->ncolumns, 1));
	for (int i = 0; i < f->ncolumns; i++)
	{
		const FrameColumn *c = &f->columns[i];
		ProfileColumn *pc = &p->columns[p->ncolumns];

		CHECK_FOR_INTERRUPTS();
		if (c->role != ROLE_FEATURE)
			continue;
		p->ncolumns++;
		pc->name = c->name;
		pc->type = TypeOfColumn(c);
		pc->position = c->position;
		pc->nulls = c->nulls;
		if (!FrameColumnHasCells(c))
		{
			pc->store = PROFILE_COUNTED;
			/* 0 to 0 is none; bytes from elsewhere may have it upside down */
			pc->ranged = c->store == STORE_COUNTED && c->nulls < f->rows &&
				CellTypeClass(c->type) == CLASS_TIME &&
				c->low <= c->high && (c->low != 0 || c->high != 0);
			pc->low = c->low;
			pc->high = c->high;
		}
		else if (CellTypeClass(pc->type) == CLASS_TEXT)
			TakeLevels(pc, c, rows[i]);
		else
			TakeNumbers(pc, f, c, rows[i]);
	}
	ProfileSort(p);
	return p;
}

/* ---- models ---- */

pg_noreturn static void
NoProfile(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the model does not tell how its training data were distributed"),
			 errdetail("%s", detail),
			 errhint("Train it again, or take the profile of a frame.")));
}

static JsonbValue *
Member(JsonbContainer *object, const char *key, enum jbvType type)
{
	JsonbValue	k = {.type = jbvString};
	JsonbValue *v;

	k.val.string.val = unconstify(char *, key);
	k.val.string.len = strlen(key);
	v = findJsonbValueFromContainer(object, JB_FOBJECT, &k);
	return v != NULL && v->type == type ? v : NULL;
}

static double
NumberOf(const JsonbValue *v)
{
	if (v == NULL || v->type != jbvNumeric)
		NoProfile("A number is missing in it.");
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(v->val.numeric)));
}

/* A count; what is no whole number of rows is refused. */
static int64
RowsOf(const JsonbValue *v)
{
	double		rows = NumberOf(v);

	if (!(rows >= 0 && rows < 9e15 && rows == __builtin_floor(rows)))
		NoProfile("A number of rows is out of range.");
	return (int64) rows;
}

static char *
TextOf(const JsonbValue *v, int *len)
{
	if (v == NULL || v->type != jbvString)
		NoProfile("A text is missing in it.");
	return TextToUtf8(v->val.string.val, v->val.string.len, len);
}

static CellType
TypeOf(const JsonbValue *v)
{
	int			len;
	const char *name = TextOf(v, &len);

	for (int t = CELL_BOOL; t <= CELL_TYPE_LAST; t++)
		if (strlen(CellTypeName(t)) == len && memcmp(CellTypeName(t), name, len) == 0)
			return t;
	NoProfile("A type in it is unknown.");
}

/* [[value, rows], …] */
static void
TakeValues(ProfileColumn *c, JsonbContainer *values, int64 left)
{
	bool		text = CellTypeClass(c->type) == CLASS_TEXT;
	uint32		n = JsonContainerSize(values);

	if (n > PROFILE_LEVELS_EXACT)
		NoProfile("A column has too many values.");
	c->levels = palloc0(sizeof(LevelCount) * Max(n, 1));
	c->numbers = palloc0(sizeof(NumberCount) * Max(n, 1));
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *pair = getIthJsonbValueFromContainer(values, i);
		JsonbValue *value;
		int64		rows;

		if (pair == NULL || pair->type != jbvBinary || !JsonContainerIsArray(pair->val.binary.data))
			NoProfile("A value has no rows.");
		value = getIthJsonbValueFromContainer(pair->val.binary.data, 0);
		rows = RowsOf(getIthJsonbValueFromContainer(pair->val.binary.data, 1));
		left -= rows;
		if (rows == 0 || left < 0)
			NoProfile("A number of rows is out of range.");
		if (text)
			c->levels[i].text = TextOf(value, &c->levels[i].len);
		else
			c->numbers[i].x = NumberOf(value);
		c->levels[i].rows = c->numbers[i].rows = rows;
	}
	c->n = (int) n;
	if (text)
	{
		qsort(c->levels, n, sizeof(LevelCount), ProfileCompareLevels);
		c->store = PROFILE_LEVELS;
		c->rest = left;
		return;
	}
	if (left != 0)
		NoProfile("The values of a column do not add up to its rows.");
	for (int i = 1; i < c->n; i++)
		if (c->numbers[i - 1].x > c->numbers[i].x)
			NoProfile("The values of a column are not sorted.");
	c->store = PROFILE_NUMBERS;
	c->n = ProfileCoarsen(c->numbers, c->n, c->bits);
	ProfileTrimNumbers(c);
}

static void
TakeColumn(ProfileColumn *c, JsonbContainer *object, int64 *rows, int position)
{
	JsonbValue *values = Member(object, "values", jbvBinary);
	JsonbValue *low = Member(object, "min", jbvNumeric),
			   *high = Member(object, "max", jbvNumeric),
			   *bits = Member(object, "bits", jbvNumeric);
	int			len;
	char	   *name = TextOf(Member(object, "column", jbvString), &len);

	c->name = pnstrdup(name, len);
	c->type = TypeOf(Member(object, "type", jbvString));
	/* a time itself has no values: with them it is one of its parts */
	if (values != NULL && CellTypeClass(c->type) == CLASS_TIME)
		c->type = CELL_INT4;
	c->position = position;
	*rows = RowsOf(Member(object, "rows", jbvNumeric));
	c->nulls = RowsOf(Member(object, "nulls", jbvNumeric));
	if (c->nulls > *rows)
		NoProfile("A column has more NULLs than rows.");
	c->store = PROFILE_COUNTED;
	c->ranged = (low != NULL && high != NULL);
	if (c->ranged)
	{
		c->low = NumberOf(low);
		c->high = NumberOf(high);
	}
	c->bits = MANTISSA_BITS;
	if (bits != NULL)
	{
		double		b = NumberOf(bits);

		if (b != MANTISSA_BITS && !(b >= 0 && b <= GRID_BITS))
			NoProfile("A column has no such grid.");
		c->bits = (int) b;
	}
	if (values != NULL)
		TakeValues(c, values->val.binary.data, *rows - c->nulls);
}

/* What the training remembered; columns that were left out are counted only. */
Profile *
ProfileOfModel(const Model *model)
{
	Profile    *p = palloc0(sizeof(Profile));
	JsonbValue *profile = Member(&ModelInfo(model)->root, "profile", jbvBinary);
	JsonbContainer *columns;

	if (profile == NULL || !JsonContainerIsArray(profile->val.binary.data))
		NoProfile("It has no profile.");
	columns = profile->val.binary.data;
	if (JsonContainerSize(columns) > PROFILE_MAX_COLUMNS)
		NoProfile("It has too many columns.");
	p->columns = palloc0(sizeof(ProfileColumn) * Max(JsonContainerSize(columns), 1));
	for (uint32 i = 0; i < JsonContainerSize(columns); i++)
	{
		JsonbValue *v = getIthJsonbValueFromContainer(columns, i);
		int64		rows;

		CHECK_FOR_INTERRUPTS();
		if (v == NULL || v->type != jbvBinary || !JsonContainerIsObject(v->val.binary.data))
			NoProfile("It is not a list of columns.");
		TakeColumn(&p->columns[i], v->val.binary.data, &rows, (int) i);
		if (i > 0 && rows != p->rows)
			NoProfile("Its columns have different numbers of rows.");
		p->rows = rows;
		p->ncolumns++;
	}
	ProfileSort(p);
	return p;
}
