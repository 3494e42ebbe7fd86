/*-------------------------------------------------------------------------
 *
 * draw.c
 *	  report and plot: the extension's pages and pictures, as files.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

static const Option options[] = {
	{'o', "output", "FILE", "default: stdout", OPTION_TEXT, &path},
	{0}
};

/* The document that a call returns, as a file; with --json its name and length. */
static int
WriteDocument(PGconn *conn, Call *call, const char *what)
{
	char	   *sql;
	PGresult   *res;
	Output	   *output;
	size_t		length;

	if (settings.json && path == NULL)
		Die(EXIT_USAGE, "--json needs --output");
	CallEnd(call);
	sql = Format("SELECT %s", call->sql);
	res = RunCall(conn, what, call, sql);
	length = PQgetlength(res, 0, 0);
	output = OutputOpen(path);
	OutputWrite(output, PQgetvalue(res, 0, 0), length);
	if (length > 0 && PQgetvalue(res, 0, 0)[length - 1] != '\n')
		OutputWrite(output, "\n", 1);
	OutputFinish(output);
	if (settings.json)
	{
		json_t	   *document = json_pack("{s:s, s:I}", "file", path, "bytes", (json_int_t) length);

		json_dumpf(document, stdout, 0);
		printf("\n");
		json_decref(document);
	}
	PQclear(res);
	PQfinish(conn);
	return EXIT_DONE;
}

int
CommandReport(int argc, char **argv)
{
	char	  **arguments = Arguments(argc, argv, options, 1, 1);
	char	   *schema;
	PGconn	   *conn = ConnectToWork(&schema);
	Call		call;

	CallBegin(&call, schema, "lead_report");
	CallArgument(&call, "name", "pg_catalog.text", arguments[0]);
	return WriteDocument(conn, &call, "drawing");
}

int
CommandPlot(int argc, char **argv)
{
	char	  **arguments = Arguments(argc, argv, options, 2, 3);
	char	   *schema;
	PGconn	   *conn = ConnectToWork(&schema);
	Call		call;

	CallBegin(&call, schema, "lead_plot");
	CallArgument(&call, "name", "pg_catalog.text", arguments[0]);
	CallArgument(&call, "what", "pg_catalog.text", arguments[1]);
	CallArgument(&call, "\"column\"", "pg_catalog.text", arguments[2]);
	return WriteDocument(conn, &call, "drawing");
}
