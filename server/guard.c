/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may ask. A browser sends the user's requests and those of any page that the user has open. The latter are
 * known by their Origin or Sec-Fetch-Site; and a page whose name was made to lead to this address (DNS
 * rebinding), by its Host. Beyond loopback, who asks has to know a token.
 */
#define _GNU_SOURCE
#include "inside.h"

#include "inspection/fail.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { TOKEN_BYTES = 16, MAX_HOSTS = 64 };

struct guard {
    char *hosts[MAX_HOSTS];       /* "name" or "name:port", lower case does not matter */
    size_t host_count;
    uint16_t port;
    char token[2 * TOKEN_BYTES + 1]; /* empty: none is asked for */
};

static bool add_host(guard *g, const char *host) {
    g->hosts[g->host_count] = g->host_count < MAX_HOSTS - 1 ? strdup(host) : NULL;
    return g->hosts[g->host_count] && ++g->host_count;
}

/* An IPv6 address stands in brackets. */
static bool add_address(guard *g, const char *address) {
    char bracketed[128];
    snprintf(bracketed, sizeof bracketed, strchr(address, ':') ? "[%s]" : "%s", address);
    return add_host(g, bracketed);
}

haya_status guard_create(const server_options *options, bool loopback, uint16_t port, guard **made,
                         haya_error *error) {
    guard *g = *made = calloc(1, sizeof *g);
    bool ok = g && add_host(g, "localhost") && add_host(g, "127.0.0.1") && add_host(g, "[::1]");
    ok = ok && (!options->listen || add_address(g, options->listen));
    for (size_t i = 0; ok && i < options->allowed_host_count; i++) {
        ok = add_host(g, options->allowed_hosts[i]);
    }
    if (!ok) {
        return inspection_fail(error, HAYA_ERROR_MEMORY, "out of memory, or more than %d hosts", MAX_HOSTS - 4);
    }
    g->port = port;
    if (loopback || options->no_auth) {
        return HAYA_OK;
    }
    unsigned char random[TOKEN_BYTES];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return inspection_fail(error, HAYA_ERROR_IO, "the system has no random numbers for a token");
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(g->token + 2 * i, 3, "%02x", random[i]);
    }
    return HAYA_OK;
}

void guard_free(guard *g) {
    for (size_t i = 0; g && i < g->host_count; i++) {
        free(g->hosts[i]);
    }
    free(g);
}

const char *guard_token(const guard *g) {
    return g->token[0] ? g->token : NULL;
}

/* Whether "name:port" is this server: an allowed name with the server's port, or one that is allowed with its port.
   Without a port it is the protocol's usual one. */
static bool is_own_host(const guard *g, const char *host) {
    const char *bracket = strchr(host, ']'), *colon = strchr(bracket ? bracket : host, ':');
    size_t length = colon ? (size_t)(colon - host) : strlen(host);
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)g->port);
    bool own_port = strcmp(colon ? colon + 1 : "80", port) == 0;
    for (size_t i = 0; i < g->host_count; i++) {
        const char *allowed = g->hosts[i];
        bool same_name = strlen(allowed) == length && strncasecmp(allowed, host, length) == 0;
        bool with_port = colon && strcasecmp(allowed, host) == 0;
        if ((same_name && own_port) || with_port) {
            return true;
        }
    }
    return false;
}

/* "http://host:port"; the scheme may be https where something else speaks it in front of the server. */
static bool is_own_origin(const guard *g, const char *origin, const char *host) {
    const char *rest = strncmp(origin, "http://", 7) == 0    ? origin + 7
                       : strncmp(origin, "https://", 8) == 0 ? origin + 8
                                                             : NULL;
    return rest && is_own_host(g, rest) && strcasecmp(rest, host) == 0;
}

/* In a time that does not depend on where they differ. */
static bool equal_tokens(const char *given, size_t length, const char *token) {
    unsigned difference = length != strlen(token);
    for (size_t i = 0; token[i]; i++) {
        difference |= (unsigned char)token[i] ^ (unsigned char)(i < length ? given[i] : 0);
    }
    return difference == 0;
}

static void cookie_name(const guard *g, char *to, size_t size) {
    snprintf(to, size, "haya_%u=", (unsigned)g->port);
}

static bool knows_token(const guard *g, const guarded *what) {
    if (what->authorization && strncasecmp(what->authorization, "Bearer ", 7) == 0) {
        const char *given = what->authorization + 7;
        return equal_tokens(given, strlen(given), g->token);
    }
    char name[32];
    cookie_name(g, name, sizeof name);
    for (const char *at = what->cookie; at; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        if (strncmp(at, name, strlen(name)) == 0) {
            at += strlen(name);
            return equal_tokens(at, strcspn(at, ";"), g->token);
        }
        if (!*at) {
            break;
        }
    }
    return false;
}

guard_answer guard_check(const guard *g, const guarded *what, const char **why) {
    bool api = strncmp(what->path, "/api/", 5) == 0;
    *why = "";
    if (!what->host || !is_own_host(g, what->host)) {
        *why = "the request's Host is not this server; --allow-host names others";
        return GUARD_REFUSE;
    }
    if (what->origin && !is_own_origin(g, what->origin, what->host)) {
        *why = "the request comes from another page, by its Origin";
        return GUARD_REFUSE;
    }
    const char *site = what->site ? what->site : "";
    bool foreign = strcasecmp(site, "cross-site") == 0 || strcasecmp(site, "same-site") == 0;
    bool follows_link = !api && what->mode && strcasecmp(what->mode, "navigate") == 0 &&
                        strcmp(what->method, MHD_HTTP_METHOD_GET) == 0;
    if (foreign && !follows_link) {
        *why = "the request comes from another page, by its Sec-Fetch-Site";
        return GUARD_REFUSE;
    }
    if (!g->token[0]) {
        return GUARD_PASS;
    }
    if (what->token && strcmp(what->path, "/") == 0) {
        return equal_tokens(what->token, strlen(what->token), g->token) ? GUARD_GREET : GUARD_UNKNOWN;
    }
    return knows_token(g, what) ? GUARD_PASS : GUARD_UNKNOWN;
}

void guard_cookie(const guard *g, char *to, size_t size) {
    char name[32];
    cookie_name(g, name, sizeof name);
    snprintf(to, size, "%s%s; Path=/; HttpOnly; SameSite=Strict", name, g->token);
}
