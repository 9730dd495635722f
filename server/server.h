/* SPDX-License-Identifier: Apache-2.0
 *
 * The viewer's server: docs/viewer-api.md over HTTP, and the page.
 */
#ifndef HAYA_SERVER_H
#define HAYA_SERVER_H

#include <haya/haya.h>

typedef struct server server;

typedef struct server_options {
    const char *models_folder;          /* NULL: none */
    const char *const *models;          /* single files */
    size_t model_count;
    const char *const *data;            /* folders of pictures */
    size_t data_count;
    const char *listen;                 /* an address, IPv4 or IPv6; NULL: 127.0.0.1 */
    uint16_t port;                      /* 0: any that is free */
    const char *const *allowed_hosts;   /* "name" or "name:port", besides the address */
    size_t allowed_host_count;
    bool no_auth;                       /* no token beyond loopback either */
    int32_t threads;                    /* of an inference; 0: all that the process may use */
    bool no_prepare;                    /* nothing in the background */
    /* Called on any thread with a sentence for people; may be NULL. */
    void (*log)(void *user, bool warning, const char *text);
    void *user;
} server_options;

/* What the options point to must live until server_stop. */
haya_status server_start(const server_options *options, server **started, haya_error *error);

/* Ends what runs and waits, and frees it. */
void server_stop(server *s);

/* "http://127.0.0.1:8080/", with the token where there is one. */
const char *server_address(const server *s);

#endif
