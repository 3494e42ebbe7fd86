/*-------------------------------------------------------------------------
 *
 * leadprofile.c
 *	  What can be done to profiles: uniting, coarsening, counting distinct.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "leadprofile.h"
#include "textkey.h"

/* ---- different values ---- */

static inline uint64
Mix(uint64 h)
{
	h = (h ^ (h >> 33)) * UINT64CONST(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64CONST(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

uint64
ProfileHashNumber(double x)
{
	return Mix(DoubleBits(x) + UINT64CONST(0x9e3779b97f4a7c15));
}

/* The same on every machine. */
uint64
ProfileHashText(const char *text, int len)
{
	TextKey		k = MakeTextKey(text, len);

	return Mix(TextKeyHash(&k));
}

/*
 * HyperLogLog (Flajolet et al. 2007): a register holds the longest run of zeros
 * that a hash of its part began with, plus one.
 */
void
ProfileSketch(uint8 *sketch, uint64 hash)
{
	uint8	   *r = &sketch[hash % PROFILE_SKETCH];
	uint64		rest = hash / PROFILE_SKETCH | UINT64CONST(1) << 54;
	uint8		run = (uint8) __builtin_ctzll(rest) + 1;

	*r = Max(*r, run);
}

/* With linear counting below 2.5 registers; standard error 3 %. */
static double
SketchDistinct(const uint8 *sketch)
{
	const double m = PROFILE_SKETCH;
	double		sum = 0,
				estimate;
	int			empty = 0;

	for (int i = 0; i < PROFILE_SKETCH; i++)
	{
		sum += ldexp(1, -sketch[i]);
		empty += (sketch[i] == 0);
	}
	estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (estimate <= 2.5 * m && empty > 0)
		estimate = m * log(m / empty);
	return rint(estimate);
}

bool
ProfileIsExact(const ProfileColumn *c)
{
	return (c->store == PROFILE_NUMBERS && c->bits == MANTISSA_BITS) ||
		(c->store == PROFILE_LEVELS && c->rest == 0);
}

double
ProfileDistinct(const ProfileColumn *c)
{
	if (ProfileIsExact(c))
		return c->n;
	return c->sketch != NULL ? SketchDistinct(c->sketch) : NAN;
}

int64
ProfileNonNull(const Profile *p, const ProfileColumn *c)
{
	return p->rows - c->nulls;
}

/* ---- numbers ---- */

/* One and the same number for 0 and for what rounds to -0. */
static double
Round(double x, int bits)
{
	double		r = GridRound(x, bits);

	return r == 0 ? 0 : r;
}

int
ProfileCoarsen(NumberCount *numbers, int n, int bits)
{
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		double		x = Round(numbers[i].x, bits);
		int64		rows = numbers[i].rows;

		if (left > 0 && numbers[left - 1].x == x)
			numbers[left - 1].rows += rows;
		else
		{
			numbers[left].x = x;
			numbers[left++].rows = rows;
		}
	}
	return left;
}

void
ProfileTakeNumber(ProfileColumn *c, const NumberCount *number)
{
	ProfileSketch(c->sketch, ProfileHashNumber(number->x));
	if (c->sums != NULL)
		PowerSumsAdd(c->sums, number->x, number->rows);
}

/* Sketch and sums of numbers that are listed exactly so far. */
static void
TakeNumbers(ProfileColumn *c)
{
	c->sketch = palloc0(PROFILE_SKETCH);
	if (ProfileKeepsSums(c->type))
		c->sums = palloc0(sizeof(PowerSums));
	for (int i = 0; i < c->n; i++)
		ProfileTakeNumber(c, &c->numbers[i]);
}

void
ProfileTrimNumbers(ProfileColumn *c)
{
	if (c->n > PROFILE_NUMBERS_EXACT && c->bits == MANTISSA_BITS)
	{
		TakeNumbers(c);
		c->bits = GRID_BITS;
	}
	c->n = ProfileCoarsen(c->numbers, c->n, c->bits);
	while (c->n > PROFILE_NUMBERS_EXACT && c->bits > 0)
		c->n = ProfileCoarsen(c->numbers, c->n, --c->bits);
}

static NumberCount *
CopyNumbers(const ProfileColumn *c, int bits, int *n)
{
	NumberCount *copy = palloc(sizeof(NumberCount) * Max(c->n, 1));

	if (c->n > 0)
		memcpy(copy, c->numbers, sizeof(NumberCount) * c->n);
	*n = c->n;
	if (bits < c->bits)
		*n = ProfileCoarsen(copy, c->n, bits);
	return copy;
}

static void
UniteNumbers(ProfileColumn *u, const ProfileColumn *a, const ProfileColumn *b)
{
	int			na,
				nb,
				i = 0,
				j = 0;
	NumberCount *x,
			   *y;

	u->bits = Min(a->bits, b->bits);
	x = CopyNumbers(a, u->bits, &na);
	y = CopyNumbers(b, u->bits, &nb);
	u->numbers = palloc(sizeof(NumberCount) * Max(na + nb, 1));
	u->n = 0;
	while (i < na || j < nb)
	{
		NumberCount *next = &u->numbers[u->n++];

		if (j == nb || (i < na && x[i].x < y[j].x))
			*next = x[i++];
		else if (i == na || y[j].x < x[i].x)
			*next = y[j++];
		else
		{
			*next = x[i++];
			next->rows += y[j++].rows;
		}
	}
	ProfileTrimNumbers(u);
}

void
ProfileMoments(const ProfileColumn *c, int64 n, double *mean, double *sd)
{
	if (c->sums != NULL && n > 0)
		PowerSumsMoments(c->sums, n, mean, sd);
}

/* ---- levels ---- */

int
ProfileCompareLevels(const void *x, const void *y)
{
	const LevelCount *a = x,
			   *b = y;
	int			cmp = memcmp(a->text, b->text, Min(a->len, b->len));

	return cmp != 0 ? cmp : a->len - b->len;
}

void
ProfileHashLevels(ProfileColumn *c)
{
	if (c->store != PROFILE_LEVELS)
		return;
	c->hashed = palloc0(sizeof(int64) * PROFILE_HASH_CELLS);
	if (c->sketch == NULL && c->rest == 0)
		c->sketch = palloc0(PROFILE_SKETCH);
	for (int i = 0; i < c->n; i++)
	{
		uint64		hash = ProfileHashText(c->levels[i].text, c->levels[i].len);

		c->hashed[hash >> 56] += c->levels[i].rows;
		if (c->sketch != NULL)
			ProfileSketch(c->sketch, hash);
	}
	c->store = PROFILE_HASHED;
	c->levels = NULL;
	c->n = 0;
}

static bool
TooManyLevels(const ProfileColumn *c)
{
	int64		bytes = 0;

	for (int i = 0; i < c->n; i++)
		bytes += c->levels[i].len;
	return c->n > PROFILE_LEVELS_EXACT || bytes > PROFILE_LEVEL_BYTES;
}

static void
UniteLevels(ProfileColumn *u, const ProfileColumn *a, const ProfileColumn *b)
{
	int			i = 0,
				j = 0;

	u->levels = palloc(sizeof(LevelCount) * Max(a->n + b->n, 1));
	u->n = 0;
	while (i < a->n || j < b->n)
	{
		LevelCount *next = &u->levels[u->n++];
		int			cmp = j == b->n ? -1 : i == a->n ? 1 :
			ProfileCompareLevels(&a->levels[i], &b->levels[j]);

		*next = cmp <= 0 ? a->levels[i++] : b->levels[j++];
		if (cmp == 0)
			next->rows += b->levels[j++].rows;
		next->text = pnstrdup(next->text, next->len);
	}
	if (TooManyLevels(u))
		ProfileHashLevels(u);
}

static void
UniteSketches(ProfileColumn *u, const ProfileColumn *a, const ProfileColumn *b)
{
	if (a->sketch == NULL || b->sketch == NULL)
		return;
	u->sketch = palloc(PROFILE_SKETCH);
	for (int i = 0; i < PROFILE_SKETCH; i++)
		u->sketch[i] = Max(a->sketch[i], b->sketch[i]);
}

static void
UniteHashed(ProfileColumn *u, ProfileColumn a, ProfileColumn b)
{
	ProfileHashLevels(&a);
	ProfileHashLevels(&b);
	u->store = PROFILE_HASHED;
	u->hashed = palloc(sizeof(int64) * PROFILE_HASH_CELLS);
	for (int i = 0; i < PROFILE_HASH_CELLS; i++)
		u->hashed[i] = a.hashed[i] + b.hashed[i];
	UniteSketches(u, &a, &b);
}

/* ---- columns ---- */

/* Sketch and sums of all values of two columns, where both are known. */
static void
UniteTaken(ProfileColumn *u, ProfileColumn a, ProfileColumn b)
{
	if (a.bits == MANTISSA_BITS)
		TakeNumbers(&a);
	if (b.bits == MANTISSA_BITS)
		TakeNumbers(&b);
	UniteSketches(u, &a, &b);
	if (a.sums == NULL || b.sums == NULL)
		return;
	u->sums = palloc0(sizeof(PowerSums));
	PowerSumsAddSums(u->sums, a.sums);
	PowerSumsAddSums(u->sums, b.sums);
}

static void
UniteRanges(ProfileColumn *u, const ProfileColumn *a, const ProfileColumn *b)
{
	u->ranged = a->ranged || b->ranged;
	if (a->ranged && b->ranged)
	{
		u->low = Min(a->low, b->low);
		u->high = Max(a->high, b->high);
	}
	else if (u->ranged)
	{
		u->low = a->ranged ? a->low : b->low;
		u->high = a->ranged ? a->high : b->high;
	}
}

static void
UniteColumns(ProfileColumn *u, const ProfileColumn *a, const ProfileColumn *b)
{
	if (CellTypeClass(a->type) != CellTypeClass(b->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s in one profile and %s in another",
						TextFromUtf8(a->name, strlen(a->name)),
						CellTypeName(Min(a->type, b->type)), CellTypeName(Max(a->type, b->type))),
				 errhint("Cast it to the same type where the profiles are made.")));
	memset(u, 0, sizeof(*u));
	u->name = pstrdup(a->name);
	u->type = Max(a->type, b->type);
	u->position = Min(a->position, b->position);
	u->nulls = a->nulls + b->nulls;
	u->rest = a->rest + b->rest;
	UniteRanges(u, a, b);
	if (a->store == PROFILE_COUNTED || b->store == PROFILE_COUNTED)
	{
		u->store = PROFILE_COUNTED;
		u->rest = 0;
	}
	else if (a->store == PROFILE_NUMBERS)
	{
		u->store = PROFILE_NUMBERS;
		if (a->bits < MANTISSA_BITS || b->bits < MANTISSA_BITS)
			UniteTaken(u, *a, *b);
		UniteNumbers(u, a, b);
	}
	else if (a->store == PROFILE_LEVELS && b->store == PROFILE_LEVELS)
	{
		u->store = PROFILE_LEVELS;
		UniteLevels(u, a, b);
	}
	else
		UniteHashed(u, *a, *b);
}

static int
CompareColumns(const void *x, const void *y)
{
	const ProfileColumn *a = x,
			   *b = y;

	return a->position != b->position ? (a->position < b->position ? -1 : 1) :
		strcmp(a->name, b->name);
}

void
ProfileSort(Profile *p)
{
	qsort(p->columns, p->ncolumns, sizeof(ProfileColumn), CompareColumns);
}

const ProfileColumn *
ProfileFindColumn(const Profile *p, const char *name)
{
	for (int i = 0; i < p->ncolumns; i++)
		if (strcmp(p->columns[i].name, name) == 0)
			return &p->columns[i];
	return NULL;
}

/* A column that the rows of the other profile lack: NULL there. */
static void
UniteMissing(ProfileColumn *u, const ProfileColumn *c, int64 rows)
{
	ProfileColumn none = {.name = c->name, .type = c->type, .position = c->position};

	none.store = c->store == PROFILE_HASHED ? PROFILE_LEVELS : c->store;
	none.bits = MANTISSA_BITS;
	none.nulls = rows;
	UniteColumns(u, c, &none);
}

/* ---- profiles ---- */

static void
UniteTerms(Profile *u, const Profile *a, const Profile *b)
{
	const Profile *with = a->model_bytes != 0 ? a : b;

	u->model_checksum = with->model_checksum;
	u->model_bytes = with->model_bytes;
	u->nterms = with->nterms;
	u->terms = palloc0(sizeof(ProfileTerm) * Max(u->nterms, 1));
	for (int i = 0; i < u->nterms; i++)
	{
		u->terms[i].name = pstrdup(with->terms[i].name);
		if (a->model_bytes != 0)
			ExactAddSum(&u->terms[i].sum, &a->terms[i].sum);
		if (b->model_bytes != 0)
			ExactAddSum(&u->terms[i].sum, &b->terms[i].sum);
	}
}

static void
CheckSameModel(const Profile *a, const Profile *b)
{
	bool		same = a->model_checksum == b->model_checksum &&
		a->model_bytes == b->model_bytes && a->nterms == b->nterms;

	if (a->rows == 0 || b->rows == 0)
		same = same || a->model_bytes == 0 || b->model_bytes == 0;
	for (int i = 0; same && i < Min(a->nterms, b->nterms); i++)
		same = strcmp(a->terms[i].name, b->terms[i].name) == 0;
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the profiles were made with different models"),
				 errdetail("What the columns add to a score can be summed up for one model only."),
				 errhint("Make them with the same model, or all without one.")));
}

/* Shares nothing with a and b. */
Profile *
ProfileUnion(const Profile *a, const Profile *b)
{
	Profile    *u = palloc0(sizeof(Profile));

	CheckSameModel(a, b);
	u->rows = a->rows + b->rows;
	u->columns = palloc0(sizeof(ProfileColumn) * Max(a->ncolumns + b->ncolumns, 1));
	for (int i = 0; i < a->ncolumns; i++)
	{
		const ProfileColumn *c = &a->columns[i];
		const ProfileColumn *d = ProfileFindColumn(b, c->name);

		CHECK_FOR_INTERRUPTS();
		if (d != NULL)
			UniteColumns(&u->columns[u->ncolumns++], c, d);
		else
			UniteMissing(&u->columns[u->ncolumns++], c, b->rows);
	}
	for (int i = 0; i < b->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (ProfileFindColumn(a, b->columns[i].name) == NULL)
			UniteMissing(&u->columns[u->ncolumns++], &b->columns[i], a->rows);
	}
	if (u->rows > PROFILE_MAX_ROWS || u->ncolumns > PROFILE_MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the profiles are too large to be united"),
				 errdetail("Together they have %lld rows and %d columns; %lld and %d are the limits.",
						   (long long) u->rows, u->ncolumns,
						   (long long) PROFILE_MAX_ROWS, PROFILE_MAX_COLUMNS),
				 errhint("Profiles of unlike tables are best kept apart.")));
	ProfileSort(u);
	UniteTerms(u, a, b);
	return u;
}
