"""Where predictions wait for their labels outside the worker's memory: RocksDB on its disk, or a shared Redis."""
