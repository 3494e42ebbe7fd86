/*-------------------------------------------------------------------------
 *
 * serve.c
 *	  leadscore serve: scores by HTTP.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

static const Option options[] = {
	{0}
};

int
CommandServe(int argc, char **argv)
{
	Arguments(argc, argv, options, 0, 0);
	Die(EXIT_REFUSED, "not built yet");
}
