/*-------------------------------------------------------------------------
 *
 * profiling.c
 *	  The aggregates that make profiles.
 *
 *	lead_profile(features)						rows -> leadprofile
 *	lead_profile(model, features)				the same, with what each column
 *												adds to the score, and the scores
 *	lead_profile_columns([model,] options, ...)	the same, a value a column
 *	lead_profile(leadprofile)					profiles -> their union
 *
 * A state counts the rows that it was given; profiles that were added, or came
 * from another process, are kept beside as one.  A state travels as the bytes of
 * its profile, which lose nothing that counts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "bytes.h"
#include "calloptions.h"
#include "profilecount.h"
#include "registry.h"
#include "train.h"
#include "scoremap.h"

/* A column of the row, and its counter. */
typedef struct CountedColumn
{
	int			attr;
	CellWay		way;			/* how its values get to the counter */
	Counter		counter;
} CountedColumn;

typedef struct ProfileState
{
	MemoryContext cxt;
	GivenOptions options;		/* of the columns form */
	SharedCall *shared;			/* with other groups, or NULL */
	RowInput	in;
	int			ncolumns;
	CountedColumn *columns;		/* by way: a processor guesses them right */
	int64		rows;
	/* with a model */
	NamedModel	named;
	ModelCache	cache;
	uint64		generation;
	uint32		model_checksum;
	uint32		model_bytes;
	Binding		binding;
	Cell	   *cells;			/* per source of the model */
	double	   *contribution;
	ExactSum   *sums;
	Counter		score;
	/* profiles that were added */
	MemoryContext merged_cxt;
	Profile    *merged;
} ProfileState;

/* ---- states ---- */

static MemoryContext
AggregateContext(FunctionCallInfo fcinfo)
{
	MemoryContext cxt;

	if (!AggCheckCallContext(fcinfo, &cxt))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return cxt;
}

static ProfileState *
StateOfCall(FunctionCallInfo fcinfo)
{
	MemoryContext cxt;
	ProfileState *st;

	if (!PG_ARGISNULL(0))
		return (ProfileState *) PG_GETARG_POINTER(0);
	cxt = AggregateContext(fcinfo);
	st = MemoryContextAllocZero(cxt, sizeof(ProfileState));
	st->cxt = cxt;
	return st;
}

static int
CompareWays(const void *a, const void *b)
{
	const CountedColumn *x = a,
			   *y = b;

	return x->way != y->way ? (int) x->way - (int) y->way : x->attr - y->attr;
}

/* Counters for the columns of the first row. */
static void
BindRow(ProfileState *st)
{
	const RowShape *shape = st->in.shape;

	CheckNamesDiffer(shape);
	st->columns = MemoryContextAllocZero(st->cxt, sizeof(CountedColumn) * Max(shape->ncolumns, 1));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		const RowColumn *col = &shape->columns[i];
		CountedColumn *c = &st->columns[st->ncolumns];

		if (col->name == NULL)
			continue;
		if (st->cache.model != NULL && strcmp(col->name, PROFILE_SCORE) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("the row has a column \"%s\" already, as that of the scores is called",
							PROFILE_SCORE),
					 errhint("Give it another name in a sub-select.")));
		c->attr = i;
		c->way = WayOfColumn(col);
		CounterInit(&c->counter, st->cxt, MemoryContextStrdup(st->cxt, col->name),
					col->type, i);
		st->ncolumns++;
	}
	qsort(st->columns, st->ncolumns, sizeof(CountedColumn), CompareWays);
}

static void
BindModelToRow(ProfileState *st)
{
	const Model *model = st->cache.model;
	int			nsources = Max(model->encoder->nsources, 1);

	BindModel(&st->binding, model, st->in.shape, st->cxt);
	if (st->sums != NULL)
		return;
	st->sums = MemoryContextAllocZero(st->cxt, sizeof(ExactSum) * nsources);
	st->contribution = MemoryContextAlloc(st->cxt, sizeof(double) * nsources);
	st->cells = MemoryContextAllocZero(st->cxt, sizeof(Cell) * nsources);
	CounterInit(&st->score, st->cxt, PROFILE_SCORE, CELL_FLOAT8, LEADSCORE_MAX_COLUMNS);
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

static void
TakeModelArgument(ProfileState *st, FunctionCallInfo fcinfo, bool by_name)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the model is NULL")));
	TakeModel(st, by_name ? NamedModelGet(&st->named, PG_GETARG_DATUM(1), st->cxt) :
			  PG_GETARG_DATUM(1));
}

/* ---- rows ---- */

static void
CountAnyCell(ProfileState *st, CountedColumn *c, Datum value, bool isnull)
{
	Cell		cell;

	CellRead(&st->in.shape->columns[c->attr], value, isnull, &cell);
	CountCell(&c->counter, &cell);
}

static inline void
CountText(Counter *c, Datum value)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(value);

	CountLevel(c, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
}

/* A row: the values of the record, or the arguments themselves. */
static pg_attribute_always_inline void
AddRow(ProfileState *st, const NullableDatum *args)
{
	CountedColumn *c = st->columns,
			   *end = c + st->ncolumns;

#define VALUE	(args ? args[c->attr].value : st->in.values[c->attr])
#define ISNULL	(args ? args[c->attr].isnull : st->in.nulls[c->attr])
#define EACH(way_, count) \
	for (; c < end && c->way == (way_); c++) \
		if (ISNULL) \
			c->counter.column.nulls++; \
		else \
			count

	EACH(WAY_INT4, CountInteger(&c->counter, DatumGetInt32(VALUE)));
	EACH(WAY_INT2, CountInteger(&c->counter, DatumGetInt16(VALUE)));
	EACH(WAY_INT8, CountInteger(&c->counter, DatumGetInt64(VALUE)));
	EACH(WAY_FLOAT8,
		 if (likely(isfinite(DatumGetFloat8(VALUE))))
			CountNumber(&c->counter, DatumGetFloat8(VALUE) + 0.0);	/* no negative zero */
		 else
			CountAnyCell(st, c, VALUE, false));
	EACH(WAY_TEXT, CountText(&c->counter, VALUE));
	EACH(WAY_ANY,
		 if (c->counter.column.store != PROFILE_COUNTED)
			CountAnyCell(st, c, VALUE, false));
	st->rows++;
#undef VALUE
#undef ISNULL
#undef EACH
}

/* What the row's columns add to the score, and the score. */
static void
AddScore(ProfileState *st, const NullableDatum *args)
{
	const Model *model = st->cache.model;
	double		average,
				eta;

	for (int i = 0; i < model->encoder->nsources; i++)
	{
		int			attr = st->binding.column[i];

		CellRead(&st->in.shape->columns[attr],
				 args ? args[attr].value : st->in.values[attr],
				 args ? args[attr].isnull : st->in.nulls[attr], &st->cells[i]);
	}
	if (model->trees != NULL)
	{
		/* what columns add would take a thousand times as long as the score */
		CountNumber(&st->score, ModelScore(model, ModelOutput(model, st->cells)));
		return;
	}
	eta = ModelContributions(model, st->cells, st->contribution, &average);
	for (int i = 0; i < model->encoder->nsources; i++)
		ExactAdd(&st->sums[i], st->contribution[i]);
	CountNumber(&st->score, ModelScore(model, eta));
}

static void
ReadRecord(ProfileState *st, FunctionCallInfo fcinfo, int argno)
{
	const RowShape *was = st->in.shape;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a row to profile is NULL"),
				 errhint("Leave it out with FILTER; an outer join may have made it.")));
	if (!RowInputRecord(&st->in, PG_GETARG_HEAPTUPLEHEADER(argno), st->cxt))
		return;
	if (was != NULL)
		CheckSameColumns(was, st->in.shape);
	else
		BindRow(st);
	if (st->cache.model != NULL)
		BindModelToRow(st);
}

/* Options and shape of the columns form; the columns are the arguments after. */
static void
ReadColumns(ProfileState *st, FunctionCallInfo fcinfo, int options_arg)
{
	if (st->in.shape != NULL)
	{
		CheckOptionsUnchanged(fcinfo, options_arg, st->shared, st->options.given);
		return;
	}
	st->shared = ShareCall(fcinfo, options_arg, OPTIONS_PROFILE);
	st->options = st->shared != NULL ? st->shared->options :
		TakeOptions(st->cxt, RawOptions(fcinfo, options_arg) == NULL ? NULL :
					PG_GETARG_JSONB_P(options_arg), OPTIONS_PROFILE);
	ShapeOfCall(&st->in, st->shared, st->options.opt, fcinfo, options_arg + 1, st->cxt);
	BindRow(st);
	if (st->cache.model != NULL)
		BindModelToRow(st);
}

/* (state, features record) */
PG_FUNCTION_INFO_V1(lead_profile_transfn);
Datum
lead_profile_transfn(PG_FUNCTION_ARGS)
{
	ProfileState *st = StateOfCall(fcinfo);

	ReadRecord(st, fcinfo, 1);
	AddRow(st, NULL);
	PG_RETURN_POINTER(st);
}

/* (state, options jsonb, VARIADIC "any") */
PG_FUNCTION_INFO_V1(lead_profile_columns_transfn);
Datum
lead_profile_columns_transfn(PG_FUNCTION_ARGS)
{
	ProfileState *st = StateOfCall(fcinfo);

	ReadColumns(st, fcinfo, 1);
	AddRow(st, &fcinfo->args[2]);
	PG_RETURN_POINTER(st);
}

static Datum
ModelTransition(FunctionCallInfo fcinfo, bool by_name)
{
	ProfileState *st = StateOfCall(fcinfo);

	TakeModelArgument(st, fcinfo, by_name);
	ReadRecord(st, fcinfo, 2);
	AddRow(st, NULL);
	AddScore(st, NULL);
	PG_RETURN_POINTER(st);
}

/* (state, model bytea, features record) */
PG_FUNCTION_INFO_V1(lead_profile_model_transfn);
Datum
lead_profile_model_transfn(PG_FUNCTION_ARGS)
{
	return ModelTransition(fcinfo, false);
}

/* (state, model text, features record) */
PG_FUNCTION_INFO_V1(lead_profile_named_transfn);
Datum
lead_profile_named_transfn(PG_FUNCTION_ARGS)
{
	return ModelTransition(fcinfo, true);
}

/* (state, model bytea, options jsonb, VARIADIC "any") */
PG_FUNCTION_INFO_V1(lead_profile_model_columns_transfn);
Datum
lead_profile_model_columns_transfn(PG_FUNCTION_ARGS)
{
	ProfileState *st = StateOfCall(fcinfo);

	TakeModelArgument(st, fcinfo, false);
	ReadColumns(st, fcinfo, 2);
	AddRow(st, &fcinfo->args[3]);
	AddScore(st, &fcinfo->args[3]);
	PG_RETURN_POINTER(st);
}

/* ---- states as profiles ---- */

/* The rows that were counted, as a profile in the current context. */
static Profile *
FinishRows(const ProfileState *st)
{
	Profile    *p = palloc0(sizeof(Profile));
	const Model *model = st->cache.model;

	p->rows = st->rows;
	p->columns = palloc0(sizeof(ProfileColumn) * (st->ncolumns + 1));
	for (int i = 0; i < st->ncolumns; i++)
		CounterColumn(&st->columns[i].counter, &p->columns[p->ncolumns++]);
	if (model != NULL)
	{
		CounterColumn(&st->score, &p->columns[p->ncolumns++]);
		p->model_checksum = st->model_checksum;
		p->model_bytes = st->model_bytes;
		p->nterms = model->trees != NULL ? 0 : model->encoder->nsources;
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
	(void) AggregateContext(fcinfo);
	PG_RETURN_BYTEA_P(ProfileEncode(StateProfile((ProfileState *) PG_GETARG_POINTER(0))));
}

PG_FUNCTION_INFO_V1(lead_profile_deserialize);
Datum
lead_profile_deserialize(PG_FUNCTION_ARGS)
{
	ProfileState *st;

	(void) AggregateContext(fcinfo);
	st = palloc0(sizeof(ProfileState));
	st->cxt = CurrentMemoryContext;
	MergeProfile(st, ProfileDecode(PG_GETARG_VARLENA_P(0)));
	PG_RETURN_POINTER(st);
}

PG_FUNCTION_INFO_V1(lead_profile_finalfn);
Datum
lead_profile_finalfn(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(ProfileEncode(StateProfile((ProfileState *) PG_GETARG_POINTER(0))));
}
