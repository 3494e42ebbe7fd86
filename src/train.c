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
#include "nodes/primnodes.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "bytes.h"
#include "fit.h"
#include "framebuild.h"

/* Where one column of the builder gets its cell from. */
typedef struct CellSource
{
	int			attr;			/* column of the row */
	Feature		part;			/* carries the transform of a part of a time */
} CellSource;

typedef struct FrameState
{
	MemoryContext cxt;
	Jsonb	   *given;			/* the options, or NULL */
	int			kinds;			/* OPTIONS_… of the call */
	Options    *opt;
	FrameBuilder *builder;
	RowInput	input;
	Oid			label_type;
	int			nsources;
	CellSource *sources;
} FrameState;

/* `rows`: for rows, under the options' limits; else for frames, under theirs. */
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

/* ---- binding columns ---- */

static int
FindAttribute(const RowShape *shape, const char *name)
{
	for (int i = 0; i < shape->ncolumns; i++)
		if (shape->columns[i].name != NULL && strcmp(shape->columns[i].name, name) == 0)
			return i;
	return -1;
}

static void
RequireAttribute(const RowShape *shape, const char *name, const char *option)
{
	if (FindAttribute(shape, name) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("there is no column \"%s\", which option \"%s\" names",
						TextFromUtf8(name, strlen(name)), option)));
}

static void
CheckNamedColumns(const RowShape *shape, const Options *opt)
{
	ListCell   *lc;

	foreach(lc, opt->exclude)
		RequireAttribute(shape, lfirst(lc), "exclude");
	foreach(lc, opt->allow)
		RequireAttribute(shape, lfirst(lc), "allow");
	foreach(lc, opt->columns)
		RequireAttribute(shape, ((ColumnOptions *) lfirst(lc))->name, "columns");
	if (opt->weight)
		RequireAttribute(shape, opt->weight, "weight");
	if (opt->offset)
		RequireAttribute(shape, opt->offset, "offset");
	if (opt->group)
		RequireAttribute(shape, opt->group, "group");
	if (opt->time)
		RequireAttribute(shape, opt->time, "time");
}

static ColumnRole
RoleOf(const Options *opt, const RowColumn *col)
{
	static const char *const names[] = {"", "weight", "offset", "group", "time"};
	const char *columns[] = {NULL, opt->weight, opt->offset, opt->group, opt->time};
	ColumnRole	role = ROLE_FEATURE;
	CellClass	class = CellTypeClass(col->type);

	for (ColumnRole r = ROLE_WEIGHT; r <= ROLE_LAST; r++)
	{
		if (columns[r] == NULL || strcmp(columns[r], col->name) != 0)
			continue;
		if (NameInList(opt->exclude, col->name))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be both \"%s\" and \"exclude\"",
							TextFromUtf8(col->name, strlen(col->name)), names[r]),
					 errhint("A column with a role is no feature anyway.")));
		if (role != ROLE_FEATURE)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be both \"%s\" and \"%s\"",
							TextFromUtf8(col->name, strlen(col->name)),
							names[role], names[r])));
		if (((r == ROLE_WEIGHT || r == ROLE_OFFSET) && class != CLASS_NUMBER) ||
			(r == ROLE_TIME && class != CLASS_TIME))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of type %s cannot be the %s",
							TextFromUtf8(col->name, strlen(col->name)),
							CellTypeName(col->type), names[r])));
		role = r;
	}
	return role;
}

static void
AddSource(FrameState *st, const RowShape *shape, int attr, const char *name,
		  Transform part, ColumnRole role)
{
	const RowColumn *col = &shape->columns[attr];
	CellSource *src = &st->sources[st->nsources];

	FrameBuilderAddColumn(st->builder, name, col->name, col->type, part, role, attr);
	src->attr = attr;
	memset(&src->part, 0, sizeof(Feature));
	src->part.name = pstrdup(name);
	src->part.transform = part;
	st->nsources++;
}

static const char *
SessionTimezone(const Options *opt)
{
	return opt->timezone != NULL ? opt->timezone :
		pg_get_timezone_name(session_timezone);
}

static void
AddParts(FrameState *st, const RowShape *shape, int attr, const List *parts)
{
	static const char *const names[] = {[TRANSFORM_HOUR] = "hour",
		[TRANSFORM_DOW] = "dow",[TRANSFORM_DAY] = "day",
		[TRANSFORM_MONTH] = "month",[TRANSFORM_QUARTER] = "quarter",
	[TRANSFORM_YEAR] = "year"};
	const RowColumn *col = &shape->columns[attr];
	ListCell   *lc;

	if (CellTypeClass(col->type) != CLASS_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s has no \"parts\"",
						TextFromUtf8(col->name, strlen(col->name)),
						CellTypeName(col->type))));
	foreach(lc, parts)
	{
		Transform	part = lfirst_int(lc);
		char	   *name;

		if (part == TRANSFORM_HOUR && col->type == CELL_DATE)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is a date and has no hour",
							TextFromUtf8(col->name, strlen(col->name)))));
		name = psprintf("%s.%s", col->name, names[part]);
		if (FindAttribute(shape, name) >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("the row has a column \"%s\" already, as a part of \"%s\" would be called",
							TextFromUtf8(name, strlen(name)),
							TextFromUtf8(col->name, strlen(col->name))),
					 errhint("Give one of them another name in a sub-select.")));
		AddSource(st, shape, attr, name, part, ROLE_FEATURE);
	}
	if (col->type == CELL_TIMESTAMPTZ)
		FrameBuilderSetTimezone(st->builder, SessionTimezone(st->opt));
}

/* Columns of one name would be one column to everybody after this. */
static void
CheckNamesDiffer(const RowShape *shape)
{
	for (int i = 1; i < shape->ncolumns; i++)
		for (int j = 0; shape->columns[i].name != NULL && j < i; j++)
			if (shape->columns[j].name != NULL &&
				strcmp(shape->columns[i].name, shape->columns[j].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("the row has two columns named \"%s\"",
								TextFromUtf8(shape->columns[i].name,
											 strlen(shape->columns[i].name))),
						 errhint("Give them different names in the sub-select that makes the row.")));
}

/* All columns that can't be features at once, and the option without them. */
static void
CheckTypes(const RowShape *shape, const Options *opt)
{
	StringInfoData names;
	const RowColumn *first = NULL;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, opt->exclude)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 JsonName(lfirst(lc)));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		const RowColumn *col = &shape->columns[i];

		if (col->name == NULL || col->type != CELL_UNUSABLE ||
			NameInList(opt->exclude, col->name))
			continue;
		if (n++ == 0)
			first = col;
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 JsonName(col->name));
	}
	if (n == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" has type %s, which cannot be a feature",
					TextFromUtf8(first->name, strlen(first->name)),
					format_type_be(first->typid)),
			 n > 1 ? errdetail_plural("%d more column is of such a type.",
									  "%d more columns are of such types.",
									  n - 1, n - 1) : 0,
			 errhint("Leave out what cannot be used: {\"exclude\": [%s]}.", names.data)));
}

/* Columns of the builder for those of the first row. */
static void
BindColumns(FrameState *st)
{
	MemoryContext old = MemoryContextSwitchTo(st->cxt);
	const RowShape *shape = st->input.shape;
	const Options *opt = st->opt;
	int			most = 0;

	CheckNamesDiffer(shape);
	CheckNamedColumns(shape, opt);
	CheckTypes(shape, opt);
	if (opt->timezone != NULL && pg_tzset(opt->timezone) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone \"%s\"",
						TextFromUtf8(opt->timezone, strlen(opt->timezone))),
				 errhint("Option \"timezone\" takes a name from pg_timezone_names.")));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		const ColumnOptions *co = shape->columns[i].name == NULL ? NULL :
			OptionsForColumn(opt, shape->columns[i].name);

		most += 1 + (co != NULL ? list_length(co->parts) : 0);
	}
	st->sources = palloc(sizeof(CellSource) * Max(most, 1));
	for (int i = 0; i < shape->ncolumns; i++)
	{
		const RowColumn *col = &shape->columns[i];
		const ColumnOptions *co;
		ColumnRole	role;

		if (col->name == NULL)
			continue;
		role = RoleOf(opt, col);
		if (NameInList(opt->exclude, col->name))
			continue;
		AddSource(st, shape, i, col->name, TRANSFORM_NONE, role);
		co = OptionsForColumn(opt, col->name);
		if (co != NULL && co->parts != NIL)
			AddParts(st, shape, i, co->parts);
	}
	MemoryContextSwitchTo(old);
}

/* A later row of another row type must have the same columns in their places. */
static void
CheckSameColumns(const RowShape *was, const RowShape *is)
{
	bool		same = (was->ncolumns == is->ncolumns);

	for (int i = 0; same && i < is->ncolumns; i++)
		same = (was->columns[i].name == NULL) == (is->columns[i].name == NULL) &&
			(is->columns[i].name == NULL ||
			 (strcmp(was->columns[i].name, is->columns[i].name) == 0 &&
			  was->columns[i].type == is->columns[i].type));
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("all rows must have the same columns"),
				 errhint("Bring them to one row type, or unite frames with ||, which match columns by name.")));
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
 * No row arrived, so no state tells the options: look for them in the call, so
 * that "untrainable" counts for an empty group as well.
 */
static Options *
OptionsOfCall(FunctionCallInfo fcinfo)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	ListCell   *lc;

	if (aggref == NULL)			/* a window, which does not tell */
		return OptionsParse(NULL, OPTIONS_FRAME | OPTIONS_FIT);
	foreach(lc, aggref->args)
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
