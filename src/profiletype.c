/*-------------------------------------------------------------------------
 *
 * profiletype.c
 *	  The type leadprofile: input, union, profiles of training sets.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "leadprofile.h"
#include "valuetype.h"

static void
CheckProfile(const struct varlena *bytes)
{
	(void) ProfileDecode(bytes);
}

PG_FUNCTION_INFO_V1(leadprofile_in);
Datum
leadprofile_in(PG_FUNCTION_ARGS)
{
	return ValueIn(fcinfo, "leadprofile",
				   "(SELECT lead_profile(t) FROM leads AS t)", CheckProfile);
}

PG_FUNCTION_INFO_V1(leadprofile_recv);
Datum
leadprofile_recv(PG_FUNCTION_ARGS)
{
	return ValueRecv(fcinfo, CheckProfile);
}

/* profile || profile: the rows of both */
PG_FUNCTION_INFO_V1(lead_profile_union);
Datum
lead_profile_union(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(ProfileEncode(ProfileUnion(ProfileDecode(PG_GETARG_VARLENA_P(0)),
												 ProfileDecode(PG_GETARG_VARLENA_P(1)))));
}

PG_FUNCTION_INFO_V1(lead_profile_frame);
Datum
lead_profile_frame(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(ProfileEncode(ProfileOfFrame(FrameDecode(PG_GETARG_VARLENA_P(0)))));
}

PG_FUNCTION_INFO_V1(lead_profile_model);
Datum
lead_profile_model(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(ProfileEncode(ProfileOfModel(ModelDecode(PG_GETARG_DATUM(0), false))));
}
