/*-------------------------------------------------------------------------
 *
 * leadscore.c
 *	  The module's magic block and what is done once per session.
 *
 * leadscore needs no preloading, no shared memory and no settings: options
 * are arguments, so that a stored query says how its model was made.
 *
 *-------------------------------------------------------------------------
 */
#include "registry.h"

LEADSCORE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	RegistryInit();
}
