/* SPDX-License-Identifier: Apache-2.0
 *
 * The address and the socket that the server listens on.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "inside.h"

#include "inspection/fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static haya_status parse_address(const char *listen_to, uint16_t port, struct sockaddr_storage *address,
                                 haya_error *error) {
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, listen_to, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, listen_to, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
    } else {
        return inspection_fail(error, HAYA_ERROR_ARGUMENT, "'%s' is no address of IPv4 or IPv6", listen_to);
    }
    return HAYA_OK;
}

static bool is_loopback(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    }
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* Below 0: errno says why not. */
static int open_socket(const struct sockaddr_storage *address, uint16_t *port) {
    struct sockaddr_storage bound;
    bool six = address->ss_family == AF_INET6;
    socklen_t size = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), bound_size = sizeof bound;
    int yes = 1, listening = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listening < 0) {
        return -1;
    }
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listening, (const struct sockaddr *)address, size) != 0 || listen(listening, SOMAXCONN) != 0 ||
        getsockname(listening, (struct sockaddr *)&bound, &bound_size) != 0) {
        int why = errno;
        close(listening);
        errno = why;
        return -1;
    }
    *port = ntohs(six ? ((struct sockaddr_in6 *)&bound)->sin6_port : ((struct sockaddr_in *)&bound)->sin_port);
    return listening;
}

haya_status listening_open(const char *listen_to, uint16_t *port, int *listening, bool *loopback,
                           haya_error *error) {
    struct sockaddr_storage address;
    uint16_t wanted = *port;
    haya_status status = parse_address(listen_to, wanted, &address, error);
    if (status != HAYA_OK) {
        return status;
    }
    *loopback = is_loopback(&address);
    *listening = open_socket(&address, port);
    return *listening >= 0 ? HAYA_OK
                           : inspection_fail(error, HAYA_ERROR_IO, "the server cannot listen on %s, port %u: %s",
                                             listen_to, (unsigned)wanted, strerror(errno));
}

void listening_address(const char *listen_to, uint16_t port, const char *token, char *to, size_t room) {
    bool any = strcmp(listen_to, "0.0.0.0") == 0 || strcmp(listen_to, "::") == 0;
    bool bracketed = strchr(listen_to, ':') && !any;
    snprintf(to, room, bracketed ? "http://[%s]:%u/%s%s" : "http://%s:%u/%s%s",
             any ? "localhost" : listen_to, (unsigned)port, token ? "?token=" : "", token ? token : "");
}
