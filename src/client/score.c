/*-------------------------------------------------------------------------
 *
 * score.c
 *	  leadscore score: a file goes through a model and comes out with scores.
 *
 * The main thread reads, cuts and writes; connections score chunks meanwhile.
 * Only so many chunks exist, so memory does not grow with the file.
 *
 *-------------------------------------------------------------------------
 */
#include "scoring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_OF_CHUNK	10000
#define BYTES_OF_CHUNK	((size_t) 1 << 22)
#define MOST_JOBS		16
#define CHUNKS_PER_JOB	2

static const char *output_path;
static const char *null_list;
static NullTexts *nulls;
static const char *delimiter_given;
static const char *encoding;
static const char *grades_json;
static const char *types_given;
static const char *prefix = "";
static int	reasons;
static int	jobs = 2;

static const Option options[] = {
	{'o', "output", "FILE", "default: stdout; it gets its name when it is complete, and is compressed if that ends in .gz", OPTION_TEXT, &output_path},
	{'r', "reasons", "N", "add the N strongest reasons of each score", OPTION_NUMBER, &reasons},
	{0, "grades", "JSON", "how grades are cut, say {\"cuts\": [0.2, 0.4, 0.6]}; default: quarters of the hold-out", OPTION_TEXT, &grades_json},
	{0, "prefix", "TEXT", "before the names of the added columns", OPTION_TEXT, &prefix},
	{0, "types", "LIST", "column=type,...: read a column as another type than the model's", OPTION_TEXT, &types_given},
	{0, "null", "LIST", "what stands for nothing beside the empty field, say NA,nan", OPTION_TEXT, &null_list},
	{0, "delimiter", "CHAR", "comma, semicolon, tab and bar are found by themselves", OPTION_TEXT, &delimiter_given},
	{0, "encoding", "NAME", "of the file; default: UTF8", OPTION_TEXT, &encoding},
	{'j', "jobs", "N", "connections that score at once; default: 2", OPTION_NUMBER, &jobs},
	{0}
};

/* What has come out so far. */
static int64_t rows_scored;
static int64_t grade_counts[4];

static PGconn *
NextConnection(void)
{
	PGconn	   *conn = ConnectQuietly();

	if (PQstatus(conn) == CONNECTION_BAD)
		exit(SayFailure(conn, NULL));
	SayNotices(conn);
	return conn;
}

static void
UseEncoding(PGconn *conn)
{
	if (encoding != NULL && PQsetClientEncoding(conn, encoding) != 0)
		Die(EXIT_USAGE, "--encoding: the server knows no encoding \"%s\"", encoding);
}

/* The version that is live now scores the whole file, whatever is promoted meanwhile. */
static void
ResolveModel(Scoring *scoring, PGconn *conn, const char *reference)
{
	char	   *sql = Format("SELECT pg_catalog.split_part($1, '@', 1) || '@' || %s.lead_model_version($1)", scoring->schema);
	PGresult   *res = Run(conn, "asking", sql, 1, &reference);
	const char *values[2];

	scoring->model = Copy(PQgetvalue(res, 0, 0));
	PQclear(res);
	free(sql);
	for (const char *c = scoring->model; encoding != NULL && *c; c++)
		if ((unsigned char) *c > 0x7F)
			Die(EXIT_USAGE, "--encoding takes models with plain names only");

	values[0] = scoring->model;
	values[1] = JsonArgument("grades", grades_json);
	sql = Format("SELECT %s.lead_grade_cuts($1, $2::pg_catalog.jsonb)", scoring->schema);
	res = Run(conn, "asking", sql, 2, values);
	if (PQgetisnull(res, 0, 0))
		SayNote("model \"%s\" has no held-out leads to grade by: grades stay empty; --grades '{\"cuts\": [...]}' sets fixed ones",
				scoring->model);
	else
		scoring->cuts = Copy(PQgetvalue(res, 0, 0));
	PQclear(res);
	free(sql);
}

/* The model's columns and where the file has them; what is missing is listed. */
static void
MatchColumns(Scoring *scoring, PGconn *conn, const Header *header, char delimiter)
{
	char	   *sql = Format("SELECT c.name, c.type, c.type::pg_catalog.regtype FROM leadscore.needed_columns(%s.lead_model($1)) AS c", scoring->schema);
	PGresult   *res = Run(conn, "asking", sql, 1, (const char *const *) &scoring->model);
	char	  **given = ColumnTypes(header, types_given);
	int			missing = 0;

	free(sql);
	scoring->n = PQntuples(res);
	scoring->names = Allocate((scoring->n + 1) * sizeof(char *));
	scoring->types = Allocate((scoring->n + 1) * sizeof(char *));
	scoring->shown_types = Allocate((scoring->n + 1) * sizeof(char *));
	scoring->positions = Allocate((scoring->n + 1) * sizeof(int));
	for (int i = 0; i < scoring->n; i++)
	{
		int			at = FindColumn(header, PQgetvalue(res, i, 0));

		scoring->names[i] = Copy(PQgetvalue(res, i, 0));
		scoring->types[i] = Copy(PQgetvalue(res, i, 1));
		scoring->shown_types[i] = Copy(PQgetvalue(res, i, 2));
		scoring->positions[i] = at;
		if (at < 0)
		{
			SayError("%s has no column \"%s\" (%s), which the model needs", scoring->file, scoring->names[i],
					 scoring->shown_types[i]);
			missing++;
		}
		else if (given[at] != NULL)
		{
			PGresult   *type = Run(conn, "asking", "SELECT pg_catalog.to_regtype($1)::pg_catalog.text", 1, (const char *const *) &given[at]);

			if (PQgetisnull(type, 0, 0))
				Die(EXIT_USAGE, "--types: there is no type \"%s\" (of column \"%s\")", given[at], scoring->names[i]);
			scoring->types[i] = Copy(PQgetvalue(type, 0, 0));
			PQclear(type);
		}
	}
	PQclear(res);
	if (missing > 0)
	{
		char	   *have = Copy("");

		for (int i = 0; i < header->n; i++)
		{
			char	   *longer = Format("%s%s%s", have, i > 0 ? ", " : "", header->names[i]);

			free(have);
			have = longer;
		}
		SayHint("the file has, parted by %s: %s", DelimiterName(delimiter), have);
		exit(EXIT_REFUSED);
	}
}

/* ---- output ---- */

static void
WriteText(Output *output, const char *text)
{
	OutputWrite(output, text, strlen(text));
}

/* A value of our own; quoted where it has to be. */
static void
WriteValue(Output *output, const char *text, char delimiter)
{
	if (strpbrk(text, "\"\r\n") == NULL && strchr(text, delimiter) == NULL)
	{
		WriteText(output, text);
		return;
	}
	WriteText(output, "\"");
	for (const char *c = text; *c; c++)
		OutputWrite(output, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
	WriteText(output, "\"");
}

static void
WriteHeader(Output *output, const Input *input, const Header *header, const Record *record, char delimiter)
{
	static const char *const added[] = {"score", "grade", "reasons"};

	if (InputHasMark(input))
		WriteText(output, "\xEF\xBB\xBF");
	OutputWrite(output, record->text, record->length);
	for (int i = 0; i < (reasons > 0 ? 3 : 2); i++)
	{
		char	   *name = Format("%s%s", prefix, added[i]);

		if (FindColumn(header, name) >= 0)
		{
			SayError("%s has a column \"%s\" already", InputName(input), name);
			SayHint("--prefix TEXT puts a text before the names of the added columns");
			exit(EXIT_REFUSED);
		}
		OutputWrite(output, &delimiter, 1);
		WriteValue(output, name, delimiter);
		free(name);
	}
	OutputWrite(output, record->text + record->length, record->end);
}

/* A chunk that is scored, in the order of the file; or its errors, and the end. */
static void
WriteChunk(Output *output, const Chunk *chunk, char delimiter)
{
	int			at = 0;

	if (chunk->failed)
	{
		size_t		i;
		json_t	   *error;

		ProgressEnd();
		ScoringStop();
		if (chunk->errors != NULL)
			json_array_foreach(chunk->errors, i, error)
			{
				SayError("%s", json_string_value(json_object_get(error, "message")));
				if (json_object_get(error, "hint") != NULL)
					SayHint("%s", json_string_value(json_object_get(error, "hint")));
			}
		if (chunk->failed == EXIT_NO_CONNECTION)
			SayError("the connection to the server was lost");
		else if (chunk->failed > 128)
			SayError("cancelled");
		exit(chunk->failed);
	}
	for (int i = 0; i < chunk->n_rows; i++)
	{
		const Row  *row = &chunk->rows[i];
		const char *text = chunk->text + row->begin;

		OutputWrite(output, text, row->length);
		if (!row->blank)
		{
			const char *grade = PQgetvalue(chunk->result, at, 1);

			OutputWrite(output, &delimiter, 1);
			OutputWrite(output, PQgetvalue(chunk->result, at, 0), PQgetlength(chunk->result, at, 0));
			OutputWrite(output, &delimiter, 1);
			OutputWrite(output, grade, PQgetlength(chunk->result, at, 1));
			if (reasons > 0)
			{
				OutputWrite(output, &delimiter, 1);
				WriteValue(output, PQgetvalue(chunk->result, at, 2), delimiter);
			}
			if (grade[0] >= 'A' && grade[0] <= 'D')
				grade_counts[grade[0] - 'A']++;
			at++;
		}
		OutputWrite(output, text + row->length, row->end);
	}
	rows_scored += chunk->scored;
}

/* ---- the stream ---- */

/*
 * Fills one chunk.  False at the end of the file, or where a record does not have
 * the header's number of fields, which *ragged then tells.
 */
static bool
FillChunk(const Scoring *scoring, Input *input, const Header *header, char delimiter, Chunk *chunk, char **ragged)
{
	static Fields fields;
	Record		record;

	ClearChunk(scoring, chunk);
	while (chunk->n_rows < ROWS_OF_CHUNK && chunk->length < BYTES_OF_CHUNK)
	{
		if (Cancelled() || !InputRecord(input, &record))
			return false;
		if (record.length == 0 && header->n > 1)
		{
			AddRow(scoring, chunk, &record, NULL, nulls);
			continue;
		}
		SplitRecord(&fields, &record, delimiter);
		if (fields.n != header->n)
		{
			*ragged = Format("%s, line %lld: %d fields, but the first line has %d", InputName(input),
							 (long long) record.line, fields.n, header->n);
			return false;
		}
		AddRow(scoring, chunk, &record, &fields, nulls);
	}
	return true;
}

static void
Stream(const Scoring *scoring, Input *input, const Header *header, char delimiter, Output *output, PGconn **conns)
{
	int			n = jobs * CHUNKS_PER_JOB;
	Chunk	   *chunks = Allocate(n * sizeof(Chunk));
	int64_t		filled = 0;
	int64_t		written = 0;
	double		bytes = 0;
	char	   *ragged = NULL;
	bool		more = true;

	ProgressBegin("scoring");
	ScoringStart(scoring, conns, jobs, chunks, n);
	while (more || written < filled)
	{
		if (more && filled - written < n)
		{
			Chunk	   *chunk = &chunks[filled % n];

			more = FillChunk(scoring, input, header, delimiter, chunk, &ragged);
			bytes += chunk->length;
			ScoringHandOver(chunk);
			filled++;
			continue;
		}
		ScoringWait(&chunks[written % n]);
		WriteChunk(output, &chunks[written % n], delimiter);
		written++;
		ProgressFile(rows_scored, bytes, InputDone(input), InputTotal(input));
	}
	ProgressEnd();
	ScoringStop();
	if (Cancelled())
	{
		SayError("cancelled");
		exit(Cancelled());
	}
	if (ragged != NULL)
		Die(EXIT_REFUSED, "%s", ragged);
	for (int i = 0; i < n; i++)
	{
		ClearChunk(scoring, &chunks[i]);
		free(chunks[i].text);
		free(chunks[i].rows);
		for (int c = 0; c < (scoring->n > 0 ? scoring->n : 1); c++)
			free(chunks[i].columns[c].bytes);
		free(chunks[i].columns);
	}
	free(chunks);
}

static void
TellEnd(const Scoring *scoring, double seconds)
{
	char	   *rows = Thousands((double) rows_scored);
	char	   *time = Duration(seconds);

	if (settings.json)
	{
		json_t	   *document = json_pack("{s:o, s:s, s:I, s:f, s:{s:I, s:I, s:I, s:I}}", "file", JsonText(output_path),
										 "model", scoring->model, "rows", (json_int_t) rows_scored, "seconds", seconds,
										 "grades", "A", (json_int_t) grade_counts[0], "B", (json_int_t) grade_counts[1],
										 "C", (json_int_t) grade_counts[2], "D", (json_int_t) grade_counts[3]);

		json_dumpf(document, stdout, 0);
		printf("\n");
		json_decref(document);
	}
	else if (scoring->cuts != NULL)
		SayNote("%s leads scored by %s in %s: A %lld, B %lld, C %lld, D %lld", rows, scoring->model, time,
				(long long) grade_counts[0], (long long) grade_counts[1], (long long) grade_counts[2], (long long) grade_counts[3]);
	else
		SayNote("%s leads scored by %s in %s", rows, scoring->model, time);
	free(rows);
	free(time);
}

int
CommandScore(int argc, char **argv)
{
	char	  **arguments = Arguments(argc, argv, options, 2, 2);
	Scoring		scoring = {0};
	Fields		fields = {0};
	Record		record;
	size_t		ahead = 0;
	Input	   *input;
	Output	   *output;
	Header	   *header;
	char		delimiter;
	PGconn	   *conns[MOST_JOBS];
	double		begun = Now();

	if (jobs < 1 || jobs > MOST_JOBS)
		Die(EXIT_USAGE, "--jobs must be between 1 and %d", MOST_JOBS);
	if (reasons > 100)
		Die(EXIT_USAGE, "--reasons must be at most 100");
	if (settings.json && output_path == NULL)
		Die(EXIT_USAGE, "--json needs --output");
	if (delimiter_given)
		DelimiterOption(delimiter_given);
	nulls = ParseNullTexts(null_list);
	input = InputOpen(arguments[1]);
	delimiter = delimiter_given ? DelimiterOption(delimiter_given) : DetectDelimiter(input);
	if (!InputPeek(input, &ahead, &record))
		Die(EXIT_REFUSED, "%s is empty", InputName(input));
	RefuseStrayReturn(input, &record, 1);
	SplitRecord(&fields, &record, delimiter);
	header = MakeHeader(&fields, false);

	conns[0] = ConnectOrExit();
	CatchCancel();
	CancelAlso(conns[0]);
	scoring.file = InputName(input);
	scoring.reasons = reasons;
	scoring.schema = ExtensionSchemaOrExit(conns[0]);
	ResolveModel(&scoring, conns[0], arguments[0]);
	UseEncoding(conns[0]);
	MatchColumns(&scoring, conns[0], header, delimiter);
	for (int i = 1; i < jobs; i++)
	{
		conns[i] = NextConnection();
		CancelAlso(conns[i]);
		UseEncoding(conns[i]);
	}
	for (int i = 0; i < jobs; i++)
		if (!PrepareScoring(&scoring, conns[i]))
			exit(EXIT_REFUSED);

	InputRecord(input, &record);
	output = OutputOpen(output_path);
	WriteHeader(output, input, header, &record, delimiter);
	Stream(&scoring, input, header, delimiter, output, conns);
	OutputFinish(output);
	InputClose(input);
	TellEnd(&scoring, Now() - begun);
	return EXIT_DONE;
}
