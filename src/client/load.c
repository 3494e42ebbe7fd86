/*-------------------------------------------------------------------------
 *
 * load.c
 *	  leadscore load: a CSV file becomes a table.
 *
 * A file is read twice: first for the types that all its values have, then for
 * the server.  What comes by a pipe can be read but once: there the first 16 MB
 * decide, and a later value that does not fit is an error that names it.
 *
 *-------------------------------------------------------------------------
 */
#include "copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *types_given;
static const char *null_list;
static NullTexts *nulls;
static const char *delimiter_given;
static const char *encoding = "UTF8";
static bool no_header;
static bool header_given;
static bool append;
static bool dry_run;

static const Option options[] = {
	{0, "types", "LIST", "column=type,... or a JSON object: instead of the types found", OPTION_TEXT, &types_given},
	{0, "null", "LIST", "what stands for nothing beside the empty field, say NA,nan", OPTION_TEXT, &null_list},
	{0, "delimiter", "CHAR", "comma, semicolon, tab and bar are found by themselves", OPTION_TEXT, &delimiter_given},
	{0, "encoding", "NAME", "of the file; default: UTF8", OPTION_TEXT, &encoding},
	{0, "header", NULL, "the first line holds names, whatever it looks like", OPTION_SWITCH, &header_given},
	{0, "no-header", NULL, "the first line holds values; columns are column_1 and so on", OPTION_SWITCH, &no_header},
	{'a', "append", NULL, "to a table that is there, by the names of its columns", OPTION_SWITCH, &append},
	{'n', "dry-run", NULL, "tell what would be done, and do nothing", OPTION_SWITCH, &dry_run},
	{0}
};

typedef struct Plan
{
	Header	   *header;
	char	  **given;			/* types by --types, or NULL */
	const char **types;
	ColumnFacts *facts;			/* NULL: the table's types count */
	bool		whole;			/* were they read from all rows? */
	char		delimiter;
	char	   *table;			/* qualified as given, quoted */
	char	   *bare_name;
} Plan;

/* The columns, from the first record; it is taken unless it holds values. */
static void
ReadHeader(Input *input, Plan *plan)
{
	Fields		fields = {0};
	Record		record;
	size_t		ahead = 0;

	plan->delimiter = delimiter_given ? DelimiterOption(delimiter_given) : DetectDelimiter(input);
	if (!InputPeek(input, &ahead, &record))
		Die(EXIT_REFUSED, "%s is empty", InputName(input));
	RefuseStrayReturn(input, &record, 1);
	SplitRecord(&fields, &record, plan->delimiter);
	if (!no_header && !header_given && LooksLikeData(&fields))
	{
		SayError("the first line of %s looks like values, not like names", InputName(input));
		SayHint("--no-header takes it as values, --header as names");
		exit(EXIT_REFUSED);
	}
	plan->header = MakeHeader(&fields, no_header);
	if (!no_header)
		InputRecord(input, &record);
	free(fields.fields);
	free(fields.scratch);
}

/* One record more for the types.  Ragged ones are left to COPY, which names them. */
static void
Look(Plan *plan, Fields *fields, const Record *record)
{
	if (record->length == 0 && plan->header->n > 1)
		return;
	SplitRecord(fields, record, plan->delimiter);
	for (int i = 0; i < fields->n && i < plan->header->n; i++)
		AddFact(&plan->facts[i], &fields->fields[i], nulls, record->line);
}

static void
FindTypes(const char *name, Input *input, Plan *plan)
{
	Fields		fields = {0};
	Record		record;

	plan->facts = NewFacts(plan->header->n);
	if (InputIsFile(input))
	{
		Input	   *first = InputOpen(name);
		double		rows = 0;
		double		bytes = 0;

		ProgressBegin("looking");
		if (!no_header)
			InputRecord(first, &record);
		while (InputRecord(first, &record) && !Cancelled())
		{
			Look(plan, &fields, &record);
			bytes += record.length + record.end;
			if (((int64_t) ++rows & 255) == 0)
				ProgressFile(rows, bytes, InputDone(first), InputTotal(first));
		}
		ProgressEnd();
		InputClose(first);
		plan->whole = true;
	}
	else
	{
		size_t		ahead = 0;

		while (InputPeek(input, &ahead, &record) && !Cancelled())
			Look(plan, &fields, &record);
		plan->whole = false;
	}
	free(fields.fields);
	free(fields.scratch);
	if (Cancelled())
		exit(Cancelled());
	for (int i = 0; i < plan->header->n; i++)
		plan->types[i] = plan->given[i] ? plan->given[i] : TypeOf(&plan->facts[i]);
}

/* A column that is text for few values only: which ones, that the user may say more. */
static char *
Remark(const Plan *plan, int i)
{
	const ColumnFacts *f = &plan->facts[i];
	char	   *remark = Copy("");
	char	   *more;

	if (strcmp(plan->header->names[i], plan->header->written[i]) != 0 && !no_header)
	{
		free(remark);
		remark = Format("in the file \"%s\"", plan->header->written[i]);
	}
	if (f->rows == f->nulls)
		more = Copy("no values");
	else if (plan->given[i] != NULL)
		more = Copy("as you said");
	else if (f->numbers > 0 && f->no_number != NULL && f->numbers * 2 > f->rows - f->nulls)
		more = f->no_number_line > 0
			? Format("\"%s\" in line %lld is no number", f->no_number, (long long) f->no_number_line)
			: Format("\"%s\" is no number", f->no_number);
	else if (f->suspects > 0 && strcmp(plan->types[i], "text") == 0)
		more = Format("%lld times \"%s\": --null?", (long long) f->suspects, f->suspect);
	else
		return remark;
	if (remark[0])
	{
		char	   *both = Format("%s; %s", remark, more);

		free(remark);
		free(more);
		return both;
	}
	free(remark);
	return more;
}

/* What was decided, before it is done: a line per column on stderr. */
static void
Tell(const Input *input, const Plan *plan)
{
	size_t		name_width = 6;
	int64_t		rows = plan->header->n > 0 ? plan->facts[0].rows : 0;

	if (settings.json || (settings.quiet && !dry_run))
		return;
	for (int i = 0; i < plan->header->n; i++)
		if (strlen(plan->header->names[i]) > name_width)
			name_width = strlen(plan->header->names[i]);
	if (name_width > 32)
		name_width = 32;
	fprintf(stderr, "%s: %d columns, parted by %s; types of %s%lld rows\n\n", InputName(input), plan->header->n,
			DelimiterName(plan->delimiter), plan->whole ? "all " : "the first ", (long long) rows);
	fprintf(stderr, "  %-*s  %-16s  %6s  %s\n", (int) name_width, "column", "type", "empty", "");
	for (int i = 0; i < plan->header->n; i++)
	{
		const ColumnFacts *f = &plan->facts[i];
		char	   *remark = Remark(plan, i);
		char	   *shown = Printable(remark, false);
		char	   *name = Printable(plan->header->names[i], false);

		fprintf(stderr, "  %-*s  %-16s  %5.1f%%%s%s\n", (int) name_width, name, plan->types[i],
				f->rows > 0 ? 100.0 * f->nulls / f->rows : 0.0, shown[0] ? "  " : "", shown);
		free(remark);
		free(shown);
		free(name);
	}
	fprintf(stderr, "\n");
}

/* {"table", "rows", "columns": [...]}; rows < 0: a dry run. */
static void
TellJson(const Plan *plan, const char *table, int64_t rows)
{
	json_t	   *columns = json_array();
	json_t	   *document;

	for (int i = 0; plan->facts != NULL && i < plan->header->n; i++)
	{
		char	   *remark = Remark(plan, i);

		json_array_append_new(columns, json_pack("{s:o, s:s, s:I, s:I, s:o}", "name", JsonText(plan->header->names[i]),
												 "type", plan->types[i],
												 "rows", (json_int_t) plan->facts[i].rows,
												 "empty", (json_int_t) plan->facts[i].nulls,
												 "remark", JsonText(remark)));
		free(remark);
	}
	document = json_pack("{s:s, s:s, s:b}", "table", table, "delimiter", DelimiterName(plan->delimiter),
						 "loaded", rows >= 0);
	if (rows >= 0)
		json_object_set_new(document, "rows", json_integer(rows));
	if (plan->facts != NULL)
		json_object_set(document, "columns", columns);
	json_decref(columns);
	json_dumpf(document, stdout, 0);
	printf("\n");
	json_decref(document);
}

static PGresult *
Ask(PGconn *conn, const char *sql, const char *value)
{
	return Run(conn, "asking", sql, value ? 1 : 0, &value);
}

static void
Do(PGconn *conn, const char *what, const char *sql)
{
	PQclear(Run(conn, what, sql, 0, NULL));
}

static char *
Quoted(PGconn *conn, const char *name)
{
	char	   *quoted = PQescapeIdentifier(conn, name, strlen(name));

	if (quoted == NULL)
		Die(EXIT_REFUSED, "\"%s\" cannot be a name: is the file in UTF-8? --encoding says another", name);
	return quoted;
}

/* The names, if the file is in another encoding than the connection. */
static void
RecodeNames(PGconn *conn, Header *header)
{
	for (int i = 0; strcmp(encoding, "UTF8") != 0 && i < header->n; i++)
	{
		const char *values[2] = {NULL, encoding};
		size_t		length;
		char	   *bytes = (char *) PQescapeByteaConn(conn, (unsigned char *) header->names[i], strlen(header->names[i]), &length);
		PGresult   *res;

		values[0] = bytes;
		res = Run(conn, "asking", "SELECT pg_catalog.convert_from($1::pg_catalog.bytea, $2)", 2, values);
		header->names[i] = Copy(PQgetvalue(res, 0, 0));
		PQclear(res);
		PQfreemem(bytes);
	}
}

/* A list of the columns' names, each with what format adds to it. */
static char *
Columns(PGconn *conn, const Plan *plan, bool with_types)
{
	char	   *list = Copy("");

	for (int i = 0; i < plan->header->n; i++)
	{
		char	   *name = Quoted(conn, plan->header->names[i]);
		char	   *longer = Format("%s%s%s%s%s", list, i > 0 ? ", " : "", name,
									with_types ? " " : "", with_types ? plan->types[i] : "");

		PQfreemem(name);
		free(list);
		list = longer;
	}
	return list;
}

/* TABLE is written as in SQL: leads, crm.leads, "My Leads". */
static bool
FindTable(PGconn *conn, const char *written, Plan *plan)
{
	PGresult   *res = Ask(conn, "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(p), '.' ORDER BY o), "
						  "(pg_catalog.array_agg(p ORDER BY o))[pg_catalog.count(*)], "
						  "pg_catalog.to_regclass(pg_catalog.string_agg(pg_catalog.quote_ident(p), '.' ORDER BY o)) IS NOT NULL "
						  "FROM pg_catalog.unnest(pg_catalog.parse_ident($1)) WITH ORDINALITY AS u(p, o)", written);
	bool		exists = strcmp(PQgetvalue(res, 0, 2), "t") == 0;

	plan->table = Copy(PQgetvalue(res, 0, 0));
	plan->bare_name = Copy(PQgetvalue(res, 0, 1));
	PQclear(res);
	return exists;
}

/* Which of the file's columns has the table not?  They are listed, and the program ends. */
static void
CheckColumns(PGconn *conn, const Plan *plan)
{
	int			missing = 0;
	PGresult   *res = Ask(conn, "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1::pg_catalog.regclass "
						  "AND attnum > 0 AND NOT attisdropped AND attgenerated = ''", plan->table);

	for (int i = 0; i < plan->header->n; i++)
	{
		bool		found = false;

		for (int r = 0; r < PQntuples(res); r++)
			found = found || strcmp(PQgetvalue(res, r, 0), plan->header->names[i]) == 0;
		if (!found)
		{
			SayError("table %s has no column \"%s\"", plan->table, plan->header->names[i]);
			missing++;
		}
	}
	PQclear(res);
	if (missing > 0)
		exit(EXIT_REFUSED);
}

/* Names of types as the server knows them: nothing else gets into a statement. */
static void
CheckTypes(PGconn *conn, const Plan *plan)
{
	for (int i = 0; i < plan->header->n; i++)
		if (plan->given[i] != NULL)
		{
			PGresult   *res = Ask(conn, "SELECT pg_catalog.to_regtype($1)::pg_catalog.text", plan->given[i]);

			if (PQgetisnull(res, 0, 0))
				Die(EXIT_USAGE, "--types: there is no type \"%s\" (of column \"%s\")", plan->given[i], plan->header->names[i]);
			plan->given[i] = Copy(PQgetvalue(res, 0, 0));
			PQclear(res);
		}
}

static char *
CopyStatement(PGconn *conn, const Plan *plan)
{
	char		one[2] = {plan->delimiter, '\0'};
	char	   *columns = Columns(conn, plan, false);
	char	   *delimiter = PQescapeLiteral(conn, one, 1);
	char	   *code = PQescapeLiteral(conn, encoding, strlen(encoding));
	char	   *sql = Format("COPY %s (%s) FROM STDIN WITH (FORMAT csv, DELIMITER %s, NULL '', FORCE_NULL (%s), ENCODING %s)",
							 plan->table, columns, delimiter, columns, code);

	free(columns);
	PQfreemem(delimiter);
	PQfreemem(code);
	return sql;
}

int
CommandLoad(int argc, char **argv)
{
	char	  **arguments = Arguments(argc, argv, options, 2, 2);
	Plan		plan = {0};
	CopyPlan	copy;
	Input	   *input;
	PGconn	   *conn;
	int64_t		rows;
	double		begun = Now();

	if (append && types_given)
		Die(EXIT_USAGE, "--append goes by the types of the table, --types does not act");
	if (header_given && no_header)
		Die(EXIT_USAGE, "--header and --no-header exclude each other");
	if (append && no_header)
		Die(EXIT_USAGE, "--append goes by names, which --no-header has none of");
	if (delimiter_given)
		DelimiterOption(delimiter_given);
	nulls = ParseNullTexts(null_list);
	input = InputOpen(arguments[0]);
	ReadHeader(input, &plan);
	conn = ConnectOrExit();
	CatchCancel();
	CancelAlso(conn);
	RecodeNames(conn, plan.header);
	plan.given = ColumnTypes(plan.header, types_given);
	plan.types = Allocate(plan.header->n * sizeof(char *));
	CheckTypes(conn, &plan);
	if (FindTable(conn, arguments[1], &plan) != append)
	{
		SayError(append ? "there is no table %s" : "table %s is already there", plan.table);
		if (!append)
			SayHint("--append adds the rows to it");
		return EXIT_REFUSED;
	}
	if (append)
		CheckColumns(conn, &plan);
	else
	{
		FindTypes(arguments[0], input, &plan);
		Tell(input, &plan);
	}
	if (dry_run)
	{
		if (settings.json)
			TellJson(&plan, plan.table, -1);
		else if (!append)
			printf("CREATE TABLE %s (%s);\n", plan.table, Columns(conn, &plan, true));
		else
			printf("%s;\n", CopyStatement(conn, &plan));
		PQfinish(conn);
		return EXIT_DONE;
	}

	Do(conn, "asking", "BEGIN");
	if (!append)
		Do(conn, "asking", Format("CREATE TABLE %s (%s)", plan.table, Columns(conn, &plan, true)));
	copy.sql = CopyStatement(conn, &plan);
	copy.bare_name = plan.bare_name;
	copy.n = plan.header->n;
	copy.columns = plan.header->names;
	copy.delimiter = plan.delimiter;
	copy.nulls = nulls;
	rows = CopyRows(conn, input, &copy);
	if (!append)
		Do(conn, "counting", Format("ANALYZE %s", plan.table));
	Do(conn, "committing", "COMMIT");
	PQfinish(conn);
	InputClose(input);
	if (settings.json)
		TellJson(&plan, plan.table, rows);
	else if (!settings.quiet)
	{
		char	   *count = Thousands((double) rows);
		char	   *time = Duration(Now() - begun);

		printf("%s rows in table %s, %s\n", count, plan.table, time);
		free(count);
		free(time);
	}
	return EXIT_DONE;
}
