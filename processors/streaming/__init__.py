"""The live shell: Faust workers around the core. The only part of `processors` that reads clocks, sockets and Kafka."""
