#include "common/host/unix_socket.h"

#include "common/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

int unix_socket_address(const char *path, struct sockaddr_un *address, socklen_t *len, char *why,
                        size_t why_cap)
{
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof address->sun_path) {
        snprintf(why, why_cap, "is not a path of 1 to %zu characters",
                 sizeof address->sun_path - 1);
        return -ENAMETOOLONG;
    }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, length + 1);
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

int unix_socket_connect(int fd, const struct sockaddr *address, socklen_t len, uint64_t timeout_ns)
{
    struct timeval limit = {.tv_sec = (time_t)(timeout_ns / NS_PER_S),
                            .tv_usec = (suseconds_t)(timeout_ns % NS_PER_S / NS_PER_US)};
    int flags = fcntl(fd, F_GETFL);

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    if (connect(fd, address, len) < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    fcntl(fd, F_SETFL, flags);
    return 0;
}
