/*-------------------------------------------------------------------------
 *
 * leadscore.c
 *	  The module's magic block.
 *
 * leadscore needs no preloading, no shared memory and no settings: options
 * are arguments, so that a stored query says how its model was made.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "leadscore", .version = LEADSCORE_VERSION);
#else
PG_MODULE_MAGIC;
#endif
