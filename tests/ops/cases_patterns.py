# SPDX-License-Identifier: Apache-2.0
"""Small groups of operations as trained networks hold them."""
import numpy as np

from builder import tf
from cases_array import strided_op

f32, i32, i64 = np.float32, np.int32, np.int64


def conv(c, x, k, cin, cout, name="conv", stride=1, pad="SAME", layout="NHWC"):
    strides = [1, stride, stride, 1] if layout == "NHWC" else [1, 1, stride, stride]
    return c.op("Conv2D", name, input=x, strides=strides, padding=pad,
                filter=c.const(c.normal(k, k, cin, cout, scale=0.4), name + "_kernel"))


def bias(c, x, channels, name="bias"):
    return c.op("BiasAdd", name, value=x, bias=c.const(c.normal(channels), name + "_value"))


def norm(c, x, channels, name="bn", kind="FusedBatchNormV3", eps=1e-3):
    values = {k: c.const(v, f"{name}_{k}") for k, v in dict(
        scale=c.uniform(channels, low=0.5, high=1.5), offset=c.normal(channels),
        mean=c.normal(channels), variance=c.uniform(channels, low=0.1, high=2)).items()}
    return c.op(kind, name, x=x, **values, epsilon=eps, is_training=False)[0]


def relu(c, x, name="relu", kind="Relu"):
    return c.op(kind, name, features=x)


def add(c, x, y, name="add"):
    return c.op("AddV2", name, x=x, y=y)


def mul(c, x, y, name="mul"):
    return c.op("Mul", name, x=x, y=y)


def dim(c, x, k, name):
    """One dimension of x, through Shape and StridedSlice."""
    shape = c.op("Shape", name + "_shape", input=x)
    return strided_op(c, shape, [k], [k + 1], [1], {"shrink_axis": 1}, name=name)


def convolutions(file):
    for k, cin, cout, stride in ((1, 8, 16, 1), (3, 3, 8, 1), (3, 5, 7, 2), (5, 2, 17, 1)):
        with file.case(f"conv{k}_bias_relu_{cin}_to_{cout}_stride{stride}") as c:
            x = c.feed(c.normal(1, 7, 6, cin))
            c.out(relu(c, bias(c, conv(c, x, k, cin, cout, stride=stride), cout)))
    for act in ("Elu", "Selu", "Softplus", "LeakyRelu"):
        with file.case(f"conv_bias_{act.lower()}") as c:
            x = c.feed(c.normal(1, 5, 6, 3))
            c.out(relu(c, bias(c, conv(c, x, 3, 3, 5), 5), "act", act))
    for act in ("Sigmoid", "Tanh"):
        with file.case(f"conv_bias_{act.lower()}") as c:
            x = c.feed(c.normal(1, 5, 6, 3))
            c.out(c.op(act, "act", x=bias(c, conv(c, x, 3, 3, 5), 5)))
    for kind in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        with file.case(f"conv_{kind.lower()}_relu6") as c:
            x = c.feed(c.normal(2, 6, 5, 3))
            c.out(relu(c, norm(c, conv(c, x, 3, 3, 8), 8, kind=kind), kind="Relu6"))
    with file.case("conv_bias_batch_norm_relu") as c:
        x = c.feed(c.normal(1, 6, 5, 3))
        c.out(relu(c, norm(c, bias(c, conv(c, x, 3, 3, 8), 8), 8)))
    with file.case("conv_result_used_twice_before_batch_norm") as c:
        y = conv(c, c.feed(c.normal(1, 5, 5, 3)), 3, 3, 4)
        c.out(relu(c, norm(c, y, 4)), y)
    with file.case("conv_bias_output_also_fetched") as c:
        y = bias(c, conv(c, c.feed(c.normal(1, 5, 5, 3)), 3, 3, 4), 4)
        c.out(y, relu(c, y))
    with file.case("conv_add_residual_relu") as c:
        x = c.feed(c.normal(1, 5, 6, 8))
        y = norm(c, conv(c, relu(c, norm(c, conv(c, x, 3, 8, 8), 8)), 3, 8, 8, "conv2"),
                 8, "bn2")
        c.out(relu(c, add(c, y, x), "relu2"))
    with file.case("conv_add_residual_on_the_left") as c:
        x = c.feed(c.normal(1, 5, 6, 4))
        c.out(relu(c, add(c, x, bias(c, conv(c, x, 3, 4, 4), 4))))
    with file.case("conv_add_projection_stride2") as c:
        x = c.feed(c.normal(1, 7, 7, 4))
        y = norm(c, conv(c, x, 3, 4, 8, stride=2), 8)
        z = norm(c, conv(c, x, 1, 4, 8, "shortcut", 2), 8, "bn_shortcut")
        c.out(relu(c, add(c, y, z)))
    with file.case("two_convs_share_a_kernel") as c:
        w = c.const(c.normal(3, 3, 3, 4), "kernel")
        x, y = c.feed(c.normal(1, 4, 4, 3)), c.feed(c.normal(1, 5, 3, 3))
        c.out(*[c.op("Conv2D", f"conv_{k}", input=v, filter=w, strides=[1] * 4,
                     padding="SAME") for k, v in enumerate((x, y))])
    with file.case("pad_conv_valid_stride2") as c:
        x = c.op("Pad", "pad", input=c.feed(c.normal(1, 8, 6, 3)),
                 paddings=[[0, 0], [0, 1], [0, 1], [0, 0]])
        c.out(relu(c, bias(c, conv(c, x, 3, 3, 8, stride=2, pad="VALID"), 8)))
    with file.case("pad_conv_same") as c:
        x = c.op("Pad", "pad", input=c.feed(c.normal(1, 5, 6, 3)),
                 paddings=[[0, 0], [2, 1], [0, 3], [0, 0]])
        c.out(conv(c, x, 3, 3, 4, stride=2))
    with file.case("pad_with_value_conv_valid") as c:
        x = c.op("PadV2", "pad", input=c.feed(c.normal(1, 5, 6, 3)), constant_values=f32(0.5),
                 paddings=[[0, 0], [1, 1], [1, 1], [0, 0]])
        c.out(conv(c, x, 3, 3, 4, pad="VALID"))
    with file.case("reflect_pad_conv_valid") as c:
        x = c.op("MirrorPad", "pad", input=c.feed(c.normal(1, 5, 6, 3)),
                 paddings=[[0, 0], [1, 1], [1, 1], [0, 0]], mode="REFLECT")
        c.out(relu(c, bias(c, conv(c, x, 3, 3, 4, pad="VALID"), 4)))
    with file.case("pad_result_used_twice") as c:
        x = c.op("Pad", "pad", input=c.feed(c.normal(1, 4, 4, 3)),
                 paddings=[[0, 0], [1, 1], [1, 1], [0, 0]])
        c.out(conv(c, x, 3, 3, 4, pad="VALID"),
              c.op("MaxPool", "pool", input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1],
                   padding="VALID"))
    with file.case("concat_of_three_convs") as c:
        x = c.feed(c.normal(1, 5, 5, 4))
        parts = [relu(c, bias(c, conv(c, x, k, 4, n, f"conv{k}"), n, f"bias{k}"), f"relu{k}")
                 for k, n in ((1, 3), (3, 8), (5, 2))]
        c.out(c.op("ConcatV2", "concat", values=parts, axis=3))
    with file.case("concat_then_conv") as c:
        x, y = c.feed(c.normal(1, 4, 5, 3)), c.feed(c.normal(1, 4, 5, 5))
        c.out(conv(c, c.op("ConcatV2", "concat", values=[x, y], axis=-1), 3, 8, 4))
    for mult, stride in ((1, 1), (1, 2), (2, 1)):
        with file.case(f"depthwise_batch_norm_relu6_multiplier{mult}_stride{stride}") as c:
            y = c.op("DepthwiseConv2dNative", "depthwise", input=c.feed(c.normal(1, 6, 7, 8)),
                     filter=c.const(c.normal(3, 3, 8, mult), "kernel"),
                     strides=[1, stride, stride, 1], padding="SAME")
            c.out(relu(c, norm(c, y, 8 * mult), kind="Relu6"))
    with file.case("separable_block") as c:
        y = c.op("DepthwiseConv2dNative", "depthwise", input=c.feed(c.normal(1, 6, 7, 5)),
                 filter=c.const(c.normal(3, 3, 5, 1), "kernel"), strides=[1] * 4,
                 padding="SAME")
        c.out(relu(c, norm(c, conv(c, y, 1, 5, 9), 9)))
    with file.case("inverted_residual") as c:
        x = c.feed(c.normal(1, 5, 5, 4))
        y = relu(c, norm(c, conv(c, x, 1, 4, 12, "expand"), 12, "bn1"), "relu1", "Relu6")
        y = c.op("DepthwiseConv2dNative", "depthwise", input=y, strides=[1] * 4,
                 filter=c.const(c.normal(3, 3, 12, 1), "dw_kernel"), padding="SAME")
        y = relu(c, norm(c, y, 12, "bn2"), "relu2", "Relu6")
        c.out(add(c, norm(c, conv(c, y, 1, 12, 4, "project"), 4, "bn3"), x))
    with file.case("dilated_conv_bias_relu") as c:
        y = c.op("Conv2D", "dilated", input=c.feed(c.normal(1, 9, 9, 3)), strides=[1] * 4,
                 filter=c.const(c.normal(3, 3, 3, 4), "k1"), padding="SAME",
                 dilations=[1, 2, 2, 1])
        c.out(relu(c, bias(c, y, 4)))
    with file.case("max_pool_after_relu_conv") as c:
        y = relu(c, bias(c, conv(c, c.feed(c.normal(1, 7, 7, 3)), 3, 3, 8), 8))
        c.out(c.op("MaxPool", "pool", input=y, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1],
                   padding="SAME"))


def upsampling(file):
    for kind in ("ResizeNearestNeighbor", "ResizeBilinear"):
        for half in (False, True):
            with file.case(f"{kind.lower()}{'_half_pixel' if half else ''}_conv") as c:
                x = c.op(kind, "up", images=c.feed(c.normal(1, 3, 4, 5)), size=[6, 8],
                         half_pixel_centers=half)
                c.out(relu(c, bias(c, conv(c, x, 3, 5, 4), 4)))
    with file.case("keras_2019_upsampling_by_shape") as c:
        x = c.feed(c.normal(2, 3, 5, 4), [None, None, None, 4])
        shape = c.op("Shape", "shape", input=x)
        hw = strided_op(c, shape, [1], [3], [1], name="slice")
        size = mul(c, hw, c.const(i32([2, 2]), "factor"), "size")
        up = c.op("ResizeNearestNeighbor", "up", images=x, size=size)
        c.out(conv(c, up, 3, 4, 3))
    with file.case("upsample_skip_concat_conv") as c:
        x, skip = c.feed(c.normal(1, 2, 3, 6)), c.feed(c.normal(1, 4, 6, 3))
        up = c.op("ResizeBilinear", "up", images=x, size=[4, 6], half_pixel_centers=True)
        y = c.op("ConcatV2", "concat", values=[up, skip], axis=3)
        c.out(relu(c, bias(c, conv(c, y, 3, 9, 4), 4)))
    with file.case("resize_to_shape_of_another") as c:
        x, y = c.feed(c.normal(1, 3, 3, 2)), c.feed(c.normal(1, 5, 7, 2), [1, None, None, 2])
        hw = strided_op(c, c.op("Shape", "shape", input=y), [1], [3], [1], name="slice")
        c.out(add(c, c.op("ResizeBilinear", "up", images=x, size=hw, align_corners=True), y))
    with file.case("pixel_shuffle_by_depth_to_space") as c:
        y = conv(c, c.feed(c.normal(1, 3, 4, 3)), 3, 3, 12)
        c.out(c.op("DepthToSpace", "shuffle", input=y, block_size=2))
    with file.case("channel_shuffle_by_transpose") as c:
        x = c.feed(c.normal(1, 3, 3, 6))
        y = c.op("Reshape", "split", tensor=x, shape=i32([-1, 3, 3, 2, 3]))
        y = c.op("Transpose", "swap", x=y, perm=i32([0, 1, 2, 4, 3]))
        c.out(c.op("Reshape", "join", tensor=y, shape=i32([-1, 3, 3, 6])))


def heads(file):
    with file.case("dense_bias_softmax") as c:
        y = c.op("MatMul", "dense", a=c.feed(c.normal(3, 12), [None, 12]),
                 b=c.const(c.normal(12, 7), "kernel"))
        c.out(c.op("Softmax", "softmax", logits=bias(c, y, 7)))
    with file.case("dense_add_relu_dense") as c:
        x = c.feed(c.normal(2, 9))
        y = c.op("MatMul", "dense1", a=x, b=c.const(c.normal(9, 16), "kernel1"))
        y = relu(c, add(c, y, c.const(c.normal(16), "b1")))
        c.out(bias(c, c.op("MatMul", "dense2", a=y, b=c.const(c.normal(16, 3), "kernel2")), 3))
    with file.case("flatten_by_shape_pack_reshape") as c:
        x = c.feed(c.normal(3, 2, 4, 2), [None, 2, 4, 2])
        size = c.op("Pack", "stack", values=[dim(c, x, 0, "batch"), i32(-1)])
        y = c.op("Reshape", "flatten", tensor=x, shape=size)
        c.out(c.op("MatMul", "dense", a=y, b=c.const(c.normal(16, 5), "kernel")))
    with file.case("flatten_by_prod") as c:
        x = c.feed(c.normal(2, 3, 2, 2), [None, None, None, 2])
        rest = strided_op(c, c.op("Shape", "shape", input=x), [1], [0], [1], {"end": 1},
                          name="slice")
        size = c.op("Pack", "stack", values=[i32(-1), c.op("Prod", "prod", input=rest,
                                                           axis=[0])])
        c.out(c.op("Reshape", "flatten", tensor=x, shape=size))
    with file.case("reshape_by_packed_shape") as c:
        x = c.feed(c.normal(2, 12), [None, 12])
        size = c.op("Pack", "stack", values=[dim(c, x, 0, "batch"), i32(2), i32(3), i32(2)])
        c.out(c.op("Reshape", "reshape", tensor=x, shape=size))
    with file.case("global_average_pool_dense") as c:
        y = c.op("Mean", "gap", input=c.feed(c.normal(2, 4, 5, 6)), axis=[1, 2])
        c.out(c.op("Softmax", "softmax", logits=bias(c, c.op(
            "MatMul", "dense", a=y, b=c.const(c.normal(6, 4), "kernel")), 4)))
    with file.case("global_average_by_avg_pool_squeeze") as c:
        y = c.op("AvgPool", "pool", value=c.feed(c.normal(2, 4, 5, 6)), ksize=[1, 4, 5, 1],
                 strides=[1, 1, 1, 1], padding="VALID")
        y = bias(c, conv(c, y, 1, 6, 3), 3)
        c.out(c.op("Softmax", "softmax", logits=c.op("Squeeze", "squeeze", input=y,
                                                     axis=[1, 2])))
    with file.case("softmax_written_out") as c:
        x = c.feed(c.normal(2, 3, 5))
        e = c.op("Exp", "exp", x=c.op("Sub", "sub", x=x, y=c.op(
            "Max", "max", input=x, axis=[-1], keep_dims=True)))
        c.out(c.op("RealDiv", "div", x=e, y=c.op("Sum", "sum", input=e, axis=[-1],
                                                 keep_dims=True)))
    with file.case("l2_normalize") as c:
        x = c.feed(c.normal(3, 6))
        s = c.op("Sum", "sum", input=c.op("Square", "square", x=x), axis=[1], keep_dims=True)
        r = c.op("Rsqrt", "rsqrt", x=c.op("Maximum", "max", x=s, y=f32(1e-12)))
        c.out(mul(c, x, r))
    with file.case("embedding_mean_dense") as c:
        ids = c.feed(i32([[1, 4, 0, 2], [7, 7, 3, 5]]))
        y = c.op("GatherV2", "embedding", params=c.const(c.normal(8, 5), "table"),
                 indices=ids, axis=0)
        y = c.op("Mean", "mean", input=y, axis=[1])
        c.out(c.op("MatMul", "dense", a=y, b=c.const(c.normal(5, 2), "kernel")))
    with file.case("image_preprocessing") as c:
        x = c.op("Cast", "cast", x=c.feed(c.values(np.uint8, 1, 4, 4, 3)), DstT=tf.float32)
        x = c.op("Sub", "sub", x=c.op("RealDiv", "div", x=x, y=f32(127.5)), y=f32(1))
        c.out(conv(c, x, 3, 3, 4))


def gates(file):
    with file.case("squeeze_excite") as c:
        x = c.feed(c.normal(1, 5, 4, 8))
        s = c.op("Mean", "squeeze", input=x, axis=[1, 2], keep_dims=True)
        s = relu(c, bias(c, conv(c, s, 1, 8, 2, "reduce"), 2, "b1"))
        s = c.op("Sigmoid", "gate", x=bias(c, conv(c, s, 1, 2, 8, "expand"), 8, "b2"))
        c.out(mul(c, x, s))
    with file.case("squeeze_excite_by_reshape") as c:
        x = c.feed(c.normal(2, 5, 4, 6))
        s = c.op("Reshape", "reshape", tensor=c.op("Mean", "gap", input=x, axis=[1, 2]),
                 shape=i32([-1, 1, 1, 6]))
        c.out(mul(c, c.op("Sigmoid", "gate", x=bias(c, conv(c, s, 1, 6, 6), 6)), x))
    with file.case("swish") as c:
        y = bias(c, conv(c, c.feed(c.normal(1, 5, 6, 3)), 3, 3, 5), 5)
        c.out(mul(c, y, c.op("Sigmoid", "sigmoid", x=y)))
    with file.case("swish_sigmoid_first") as c:
        y = norm(c, conv(c, c.feed(c.normal(1, 5, 6, 3)), 3, 3, 5), 5)
        c.out(mul(c, c.op("Sigmoid", "sigmoid", x=y), y))
    with file.case("hard_swish") as c:
        x = c.feed(c.normal(2, 3, 3, 5, scale=4))
        y = relu(c, add(c, x, f32(3)), "relu6", "Relu6")
        c.out(mul(c, x, mul(c, y, f32(1 / 6), "sixth"), "product"))
    with file.case("hard_sigmoid_of_keras") as c:
        y = add(c, mul(c, c.feed(c.normal(3, 5, scale=4)), f32(0.2)), f32(0.5))
        c.out(c.op("Minimum", "upper", x=c.op("Maximum", "lower", x=y, y=f32(0)), y=f32(1)))
    with file.case("gelu_by_tanh") as c:
        x = c.feed(c.normal(3, 7))
        cube = c.op("Pow", "cube", x=x, y=f32(3))
        inner = mul(c, add(c, x, mul(c, cube, f32(0.044715), "small")), f32(0.7978846), "inner")
        one = add(c, c.op("Tanh", "tanh", x=inner), f32(1), "one")
        c.out(mul(c, mul(c, x, f32(0.5), "half"), one, "product"))
    with file.case("leaky_relu_by_maximum") as c:
        x = c.feed(c.normal(2, 9))
        c.out(c.op("Maximum", "max", x=x, y=mul(c, x, f32(0.1))))
    with file.case("prelu_of_keras") as c:
        x = c.feed(c.normal(1, 3, 4, 5))
        neg = relu(c, c.op("Neg", "neg", x=x), "relu_neg")
        alpha = c.op("Neg", "neg_alpha", x=c.const(c.uniform(1, 1, 5), "alpha"))
        c.out(add(c, relu(c, x), mul(c, alpha, neg)))


def normalizations(file):
    def moments(c, x, axes):
        mean = c.op("Mean", "mean", input=x, axis=axes, keep_dims=True)
        stop = c.op("StopGradient", "stop", input=mean)
        square = c.op("SquaredDifference", "sqdiff", x=x, y=stop)
        return mean, c.op("Mean", "variance", input=square, axis=axes, keep_dims=True)

    with file.case("instance_norm") as c:
        x = conv(c, c.feed(c.normal(2, 5, 6, 3)), 3, 3, 4)
        mean, var = moments(c, x, [1, 2])
        r = c.op("Rsqrt", "rsqrt", x=add(c, var, f32(1e-3), "eps"))
        y = mul(c, c.op("Sub", "sub", x=x, y=mean), r)
        y = add(c, mul(c, y, c.const(c.normal(4), "gamma"), "scaled"), c.const(c.normal(4), "beta"))
        c.out(relu(c, y))
    with file.case("layer_norm") as c:
        x = c.feed(c.normal(2, 3, 8))
        mean, var = moments(c, x, [-1])
        r = c.op("Rsqrt", "rsqrt", x=add(c, var, f32(1e-5), "eps"))
        k = mul(c, r, c.const(c.normal(8), "gamma"), "scale")
        c.out(add(c, mul(c, x, k), c.op("Sub", "shift", x=c.const(c.normal(8), "beta"),
                                        y=mul(c, mean, k, "mean_scaled"))))
    for after in ("conv", "dense", "input"):
        with file.case(f"batch_norm_written_out_after_{after}") as c:
            if after == "conv":
                x = conv(c, c.feed(c.normal(1, 5, 6, 3)), 3, 3, 4)
            elif after == "dense":
                x = c.op("MatMul", "dense", a=c.feed(c.normal(3, 6)),
                         b=c.const(c.normal(6, 4), "kernel"))
            else:
                x = c.feed(c.normal(2, 3, 3, 4))
            var = c.const(c.uniform(4, low=0.1, high=2), "variance")
            k = c.op("Rsqrt", "rsqrt", x=add(c, var, f32(1e-3), "eps"))
            k = mul(c, k, c.const(c.uniform(4, low=0.5, high=1.5), "gamma"), "scale")
            shift = c.op("Sub", "shift", x=c.const(c.normal(4), "beta"),
                         y=mul(c, c.const(c.normal(4), "mean"), k, "mean_scaled"))
            c.out(relu(c, add(c, mul(c, x, k, "scaled"), shift)))
    with file.case("mul_add_consts_after_conv") as c:
        y = conv(c, c.feed(c.normal(1, 4, 4, 3)), 3, 3, 5)
        c.out(add(c, mul(c, c.const(c.normal(5), "k"), y), c.const(c.normal(1, 1, 1, 5), "b")))


def phases(file):
    """Training and inference branches, chosen by keras_learning_phase."""
    def phase(c, kind):
        if kind == "const":
            return c.const(False, "phase")
        return c.op("PlaceholderWithDefault", "keras_learning_phase", input=False, shape=[])

    for kind in ("placeholder_with_default", "const"):
        with file.case(f"learning_phase_batch_norm_{kind}") as c:
            x = conv(c, c.feed(c.normal(2, 4, 5, 3)), 3, 3, 4)
            p = phase(c, kind)
            s = c.op("Switch", "cond_switch", data=p, pred=p)
            c.op("Identity", "cond_switch_t", input=s[1])
            c.op("Identity", "cond_switch_f", input=s[0])
            p_id = c.op("Identity", "cond_pred_id", input=p)
            gamma, beta = c.const(c.normal(4), "gamma"), c.const(c.normal(4), "beta")

            def side(name, value, k):
                return c.op("Switch", name, data=value, pred=p_id)[k]

            with tf.control_dependencies([c.file.graph.get_operation_by_name(
                    f"{c.name}/cond_switch_t")]):
                empty = c.const(np.zeros(0, f32), "train_const")
            train = c.op("FusedBatchNorm", "train", x=side("sx_t", x, 1),
                         scale=side("sg_t", gamma, 1), offset=side("sb_t", beta, 1),
                         mean=empty, variance=empty, epsilon=1e-3, is_training=True)[0]
            infer = c.op("FusedBatchNorm", "infer", x=side("sx_f", x, 0),
                         scale=side("sg_f", gamma, 0), offset=side("sb_f", beta, 0),
                         mean=side("sm_f", c.const(c.normal(4), "moving_mean"), 0),
                         variance=side("sv_f", c.const(c.uniform(4, low=.1, high=2),
                                                       "moving_variance"), 0),
                         epsilon=1e-3, is_training=False)[0]
            c.out(relu(c, c.op("Merge", "merge", inputs=[infer, train])[0]))
        with file.case(f"dropout_{kind}") as c:
            x = relu(c, bias(c, c.op("MatMul", "dense", a=c.feed(c.normal(2, 6)),
                                     b=c.const(c.normal(6, 5), "kernel")), 5))
            p = phase(c, kind)
            t = c.op("Switch", "switch_t", data=x, pred=p)[1]
            f = c.op("Switch", "switch_f", data=x, pred=p)[0]
            noise = c.op("RandomUniform", "random_uniform", shape=c.op(
                "Shape", "shape", input=t), dtype=tf.float32)
            keep = c.op("Floor", "floor", x=add(c, noise, f32(0.75), "keep"))
            train = mul(c, c.op("RealDiv", "div", x=t, y=f32(0.75)), keep, "train")
            m = c.op("Merge", "merge", inputs=[c.op("Identity", "pass", input=f), train])[0]
            c.out(c.op("MatMul", "dense2", a=m, b=c.const(c.normal(5, 2), "kernel2")))


def patterns(file):
    for part in (convolutions, upsampling, heads, gates, normalizations, phases):
        part(file)


FILES = {"patterns": patterns}
