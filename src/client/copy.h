/*-------------------------------------------------------------------------
 *
 * copy.h
 *	  How a file goes to a table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_COPY_H
#define LEADSCORE_COPY_H

#include "csv.h"

typedef struct CopyPlan
{
	const char *sql;			/* COPY ... FROM STDIN */
	const char *bare_name;		/* of the table, as errors name it */
	int			n;
	char	  **columns;
	char		delimiter;
	const NullTexts *nulls;
} CopyPlan;

extern int64_t CopyRows(PGconn *conn, Input *input, const CopyPlan *plan);

#endif
