import sys
import time

import ray

print("before any cluster", flush=True)
ray.init(num_cpus=1)
print("in the first", flush=True)
print("password=planted-in-output-31ab", flush=True)
print("on stderr", file=sys.stderr, flush=True)
print("job", ray.get_runtime_context().get_job_id(), flush=True)
ray.shutdown()
print("between the two", flush=True)
ray.init(num_cpus=1)
for number in range(20):
    print("second", number, flush=True)
    time.sleep(0.05)
print("no newline at the end", end="", flush=True)
