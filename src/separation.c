#include "leadscore.h"
#include "logistic.h"
bool FindSeparation(LogitWork *w, LogitFit *fit) { return false; }
