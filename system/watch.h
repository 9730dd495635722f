/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders that are watched: the system tells of changes in them at once (inotify). Network shares and some other file
 * systems tell nothing, and the system watches only so many folders: who needs to know looks every few seconds as
 * well, for which the wait has an end.
 *
 * One thread adds and waits; any may wake it.
 */
#ifndef HAYA_SYSTEM_WATCH_H
#define HAYA_SYSTEM_WATCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct watch watch;

/* Of at most so many folders; the others are left to who looks. NULL: no memory, or no pipe, as errno says. */
watch *watch_create(size_t most);
void watch_free(watch *w);

/* A round: between begin and end every folder is added that is to be watched from then on. One that is watched already
   costs little, and those that are not added any more are let go. */
void watch_begin(watch *w);

/* `path` is where the folder is found now, `name` what it is told by. False: it is not watched, since the limit is
   reached or the system refuses. */
bool watch_add(watch *w, const char *path, const char *name);
void watch_end(watch *w);

/* Waits until something happens, somebody wakes it, or the time is over. Tells each folder in which something was
   made, written, moved or deleted, or which was itself, at least once, and NULL where events were lost: then it may be
   any. `changed` may be NULL. */
void watch_wait(watch *w, int milliseconds, void (*changed)(void *user, const char *name), void *user);

/* Ends the wait, or the next one; on any thread, and in signal handlers. */
void watch_wake(watch *w);

/* How many folders are watched now. */
size_t watch_count(const watch *w);

#endif
