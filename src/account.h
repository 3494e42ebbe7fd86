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

extern void JsonInt(StringInfo buf, const char *key, int64 x);
extern void JsonBool(StringInfo buf, const char *key, bool x);
extern void JsonText(StringInfo buf, const char *key, const char *text);

/* treefit.c: what is said of trees instead of a solver's work */
extern void TreeAccountJson(StringInfo buf, const struct TreeAccount *a);

/* profile.c */
extern void ProfileJson(StringInfo buf, const FrameStats *stats,
						const FitReport *report);

#endif							/* LEADSCORE_ACCOUNT_H */
