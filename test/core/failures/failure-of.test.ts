import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Ending, failureOf } from '../../../src/core/failures/failure-of.ts';
import type { FailureClass } from '../../../src/core/run.ts';

const work = '/data/agent/local/runs/42/1/work';

/** Logs as the programs print them, with the folder of an attempt in place of the one they were recorded in. */
const logs = {
  key: `Traceback (most recent call last):
  File "${work}/train.py", line 29, in <module>
    main(sys.argv[1])
  File "${work}/lib/fit.py", line 3, in fit
    return x['missing']
           ~^^^^^^^^^^^
KeyError: 'missing'`,
  memory: `Traceback (most recent call last):
  File "${work}/train.py", line 8, in main
    bytearray(1<<60)
    ^^^^^^^^^^^^^^^^
MemoryError`,
  numpy: `Traceback (most recent call last):
  File "${work}/train.py", line 3, in load
    return np.ones((1<<40, 8))
  File "${work}/.venv/lib/python3.11/site-packages/numpy/_core/numeric.py", line 232, in ones
    a = empty(shape, dtype, order, device=device)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
numpy._core._exceptions._ArrayMemoryError: Unable to allocate 64.0 TiB for an array with shape (1099511627776, 8) and data type float64`,
  torch: `[rank0]: Traceback (most recent call last):
[rank0]:   File "${work}/train.py", line 78, in fwbw
[rank0]:     yhat = model(X)
[rank0]:            ^^^^^^^^
[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.90 GiB of which 991.56 MiB is free.
[rank0]:[W1123 10:00:00.000000000 ProcessGroupNCCL.cpp:1496] Warning: WARNING: destroy_process_group() was not called before program exit`,
  oldTorch: `  File "memtestcase.py", line 78, in fwbw
    yhat = model(X)
RuntimeError: CUDA out of memory. Tried to allocate 1024.00 MiB (GPU 0; 15.90 GiB total capacity; 14.25 GiB already allocated; 991.56 MiB free; 607.00 KiB cached)`,
  torchrun: `Traceback (most recent call last):
  File "${work}/train.py", line 12, in <module>
    step()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.
E1123 10:00:00.596518 231403 torch/distributed/elastic/multiprocessing/api.py:833] failed (exitcode: 1) local_rank: 0 (pid: 907695) of binary: /usr/bin/python3
Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/torch/distributed/launcher/api.py", line 269, in launch_agent
    raise ChildFailedError(
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
  <NO_OTHER_FAILURES>
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  exitcode  : 1 (pid: 907695)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
============================================================`,
  jax: `Traceback (most recent call last):
  File "${work}/super_resolve.py", line 26, in process_single
    encoding = apply_encoder(params, source)
jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4770354232 bytes.
BufferAssignment OOM Debugging.
BufferAssignment stats:
             parameter allocation:  372.76MiB
                 total allocation:   14.44GiB
--------------------
For simplicity, JAX has removed its internal frames from the traceback of the following exception. Set JAX_TRACEBACK_FILTERING=off to include these.`,
  jaxCut: `	Buffer 15:
		Size: 506.25MiB
		Operator: op_name="jit(apply)/conv_general_dilated"
		XLA Label: custom-call
		Shape: f32[1,64,1080,1920]
		==========================
`,
  jaxShape: `Traceback (most recent call last):
  File "${work}/j.py", line 10, in main
    jnp.ones((3,4)) @ jnp.ones((3,4))
    ~~~~~~~~~~~~~~~~^~~~~~~~~~~~~~~~~
TypeError: dot_general requires contracting dimensions to have the same shape, got (4,) and (3,).
--------------------
For simplicity, JAX has removed its internal frames from the traceback of the following exception. Set JAX_TRACEBACK_FILTERING=off to include these.`,
  java: `Exception in thread "main" java.lang.OutOfMemoryError: Java heap space
	at M.main(M.java:2)`,
  heap: `<--- Last few GCs --->
FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----

 1: 0x931db0  [/usr/bin/node]
 2: 0x75968e node::OOMErrorHandler(char const*, v8::OOMDetails const&) [/usr/bin/node]
 3: 0xc70d60  [/usr/bin/node]
 4: 0xc70e4f  [/usr/bin/node]`,
  badAlloc: `terminate called after throwing an instance of 'std::bad_alloc'
  what():  std::bad_alloc
Aborted`,
  killedBash: 'epoch 3\nrun.sh: line 1: 14529 Killed                  python3 train.py',
  node: `${work}/a.js:2
function fit(){ throw new TypeError('x is not a function'); }
                ^

TypeError: x is not a function
    at fit (${work}/a.js:2:23)
    at Object.<anonymous> (${work}/a.js:3:15)
    at node:internal/main/run_main_module:33:47

Node.js v24.21.0`,
  nodeModule: `node:internal/modules/cjs/loader:1568
  throw err;
  ^

Error: Cannot find module './nothere'
Require stack:
- ${work}/a.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1564:15)
    at Object.<anonymous> (${work}/a.js:4:15) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '${work}/a.js' ]
}

Node.js v24.21.0`,
  nodeFull: `node:fs:2482
    return binding.writeFileUtf8(
                   ^

Error: ENOSPC: no space left on device, write
    at Object.writeFileSync (node:fs:2482:20)
    at Object.<anonymous> (${work}/a.js:8:30) {
  errno: -28,
  code: 'ENOSPC'
}

Node.js v24.21.0`,
  caught: `out of memory, retrying with batch 16
Traceback (most recent call last):
  File "${work}/train.py", line 12, in main
    raise ValueError('shapes (3,4) and (5,) do not fit')
ValueError: shapes (3,4) and (5,) do not fit`,
  during: `Traceback (most recent call last):
  File "${work}/train.py", line 14, in main
    bytearray(1<<60)
MemoryError

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "${work}/train.py", line 3, in fit
    return x['missing']
           ~^^^^^^^^^^^
KeyError: 'missing'`,
  cause: `Traceback (most recent call last):
  File "${work}/train.py", line 17, in main
    bytearray(1<<60)
MemoryError

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "${work}/train.py", line 18, in main
    raise RuntimeError('could not load the data') from e
RuntimeError: could not load the data`,
  told: `ERROR:root:first try failed
Traceback (most recent call last):
  File "${work}/train.py", line 24, in main
    bytearray(1<<60)
    ^^^^^^^^^^^^^^^^
MemoryError
error: no data for fold 3`,
  syntax: `  File "${work}/s.py", line 1
    def f(:
          ^
SyntaxError: invalid syntax`,
  interrupted: `Traceback (most recent call last):
  File "${work}/train.py", line 27, in main
    time.sleep(1)
KeyboardInterrupt`,
  file: `Traceback (most recent call last):
  File "${work}/train.py", line 6, in main
    open('data/train.csv')
FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'`,
  module: `Traceback (most recent call last):
  File "${work}/train.py", line 7, in main
    import no_such_module
ModuleNotFoundError: No module named 'no_such_module'`,
  full: `Traceback (most recent call last):
  File "${work}/train.py", line 21, in main
    open('/dev/full','w').write('x'*100000)
OSError: [Errno 28] No space left on device`,
};

const exit = (code: number, log = ''): Ending => ({ code, signal: null, lines: log.split('\n') });
const signal = (name: string, log = ''): Ending => ({ code: null, signal: name, lines: log.split('\n') });

describe('why a command failed', () => {
  const rows: [name: string, ending: Ending, expected: FailureClass, message: string][] = [
    ['Python', exit(1, logs.key), 'code-error', "exit code 1: KeyError: 'missing' (lib/fit.py, line 3)"],
    ['Python, syntax', exit(1, logs.syntax), 'code-error', 'SyntaxError: invalid syntax (s.py, line 1)'],
    [
      'Python, an interrupt',
      exit(130, logs.interrupted),
      'killed',
      'exit code 130 (SIGINT): KeyboardInterrupt',
    ],
    [
      'Python, whatever it is called',
      exit(1, logs.memory.replace('MemoryError', '__main__.BadConfig: no such layer')),
      ...(['code-error', 'exit code 1: __main__.BadConfig: no such layer (train.py, line 8)'] as const),
    ],
    [
      'Python, a name alone',
      exit(1, logs.memory.replace('MemoryError', 'StopIteration')),
      'code-error',
      'exit code 1: StopIteration (train.py, line 8)',
    ],
    ['Python, memory', exit(1, logs.memory), 'out-of-memory', 'MemoryError (train.py, line 8)'],
    ['NumPy, memory', exit(1, logs.numpy), 'out-of-memory', 'Unable to allocate 64.0 TiB'],
    ['PyTorch', exit(1, logs.torch), 'out-of-memory', 'Tried to allocate 2.00 GiB'],
    ['PyTorch before 1.13', exit(1, logs.oldTorch), 'out-of-memory', '(memtestcase.py, line 78)'],
    ['below its launcher', exit(1, logs.torchrun), 'out-of-memory', 'Tried to allocate 20.00 MiB.'],
    [
      'a process of its launcher that was killed',
      exit(1, logs.torchrun.replace(/To enable .*/, 'Signal 9 (SIGKILL) received by PID 907695')),
      ...(['killed', 'received by PID 907695'] as const),
    ],
    ['JAX', exit(1, logs.jax), 'out-of-memory', 'trying to allocate 4770354232 bytes.'],
    ['the end of what JAX says of it', exit(1, logs.jaxCut), 'out-of-memory', 'XLA Label'],
    ['JAX, shapes', exit(1, logs.jaxShape), 'code-error', 'got (4,) and (3,). (j.py, line 10)'],
    ['Java', exit(1, logs.java), 'out-of-memory', 'Java heap space'],
    [
      'Node, memory',
      exit(134, logs.heap),
      'out-of-memory',
      'exit code 134 (SIGABRT): FATAL ERROR: Reached heap',
    ],
    ['C++', exit(134, logs.badAlloc), 'out-of-memory', 'std::bad_alloc'],
    ['bash: killed', exit(137, logs.killedBash), 'out-of-memory', 'exit code 137 (SIGKILL)'],
    ['sh: killed', exit(137, 'Killed'), 'out-of-memory', 'Killed'],
    ['raised from it', exit(1, logs.cause), 'out-of-memory', 'MemoryError'],
    [
      'repeated by a script',
      exit(1, 'ERROR: CUDA out of memory. Tried to allocate 2 GiB'),
      'out-of-memory',
      'CUDA',
    ],
    ['Node', exit(1, logs.node), 'code-error', 'TypeError: x is not a function (a.js, line 2)'],
    ['Node, a module', exit(1, logs.nodeModule), 'missing', "Cannot find module './nothere' (a.js, line 4)"],
    ['Node, a full disk', exit(1, logs.nodeFull), 'disk-full', 'ENOSPC'],
    ['Python, a full disk', exit(1, logs.full), 'disk-full', 'No space left on device (train.py, line 21)'],
    [
      'cp, a full disk',
      exit(1, "cp: error writing 'a': No space left on device"),
      'disk-full',
      "writing 'a'",
    ],
    ['Python, a file', exit(1, logs.file), 'missing', "'data/train.csv' (train.py, line 6)"],
    ['Python, a module', exit(1, logs.module), 'missing', "No module named 'no_such_module'"],
    [
      'its script',
      exit(2, "/usr/bin/python3: can't open file '/x/nothere.py': [Errno 2] No such file or directory"),
      ...(['missing', 'nothere.py'] as const),
    ],
    ['python -m', exit(1, '/usr/bin/python3: No module named nothere'), 'missing', 'nothere'],
    ['bash, a command', exit(127, 'a.sh: line 2: trainer: command not found'), 'missing', 'trainer'],
    ['sh, a command', exit(127, 'sh: 1: trainer: not found'), 'missing', 'trainer'],
    [
      'a crash below a shell',
      exit(139, 'bash: line 1: 14531 Segmentation fault      ./a'),
      'killed',
      '139 (SIGSEGV).',
    ],
    ['a signal', signal('SIGSEGV', 'epoch 3'), 'killed', 'The command was ended by SIGSEGV.'],
    ['SIGKILL by itself', signal('SIGKILL', 'epoch 3'), 'killed', 'ended by SIGKILL.'],
    ['only a code', exit(3, 'epoch 3'), 'code-error', 'The command ended with exit code 3.'],
    ['nothing', { code: null, signal: null, lines: [] }, 'killed', 'how is not known.'],
    // Near-misses.
    ['memory was caught', exit(1, logs.caught), 'code-error', 'ValueError: shapes (3,4)'],
    [
      'memory was caught, and what caught it failed',
      exit(1, logs.during),
      'code-error',
      "KeyError: 'missing'",
    ],
    [
      'memory was caught, and what ended it has another name',
      exit(1, `${logs.memory}\nwith half the batch\n${logs.memory.replace('MemoryError', 'queue.Empty')}`),
      'code-error',
      'exit code 1: queue.Empty (train.py, line 8)',
    ],
    [
      'a word below an indented one, and no traceback',
      exit(1, 'layers:\n  conv1\nhead: linear'),
      'code-error',
      'exit code 1.',
    ],
    [
      'memory was caught and told of',
      exit(1, logs.told),
      'code-error',
      'exit code 1: error: no data for fold 3',
    ],
    [
      'a sentence about memory',
      exit(1, 'warning: if you run out of memory, lower --batch\nconfig.yaml: unknown key lr_rate'),
      ...(['code-error', 'exit code 1.'] as const),
    ],
    [
      'a sentence about CUDA',
      exit(1, 'see the FAQ on "CUDA out of memory" errors'),
      'code-error',
      'exit code 1.',
    ],
    ['a word about killing', exit(137, 'Killed 3 workers, going on'), 'killed', 'exit code 137 (SIGKILL).'],
    ['killed long before', exit(1, 'Killed\nepoch 1\nepoch 2\nepoch 3'), 'code-error', 'exit code 1.'],
    ['killed with another code', exit(1, 'Killed'), 'code-error', 'exit code 1.'],
    ['a page that was not found', exit(1, 'GET /data: not found'), 'code-error', 'exit code 1.'],
    [
      'an error in a sentence',
      exit(1, '  so far:\nMemoryError happens with large batches'),
      'code-error',
      'code 1.',
    ],
    [
      'a wrapper below it',
      exit(2, `${logs.memory}\nmake: *** [Makefile:3: train] Error 1`),
      'out-of-memory',
      'line 8',
    ],
    ['W&B below it', exit(1, `${logs.memory}\nwandb: ERROR no connection`), 'out-of-memory', 'line 8'],
  ];
  for (const [name, ending, expected, message] of rows)
    test(name, () => {
      const found = failureOf(ending, 42);
      assert.deepEqual([found.class, found.message.includes(message)], [expected, true], found.message);
    });

  test('a message is one line of at most some hundred characters', () => {
    const { message } = failureOf(exit(1, `  x\nValueError: \u001b[31m${'a'.repeat(5_000)}`), 42);
    assert.ok(message.length < 400 && !message.includes('\u001b'), message);
  });
});
