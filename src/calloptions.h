/*-------------------------------------------------------------------------
 *
 * calloptions.h
 *	  The options of an aggregate's call, parsed once and the same for all rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_CALLOPTIONS_H
#define LEADSCORE_CALLOPTIONS_H

#include "nodes/primnodes.h"

#include "options.h"

/* Options, parsed, and the bytes that they were given as. */
typedef struct GivenOptions
{
	Jsonb	   *given;			/* or NULL */
	Options    *opt;
} GivenOptions;

/*
 * What all groups of an aggregate have in common when its options are a
 * constant of the query; kept as long as the query, in fn_extra.
 */
typedef struct SharedCall
{
	const void *raw;			/* the constant */
	GivenOptions options;
	RowInput	input;			/* of the columns form */
	struct FrameState *columns; /* of a frame's columns form: a state without rows */
} SharedCall;

extern GivenOptions TakeOptions(MemoryContext cxt, const Jsonb *given, int kinds);
extern bool SameOptions(const Jsonb *a, const Jsonb *b);
pg_noreturn extern void OptionsChanged(void);
/* the options as a constant of the query, or NULL */
extern const Const *ConstantOptions(const Aggref *aggref);
/* NULL if the argument is none */
extern SharedCall *ShareCall(FunctionCallInfo fcinfo, int options_arg, int kinds);
/*
 * Names and types of the columns form, from argument `first` on.  The shape is
 * the call's own with `shared`; else it is in `cxt`.
 */
extern void ShapeOfCall(RowInput *input, SharedCall *shared, const Options *opt,
						FunctionCallInfo fcinfo, int first, MemoryContext cxt);

/* The bytes of the options as they came, or NULL. */
static inline const void *
RawOptions(FunctionCallInfo fcinfo, int options_arg)
{
	return PG_NARGS() <= options_arg || PG_ARGISNULL(options_arg) ? NULL :
		PG_GETARG_POINTER(options_arg);
}

/*
 * An error unless this row's options are those that the state was made with.
 * A constant lies in the same place for every row, and does not change.
 */
static inline void
CheckOptionsUnchanged(FunctionCallInfo fcinfo, int options_arg,
					  const SharedCall *shared, const Jsonb *given)
{
	const void *raw = RawOptions(fcinfo, options_arg);

	if (raw != NULL ? shared != NULL && shared->raw == raw : given == NULL)
		return;
	if (!SameOptions(given, raw == NULL ? NULL : PG_GETARG_JSONB_P(options_arg)))
		OptionsChanged();
}

#endif							/* LEADSCORE_CALLOPTIONS_H */
