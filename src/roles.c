/*-------------------------------------------------------------------------
 *
 * roles.c
 *	  The options of a call against the columns of its rows: names that there
 *	  are not, roles that do not fit, types that cannot be used.
 *
 * All of this is checked once, at the first row, before anything is built: what
 * passes here can be framed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/builtins.h"

#include "frame.h"
#include "options.h"

/* The name of a part of a time, "created_date.hour". */
char *
PartName(const char *column, Transform part)
{
	static const char *const names[] = {[TRANSFORM_HOUR] = "hour",
		[TRANSFORM_DOW] = "dow",[TRANSFORM_DAY] = "day",
		[TRANSFORM_MONTH] = "month",[TRANSFORM_QUARTER] = "quarter",
	[TRANSFORM_YEAR] = "year"};

	return psprintf("%s.%s", column, names[part]);
}

/* The column of this name, or -1. */
int
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

/* Does the name stand for a part of a time that the options ask for? */
static bool
IsPart(const Options *opt, const char *name)
{
	ListCell   *lc,
			   *lp;

	foreach(lc, opt->columns)
	{
		const ColumnOptions *co = lfirst(lc);

		foreach(lp, co->parts)
			if (strcmp(PartName(co->name, lfirst_int(lp)), name) == 0)
				return true;
	}
	return false;
}

static void
CheckNamedColumns(const RowShape *shape, const Options *opt)
{
	ListCell   *lc;

	foreach(lc, opt->exclude)
		if (!IsPart(opt, lfirst(lc)))
			RequireAttribute(shape, lfirst(lc), "exclude");
	foreach(lc, opt->allow)
		if (!IsPart(opt, lfirst(lc)))
			RequireAttribute(shape, lfirst(lc), "allow");
	foreach(lc, opt->columns)
		if (!IsPart(opt, ((ColumnOptions *) lfirst(lc))->name))
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

/* What the options say that a column is for. */
ColumnRole
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

/* Columns of one name would be one column to everybody after this. */
void
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

/* An error unless rows of this shape can be framed under these options. */
void
CheckRowOptions(const RowShape *shape, const Options *opt)
{
	CheckNamesDiffer(shape);
	CheckNamedColumns(shape, opt);
	CheckTypes(shape, opt);
	if (opt->timezone != NULL && pg_tzset(opt->timezone) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone \"%s\"",
						TextFromUtf8(opt->timezone, strlen(opt->timezone))),
				 errhint("Option \"timezone\" takes a name from pg_timezone_names.")));
}
