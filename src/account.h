/*-------------------------------------------------------------------------
 *
 * account.h
 *	  Writing the JSON account of a fit that every model carries.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_ACCOUNT_H
#define LEADSCORE_ACCOUNT_H

#include "fit.h"

/* `, "key": number`; null where there is no finite number */
extern void JsonNumber(StringInfo buf, const char *key, double x);
/* `{"column": name`, after a comma unless it is the first of its array */
extern void JsonOpenColumn(StringInfo buf, bool first, const char *column);

/* profile.c */
extern void ProfileJson(StringInfo buf, const FrameStats *stats,
						const FitReport *report);

#endif							/* LEADSCORE_ACCOUNT_H */
