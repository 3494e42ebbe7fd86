/*-------------------------------------------------------------------------
 *
 * serve_statements.h
 *	  The SQL of the service: serve_statements.c has it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_SERVE_STATEMENTS_H
#define LEADSCORE_SERVE_STATEMENTS_H

#include "serve.h"

typedef struct StatementPlan
{
	const char *name;
	int			nparams;
	const Oid	types[5];
	const char *sql;			/* @ stands for the extension's schema, # for the
								 * limit of a batch, % and & for keys */
} StatementPlan;

extern const StatementPlan statement_plans[STATEMENTS];

extern char *StatementText(Statement statement, const char *schema, PGconn *conn);

#endif
