#include "leadscore.h"
#include "logistic.h"
LogitStop PenalisedDescent(LogitWork *w, LogitFit *fit, int m, double t) { return LOGIT_STALLED; }
