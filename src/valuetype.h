/*-------------------------------------------------------------------------
 *
 * valuetype.h
 *	  Input of the types whose values are bytes of leadscore's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_VALUETYPE_H
#define LEADSCORE_VALUETYPE_H

#include "leadscore.h"

/* Decodes, or raises an error; its result is forgotten. */
typedef void (*ValueCheck) (const struct varlena *bytes);

/* maker: the SQL that makes such a value, for whoever wrote something else */
extern Datum ValueIn(FunctionCallInfo fcinfo, const char *type, const char *maker,
					 ValueCheck check);
extern Datum ValueRecv(FunctionCallInfo fcinfo, ValueCheck check);

#endif							/* LEADSCORE_VALUETYPE_H */
