/*-------------------------------------------------------------------------
 *
 * bind.c
 *	  Which columns of a row become columns of a frame, and as what.
 *
 * This happens at the first row: names in the options are checked against the
 * row's, roles against types, parts of times become columns of their own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/builtins.h"

#include "framebuild.h"
#include "train.h"

/* What is read for the first row is read for all. */
CellWay
WayOfColumn(const RowColumn *col)
{
	return col->type == CELL_INT4 ? WAY_INT4 :
		col->type == CELL_INT2 ? WAY_INT2 :
		col->type == CELL_INT8 ? WAY_INT8 :
		col->type == CELL_FLOAT8 ? WAY_FLOAT8 :
		col->text_varlena && !col->trim_blanks &&
		GetDatabaseEncoding() == PG_UTF8 ? WAY_TEXT : WAY_ANY;
}

static void
AddSource(FrameState *st, const RowShape *shape, int attr, const char *name,
		  Transform part, ColumnRole role)
{
	const RowColumn *col = &shape->columns[attr];
	CellSource *src = &st->sources[st->nsources];

	src->column = FrameBuilderAddColumn(st->builder, name, col->name, col->type,
										part, role, attr);
	src->at = src->column * sizeof(BuilderColumn);
	src->attr = attr;
	src->way = part != TRANSFORM_NONE ? WAY_ANY : WayOfColumn(col);
	src->part = NULL;
	if (part != TRANSFORM_NONE)
	{
		src->part = palloc0(sizeof(Feature));
		src->part->name = pstrdup(name);
		src->part->transform = part;
	}
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
		name = PartName(col->name, part);
		if (NameInList(st->opt->exclude, name))
			continue;
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

static int
CompareWays(const void *a, const void *b)
{
	const CellSource *x = a,
			   *y = b;

	return x->way != y->way ? (int) x->way - (int) y->way : x->column - y->column;
}

/* Columns of the builder for those of the first row. */
void
BindColumns(FrameState *st)
{
	MemoryContext old = MemoryContextSwitchTo(st->cxt);
	const RowShape *shape = st->input.shape;
	const Options *opt = st->opt;
	int			most = 0;

	CheckRowOptions(shape, opt);
	for (int i = 0; i < shape->ncolumns; i++)
	{
		const ColumnOptions *co = shape->columns[i].name == NULL ? NULL :
			OptionsForColumn(opt, shape->columns[i].name);

		most += 1 + (co != NULL ? list_length(co->parts) : 0);
	}
	FrameBuilderReserve(st->builder, most);
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
	/* cells of one kind one after the other: a processor guesses them right */
	qsort(st->sources, st->nsources, sizeof(CellSource), CompareWays);
	MemoryContextSwitchTo(old);
}

/*
 * A later row of another row type must have the same columns in their places,
 * to be read in the same way: a text and a name are not.
 */
void
CheckSameColumns(const RowShape *was, const RowShape *is)
{
	bool		same = (was->ncolumns == is->ncolumns);

	for (int i = 0; same && i < is->ncolumns; i++)
		same = (was->columns[i].name == NULL) == (is->columns[i].name == NULL) &&
			(is->columns[i].name == NULL ||
			 (strcmp(was->columns[i].name, is->columns[i].name) == 0 &&
			  was->columns[i].type == is->columns[i].type &&
			  WayOfColumn(&was->columns[i]) == WayOfColumn(&is->columns[i])));
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("all rows must have the same columns"),
				 errhint("Bring them to one row type, or unite frames with ||, which match columns by name.")));
}
