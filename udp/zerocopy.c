#include "udp/zerocopy.h"

#include "common/base/clock.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

struct completion {
    unsigned sends;
    bool copied;
};

union control {
    struct cmsghdr header;
    unsigned char bytes[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
};

/* What one entry of the error queue says; ranges of sends are reported as one. */
static struct completion completion_of(struct msghdr *message)
{
    struct sock_extended_err report;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
            !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
            continue;
        memcpy(&report, CMSG_DATA(c), sizeof report);
        if (report.ee_origin == SO_EE_ORIGIN_ZEROCOPY)
            return (struct completion){
                .sends = report.ee_data - report.ee_info + 1,
                .copied = report.ee_code & SO_EE_CODE_ZEROCOPY_COPIED,
            };
    }
    return (struct completion){0};
}

/* Nothing in it when the queue was empty. */
static struct completion take_completion(int fd)
{
    union control control;
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};

    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return (struct completion){0};
    return completion_of(&message);
}

void zerocopy_wait(int fd, unsigned sends, struct stats *stats)
{
    struct pollfd errors = {.fd = fd}; /* an error needs not be asked for */
    uint64_t give_up_ns = CLOCK_NEVER_NS;
    unsigned done = 0;

    stats->zerocopy_sends += sends;
    while (done < sends) {
        struct completion c = take_completion(fd);

        stats->syscalls[SYSCALL_recvmsg]++;
        done += c.sends;
        stats->zerocopy_copied += c.copied ? c.sends : 0;
        if (c.sends)
            continue;
        if (give_up_ns == CLOCK_NEVER_NS)
            give_up_ns = clock_now_ns() + NS_PER_S;
        else if (clock_now_ns() > give_up_ns) {
            stats->errors[ERROR_send_other]++;
            return;
        }
        stats->syscalls[SYSCALL_poll]++;
        poll(&errors, 1, NS_PER_S / NS_PER_MS);
    }
}
