/*-------------------------------------------------------------------------
 *
 * train.c
 *	  The aggregates that build frames and train models.  No mathematics.
 *
 *	lead_frame(label, features [, options])		 rows -> leadframe
 *	lead_train(label, features [, options])		 rows -> model
 *	lead_frame_columns, lead_train_columns		 the same, a value a column
 *	lead_frame(leadframe)						 frames -> their union
 *
 * They share one state: a frame builder and what is needed to read rows.  Only
 * the final functions differ.  Between parallel workers and their leader a
 * state travels as the canonical bytes of its frame.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/execnodes.h"
#include "nodes/plannodes.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "bytes.h"
#include "calloptions.h"
#include "fit.h"
#include "framebuild.h"
#include "train.h"

/* rows of a slow query come slowly */
#define ROWS_PER_REPORT		1024

static FrameState *
StateCreate(MemoryContext cxt, GivenOptions options, int kinds, bool rows, Size limit)
{
	FrameState *st = MemoryContextAllocZero(cxt, sizeof(FrameState));

	st->cxt = cxt;
	st->kinds = kinds;
	st->given = options.given;
	st->opt = options.opt;
	st->builder = FrameBuilderCreate(cxt, rows ? st->opt->max_distinct :
									 FRAME_MAX_DISTINCT_LIMIT, limit);
	return st;
}

static void
CloseState(Datum state)
{
	FrameBuilderClose(((FrameState *) DatumGetPointer(state))->builder);
}

/*
 * A state of an aggregate.  A window's cannot have files closed in time, so it
 * stays in memory.
 */
static FrameState *
StateOfAggregate(FunctionCallInfo fcinfo, const GivenOptions *shared,
				 const Jsonb *given, int kinds, bool rows)
{
	MemoryContext aggcontext;
	bool		spills;
	FrameState *st;

	spills = (AggCheckCallContext(fcinfo, &aggcontext) == AGG_CONTEXT_AGGREGATE);
	st = StateCreate(aggcontext, shared ? *shared : TakeOptions(aggcontext, given, kinds),
					 kinds, rows, spills ? LeadscoreWorkMem() : 0);
	if (spills)
		AggRegisterCallback(fcinfo, CloseState, PointerGetDatum(st));
	return st;
}

/* The state of this call, made on the first row. */
static FrameState *
StateOfCall(FunctionCallInfo fcinfo, int options_arg, int kinds, bool rows)
{
	FrameState *st = PG_ARGISNULL(0) ? NULL : (FrameState *) PG_GETARG_POINTER(0);
	const Jsonb *given;
	SharedCall *shared;

	if (st != NULL)
	{
		CheckOptionsUnchanged(fcinfo, options_arg, st->shared, st->given);
		return st;
	}
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	shared = ShareCall(fcinfo, options_arg, kinds);
	given = RawOptions(fcinfo, options_arg) == NULL || shared != NULL ? NULL :
		PG_GETARG_JSONB_P(options_arg);
	st = StateOfAggregate(fcinfo, shared ? &shared->options : NULL, given, kinds, rows);
	st->shared = shared;
	return st;
}

/* ---- label ---- */

/* Is there a label; *positive gets it. */
static bool
ReadLabel(FrameState *st, FunctionCallInfo fcinfo, int argno, bool *positive)
{
	Datum		d = PG_GETARG_DATUM(argno);
	int64		v = 0;

	if (!OidIsValid(st->label_type))
		st->label_type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, argno));
	switch (st->label_type)
	{
		case BOOLOID:
			*positive = DatumGetBool(d);
			return !PG_ARGISNULL(argno);
		case INT2OID:
			v = DatumGetInt16(d);
			break;
		case INT4OID:
			v = DatumGetInt32(d);
			break;
		case INT8OID:
			v = PG_ARGISNULL(argno) ? 0 : DatumGetInt64(d);
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("the label must be boolean or integer, not %s",
							format_type_be(st->label_type)),
					 errhint("Write a condition that is true for a converted lead.")));
	}
	if (PG_ARGISNULL(argno))
		return false;
	if (v != 0 && v != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the label must be 0 or 1, not %lld", (long long) v),
				 errhint("Write a condition that is true for a converted lead.")));
	*positive = (v == 1);
	return true;
}

/* ---- rows ---- */

static void
AddCell(FrameState *st, const CellSource *src, Datum value, bool isnull)
{
	Cell		cell;

	CellRead(&st->input.shape->columns[src->attr], value, isnull, &cell);
	if (src->part != NULL && !isnull)
		cell.number = TransformCell(src->part, st->builder->timezone, &cell);
	FrameBuilderCodeCell(st->builder, src->column, &cell);
}

static inline void
AddText(FrameBuilder *b, int column, Datum value)
{
	struct varlena *v = PG_DETOAST_DATUM_PACKED(value);

	FrameBuilderCodeText(b, column, VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
}

/*
 * A row: the values of the record, or the arguments themselves.  Small whole
 * numbers, which most columns of leads hold, and plain numbers have a short way.
 */
static pg_attribute_always_inline void
AddRow(FrameState *st, const NullableDatum *args, bool positive)
{
	FrameBuilder *b = st->builder;
	const CellSource *src = st->sources,
			   *end = src + st->nsources;
	const char *columns = b->ncolumns > 0 ? (char *) b->columns[0] : NULL;
	uint8	   *cells;
	uint64		known;
	uint32		hash = 0;

#define COLUMN	((const BuilderColumn *) (columns + src->at))
#define VALUE	(args ? args[src->attr].value : st->input.values[src->attr])
#define ISNULL	(args ? args[src->attr].isnull : st->input.nulls[src->attr])
#define ADD(way_, coded) \
	for (; src < end && src->way == (way_); src++) \
		if (ISNULL || (known = (coded)) == 0) \
		{ \
			AddCell(st, src, VALUE, ISNULL); \
			cells = b->cells; \
		} \
		else \
			hash += (uint32) (known >> HASH_SHIFT)

	FrameBuilderBeginRow(b);
	cells = b->cells;
	ADD(WAY_INT4, FrameBuilderCodeSmall(cells, COLUMN, DatumGetInt32(VALUE)));
	ADD(WAY_INT2, FrameBuilderCodeSmall(cells, COLUMN, DatumGetInt16(VALUE)));
	ADD(WAY_INT8, FrameBuilderCodeSmall(cells, COLUMN, DatumGetInt64(VALUE)));
	ADD(WAY_FLOAT8, FrameBuilderCodePlain(cells, COLUMN, DatumGetFloat8(VALUE)));
	for (; src < end && src->way == WAY_TEXT; src++)
		if (ISNULL)
			AddCell(st, src, VALUE, true);
		else
			AddText(b, src->column, VALUE);
	ADD(WAY_ANY, 0);
	FrameBuilderAddHash(b, hash);
	if (b->rows % ROWS_PER_REPORT == 0)
		ProgressReport("reading rows", 0, b->rows, 0);
	FrameBuilderEndRow(b, positive);
#undef COLUMN
#undef VALUE
#undef ISNULL
#undef ADD
}

static Datum
AddLabelled(FrameState *st, FunctionCallInfo fcinfo, int label_arg,
			const NullableDatum *args)
{
	bool		positive;

	if (!ReadLabel(st, fcinfo, label_arg, &positive))
		FrameBuilderAddUnknown(st->builder, 1);
	else if (args != NULL)
		AddRow(st, args, positive);
	else
		AddRow(st, NULL, positive);
	PG_RETURN_POINTER(st);
}

/* (state, label, features record [, options jsonb]) */
static Datum
RecordTransition(FunctionCallInfo fcinfo, int kinds)
{
	FrameState *st = StateOfCall(fcinfo, 3, kinds, true);
	const RowShape *was = st->input.shape;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a row to train on is NULL"),
				 errhint("Leave it out with FILTER; an outer join may have made it.")));
	if (st->opt->names != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"names\" does not act here"),
				 errdetail("A row has the names of its columns.")));
	if (RowInputRecord(&st->input, PG_GETARG_HEAPTUPLEHEADER(2), st->cxt))
	{
		if (was != NULL)
			CheckSameColumns(was, st->input.shape);
		else
			BindColumns(st);
	}
	return AddLabelled(st, fcinfo, 1, NULL);
}

PG_FUNCTION_INFO_V1(lead_frame_transfn);
Datum
lead_frame_transfn(PG_FUNCTION_ARGS)
{
	return RecordTransition(fcinfo, OPTIONS_FRAME);
}

PG_FUNCTION_INFO_V1(lead_train_transfn);
Datum
lead_train_transfn(PG_FUNCTION_ARGS)
{
	return RecordTransition(fcinfo, OPTIONS_FRAME | OPTIONS_FIT);
}

/* The columns of the call. */
static void
BindArguments(FrameState *st, FunctionCallInfo fcinfo)
{
	ShapeOfCall(&st->input, st->shared, st->opt, fcinfo, 3, st->cxt);
	BindColumns(st);
}

/* The columns of the call, which are the same for all groups. */
static void
BindGroup(FrameState *st, FunctionCallInfo fcinfo)
{
	SharedCall *shared = st->shared;

	if (shared->columns == NULL)
	{
		FrameState *columns = StateCreate(fcinfo->flinfo->fn_mcxt, shared->options,
										  st->kinds, true, 0);

		columns->shared = shared;
		BindArguments(columns, fcinfo);
		shared->columns = columns;
	}
	st->input.shape = shared->columns->input.shape;
	st->sources = shared->columns->sources;
	st->nsources = shared->columns->nsources;
	FrameBuilderCopyColumns(st->builder, shared->columns->builder);
}

/* (state, label, options jsonb, VARIADIC "any") */
static Datum
ColumnsTransition(FunctionCallInfo fcinfo, int kinds)
{
	FrameState *st = StateOfCall(fcinfo, 2, kinds, true);

	if (st->input.shape == NULL)
	{
		if (st->shared != NULL)
			BindGroup(st, fcinfo);
		else
			BindArguments(st, fcinfo);
	}
	return AddLabelled(st, fcinfo, 1, &fcinfo->args[3]);
}

PG_FUNCTION_INFO_V1(lead_frame_columns_transfn);
Datum
lead_frame_columns_transfn(PG_FUNCTION_ARGS)
{
	return ColumnsTransition(fcinfo, OPTIONS_FRAME);
}

PG_FUNCTION_INFO_V1(lead_train_columns_transfn);
Datum
lead_train_columns_transfn(PG_FUNCTION_ARGS)
{
	return ColumnsTransition(fcinfo, OPTIONS_FRAME | OPTIONS_FIT);
}

/* (state, leadframe): NULL frames are passed over */
PG_FUNCTION_INFO_V1(lead_frame_union_transfn);
Datum
lead_frame_union_transfn(PG_FUNCTION_ARGS)
{
	FrameState *st;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	st = PG_ARGISNULL(0) ? StateOfAggregate(fcinfo, NULL, NULL, OPTIONS_FRAME, false) :
		(FrameState *) PG_GETARG_POINTER(0);
	FrameBuilderAbsorb(st->builder, FrameDecode(PG_GETARG_VARLENA_P(1)));
	PG_RETURN_POINTER(st);
}

/* ---- between workers ---- */

/*
 * The builder of a state, when no more rows are to come.  A state that arrived
 * from another process is its frame; it becomes a builder like any other when
 * something is to be added.
 */
static FrameBuilder *
StateBuilder(FrameState *st)
{
	Frame	   *decoded = st->decoded;

	st->decoded = NULL;
	if (decoded != NULL)
		FrameBuilderAbsorb(st->builder, decoded);
	FreeChunks(st->builder);
	return st->builder;
}

PG_FUNCTION_INFO_V1(lead_frame_combine);
Datum
lead_frame_combine(PG_FUNCTION_ARGS)
{
	FrameState *a = PG_ARGISNULL(0) ? NULL : (FrameState *) PG_GETARG_POINTER(0);
	FrameState *b = PG_ARGISNULL(1) ? NULL : (FrameState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (b == NULL)
	{
		if (a == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(a);
	}
	if (a == NULL)
		a = StateOfAggregate(fcinfo, NULL, b->given, b->kinds, false);
	else if (!SameOptions(a->given, b->given))
		OptionsChanged();
	FrameBuilderAbsorb(StateBuilder(a), b->decoded ? b->decoded :
					   FrameBuilderFinish(b->builder, 0));
	PG_RETURN_POINTER(a);
}

PG_FUNCTION_INFO_V1(lead_frame_serialize);
Datum
lead_frame_serialize(PG_FUNCTION_ARGS)
{
	FrameState *st = (FrameState *) PG_GETARG_POINTER(0);
	StringInfoData buf;
	char	   *given = "";

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (st->given != NULL)
		given = JsonbToCString(NULL, &st->given->root, VARSIZE(st->given));
	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	PutU8(&buf, st->kinds);
	PutText(&buf, given, strlen(given));
	FrameBuilderPutState(&buf, StateBuilder(st));
	SET_VARSIZE(buf.data, buf.len);
	PG_RETURN_BYTEA_P((bytea *) buf.data);
}

PG_FUNCTION_INFO_V1(lead_frame_deserialize);
Datum
lead_frame_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Reader		r = {(const uint8 *) VARDATA_ANY(bytes),
	(const uint8 *) VARDATA_ANY(bytes) + VARSIZE_ANY_EXHDR(bytes), NULL};
	int			kinds = GetU8(&r);
	uint32		len = GetU32(&r);
	const char *given = (const char *) GetBytes(&r, len);
	FrameState *st;
	Jsonb	   *options = NULL;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (r.why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of a frame")));
	if (len > 0)
		options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
													 CStringGetDatum(pnstrdup(given, len))));
	kinds &= OPTIONS_FRAME | OPTIONS_FIT;
	st = StateCreate(CurrentMemoryContext, TakeOptions(CurrentMemoryContext, options, kinds),
					 kinds, false, 0);
	st->decoded = FrameGetState(&r);
	PG_RETURN_POINTER(st);
}

/* ---- final functions: none of them changes the state ---- */

PG_FUNCTION_INFO_V1(lead_frame_finalfn);
Datum
lead_frame_finalfn(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(FrameBuilderEncode(StateBuilder((FrameState *) PG_GETARG_POINTER(0))));
}

/*
 * What a reference to a lower plan node stands for: the arguments of an
 * aggregate that parallel workers begin are those of its lower half.
 */
static Node *
FollowReference(Plan *plan, Node *node)
{
	while (node != NULL && IsA(node, Var) && ((Var *) node)->varno == OUTER_VAR)
	{
		int			attno = ((Var *) node)->varattno;

		if (IsA(plan, Append))
			plan = linitial(((Append *) plan)->appendplans);
		else if (IsA(plan, MergeAppend))
			plan = linitial(((MergeAppend *) plan)->mergeplans);
		else
			plan = outerPlan(plan);
		if (plan == NULL || attno < 1 || attno > list_length(plan->targetlist))
			return NULL;
		node = (Node *) ((TargetEntry *) list_nth(plan->targetlist, attno - 1))->expr;
	}
	return node;
}

/*
 * No row arrived, so no state tells the options: look for them in the call, so
 * that "untrainable" counts for an empty group as well.  Only a constant can be
 * found; a window's call has no arguments to look at.
 */
static Options *
OptionsOfCall(FunctionCallInfo fcinfo)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	const Const *constant;

	if (aggref != NULL && DO_AGGSPLIT_COMBINE(aggref->aggsplit))
	{
		Node	   *lower = (Node *) ((TargetEntry *) linitial(aggref->args))->expr;

		lower = FollowReference(((AggState *) fcinfo->context)->ss.ps.plan, lower);
		aggref = (lower != NULL && IsA(lower, Aggref)) ? (Aggref *) lower : NULL;
	}
	constant = ConstantOptions(aggref);
	return OptionsParse(constant == NULL ? NULL : DatumGetJsonbP(constant->constvalue),
						OPTIONS_FRAME | OPTIONS_FIT);
}

/*
 * The frame of an aggregate's final function, in the current context, to be
 * closed; *opt gets the options.
 */
Frame *
FinalFrame(FunctionCallInfo fcinfo, const Options **opt)
{
	FrameState *st = PG_ARGISNULL(0) ? NULL : (FrameState *) PG_GETARG_POINTER(0);

	if (st == NULL)
	{
		*opt = OptionsOfCall(fcinfo);
		return FrameBuilderFinish(FrameBuilderCreate(CurrentMemoryContext,
													 FRAME_MAX_DISTINCT, 0), 0);
	}
	*opt = st->opt;
	return FrameBuilderFinish(StateBuilder(st), st->builder->limit);
}

PG_FUNCTION_INFO_V1(lead_train_finalfn);
Datum
lead_train_finalfn(PG_FUNCTION_ARGS)
{
	MemoryContext work,
				old;
	const Options *opt;
	Frame	   *frame;
	bytea	   *model;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	work = AllocSetContextCreate(CurrentMemoryContext, "leadscore fit",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	frame = FinalFrame(fcinfo, &opt);
	model = FitModel(FrameStatsCompute(frame), opt);
	FrameClose(frame);
	ProgressEnd();
	MemoryContextSwitchTo(old);
	if (model != NULL)
		model = (bytea *) DatumGetPointer(datumCopy(PointerGetDatum(model), false, -1));
	MemoryContextDelete(work);
	if (model == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(model);
}
