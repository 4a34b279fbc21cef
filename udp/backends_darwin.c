#include "udp/udp_loop.h"

const struct backend *const udp_backends[] = {&udp_libev.backend, NULL};
