/* SPDX-License-Identifier: Apache-2.0
 *
 * The complete loop of the header's comment, as C++ with resources held by unique_ptr: models of one structure,
 * switched by an argument.
 *
 *     loop MODEL.pb...     two or more, with one input and one output of float32
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "haya/haya.h"

template <typename T, void (*release)(T *)> struct releaser {
    void operator()(T *object) const { release(object); }
};

using model = std::unique_ptr<haya_model, releaser<haya_model, haya_model_close>>;
using program = std::unique_ptr<haya_program, releaser<haya_program, haya_program_free>>;
using weights = std::unique_ptr<haya_weights, releaser<haya_weights, haya_weights_free>>;
using plan = std::unique_ptr<haya_plan, releaser<haya_plan, haya_plan_free>>;
using session = std::unique_ptr<haya_session, releaser<haya_session, haya_session_free>>;

static haya_error error;

/* Says what failed and ends the program. */
static void require(bool good, const char *what)
{
    if (good)
        return;
    std::printf("FAILED %s: %s\n", what, error.message);
    std::exit(1);
}

static model open_model(const char *path)
{
    haya_model *made;
    require(haya_model_open(path, nullptr, &made, &error) == HAYA_OK, path);
    return model(made);
}

static weights bind(const program &shared, const model &from)
{
    haya_weights *made;
    require(haya_weights_bind(shared.get(), from.get(), &made, &error) == HAYA_OK, "bind");
    return weights(made);
}

/* A tensor on the vector's memory. */
static haya_tensor make_tensor(haya_value value, std::vector<float> &memory)
{
    haya_tensor tensor = haya_tensor_dense(value.dtype, value.shape, nullptr);
    memory.assign(static_cast<std::size_t>(tensor.bytes) / sizeof(float), 0.5f);
    tensor.data = memory.data();
    return tensor;
}

int main(int argc, char **argv)
{
    require(argc > 2, "two models are needed");
    std::vector<model> models;
    for (int i = 1; i < argc; i++)
        models.push_back(open_model(argv[i]));

    haya_program *made_program;
    require(haya_program_create(models[0].get(), nullptr, &made_program, &error) == HAYA_OK, "program");
    program shared(made_program);
    std::vector<weights> bound;
    for (const model &m : models)
        bound.push_back(bind(shared, m));

    haya_value value;
    require(haya_program_input(shared.get(), 0, &value) == HAYA_OK, "input");
    for (int i = 0; i < value.shape.rank; i++)
        value.shape.dims[i] = value.shape.dims[i] < 0 ? 1 : value.shape.dims[i];
    haya_plan *made_plan;
    require(haya_plan_create(shared.get(), &value.shape, 1, nullptr, &made_plan, &error) == HAYA_OK, "plan");
    plan compiled(made_plan);
    haya_session *made_session;
    require(haya_session_create(nullptr, &made_session, &error) == HAYA_OK, "session");
    session used(made_session);
    require(haya_session_reserve(used.get(), compiled.get(), &error) == HAYA_OK, "reserve");

    std::vector<float> in_memory, out_memory;
    haya_tensor in = make_tensor(value, in_memory);
    require(haya_plan_output(compiled.get(), 0, &value) == HAYA_OK, "output");
    std::vector<std::vector<float>> results;
    haya_tensor out = make_tensor(value, out_memory);
    models.clear(); /* the weights keep what they need */
    for (int round = 0; round < 2; round++)
        for (std::size_t i = 0; i < bound.size(); i++) {
            require(haya_run(used.get(), compiled.get(), bound[i].get(), &in, 1, &out, 1, &error) == HAYA_OK, "run");
            if (round == 0)
                results.push_back(out_memory);
            require(std::memcmp(results[i].data(), out_memory.data(), out.bytes) == 0, "a second run differs");
        }
    require(results[0] != results[1], "two models give the same");
    std::printf("ok %zu models\n", bound.size());
    return 0;
}
