/*-------------------------------------------------------------------------
 *
 * client.h
 *	  leadscore, the command-line program: what its files share.
 *
 * The program carries rows and shows progress.  What is known about models is
 * known by the extension, and asked for by its functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_CLIENT_H
#define LEADSCORE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <libpq-fe.h>

/* How the program ends; told by --help and by the manual page. */
enum
{
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,			/* by the data, by the server, by a gate */
	EXIT_USAGE = 2,				/* an option or an argument is wrong */
	EXIT_NO_CONNECTION = 3,		/* none could be made, or it was lost */
	EXIT_FILE = 4,				/* a file cannot be read or written */
	EXIT_CANCELLED = 130		/* by Ctrl-C, as a shell says it */
};

/* ---- commands and their options (main.c, options.c) ---- */

typedef struct Command
{
	const char *name;
	const char *summary;		/* one line for the list */
	const char *usage;			/* what stands behind the name */
	const char *about;			/* paragraphs for --help */
	const char *examples;		/* lines for --help, indented by two */
	int			(*run) (int argc, char **argv); /* argv[0] is its name */
} Command;

typedef enum OptionKind
{
	OPTION_SWITCH,				/* bool */
	OPTION_TEXT,				/* const char * */
	OPTION_NUMBER				/* int, not negative */
} OptionKind;

typedef struct Option
{
	char		letter;			/* 0: has none */
	const char *name;			/* NULL ends the table */
	const char *argument;		/* what it is called in --help; NULL for switches */
	const char *what;
	OptionKind	kind;
	void	   *value;
} Option;

extern char **Arguments(int argc, char **argv, const Option *options,
						int least, int most);
extern const Command *CurrentCommand(void);

extern int	CommandDrift(int argc, char **argv);
extern int	CommandJobs(int argc, char **argv);
extern int	CommandLoad(int argc, char **argv);
extern int	CommandMonitor(int argc, char **argv);
extern int	CommandPlot(int argc, char **argv);
extern int	CommandPromote(int argc, char **argv);
extern int	CommandReport(int argc, char **argv);
extern int	CommandRetrain(int argc, char **argv);
extern int	CommandRollback(int argc, char **argv);
extern int	CommandScore(int argc, char **argv);
extern int	CommandServe(int argc, char **argv);
extern int	CommandTrain(int argc, char **argv);
extern int	CommandVersions(int argc, char **argv);

/* ---- the connection (connect.c) ---- */

#define CONNECTION_KEYWORDS 8

/* Both arrays end with NULL.  For PQconnectdbParams and PQconnectStartParams. */
typedef struct ConnectionParameters
{
	const char *keywords[CONNECTION_KEYWORDS];
	const char *values[CONNECTION_KEYWORDS];
} ConnectionParameters;

extern const Option connection_options[];

extern ConnectionParameters GetConnectionParameters(void);
extern PGconn *ConnectQuietly(void);
extern PGconn *ConnectOrExit(void);
extern const char *const extension_schema_query;
extern char *ExtensionSchema(const PGresult *res);
extern char *ExtensionSchemaOrExit(PGconn *conn);

/* ---- words to the user (say.c) ---- */

typedef struct Settings
{
	bool		json;			/* documents instead of tables and messages */
	bool		quiet;			/* errors only */
} Settings;

extern Settings settings;

extern void SayError(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void SayHint(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void SayNote(const char *format,...) __attribute__((format(printf, 1, 2)));
extern void SayResult(const PGresult *res);
extern int	SayFailure(PGconn *conn, const PGresult *res);
extern void SayNotices(PGconn *conn);
extern void Die(int status, const char *format,...) __attribute__((format(printf, 2, 3), noreturn));
extern json_t *JsonText(const char *text);
extern char *Printable(const char *text, bool lines);
extern bool ColoursOn(int fd);
extern int	ScreenWidth(int fd);

/* ---- the progress line (progress.c) ---- */

extern double Now(void);
extern char *Thousands(double number);
extern char *Duration(double seconds);
extern void ProgressBegin(const char *what);
extern void ProgressClear(void);
extern void ProgressEnd(void);
extern double ProgressSeconds(void);
extern void ProgressFile(double rows, double bytes, double done, double total);
extern void ProgressWork(const char *phase, double done, double total);

/* ---- Ctrl-C (cancel.c) ---- */

extern void CatchCancel(void);
extern void CancelAlso(PGconn *conn);
extern void CancelAll(void);
extern int	Cancelled(void);
extern void RemoveOnSignal(const char *path);

/* ---- calls of functions (query.c) ---- */

#define CALL_VALUES 24

typedef struct Call
{
	char	   *sql;			/* schema.function(name => $1::type, ...) */
	int			n;
	const char *values[CALL_VALUES];
} Call;

extern void CallBegin(Call *call, const char *schema, const char *function);
extern void CallArgument(Call *call, const char *name, const char *type, const char *value);
extern void CallNames(Call *call, const char *name, const char *value);
extern int	CallBind(Call *call, const char *value);
extern void CallEnd(Call *call);
extern const char *JsonArgument(const char *name, const char *value);
extern PGresult *Run(PGconn *conn, const char *what, const char *sql, int n, const char *const *values);
extern PGresult *RunCall(PGconn *conn, const char *what, const Call *call, const char *sql);
extern PGconn *ConnectToWork(char **schema);

/* ---- results on the screen (table.c) ---- */

extern void ShowTable(const PGresult *res);
extern void ShowRecord(const PGresult *res);
extern void ShowJson(const PGresult *res);
extern char *ShownQuery(const char *query, bool one);

/* ---- files that are written (output.c) ---- */

typedef struct Output Output;

extern Output *OutputOpen(const char *path);
extern void OutputWrite(Output *output, const void *data, size_t length);
extern void OutputFinish(Output *output);

/* ---- memory (memory.c): these never return NULL ---- */

extern void *Allocate(size_t size);
extern void *Reallocate(void *old, size_t size);
extern char *Copy(const char *text);
extern char *Format(const char *format,...) __attribute__((format(printf, 1, 2)));

#endif
