/*-------------------------------------------------------------------------
 *
 * calloptions.c
 *	  The options of an aggregate's call, parsed once and the same for all rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"

#include "calloptions.h"

GivenOptions
TakeOptions(MemoryContext cxt, const Jsonb *given, int kinds)
{
	MemoryContext old = MemoryContextSwitchTo(cxt);
	GivenOptions o = {NULL};

	if (given != NULL)
	{
		o.given = palloc(VARSIZE(given));
		memcpy(o.given, given, VARSIZE(given));
	}
	o.opt = OptionsParse(o.given, kinds);
	MemoryContextSwitchTo(old);
	return o;
}

bool
SameOptions(const Jsonb *a, const Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

void
OptionsChanged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options must be the same for every row"),
			 errhint("Write them as a constant.")));
}

const Const *
ConstantOptions(const Aggref *aggref)
{
	ListCell   *lc;

	foreach(lc, aggref != NULL ? aggref->args : NIL)
	{
		Node	   *arg = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		if (IsA(arg, Const) && ((Const *) arg)->consttype == JSONBOID &&
			!((Const *) arg)->constisnull)
			return (const Const *) arg;
	}
	return NULL;
}

SharedCall *
ShareCall(FunctionCallInfo fcinfo, int options_arg, int kinds)
{
	const void *raw = RawOptions(fcinfo, options_arg);
	SharedCall *shared = fcinfo->flinfo->fn_extra;
	const Const *constant;

	if (shared != NULL)
		return shared->raw == raw ? shared : NULL;
	constant = raw == NULL ? NULL : ConstantOptions(AggGetAggref(fcinfo));
	if (constant == NULL || DatumGetPointer(constant->constvalue) != raw)
		return NULL;
	shared = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(SharedCall));
	shared->raw = raw;
	shared->options = TakeOptions(fcinfo->flinfo->fn_mcxt,
								  PG_GETARG_JSONB_P(options_arg), kinds);
	fcinfo->flinfo->fn_extra = shared;
	return shared;
}

void
ShapeOfCall(RowInput *input, SharedCall *shared, const Options *opt,
			FunctionCallInfo fcinfo, int first, MemoryContext cxt)
{
	Jsonb	   *names = unconstify(Jsonb *, opt->names);

	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("columns cannot be given as a VARIADIC array"),
				 errhint("List the columns, or use the aggregate that takes a row.")));
	if (names == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"names\" is missing"),
				 errhint("Name the columns: {\"names\": [\"city\", \"clicks\"]}.")));
	if (shared == NULL)
	{
		(void) RowInputArgs(input, fcinfo, first, names, cxt);
		return;
	}
	if (shared->input.shape == NULL)
		(void) RowInputArgs(&shared->input, fcinfo, first, names, fcinfo->flinfo->fn_mcxt);
	input->shape = shared->input.shape;
}
