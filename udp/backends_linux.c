#include "udp/udp_loop.h"

const struct backend *const udp_backends[] = {&udp_epoll.backend, &udp_uring.backend,
                                              &udp_libev.backend, NULL};
