/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  What a long training is doing, told every two seconds if asked for by
 *	  SET leadscore.progress = on.
 *
 * A NOTICE goes to the client, and the same words stand before the query in
 * pg_stat_activity.  Workers of a parallel plan are silent: their leader reads
 * rows as well, and says what share of the work it sees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/timestamp.h"

#include "leadscore.h"

#define REPORT_EVERY_MS		2000

bool		leadscore_progress = false;

/* When this statement last said something; another statement begins anew. */
static TimestampTz statement = 0;
static TimestampTz last_report = 0;
static bool shown = false;

/* What the reports are part of; 0 of 0 unless a cross-validation runs. */
static int	current_fold = 0;
static int	current_folds = 0;

/* and what that is part of; 0 unless a tuning runs */
static int	current_trial = 0;
static int	current_trials = 0;
static char current_best[64];

static void
ShowActivity(const char *what)
{
	const char *query = debug_query_string ? debug_query_string : "";

	pgstat_report_activity(STATE_RUNNING,
						   what == NULL ? query :
						   psprintf("/* leadscore: %s */ %s", what, query));
	shown = (what != NULL);
}

/* A number with its thousands apart. */
static char *
Thousands(int64 n)
{
	char	   *digits = psprintf(INT64_FORMAT, n);
	int			len = strlen(digits);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < len; i++)
	{
		if (i > 0 && (len - i) % 3 == 0)
			appendStringInfoChar(&buf, ',');
		appendStringInfoChar(&buf, digits[i]);
	}
	return buf.data;
}

/*
 * Called often from long loops: the phase in words, the iteration (0: there are
 * none), and the rows that it has seen, of so many (0: nobody knows).
 */
void
ProgressReport(const char *phase, int iteration, int64 done, int64 total)
{
	TimestampTz now;
	char	   *what;

	if (likely(!leadscore_progress) || IsParallelWorker())
		return;
	now = GetCurrentTimestamp();
	if (statement != GetCurrentStatementStartTimestamp())
	{
		statement = GetCurrentStatementStartTimestamp();
		last_report = statement;
		shown = false;
	}
	if (!TimestampDifferenceExceeds(last_report, now, REPORT_EVERY_MS))
		return;
	last_report = now;
	what = psprintf("%s%s%s%s, %s%s rows",
					current_trial > 0 ? psprintf("trial %d of %d%s: ", current_trial, current_trials, current_best) : "",
					current_fold > 0 ? psprintf("fold %d of %d: ", current_fold, current_folds) : "",
					phase,
					iteration > 0 ? psprintf(", iteration %d", iteration) : "",
					Thousands(done),
					total > 0 ? psprintf(" of %s", Thousands(total)) : "");
	ereport(NOTICE,
			(errmsg("%s", what),
			 errdetail_internal("%.0f s since the statement began.",
								(now - statement) / 1e6)));
	ShowActivity(what);
}

/*
 * All that is reported from now on belongs to this fold.  Whoever says so says 0
 * in the end, after an error as well.
 */
void
ProgressFold(int fold, int folds)
{
	current_fold = fold;
	current_folds = folds;
}

/* What ProgressFold() said last. */
void
ProgressFoldGet(int *fold, int *folds)
{
	*fold = current_fold;
	*folds = current_folds;
}

/* And to this trial of a tuning, with the best so far in words or NULL. */
void
ProgressTrial(int trial, int trials, const char *best)
{
	current_trial = trial;
	current_trials = trials;
	current_best[0] = '\0';
	if (best != NULL)
		snprintf(current_best, sizeof(current_best), " (best so far: %s)", best);
}

/* The work is done: the query stands alone again. */
void
ProgressEnd(void)
{
	if (shown && statement == GetCurrentStatementStartTimestamp())
		ShowActivity(NULL);
}
