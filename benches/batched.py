"""What classifying several crops in one pass saves, against one pass for each: ONNX Runtime, MobileNetV2 of the shared models.

    python benches/batched.py [ROUNDS]        (default 40; needs onnx, onnxruntime, numpy; TRAPLINE_SHARED, default ../shared)

The networks of the field are exported for one picture a pass, so the batch is first written into the network. Least wall
and processor milliseconds of four crops, on 1 and 2 threads, batches of 1, 2 and 4 turn by turn.
"""

import os
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

CROPS = 4
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
network = onnx.load(os.path.join(os.environ.get("TRAPLINE_SHARED", "../shared"), "models/imagenet_mobilenetv2.onnx"))


def batched(count: int) -> bytes:
    """The network for `count` pictures a pass."""
    changed = onnx.ModelProto()
    changed.CopyFrom(network)
    for value in [*changed.graph.input, *changed.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = count
    del changed.graph.value_info[:]
    shapes = {node.input[1] for node in changed.graph.node if node.op_type == "Reshape"}
    for tensor in changed.graph.initializer:
        shape = numpy_helper.to_array(tensor).copy() if tensor.name in shapes else np.zeros(1)
        if shape[0] == 1:
            shape[0] = count
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    return changed.SerializeToString()


def session(count: int, threads: int) -> onnxruntime.InferenceSession:
    """With the settings that Trapline gives its own."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_mem_pattern = options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(batched(count), options, providers=["CPUExecutionProvider"])


for threads in (1, 2):
    sessions = {count: session(count, threads) for count in (1, 2, CROPS)}
    first = sessions[1].get_inputs()[0]
    crops = np.random.default_rng(1).random((CROPS, *first.shape[1:]), dtype=np.float32)
    best = {count: (np.inf, np.inf) for count in sessions}
    for _ in range(rounds):
        for count, one in sessions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for begin in range(0, CROPS, count):
                one.run(None, {first.name: crops[begin : begin + count]})
            spent = time.perf_counter() - wall, time.process_time() - cpu
            best[count] = tuple(map(min, best[count], spent))
    for count, (wall, cpu) in best.items():
        print(f"{threads} threads, {CROPS} crops by {count}: {1000 * wall:.1f} ms, {1000 * cpu:.1f} ms of processor")
