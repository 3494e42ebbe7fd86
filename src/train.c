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
#include "nodes/primnodes.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "bytes.h"
#include "fit.h"
#include "framebuild.h"
#include "train.h"

static FrameState *
StateCreate(MemoryContext cxt, const Jsonb *given, int kinds, bool rows)
{
	FrameState *st = MemoryContextAllocZero(cxt, sizeof(FrameState));
	MemoryContext old = MemoryContextSwitchTo(cxt);

	st->cxt = cxt;
	st->kinds = kinds;
	if (given != NULL)
	{
		st->given = palloc(VARSIZE(given));
		memcpy(st->given, given, VARSIZE(given));
	}
	st->opt = OptionsParse(st->given, kinds);
	st->builder = FrameBuilderCreate(cxt, rows ? st->opt->max_distinct :
									 FRAME_MAX_DISTINCT_LIMIT);
	MemoryContextSwitchTo(old);
	return st;
}

static bool
SameOptions(const Jsonb *a, const Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static void
OptionsChanged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options must be the same for every row"),
			 errhint("Write them as a constant.")));
}

/* The state of this call, made on the first row. */
static FrameState *
StateOfCall(FunctionCallInfo fcinfo, const Jsonb *given, int kinds, bool rows)
{
	MemoryContext aggcontext;
	FrameState *st;

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(0))
		return StateCreate(aggcontext, given, kinds, rows);
	st = (FrameState *) PG_GETARG_POINTER(0);
	if (!SameOptions(st->given, given))
		OptionsChanged();
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

/* Small whole numbers, which most columns of leads hold, have a short way. */
static inline bool
AddSmall(FrameState *st, int i, CellType type, Datum value)
{
	switch (type)
	{
		case CELL_INT2:
			return FrameBuilderCodeSmall(st->builder, i, DatumGetInt16(value));
		case CELL_INT4:
			return FrameBuilderCodeSmall(st->builder, i, DatumGetInt32(value));
		case CELL_INT8:
			return FrameBuilderCodeSmall(st->builder, i, DatumGetInt64(value));
		default:
			return false;
	}
}

static void
AddRow(FrameState *st, bool positive)
{
	const RowShape *shape = st->input.shape;

	for (int i = 0; i < st->nsources; i++)
	{
		const CellSource *src = &st->sources[i];
		const RowColumn *col = &shape->columns[src->attr];
		Datum		value = st->input.values[src->attr];
		bool		isnull = st->input.nulls[src->attr];
		Cell		cell;

		if (!isnull && AddSmall(st, i, col->type, value))
			continue;
		CellRead(col, value, isnull, &cell);
		if (src->part.transform != TRANSFORM_NONE && !isnull)
			cell.number = TransformCell(&src->part, st->builder->timezone, &cell);
		FrameBuilderCodeCell(st->builder, i, &cell);
	}
	FrameBuilderStoreRow(st->builder, positive);
}

static Datum
AddLabelled(FrameState *st, FunctionCallInfo fcinfo, int label_arg, bool fresh,
			const RowShape *was)
{
	bool		positive;

	if (fresh && was != NULL)
		CheckSameColumns(was, st->input.shape);
	else if (fresh)
		BindColumns(st);
	if (ReadLabel(st, fcinfo, label_arg, &positive))
		AddRow(st, positive);
	else
		FrameBuilderAddUnknown(st->builder, 1);
	PG_RETURN_POINTER(st);
}

/* (state, label, features record [, options jsonb]) */
static Datum
RecordTransition(FunctionCallInfo fcinfo, int kinds)
{
	const Jsonb *given = (PG_NARGS() > 3 && !PG_ARGISNULL(3)) ? PG_GETARG_JSONB_P(3) : NULL;
	FrameState *st = StateOfCall(fcinfo, given, kinds, true);
	const RowShape *was = st->input.shape;
	bool		fresh;

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
	fresh = RowInputRecord(&st->input, PG_GETARG_HEAPTUPLEHEADER(2), st->cxt);
	return AddLabelled(st, fcinfo, 1, fresh, was);
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

/* (state, label, options jsonb, VARIADIC "any") */
static Datum
ColumnsTransition(FunctionCallInfo fcinfo, int kinds)
{
	const Jsonb *given = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	FrameState *st = StateOfCall(fcinfo, given, kinds, true);
	bool		fresh;

	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("columns cannot be given as a VARIADIC array"),
				 errhint("List the columns, or use lead_train() with a row.")));
	if (st->opt->names == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"names\" is missing"),
				 errhint("Name the columns: {\"names\": [\"city\", \"clicks\"]}.")));
	fresh = RowInputArgs(&st->input, fcinfo, 3, unconstify(Jsonb *, st->opt->names),
						 st->cxt);
	return AddLabelled(st, fcinfo, 1, fresh, NULL);
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
	st = StateOfCall(fcinfo, NULL, OPTIONS_FRAME, false);
	FrameBuilderAbsorb(st->builder, FrameDecode(PG_GETARG_VARLENA_P(1)));
	PG_RETURN_POINTER(st);
}

/* ---- between workers ---- */

/* The frame of a state, in the current context. */
static Frame *
StateFrame(const FrameState *st)
{
	return FrameBuilderFinish(st->builder);
}

PG_FUNCTION_INFO_V1(lead_frame_combine);
Datum
lead_frame_combine(PG_FUNCTION_ARGS)
{
	MemoryContext aggcontext;
	FrameState *a = PG_ARGISNULL(0) ? NULL : (FrameState *) PG_GETARG_POINTER(0);
	FrameState *b = PG_ARGISNULL(1) ? NULL : (FrameState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &aggcontext))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (b == NULL)
	{
		if (a == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(a);
	}
	if (a == NULL)
		a = StateCreate(aggcontext, b->given, b->kinds, false);
	else if (!SameOptions(a->given, b->given))
		OptionsChanged();
	FrameBuilderAbsorb(a->builder, StateFrame(b));
	PG_RETURN_POINTER(a);
}

PG_FUNCTION_INFO_V1(lead_frame_serialize);
Datum
lead_frame_serialize(PG_FUNCTION_ARGS)
{
	FrameState *st = (FrameState *) PG_GETARG_POINTER(0);
	bytea	   *frame = FrameEncode(StateFrame(st));
	StringInfoData buf;
	char	   *given = "";

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (st->given != NULL)
		given = JsonbToCString(NULL, &st->given->root, VARSIZE(st->given));
	initStringInfo(&buf);
	enlargeStringInfo(&buf, VARSIZE(frame) + strlen(given) + 64);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	PutU8(&buf, st->kinds);
	PutText(&buf, given, strlen(given));
	appendBinaryStringInfo(&buf, (char *) frame, VARSIZE(frame));
	SET_VARSIZE(buf.data, buf.len);
	pfree(frame);
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
	struct varlena *frame;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (r.why != NULL || ReaderLeft(&r) < VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of a frame")));
	if (len > 0)
		options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
													 CStringGetDatum(pnstrdup(given, len))));
	st = StateCreate(CurrentMemoryContext, options, kinds & (OPTIONS_FRAME | OPTIONS_FIT),
					 false);
	frame = palloc_extended(ReaderLeft(&r), MCXT_ALLOC_HUGE);	/* aligned */
	memcpy(frame, r.p, ReaderLeft(&r));
	SET_VARSIZE(frame, ReaderLeft(&r));
	FrameBuilderAbsorb(st->builder, FrameDecode(frame));
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
	PG_RETURN_BYTEA_P(FrameEncode(StateFrame((FrameState *) PG_GETARG_POINTER(0))));
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
	ListCell   *lc;

	if (aggref != NULL && DO_AGGSPLIT_COMBINE(aggref->aggsplit))
	{
		Node	   *lower = (Node *) ((TargetEntry *) linitial(aggref->args))->expr;

		lower = FollowReference(((AggState *) fcinfo->context)->ss.ps.plan, lower);
		aggref = (lower != NULL && IsA(lower, Aggref)) ? (Aggref *) lower : NULL;
	}
	foreach(lc, aggref != NULL ? aggref->args : NIL)
	{
		Node	   *arg = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		if (IsA(arg, Const) && ((Const *) arg)->consttype == JSONBOID &&
			!((Const *) arg)->constisnull)
			return OptionsParse(DatumGetJsonbP(((Const *) arg)->constvalue),
								OPTIONS_FRAME | OPTIONS_FIT);
	}
	return OptionsParse(NULL, OPTIONS_FRAME | OPTIONS_FIT);
}

PG_FUNCTION_INFO_V1(lead_train_finalfn);
Datum
lead_train_finalfn(PG_FUNCTION_ARGS)
{
	MemoryContext work,
				old;
	FrameState *st;
	bytea	   *model;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	work = AllocSetContextCreate(CurrentMemoryContext, "leadscore fit",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	if (PG_ARGISNULL(0))
		model = FitModel(FrameBuilderFinish(FrameBuilderCreate(work, FRAME_MAX_DISTINCT)),
						 OptionsOfCall(fcinfo));
	else
	{
		st = (FrameState *) PG_GETARG_POINTER(0);
		model = FitModel(StateFrame(st), st->opt);
	}
	MemoryContextSwitchTo(old);
	if (model != NULL)
		model = (bytea *) DatumGetPointer(datumCopy(PointerGetDatum(model), false, -1));
	MemoryContextDelete(work);
	if (model == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(model);
}
