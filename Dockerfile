# The image of a worker; every other command of driftline is in it too. Packages are locked by hash, the kernels are
# compiled while it is built, and nothing in it needs a network but for Kafka.

FROM python:3.12.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/driftline
COPY requirements/monitor.txt requirements/
RUN /opt/driftline/bin/python -m pip install --require-hashes -r requirements/monitor.txt
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY cli cli
COPY config config
COPY processors processors
COPY producers producers
COPY schemas schemas
COPY sinks sinks
RUN /opt/driftline/bin/python -m pip install --no-deps --no-build-isolation .
# machine code for the processor that builds; on another kind it is compiled again at the first start, if it can be written
RUN NUMBA_CACHE_DIR=/opt/driftline/kernels /opt/driftline/bin/python -c \
    "from driftline.processors.warm_up import warm_up; warm_up()"

FROM python:3.12.11-slim-bookworm

RUN groupadd --gid 10001 driftline && useradd --uid 10001 --gid driftline --no-create-home --shell /usr/sbin/nologin driftline
COPY --from=build /opt/driftline /opt/driftline
COPY --from=build --chown=driftline:driftline /opt/driftline/kernels /opt/driftline/kernels
ENV PATH=/opt/driftline/bin:$PATH NUMBA_CACHE_DIR=/opt/driftline/kernels PYTHONUNBUFFERED=1
# the one place that has to be writable beside the kernels: a tmpfs, where the root is read-only
WORKDIR /tmp
USER 10001:10001
EXPOSE 6066
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + (os.environ.get('DRIFTLINE_WORKER__WEB__PORT') or '6066') + '/healthz', timeout=4)"]
ENTRYPOINT ["driftline"]
CMD ["worker", "--config", "/etc/driftline/driftline.yaml"]
