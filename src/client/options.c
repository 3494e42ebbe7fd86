/*-------------------------------------------------------------------------
 *
 * options.c
 *	  A command's options: one table parses them and makes the page of --help.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_WIDTH	79
#define MAX_OPTIONS	48
#define OWN_KEY		1000		/* of long options, beyond any letter */

static bool help_wanted;

static const Option common_options[] = {
	{0, "json", NULL, "one JSON document on stdout, messages as JSON on stderr", OPTION_SWITCH, &settings.json},
	{'q', "quiet", NULL, "no notes, no progress", OPTION_SWITCH, &settings.quiet},
	{'?', "help", NULL, "show this page", OPTION_SWITCH, &help_wanted},
	{0}
};

/* Breaks a text at blanks; every line after the first begins at the indent. */
static void
PrintWrapped(const char *text, int at, int indent)
{
	while (*text)
	{
		int			word = strcspn(text, " \n");

		if (at > indent && at + word > PAGE_WIDTH)
		{
			printf("\n%*s", indent, "");
			at = indent;
		}
		printf("%.*s", word, text);
		at += word;
		text += word;
		if (*text == '\n')
		{
			printf("\n%*s", text[1] && text[1] != '\n' ? indent : 0, "");
			at = indent;
			text++;
		}
		else if (*text == ' ')
		{
			if (at + 1 + (int) strcspn(text + 1, " \n") <= PAGE_WIDTH)
				putchar(' ');
			at++;
			text++;
		}
	}
	putchar('\n');
}

static void
PrintOptions(const char *title, const Option *options)
{
	enum
	{
		COLUMN = 27
	};

	if (options == NULL || options->name == NULL)
		return;
	printf("\n%s:\n", title);
	for (; options->name != NULL; options++)
	{
		char	   *left = Format("  %c%c%c --%s%s%s",
								  options->letter ? '-' : ' ',
								  options->letter ? options->letter : ' ',
								  options->letter ? ',' : ' ',
								  options->name,
								  options->argument ? " " : "",
								  options->argument ? options->argument : "");

		if (strlen(left) + 2 > COLUMN)
			printf("%s\n%*s", left, COLUMN, "");
		else
			printf("%-*s", COLUMN, left);
		PrintWrapped(options->what, COLUMN, COLUMN);
		free(left);
	}
}

static void
PrintHelp(const Command *command, const Option *options)
{
	printf("Usage: leadscore %s %s\n\n", command->name, command->usage);
	PrintWrapped(command->about, 0, 0);
	PrintOptions("Options", options);
	PrintOptions("Connection, as of psql", connection_options);
	PrintOptions("Output", common_options);
	printf("\nExamples:\n%s", command->examples);
}

static void
TryHelp(const char *command)
{
	SayHint("try: leadscore %s --help", command);
	exit(EXIT_USAGE);
}

static void
SetOption(const Option *option, const char *argument)
{
	char	   *end;
	long		number;

	switch (option->kind)
	{
		case OPTION_SWITCH:
			*(bool *) option->value = true;
			break;
		case OPTION_TEXT:
			*(const char **) option->value = argument;
			break;
		case OPTION_NUMBER:
			errno = 0;
			number = strtol(argument, &end, 10);
			if (errno != 0 || end == argument || *end != '\0' || number < 0 || number > INT_MAX)
				Die(EXIT_USAGE, "--%s must be a whole number, not \"%s\"", option->name, argument);
			*(int *) option->value = (int) number;
			break;
	}
}

/*
 * Sets what the options say, and returns what is left of argv: at least and at
 * most so many arguments, a NULL behind them (most < 0: any number).
 */
char **
Arguments(int argc, char **argv, const Option *options, int least, int most)
{
	const Option *tables[] = {options, connection_options, common_options};
	const Option *all[MAX_OPTIONS];
	struct option longs[MAX_OPTIONS + 1] = {{0}};
	char		shorts[3 * MAX_OPTIONS] = ":";
	char	   *letter = shorts + 1;
	int			n = 0;
	int			found;
	int			which = 0;

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const Option *o = tables[t]; o != NULL && o->name != NULL && n < MAX_OPTIONS; o++)
		{
			all[n] = o;
			longs[n].name = o->name;
			longs[n].has_arg = o->kind == OPTION_SWITCH ? no_argument : required_argument;
			longs[n].val = OWN_KEY + n;
			n++;
			if (o->letter == 0 || o->letter == '?')
				continue;
			*letter++ = o->letter;
			if (o->kind != OPTION_SWITCH)
				*letter++ = ':';
		}

	optind = 1;
	while ((found = getopt_long(argc, argv, shorts, longs, &which)) != -1)
	{
		if (found == '?' && optopt == '?')
			help_wanted = true;
		else if (found == '?' && optopt > 0 && optopt < OWN_KEY)
		{
			SayError("unknown option -%c", optopt);
			TryHelp(argv[0]);
		}
		else if (found == '?')
		{
			SayError("unknown option %s", argv[optind - 1]);
			TryHelp(argv[0]);
		}
		else if (found == ':')
		{
			SayError("%s needs a value", argv[optind - 1]);
			TryHelp(argv[0]);
		}
		else if (found >= OWN_KEY)
			SetOption(all[found - OWN_KEY], optarg);
		else
			for (int i = 0; i < n; i++)
				if (all[i]->letter == found)
					SetOption(all[i], optarg);
	}
	if (help_wanted)
	{
		PrintHelp(CurrentCommand(), options);
		exit(EXIT_DONE);
	}
	if (argc - optind < least || (most >= 0 && argc - optind > most))
	{
		if (argc - optind < least)
			SayError("leadscore %s needs: %s", argv[0], CurrentCommand()->usage);
		else
			SayError("\"%s\" is one argument too many", argv[optind + most]);
		TryHelp(argv[0]);
	}
	return argv + optind;
}
