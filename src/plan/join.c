/* SPDX-License-Identifier: Apache-2.0
 *
 * A concatenation without copies: each of its sources is made where it belongs in the joined tensor.
 *
 * Lowering makes a concatenation of copies, one for each source. That reads and writes every byte once more, and a
 * U-Net's joins are its largest tensors. But a source that a draft computes may as well be written into its part of the
 * joined tensor at once: views have strides, and the source then is a view of rows that lie further apart. Whoever else
 * reads the source reads that view too. What is said of concatenations holds for every copy of a whole tensor to a part
 * of another, such as the inner part of a padded one.
 *
 * The copy stays
 *  - of what no draft computes: inputs, parameters, constants;
 *  - of what is fetched: it goes to the caller's memory, where it must be dense;
 *  - of a source's second part: it can be in one place only, the first of its joins;
 *  - where parts are written several times, or over each other: writing them earlier could change the result;
 *  - where some reader's or writer's view takes source elements together that lie apart in the join, as a flattening of
 *    whole images does, or goes backwards;
 *  - where a reader or writer would get another kernel: kernels refuse layouts that they are slow on;
 *  - where the rows are shorter than a vector: strided work on them is slower than the copy;
 *  - of a small part: its copy is cheap, and the whole joined tensor would be kept from its making on.
 *
 * Copies are taken from the last to the first. A joined tensor that is a source of another, as in a densely connected
 * network, thus has its final place before its own sources are looked at.
 */
#include <string.h>

#include "plan/plan.h"

enum {
    SHORTEST_ROW = 8,  /* elements of a part that are neighbours */
    SMALLEST_PART = 8  /* a part of 1/8 of the joined tensor is no small one */
};

/* What is known of a value that owns its bytes, from before the first change. */
typedef struct source {
    bool fetched;
    uint64_t written;   /* elements, by all drafts together */
    int32_t copy;       /* the first draft that copies it to a part of another and may go, -1: none */
    int32_t first, end; /* the drafts that read or write it: joining.users[first] .. users[end - 1] */
} source;

typedef struct joining {
    hy_drafts *d;
    int32_t *owner;     /* of each value, before the first change */
    source *sources;    /* of each value that owns its bytes */
    int32_t *users;     /* drafts */
} joining;

/* Where a source's elements lie in the joined tensor. In the source they are dense. */
typedef struct part {
    int rank;
    int64_t dims[HY_VIEW_RANK];
    int64_t inside[HY_VIEW_RANK], joined[HY_VIEW_RANK]; /* strides in the source, in the join */
    int64_t offset;                                     /* in the join */
} part;

/* ---- Views ------------------------------------------------------------------------------------------------------- */

/* The dimensions of `to`, those that it walks as one taken together. */
static part part_of(const hy_view *to)
{
    part p = {.offset = to->offset};
    for (int i = 0; i < to->rank; i++) {
        if (to->dims[i] == 1)
            continue;
        bool together = p.rank > 0 && p.joined[p.rank - 1] == to->dims[i] * to->strides[i];
        int last = together ? p.rank - 1 : p.rank++;
        p.dims[last] = (together ? p.dims[last] : 1) * to->dims[i];
        p.joined[last] = to->strides[i];
    }
    int64_t stride = 1;
    for (int i = p.rank - 1; i >= 0; i--) {
        p.inside[i] = stride;
        stride *= p.dims[i];
    }
    return p;
}

/* Takes a view of the source to the join. False where no view can say that: an index would run over the end of one of
   the part's dimensions into the next. */
static bool move_view(const part *p, hy_view *view)
{
    int64_t room[HY_VIEW_RANK], rest = view->offset;
    hy_view moved = *view;
    moved.offset = p->offset;
    for (int i = 0; i < p->rank; i++) {
        room[i] = p->dims[i] - 1 - rest / p->inside[i];
        moved.offset += rest / p->inside[i] * p->joined[i];
        rest %= p->inside[i];
    }
    for (int k = 0; k < view->rank; k++) {
        if (view->dims[k] <= 1)
            continue;
        if (view->strides[k] < 0)
            return false;
        rest = view->strides[k];
        moved.strides[k] = 0;
        for (int i = 0; i < p->rank; i++) {
            room[i] -= rest / p->inside[i] * (view->dims[k] - 1);
            moved.strides[k] += rest / p->inside[i] * p->joined[i];
            rest %= p->inside[i];
            if (room[i] < 0)
                return false;
        }
    }
    *view = moved;
    return true;
}

/* ---- What is known before ---------------------------------------------------------------------------------------- */

static bool is_whole(const hy_view *view, const hy_operand *operand)
{
    int64_t elements = hy_view_elements(view);
    return elements > 0 && hy_view_is_dense(view) && elements == hy_shape_elements(&operand->shape);
}

/* The values that a draft touches, each once; returns their number. */
static int owners_of(const joining *j, const hy_draft *draft, int32_t owners[HY_CALL_INPUTS + 1])
{
    int count = 0;
    owners[count++] = j->owner[draft->out];
    for (int k = 0; k < draft->call.input_count; k++) {
        bool known = draft->in[k] < 0;
        for (int i = 0; i < count && !known; i++)
            known = owners[i] == j->owner[draft->in[k]];
        if (!known)
            owners[count++] = j->owner[draft->in[k]];
    }
    return count;
}

static void note_draft(joining *j, int32_t index)
{
    const hy_draft *draft = &j->d->drafts[index];
    int32_t owners[HY_CALL_INPUTS + 1];
    int count = owners_of(j, draft, owners);
    for (int i = 0; i < count; i++)
        j->sources[owners[i]].end++; /* how many, so far */
    j->sources[owners[0]].written += (uint64_t)hy_view_elements(&draft->call.out);
}

/* Whether the draft copies a whole value to a part of another in rows long enough, and the values are such that the
   copy may go. */
static bool is_candidate(const joining *j, const hy_draft *draft)
{
    const hy_drafts *d = j->d;
    if (draft->dead || draft->call.family != HY_COPY || draft->in[0] < 0)
        return false;
    int32_t from = j->owner[draft->in[0]], to = j->owner[draft->out];
    if (from == to || j->sources[from].fetched || d->values[from].placed || d->values[to].placed)
        return false;
    if (j->sources[to].written != (uint64_t)hy_shape_elements(&d->values[to].operand.shape))
        return false; /* all elements are written; by this number, each of them once */
    part p = part_of(&draft->call.out);
    return is_whole(&draft->call.in[0], &d->values[from].operand) && p.rank > 0 && p.joined[p.rank - 1] == 1
        && p.dims[p.rank - 1] >= SHORTEST_ROW;
}

static haya_status prepare(joining *j)
{
    hy_drafts *d = j->d;
    size_t users = 0;
    j->owner = HY_ARENA_NEW(d->temporary, int32_t, d->value_count);
    j->sources = HY_ARENA_NEW(d->temporary, source, d->value_count);
    j->users = HY_ARENA_NEW(d->temporary, int32_t, d->count * (HY_CALL_INPUTS + 1));
    if (!j->owner || !j->sources || !j->users)
        return hy_out_of_memory(d->error, "plan");
    for (size_t i = 0; i < d->value_count; i++) {
        j->owner[i] = hy_value_owner(d, (int32_t)i);
        j->sources[i].copy = -1;
    }
    for (size_t i = 0; i < d->fetch_count; i++)
        j->sources[j->owner[d->fetches[i]]].fetched = true;
    for (size_t i = 0; i < d->count; i++)
        if (!d->drafts[i].dead)
            note_draft(j, (int32_t)i);
    for (size_t i = 0; i < d->value_count; i++) {
        source *s = &j->sources[i];
        s->first = (int32_t)users;
        users += (size_t)s->end;
        s->end = s->first;
    }
    for (size_t i = d->count; i-- > 0;)
        if (is_candidate(j, &d->drafts[i]))
            j->sources[j->owner[d->drafts[i].in[0]]].copy = (int32_t)i;
    for (size_t i = 0; i < d->count; i++) {
        int32_t owners[HY_CALL_INPUTS + 1];
        int count = d->drafts[i].dead ? 0 : owners_of(j, &d->drafts[i], owners);
        for (int k = 0; k < count; k++)
            j->users[j->sources[owners[k]].end++] = (int32_t)i;
    }
    return HAYA_OK;
}

/* ---- Joining ----------------------------------------------------------------------------------------------------- */

/* The draft with all its views of value `from` moved; false where one can't be, or the kernel would be another. */
static bool move_draft(const joining *j, hy_draft *draft, int32_t from, const part *p)
{
    const hy_kernel *kernel = hy_kernel_choose(&draft->call, hy_isa_best());
    if (j->owner[draft->out] == from && !move_view(p, &draft->call.out))
        return false;
    for (int k = 0; k < draft->call.input_count; k++)
        if (draft->in[k] >= 0 && j->owner[draft->in[k]] == from && !move_view(p, &draft->call.in[k]))
            return false;
    return hy_kernel_choose(&draft->call, hy_isa_best()) == kernel;
}

/* Takes away copy number `index`, of all of value `from`, where that can be done. */
static void join(joining *j, int32_t index, int32_t from)
{
    const hy_value *values = j->d->values;
    const source *s = &j->sources[from];
    hy_draft *copy = &j->d->drafts[index];
    int32_t joined = hy_value_owner(j->d, copy->out);
    if (hy_shape_elements(&values[from].operand.shape)
        < hy_shape_elements(&values[joined].operand.shape) / SMALLEST_PART)
        return;
    part p = part_of(&copy->call.out);
    for (int commit = 0; commit < 2; commit++)
        for (int32_t i = s->first; i < s->end; i++) {
            hy_draft moved = j->d->drafts[j->users[i]];
            if (j->users[i] == index || moved.dead)
                continue;
            if (!move_draft(j, &moved, from, &p))
                return;
            if (commit)
                j->d->drafts[j->users[i]] = moved;
        }
    copy->dead = true;
    j->d->values[from].alias = joined;
}

haya_status hy_join(hy_drafts *d)
{
    joining j = {.d = d};
    HY_TRY(prepare(&j));
    for (size_t i = d->count; i-- > 0;) {
        int32_t from = d->drafts[i].in[0] >= 0 ? j.owner[d->drafts[i].in[0]] : -1;
        if (from >= 0 && j.sources[from].copy == (int32_t)i)
            join(&j, (int32_t)i, from);
    }
    return HAYA_OK;
}
