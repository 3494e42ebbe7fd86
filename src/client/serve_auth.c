/*-------------------------------------------------------------------------
 *
 * serve_auth.c
 *	  Who may ask: the tokens of --token-file.
 *
 * A line is TOKEN, or NAME TOKEN; empty lines and those that begin with # are
 * skipped.  Every token is compared in full, whichever fits, so the time taken
 * says nothing about how much of one was guessed.
 *
 *-------------------------------------------------------------------------
 */
#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define SHORTEST	16

typedef struct Token
{
	char	   *name;
	char	   *secret;
	size_t		length;
} Token;

typedef struct Tokens
{
	int			n;
	Token	   *token;
} Tokens;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static Tokens tokens;

bool
TokensWanted(void)
{
	return serve.token_file != NULL;
}

static void
FreeTokens(Tokens *t)
{
	for (int i = 0; i < t->n; i++)
	{
		explicit_bzero(t->token[i].secret, t->token[i].length);
		free(t->token[i].secret);
		free(t->token[i].name);
	}
	free(t->token);
	memset(t, 0, sizeof(*t));
}

/* NULL, or what is wrong with the line. */
static const char *
AddToken(Tokens *t, char *line, int number)
{
	char	   *rest;
	char	   *first = strtok_r(line, " \t\r\n", &rest);
	char	   *second = first ? strtok_r(NULL, " \t\r\n", &rest) : NULL;
	char	   *secret = second ? second : first;

	if (first == NULL || first[0] == '#')
		return NULL;
	if (second != NULL && strtok_r(NULL, " \t\r\n", &rest) != NULL)
		return "has more than a name and a token";
	if (strlen(secret) < SHORTEST)
		return "has a token of less than 16 characters";
	t->token = Reallocate(t->token, sizeof(Token) * (t->n + 1));
	t->token[t->n].name = second ? Copy(first) : Format("token %d", number);
	t->token[t->n].secret = Copy(secret);
	t->token[t->n].length = strlen(secret);
	t->n++;
	return NULL;
}

/* NULL, or why the file is of no use. */
static char *
ReadFile(Tokens *t)
{
	FILE	   *file = fopen(serve.token_file, "re");
	struct stat about;
	char	   *line = NULL;
	size_t		room = 0;
	char	   *why = NULL;

	if (file == NULL || fstat(fileno(file), &about) != 0)
		why = Format("%s", strerror(errno));
	else if (about.st_mode & S_IRWXO)
		why = Copy("others may read or write it: chmod o= is needed");
	for (int number = 1; why == NULL && getline(&line, &room, file) >= 0; number++)
	{
		/* some editors begin a file with a mark, which is no part of a token */
		bool		mark = number == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0;
		const char *wrong = AddToken(t, line + (mark ? 3 : 0), number);

		if (wrong != NULL)
			why = Format("line %d %s", number, wrong);
	}
	if (why == NULL && t->n == 0)
		why = Copy("it has no token");
	if (line != NULL)
		explicit_bzero(line, room);
	free(line);
	if (file != NULL)
		fclose(file);
	return why;
}

/* Again on SIGHUP; a file that is of no use leaves the tokens as they are. */
void
TokensRead(bool first)
{
	Tokens		fresh = {0};
	char	   *why;

	if (serve.token_file == NULL)
		return;
	why = ReadFile(&fresh);
	if (why != NULL && first)
		Die(EXIT_FILE, "%s: %s", serve.token_file, why);
	if (why != NULL)
		LogEvent("error", "tokens_not_read", "%s: %s", serve.token_file, why);
	else
	{
		Tokens		old;

		pthread_rwlock_wrlock(&lock);
		old = tokens;
		tokens = fresh;
		pthread_rwlock_unlock(&lock);
		fresh = old;
		if (!first)
			LogEvent("info", "tokens_read", "%d tokens", tokens.n);
	}
	FreeTokens(&fresh);
	free(why);
}

/* Depends on the lengths only. */
static bool
Same(const char *a, size_t length, const Token *t)
{
	unsigned char differ = length != t->length;

	for (size_t i = 0; i < t->length; i++)
		differ |= (unsigned char) (a[i < length ? i : 0] ^ t->secret[i]);
	return differ == 0;
}

/* The name of the token in the header's value, a copy; NULL if there is none. */
char *
TokenName(const char *authorization)
{
	const char *secret;
	size_t		length;
	char	   *name = NULL;

	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	secret = authorization + 7;
	secret += strspn(secret, " ");
	length = strlen(secret);
	pthread_rwlock_rdlock(&lock);
	for (int i = 0; i < tokens.n; i++)
		if (Same(secret, length, &tokens.token[i]) && name == NULL)
			name = Copy(tokens.token[i].name);
	pthread_rwlock_unlock(&lock);
	return name;
}
