#include "leadscore.h"
#include "logistic.h"
LogitStop FirthScoring(LogitWork *w, LogitFit *fit, int m, double t) { return LOGIT_STALLED; }
