"""What Ray Data's quick start does: make rows, change them in batches by a function and by a pool of actors, aggregate."""

import ray


class AddThousand:
    def __call__(self, batch):
        batch["id"] = batch["id"] + 1000
        return batch


def halve(batch):
    batch["half"] = batch["id"] / 2
    return batch


ray.init(num_cpus=3, logging_level="ERROR")
rows = ray.data.range(2000, override_num_blocks=8).map_batches(halve).map_batches(AddThousand, concurrency=1)
assert rows.filter(lambda row: row["id"] % 2 == 0).count() == 1000
assert rows.sum("id") == sum(range(1000, 3000))
