/*-------------------------------------------------------------------------
 *
 * screen.c
 *	  Which columns are no features: constants, identifiers, the label itself,
 *	  columns that give the label away.
 *
 * The most natural call hands over the whole row, the label and the key with
 * it.  What can be recognised without doubt is left out and said; what would
 * make the model worthless without being the label for certain is an error
 * that shows the option to paste.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fit.h"

/* in fewer rows a column splits the classes by chance */
#define DETERMINES_MIN_ROWS		20

/* A reason to leave a column out. */
LeftOut *
LeaveOut(const FrameColumn *c, const char *reason, const char *detail)
{
	LeftOut    *l = palloc(sizeof(LeftOut));

	l->column = c->name;
	l->source = c->source;
	l->type = c->type;
	l->reason = reason;
	l->detail = detail;
	return l;
}

/* Equal to the label on every labelled row: 0 where false, 1 where true. */
static bool
IsLabel(const FrameColumn *c, const ColumnStats *cs)
{
	CellClass	class = CellTypeClass(c->type);

	if ((class != CLASS_BOOL && class != CLASS_NUMBER) ||
		cs->null.pos + cs->null.neg > 0 || cs->nonnull == 0)
		return false;
	return cs->min_of[0] == 0 && cs->max_of[0] == 0 &&
		cs->min_of[1] == 1 && cs->max_of[1] == 1;
}

static bool
Pure(int64 pos, int64 neg)
{
	return pos == 0 || neg == 0;
}

/*
 * Does the column alone determine the label?  Either every value goes with one
 * class only (two rows a value at least on average, else nothing is proved), or
 * a threshold splits the classes.  NULL must go with one class only, too.
 */
static const char *
Determines(const FrameColumn *c, const ColumnStats *cs)
{
	bool		number = (c->numbers != NULL || c->store == STORE_NUMBERS);

	if (!Pure(cs->null.pos, cs->null.neg) || !FrameColumnHasCells(c) ||
		cs->nonnull + cs->null.pos + cs->null.neg < DETERMINES_MIN_ROWS)
		return NULL;
	if (number && cs->nonnull > 0)
	{
		bool		both = (cs->max_of[0] >= cs->min_of[0] &&
							cs->max_of[1] >= cs->min_of[1]);

		if (both && cs->max_of[0] < cs->min_of[1])
			return psprintf("It is at most %s where the label is false and at least %s where it is true.",
							NumberText(cs->max_of[0]), NumberText(cs->min_of[1]));
		if (both && cs->max_of[1] < cs->min_of[0])
			return psprintf("It is at most %s where the label is true and at least %s where it is false.",
							NumberText(cs->max_of[1]), NumberText(cs->min_of[0]));
		if (!both)
			return cs->null.pos > 0 ?
				"It is NULL where the label is true and only there." :
				"It is NULL where the label is false and only there.";
	}
	if (cs->values == NULL || cs->distinct * 2 > cs->nonnull)
		return NULL;
	for (int k = 1; k <= c->nvalues; k++)
		if (!Pure(cs->values[k].pos, cs->values[k].neg))
			return NULL;
	if (cs->distinct == 1)
		return psprintf("It has a value where the label is %s and is NULL elsewhere.",
						cs->null.pos > 0 ? "false" : "true");
	return psprintf("Each of its %d values goes with one label only.",
					(int) cs->distinct);
}

/* Does nearly every row have a value of its own? */
static bool
IsIdentifier(const FrameStats *s, int column)
{
	const FrameColumn *c = &s->frame->columns[column];
	ColumnStats *cs = &s->columns[column];
	int64		least = (int64) ceil(IDENTIFIER_SHARE * cs->nonnull);

	if (cs->nonnull < IDENTIFIER_MIN_ROWS || c->part != TRANSFORM_NONE ||
		!CellTypeIsKey(c->type))
		return false;
	if (cs->distinct < 0 && !cs->repeats)
	{
		cs->distinct = CountDistinctUnless(s->frame, c, cs, cs->nonnull - least);
		cs->repeats = (cs->distinct < 0);
	}
	return cs->distinct >= least;
}

/*
 * Is a time, of which only the NULLs are counted, filled in about as often as the
 * label is true?  Then it may be when the deal was won.  Half as many more are
 * those who came too late for the label's horizon.
 */
static bool
LooksLikeOutcome(const Frame *frame, const ColumnStats *cs)
{
	int64		positives = frame->positives,
				negatives = frame->rows - positives,
				nulls = frame->rows - cs->nonnull;

	return positives > 0 && negatives > 0 && cs->nonnull * 2 >= positives &&
		cs->nonnull * 2 <= positives * 3 && nulls * 2 >= negatives;
}

/*
 * Why the column is no feature, or NULL.  Columns with a role and time columns
 * whose parts are features are the caller's.
 */
const LeftOut *
ScreenColumn(const FrameStats *s, int column, const Options *opt)
{
	const FrameColumn *c = &s->frame->columns[column];
	ColumnStats *cs = &s->columns[column];
	int64		nulls = s->frame->rows - cs->nonnull;
	bool		allowed = NameInList(opt->allow, c->name) ||
		NameInList(opt->allow, c->source);
	const char *why;

	if (c->store == STORE_OVERFLOWED)
		return LeaveOut(c, "too many values",
					 psprintf("more than %d different values, or texts of more than %d bytes",
							  s->frame->max_distinct, FRAME_MAX_TEXT));
	if (c->store == STORE_COUNTED)
		return LooksLikeOutcome(s->frame, cs) ?
			LeaveOut(c, LEFT_OUT_OUTCOME,
					 psprintf("filled in %lld of %lld rows, about as many as have a true label",
							  (long long) cs->nonnull, (long long) s->frame->rows)) :
			LeaveOut(c, "time", "a time is no feature unless its parts are asked for");
	if (cs->nonnull == 0)
		return LeaveOut(c, "constant", "always NULL");
	if (nulls == 0 && (cs->distinct == 1 ||
					   (c->store == STORE_NUMBERS && cs->min == cs->max)))
		return LeaveOut(c, "constant", "one value only");
	if (!allowed && IsLabel(c, cs))
		return LeaveOut(c, "label", "equal to the label on every labelled row");
	if (!allowed && IsIdentifier(s, column))
		return LeaveOut(c, "identifier",
						psprintf("%lld different values in %lld rows",
								 (long long) cs->distinct, (long long) cs->nonnull));
	if (!allowed && (why = Determines(c, cs)) != NULL)
		return LeaveOut(c, LEFT_OUT_DETERMINES, why);
	return NULL;
}

/*
 * A column that gives the label away ends the fit.  Where a poor segment is to
 * have no model instead, a notice says so: few rows do this by chance.
 */
void
ReportDetermines(const LeftOut *l, const Options *opt)
{
	char	   *name = TextFromUtf8(l->source, strlen(l->source));

	if (opt->untrainable_null)
		FitTell(opt, NOTICE, psprintf("no model: column \"%s\" alone determines the label", name),
				l->detail, NULL);
	else
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" alone determines the label", name),
				 errdetail("%s A model of it would be perfect here and useless on new leads.",
						   l->detail),
				 errhint("Leave it out with {\"exclude\": [%s]}, or insist with {\"allow\": [%s]}.",
						 JsonName(l->source), JsonName(l->source))));
}

/* Names of the columns left out for a reason: five at most, then a count. */
static char *
NamesOf(const FitReport *report, const char *reason, int *n)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	*n = 0;
	foreach(lc, report->left_out)
	{
		const LeftOut *l = lfirst(lc);

		if (strcmp(l->reason, reason) != 0)
			continue;
		if (++*n <= 5)
			appendStringInfo(&buf, "%s\"%s\"", *n > 1 ? ", " : "",
							 TextFromUtf8(l->column, strlen(l->column)));
	}
	if (*n > 5)
		appendStringInfo(&buf, " and %d more", *n - 5);
	return buf.data;
}

/* The option that brings back the first time left out; a date has no hour. */
static char *
PartsOption(const FitReport *report)
{
	ListCell   *lc;

	foreach(lc, report->left_out)
	{
		const LeftOut *l = lfirst(lc);

		if (strcmp(l->reason, "time") == 0)
			return psprintf("{\"columns\": {%s: {\"parts\": [%s\"dow\"]}}}",
							JsonName(l->source),
							l->type == CELL_DATE ? "" : "\"hour\", ");
	}
	return "";
}

/* Say what was left out, each at the volume it deserves. */
void
ReportLeftOut(const FitReport *report, const Options *opt)
{
	int			n;
	char	   *names = NamesOf(report, "label", &n);
	ListCell   *lc;

#define LEFT_OUT(one, many) \
	psprintf("left out column%s %s: %s", n > 1 ? "s" : "", names, n > 1 ? (many) : (one))

	if (n > 0)
		FitTell(opt, NOTICE, LEFT_OUT("it is the label", "they are the label"), NULL, NULL);
	names = NamesOf(report, "time", &n);
	if (n > 0)
		FitTell(opt, NOTICE, LEFT_OUT("it is a time", "they are times"), NULL,
				psprintf("To use parts of a time: %s.", PartsOption(report)));
	names = NamesOf(report, LEFT_OUT_OUTCOME, &n);
	if (n > 0)
		FitTell(opt, NOTICE, LEFT_OUT("it looks like the time of the outcome",
									  "they look like times of the outcome"),
				"It is filled in about as often as the label is true.", NULL);
	names = NamesOf(report, "identifier", &n);
	if (n > 0)
		FitTell(opt, WARNING, LEFT_OUT("it looks like an identifier", "they look like identifiers"),
				"Almost every row has a value of its own, which says nothing about new leads.",
				"Name it in \"exclude\" to silence this, or in \"allow\" to use it.");
	names = NamesOf(report, "too many values", &n);
	if (n > 0)
		FitTell(opt, WARNING, LEFT_OUT("it has too many different or too long values",
									   "they have too many different or too long values"), NULL,
				"Name it in \"exclude\" to silence this, or raise \"max_distinct\" when the frame is built.");
	foreach(lc, report->notes)
		FitTell(opt, WARNING, TextFromUtf8(lfirst(lc), strlen(lfirst(lc))), NULL, NULL);
#undef LEFT_OUT
}
