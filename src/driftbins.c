/*-------------------------------------------------------------------------
 *
 * driftbins.c
 *	  lead_drift_bins(reference, current, column): how one column is distributed
 *	  on both sides, in bins that a person can read.
 *
 * The statistics of drift.c keep to the bins of the method; these are for looking
 * at.  Their edges are round numbers (P. S. Heckbert, "Nice numbers for graph
 * labels", Graphics Gems, 1990), few different values are a bin each, and a long
 * tail is one open bin, because a single far value would put all others into one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "leadprofile.h"

#define BIN_COLUMNS		8
#define DEFAULT_BINS	20		/* intervals, or different numbers */
#define DEFAULT_LEVELS	12
#define MOST_BINS		200
#define TAIL_SHARE		0.005	/* of the rows of a side, in an open bin */
#define EPOCH_SECONDS	946684800.0 /* from 1970 to 2000 */

/* One side: a profile and its column, or NULL where it has no such column. */
typedef struct Side
{
	const Profile *profile;
	const ProfileColumn *column;
} Side;

typedef struct Bin
{
	char	   *level;			/* in the server's encoding */
	double		low;			/* NaN: not an interval */
	double		high;
	int64		rows[2];
} Bin;

/* A value and its rows on both sides. */
typedef struct BinValue
{
	double		x;				/* numbers */
	const char *text;			/* levels, in UTF-8 */
	int			len;
	int64		rows[2];
	bool		listed[2];
	double		weight;			/* sum of the shares */
} BinValue;

/* Edges are k · mantissa · 10^exponent, k from first to first + n. */
typedef struct Axis
{
	double		first;
	int			n;
	int			mantissa;
	int			exponent;
	bool		closed;			/* the last interval contains its upper edge */
	bool		below;			/* an open bin before, after */
	bool		above;
} Axis;

static inline bool
IsTime(const ProfileColumn *c)
{
	return CellTypeClass(c->type) == CLASS_TIME;
}

/* ---- values ---- */

static int
CompareNumbers(const void *a, const void *b)
{
	double		x = ((const BinValue *) a)->x,
				y = ((const BinValue *) b)->x;

	return x < y ? -1 : x > y;
}

static int
CompareTexts(const void *a, const void *b)
{
	const BinValue *v = a,
			   *w = b;
	int			cmp = memcmp(v->text, w->text, Min(v->len, w->len));

	return cmp != 0 ? cmp : v->len - w->len;
}

static int
CompareWeights(const void *a, const void *b)
{
	double		x = ((const BinValue *) a)->weight,
				y = ((const BinValue *) b)->weight;

	return x > y ? -1 : x < y ? 1 : CompareTexts(a, b);
}

/* Put equal values of the two sides together; sorts; returns how many are left. */
static int
Fold(BinValue *values, int n, int (*compare) (const void *, const void *))
{
	int			left = 0;

	qsort(values, n, sizeof(BinValue), compare);
	for (int i = 0; i < n; i++)
	{
		if (left == 0 || compare(&values[left - 1], &values[i]) != 0)
		{
			values[left++] = values[i];
			continue;
		}
		for (int s = 0; s < 2; s++)
		{
			values[left - 1].rows[s] += values[i].rows[s];
			values[left - 1].listed[s] |= values[i].listed[s];
		}
	}
	return left;
}

/* The numbers of both sides on the coarser of their grids, ascending. */
static BinValue *
NumbersOf(const Side *sides, int *n)
{
	BinValue	   *values;
	int			bits = MANTISSA_BITS,
				most = 0;

	for (int s = 0; s < 2; s++)
		if (sides[s].column != NULL)
		{
			bits = Min(bits, sides[s].column->bits);
			most += sides[s].column->n;
		}
	values = palloc0(sizeof(BinValue) * Max(most, 1));
	*n = 0;
	for (int s = 0; s < 2; s++)
	{
		const ProfileColumn *c = sides[s].column;
		NumberCount *numbers;
		int			count;

		if (c == NULL || c->n == 0)
			continue;
		count = c->n;
		numbers = palloc(sizeof(NumberCount) * count);
		memcpy(numbers, c->numbers, sizeof(NumberCount) * count);
		if (bits < c->bits)
			count = ProfileCoarsen(numbers, count, bits);
		for (int i = 0; i < count; i++)
		{
			values[*n].x = numbers[i].x;
			values[(*n)++].rows[s] = numbers[i].rows;
		}
	}
	*n = Fold(values, *n, CompareNumbers);
	return values;
}

/* ---- intervals ---- */

static double
Edge(const Axis *axis, int k)
{
	double		units = (axis->first + k) * axis->mantissa;

	return axis->exponent >= 0 ? units * pow(10, axis->exponent) : units / pow(10, -axis->exponent);
}

/*
 * At most so many intervals of a round width that hold low to high; false where
 * there are none, for the numbers are too close, too great or too small.
 */
static bool
NiceAxis(Axis *axis, double low, double high, int bins, bool whole)
{
	static const int mantissas[] = {10, 20, 25, 50};
	double		width = high / bins - low / bins;
	int			step = 0,
				exponent;

	if (bins < 2 || !(width > 1e-290 && width < 1e290) || width < 1e-12 * Max(fabs(low), fabs(high)))
		return false;
	exponent = (int) floor(log10(width)) - 1;
	for (;; step++)
	{
		int			e = exponent + step / lengthof(mantissas),
					m = mantissas[step % lengthof(mantissas)];
		double		unit = e >= 0 ? m * pow(10, e) : m / pow(10, -e),
					end = ceil(high / unit);

		if (unit < width * (1 - 1e-9) || (whole && unit != floor(unit)))
			continue;
		axis->first = floor(low / unit);
		if (end - axis->first > bins)
			continue;
		axis->n = (int) Max(end - axis->first, 1);
		axis->mantissa = m;
		axis->exponent = e;
		axis->closed = !axis->above && Edge(axis, axis->n) <= high;
		return true;
	}
}

/* An interval of half a unit would be empty every other time. */
static bool
AllWhole(const BinValue *values, int n)
{
	for (int i = 0; i < n; i++)
		if (values[i].x != floor(values[i].x))
			return false;
	return true;
}

/* The value below which, or from the other end above which, TAIL_SHARE of a side lies. */
static double
TailOf(const BinValue *values, int n, int side, bool upper)
{
	int64		total = 0,
				seen = 0;

	for (int i = 0; i < n; i++)
		total += values[i].rows[side];
	for (int k = 0; k < n; k++)
	{
		const BinValue *v = &values[upper ? n - 1 - k : k];

		seen += v->rows[side];
		if (seen > TAIL_SHARE * total)
			return v->x;
	}
	return NAN;
}

/* Where the picture begins and ends: everything, or all but a long tail. */
static void
CutTails(Axis *axis, const BinValue *values, int n, double *low, double *high)
{
	double		from = fmin(TailOf(values, n, 0, false), TailOf(values, n, 1, false)),
				to = fmax(TailOf(values, n, 0, true), TailOf(values, n, 1, true)),
				body = to - from;

	*low = values[0].x;
	*high = values[n - 1].x;
	axis->below = body > 0 && from - *low > body / 2;
	axis->above = body > 0 && *high - to > body / 2;
	if (axis->below)
		*low = from;
	if (axis->above)
		*high = to;
}

static char *
NumberLevel(const ProfileColumn *c, double x)
{
	char	   *day = IsTime(c) ? TimeText(x * TIME_CELL_USECS, CELL_DATE) : NULL;

	if (CellTypeClass(c->type) == CLASS_BOOL)
		return x != 0 ? "true" : "false";
	return day != NULL ? day : NumberText(x);
}

/* What lead_drift_bins() says of an edge: times in seconds since 1970. */
static double
EdgeNumber(const ProfileColumn *c, double x)
{
	return IsTime(c) ? x * (TIME_CELL_USECS / 1e6) + EPOCH_SECONDS : x;
}

static Bin
IntervalBin(const ProfileColumn *c, double low, double high, bool closed)
{
	Bin			bin = {0};

	bin.low = isinf(low) ? low : EdgeNumber(c, low);
	bin.high = isinf(high) ? high : EdgeNumber(c, high);
	bin.level = psprintf("%s, %s%c", isinf(low) ? "(-inf" : psprintf("[%s", NumberLevel(c, low)),
						 isinf(high) ? "inf" : NumberLevel(c, high), closed ? ']' : ')');
	return bin;
}

/* The interval of a number, counted with the open ones. */
static int
IntervalOf(const Axis *axis, double x)
{
	int			k = 0;

	if (axis->below && x < Edge(axis, 0))
		return 0;
	while (k < axis->n && x >= Edge(axis, k + 1))
		k++;
	/* what lies on the last edge, if no open bin follows */
	return Min(k, axis->n - 1 + axis->above) + axis->below;
}

static int
NumberBins(Bin *bins, const Side *sides, int most)
{
	const ProfileColumn *c = sides[sides[0].column == NULL].column;
	Axis		axis = {0};
	double		low,
				high;
	int			nvalues,
				n = 0;
	BinValue	   *values = NumbersOf(sides, &nvalues);

	if (nvalues == 0)
		return 0;
	if (nvalues <= most && !IsTime(c))
	{
		for (int i = 0; i < nvalues; i++)
		{
			bins[n].level = NumberLevel(c, values[i].x);
			bins[n].low = bins[n].high = values[i].x;
			memcpy(bins[n++].rows, values[i].rows, sizeof(values[i].rows));
		}
		return n;
	}
	CutTails(&axis, values, nvalues, &low, &high);
	if (!NiceAxis(&axis, low, high, most, AllWhole(values, nvalues)))
	{
		bins[0] = IntervalBin(c, values[0].x, values[nvalues - 1].x, true);
		for (int i = 0; i < nvalues; i++)
			for (int s = 0; s < 2; s++)
				bins[0].rows[s] += values[i].rows[s];
		return 1;
	}
	if (axis.below)
		bins[n++] = IntervalBin(c, -INFINITY, Edge(&axis, 0), false);
	for (int k = 0; k < axis.n; k++, n++)
		bins[n] = IntervalBin(c, Edge(&axis, k), Edge(&axis, k + 1), axis.closed && k == axis.n - 1);
	if (axis.above)
		bins[n++] = IntervalBin(c, Edge(&axis, axis.n), INFINITY, false);
	for (int i = 0; i < nvalues; i++)
		for (int s = 0; s < 2; s++)
			bins[IntervalOf(&axis, values[i].x)].rows[s] += values[i].rows[s];
	return n;
}

/* ---- levels ---- */

/*
 * The most frequent levels; the others, and those of which a side doesn't know
 * whether it has them, are "(other)" together.
 */
static int
LevelBins(Bin *bins, const Side *sides, int most)
{
	Bin			other = {.level = "(other)", .low = NAN, .high = NAN};
	BinValue	   *values;
	int			nvalues = 0,
				left = 0,
				n = 0;

	for (int s = 0; s < 2; s++)
		nvalues += sides[s].column != NULL ? sides[s].column->n : 0;
	values = palloc0(sizeof(BinValue) * Max(nvalues, 1));
	nvalues = 0;
	for (int s = 0; s < 2; s++)
	{
		const ProfileColumn *c = sides[s].column;

		if (c == NULL)
			continue;
		other.rows[s] = c->rest;
		for (int i = 0; i < c->n; i++)
		{
			BinValue	   *v = &values[nvalues++];

			v->text = c->levels[i].text;
			v->len = c->levels[i].len;
			v->rows[s] = c->levels[i].rows;
			v->listed[s] = true;
		}
	}
	nvalues = Fold(values, nvalues, CompareTexts);
	for (int i = 0; i < nvalues; i++)
	{
		BinValue		v = values[i];
		bool		known = true;

		for (int s = 0; s < 2; s++)
		{
			if (sides[s].column == NULL)
				continue;
			known = known && (v.listed[s] || sides[s].column->rest == 0);
			if (sides[s].profile->rows > 0)
				v.weight += (double) v.rows[s] / sides[s].profile->rows;
		}
		for (int s = 0; s < 2 && !known; s++)
			other.rows[s] += v.rows[s];
		if (known)
			values[left++] = v;
	}
	qsort(values, left, sizeof(BinValue), CompareWeights);
	/* "(other)" of one level would hide its name and save nothing */
	if (left == most + 1 && other.rows[0] + other.rows[1] == 0)
		most++;
	for (int i = 0; i < left; i++)
	{
		for (int s = 0; s < 2 && i >= most; s++)
			other.rows[s] += values[i].rows[s];
		if (i >= most)
			continue;
		bins[n].level = TextFromUtf8(values[i].text, values[i].len);
		bins[n].low = bins[n].high = NAN;
		memcpy(bins[n++].rows, values[i].rows, sizeof(values[i].rows));
	}
	if (other.rows[0] + other.rows[1] > 0)
		bins[n++] = other;
	return n;
}

/* ---- rows ---- */

/* Rows that have a value, whichever: all that is known of some columns. */
static int
AnyValue(Bin *bins, const Side *sides)
{
	Bin			any = {.level = "(any value)", .low = NAN, .high = NAN};

	for (int s = 0; s < 2; s++)
		if (sides[s].column != NULL)
			any.rows[s] = ProfileNonNull(sides[s].profile, sides[s].column);
	bins[0] = any;
	return any.rows[0] + any.rows[1] > 0 ? 1 : 0;
}

static int
Nulls(Bin *bins, const Side *sides)
{
	Bin			nulls = {.level = "(null)", .low = NAN, .high = NAN};

	for (int s = 0; s < 2; s++)
		if (sides[s].column != NULL)
			nulls.rows[s] = sides[s].column->nulls;
	bins[0] = nulls;
	return nulls.rows[0] + nulls.rows[1] > 0 ? 1 : 0;
}

static void
PutBin(ReturnSetInfo *rsinfo, const Side *sides, const Bin *bin, int number)
{
	Datum		values[BIN_COLUMNS];
	bool		nulls[BIN_COLUMNS] = {0};

	values[0] = Int32GetDatum(number);
	values[1] = CStringGetTextDatum(bin->level);
	values[2] = Float8GetDatum(bin->low);
	values[3] = Float8GetDatum(bin->high);
	nulls[2] = nulls[3] = isnan(bin->low);
	for (int s = 0; s < 2; s++)
	{
		int64		total = sides[s].profile->rows;

		values[4 + s] = Int64GetDatum(bin->rows[s]);
		nulls[4 + s] = sides[s].column == NULL;
		nulls[6 + s] = sides[s].column == NULL || total == 0;
		values[6 + s] = Float8GetDatum(nulls[6 + s] ? 0 : (double) bin->rows[s] / total);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The column on both sides; an error where neither has it or the kinds differ. */
static void
FindSides(Side *sides, text *column)
{
	int			len;
	char	   *utf8 = TextToUtf8(VARDATA_ANY(column), VARSIZE_ANY_EXHDR(column), &len);
	char	   *name = pnstrdup(utf8, len);

	for (int s = 0; s < 2; s++)
		sides[s].column = ProfileFindColumn(sides[s].profile, name);
	if (sides[0].column == NULL && sides[1].column == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("neither profile has a column \"%s\"", text_to_cstring(column)),
				 errhint("lead_describe() lists the columns of a profile.")));
	if (sides[0].column != NULL && sides[1].column != NULL &&
		CellTypeClass(sides[0].column->type) != CellTypeClass(sides[1].column->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" was of type %s and is of type %s", text_to_cstring(column),
						CellTypeName(sides[0].column->type), CellTypeName(sides[1].column->type)),
				 errhint("Cast it to one type where the profiles are made.")));
}

PG_FUNCTION_INFO_V1(lead_drift_bins);
Datum
lead_drift_bins(PG_FUNCTION_ARGS)
{
	Side		sides[2] = {0};
	Bin		   *bins;
	int			given = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3),
				n;
	bool		numbers = true,
				levels = true;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(3) && (given < 1 || given > MOST_BINS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins must be between 1 and %d, not %d", MOST_BINS, given)));
	for (int s = 0; s < 2; s++)
		sides[s].profile = ProfileDecode(PG_GETARG_VARLENA_P(s));
	FindSides(sides, PG_GETARG_TEXT_PP(2));
	for (int s = 0; s < 2; s++)
		if (sides[s].column != NULL)
		{
			numbers = numbers && sides[s].column->store == PROFILE_NUMBERS;
			levels = levels && sides[s].column->store == PROFILE_LEVELS;
		}

	/* beside those asked for: two open ones or "(other)", and "(null)" */
	bins = palloc0(sizeof(Bin) * (MOST_BINS + 3));
	if (numbers)
		n = NumberBins(bins, sides, given > 0 ? given : DEFAULT_BINS);
	else if (levels)
		n = LevelBins(bins, sides, given > 0 ? given : DEFAULT_LEVELS);
	else
		n = AnyValue(bins, sides);
	n += Nulls(&bins[n], sides);
	for (int i = 0; i < n; i++)
		PutBin((ReturnSetInfo *) fcinfo->resultinfo, sides, &bins[i], i + 1);
	PG_RETURN_NULL();
}
