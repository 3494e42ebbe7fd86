/*-------------------------------------------------------------------------
 *
 * main.c
 *	  The table of commands.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Command commands[] = {
	{"serve", "answer requests for scores by HTTP",
		"[OPTION]...",
		"Answers requests for scores by HTTP, until it is stopped.",
		"  leadscore serve --listen 127.0.0.1:8080 -d crm\n",
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
		   "  4    a file cannot be read or written\n"
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

int
main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : NULL;

	/* a reader that goes away is told by write(), and so by name */
	signal(SIGPIPE, SIG_IGN);

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
