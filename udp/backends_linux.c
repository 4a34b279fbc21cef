#include "udp/udp_loop.h"

const struct udp_backend *const udp_backends[] = {&udp_epoll, &udp_uring, &udp_libev, NULL};
