/*
 * punctual: sleeps that end when they should. punctual_linux.c and punctual_darwin.c.
 */
#ifndef IOBENCH_FILEIO_PUNCTUAL_H
#define IOBENCH_FILEIO_PUNCTUAL_H

#include <stdint.h>

/* For the calling thread: the kernel no longer delays its timers to save wake-ups. */
void punctual_thread(void);

void punctual_sleep(uint64_t until_ns);

#endif
