/*-------------------------------------------------------------------------
 *
 * drift.c
 *	  lead_drift(reference, current): what changed, column by column.
 *
 * Which test fits a column, its bins and its threshold are Evidently's defaults.
 * Beside them stand what chance alone gives at these numbers of rows, and how
 * much the change moves the score.  The mathematics is in distance.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "distance.h"
#include "leadprofile.h"

#define DRIFT_COLUMNS	20
#define SMALL_REFERENCE	1000	/* rows, up to which tests are used */
#define FEW_VALUES		5		/* numbers with so many count as categories */
#define BINNED_FROM		20		/* more different numbers are put into bins */
#define MOST_BINS		100

typedef enum Method
{
	METHOD_AUTO = 0,
	METHOD_PSI,
	METHOD_JENSENSHANNON,
	METHOD_WASSERSTEIN,
	METHOD_KS,
	METHOD_CHISQUARE,
	METHOD_Z
} Method;

static const char *const method_names[] = {"auto", "psi", "jensenshannon",
"wasserstein", "ks", "chisquare", "z"};

static inline bool
IsTest(Method m)
{
	return m >= METHOD_KS;
}

typedef struct ColumnChoice
{
	char	   *column;			/* NULL: all others */
	Method		method;
	double		threshold;		/* NaN: the method's */
} ColumnChoice;

typedef struct DriftOptions
{
	ColumnChoice all;
	int			nchoices;
	ColumnChoice *choices;
	double		alpha;
} DriftOptions;

/* The values of a column on both sides, one cell per value. */
typedef struct Cells
{
	int			n;
	double	   *x;				/* numbers, ascending; else NULL */
	int64	   *a;
	int64	   *b;
	int64		rows_a;
	int64		rows_b;
	bool		approximate;	/* hashed levels, or levels not listed */
} Cells;

typedef struct Drift
{
	const ProfileColumn *a;		/* NULL where the profile lacks the column */
	const ProfileColumn *b;
	const char *kind;
	Method		method;
	double		statistic;
	double		p;
	double		threshold;
	bool		drifted;
	double		chance;			/* the statistic that chance exceeds with alpha */
	double		adjusted;
	int64		new_levels;		/* -1 unknown */
	int64		vanished;
	double		out_of_range;
	double		impact;
} Drift;

/* ---- options ---- */

pg_noreturn static void
BadOption(const char *path, const char *must)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", path),
			 errdetail("It must be %s.", must)));
}

static double
ReadNumber(const char *path, const JsonbValue *v, double low, double high, const char *must)
{
	double		x;

	if (v->type != jbvNumeric)
		BadOption(path, must);
	x = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
										   NumericGetDatum(v->val.numeric)));
	if (!(x >= low && x <= high))
		BadOption(path, must);
	return x;
}

static Method
ReadMethod(const char *path, const JsonbValue *v)
{
	for (int m = 0; v->type == jbvString && m < lengthof(method_names); m++)
		if (strlen(method_names[m]) == v->val.string.len &&
			memcmp(method_names[m], v->val.string.val, v->val.string.len) == 0)
			return m;
	BadOption(path, "one of auto, psi, jensenshannon, wasserstein, ks, chisquare, z");
}

static void ReadColumns(DriftOptions *opt, JsonbContainer *object);

/* The members of an object: of the options, or of a column's. */
static void
ReadObject(DriftOptions *opt, ColumnChoice *choice, JsonbContainer *object, const char *prefix)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	v;
	char	   *path = "";

	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		const char *key;

		if (token == WJB_KEY)
			path = psprintf("%s%s", prefix, pnstrdup(v.val.string.val, v.val.string.len));
		if (token != WJB_VALUE)
			continue;
		key = path + strlen(prefix);
		if (strcmp(key, "method") == 0)
			choice->method = ReadMethod(path, &v);
		else if (strcmp(key, "threshold") == 0)
			choice->threshold = ReadNumber(path, &v, 0, 1e9, "a number of at least 0");
		else if (strcmp(key, "alpha") == 0 && choice->column == NULL)
			opt->alpha = ReadNumber(path, &v, 1e-12, 0.5, "a number above 0 up to 0.5");
		else if (strcmp(key, "columns") == 0 && choice->column == NULL)
		{
			if (v.type != jbvBinary || !JsonContainerIsObject(v.val.binary.data))
				BadOption(path, "an object, a column a member");
			ReadColumns(opt, v.val.binary.data);
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"", path),
					 errhint(choice->column == NULL ?
							 "Options are method, threshold, alpha, columns." :
							 "Options of a column are method, threshold.")));
	}
}

static void
ReadColumns(DriftOptions *opt, JsonbContainer *object)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	v;
	ColumnChoice *choice = NULL;

	opt->choices = palloc0(sizeof(ColumnChoice) * Max(JsonContainerSize(object), 1));
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			int			len;
			char	   *name = TextToUtf8(v.val.string.val, v.val.string.len, &len);

			choice = &opt->choices[opt->nchoices++];
			choice->column = pnstrdup(name, len);
			choice->threshold = NAN;
		}
		else if (token == WJB_VALUE)
		{
			const char *name = TextFromUtf8(choice->column, strlen(choice->column));

			if (v.type != jbvBinary || !JsonContainerIsObject(v.val.binary.data))
				BadOption(psprintf("columns.%s", name), "an object");
			ReadObject(opt, choice, v.val.binary.data, psprintf("columns.%s.", name));
		}
	}
}

static DriftOptions *
ReadOptions(Jsonb *given)
{
	DriftOptions *opt = palloc0(sizeof(DriftOptions));

	opt->all.threshold = NAN;
	opt->alpha = 0.05;
	if (given == NULL)
		return opt;
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object")));
	ReadObject(opt, &opt->all, &given->root, "");
	return opt;
}

static ColumnChoice
ChoiceOf(const DriftOptions *opt, const char *column)
{
	ColumnChoice choice = opt->all;

	for (int i = 0; i < opt->nchoices; i++)
		if (strcmp(opt->choices[i].column, column) == 0)
		{
			if (opt->choices[i].method != METHOD_AUTO)
			{
				choice.method = opt->choices[i].method;
				choice.threshold = NAN;
			}
			if (!isnan(opt->choices[i].threshold))
				choice.threshold = opt->choices[i].threshold;
		}
	return choice;
}

/* ---- cells ---- */

static void
AllocateCells(Cells *c, int most, bool numbers)
{
	c->x = numbers ? palloc(sizeof(double) * Max(most, 1)) : NULL;
	c->a = palloc0(sizeof(int64) * Max(most, 1));
	c->b = palloc0(sizeof(int64) * Max(most, 1));
}

static void
NumberCells(Cells *c, const ProfileColumn *a, const ProfileColumn *b)
{
	int			bits = Min(a->bits, b->bits);
	ProfileColumn sides[2] = {*a, *b};
	int			at[2] = {0, 0};

	for (int s = 0; s < 2; s++)
	{
		NumberCount *copy = palloc(sizeof(NumberCount) * Max(sides[s].n, 1));

		if (sides[s].n > 0)
			memcpy(copy, sides[s].numbers, sizeof(NumberCount) * sides[s].n);
		sides[s].numbers = copy;
		if (bits < sides[s].bits)
			sides[s].n = ProfileCoarsen(copy, sides[s].n, bits);
	}
	AllocateCells(c, sides[0].n + sides[1].n, true);
	while (at[0] < sides[0].n || at[1] < sides[1].n)
	{
		double		x = at[0] < sides[0].n ? sides[0].numbers[at[0]].x : INFINITY;

		if (at[1] < sides[1].n)
			x = Min(x, sides[1].numbers[at[1]].x);
		c->x[c->n] = x;
		for (int s = 0; s < 2; s++)
			if (at[s] < sides[s].n && sides[s].numbers[at[s]].x == x)
				(s == 0 ? c->a : c->b)[c->n] = sides[s].numbers[at[s]++].rows;
		c->n++;
	}
}

static int
CompareLevels(const LevelCount *a, const LevelCount *b)
{
	int			cmp = memcmp(a->text, b->text, Min(a->len, b->len));

	return cmp != 0 ? cmp : a->len - b->len;
}

/*
 * A cell per level; where a side has rows whose level is not listed, the levels
 * that it does not list are one cell together with them.
 */
static void
LevelCells(Cells *c, const ProfileColumn *a, const ProfileColumn *b)
{
	int			i = 0,
				j = 0;
	int64		rest_a = a->rest,
				rest_b = b->rest;

	AllocateCells(c, a->n + b->n + 1, false);
	while (i < a->n || j < b->n)
	{
		int			cmp = j == b->n ? -1 : i == a->n ? 1 :
			CompareLevels(&a->levels[i], &b->levels[j]);
		int64		rows_a = cmp <= 0 ? a->levels[i++].rows : 0,
					rows_b = cmp >= 0 ? b->levels[j++].rows : 0;

		if ((rows_a == 0 && a->rest > 0) || (rows_b == 0 && b->rest > 0))
		{
			rest_a += rows_a;
			rest_b += rows_b;
			continue;
		}
		c->a[c->n] = rows_a;
		c->b[c->n++] = rows_b;
	}
	c->approximate = a->rest > 0 || b->rest > 0;
	if (rest_a + rest_b > 0)
	{
		c->a[c->n] = rest_a;
		c->b[c->n++] = rest_b;
	}
}

/* false if the levels cannot be compared */
static bool
HashedCells(Cells *c, ProfileColumn a, ProfileColumn b)
{
	if (a.rest > 0 || b.rest > 0)
		return false;
	ProfileHashLevels(&a);
	ProfileHashLevels(&b);
	AllocateCells(c, PROFILE_HASH_CELLS, false);
	c->approximate = true;
	for (int i = 0; i < PROFILE_HASH_CELLS; i++)
		if (a.hashed[i] > 0 || b.hashed[i] > 0)
		{
			c->a[c->n] = a.hashed[i];
			c->b[c->n++] = b.hashed[i];
		}
	return true;
}

static bool
MakeCells(Cells *c, const ProfileColumn *a, const ProfileColumn *b)
{
	memset(c, 0, sizeof(*c));
	if (a->store == PROFILE_COUNTED || b->store == PROFILE_COUNTED)
		return false;
	if (a->store == PROFILE_NUMBERS)
		NumberCells(c, a, b);
	else if (a->store == PROFILE_LEVELS && b->store == PROFILE_LEVELS)
		LevelCells(c, a, b);
	else if (!HashedCells(c, *a, *b))
		return false;
	for (int i = 0; i < c->n; i++)
	{
		c->rows_a += c->a[i];
		c->rows_b += c->b[i];
	}
	return c->rows_a > 0 && c->rows_b > 0;
}

/*
 * Equal-width bins over both sides, as many as Sturges' rule wants, the last
 * closed on the right.
 */
static Cells
Binned(const Cells *c)
{
	Cells		out = *c;
	double		low = c->x[0],
				width = c->x[c->n - 1] - low;
	int			bins = (int) ceil(log2((double) c->rows_a + c->rows_b) + 1);
	double		edges[MOST_BINS + 1];

	AllocateCells(&out, bins, false);
	out.n = bins;
	for (int k = 0; k < bins; k++)
		edges[k] = low + k * (width / bins);
	edges[bins] = c->x[c->n - 1];
	for (int i = 0; i < c->n; i++)
	{
		int			k = (int) ((c->x[i] - low) / width * bins);

		k = Min(k, bins - 1);
		if (k > 0 && c->x[i] < edges[k])
			k--;
		else if (k < bins - 1 && c->x[i] >= edges[k + 1])
			k++;
		out.a[k] += c->a[i];
		out.b[k] += c->b[i];
	}
	return out;
}

/* Different values of the reference alone. */
static int
ValuesOf(const int64 *rows, int n)
{
	int			values = 0;

	for (int i = 0; i < n; i++)
		values += (rows[i] > 0);
	return values;
}

static Method
DefaultMethod(const Cells *c, bool number)
{
	if (number && c->n > FEW_VALUES)
		return c->rows_a <= SMALL_REFERENCE ? METHOD_KS : METHOD_WASSERSTEIN;
	if (c->rows_a > SMALL_REFERENCE)
		return METHOD_JENSENSHANNON;
	return c->n > 2 ? METHOD_CHISQUARE : METHOD_Z;
}

/* ---- one column ---- */

static void
CheckMethod(Method m, const Cells *c, const char *name, const char *kind)
{
	if (((m == METHOD_WASSERSTEIN || m == METHOD_KS) && c->x == NULL) ||
		(m == METHOD_Z && c->n > 2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("method \"%s\" does not fit column \"%s\"", method_names[m],
						TextFromUtf8(name, strlen(name))),
				 errdetail(m == METHOD_Z ? "It compares the shares of two values; there are %d." :
						   "It needs numbers.", c->n),
				 errhint("Choose a method by column: {\"columns\": {%s: {\"method\": \"auto\"}}}.",
						 JsonName(name))));
}

/* The p-value of a distance: sparse cells pooled, χ² scaled by the rows. */
static void
ChanceOfDistance(Drift *d, const Cells *c, double alpha)
{
	double		unit = 1.0 / c->rows_a + 1.0 / c->rows_b;
	Cells		pooled = *c;
	double		x;

	AllocateCells(&pooled, c->n, false);
	memcpy(pooled.a, c->a, sizeof(int64) * c->n);
	memcpy(pooled.b, c->b, sizeof(int64) * c->n);
	pooled.n = PoolSparse(pooled.a, pooled.b, c->n);
	if (pooled.n < 2)
		return;
	x = ChiSquareAbove(alpha, pooled.n - 1) * unit;
	if (d->method == METHOD_PSI)
	{
		d->chance = x;
		d->p = ChiSquareTail(PopulationStability(pooled.a, pooled.b, pooled.n) / unit,
							 pooled.n - 1);
	}
	else
	{
		double		js = JensenShannon(pooled.a, pooled.b, pooled.n);

		d->chance = sqrt(x / 8);
		d->p = ChiSquareTail(8 * js * js / unit, pooled.n - 1);
	}
}

static void
Measure(Drift *d, const Cells *values, const ColumnChoice *choice, double alpha)
{
	bool		number = values->x != NULL && strcmp(d->kind, "categorical") != 0;
	Cells		c = *values;

	d->method = choice->method != METHOD_AUTO ? choice->method : DefaultMethod(&c, number);
	CheckMethod(d->method, &c, d->a->name, d->kind);
	if ((d->method == METHOD_PSI || d->method == METHOD_JENSENSHANNON) && number &&
		ValuesOf(c.a, c.n) > BINNED_FROM)
		c = Binned(&c);
	d->threshold = !isnan(choice->threshold) ? choice->threshold :
		IsTest(d->method) ? 0.05 : 0.1;
	switch (d->method)
	{
		case METHOD_PSI:
			d->statistic = PopulationStability(c.a, c.b, c.n);
			ChanceOfDistance(d, &c, alpha);
			break;
		case METHOD_JENSENSHANNON:
			d->statistic = JensenShannon(c.a, c.b, c.n);
			ChanceOfDistance(d, &c, alpha);
			break;
		case METHOD_WASSERSTEIN:
			d->statistic = WassersteinNormed(c.x, c.a, c.b, c.n);
			(void) KolmogorovSmirnov(c.a, c.b, c.n, &d->p);
			break;
		case METHOD_KS:
			d->statistic = KolmogorovSmirnov(c.a, c.b, c.n, &d->p);
			break;
		case METHOD_CHISQUARE:
			d->statistic = ChiSquareFit(c.a, c.b, c.n, &d->p);
			break;
		case METHOD_Z:
			/* the share that is not the first value */
			d->statistic = TwoShares(c.rows_a - c.a[0], c.rows_a,
									 c.rows_b - c.b[0], c.rows_b, &d->p);
			break;
		case METHOD_AUTO:
			break;
	}
	d->drifted = !IsTest(d->method) ? d->statistic >= d->threshold :
		d->method == METHOD_KS ? d->p <= d->threshold : d->p < d->threshold;
}

/* What is there that was not, and the other way round. */
static void
CompareValues(Drift *d, const Cells *c)
{
	if (c->approximate || c->rows_a == 0)
		return;
	if (strcmp(d->kind, "categorical") == 0)
	{
		d->new_levels = d->vanished = 0;
		for (int i = 0; i < c->n; i++)
		{
			d->new_levels += (c->a[i] == 0 && c->b[i] > 0);
			d->vanished += (c->a[i] > 0 && c->b[i] == 0);
		}
	}
	else if (c->x != NULL && c->rows_b > 0)
	{
		int64		outside = 0;
		int			first = 0,
					last = c->n - 1;

		while (c->a[first] == 0)
			outside += c->b[first++];
		while (c->a[last] == 0)
			outside += c->b[last--];
		d->out_of_range = (double) outside / c->rows_b;
	}
}

static const char *
KindOf(const ProfileColumn *c)
{
	if (strcmp(c->name, PROFILE_SCORE) == 0)
		return "score";
	switch (CellTypeClass(c->type))
	{
		case CLASS_NUMBER:
		case CLASS_INTERVAL:
			return "number";
		case CLASS_TIME:
			return "time";
		case CLASS_NONE:
			return "other";
		default:
			return "categorical";
	}
}

/* The mean of what a column adds, above the average lead; NaN unknown. */
static double
MeanTerm(const Profile *p, const char *column)
{
	for (int i = 0; i < p->nterms && p->rows > 0; i++)
		if (strcmp(p->terms[i].name, column) == 0)
			return ExactValue(&p->terms[i].sum) / p->rows;
	return NAN;
}

static double
ImpactOf(const Profile *ref, const Profile *cur, const char *column)
{
	double		now = MeanTerm(cur, column);

	if (ref->model_bytes == cur->model_bytes && ref->model_checksum == cur->model_checksum)
		return now - MeanTerm(ref, column);
	return now;					/* above the average of the training */
}

/* The mean of p(1 - p) over the scores of a profile; NaN without them. */
static double
MeanSlope(const Profile *p)
{
	const ProfileColumn *c = ProfileFindColumn(p, PROFILE_SCORE);
	double		sum = 0;

	if (p->model_bytes == 0 || c == NULL || c->store != PROFILE_NUMBERS || p->rows == 0)
		return NAN;
	for (int i = 0; i < c->n; i++)
		sum += c->numbers[i].x * (1 - c->numbers[i].x) * ((double) c->numbers[i].rows / p->rows);
	return sum;
}

static Drift
CompareColumn(const Profile *ref, const Profile *cur, const ProfileColumn *a,
			  const ProfileColumn *b, const DriftOptions *opt)
{
	const ProfileColumn *some = a != NULL ? a : b;
	ColumnChoice choice = ChoiceOf(opt, some->name);
	Drift		d = {.a = a, .b = b, .kind = KindOf(some)};
	Cells		cells;

	d.statistic = d.p = d.threshold = d.chance = d.adjusted = NAN;
	d.out_of_range = NAN;
	d.new_levels = d.vanished = -1;
	d.impact = ImpactOf(ref, cur, some->name);
	if (a == NULL || b == NULL)
		return d;
	if (CellTypeClass(a->type) != CellTypeClass(b->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s in the reference and %s now",
						TextFromUtf8(a->name, strlen(a->name)), CellTypeName(a->type),
						CellTypeName(b->type)),
				 errhint("Cast it to the same type where the profiles are made.")));
	/* times always move on: they are compared on request only */
	if (MakeCells(&cells, a, b) &&
		(strcmp(d.kind, "time") != 0 || choice.method != METHOD_AUTO))
		Measure(&d, &cells, &choice, opt->alpha);
	CompareValues(&d, &cells);
	return d;
}

/* ---- rows ---- */

static void
SetNumber(Datum *values, bool *nulls, int at, double x)
{
	nulls[at] = isnan(x);
	values[at] = Float8GetDatum(x);
}

/* Why nothing was measured, or NULL. */
static const char *
NoteOf(const Profile *ref, const Profile *cur, const Drift *d)
{
	if (d->a == NULL)
		return "not in the reference";
	if (d->b == NULL)
		return "not there any more";
	if (!isnan(d->statistic))
		return NULL;
	if (d->a->store == PROFILE_COUNTED || d->b->store == PROFILE_COUNTED)
		return "only counted";
	if (ProfileNonNull(ref, d->a) == 0)
		return "no values in the reference";
	if (ProfileNonNull(cur, d->b) == 0)
		return "no values now";
	return strcmp(d->kind, "time") == 0 ? "a time" : "too many levels to compare";
}

static void
PutDrift(ReturnSetInfo *rsinfo, const Profile *ref, const Profile *cur, const Drift *d,
		 double slope, double alpha)
{
	const char *name = d->a != NULL ? d->a->name : d->b->name;
	bool		measured = !isnan(d->statistic);
	const char *note;
	Datum		values[DRIFT_COLUMNS];
	bool		nulls[DRIFT_COLUMNS] = {0};
	int			n = 0;

	values[n++] = CStringGetTextDatum(TextFromUtf8(name, strlen(name)));
	values[n++] = CStringGetTextDatum(d->kind);
	nulls[n] = !measured;
	values[n++] = CStringGetTextDatum(method_names[d->method]);
	SetNumber(values, nulls, n++, d->statistic);
	SetNumber(values, nulls, n++, d->p);
	SetNumber(values, nulls, n++, d->threshold);
	nulls[n] = !measured;
	values[n++] = BoolGetDatum(d->drifted);
	SetNumber(values, nulls, n++, d->chance);
	SetNumber(values, nulls, n++, d->adjusted);
	nulls[n] = isnan(d->adjusted);
	values[n++] = BoolGetDatum(d->adjusted < alpha);
	values[n++] = Int64GetDatum(ref->rows);
	values[n++] = Int64GetDatum(cur->rows);
	SetNumber(values, nulls, n++, d->a == NULL || ref->rows == 0 ? NAN : (double) d->a->nulls / ref->rows);
	SetNumber(values, nulls, n++, d->b == NULL || cur->rows == 0 ? NAN : (double) d->b->nulls / cur->rows);
	nulls[n] = nulls[n + 1] = d->new_levels < 0;
	values[n++] = Int64GetDatum(d->new_levels);
	values[n++] = Int64GetDatum(d->vanished);
	SetNumber(values, nulls, n++, d->out_of_range);
	SetNumber(values, nulls, n++, d->impact);
	SetNumber(values, nulls, n++, 100 * d->impact * slope);
	note = NoteOf(ref, cur, d);
	nulls[n] = note == NULL;
	values[n++] = note == NULL ? (Datum) 0 : CStringGetTextDatum(note);
	Assert(n == DRIFT_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
CheckColumnNames(const DriftOptions *opt, const Profile *ref, const Profile *cur)
{
	for (int i = 0; i < opt->nchoices; i++)
		if (ProfileFindColumn(ref, opt->choices[i].column) == NULL &&
			ProfileFindColumn(cur, opt->choices[i].column) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("option \"columns\" names \"%s\", which neither profile has",
							TextFromUtf8(opt->choices[i].column, strlen(opt->choices[i].column)))));
}

PG_FUNCTION_INFO_V1(lead_drift);
Datum
lead_drift(PG_FUNCTION_ARGS)
{
	Profile    *ref,
			   *cur;
	DriftOptions *opt = ReadOptions(PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	Drift	   *drifts;
	double	   *p,
				slope;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	ref = ProfileDecode(PG_GETARG_VARLENA_P(0));
	cur = ProfileDecode(PG_GETARG_VARLENA_P(1));
	CheckColumnNames(opt, ref, cur);
	drifts = palloc(sizeof(Drift) * Max(ref->ncolumns + cur->ncolumns, 1));
	p = palloc(sizeof(double) * Max(ref->ncolumns + cur->ncolumns, 1));
	for (int i = 0; i < ref->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		drifts[n++] = CompareColumn(ref, cur, &ref->columns[i],
									ProfileFindColumn(cur, ref->columns[i].name), opt);
	}
	for (int i = 0; i < cur->ncolumns; i++)
		if (ProfileFindColumn(ref, cur->columns[i].name) == NULL)
			drifts[n++] = CompareColumn(ref, cur, NULL, &cur->columns[i], opt);
	for (int i = 0; i < n; i++)
		p[i] = drifts[i].p;
	AdjustFalseDiscovery(p, n);
	slope = ref->model_bytes == cur->model_bytes && ref->model_checksum == cur->model_checksum ?
		MeanSlope(ref) : MeanSlope(cur);
	for (int i = 0; i < n; i++)
	{
		drifts[i].adjusted = p[i];
		PutDrift((ReturnSetInfo *) fcinfo->resultinfo, ref, cur, &drifts[i], slope, opt->alpha);
	}
	PG_RETURN_NULL();
}
