/*-------------------------------------------------------------------------
 *
 * main.c
 *	  The table of commands.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const Command commands[] = {
	{"load", "make a table of a CSV file",
		"[OPTION]... FILE TABLE",
		"Loads FILE, a CSV, plain or gzipped (- is stdin), into a new TABLE. The types of "
		"the columns are read from all values of the file, and told before anything is done. "
		"All rows are loaded or none: a bad line is named with its number, column and value.\n\n"
		"A column is boolean (true/false, yes/no, t/f, y/n), integer, bigint, double precision, "
		"date, timestamp or timestamptz (ISO 8601) if all its values are; all else is text, and "
		"so are numbers with leading zeros or a plus, which are codes. An empty field is NULL, "
		"quoted or not. Names stay as the file has them.",
		"  leadscore load leads.csv.gz leads -d crm\n"
		"  leadscore load --dry-run leads.csv leads\n"
		"  leadscore load --types 'zip=text,paid=timestamptz' --null NA leads.csv leads\n"
		"  zcat may/*.gz | leadscore load --append - leads\n",
	CommandLoad},
	{"train", "train the next version of a model",
		"[OPTION]... NAME --source SQL --label SQL",
		"Trains the next version of the model NAME on the leads of --source and judges it on "
		"leads that were held out; the gate decides whether it goes live. Source and label are "
		"SQL: a name with capitals or blanks stands in double quotes there.\n\n"
		"Ctrl-C cancels the training on the server; nothing of it is left.",
		"  leadscore train calls --source leads --label won --key lead_id -x won_at\n"
		"  leadscore train calls -s leads -l \"stage = 'won'\" -t created_at \\\n"
		"      --options '{\"family\": \"boost\"}' --gate '{\"min_auc\": 0.7}'\n",
	CommandTrain},
	{"retrain", "train again by the stored recipe",
		"[OPTION]... NAME",
		"Trains the next version of the model NAME by the recipe of its last training. "
		"What --options and --gate say is put over it.",
		"  leadscore retrain calls --require-live\n"
		"  leadscore retrain calls --if-needed\n",
	CommandRetrain},
	{"versions", "list models, or the versions of one",
		"[OPTION]... [NAME]",
		"Lists the versions of the model NAME side by side; without NAME all models.",
		"  leadscore versions\n"
		"  leadscore versions calls\n"
		"  leadscore versions --history calls\n",
	CommandVersions},
	{"promote", "make a version live",
		"[OPTION]... NAME VERSION",
		"Makes VERSION of the model NAME its champion, or what --alias says.",
		"  leadscore promote calls 3 --reason 'better on new leads'\n"
		"  leadscore promote calls 4 --alias challenger\n",
	CommandPromote},
	{"rollback", "undo the last promotion",
		"[OPTION]... NAME",
		"Makes live what was live before; once more, the one before that.",
		"  leadscore rollback calls --reason 'complaints from sales'\n",
	CommandRollback},
	{"monitor", "look at a live model and its leads",
		"[OPTION]... NAME",
		"Looks at the leads of a window: what has changed since the training, how far that "
		"moves the score, and how good the scores were where the outcome is known by now. The "
		"look is kept. With --check the model's rules judge it, and the exit code tells.",
		"  leadscore monitor calls --check\n"
		"  leadscore monitor calls -s recent --period '1 month' --maturity '90 days'\n",
	CommandMonitor},
	{"drift", "show which columns have changed",
		"[OPTION]... NAME",
		"Shows what the newest look of monitor has found, column by column, those first that "
		"move the score most; with --source measures those leads now and keeps nothing.",
		"  leadscore drift calls\n"
		"  leadscore drift calls -s \"SELECT * FROM leads WHERE created_at > 'yesterday'\"\n",
	CommandDrift},
	{"jobs", "list, log, run, add and remove scheduled jobs",
		"[OPTION]... [list | log [NAME] | run NAME ACTION |\n"
		"                      add NAME ACTION CRON | remove NAME ACTION]",
		"Lists the jobs and their last runs, shows the log of the last 50 runs, runs a job "
		"now, or puts it on pg_cron's schedule. The actions are retrain, score, monitor, "
		"auto, frames and prune.",
		"  leadscore jobs\n"
		"  leadscore jobs log calls\n"
		"  leadscore jobs run calls monitor\n"
		"  leadscore jobs add calls retrain '30 3 * * 1'\n",
	CommandJobs},
	{"score", "score the leads of a CSV file",
		"[OPTION]... NAME FILE",
		"Scores the leads of FILE, a CSV, plain or gzipped (- is stdin), by the model NAME "
		"(also NAME@ALIAS, NAME@VERSION): every line comes out as it went in, in its place, with "
		"the score, the grade and, if asked for, the reasons added. The file may be of any "
		"size. One version scores it from the first line to the last.\n\n"
		"The file must have the columns that the model was trained on; what is missing is "
		"listed before anything is written. An empty field is NULL. The rights of a reader "
		"are enough.",
		"  leadscore score calls new.csv -o scored.csv\n"
		"  leadscore score calls@challenger new.csv.gz --reasons 3 -o scored.csv.gz\n"
		"  leadscore score calls - <new.csv | head\n",
	CommandScore},
	{"report", "write all that is known of a model as a page",
		"[OPTION]... NAME",
		"Writes one HTML page that stands alone: training, quality, curves, coefficients, "
		"drift, versions.",
		"  leadscore report calls -o report.html\n",
	CommandReport},
	{"plot", "write a picture",
		"[OPTION]... NAME WHAT [COLUMN]",
		"Writes a picture as SVG. WHAT is roc, pr, calibration, lift, scores, coefficients, "
		"drift [COLUMN], impact, column COLUMN or quality [METRIC].",
		"  leadscore plot calls roc -o roc.svg\n"
		"  leadscore plot calls column city -o city.svg\n",
	CommandPlot},
	{"serve", "answer requests for scores by HTTP",
		"[OPTION]...",
		"Answers requests for scores by HTTP, in JSON, until it is stopped: "
		"POST /v1/models/NAME/score with a lead as a JSON object, or with an array of them. "
		"GET /openapi.json describes it all, GET / is a page to try a model on.\n\n"
		"It needs the rights of a reader (lead_grant) and no more. SIGTERM and Ctrl-C end it "
		"when what was accepted is answered. The log goes to stderr, a JSON object a line.",
		"  leadscore serve -d crm -U web\n"
		"  leadscore serve --listen 127.0.0.1:9000 --token-file /etc/leadscore/tokens\n"
		"  curl -H 'Content-Type: application/json' -d '{\"city\": \"Pune\", \"clicks\": 3}' \\\n"
		"      http://127.0.0.1:8080/v1/models/calls/score\n",
	CommandServe},
	{0}
};

static const Command *current;

const Command *
CurrentCommand(void)
{
	return current;
}

static void
Help(void)
{
	printf("leadscore scores leads by the models of a PostgreSQL database.\n\n"
		   "Usage: leadscore COMMAND [OPTION]... [ARGUMENT]...\n\n"
		   "Commands:\n");
	for (const Command *c = commands; c->name != NULL; c++)
		printf("  %-12s%s\n", c->name, c->summary);
	printf("\nleadscore COMMAND --help tells more.  The connection is chosen as psql does it:\n"
		   "-d, -h, -p, -U, a URI, PGHOST and the like, a service, ~/.pgpass.\n\n"
		   "Exit codes:\n"
		   "  0    done\n"
		   "  1    refused: by the data, by the server, by a gate\n"
		   "  2    an option or an argument is wrong\n"
		   "  3    no connection, or it was lost\n"
		   "  4    a file, or the output, cannot be read or written\n"
		   "  130  cancelled by Ctrl-C\n");
}

static const Command *
Find(const char *name)
{
	for (const Command *c = commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	SayError("there is no command \"%s\"", name);
	SayHint("leadscore --help lists them");
	exit(EXIT_USAGE);
}

/* What was printed has arrived; a full disk is no success.  The last of all at the end. */
static void
CloseOutput(void)
{
	struct pollfd reader = {STDOUT_FILENO, POLLOUT, 0};

	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	/* who does not want more needs no word */
	if (poll(&reader, 1, 0) < 1 || !(reader.revents & POLLERR))
		SayError("cannot write the output");
	_exit(EXIT_FILE);
}

int
main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : NULL;

	/* for the width of letters only: numbers and dates stay as they are */
	setlocale(LC_CTYPE, "");
	/* a reader that goes away is told by write(), and so by name */
	signal(SIGPIPE, SIG_IGN);
	atexit(CloseOutput);

	if (first == NULL)
	{
		SayError("which command?");
		SayHint("leadscore --help lists them");
		return EXIT_USAGE;
	}
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
	{
		printf("leadscore %s (libpq %d)\n", LEADSCORE_VERSION, PQlibVersion());
		return EXIT_DONE;
	}
	if (strcmp(first, "--help") == 0 || strcmp(first, "-?") == 0 ||
		(strcmp(first, "help") == 0 && argc == 2))
	{
		Help();
		return EXIT_DONE;
	}
	if (strcmp(first, "help") == 0)
	{
		char	   *page[] = {argv[2], "--help", NULL};

		current = Find(argv[2]);
		return current->run(2, page);
	}
	current = Find(first);
	return current->run(argc - 1, argv + 1);
}
