/*-------------------------------------------------------------------------
 *
 * fitmessages.c
 *	  What fits have to say: at once, or of many fits each thing once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fit.h"

typedef struct FitMessage
{
	int			level;
	char	   *message;
	char	   *detail;			/* "" for none, of the first fit that said it */
	char	   *hint;
	int			times;
} FitMessage;

static void
Say(int level, const char *message, const char *detail, const char *hint)
{
	ereport(level,
			(errmsg_internal("%s", message),
			 detail[0] != '\0' ? errdetail_internal("%s", detail) : 0,
			 hint[0] != '\0' ? errhint("%s", hint) : 0));
}

/*
 * The names in a message differ from fold to fold, its detail and hint then do
 * not; a message without them is the same only to the letter.
 */
static bool
SameMessage(const FitMessage *m, const char *message, const char *detail, const char *hint)
{
	return strcmp(m->message, message) == 0 ||
		(hint[0] != '\0' && strcmp(m->detail, detail) == 0 && strcmp(m->hint, hint) == 0);
}

static FitMessage *
FindMessage(const FitMessages *m, const char *message, const char *detail, const char *hint)
{
	ListCell   *lc;

	foreach(lc, m->list)
		if (SameMessage(lfirst(lc), message, detail, hint))
			return lfirst(lc);
	return NULL;
}

static void
Collect(FitMessages *m, int level, const char *message, const char *detail, const char *hint)
{
	MemoryContext old;
	FitMessage *new = FindMessage(m, message, detail, hint);

	if (new != NULL)
	{
		new->times++;
		return;
	}
	old = MemoryContextSwitchTo(m->cxt);
	new = palloc(sizeof(FitMessage));
	new->level = level;
	new->message = pstrdup(message);
	new->detail = pstrdup(detail);
	new->hint = pstrdup(hint);
	new->times = 1;
	m->list = lappend(m->list, new);
	MemoryContextSwitchTo(old);
}

void
FitTell(const Options *opt, int level, const char *message, const char *detail,
		const char *hint)
{
	if (detail == NULL)
		detail = "";
	if (hint == NULL)
		hint = "";
	if (opt->messages != NULL)
		Collect(opt->messages, level, message, detail, hint);
	else
		Say(level, message, detail, hint);
}

void
FitMessagesTell(const Options *opt, const FitMessages *m, int folds, const FitMessages *known)
{
	ListCell   *lc;

	foreach(lc, m->list)
	{
		const FitMessage *said = lfirst(lc);
		const char *detail = said->detail;

		if (known != NULL && FindMessage(known, said->message, detail, said->hint) != NULL)
			continue;
		if (said->times < folds)
			detail = psprintf("%s%s%d of %d folds say so; this is the first of them.", detail,
							  detail[0] != '\0' ? " " : "", said->times, folds);
		FitTell(opt, said->level, said->message, detail, said->hint);
	}
}

void
FitMessagesSay(const FitMessages *m, int folds)
{
	static const Options told = {0};

	FitMessagesTell(&told, m, folds, NULL);
}
