/* SPDX-License-Identifier: Apache-2.0
 *
 * TensorFlow through its C API: a session for each model; or, with the option "fed", one session whose parameters are
 * fed at each run, the nearest it has to switching models of one structure.
 */
#include "driver.h"

#include <tensorflow/c/c_api.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMETERS 512

struct peer_model {
    TF_Graph *graph;     /* NULL where the parameters are fed */
    TF_Session *session;
    TF_Output input, output;
    TF_Tensor *parameters[MAX_PARAMETERS];
    TF_Tensor *result;
};

static struct {
    int threads;
    bool fed;
    TF_Tensor *input;
    /* Fed: the session that all models share, and what is fed besides the input. */
    TF_Graph *graph;
    TF_Session *session;
    TF_Output feeds[1 + MAX_PARAMETERS], output;
    int parameter_count;
} peer;

static bool ok(TF_Status *status, const char *what) {
    if (TF_GetCode(status) == TF_OK) {
        return true;
    }
    driver_fail("%s: %s", what, TF_Message(status));
    return false;
}

static void keep(void *data, size_t size, void *argument) {
    (void)data;
    (void)size;
    (void)argument;
}

bool peer_start(int threads, const driver_input *input, char **options, const char **version,
                const char **settings) {
    peer.threads = threads;
    peer.fed = options[0] && strcmp(options[0], "fed") == 0;
    peer.input = TF_NewTensor(TF_FLOAT, input->dims, (int)input->rank, input->data, input->bytes, keep, NULL);
    *version = TF_Version();
    *settings = peer.fed ? "C API, one session, all parameters fed at each run" : "C API, a session for each model";
    if (!peer.input) {
        driver_fail("no memory for the input");
    }
    return peer.input;
}

/* ---- Graphs ------------------------------------------------------------------------------------------------------ */

static void release(void *data, size_t size) {
    (void)size;
    free(data);
}

static TF_Graph *import(const char *path) {
    size_t size;
    void *bytes = driver_read_file(path, &size);
    if (!bytes) {
        return NULL;
    }
    TF_Buffer *buffer = TF_NewBuffer();
    *buffer = (TF_Buffer){bytes, size, release};
    TF_Graph *graph = TF_NewGraph();
    TF_ImportGraphDefOptions *options = TF_NewImportGraphDefOptions();
    TF_Status *status = TF_NewStatus();
    TF_GraphImportGraphDef(graph, buffer, options, status);
    bool imported = ok(status, path);
    TF_DeleteStatus(status);
    TF_DeleteImportGraphDefOptions(options);
    TF_DeleteBuffer(buffer);
    if (!imported) {
        TF_DeleteGraph(graph);
        return NULL;
    }
    return graph;
}

/* Sessions of so many threads for what is within an operation, and one operation at a time. */
static TF_Session *new_session(TF_Graph *graph) {
    /* ConfigProto: intra_op_parallelism_threads = 2, inter_op_parallelism_threads = 5 */
    unsigned char config[] = {2 << 3, (unsigned char)peer.threads, 5 << 3, 1};
    TF_Status *status = TF_NewStatus();
    TF_SessionOptions *options = TF_NewSessionOptions();
    TF_SetConfig(options, config, sizeof config, status);
    TF_Session *session = ok(status, "the session's options") ? TF_NewSession(graph, options, status) : NULL;
    if (session && !ok(status, "the session")) {
        session = NULL;
    }
    TF_DeleteSessionOptions(options);
    TF_DeleteStatus(status);
    return session;
}

static void delete_session(TF_Session *session) {
    TF_Status *status = TF_NewStatus();
    TF_DeleteSession(session, status);
    TF_DeleteStatus(status);
}

/* The placeholder, and the only node that no other reads. */
static bool find_ends(TF_Graph *graph, TF_Output *input, TF_Output *output) {
    size_t at = 0;
    TF_Operation *operation;
    *input = *output = (TF_Output){0};
    while ((operation = TF_GraphNextOperation(graph, &at)) != NULL) {
        if (strcmp(TF_OperationOpType(operation), "Placeholder") == 0) {
            input->oper = operation;
        } else if (TF_OperationNumOutputs(operation) == 1 &&
                   TF_OperationOutputNumConsumers((TF_Output){operation, 0}) == 0) {
            output->oper = operation;
        }
    }
    if (!input->oper || !output->oper) {
        driver_fail("a graph without input or output");
    }
    return input->oper && output->oper;
}

/* The float constants, in the graph's order. Returns how many, -1 on failure. */
static int read_parameters(TF_Graph *graph, TF_Output *places, TF_Tensor **values) {
    TF_Status *status = TF_NewStatus();
    size_t at = 0;
    int count = 0;
    TF_Operation *operation;
    while (count >= 0 && (operation = TF_GraphNextOperation(graph, &at)) != NULL) {
        TF_Output place = {operation, 0};
        if (strcmp(TF_OperationOpType(operation), "Const") != 0 || TF_OperationOutputType(place) != TF_FLOAT) {
            continue;
        }
        if (count == MAX_PARAMETERS) {
            driver_fail("more than %d parameters", MAX_PARAMETERS);
            count = -1;
            break;
        }
        TF_OperationGetAttrTensor(operation, "value", &values[count], status);
        places[count] = place;
        count = ok(status, TF_OperationName(operation)) ? count + 1 : -1;
    }
    TF_DeleteStatus(status);
    return count;
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */

static bool create_fed(peer_model *model, TF_Graph *graph) {
    static TF_Output places[MAX_PARAMETERS];
    int count = read_parameters(graph, places, model->parameters);
    if (count >= 0 && !peer.session) {
        peer.graph = graph;
        peer.parameter_count = count;
        memcpy(peer.feeds + 1, places, (size_t)count * sizeof *places);
        peer.session = find_ends(graph, &peer.feeds[0], &peer.output) ? new_session(graph) : NULL;
        return peer.session;
    }
    TF_DeleteGraph(graph);
    if (count >= 0 && count != peer.parameter_count) {
        driver_fail("%d parameters, not %d", count, peer.parameter_count);
    }
    return count == peer.parameter_count;
}

peer_model *peer_create(const char *path) {
    peer_model *model = calloc(1, sizeof *model);
    TF_Graph *graph = model ? import(path) : NULL;
    if (!graph) {
        free(model);
        return NULL;
    }
    bool created;
    if (peer.fed) {
        created = create_fed(model, graph);
    } else {
        model->graph = graph;
        created = find_ends(graph, &model->input, &model->output) && (model->session = new_session(graph)) != NULL;
    }
    if (!created) {
        peer_free(model);
        return NULL;
    }
    return model;
}

bool peer_run(peer_model *model) {
    TF_Tensor *values[1 + MAX_PARAMETERS] = {peer.input};
    memcpy(values + 1, model->parameters, (size_t)peer.parameter_count * sizeof *values);
    if (model->result) {
        TF_DeleteTensor(model->result);
        model->result = NULL;
    }
    TF_Status *status = TF_NewStatus();
    TF_SessionRun(peer.fed ? peer.session : model->session, NULL, peer.fed ? peer.feeds : &model->input, values,
                  1 + peer.parameter_count, peer.fed ? &peer.output : &model->output, &model->result, 1, NULL, 0,
                  NULL, status);
    bool done = ok(status, "run");
    TF_DeleteStatus(status);
    return done;
}

const float *peer_output(peer_model *model, size_t *count) {
    *count = model->result ? TF_TensorByteSize(model->result) / sizeof(float) : 0;
    return model->result ? TF_TensorData(model->result) : NULL;
}

void peer_free(peer_model *model) {
    if (model->session) {
        delete_session(model->session);
    }
    if (model->graph) {
        TF_DeleteGraph(model->graph);
    }
    for (size_t i = 0; i < MAX_PARAMETERS && model->parameters[i]; i++) {
        TF_DeleteTensor(model->parameters[i]);
    }
    if (model->result) {
        TF_DeleteTensor(model->result);
    }
    free(model);
}

bool peer_command(const char *command, char *rest) {
    (void)command;
    (void)rest;
    return false;
}
