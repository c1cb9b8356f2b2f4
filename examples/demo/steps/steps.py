"""Stands for training that goes on from its checkpoint.

It counts steps of 50 ms until a file `enough` lies beside its checkpoint. When it is asked to stop it saves the step that it is at.
Exit codes: 0 done, 143 when asked to stop by SIGTERM.
"""

import os
import signal
import sys
import time

STEP_S = 0.05
LEAST = 10  # steps of each attempt, so that going on is seen

folder = os.environ["SIGNALBOX_CHECKPOINT_DIR"]
checkpoint = os.path.join(folder, "step")
enough = os.path.join(folder, "enough")
stop = []
signal.signal(signal.SIGTERM, lambda number, frame: stop.append(number))

step = 0
if os.path.exists(checkpoint):
    with open(checkpoint, encoding="ascii") as file:
        step = int(file.read())
first = step
print("goes on from step %d" % first, flush=True)
while not stop and not (step >= first + LEAST and os.path.exists(enough)):
    time.sleep(STEP_S)
    step += 1
if stop:
    with open(checkpoint, "w", encoding="ascii") as file:
        file.write(str(step))
    print("saved step %d" % step, flush=True)
    sys.exit(128 + stop[0])
print("done at step %d" % step, flush=True)
