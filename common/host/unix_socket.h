/*
 * unix_socket: addresses of Unix stream sockets, and connections to them.
 */
#ifndef IOBENCH_UNIX_SOCKET_H
#define IOBENCH_UNIX_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The address of a path: 0, or -ENAMETOOLONG with how long it may be in why. */
int unix_socket_address(const char *path, struct sockaddr_un *address, socklen_t *len, char *why,
                        size_t why_cap);

/*
 * Connects a non-blocking socket: 0 or -errno. It blocks meanwhile, for timeout_ns at most, because
 * a full backlog would otherwise be reported as an error. Makes 5 system calls, or 4 when it fails.
 */
int unix_socket_connect(int fd, const struct sockaddr *address, socklen_t len, uint64_t timeout_ns);

#endif
