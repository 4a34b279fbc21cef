#include "fileio/punctual.h"

/* There is no such setting per thread. */
void punctual_thread(void)
{
}
